//! How requests are answered that reach no function, and what browsers are told about every page.

use std::io::{Read, Write};
use std::net::TcpStream;

use http::Method;
use protocol::routes::ROUTES;
use testclient::Reply;

use crate::support::unique;
use crate::tunrtc::{Folder, Tunrtc};

const HEADERS: [&str; 5] =
    ["content-security-policy", "permissions-policy", "referrer-policy", "x-content-type-options", "x-frame-options"];

async fn ask(server: &Tunrtc, method: Method, path: &str, token: Option<&str>) -> Reply {
    server.api.raw(method, path, token, None, Vec::new()).await
}

/// The answer to bytes, as text.
fn exchange(server: &Tunrtc, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("the server listens");
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[tokio::test]
async fn every_page_and_file_tells_browsers_what_it_may_do() {
    let folder = Folder::new("site");
    for name in ["examples", "docs/sdk"] {
        std::fs::create_dir_all(folder.file(name)).expect("a folder");
    }
    for (name, text) in [
        ("index.html", "<!doctype html><script type=\"module\" src=\"app.js\"></script>"),
        ("app.js", "export {};"),
        ("app.css", "a {}"),
        ("picture.svg", "<svg/>"),
        ("examples/basic.html", "<!doctype html><script type=\"module\">inline()</script>"),
        ("docs/sdk/index.html", "<!doctype html><script>inline()</script>"),
    ] {
        std::fs::write(folder.file(name), text).expect("a file");
    }
    let root = folder.file("");
    let built = Tunrtc::start(&["--console", root.trim_end_matches('/')]);
    let nothing = folder.file("nothing");
    std::fs::create_dir(&nothing).expect("a folder");
    let not_built = Tunrtc::start(&["--console", &nothing]);
    let documents = ["/docs", "/openapi.json", "/asyncapi.json", "/demo-accounts.json"];
    let files =
        ["/", "/app.js", "/app.css", "/picture.svg", "/examples/basic.html", "/docs/sdk/"].into_iter().chain(documents);
    for (server, path) in files.map(|path| (&built, path)).chain([(&not_built, "/")]) {
        let reply = ask(server, Method::GET, path, None).await;
        assert_eq!(reply.status, 200, "{path}");
        for header in HEADERS {
            assert_ne!(reply.header(header), "", "{path} lacks {header}");
        }
        let policy = reply.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert!(reply.header("permissions-policy").contains("camera=(self)"), "{path}");
    }
    let inline = ask(&built, Method::GET, "/examples/basic.html", None).await;
    assert!(inline.header("content-security-policy").contains("script-src 'self' 'sha256-"));
    let short = ask(&built, Method::GET, "/docs/sdk", None).await;
    assert_eq!((short.status.as_u16(), short.header("location")), (308, "/docs/sdk/"));
}

#[tokio::test]
async fn files_for_captions_are_kept_by_browsers_and_may_make_webassembly_for_any_page() {
    let folder = Folder::new("captions");
    for name in
        ["assets.json", "wasm.0a1b2c3d4e5f6789.wasm", "decoder.0a1b2c3d4e5f6789.onnx", "worker.0a1b2c3d4e5f6789.js"]
    {
        std::fs::write(folder.file(name), "content").expect("a file");
    }
    let server = Tunrtc::start(&["--captions", folder.file("").trim_end_matches('/')]);
    for (name, kind, kept) in [
        ("assets.json", "application/json", "no-cache"),
        ("wasm.0a1b2c3d4e5f6789.wasm", "application/wasm", "public, max-age=31536000, immutable"),
        ("decoder.0a1b2c3d4e5f6789.onnx", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("worker.0a1b2c3d4e5f6789.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
    ] {
        let reply = ask(&server, Method::GET, &format!("/captions/{name}"), None).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, kind), "{name}");
        assert_eq!((reply.header("cache-control"), reply.header("access-control-allow-origin")), (kept, "*"), "{name}");
        assert!(reply.header("content-security-policy").contains("script-src 'self' 'wasm-unsafe-eval';"), "{name}");
    }
    for path in ["/captions/", "/captions", "/captions/nothing.js"] {
        assert_eq!(ask(&server, Method::GET, path, None).await.code(), "not_found", "{path}");
    }
}

#[tokio::test]
async fn whatever_takes_get_takes_head_with_the_same_headers_and_no_body() {
    let server = Tunrtc::start(&[]);
    let alice = server.api.register(&unique("alice")).await;
    let session = server.api.create_session(&alice, 2).await;
    server.api.join(&alice, &session).await;
    // A call is shown once somebody has reported of it.
    let stats = format!("/api/session/{session}/stats");
    let told = server.api.post(&stats, Some(&alice.token), crate::support::report("r", serde_json::json!({}))).await;
    assert_eq!(told.status, 202, "{}", told.body);
    let new = serde_json::json!({ "sessionId": session, "kind": "audio", "mimeType": "audio/webm" });
    let begun = server.api.post("/api/session/recording/start", Some(&alice.token), new).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    // An account is refused what is for API keys alone.
    let for_keys = |path: &&str| ["/api/usage", "/api/webhooks", "/api/events"].iter().any(|key| path.starts_with(key));
    let gets = ROUTES.iter().filter_map(|route| route.key.strip_prefix("GET ")).filter(|path| !for_keys(path));
    let paths = gets.map(|path| path.replace("{sessionId}", &session).replace("{userId}", &alice.id));
    let paths = paths.map(|path| path.replace("{recordingId}", &begun.text("recordingId")));
    let series = |path: String| {
        if path.ends_with("/series") { format!("{path}?userId={}&metric=score", alice.id) } else { path }
    };
    let paths = paths.map(series).chain(["/", "/docs"].map(str::to_owned));
    for path in paths {
        let get = ask(&server, Method::GET, &path, Some(&alice.token)).await;
        let head = ask(&server, Method::HEAD, &path, Some(&alice.token)).await;
        assert_eq!((get.status.as_u16(), head.status.as_u16()), (200, 200), "{path}");
        assert!(head.bytes.is_empty() && !get.bytes.is_empty(), "{path}");
        let names = |reply: &Reply| {
            let mut names: Vec<_> = reply.headers.keys().map(ToString::to_string).collect();
            names.sort();
            names
        };
        assert_eq!(names(&get), names(&head), "{path}");
        assert_eq!(get.header("content-type"), head.header("content-type"), "{path}");
    }
}

#[tokio::test]
async fn a_known_path_with_another_method_is_405_and_names_those_it_takes() {
    let server = Tunrtc::start(&[]);
    for (method, path, allowed) in [
        (Method::PUT, "/api/auth/me", "GET, HEAD, DELETE"),
        (Method::GET, "/api/auth/login", "POST"),
        (Method::DELETE, "/health", "GET, HEAD"),
        (Method::PATCH, "/api/session/x/messages", "GET, HEAD, POST"),
        (Method::POST, "/", "GET, HEAD"),
        (Method::POST, "/docs", "GET, HEAD"),
        (Method::POST, "/ws", "GET"),
    ] {
        let reply = ask(&server, method.clone(), path, None).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (405, "method_not_allowed"), "{method} {path}");
        assert_eq!(reply.header("allow"), allowed, "{method} {path}");
        assert_eq!(reply.body["requestId"], reply.header("x-request-id"), "{method} {path}");
    }
    assert_eq!(ask(&server, Method::PUT, "/nowhere", None).await.code(), "not_found");
}

#[tokio::test]
async fn what_reaches_no_function_is_refused_as_functions_refuse() {
    let server = Tunrtc::start(&[]);
    let long = "x".repeat(70_000);
    for (request, status, code) in [
        ("nonsense\r\n\r\n".to_owned(), 400, "invalid_request"),
        ("GET /health HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), 400, "invalid_request"),
        (
            format!("GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: {}\r\n\r\n", &long[..20_000]),
            431,
            "headers_too_large",
        ),
        (
            format!(
                "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 70000\r\n\r\n{long}"
            ),
            413,
            "payload_too_large",
        ),
        ("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(), 426, "upgrade_required"),
    ] {
        let answer = exchange(&server, &request);
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(head.contains("content-type: application/problem+json"), "{answer}");
        let problem: serde_json::Value = serde_json::from_str(body).expect("a problem document");
        assert_eq!((&problem["code"], &problem["status"]), (&code.into(), &status.into()));
        let id = problem["requestId"].as_str().expect("an identifier");
        assert!(!id.is_empty() && head.contains(&format!("x-request-id: {id}")), "{answer}");
    }
}
