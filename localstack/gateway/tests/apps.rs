//! Apps with users of their own, through real HTTP and WebSocket clients: API keys, join tokens, rooms by name.

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::Method;
use http::header::ORIGIN;
use jsonwebtoken::Algorithm;
use local::{Fate, Intercept, Options, SdkCall};
use serde_json::{Value, json};
use support::apps::{Key, assert_code, devkey, now, request};
use support::{Target, names, offer};
use testclient::{Reply, Socket, socket_address};

#[tokio::test]
async fn two_users_of_an_app_meet_in_a_room_that_the_first_one_makes() {
    let target = Target::local().await;
    let joined = target.join(&devkey().person("ann", "daily").token, json!({})).await;
    assert_eq!(joined.status, 200, "{}", joined.body);
    assert_eq!((&joined.body["room"], &joined.body["visibility"]), (&json!("daily"), &json!("unlisted")));
    let session = joined.text("sessionId");
    let ann = joined.body["participants"][0].clone();
    assert_eq!((&ann["identity"], &ann["username"]), (&json!("ann"), &json!("ann")));
    let mut at_ann = Socket::connect(&socket_address(&joined.body["signaling"])).await.expect("an open door");
    at_ann.ack("joinSession", json!({ "sessionId": session })).await;

    let mut claims = devkey().claims("ben", "daily");
    claims["name"] = json!("Ben");
    let joined = target.join(&devkey().sign(&claims), json!({ "room": "daily" })).await;
    assert_eq!(joined.text("sessionId"), session, "the same room is the same session");
    let mut at_ben = Socket::connect(&socket_address(&joined.body["signaling"])).await.expect("an open door");
    at_ben.ack("joinSession", json!({ "sessionId": session })).await;
    let told = at_ann.event("userJoined").await["data"].clone();
    assert_eq!((&told["identity"], &told["username"]), (&json!("ben"), &json!("Ben")));

    at_ann.ack("sendOffer", offer(told["userId"].as_str().expect("an id"), "v=0")).await;
    let received = at_ben.event("receiveOffer").await;
    assert_eq!(received["data"]["fromUserId"], ann["userId"]);
    at_ben.ack("sendMessage", json!({ "message": "hi" })).await;
    at_ann.event("receiveMessage").await;
    at_ben.ack("leaveSession", json!({})).await;
    assert_eq!(at_ann.event("userLeft").await["data"]["identity"], "ben");
    target.stop().await;
}

#[tokio::test]
async fn each_claim_that_is_wrong_is_refused_with_its_code_and_by_its_name() {
    let target = Target::local().await;
    let key = devkey();
    let disabled = target.key(json!({ "action": "create", "project": "acme" })).await;
    target.command(json!({ "action": "disable", "key": disabled.id })).await;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut claims = key.claims("ann", "daily");
        change(&mut claims);
        key.sign(&claims)
    };
    let good = key.claims("ann", "daily");
    let stranger = Key { secret: "another secret that has 32 bytes or more".to_owned(), ..key.clone() };
    let unknown = Key { id: "TK0123456789abcdefghijAB".to_owned(), ..key.clone() };
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", key.sign(&good).split('.').nth(1).expect("claims"));
    let ago = |seconds: u64| json!(now() - seconds);
    let cases: Vec<(&str, String, (u16, &str), &str)> = vec![
        ("right", key.sign(&good), (200, ""), ""),
        ("wrong key", stranger.sign(&good), (401, "unauthorized"), "bearer token"),
        ("unknown key", unknown.sign(&unknown.claims("ann", "daily")), (401, "unauthorized"), "bearer token"),
        ("disabled key", disabled.sign(&disabled.claims("ann", "daily")), (401, "key_disabled"), "disabled"),
        ("none", unsigned, (401, "unauthorized"), "bearer token"),
        ("other algorithm", key.sign_with(Algorithm::HS512, &good), (401, "unauthorized"), "bearer token"),
        ("no end", with(&|c| c["exp"] = json!(null)), (401, "unauthorized"), "exp"),
        ("wrong type", with(&|c| c["sub"] = json!(7)), (401, "unauthorized"), "sub"),
        ("expired", with(&|c| (c["nbf"], c["exp"]) = (ago(600), ago(61))), (401, "token_expired"), "expired 6"),
        ("future", with(&|c| c["nbf"] = json!(now() + 300)), (401, "token_not_active"), "s"),
        ("too long", with(&|c| c["exp"] = json!(now() + 90_000)), (401, "unauthorized"), "exp"),
        ("unknown grant", with(&|c| c["video"]["roomName"] = json!("x")), (401, "unauthorized"), "video.roomName"),
        ("no room", with(&|c| c["video"]["room"] = json!("")), (401, "unauthorized"), "video.room"),
        ("no join", with(&|c| c["video"]["roomJoin"] = json!(false)), (403, "forbidden"), "roomJoin"),
    ];
    for (what, token, (status, code), said) in cases {
        let reply = target.join(&token, json!({})).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (status, code), "{what}: {}", reply.body);
        if status != 200 {
            assert!(reply.text("detail").contains(said), "{what}: {}", reply.body);
        }
        let challenge = reply.header("www-authenticate");
        match (status, said) {
            (401, "bearer token") => assert_eq!(challenge, "Bearer", "{what}"),
            (401, _) => assert!(challenge.starts_with("Bearer error=\"invalid_token\", error_description="), "{what}"),
            _ => {}
        }
    }
    let foreign = target.join(&key.sign(&good), json!({ "room": "another" })).await;
    assert_code(&foreign, 403, "forbidden", "another room");
    target.stop().await;
}

#[tokio::test]
async fn a_key_works_from_a_server_and_is_refused_from_a_page() {
    let target = Target::local().await;
    let wanted = json!({ "name": "Daily", "room": "daily" });
    let made = target.call(Method::POST, "/api/session/create", &devkey().basic(), Some(wanted.clone())).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let again = target.call(Method::POST, "/api/session/create", &devkey().basic(), Some(wanted.clone())).await;
    assert_eq!((again.status.as_u16(), &again.body["sessionId"]), (200, &made.body["sessionId"]));
    let other = json!({ "name": "Weekly", "room": "daily", "maxParticipants": 5 });
    let other = target.call(Method::POST, "/api/session/create", &devkey().basic(), Some(other)).await;
    assert_code(&other, 409, "room_exists", "name, maxParticipants");

    let listed = target.call(Method::GET, "/api/session/active", &devkey().basic(), None).await;
    assert_eq!(listed.body[0]["room"], "daily", "{}", listed.body);
    let shown = target.call(Method::GET, "/api/session/daily", &devkey().basic(), None).await;
    assert_eq!(shown.body["sessionId"], made.body["sessionId"], "{}", shown.body);

    let jwt = devkey().sign(&json!({
        "iss": "devkey", "nbf": now(), "exp": now() + 60, "video": { "roomCreate": true, "roomList": true },
    }));
    for authorization in [devkey().basic(), format!("Bearer {jwt}")] {
        let mut from_page = request(Method::GET, &authorization, None);
        from_page.headers_mut().insert(ORIGIN, "http://localhost:5000".parse().expect("an origin"));
        let refused = target.api.send("/api/session/active", from_page).await;
        assert_code(&refused, 403, "forbidden", "web page");
    }
    let end = json!({ "room": "daily" });
    let refused = target.call(Method::POST, "/api/session/end", &format!("Bearer {jwt}"), Some(end.clone())).await;
    assert_code(&refused, 403, "forbidden", "roomAdmin");
    assert!(refused.header("www-authenticate").contains("insufficient_scope"));
    let ended = target.call(Method::POST, "/api/session/end", &devkey().basic(), Some(end)).await;
    assert_eq!(ended.status, 200, "{}", ended.body);
    let wrong = Key { secret: "wrong".to_owned(), ..devkey() };
    assert_eq!(target.call(Method::GET, "/api/session/active", &wrong.basic(), None).await.code(), "unauthorized");
    target.stop().await;
}

#[tokio::test]
async fn a_rooms_name_is_free_again_when_its_session_has_ended() {
    let target = Target::local().await;
    let ann = devkey().person("ann", "daily");
    let first = target.join(&ann.token, json!({})).await.text("sessionId");
    let admin = devkey().basic();
    target.call(Method::POST, "/api/session/end", &admin, Some(json!({ "sessionId": first }))).await;
    let second = target.join(&ann.token, json!({})).await;
    assert_eq!(second.status, 200, "{}", second.body);
    assert_ne!(second.text("sessionId"), first);
    let gone = target.join(&ann.token, json!({ "sessionId": first })).await;
    assert_code(&gone, 410, "session_ended", "ended");
    target.stop().await;
}

#[tokio::test]
async fn many_who_join_a_new_room_at_once_meet_in_one_session() {
    let target = Arc::new(Target::local().await);
    let joins = (0..20).map(|n| {
        let target = Arc::clone(&target);
        let mut claims = devkey().claims(&format!("user-{n}"), "crowd");
        claims["video"]["maxParticipants"] = json!(20);
        let token = devkey().sign(&claims);
        tokio::spawn(async move { target.join(&token, json!({})).await })
    });
    let joined = futures_util::future::join_all(joins).await;
    let sessions: std::collections::BTreeSet<_> =
        joined.into_iter().map(|reply| reply.expect("no panic").text("sessionId")).collect();
    assert_eq!(sessions.len(), 1);
}

#[tokio::test]
async fn a_project_may_say_that_a_join_makes_no_room() {
    let target = Target::local().await;
    let strict = target.key(json!({ "action": "create", "project": "strict", "autoCreate": false })).await;
    let refused = target.join(&strict.person("ann", "daily").token, json!({})).await;
    assert_code(&refused, 404, "session_not_found", "no such session");
    let mut claims = strict.claims("ann", "daily");
    claims["video"]["roomCreate"] = json!(true);
    assert_eq!(target.join(&strict.sign(&claims), json!({})).await.status, 200);
    assert_eq!(target.join(&strict.person("ben", "daily").token, json!({})).await.status, 200);
    target.stop().await;
}

#[tokio::test]
async fn the_same_identity_is_the_same_participant_whose_newer_connection_takes_over() {
    let target = Target::local().await;
    let ann = devkey().person("ann", "daily");
    let first = target.join(&ann.token, json!({})).await;
    let session = first.text("sessionId");
    let mut one = Socket::connect(&socket_address(&first.body["signaling"])).await.expect("an open door");
    one.ack("joinSession", json!({ "sessionId": session })).await;
    let second = target.join(&devkey().person("ann", "daily").token, json!({})).await;
    assert_eq!(second.body["participants"].as_array().map(Vec::len), Some(1), "{}", second.body);
    let other = Socket::connect(&socket_address(&second.body["signaling"])).await.expect("an open door");
    other.ack("joinSession", json!({ "sessionId": session })).await;
    one.event("replaced").await;
    target.stop().await;
}

#[tokio::test]
async fn a_seat_gets_tickets_with_a_token_that_ran_out_and_nobody_else_does() {
    let target = Target::local().await;
    let ann = devkey().person("ann", "daily");
    let session = target.join(&ann.token, json!({})).await.text("sessionId");
    let expired = |identity: &str, change: &dyn Fn(&mut Value)| {
        let mut claims = devkey().claims(identity, "daily");
        (claims["nbf"], claims["exp"]) = (json!(now() - 600), json!(now() - 120));
        change(&mut claims);
        devkey().sign(&claims)
    };
    let ask = async |token: String| {
        target.api.post("/api/session/ticket", Some(&token), json!({ "sessionId": session })).await
    };
    let ticket = ask(expired("ann", &|_| {})).await;
    assert_eq!(ticket.status, 200, "{}", ticket.body);
    let socket = Socket::connect(&socket_address(&ticket.body)).await.expect("an open door");
    socket.ack("joinSession", json!({ "sessionId": session })).await;
    assert_eq!(ask(expired("ben", &|_| {})).await.code(), "not_in_session");
    let ejected = ask(expired("ann", &|claims| claims["video"]["ejectAtTokenExp"] = json!(true))).await;
    assert_eq!(ejected.code(), "token_expired");
    let elsewhere = ask(expired("ann", &|claims| claims["video"]["room"] = json!("other"))).await;
    assert_eq!(elsewhere.code(), "forbidden");
    target.stop().await;
}

/// Every route that takes a session, tried with another project's key and token, and by an account.
#[tokio::test]
async fn two_projects_never_see_each_other() {
    let target = Target::local().await;
    let ours = target.key(json!({ "action": "create", "project": "ours" })).await;
    let theirs = target.key(json!({ "action": "create", "project": "theirs" })).await;
    let session = target.join(&ours.person("ann", "daily").token, json!({})).await.text("sessionId");
    let account = target.person("account").await;
    let namesake = target.join(&theirs.person("ann", "daily").token, json!({})).await;
    assert_ne!(namesake.text("sessionId"), session, "a room's name is a project's own");
    let by_id = theirs.person("ann", &session);
    let mut admin = theirs.claims("ann", &session);
    admin["video"]["roomAdmin"] = json!(true);
    let bearers = [by_id.token, theirs.sign(&admin), account.token].map(|token| format!("Bearer {token}"));
    let named = || Some(json!({ "sessionId": session }));
    for authorization in bearers.into_iter().chain([theirs.basic()]) {
        let is_key = authorization.starts_with("Basic");
        for route in ["join", "ticket", "leave", "end"] {
            let reply = target.call(Method::POST, &format!("/api/session/{route}"), &authorization, named()).await;
            let expected = if is_key && route != "end" { "forbidden" } else { "session_not_found" };
            assert_eq!(reply.code(), expected, "{route} {authorization}: {}", reply.body);
        }
        for path in [format!("/api/session/{session}"), format!("/api/session/{session}/messages")] {
            let reply = target.call(Method::GET, &path, &authorization, None).await;
            assert_eq!(reply.code(), "session_not_found", "{path} {authorization}: {}", reply.body);
        }
    }
    let listed = target.call(Method::GET, "/api/session/active", &theirs.basic(), None).await;
    assert_eq!(listed.body.as_array().map(Vec::len), Some(1), "{}", listed.body);
    assert_eq!(listed.body[0]["sessionId"], namesake.body["sessionId"]);

    let ben = target.join(&ours.person("ben", "daily").token, json!({})).await;
    let mut socket = Socket::connect(&socket_address(&ben.body["signaling"])).await.expect("an open door");
    assert_eq!(socket.refusal("joinSession", json!({ "sessionId": namesake.body["sessionId"] })).await, "unauthorized");
    socket.ack("joinSession", json!({ "sessionId": session })).await;
    let stranger = namesake.body["participants"][0]["userId"].as_str().expect("an id");
    assert_eq!(socket.refusal("sendOffer", offer(stranger, "v=0")).await, "peer_not_found");
    assert!(!names(&socket.drain()).contains(&"userJoined"));
    target.stop().await;
}

#[tokio::test]
async fn a_key_does_no_more_than_it_is_restricted_to() {
    let target = Target::local().await;
    let limits = json!({
        "action": "create", "project": "acme", "grants": ["roomJoin", "roomList"], "roomPrefix": "team-", "maxTokenSeconds": 900,
    });
    let key = target.key(limits).await;
    assert_eq!(target.join(&key.person("ann", "team-a").token, json!({})).await.status, 200);
    assert_code(&target.join(&key.person("ann", "daily").token, json!({})).await, 403, "forbidden", "team-");
    let mut admin = key.claims("ann", "team-a");
    admin["video"]["roomAdmin"] = json!(true);
    assert_code(&target.join(&key.sign(&admin), json!({})).await, 403, "forbidden", "roomAdmin");
    let mut long = key.claims("ann", "team-a");
    long["exp"] = json!(now() + 1000);
    assert_code(&target.join(&key.sign(&long), json!({})).await, 401, "unauthorized", "more than 900 s");
    let created = json!({ "name": "A", "room": "team-b" });
    let refused = target.call(Method::POST, "/api/session/create", &key.basic(), Some(created)).await;
    assert_code(&refused, 403, "forbidden", "roomCreate");

    let listed = target.command(json!({ "action": "list", "project": "acme" })).await;
    assert_eq!(listed["keys"][0]["roomPrefix"], "team-", "{listed}");
    assert!(!listed.to_string().contains(&key.secret), "a secret is shown once");
    let unknown = target.command(json!({ "action": "disable", "key": "TK0123456789abcdefghijAB" })).await;
    assert_eq!(unknown["refused"], "key is not known");
    target.stop().await;
}

#[tokio::test]
async fn a_user_whose_tokens_are_taken_back_is_out_through_every_door_until_a_new_token_comes() {
    let target = Target::local().await;
    let minted = |ago: u64| {
        let mut claims = devkey().claims("ann", "daily");
        claims["nbf"] = json!(now() - ago);
        devkey().sign(&claims)
    };
    let old = minted(5);
    let joined = target.join(&old, json!({})).await;
    let session = joined.text("sessionId");
    let mut socket = Socket::connect(&socket_address(&joined.body["signaling"])).await.expect("an open door");
    socket.ack("joinSession", json!({ "sessionId": session })).await;
    let unused = target.api.post("/api/session/ticket", Some(&old), json!({})).await.body;
    let path = "/api/users/ann/revoke";
    let by_account = format!("Bearer {}", target.person("account").await.token);
    for (authorization, code) in [(format!("Bearer {old}"), "forbidden"), (by_account, "forbidden")] {
        assert_eq!(target.call(Method::POST, path, &authorization, None).await.code(), code);
    }
    let theirs = target.key(json!({ "action": "create", "project": "theirs" })).await;
    assert_eq!(target.call(Method::POST, path, &theirs.basic(), None).await.status, 204);
    assert_eq!(target.join(&old, json!({})).await.status, 200, "another project's user of that name");

    let revoked = target.call(Method::POST, path, &devkey().basic(), None).await;
    assert_eq!(revoked.status, 204, "{}", revoked.body);
    socket.ended().await;
    for route in ["join", "ticket", "leave"] {
        let refused = target.api.post(&format!("/api/session/{route}"), Some(&old), json!({})).await;
        assert_code(&refused, 401, "token_revoked", "revoked");
    }
    assert!(Socket::connect(&socket_address(&unused)).await.is_err(), "a ticket from before opens nothing");
    let shown = target.call(Method::GET, "/api/session/daily", &devkey().basic(), None).await;
    assert_eq!(shown.body["participants"], json!([]), "the seat is free");
    // A clock that is a little ahead mints a token of a later second; nothing here has to wait for one.
    let mut later = devkey().claims("ann", "daily");
    later["nbf"] = json!(now() + 10);
    assert_eq!(target.join(&devkey().sign(&later), json!({})).await.status, 200);
    target.stop().await;
}

#[tokio::test]
async fn whoever_has_no_seat_gets_no_relay_and_does_not_see_who_is_behind_a_waiting_room() {
    let target = Target::local().await;
    let key = devkey();
    let ask = async |identity: &str, path: &str| {
        let token = format!("Bearer {}", key.sign(&key.claims(identity, "daily")));
        target.call(Method::GET, path, &token, None).await
    };
    assert_eq!(ask("ann", "/api/iceservers").await.code(), "not_in_session", "there is no room yet");
    assert_eq!(target.join(&key.sign(&key.claims("ann", "daily")), json!({})).await.status, 200);
    assert_eq!(ask("ann", "/api/iceservers").await.status, 200);
    assert_eq!(ask("ben", "/api/session/daily").await.body["participants"][0]["identity"], "ann");

    let closed = json!({ "waitingRoom": true });
    assert_eq!(target.call(Method::PATCH, "/api/session/daily", &key.basic(), Some(closed)).await.status, 200);
    let waits = target.join(&key.sign(&key.claims("ben", "daily")), json!({})).await;
    assert_eq!(waits.body["admission"], "waiting", "{}", waits.body);
    assert_eq!(ask("ben", "/api/iceservers").await.code(), "not_in_session");
    assert_eq!(ask("ben", "/api/session/daily").await.body["participants"], json!([]));
    assert_eq!(ask("ann", "/api/session/daily").await.body["participants"][0]["identity"], "ann");
    assert_eq!(
        target.call(Method::GET, "/api/session/daily", &key.basic(), None).await.body["participants"][0]["identity"],
        "ann"
    );
    target.stop().await;
}

/// Requests to the table by what they are.
#[derive(Clone, Default)]
struct Bill(Arc<Mutex<BTreeMap<String, usize>>>);

impl Bill {
    fn intercept(&self) -> Intercept {
        let bill = self.clone();
        Arc::new(move |call: &SdkCall<'_>| {
            let name = call.target.rsplit_once('.').map_or("@connections", |(_, operation)| operation);
            *bill.0.lock().expect("a bill").entry(name.to_owned()).or_default() += 1;
            Fate::Pass
        })
    }

    fn take(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut self.0.lock().expect("a bill"))
    }
}

/// An account's join reads its login twice and the roster; a token's reads what was taken back in the place of the login, and the
/// room's name and the key besides, both of them eventually consistent: one read unit in all, and half a unit while the key is
/// remembered.
#[tokio::test(flavor = "multi_thread")]
async fn a_join_with_a_token_reads_the_rooms_name_and_the_key_more_and_a_signal_costs_the_same() {
    let bill = Bill::default();
    let target = Target::with(Options { intercept: Some(bill.intercept()), tells: false, ..Options::default() }).await;
    let account = target.person("account").await;
    let session = target.api.create_session(&account, 5).await;
    bill.take();
    target.seat(&account, &session).await;
    let usual = bill.take();

    let first = target.join(&devkey().person("ann", "daily").token, json!({})).await;
    bill.take();
    let second = target.join(&devkey().person("ben", "daily").token, json!({})).await;
    let known = bill.take();
    assert_eq!(second.status, 200, "{}", second.body);
    let reads = |bill: &BTreeMap<String, usize>| bill.get("GetItem").copied().unwrap_or_default();
    assert_eq!(reads(&known), reads(&usual) + 1, "the room's name: {known:?}, {usual:?}");
    let others = |mut bill: BTreeMap<String, usize>| {
        bill.remove("GetItem");
        bill
    };
    assert_eq!(others(known), others(usual));

    let session = first.text("sessionId");
    let connect = async |reply: &Reply| {
        let socket = Socket::connect(&socket_address(&reply.body["signaling"])).await.expect("an open door");
        socket.ack("joinSession", json!({ "sessionId": session })).await;
        socket
    };
    let (at_ann, _at_ben) = (connect(&first).await, connect(&second).await);
    let ben = second.body["participants"][1]["userId"].as_str().expect("an id");
    at_ann.ack("sendOffer", offer(ben, "v=0")).await;
    bill.take();
    at_ann.ack("sendOffer", offer(ben, "v=0")).await;
    let signal = [("@connections", 1), ("GetItem", 1), ("PutItem", 1)].map(|(name, count)| (name.to_owned(), count));
    assert_eq!(bill.take(), BTreeMap::from(signal));
    target.stop().await;
}
