//! Guest links, through real HTTP and WebSocket clients: a host makes one, somebody without an account comes by it, and it ends.

mod support;

use http::Method;
use http::header::ORIGIN;
use runtime::settings;
use serde_json::{Value, json};
use support::apps::{assert_code, devkey, request};
use support::{PASSWORD, Target, names};
use testclient::{Account, Reply, Socket, socket_address};

/// A session of alice, who is there, and a link to it.
struct Party {
    target: Target,
    alice: Account,
    at_alice: Socket,
    session: String,
    invite: Value,
}

impl Party {
    async fn new() -> Self {
        let target = Target::local().await;
        let alice = target.person("alice").await;
        let session = target.api.create_session(&alice, 4).await;
        let at_alice = target.enter(&alice, &session).await;
        let made = invite(&target, &alice, &session, json!({})).await;
        assert_eq!(made.status, 201, "{}", made.body);
        Self { target, alice, at_alice, session, invite: made.body }
    }

    fn code(&self) -> String {
        self.invite["code"].as_str().expect("a code").to_owned()
    }

    async fn redeem(&self, name: &str) -> Reply {
        redeem(&self.target, &self.code(), name).await
    }

    /// Somebody who came by the link: what redeeming gave, and their socket in the session.
    async fn guest(&self, name: &str) -> (Value, Socket) {
        let guest = self.redeem(name).await;
        assert_eq!(guest.status, 200, "{}", guest.body);
        let (_, socket) = self.target.enter_room(guest.body["token"].as_str().expect("a token")).await;
        (guest.body, socket)
    }

    async fn revoke(&self, rest: &str) -> Reply {
        let path = format!("/api/session/{}/invites{rest}", self.session);
        self.target.call(Method::DELETE, &path, &bearer(&self.alice), None).await
    }

    async fn listed(&self) -> Vec<Value> {
        let path = format!("/api/session/{}/invites", self.session);
        let listed = self.target.api.get(&path, Some(&self.alice.token)).await;
        assert_eq!(listed.status, 200, "{}", listed.body);
        listed.body.as_array().expect("a list").clone()
    }
}

fn bearer(account: &Account) -> String {
    format!("Bearer {}", account.token)
}

async fn invite(target: &Target, host: &Account, session: &str, body: Value) -> Reply {
    target.api.post(&format!("/api/session/{session}/invites"), Some(&host.token), body).await
}

async fn redeem(target: &Target, code: &str, name: &str) -> Reply {
    target.api.post("/api/invites/redeem", None, json!({ "code": code, "name": name })).await
}

#[tokio::test]
async fn a_guest_comes_by_a_link_with_a_name_alone_talks_and_goes() {
    let mut party = Party::new().await;
    let looked = party.target.api.post("/api/invites/lookup", None, json!({ "code": party.code() })).await;
    assert_eq!((looked.status.as_u16(), looked.text("sessionId")), (200, party.session.clone()));
    assert_eq!((&looked.body["role"], &looked.body["expiresAt"]), (&json!("participant"), &party.invite["expiresAt"]));
    assert_eq!(looked.body["hostUsername"], party.target.detail(&party.alice, &party.session).await["creatorUsername"]);

    let (guest, mut at_guest) = party.guest("Mallory").await;
    let told = party.at_alice.event("userJoined").await["data"].clone();
    assert_eq!((&told["username"], &told["userId"]), (&json!("Mallory (guest)"), &guest["userId"]));
    assert_eq!((&told["identity"], &told["role"]), (&guest["identity"], &json!("participant")));
    let identity = guest["identity"].as_str().expect("a text");
    assert!(
        identity.starts_with(&format!("guest:{}:", party.invite["inviteId"].as_str().expect("a text"))),
        "{identity}"
    );

    at_guest.ack("sendMessage", json!({ "message": "hello" })).await;
    let heard = party.at_alice.event("receiveMessage").await["data"].clone();
    assert_eq!(heard["fromUsername"], "Mallory (guest)");
    let chat = party.target.api.get(&format!("/api/session/{}/messages", party.session), guest["token"].as_str()).await;
    assert_eq!(chat.body[0]["message"], "hello", "{}", chat.body);
    let ice = party.target.api.get("/api/iceservers", guest["token"].as_str()).await;
    assert_eq!(ice.status, 200, "{}", ice.body);
    at_guest.ack("leaveSession", json!({})).await;
    assert_eq!(party.at_alice.event("userLeft").await["data"]["userId"], guest["userId"]);
    assert!(at_guest.ended().await.is_some());
    party.target.stop().await;
}

#[tokio::test]
async fn the_link_is_one_to_the_page_of_the_host_that_was_asked_with_the_code_in_the_fragment() {
    let party = Party::new().await;
    let code = party.code();
    let url = party.invite["url"].as_str().expect("a text");
    let (page, fragment) = url.split_once('#').expect("a fragment");
    assert_eq!((code.len(), fragment), (43, format!("/join/{code}").as_str()));
    let asked = party.target.server().address();
    assert!(page == format!("http://localhost:{}/", asked.port()), "{page}");
    party.target.stop().await;
}

#[tokio::test]
async fn a_token_of_a_guest_is_good_for_that_session_and_for_nothing_else() {
    let party = Party::new().await;
    let (guest, _at_guest) = party.guest("Mallory").await;
    let elsewhere = party.target.api.create_session(&party.alice, 4).await;
    let token = format!("Bearer {}", guest["token"].as_str().expect("a token"));
    let call = async |method: Method, path: &str, body: Option<Value>| {
        let reply = party.target.call(method, path, &token, body).await;
        (reply.status.as_u16(), reply.code().to_owned())
    };
    let forbidden = (403, "forbidden".to_owned());
    let unauthorized = (401, "unauthorized".to_owned());
    let there = format!("/api/session/{elsewhere}");
    assert_eq!(call(Method::GET, &there, None).await, forbidden);
    for what in ["join", "ticket", "leave", "end"] {
        let body = Some(json!({ "sessionId": elsewhere }));
        assert_eq!(call(Method::POST, &format!("/api/session/{what}"), body).await, forbidden, "{what}");
    }
    for path in ["messages", "participants", "invites"] {
        assert_eq!(call(Method::GET, &format!("{there}/{path}"), None).await, forbidden, "{path}");
    }
    let here = format!("/api/session/{}", party.session);
    assert_eq!(call(Method::POST, "/api/session/end", Some(json!({ "sessionId": party.session }))).await.0, 403);
    assert_eq!(call(Method::PATCH, &here, Some(json!({ "locked": true }))).await, forbidden);
    assert_eq!(call(Method::GET, &format!("{here}/invites"), None).await, forbidden);
    assert_eq!(call(Method::DELETE, &format!("{here}/participants/{}", party.alice.id), None).await, forbidden);
    assert_eq!(call(Method::POST, "/api/session/create", Some(json!({ "name": "Mine" }))).await, forbidden);
    assert_eq!(call(Method::GET, "/api/session/active", None).await, forbidden);
    assert_eq!(call(Method::GET, "/api/webhooks", None).await, forbidden);
    assert_eq!(call(Method::GET, "/api/usage", None).await, forbidden);
    assert_eq!(call(Method::GET, "/api/auth/me", None).await, unauthorized);
    assert_eq!(call(Method::DELETE, "/api/auth/me", Some(json!({ "password": "password" }))).await, unauthorized);
    assert_eq!(call(Method::GET, &here, None).await.0, 200, "what they are in, they see");
    party.target.stop().await;
}

#[tokio::test]
async fn who_was_never_inside_sees_nothing_of_the_session() {
    let party = Party::new().await;
    let guest = party.redeem("Mallory").await;
    let token = guest.text("token");
    let here = format!("/api/session/{}", party.session);
    for path in [here.clone(), format!("{here}/messages"), format!("{here}/participants"), "/api/iceservers".to_owned()]
    {
        let reply = party.target.api.get(&path, Some(&token)).await;
        assert!(matches!(reply.status.as_u16(), 403 | 404), "{path}: {}", reply.body);
        assert!(!reply.body.to_string().contains(&party.alice.id), "{path}: {}", reply.body);
    }
    party.target.stop().await;
}

#[tokio::test]
async fn a_link_that_was_taken_back_lets_nobody_in_and_throws_nobody_out() {
    let mut party = Party::new().await;
    let (guest, at_guest) = party.guest("Mallory").await;
    party.at_alice.event("userJoined").await;
    let late = party.redeem("Late").await;
    let invite_id = party.invite["inviteId"].as_str().expect("a text").to_owned();
    let listed = party.listed().await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["inviteId"], invite_id.as_str());
    assert!(listed[0].get("code").is_none() && listed[0].get("url").is_none(), "{listed:?}");

    for _ in 0..2 {
        assert_eq!(party.revoke(&format!("/{invite_id}")).await.status, 204, "the same again is no mistake");
    }
    assert_eq!(party.listed().await, Vec::<Value>::new());
    assert_code(&party.redeem("Later").await, 404, "invite_not_found", "taken back");
    assert_code(&party.target.join(&late.text("token"), json!({})).await, 401, "token_revoked", "revoked");
    at_guest.ack("ping", json!({})).await;
    // A page that is loaded anew joins again.
    let token = guest["token"].as_str().expect("a token");
    assert_eq!(party.target.join(token, json!({})).await.status, 200);
    at_guest.ack("leaveSession", json!({})).await;
    assert_code(&party.target.join(token, json!({})).await, 401, "token_revoked", "revoked");
    party.target.stop().await;
}

#[tokio::test]
async fn all_links_of_a_session_are_taken_back_at_once() {
    let party = Party::new().await;
    let other =
        invite(&party.target, &party.alice, &party.session, json!({ "role": "viewer", "expiresInSeconds": 60 })).await;
    assert_eq!(party.listed().await.len(), 2);
    assert_eq!(party.revoke("").await.status, 204);
    for code in [party.code(), other.text("code")] {
        assert_code(&redeem(&party.target, &code, "Mallory").await, 404, "invite_not_found", "taken back");
    }
    party.target.stop().await;
}

#[tokio::test]
async fn whoever_is_invited_to_look_on_may_write_and_sends_nothing() {
    let mut party = Party::new().await;
    let looking = invite(&party.target, &party.alice, &party.session, json!({ "role": "viewer" })).await;
    let guest = redeem(&party.target, &looking.text("code"), "Mallory").await;
    let (joined, at_guest) = party.target.enter_room(&guest.text("token")).await;
    let own = joined.body["participants"].as_array().expect("a roster").last().expect("somebody");
    assert_eq!((&own["role"], &guest.body["invitation"]["role"]), (&json!("viewer"), &json!("viewer")));
    at_guest.ack("sendMessage", json!({ "message": "hello" })).await;
    party.at_alice.event("receiveMessage").await;
    let data = json!({ "topic": "t", "payload": "p" });
    assert_eq!(at_guest.refusal("sendData", data).await, "forbidden");
    party.target.stop().await;
}

#[tokio::test]
async fn a_ban_of_a_guest_takes_back_the_link_that_they_came_by() {
    let mut party = Party::new().await;
    let other = invite(&party.target, &party.alice, &party.session, json!({})).await;
    let (guest, mut at_guest) = party.guest("Mallory").await;
    party.at_alice.event("userJoined").await;
    let gone = json!({ "targetUserId": guest["userId"], "banSeconds": 3600 });
    party.at_alice.ack("removeParticipant", gone).await;
    assert!(at_guest.ended().await.is_some());
    let token = guest["token"].as_str().expect("a token");
    let again = party.target.join(token, json!({})).await;
    assert!(matches!(again.code(), "token_revoked" | "banned"), "{}", again.body);
    assert_code(&party.redeem("Mallory II").await, 404, "invite_not_found", "taken back");
    assert_eq!(redeem(&party.target, &other.text("code"), "Peggy").await.status, 200, "another link is another's");
    party.target.stop().await;
}

#[tokio::test]
async fn lock_waiting_room_and_seats_hold_for_guests() {
    let party = Party::new().await;
    let change = async |change: Value| {
        let path = format!("/api/session/{}", party.session);
        let changed = party.target.call(Method::PATCH, &path, &bearer(&party.alice), Some(change)).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
    };
    let token = party.redeem("Mallory").await.text("token");
    change(json!({ "locked": true })).await;
    assert_code(&party.target.join(&token, json!({})).await, 403, "session_locked", "locked");
    change(json!({ "locked": false, "waitingRoom": true })).await;
    let waits = party.target.join(&token, json!({})).await;
    assert_eq!((waits.text("admission"), &waits.body["participants"]), ("waiting".to_owned(), &json!([])));
    let admit = format!("/api/session/{}/participants/{}/admit", party.session, waits.text("userId"));
    assert_eq!(party.target.call(Method::POST, &admit, &bearer(&party.alice), None).await.status, 204);
    assert_eq!(party.target.join(&token, json!({})).await.text("admission"), "admitted");
    party.target.stop().await;
}

#[tokio::test]
async fn a_session_that_ended_or_whose_account_is_gone_has_no_guests() {
    let party = Party::new().await;
    let ended = party.target.about(&party.alice, "end", &party.session).await;
    assert_eq!(ended.status, 200, "{}", ended.body);
    assert_code(&party.redeem("Mallory").await, 410, "session_ended", "ended");

    let bob = party.target.person("bob").await;
    let session = party.target.api.create_session(&bob, 2).await;
    let link = invite(&party.target, &bob, &session, json!({})).await;
    let erased = json!({ "password": PASSWORD });
    assert_eq!(party.target.call(Method::DELETE, "/api/auth/me", &bearer(&bob), Some(erased)).await.status, 204);
    let refused = redeem(&party.target, &link.text("code"), "Mallory").await;
    assert!(matches!(refused.code(), "invite_not_found" | "session_ended"), "{}", refused.body);
    party.target.stop().await;
}

#[tokio::test]
async fn only_a_host_invites_and_an_app_mints_tokens() {
    let party = Party::new().await;
    let bob = party.target.person("bob").await;
    let _at_bob = party.target.enter(&bob, &party.session).await;
    assert_code(&invite(&party.target, &bob, &party.session, json!({})).await, 403, "forbidden", "moderate");
    let path = format!("/api/session/{}/invites", party.session);
    for method in [Method::GET, Method::DELETE] {
        let refused = party.target.call(method, &path, &bearer(&bob), None).await;
        assert_code(&refused, 403, "forbidden", "moderate");
    }
    assert_code(&party.revoke("/no-invitation").await, 404, "invite_not_found", "");
    let bad =
        invite(&party.target, &party.alice, &party.session, json!({ "role": "host", "expiresInSeconds": 1 })).await;
    assert_code(&bad, 400, "invalid_request", "role");

    let joined = party.target.join(&devkey().person("ann", "daily").token, json!({})).await;
    let path = format!("/api/session/{}/invites", joined.text("sessionId"));
    let by_key = party.target.call(Method::POST, &path, &devkey().basic(), Some(json!({}))).await;
    let is_default = by_key.status == 201;
    assert!(is_default || by_key.code() == "forbidden", "{}", by_key.body);
    let acme = party.target.key(json!({ "action": "create", "project": "acme" })).await;
    let joined = party.target.join(&acme.person("ann", "daily").token, json!({})).await;
    let path = format!("/api/session/{}/invites", joined.text("sessionId"));
    let by_key = party.target.call(Method::POST, &path, &acme.basic(), Some(json!({}))).await;
    assert_code(&by_key, 403, "forbidden", "join tokens");
    party.target.stop().await;
}

#[tokio::test]
async fn names_of_guests_are_checked_as_others_are_and_codes_are_not_guessed() {
    let party = Party::new().await;
    for bad in ["", "   ", "a\u{200b}b\u{0}", &"x".repeat(51)] {
        assert_code(&party.redeem(bad).await, 400, "invalid_request", "name");
    }
    for code in ["", "x", &"A".repeat(43), &format!("{}A", party.code()), "#/join/x", "\u{1f600}"] {
        assert_code(&redeem(&party.target, code, "Mallory").await, 404, "invite_not_found", "");
        let looked = party.target.api.post("/api/invites/lookup", None, json!({ "code": code })).await;
        assert_code(&looked, 404, "invite_not_found", "");
    }
    party.target.stop().await;
}

#[tokio::test]
async fn looks_at_links_of_one_address_are_limited() {
    let target = Target::with_settings([(settings::INVITES_PER_ADDRESS, 2)]).await;
    let codes = async || redeem(&target, "x", "Mallory").await.code().to_owned();
    let answers = [codes().await, codes().await, codes().await];
    assert_eq!(answers, ["invite_not_found", "invite_not_found", "rate_limited"]);
    target.stop().await;
}

#[tokio::test]
async fn a_page_of_another_origin_may_redeem_and_no_log_of_ours_has_the_code() {
    let party = Party::new().await;
    let body = json!({ "code": party.code(), "name": "Mallory" });
    let mut asked = request(Method::POST, "", Some(body));
    asked.headers_mut().remove("authorization");
    asked.headers_mut().insert(ORIGIN, "https://app.example".parse().expect("an origin"));
    assert_eq!(party.target.api.send("/api/invites/redeem", asked).await.status, 200);
    party.target.stop().await;
}

#[tokio::test]
async fn a_guest_comes_back_to_the_seat_after_the_connection_was_lost() {
    let mut party = Party::new().await;
    let (guest, at_guest) = party.guest("Mallory").await;
    party.at_alice.event("userJoined").await;
    assert_eq!(party.revoke("").await.status, 204);
    at_guest.close().await;
    party.at_alice.event("userStatusUpdated").await;
    let token = guest["token"].as_str().expect("a token");
    let body = json!({ "sessionId": party.session });
    let ticket = party.target.api.post("/api/session/ticket", Some(token), body.clone()).await;
    assert_eq!(ticket.status, 200, "{}", ticket.body);
    let back = Socket::connect(&socket_address(&ticket.body)).await.expect("an open door");
    back.ack("joinSession", body).await;
    let heard = party.at_alice.event("userStatusUpdated").await;
    assert_eq!(heard["data"]["userId"], guest["userId"]);
    assert_eq!(names(&party.at_alice.drain()), Vec::<&str>::new(), "nobody left and nobody joined");
    party.target.stop().await;
}
