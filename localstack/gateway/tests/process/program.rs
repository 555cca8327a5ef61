//! Starting and stopping.

use std::net::TcpListener;

use serde_json::json;

use crate::support::unique;
use crate::tunrtc::{Folder, READY, Tunrtc, run};

#[test]
fn help_names_every_option() {
    let (code, help, errors) = run(&["--help"], &[]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    for option in [
        "--port",
        "--host",
        "--data",
        "--no-demo",
        "--public-url",
        "--turn-url",
        "--turn-secret",
        "--stun-url",
        "--trusted-proxy",
        "--route-throttles",
        "--reconnect-grace-seconds",
        "--heartbeat-seconds",
        "--log",
        "--help",
        "--version",
        "TUNRTC_PORT",
        "TUNRTC_HOST",
        "TUNRTC_DATA",
    ] {
        assert!(help.contains(option), "{option} is not in:\n{help}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let (code, version, _) = run(&["--version"], &[]);
    assert_eq!((code, version.trim()), (Some(0), concat!("tunrtc ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_server_says_whether_it_is_well() {
    let server = Tunrtc::start_in(&[], &[("TUNRTC_ALLOWED_ORIGINS", ""), ("TUNRTC_DATA", ""), ("TUNRTC_LOG", "")]);
    let port = server.port().to_string();
    assert_eq!(run(&["health"], &[("TUNRTC_PORT", &port)]).0, Some(0));
    drop(server);
    let (code, _, errors) = run(&["health"], &[("TUNRTC_PORT", &port)]);
    assert_eq!((code, errors.lines().count()), (Some(1), 1), "{errors}");
}

#[test]
fn options_that_make_no_sense_are_refused_by_name() {
    for (arguments, named) in [
        (&["--port", "99999"][..], "--port"),
        (&["--turn-url", "turn:turn.example.org"], "--turn-secret"),
        (&["--public-url", "tunrtc.example.org"], "--public-url"),
        (&["--turn-secret", "secret"], "--turn-url"),
        (&["--turn-url", "turn://turn.example.org", "--turn-secret", "secret"], "--turn-url"),
        (&["--stun-url", "stun.example.org:3478"], "--stun-url"),
        (&["--stun-url", "stun:stun.example.org:3478?transport=udp"], "--stun-url"),
        (&["--public-url", "https://example.org/tunrtc"], "--public-url"),
        (&["--public-url", "https://user@example.org"], "--public-url"),
        (&["--public-url", "https://example.org?x"], "--public-url"),
        (&["--allow-origin", "https://app.example.org/"], "--allow-origin"),
        (&["--allow-origin", "app.example.org"], "--allow-origin"),
        (&["--trusted-proxy", "proxy.example.org"], "--trusted-proxy"),
        (&["--heartbeat-seconds", "0"], "--heartbeat-seconds"),
        (&["--console", "nowhere"], "--console"),
        (&["--captions", "nowhere"], "--captions"),
        (&["--dance"], "--dance"),
    ] {
        let (code, _, errors) = run(arguments, &[]);
        assert_eq!(code, Some(2), "{arguments:?}");
        assert!(errors.contains(named), "{arguments:?}: {errors}");
    }
}

#[test]
fn a_port_in_use_is_told_in_one_line_that_names_the_option() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let (code, output, errors) = run(&["--port", &port], &[]);
    assert_eq!((code, output.as_str()), (Some(1), ""));
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains(&port) && errors.contains("--port"), "{errors}");
}

#[test]
fn data_that_another_server_uses_is_told_in_one_line() {
    let folder = Folder::new("shared");
    let data = folder.file("tunrtc.db");
    let _first = Tunrtc::start(&["--data", &data]);
    let (code, _, errors) = run(&["--port", "0", "--data", &data], &[]);
    assert_eq!((code, errors.lines().count()), (Some(1), 1), "{errors}");
    assert!(errors.contains(&data) && errors.contains("--data"), "{errors}");
}

#[tokio::test]
async fn one_line_says_that_it_is_ready_and_a_signal_ends_it_with_1001() {
    for signal in ["TERM", "INT"] {
        let server = Tunrtc::start(&[]);
        let alice = server.api.register(&unique("alice")).await;
        let session = server.api.create_session(&alice, 2).await;
        let joined = server.api.join(&alice, &session).await;
        let address = testclient::socket_address(&joined.body["signaling"]);
        let mut socket = testclient::Socket::connect(&address).await.expect("an open door");
        socket.ack("joinSession", json!({ "sessionId": session })).await;

        server.signal(signal);
        assert_eq!(socket.ended().await, Some(1001), "{signal}");
        let (status, lines, errors) = server.ended();
        assert_eq!((status.code(), errors.as_str()), (Some(0), ""), "{signal}");
        assert_eq!(lines.iter().filter(|line| line.starts_with(READY)).count(), 1, "{lines:?}");
        assert!(lines[0].starts_with(READY), "{lines:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_to_have_no_demo_tells_nobody_an_account_or_a_key() {
    let folder = Folder::new("no-demo");
    let root = folder.file("");
    for (arguments, environment, offers) in
        [(&["--no-demo"][..], &[][..], false), (&[], &[("TUNRTC_NO_DEMO", "true")], false), (&[], &[], true)]
    {
        let console = ["--console", root.trim_end_matches('/')];
        let server = Tunrtc::start_in(&[arguments, &console].concat(), environment);
        let accounts = server.api.get("/demo-accounts.json", None).await;
        assert_eq!(accounts.status == 200, offers, "{arguments:?} {environment:?}");
        server.signal("TERM");
        let (_, lines, _) = server.ended();
        assert_eq!(lines.iter().any(|line| line.contains("API key")), offers, "{lines:?}");
    }
}

#[tokio::test]
async fn the_console_the_reference_and_the_documents_are_served() {
    let folder = Folder::new("console");
    std::fs::write(folder.file("index.html"), "<!doctype html><title>Console</title>").expect("a page");
    std::fs::write(folder.file("app.js"), "export {};").expect("a script");
    let root = folder.file("");
    let server = Tunrtc::start(&["--console", root.trim_end_matches('/')]);
    for (path, kind, part) in [
        ("/", "text/html; charset=utf-8", "<title>Console</title>"),
        ("/app.js", "text/javascript; charset=utf-8", "export"),
        ("/docs", "text/html; charset=utf-8", "/openapi.json"),
        ("/openapi.json", "application/json", "\"/api/session/join\""),
        ("/asyncapi.json", "application/json", "joinSession"),
    ] {
        let reply = server.api.get(path, None).await;
        let text = String::from_utf8_lossy(&reply.bytes);
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, kind), "{path}");
        assert!(text.contains(part), "{path}: {text}");
    }
    let offered = server.api.get("/demo-accounts.json", None).await.body;
    assert_eq!(offered[0], json!({ "username": "demo", "email": "demo@tunrtc.com", "password": "demo123" }));
    for path in ["/app.css", "/../app.js", "/.env"] {
        assert_eq!(server.api.get(path, None).await.code(), "not_found", "{path}");
    }

    let openapi = server.api.get("/openapi.json", None).await.body;
    // The hub's negotiation is SignalR's to describe.
    let described = |key: &str| key.contains(" /") && !key.starts_with("HEAD ") && !key.contains("/hubs/");
    for route in protocol::routes::ROUTES.iter().filter(|route| described(route.key)) {
        let (method, path) = route.key.split_once(' ').expect("a method and a path");
        assert!(openapi["paths"][path][method.to_lowercase()].is_object(), "{} is not described", route.key);
    }
}
