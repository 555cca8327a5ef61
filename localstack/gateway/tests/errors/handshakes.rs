//! Handshakes that are refused, and messages that the transport does not take.

use std::time::Duration;

use domain::{Clock, SessionId, TicketId, Timestamp, Username};
use http::StatusCode;
use local::Options;
use runtime::{SystemClock, UuidSource, settings};
use serde_json::json;
use testclient::{Account, Refused, Socket, socket_address};
use tokio_tungstenite::tungstenite::Message;

use crate::support::Target;

const SECRET: &str = "a secret that only this test and its server know";
const UNAUTHORIZED: Option<Refused> = Some(Refused { status: StatusCode::UNAUTHORIZED });
const FORBIDDEN: Option<Refused> = Some(Refused { status: StatusCode::FORBIDDEN });

/// A ticket as the server makes them, good for a minute from `at` on.
fn mint(secret: &str, person: &Account, session: &str, at: Timestamp) -> String {
    let ids = UuidSource::default();
    let ticket = auth::Ticket {
        id: TicketId::new(&ids, at),
        user: person.id.parse().expect("an id"),
        username: Username::parse(&person.username).expect("a name"),
        session: session.parse().expect("an id"),
        attempt: u64::MAX,
        family: auth::RefreshTokens::parse(&person.refresh_token).expect("one of ours").family,
        access_expires_at: at + Duration::from_secs(3600),
        waiting: None,
        identity: None,
    };
    let secrets = auth::Secrets::parse(secret, None).expect("a long secret");
    auth::Tickets::new(&secrets).mint(&ticket, at, Duration::from_secs(60)).0
}

#[tokio::test]
async fn a_handshake_without_a_good_ticket_is_unauthorized() {
    let options = Options { settings: vec![(settings::SECRET, SECRET.to_owned())], ..Options::default() };
    let target = Target::with(options).await;
    let alice = target.person("alice").await;
    let session = target.api.create_session(&alice, 2).await;
    let signaling = target.seat(&alice, &session).await.body["signaling"].clone();
    let url = signaling["url"].as_str().expect("an address");
    let ticket = signaling["ticket"].as_str().expect("a ticket");

    let now = SystemClock.now();
    let made_here = format!("{url}?ticket={}", mint(SECRET, &alice, &session, now));
    assert!(Socket::connect(&made_here).await.is_ok(), "the test makes tickets as the server does");

    let expired = mint(SECRET, &alice, &session, now.minus(Duration::from_secs(61)));
    let forged = mint("another secret, as long as it must be", &alice, &session, now);
    let cut = &ticket[..ticket.len() - 2];
    for bad in ["", "x", "a.b.c", cut, &alice.token, &alice.refresh_token, &expired, &forged] {
        let refused = Socket::connect(&format!("{url}?ticket={bad}")).await.err();
        assert_eq!(refused, UNAUTHORIZED, "{bad}");
    }
    assert_eq!(Socket::connect(url).await.err(), UNAUTHORIZED);
    assert_eq!(Socket::connect(&format!("{url}?Ticket={ticket}")).await.err(), UNAUTHORIZED);
    assert!(Socket::connect(&socket_address(&signaling)).await.is_ok(), "nothing of it used the ticket up");
}

#[tokio::test]
async fn a_ticket_admits_once_even_when_two_race_for_it() {
    let target = Target::local().await;
    let alice = target.person("alice").await;
    let session = target.api.create_session(&alice, 2).await;
    target.seat(&alice, &session).await;
    let address = target.api.ticket(&alice, &session).await;
    let (one, other) = tokio::join!(Socket::connect(&address), Socket::connect(&address));
    let refusals: Vec<_> = [&one, &other].into_iter().filter_map(|result| result.as_ref().err()).collect();
    assert_eq!(refusals, [&Refused { status: StatusCode::FORBIDDEN }]);
    assert_eq!(Socket::connect(&address).await.err(), FORBIDDEN);
    drop((one, other));
    assert_eq!(Socket::connect(&address).await.err(), FORBIDDEN);
}

#[tokio::test]
async fn a_page_from_elsewhere_is_forbidden_and_uses_no_ticket_up() {
    let options = Options { allowed_origins: vec!["https://app.example.org".to_owned()], ..Options::default() };
    let target = Target::with(options).await;
    let alice = target.person("alice").await;
    let session = target.api.create_session(&alice, 2).await;
    target.seat(&alice, &session).await;
    let address = target.api.ticket(&alice, &session).await;
    for origin in ["https://evil.example.org", "https://app.example.org.evil.org", "http://app.example.org", "null"] {
        assert_eq!(Socket::connect_from(&address, origin).await.err(), FORBIDDEN, "{origin}");
    }
    assert!(Socket::connect_from(&address, "https://app.example.org").await.is_ok());
    let own = target.server().url().to_owned();
    let address = target.api.ticket(&alice, &session).await;
    assert!(Socket::connect_from(&address, &own).await.is_ok());
}

#[tokio::test]
async fn a_ticket_does_not_outlive_the_session() {
    let target = Target::local().await;
    let alice = target.person("alice").await;
    let session = target.api.create_session(&alice, 2).await;
    let mut socket = target.connect(&alice, &session).await;
    assert_eq!(target.about(&alice, "end", &session).await.status, 200);
    assert_eq!(socket.refusal("joinSession", json!({ "sessionId": session })).await, "session_ended");
    socket.ended().await;
}

#[tokio::test]
async fn a_ticket_is_good_for_its_own_session_alone() {
    let target = Target::local().await;
    let alice = target.person("alice").await;
    let (session, other) = (target.api.create_session(&alice, 2).await, target.api.create_session(&alice, 2).await);
    target.seat(&alice, &other).await;
    let socket = target.connect(&alice, &session).await;
    let nowhere = SessionId::first_at(SystemClock.now()).to_string();
    for foreign in [&other, &nowhere] {
        assert_eq!(socket.refusal("joinSession", json!({ "sessionId": foreign })).await, "unauthorized");
    }
    socket.ack("joinSession", json!({ "sessionId": session })).await;
}

#[tokio::test]
async fn when_the_access_behind_a_ticket_ran_out_frames_are_unauthorized() {
    let target = Target::with_settings([(settings::ACCESS_TOKEN_SECONDS, 5)]).await;
    let alice = target.person("alice").await;
    let session = target.api.create_session(&alice, 2).await;
    let socket = target.enter(&alice, &session).await;
    let refused = crate::support::until("the end of the access", async || {
        let answer = socket.request("ping", json!({})).await.expect("a live connection");
        (answer["event"] == "error").then_some(answer)
    })
    .await;
    assert_eq!(refused["data"]["code"], "unauthorized");
    assert_eq!(socket.refusal("sendMessage", json!({ "message": "late" })).await, "unauthorized");
}

#[tokio::test]
async fn a_frame_of_32_kib_is_answered_and_a_longer_one_closes_with_1009() {
    let target = Target::local().await;
    let mut pair = target.pair().await;
    let sized = |size: usize| {
        let empty = json!({ "action": "ping", "id": "1", "data": { "x": "" } }).to_string();
        json!({ "action": "ping", "id": "1", "data": { "x": "x".repeat(size - empty.len()) } }).to_string()
    };
    pair.at_alice.send_text(&sized(32 * 1024)).await;
    assert_eq!(pair.at_alice.event("error").await["data"]["code"], "invalid_frame");
    pair.at_alice.send_text(&sized(32 * 1024 + 1)).await;
    assert_eq!(pair.at_alice.ended().await, Some(1009));
}

#[tokio::test]
async fn a_binary_frame_closes_with_1003() {
    let target = Target::local().await;
    let mut pair = target.pair().await;
    pair.at_alice.send_message(Message::binary(br#"{"action":"ping","id":"1"}"#.as_slice())).await;
    assert_eq!(pair.at_alice.ended().await, Some(1003));
    assert_eq!(pair.at_bob.event("userStatusUpdated").await["data"]["status"], "reconnecting");
}
