//! Accounts, their credentials, and their end.

use serde_json::json;
use testclient::{Account, Api, Reply, Socket};

use crate::assert_problem;
use crate::support::{PASSWORD, Pair, Target, unique};

async fn login(api: &Api, person: &Account, password: &str) -> Reply {
    let proof = json!({ "email": format!("{}@example.org", person.username), "password": password });
    api.post("/api/auth/login", None, proof).await
}

async fn refresh(api: &Api, token: &str) -> Reply {
    api.post("/api/auth/refresh", None, json!({ "refreshToken": token })).await
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_account_look_the_same() {
    let target = Target::local().await;
    let alice = target.person("alice").await;
    let wrong = login(&target.api, &alice, "a wrong one").await;
    let unknown = login(&target.api, &Account { username: unique("nobody"), ..alice }, PASSWORD).await;
    assert_problem(&wrong, 401, "invalid_credentials");
    assert_problem(&unknown, 401, "invalid_credentials");
    let without_id = |mut reply: Reply| {
        reply.body["requestId"] = json!(null);
        reply.body
    };
    assert_eq!(without_id(wrong), without_id(unknown));
}

#[tokio::test]
async fn a_name_and_an_address_are_taken_once_whatever_their_case() {
    let target = Target::local().await;
    let alice = target.person("alice").await;
    let address = format!("{}@example.org", alice.username);
    let same_name =
        json!({ "username": alice.username.to_uppercase(), "email": "new@example.org", "password": PASSWORD });
    let same_address = json!({ "username": unique("new"), "email": address.to_uppercase(), "password": PASSWORD });
    let mut refusals = Vec::new();
    for wanted in [same_name, same_address] {
        let refused = target.api.post("/api/auth/register", None, wanted).await;
        assert_problem(&refused, 409, "user_exists");
        refusals.push(refused.text("detail"));
    }
    assert_eq!(refusals[0], refusals[1]);
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_its_reuse_revokes_the_login() {
    let target = Target::local().await;
    let api = &target.api;
    let alice = target.person("alice").await;
    let elsewhere = login(api, &alice, PASSWORD).await.text("refreshToken");

    let second = refresh(api, &alice.refresh_token).await;
    assert_eq!(second.status, 200, "{}", second.body);
    let third = refresh(api, &second.text("refreshToken")).await;
    assert_eq!(third.status, 200, "{}", third.body);
    assert_eq!(api.get("/api/auth/me", Some(&third.text("token"))).await.status, 200);

    assert_problem(&refresh(api, &alice.refresh_token).await, 401, "invalid_refresh_token");
    assert_problem(&refresh(api, &third.text("refreshToken")).await, 401, "invalid_refresh_token");
    assert_eq!(refresh(api, &elsewhere).await.status, 200, "another login is another family");
}

#[tokio::test]
async fn racing_refreshes_get_the_same_successor_and_end_nothing() {
    let target = Target::local().await;
    let alice = target.person("alice").await;
    let race = || refresh(&target.api, &alice.refresh_token);
    let (one, two, three) = tokio::join!(race(), race(), race());
    let successors = [one, two, three].map(|reply| reply.text("refreshToken"));
    assert!(successors.iter().all(|successor| *successor == successors[0]));
    assert_eq!(refresh(&target.api, &successors[0]).await.status, 200);
}

#[tokio::test]
async fn what_was_never_a_refresh_token_is_refused() {
    let target = Target::local().await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    // The first half names user and family, the second half proves it.
    let crossed = format!("{}{}", &alice.refresh_token[..43], &bob.refresh_token[43..]);
    for bad in ["", "x", &alice.token, &crossed, &"A".repeat(86), &format!("{}A", alice.refresh_token)] {
        assert_problem(&refresh(&target.api, bad).await, 401, "invalid_refresh_token");
        let logout = target.api.post("/api/auth/logout", None, json!({ "refreshToken": bad })).await;
        assert_problem(&logout, 401, "invalid_refresh_token");
    }
    assert_eq!(refresh(&target.api, &alice.refresh_token).await.status, 200, "a guess revokes nothing");
}

#[tokio::test]
async fn logging_out_ends_the_logins_connections_and_its_access_to_sessions() {
    let target = Target::local().await;
    let Pair { alice, bob, session, mut at_alice, mut at_bob } = target.pair().await;
    let body = json!({ "refreshToken": bob.refresh_token });
    let out = target.api.post("/api/auth/logout", None, body.clone()).await;
    assert_eq!((out.status.as_u16(), out.bytes.len()), (204, 0));

    let left = at_alice.event("userLeft").await;
    assert_eq!(left["data"], json!({ "userId": bob.id, "username": bob.username, "reason": "removed" }));
    at_bob.ended().await;
    for what in ["join", "ticket"] {
        assert_problem(&target.about(&bob, what, &session).await, 401, "unauthorized");
    }
    assert_problem(&refresh(&target.api, &bob.refresh_token).await, 401, "invalid_refresh_token");
    assert_eq!(target.api.post("/api/auth/logout", None, body).await.status, 204, "again");
    assert_eq!(target.api.get("/api/auth/me", Some(&bob.token)).await.status, 200, "an access token ends by itself");
    assert_eq!(target.detail(&alice, &session).await["currentParticipants"], 1);
}

#[tokio::test]
async fn a_new_password_ends_every_other_login() {
    const NEW: &str = "battery staple";
    let target = Target::local().await;
    let Pair { alice, bob, session, mut at_alice, mut at_bob } = target.pair().await;
    let elsewhere = target.api.login(&format!("{}@example.org", bob.username), PASSWORD).await;
    let change = |current: &str| json!({ "currentPassword": current, "newPassword": NEW });

    let refused = target.api.post("/api/auth/password", Some(&elsewhere.token), change("a wrong one")).await;
    assert_problem(&refused, 401, "invalid_credentials");
    let changed = target.api.post("/api/auth/password", Some(&elsewhere.token), change(PASSWORD)).await;
    assert_eq!(changed.status, 200, "{}", changed.body);

    at_bob.ended().await;
    assert_eq!(at_alice.event("userLeft").await["data"]["reason"], "removed");
    for old in [&bob.refresh_token, &elsewhere.refresh_token] {
        assert_problem(&refresh(&target.api, old).await, 401, "invalid_refresh_token");
    }
    assert_problem(&target.about(&bob, "join", &session).await, 401, "unauthorized");
    assert_problem(&login(&target.api, &bob, PASSWORD).await, 401, "invalid_credentials");
    assert_eq!(login(&target.api, &bob, NEW).await.status, 200);
    assert_eq!(refresh(&target.api, &changed.text("refreshToken")).await.status, 200);
    let renewed = Account { token: changed.text("token"), ..bob };
    assert_eq!(target.about(&renewed, "join", &session).await.status, 200);
    assert!(at_alice.is_open(), "{} has nothing to do with it", alice.username);
}

#[tokio::test]
async fn a_new_password_leaves_the_callers_own_connection_alone() {
    let target = Target::local().await;
    let Pair { bob, at_bob, at_alice: _at_alice, .. } = target.pair().await;
    let change = json!({ "currentPassword": PASSWORD, "newPassword": "battery staple" });
    assert_eq!(target.api.post("/api/auth/password", Some(&bob.token), change).await.status, 200);
    at_bob.ack("sendMessage", json!({ "message": "still here" })).await;
}

#[tokio::test]
async fn a_deleted_account_takes_its_sessions_and_its_messages_along() {
    let target = Target::local().await;
    let Pair { alice, bob, session, mut at_alice, mut at_bob } = target.pair().await;
    let owned = target.api.create_session(&bob, 2).await;
    let mut in_owned = target.enter(&alice, &owned).await;
    at_bob.ack("sendMessage", json!({ "message": "Bob was here" })).await;
    let kept = at_alice.ack("sendMessage", json!({ "message": "Alice is here" })).await;

    let delete = |password: &str| {
        let body = Some(json!({ "password": password }));
        target.api.call(http::Method::DELETE, "/api/auth/me", Some(&bob.token), body)
    };
    assert_problem(&delete("a wrong one").await, 401, "invalid_credentials");
    let deleted = delete(PASSWORD).await;
    assert_eq!((deleted.status.as_u16(), deleted.bytes.len()), (204, 0));

    at_bob.ended().await;
    assert_eq!(at_alice.event("userLeft").await["data"]["reason"], "removed");
    assert_eq!(in_owned.event("sessionEnded").await["data"]["reason"], "creatorDeleted");
    in_owned.ended().await;
    assert_problem(&target.about(&alice, "join", &owned).await, 404, "session_not_found");
    let history = target.api.get(&format!("/api/session/{session}/messages"), Some(&alice.token)).await;
    let messages: Vec<_> = history.body.as_array().expect("a list").iter().map(|m| &m["messageId"]).collect();
    assert_eq!(messages, [&kept["messageId"]]);

    assert_problem(&target.api.get("/api/auth/me", Some(&bob.token)).await, 401, "unauthorized");
    assert_problem(&refresh(&target.api, &bob.refresh_token).await, 401, "invalid_refresh_token");
    assert_problem(&login(&target.api, &bob, PASSWORD).await, 401, "invalid_credentials");
    let reborn = target.api.register(&bob.username).await;
    assert_ne!(reborn.id, bob.id);
}

async fn log_out(target: &Target, person: &Account) -> Reply {
    target.api.post("/api/auth/logout", None, json!({ "refreshToken": person.refresh_token })).await
}

async fn delete_account(target: &Target, person: &Account) -> Reply {
    let body = Some(json!({ "password": PASSWORD }));
    target.api.call(http::Method::DELETE, "/api/auth/me", Some(&person.token), body).await
}

#[tokio::test]
async fn a_ticket_from_before_the_end_of_its_login_opens_nothing() {
    let target = Target::local().await;
    let owner = target.person("owner").await;
    for end in ["logout", "password", "deletion"] {
        let bob = target.person("bob").await;
        let session = target.api.create_session(&owner, 5).await;
        target.seat(&bob, &session).await;
        let address = target.api.ticket(&bob, &session).await;
        let ended = match end {
            "logout" => log_out(&target, &bob).await,
            "password" => {
                let elsewhere = target.api.login(&format!("{}@example.org", bob.username), PASSWORD).await;
                let change = json!({ "currentPassword": PASSWORD, "newPassword": "battery staple" });
                target.api.post("/api/auth/password", Some(&elsewhere.token), change).await
            }
            _ => delete_account(&target, &bob).await,
        };
        assert!(ended.status.is_success(), "{end}: {}", ended.body);
        let refused = Socket::connect(&address).await.err().map(|refused| refused.status);
        assert_eq!(refused, Some(http::StatusCode::UNAUTHORIZED), "{end}");
    }
}

#[tokio::test]
async fn a_connection_that_has_not_joined_ends_with_its_login() {
    let target = Target::local().await;
    let owner = target.person("owner").await;
    for deleted in [false, true] {
        let bob = target.person("bob").await;
        let session = target.api.create_session(&owner, 5).await;
        target.seat(&bob, &session).await;
        let mut idle = target.connect(&bob, &session).await;
        let ended = if deleted { delete_account(&target, &bob).await } else { log_out(&target, &bob).await };
        assert_eq!(ended.status, 204, "{}", ended.body);
        idle.ended().await;
    }
}

#[tokio::test]
async fn the_new_token_of_a_changed_password_logs_the_callers_connection_out() {
    let target = Target::local().await;
    let Pair { bob, mut at_bob, at_alice: _at_alice, .. } = target.pair().await;
    let change = json!({ "currentPassword": PASSWORD, "newPassword": "battery staple" });
    let changed = target.api.post("/api/auth/password", Some(&bob.token), change).await;
    let renewed = Account { refresh_token: changed.text("refreshToken"), ..bob };
    assert_eq!(log_out(&target, &renewed).await.status, 204);
    at_bob.ended().await;
}

#[tokio::test]
async fn the_token_of_a_deleted_account_is_refused_everywhere() {
    let target = Target::local().await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 5).await;
    target.seat(&bob, &session).await;
    assert_eq!(delete_account(&target, &bob).await.status, 204);
    let create = json!({ "name": "a ghost's" });
    assert_problem(&target.api.post("/api/session/create", Some(&bob.token), create).await, 401, "unauthorized");
    for what in ["join", "ticket", "leave", "end"] {
        assert_problem(&target.about(&bob, what, &session).await, 401, "unauthorized");
    }
    let of_session = [format!("/api/session/{session}"), format!("/api/session/{session}/messages")];
    for path in ["/api/iceservers", "/api/session/active", "/api/auth/me", &of_session[0], &of_session[1]] {
        assert_problem(&target.api.get(path, Some(&bob.token)).await, 401, "unauthorized");
    }
    assert_problem(&delete_account(&target, &bob).await, 401, "unauthorized");
}

#[tokio::test]
async fn names_and_passwords_that_look_alike_are_the_same() {
    let target = Target::local().await;
    let name = unique("jose\u{301}");
    let register = async |username: &str, password: &str| {
        let email = format!("{}@example.org", unique("somebody"));
        let body = json!({ "username": username, "email": email, "password": password });
        (target.api.post("/api/auth/register", None, body).await, email)
    };
    let (first, email) = register(&name, "pa\u{308}ssword one").await;
    assert_eq!(first.status, 201, "{}", first.body);
    let composed = name.replace("e\u{301}", "\u{e9}");
    assert_eq!(first.text("username"), composed);
    assert_problem(&register(&composed, PASSWORD).await.0, 409, "user_exists");
    let login = json!({ "email": email, "password": "p\u{e4}ssword one" });
    assert_eq!(target.api.post("/api/auth/login", None, login).await.status, 200);
    for hidden in ["\u{200b}", "\u{2060}\u{2060}", "\u{3164}", "\u{ad}", "\u{202e}", "\u{feff}", "ad\u{200b}min"] {
        assert_problem(&register(hidden, PASSWORD).await.0, 400, "invalid_request");
    }
    for guessed in ["12345678", "passwort", "        "] {
        assert_problem(&register(&unique("new"), guessed).await.0, 400, "invalid_request");
    }
}
