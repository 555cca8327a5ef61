//! The hub: clients of SignalR's protocol, unchanged, in one session with ours.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use apigateway::Chances;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::Clock;
use http_body_util::Full;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use local::{Fate, Intercept, Options, SdkCall};
use runtime::{SystemClock, settings};
use serde_json::{Value, json};
use support::{PASSWORD, Target, offer, until};
use testclient::hub::{HubSocket, SEPARATOR};
use testclient::{Account, Refused, Socket, socket_address};

/// What belongs to the hub.
trait Hub {
    fn address(&self) -> String;
    async fn at_hub(&self, person: &Account) -> HubSocket;
    async fn enter_hub(&self, person: &Account, session: &str) -> HubSocket;
}

impl Hub for Target {
    fn address(&self) -> String {
        format!("{}/hubs/signaling", self.server().url().replacen("http", "ws", 1))
    }

    /// Connects as Node and .NET do, with a bearer token.
    async fn at_hub(&self, person: &Account) -> HubSocket {
        HubSocket::connect(&format!("{}?id=x", self.address()), Some(&person.token)).await
    }

    async fn enter_hub(&self, person: &Account, session: &str) -> HubSocket {
        let mut socket = self.at_hub(person).await;
        let detail = socket.invoke("JoinSession", json!([session])).await.expect("joined");
        assert_eq!(detail["sessionId"], session);
        socket
    }
}

fn framed(records: &[&str]) -> String {
    records.iter().map(|record| format!("{record}{SEPARATOR}")).collect()
}

/// Each pair is what ASP.NET Core 9 was asked and what it answered, as recorded; those with a code are ours.
#[tokio::test(flavor = "multi_thread")]
async fn records_are_answered_as_aspnet_core_answers_them() {
    let target = Target::local().await;
    let person = target.person("person").await;
    let mut socket = target.at_hub(&person).await;
    let session = target.api.create_session(&person, 2).await;
    let joined = socket.invoke("joinsession", json!([session])).await.expect("names are read in any case");
    assert_eq!(joined["participants"][0]["userId"], person.id);
    let nope = "Failed to invoke 'Nope' due to an error on the server. HubException: Method does not exist.";
    let arity = "Failed to invoke 'SendMessage' due to an error on the server.";
    let flag = "Failed to invoke 'UpdateStatus' due to an error on the server.";
    let stream = "The client attempted to invoke the non-streaming 'LeaveSession' method with a streaming invocation.";
    let peer = "An unexpected error occurred invoking 'SendOffer' on the server. HubException: peer_not_found: \
                the target is not a participant of this session";
    let failure = |id: &str, error: &str| format!(r#"{{"type":3,"invocationId":"{id}","error":"{error}"}}"#);
    let cases = [
        (r#"{"type":6}"#, r#"{"type":6}"#.to_owned()),
        (
            r#"{"type":1,"invocationId":"1","target":"UpdateStatus","arguments":[true,false]}"#,
            r#"{"type":3,"invocationId":"1","result":null}"#.to_owned(),
        ),
        (r#"{"type":1,"invocationId":"2","target":"Nope","arguments":[]}"#, failure("2", nope)),
        (r#"{"type":1,"invocationId":"3","target":"SendMessage","arguments":[]}"#, failure("3", arity)),
        (r#"{"type":1,"invocationId":"4","target":"SendMessage","arguments":["a","b"]}"#, failure("4", arity)),
        (r#"{"type":1,"invocationId":"5","target":"UpdateStatus","arguments":["no",true]}"#, failure("5", flag)),
        (r#"{"type":4,"invocationId":"6","target":"LeaveSession","arguments":[]}"#, failure("6", stream)),
        (r#"{"arguments":["nobody","v=0"],"target":"SendOffer","invocationId":"7","type":1}"#, failure("7", peer)),
    ];
    for (asked, answered) in cases {
        socket.send(asked).await;
        assert_eq!(socket.frame().await, Some(framed(&[&answered])), "{asked}");
    }
    // Without an invocationId, and for what belongs to streams, there is silence: the ping behind them is answered next.
    for silent in [
        r#"{"type":1,"target":"Nope","arguments":[]}"#,
        r#"{"type":1,"target":"SendMessage","arguments":[]}"#,
        r#"{"type":2,"invocationId":"9","item":1}"#,
        r#"{"type":3,"invocationId":"9","result":null}"#,
        r#"{"type":5,"invocationId":"9"}"#,
        r#"{"type":9,"sequenceId":1}"#,
        r#"{"type":77}"#,
    ] {
        socket.send_text(&framed(&[silent, r#"{"type":6}"#])).await;
        assert_eq!(socket.frame().await, Some(framed(&[r#"{"type":6}"#])), "{silent}");
    }
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_a_connection_of_aspnet_core_ends_it_here_with_the_same_words() {
    let target = Target::local().await;
    let person = target.person("person").await;
    let closed = r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#;
    let huge = format!(r#"{{"type":1,"target":"SendMessage","arguments":["{}"]}}"#, "x".repeat(40_000));
    let mut cases = vec![(r#"{"type":7}"#.to_owned(), r#"{"type":7}"#)];
    for bad in [
        "not json",
        "",
        "[]",
        "7",
        "{}",
        r#"{"type":"1"}"#,
        r#"{"type":1}"#,
        r#"{"type":1,"target":"SendMessage"}"#,
        r#"{"type":1,"target":7,"arguments":[]}"#,
        r#"{"type":1,"target":"SendMessage","arguments":{}}"#,
        r#"{"type":1,"invocationId":7,"target":"SendMessage","arguments":[]}"#,
        &huge,
    ] {
        cases.push((bad.to_owned(), closed));
    }
    for (asked, answered) in cases {
        let mut socket = target.at_hub(&person).await;
        // API Gateway takes frames of at most 32 KB: longer messages come in several of them.
        match asked.len() < 32_000 {
            true => socket.send(&asked).await,
            false => {
                let (first, second) = asked.split_at(asked.len() / 2);
                socket.send_text(first).await;
                socket.send_text(&format!("{second}{SEPARATOR}")).await;
            }
        }
        assert_eq!(socket.frame().await, Some(framed(&[answered])), "{:.60}", asked);
        assert_eq!(socket.ended().await, Some(1000), "{:.60}", asked);
    }
    for version in [0, 1, 2] {
        let mut socket = HubSocket::open(&target.address(), Some(&person.token)).await.expect("an open door");
        socket.send(&json!({ "protocol": "json", "version": version }).to_string()).await;
        assert_eq!(socket.frame().await, Some(framed(&["{}"])), "{version}");
    }
    let handshakes = [
        (r#"{"protocol":"messagepack","version":1}"#, "The protocol 'messagepack' is not supported."),
        (r#"{"protocol":"json","version":9}"#, "The server does not support version 9 of the 'json' protocol."),
        (r#"{"protocol":7}"#, "An unexpected error occurred during connection handshake."),
    ];
    for (asked, refused) in handshakes {
        let mut socket = HubSocket::open(&target.address(), Some(&person.token)).await.expect("an open door");
        socket.send(asked).await;
        assert_eq!(socket.frame().await, Some(framed(&[&json!({ "error": refused }).to_string()])));
        assert_eq!(socket.ended().await, Some(1000), "{asked}");
    }
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_may_be_joined_and_split_at_any_byte() {
    let target = Target::local().await;
    let person = target.person("person").await;
    let session = target.api.create_session(&person, 2).await;
    let mut socket = target.enter_hub(&person, &session).await;
    let call = |n: usize| {
        format!(r#"{{"type":1,"invocationId":"{n}","target":"SendMessage","arguments":["gr\u00fc\u00df {n}"]}}"#)
    };
    let text = framed(&[&call(1), &call(2)]);
    let mut expected = BTreeSet::new();
    for at in (1..text.len()).filter(|at| text.is_char_boundary(*at)).step_by(5) {
        let (first, second) = text.split_at(at);
        socket.send_text(first).await;
        socket.send_text(second).await;
        let mut done = BTreeSet::new();
        while done.len() < 2 {
            let record = socket.record().await.unwrap_or_else(|| panic!("the end, at {at}"));
            if record["type"] == 3 {
                assert_eq!(record["result"], Value::Null, "{record} at {at}");
                done.insert(record["invocationId"].as_str().expect("an id").to_owned());
            }
        }
        expected.insert(at);
    }
    assert!(expected.len() > 20);
    // A part that looks like one of our own frames is a part like any other: it is not answered.
    socket.send_text(r#"{"action":"ping","id":"1"}"#).await;
    socket.send(r#"{"type":6}"#).await;
    assert_eq!(socket.invoke("UpdateStatus", json!([true, true])).await, Ok(Value::Null));
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_the_hub_and_ours_meet_in_one_session() {
    let target = Target::local().await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 3).await;
    let mut at_alice = target.enter(&alice, &session).await;
    let mut at_bob = target.enter_hub(&bob, &session).await;
    assert_eq!(at_alice.event("userJoined").await["data"]["userId"], bob.id);

    // To the hub.
    let ack = at_alice.ack("sendOffer", offer(&bob.id, "v=0 of alice")).await;
    let received = at_bob.event("ReceiveOffer").await;
    assert_eq!(received["offer"], json!({ "type": "offer", "sdp": "v=0 of alice" }));
    assert_eq!((&received["fromUserId"], &received["signalId"]), (&json!(alice.id), &ack["signalId"]));
    support::assert_time(&received["timestamp"]);
    let candidates = json!([{ "candidate": "one" }, { "candidate": "two", "sdpMid": "0" }]);
    at_alice.ack("sendIceCandidate", json!({ "targetUserId": bob.id, "candidates": candidates })).await;
    for candidate in candidates.as_array().expect("a list") {
        let received = at_bob.event("ReceiveIceCandidate").await;
        assert_eq!((&received["candidate"], &received["candidates"]), (candidate, &Value::Null));
    }
    at_alice.ack("sendMessage", json!({ "message": "hello" })).await;
    let received = at_bob.event("ReceiveMessage").await;
    assert_eq!((&received["message"], &received["fromUsername"]), (&json!("hello"), &json!(alice.username)));
    at_alice.ack("updateStatus", json!({ "isMuted": true, "isVideoEnabled": false })).await;
    assert_eq!(at_bob.event("UserStatusUpdated").await["isMuted"], true);

    // From the hub: descriptions as objects, as SDP, and as JSON in a text; candidates as objects and as texts.
    for (sent, sdp) in [
        (json!({ "type": "answer", "sdp": "v=1" }), "v=1"),
        (json!("v=2"), "v=2"),
        (json!(r#"{"type":"answer","sdp":"v=3"}"#), "v=3"),
    ] {
        at_bob.invoke("SendAnswer", json!([alice.id, sent])).await.expect("sent");
        assert_eq!(at_alice.event("receiveAnswer").await["data"]["answer"], json!({ "type": "answer", "sdp": sdp }));
    }
    for candidate in [json!({ "candidate": "c" }), json!(r#"{"candidate":"c"}"#)] {
        at_bob.invoke("SendIceCandidate", json!([alice.id, candidate])).await.expect("sent");
        let received = at_alice.event("receiveIceCandidate").await;
        assert_eq!(received["data"]["candidates"], json!([{ "candidate": "c" }]));
    }
    at_bob.invoke("SendMessage", json!(["from bob"])).await.expect("sent");
    at_alice.event("receiveMessage").await;
    assert_eq!(at_alice.event("receiveMessage").await["data"]["message"], "from bob");
    let own = at_bob.event("ReceiveMessage").await;
    assert_eq!(own["message"], "from bob", "who writes hears it too");
    at_bob.invoke("UpdateStatus", json!([true, true])).await.expect("set");
    assert_eq!(at_alice.event("userStatusUpdated").await["data"]["userId"], bob.id);

    // Leaving leaves the connection, which may join again.
    at_bob.invoke("LeaveSession", json!([])).await.expect("left");
    assert_eq!(at_alice.event("userLeft").await["data"]["reason"], "left");
    let refused = at_bob.invoke("SendMessage", json!(["x"])).await.expect_err("not in the session");
    assert!(refused.ends_with("HubException: not_joined: join the session first"), "{refused}");
    at_bob.invoke("JoinSession", json!([session])).await.expect("joined again");
    assert_eq!(at_alice.event("userJoined").await["data"]["userId"], bob.id);
    target.about(&alice, "end", &session).await;
    assert_eq!(at_bob.event("SessionEnded").await["reason"], "ended");
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_in_one_session_at_a_time() {
    let target = Target::local().await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let (first, second) = (target.api.create_session(&alice, 3).await, target.api.create_session(&alice, 3).await);
    let mut at_alice = target.enter(&alice, &first).await;
    let mut at_bob = target.enter_hub(&bob, &first).await;
    at_alice.event("userJoined").await;
    at_bob.invoke("JoinSession", json!([second])).await.expect("joined");
    assert_eq!(at_alice.event("userLeft").await["data"]["userId"], bob.id);
    at_bob.invoke("SendMessage", json!(["here"])).await.expect("sent");
    assert_eq!(at_bob.event("ReceiveMessage").await["message"], "here");
    let unknown = at_bob.invoke("JoinSession", json!(["0190163d-8694-739b-aea5-966c26f8ad91"])).await;
    assert!(unknown.expect_err("no such session").contains("HubException: session_not_found: "));
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_connection_takes_over_and_the_older_one_is_told_not_to_come_back() {
    let target = Target::local().await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 3).await;
    let mut first = target.enter_hub(&bob, &session).await;
    let mut second = target.enter_hub(&bob, &session).await;
    first.event("Replaced").await;
    let end = first.record().await.expect("the end is announced");
    // Without allowReconnect a client stays away; one that came back would take over again.
    assert_eq!(end, json!({ "type": 7, "error": "A newer connection took over." }));
    first.ended().await;
    second.invoke("SendMessage", json!(["still here"])).await.expect("sent");

    let mut own = target.enter(&bob, &session).await;
    second.event("Replaced").await;
    let _hub = target.enter_hub(&bob, &session).await;
    own.event("replaced").await;
    own.ended().await;
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_query_or_in_a_header_or_a_ticket_opens_the_hub() {
    let target = Target::local().await;
    let person = target.person("person").await;
    let (session, other) = (target.api.create_session(&person, 2).await, target.api.create_session(&person, 2).await);
    let address = target.address();
    for (query, bearer) in [
        (format!("?access_token={}", person.token), None),
        (format!("?id=x&access_token={}", person.token), None),
        (String::new(), Some(person.token.as_str())),
    ] {
        HubSocket::connect(&format!("{address}{query}"), bearer).await;
    }
    let ticket =
        target.seat(&person, &session).await.body["signaling"]["ticket"].as_str().expect("a ticket").to_owned();
    let by_ticket = format!("{address}?ticket={ticket}&id=x");
    let mut socket = HubSocket::connect(&by_ticket, None).await;
    let refused = socket.invoke("JoinSession", json!([other])).await.expect_err("another session");
    assert!(refused.contains("HubException: unauthorized: "), "{refused}");
    socket.invoke("JoinSession", json!([session])).await.expect("the ticket's session");
    let status = async |query: &str| {
        HubSocket::open(&format!("{address}{query}"), None).await.err().map(|r: Refused| r.status.as_u16())
    };
    assert_eq!(status(&format!("?ticket={ticket}&id=x")).await, Some(403), "a ticket admits once");
    for bad in ["", "?id=x", "?access_token=", "?access_token=x&id=x", "?ticket=x&id=x", "?ticket=x"] {
        assert_eq!(status(bad).await, Some(401), "{bad}");
    }
    // A ticket alone opens a connection of our own, under either path.
    let signaling = target.seat(&person, &session).await.body["signaling"].clone();
    let own = socket_address(&signaling).replace("/ws?", "/hubs/signaling?");
    Socket::connect(&own).await.expect("an open door").ack("joinSession", json!({ "sessionId": session })).await;
    target.stop().await;
}

/// A token as LiveKit's server SDKs mint it, with the key of a server without data, after `change`.
fn join_token(change: impl FnOnce(&mut Value)) -> String {
    let now = SystemClock.now().seconds();
    let mut claims = json!({
        "iss": "devkey", "sub": "ann", "nbf": now, "exp": now + 600, "video": { "roomJoin": true, "room": "daily" },
    });
    change(&mut claims);
    signed(&claims, "tunrtc-development-secret-0123456789")
}

fn signed(claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).expect("JSON")
}

/// Has an operator's command about keys carried out.
async fn keys(target: &Target, command: Value) -> Value {
    let function = target.server().function("api_keys").expect("the function");
    let answer = function(command.to_string().into()).await.expect("an answer");
    serde_json::from_slice(&answer).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_token_opens_the_hub_and_its_room_is_made_by_the_first_who_joins() {
    let target = Target::local().await;
    let ann = join_token(|_| ());
    let mut at_ann = HubSocket::connect(&format!("{}?id=x", target.address()), Some(&ann)).await;
    let joined = at_ann.invoke("JoinSession", json!(["daily"])).await.expect("the room is made");
    assert_eq!((&joined["room"], &joined["participants"][0]["identity"]), (&json!("daily"), &json!("ann")));
    let (session, id) = (joined["sessionId"].clone(), joined["participants"][0]["userId"].clone());

    // Somebody of our own protocol, by the same room.
    let ben = join_token(|claims| claims["sub"] = json!("ben"));
    let seat = target.api.post("/api/session/join", Some(&ben), json!({})).await;
    assert_eq!(seat.body["sessionId"], session, "the same room is the same session");
    let mut at_ben = Socket::connect(&socket_address(&seat.body["signaling"])).await.expect("an open door");
    at_ben.ack("joinSession", json!({ "sessionId": session })).await;
    assert_eq!(at_ann.event("UserJoined").await["identity"], "ben");
    at_ben.ack("sendMessage", json!({ "message": "hello" })).await;
    assert_eq!(at_ann.event("ReceiveMessage").await["message"], "hello");
    at_ann.invoke("SendMessage", json!(["hello yourself"])).await.expect("sent");
    at_ben.event("receiveMessage").await;
    assert_eq!(at_ben.event("receiveMessage").await["data"]["fromUserId"], id);

    // By the session's id, by nothing at all and in the query: the same room and the same participant.
    for asked in [session.clone(), Value::Null] {
        let address = format!("{}?access_token={ann}", target.address());
        let again = HubSocket::connect(&address, None).await.invoke("JoinSession", json!([asked])).await;
        assert_eq!(again.expect("joined")["participants"][0]["userId"], id);
    }
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_of_a_join_token_opens_the_hub_for_the_seat_it_was_made_with() {
    let target = Target::local().await;
    let seat = target.api.post("/api/session/join", Some(&join_token(|_| ())), json!({})).await;
    let ticket = seat.body["signaling"]["ticket"].as_str().expect("a ticket");
    let mut socket = HubSocket::connect(&format!("{}?ticket={ticket}&id=x", target.address()), None).await;
    let joined = socket.invoke("JoinSession", json!([seat.body["sessionId"]])).await.expect("the seat is there");
    assert_eq!(joined["participants"][0]["userId"], seat.body["userId"]);
    socket.invoke("LeaveSession", json!([])).await.expect("left");
    let refused = socket.invoke("JoinSession", json!([seat.body["sessionId"]])).await.expect_err("no seat any more");
    assert!(refused.contains("HubException: "), "{refused}");
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_token_that_is_refused_is_told_why() {
    let target = Target::local().await;
    let made = keys(&target, json!({ "action": "create", "project": "acme" })).await["created"].clone();
    let of_acme = |room: &str| {
        let mut claims = json!({ "sub": "ann", "video": { "roomJoin": true, "room": room } });
        let now = SystemClock.now().seconds();
        (claims["iss"], claims["nbf"], claims["exp"]) = (made["key"].clone(), json!(now), json!(now + 600));
        signed(&claims, made["secret"].as_str().expect("a secret"))
    };
    let ago = |seconds: u64| json!(SystemClock.now().seconds() - seconds);
    let expired =
        |seconds: u64| join_token(|claims| (claims["nbf"], claims["exp"]) = (ago(seconds + 600), ago(seconds)));
    let negotiated = async |token: &str| {
        let reply = target.api.post("/hubs/signaling/negotiate?negotiateVersion=1", Some(token), json!({})).await;
        (reply.status.as_u16(), reply.code().to_owned())
    };
    let opened = async |token: &str| {
        let address = format!("{}?id=x", target.address());
        HubSocket::open(&address, Some(token)).await.err().map(|refused: Refused| refused.status.as_u16())
    };
    let joined = async |token: &str, room: &str| {
        let mut socket = HubSocket::connect(&format!("{}?id=x", target.address()), Some(token)).await;
        socket.invoke("JoinSession", json!([room])).await.err().unwrap_or_default()
    };
    let forged = signed(&json!({ "iss": "devkey", "sub": "ann" }), "another secret that has 32 bytes or more");
    let long_ago = expired(25 * 3600);
    let without_join = join_token(|claims| claims["video"] = json!({ "roomList": true }));
    for (token, refused) in
        [(&forged, (401, "unauthorized")), (&long_ago, (401, "token_expired")), (&without_join, (403, "forbidden"))]
    {
        let (status, code) = negotiated(token).await;
        assert_eq!((status, code.as_str()), refused);
        assert_eq!(opened(token).await, Some(401), "{code}");
    }

    let session = target.api.create_session(&target.person("owner").await, 2).await;
    for (token, room, code) in [
        (join_token(|_| ()), "weekly", "forbidden"),
        (join_token(|_| ()), session.as_str(), "forbidden"),
        // For another project it is not there.
        (of_acme("daily"), session.as_str(), "session_not_found"),
        (of_acme("weekly"), "daily", "forbidden"),
        // It ended, and no seat was taken with it.
        (expired(300), "daily", "token_expired"),
    ] {
        let refused = joined(&token, room).await;
        assert!(refused.contains(&format!("HubException: {code}: ")), "{room}: {refused}");
    }

    let good = of_acme("daily");
    assert_eq!(negotiated(&good).await.0, 200);
    assert_eq!(joined(&good, "daily").await, "");
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_key_opens_the_hub_no_more_and_a_seat_outlives_its_token() {
    let target = Target::local().await;
    let made = keys(&target, json!({ "action": "create", "project": "acme" })).await["created"].clone();
    keys(&target, json!({ "action": "disable", "key": made["key"] })).await;
    let now = SystemClock.now().seconds();
    let claims = json!({
        "iss": made["key"], "sub": "ann", "nbf": now, "exp": now + 600, "video": { "roomJoin": true, "room": "daily" },
    });
    let token = signed(&claims, made["secret"].as_str().expect("a secret"));
    let reply = target.api.post("/hubs/signaling/negotiate", Some(&token), json!({})).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (401, "key_disabled"), "{}", reply.body);
    let refused = HubSocket::open(&format!("{}?id=x", target.address()), Some(&token)).await;
    assert_eq!(refused.err().map(|refused: Refused| refused.status.as_u16()), Some(401));

    // A seat is come back to with the token that it was taken with, though that has ended.
    let seated = target.api.post("/api/session/join", Some(&join_token(|_| ())), json!({})).await;
    assert_eq!(seated.status, 200, "{}", seated.body);
    let ended = join_token(|claims| (claims["nbf"], claims["exp"]) = (json!(now - 900), json!(now - 300)));
    let mut socket = HubSocket::connect(&format!("{}?id=x", target.address()), Some(&ended)).await;
    let joined = socket.invoke("JoinSession", json!(["daily"])).await.expect("the seat is there");
    assert_eq!(joined["participants"][0]["userId"], seated.body["userId"]);
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_negotiation_offers_texts_over_websockets() {
    let target = Target::local().await;
    let person = target.person("person").await;
    let negotiate = async |query: &str, token: Option<&str>| {
        target.api.post(&format!("/hubs/signaling/negotiate{query}"), token, json!({})).await
    };
    let transports = json!([{ "transport": "WebSockets", "transferFormats": ["Text"] }]);
    for (query, version) in
        [("", 0), ("?negotiateVersion=0", 0), ("?negotiateVersion=1", 1), ("?negotiateVersion=2", 1)]
    {
        let answer = negotiate(query, Some(&person.token)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(
            (&answer.body["negotiateVersion"], &answer.body["availableTransports"]),
            (&json!(version), &transports)
        );
        assert!(answer.body["connectionId"].is_string());
        assert_eq!(answer.body["connectionToken"].is_string(), version == 1);
    }
    assert_eq!(negotiate(&format!("?access_token={}", person.token), None).await.status, 200);
    let refused = negotiate("?negotiateVersion=1", None).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (401, "unauthorized"));
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_joins_again_while_a_newer_one_joins_leaves_one_of_the_two() {
    let target = Target::with(Options { settings: unlimited(), ..Options::default() }).await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 3).await;
    let at_alice = target.enter(&alice, &session).await;
    for round in 0..40 {
        let mut older = target.enter_hub(&bob, &session).await;
        let mut newer = target.at_hub(&bob).await;
        let again = json!({ "type": 1, "target": "JoinSession", "arguments": [session] }).to_string();
        let ((), joined) = tokio::join!(older.send(&again), newer.invoke("JoinSession", json!([session])));
        joined.expect("the newer one");
        at_alice.ack("sendOffer", offer(&bob.id, &format!("round {round}"))).await;
        // Earlier ones may come again.
        while newer.event("ReceiveOffer").await["offer"]["sdp"] != format!("round {round}") {}
        older.ended().await;
    }
    target.stop().await;
}

/// A client that came back by itself would take a seat again, or ask for one in vain.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_removed_and_whose_session_has_ended_is_told_not_to_come_back() {
    let target = Target::local().await;
    let (alice, bob, carol) = (target.person("alice").await, target.person("bob").await, target.person("carol").await);
    let session = target.api.create_session(&alice, 3).await;
    let at_alice = target.enter(&alice, &session).await;
    let mut at_bob = target.enter_hub(&bob, &session).await;
    let mut at_carol = target.enter_hub(&carol, &session).await;
    at_alice.ack("removeParticipant", json!({ "targetUserId": bob.id })).await;
    at_bob.event("Removed").await;
    let last = at_bob.record().await.expect("the end is announced");
    assert_eq!(last, json!({ "type": 7, "error": "You were removed from the session." }));
    let ended = target.api.post("/api/session/end", Some(&alice.token), json!({ "sessionId": session })).await;
    assert_eq!(ended.status, 200, "{}", ended.body);
    at_carol.event("SessionEnded").await;
    assert_eq!(at_carol.record().await, Some(json!({ "type": 7 })));
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_ends_takes_its_connections_of_the_hub_and_their_seats() {
    let target = Target::local().await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 3).await;
    let mut at_alice = target.enter(&alice, &session).await;
    let mut joined = target.enter_hub(&bob, &session).await;
    let mut idle = target.at_hub(&bob).await;
    at_alice.event("userJoined").await;
    let reply = target.api.post("/api/auth/logout", None, json!({ "refreshToken": bob.refresh_token })).await;
    assert_eq!(reply.status, 204);
    assert_eq!(at_alice.event("userLeft").await["data"]["reason"], "removed");
    joined.ended().await;
    idle.ended().await;
    let again = HubSocket::open(&target.address(), Some(&bob.token)).await.err().map(|refused| refused.status.as_u16());
    assert_eq!(again, Some(401));
    // The account goes with everything that names it, connections of the hub too.
    let bob = target.api.login(&format!("{}@example.org", bob.username), PASSWORD).await;
    let mut socket = target.enter_hub(&bob, &session).await;
    let body = json!({ "password": PASSWORD });
    assert_eq!(target.api.call(http::Method::DELETE, "/api/auth/me", Some(&bob.token), Some(body)).await.status, 204);
    socket.ended().await;
    target.stop().await;
}

/// Counts calls of the SDK by what they are.
#[derive(Clone, Default)]
struct Bill(Arc<Mutex<BTreeMap<String, usize>>>);

impl Bill {
    fn intercept(&self) -> Intercept {
        let bill = self.clone();
        Arc::new(move |call: &SdkCall<'_>| {
            let name = match call.target.rsplit_once('.') {
                Some((_, operation)) => operation.to_owned(),
                None => format!("{} @connections", call.method),
            };
            *bill.0.lock().expect("a bill").entry(name).or_default() += 1;
            Fate::Pass
        })
    }

    fn take(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut self.0.lock().expect("a bill"))
    }
}

fn expected<const N: usize>(counts: [(&str, usize); N]) -> BTreeMap<String, usize> {
    counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_participant_at_the_hub_costs_no_other_participant_anything_more() {
    let mut costs = Vec::new();
    for at_hub in [false, true] {
        let bill = Bill::default();
        let target =
            Target::with(Options { intercept: Some(bill.intercept()), tells: false, ..Options::default() }).await;
        let (alice, bob) = (target.person("alice").await, target.person("bob").await);
        let session = target.api.create_session(&alice, 3).await;
        let at_alice = target.enter(&alice, &session).await;
        let (mut own, mut hub) = (None, None);
        match at_hub {
            false => own = Some(target.enter(&bob, &session).await),
            true => hub = Some(target.enter_hub(&bob, &session).await),
        }
        // The first frame of a connection also reads whether it has joined.
        at_alice.ack("sendOffer", offer(&bob.id, "v=0")).await;
        bill.take();
        let candidates = json!([{ "candidate": "one" }, { "candidate": "two" }]);
        at_alice.ack("sendOffer", offer(&bob.id, "v=0")).await;
        at_alice.ack("sendIceCandidate", json!({ "targetUserId": bob.id, "candidates": candidates })).await;
        at_alice.ack("sendMessage", json!({ "message": "hello" })).await;
        at_alice.ack("updateStatus", json!({ "isMuted": true, "isVideoEnabled": true })).await;
        costs.push(bill.take());
        if let Some(own) = &mut own {
            own.event("userStatusUpdated").await;
        }
        if let Some(hub) = &mut hub {
            hub.event("UserStatusUpdated").await;
        }
        target.stop().await;
    }
    assert_eq!(costs[0], costs[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_a_method_costs_one_cheap_read_more_than_a_frame_of_ours_and_a_ping_that_read_alone() {
    let bill = Bill::default();
    let target = Target::with(Options { intercept: Some(bill.intercept()), tells: false, ..Options::default() }).await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 3).await;
    let _at_alice = target.enter(&alice, &session).await;
    let mut at_bob = target.enter_hub(&bob, &session).await;
    at_bob.invoke("SendOffer", json!([alice.id, "v=0"])).await.expect("sent");
    bill.take();
    at_bob.invoke("SendOffer", json!([alice.id, "v=0"])).await.expect("sent");
    assert_eq!(bill.take(), expected([("GetItem", 2), ("POST @connections", 1), ("PutItem", 1)]));
    at_bob.send(r#"{"type":6}"#).await;
    assert_eq!(at_bob.record().await, Some(json!({ "type": 6 })));
    assert_eq!(bill.take(), expected([("GetItem", 1)]));
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_of_life_while_a_connection_joins_does_not_end_it() {
    let target = Target::local().await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 3).await;
    let _at_alice = target.enter(&alice, &session).await;
    for _ in 0..100 {
        let mut at_bob = target.at_hub(&bob).await;
        let join = json!({ "type": 1, "invocationId": "1", "target": "JoinSession", "arguments": [session] });
        at_bob.send(&join.to_string()).await;
        for _ in 0..20 {
            at_bob.send(r#"{"type":6}"#).await;
        }
        loop {
            let record = at_bob.record().await.expect("a connection that stays");
            assert_ne!(record["type"], 7, "{record}");
            if record["type"] == 3 {
                assert!(record.get("error").is_none(), "{record}");
                break;
            }
        }
    }
    target.stop().await;
}

/// How often the connection of the hub is cut.
const DROPS: usize = 500;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_acknowledged_reaches_a_client_of_the_hub_in_order_through_five_hundred_cuts() {
    let faults = Chances { seed: 7, lost_disconnect: 0.3, ..Chances::default() };
    let target = Target::with(Options { faults: Some(faults), settings: unlimited(), ..Options::default() }).await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 3).await;
    let at_alice = target.enter(&alice, &session).await;
    let mut at_bob = target.enter_hub(&bob, &session).await;
    let (mut sent, mut heard, mut known) = (0_usize, Vec::new(), BTreeSet::new());
    for cut in 0..DROPS {
        let coming_back = async {
            at_bob = target.at_hub(&bob).await;
            at_bob.invoke("JoinSession", json!([session])).await.expect("joined again");
        };
        let sending = async {
            for _ in 0..3 {
                let text = sent.to_string();
                let answer = match sent % 2 {
                    0 => at_alice.request("sendOffer", offer(&bob.id, &text)).await,
                    _ => at_alice.request("sendMessage", json!({ "message": text })).await,
                };
                let answer = answer.expect("a live connection");
                assert_eq!(answer["event"], "ack", "{cut}: {answer}");
                sent += 1;
            }
        };
        tokio::join!(coming_back, sending);
        let all = sent;
        until("everything that was acknowledged", async || {
            for (event, data) in at_bob.drain() {
                let (id, text) = match event.as_str() {
                    "ReceiveOffer" => (&data["signalId"], &data["offer"]["sdp"]),
                    "ReceiveMessage" => (&data["messageId"], &data["message"]),
                    _ => continue,
                };
                // What comes twice carries its identifier.
                if known.insert(id.as_str().expect("an identifier").to_owned()) {
                    heard.push((event, text.as_str().and_then(|text| text.parse::<usize>().ok()).expect("a number")));
                }
            }
            (heard.len() == all).then_some(())
        })
        .await;
    }
    for kind in ["ReceiveOffer", "ReceiveMessage"] {
        let numbers: Vec<_> = heard.iter().filter(|(event, _)| event == kind).map(|(_, number)| *number).collect();
        assert!(numbers.is_sorted(), "{kind}: {numbers:?}");
    }
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bans_and_permissions_hold_at_the_hub_too() {
    let target = Target::local().await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 4).await;
    let at_alice = target.enter(&alice, &session).await;
    let mut at_bob = target.enter_hub(&bob, &session).await;
    let change = json!({ "targetUserId": bob.id, "permissions": { "chat": false, "publishAudio": false } });
    at_alice.ack("updateParticipant", change).await;
    let sound = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendrecv\r\n";
    for (method, arguments) in [("SendMessage", json!(["hello"])), ("SendOffer", json!([alice.id, sound]))] {
        let refused = at_bob.invoke(method, arguments).await.expect_err("not allowed");
        assert!(refused.contains("forbidden"), "{refused}");
    }
    at_alice.ack("removeParticipant", json!({ "targetUserId": bob.id, "banSeconds": 60 })).await;
    let removed = at_bob.event("Removed").await;
    assert!(removed["bannedUntil"].is_string(), "{removed}");
    at_bob.ended().await;
    let mut again = target.at_hub(&bob).await;
    let refused = again.invoke("JoinSession", json!([session])).await.expect_err("banned");
    assert!(refused.contains("banned"), "{refused}");
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_session_refuses_newcomers_of_the_hub_and_takes_back_who_is_inside() {
    let target = Target::local().await;
    let (alice, bob, carol) = (target.person("alice").await, target.person("bob").await, target.person("carol").await);
    let session = target.api.create_session(&alice, 4).await;
    let at_alice = target.enter(&alice, &session).await;
    let _at_bob = target.enter_hub(&bob, &session).await;
    at_alice.ack("updateSession", json!({ "locked": true })).await;
    let mut at_carol = target.at_hub(&carol).await;
    let refused = at_carol.invoke("JoinSession", json!([session])).await.expect_err("locked");
    assert!(refused.contains("session_locked"), "{refused}");
    target.enter_hub(&bob, &session).await;
    at_alice.ack("updateSession", json!({ "locked": false })).await;
    at_carol.invoke("JoinSession", json!([session])).await.expect("open again");
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_taken_back_end_a_connection_of_the_hub_and_open_none() {
    let target = Target::local().await;
    let ann = join_token(|claims| claims["nbf"] = json!(SystemClock.now().seconds() - 5));
    let open = async || HubSocket::open(&target.address(), Some(&ann)).await;
    let mut at_ann = open().await.expect("an open door");
    at_ann.invoke("JoinSession", json!(["daily"])).await.expect("the room is made");
    let backend = BASE64_STANDARD.encode("devkey:tunrtc-development-secret-0123456789");
    let revoke = http::Request::post("/").header("authorization", format!("Basic {backend}"));
    let request = revoke.body(Full::default()).expect("a request");
    assert_eq!(target.api.send("/api/users/ann/revoke", request).await.status, 204);
    at_ann.ended().await;
    if let Ok(mut again) = open().await {
        let refused = again.invoke("JoinSession", json!(["daily"])).await.expect_err("taken back");
        assert!(refused.contains("token_revoked"), "{refused}");
    }
    target.stop().await;
}

/// As fast as the test can: what is tested is not the limits.
fn unlimited() -> Vec<(&'static str, String)> {
    let unlimited = [
        settings::TICKETS_PER_USER,
        settings::FRAMES_PER_SECOND,
        settings::FRAMES_BURST,
        settings::CHAT_PER_SECOND,
        settings::CHAT_BURST,
    ];
    unlimited.map(|setting| (setting, "100000".to_owned())).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_call_cannot_tell_is_told_by_the_next() {
    const MISSED: usize = 2_050;
    let target = Target::with(Options { settings: unlimited(), ..Options::default() }).await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 3).await;
    let at_alice = target.enter(&alice, &session).await;
    drop(target.enter_hub(&bob, &session).await);
    for n in 0..MISSED {
        at_alice.ack("sendOffer", offer(&bob.id, &n.to_string())).await;
    }
    let mut at_bob = target.at_hub(&bob).await;
    let refused = at_bob.invoke("JoinSession", json!([session])).await.expect_err("too much for one call");
    assert!(refused.contains("unavailable"), "{refused}");
    at_bob.invoke("JoinSession", json!([session])).await.expect("the rest was told");
    let mut known = BTreeSet::new();
    let mut heard = at_bob.drain();
    heard.retain(|(event, data)| event == "ReceiveOffer" && known.insert(data["signalId"].to_string()));
    assert_eq!(heard.len(), MISSED);
    for (n, (_, data)) in heard.iter().enumerate() {
        assert_eq!(data["offer"]["sdp"], n.to_string());
    }
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_the_hub_that_cannot_be_pushed_to_is_cut_before_anything_overtakes() {
    let throttled: Intercept = Arc::new(|call: &SdkCall<'_>| {
        let pushes = call.target.is_empty() && call.method == "POST";
        match pushes && String::from_utf8_lossy(call.body).contains("held up") {
            true => Fate::Answer(429, r#"{"message":"Too Many Requests"}"#.to_owned()),
            false => Fate::Pass,
        }
    });
    let target = Target::with(Options { intercept: Some(throttled), ..Options::default() }).await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 3).await;
    let at_alice = target.enter(&alice, &session).await;
    let mut at_bob = target.enter_hub(&bob, &session).await;
    for text in ["held up", "later"] {
        at_alice.ack("sendOffer", offer(&bob.id, text)).await;
    }
    at_bob.ended().await;
    assert!(at_bob.drain().iter().all(|(event, _)| event != "ReceiveOffer"), "nothing overtook");
    target.stop().await;
}
