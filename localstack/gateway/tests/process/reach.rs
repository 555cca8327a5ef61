//! By which names and through which proxies the server can be reached.

use serde_json::json;
use testclient::{Api, Socket, socket_address};

use crate::support::{PASSWORD, unique};
use crate::tunrtc::{Tunrtc, run};

/// The same server by another name of this machine.
fn at(server: &Tunrtc, host: &str) -> Api {
    Api::new(format!("http://{host}:{}", server.port()))
}

#[tokio::test]
async fn without_a_public_address_answers_name_the_host_that_was_asked() {
    let server = Tunrtc::start(&["--host", "0.0.0.0"]);
    let alice = server.api.register(&unique("alice")).await;
    let session = server.api.create_session(&alice, 2).await;
    for host in ["localhost", "127.0.0.1", "127.0.0.2"] {
        let joined = at(&server, host).join(&alice, &session).await;
        let url = joined.body["signaling"]["url"].as_str().expect("an address").to_owned();
        assert_eq!(url, format!("ws://{host}:{}/ws", server.port()));
        let address = socket_address(&joined.body["signaling"]);
        let own = format!("http://{host}:{}", server.port());
        let socket = Socket::connect_from(&address, &own).await.expect("a page of this host may connect");
        socket.ack("joinSession", json!({ "sessionId": session })).await;
        let foreign = Socket::connect_from(&socket_address(&joined.body["signaling"]), "http://evil.example").await;
        assert!(foreign.is_err(), "a page of another host may not");
    }
}

/// What clients are told to ask for their own address.
async fn stun_urls(server: &Tunrtc) -> Vec<String> {
    let alice = server.api.register(&unique("alice")).await;
    let answer = server.api.get("/api/iceservers", Some(&alice.token)).await;
    let entries = answer.body["iceServers"].as_array().expect("a list").iter();
    let urls = entries.flat_map(|entry| entry["urls"].as_array().expect("a list").clone());
    urls.filter_map(|url| url.as_str().filter(|url| url.starts_with("stun:")).map(str::to_owned)).collect()
}

#[tokio::test]
async fn the_start_tells_what_calls_can_reach_and_clients_get_what_it_tells() {
    let own = "stun:stun.example.org:3478";
    let relay = ["--turn-url", "turn:turn.example.org", "--turn-secret", "secret"];
    for (arguments, stun, told) in [
        (&[][..], Some("stun:stun.l.google.com:19302"), Some("--turn-url")),
        (&["--stun-url", own], Some(own), Some("--turn-url")),
        (&["--stun-url", "none"], None, Some("No STUN or TURN")),
        (&relay[..], None, None),
    ] {
        let server = Tunrtc::start(arguments);
        assert_eq!(stun_urls(&server).await, Vec::from_iter(stun), "{arguments:?}");
        server.signal("TERM");
        let (_, lines, _) = server.ended();
        let reach = lines.iter().find(|line| line.contains("--turn-url"));
        assert_eq!(reach.is_some(), told.is_some(), "{lines:?}");
        assert!(told.is_none_or(|told| reach.is_some_and(|line| line.contains(told))), "{lines:?}");
    }
}

#[test]
fn none_and_a_stun_address_contradict_each_other() {
    let (code, _, errors) = run(&["--port", "0", "--stun-url", "none", "--stun-url", "stun:stun.example.org"], &[]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("--stun-url"), "{errors}");
}

/// Registers until it is refused; how often it was not.
async fn registrations(server: &Tunrtc, forwarded: impl Fn(usize) -> String) -> usize {
    for count in 0..4 {
        let name = unique("alice");
        let body = json!({ "username": name, "email": format!("{name}@example.org"), "password": PASSWORD });
        let request = http::Request::post("/")
            .header("content-type", "application/json")
            .header("x-forwarded-for", forwarded(count))
            .body(body.to_string().into())
            .expect("a request");
        if server.api.send("/api/auth/register", request).await.status == 429 {
            return count;
        }
    }
    4
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_are_counted_each_by_itself_and_others_cannot_pretend() {
    let limits = [("TUNRTC_REGISTRATIONS_PER_ADDRESS", "2")];
    let each_another = |count| format!("192.0.2.{count}");
    let direct = Tunrtc::start_in(&[], &limits);
    assert_eq!(registrations(&direct, each_another).await, 2);
    let proxied = Tunrtc::start_in(&["--trusted-proxy", "127.0.0.1,::1"], &limits);
    assert_eq!(registrations(&proxied, each_another).await, 4);
    let forged = |count| format!("192.0.2.{count}, 198.51.100.1");
    assert_eq!(registrations(&proxied, forged).await, 2);
}
