//! Whoever asks too often is told when to ask again.

use futures_util::future::join_all;
use local::Options;
use runtime::settings;
use serde_json::json;
use testclient::{Account, Reply};

use crate::assert_problem;
use crate::support::{PASSWORD, Target, unique, until};

const QUARTER: u64 = 15 * 60;

/// Checks a refusal that names a time within the window.
fn assert_limited(reply: &Reply, window: u64) {
    assert_problem(reply, 429, "rate_limited");
    let seconds: u64 = reply.header("retry-after").parse().expect("whole seconds");
    assert!((1..=window).contains(&seconds), "{seconds} s of {window} s");
}

async fn login(target: &Target, email: &str, password: &str) -> Reply {
    target.api.post("/api/auth/login", None, json!({ "email": email, "password": password })).await
}

fn address(person: &Account) -> String {
    format!("{}@example.org", person.username)
}

#[tokio::test]
async fn failed_logins_of_an_account_are_limited_whether_or_not_it_exists() {
    let target = Target::with_settings([(settings::FAILED_LOGINS_PER_ACCOUNT, 2)]).await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let unknown = format!("{}@example.org", unique("nobody"));
    for email in [address(&alice), unknown] {
        for _ in 0..2 {
            assert_problem(&login(&target, &email, "a wrong one").await, 401, "invalid_credentials");
        }
        assert_limited(&login(&target, &email, "a wrong one").await, QUARTER);
        assert_limited(&login(&target, &email.to_uppercase(), PASSWORD).await, QUARTER);
    }
    assert_eq!(login(&target, &address(&bob), PASSWORD).await.status, 200);
}

#[tokio::test]
async fn parallel_guesses_do_not_slip_past_the_limit() {
    let target = Target::with_settings([(settings::FAILED_LOGINS_PER_ACCOUNT, 3)]).await;
    let email = address(&target.person("alice").await);
    let guess = || login(&target, &email, "a wrong one");
    let (a, b, c, d, e, f) = tokio::join!(guess(), guess(), guess(), guess(), guess(), guess());
    let looked_at = [a, b, c, d, e, f].iter().filter(|reply| reply.code() == "invalid_credentials").count();
    assert_eq!(looked_at, 3);
}

#[tokio::test]
async fn logins_that_succeed_do_not_count() {
    let target =
        Target::with_settings([(settings::FAILED_LOGINS_PER_ACCOUNT, 1), (settings::FAILED_LOGINS_PER_ADDRESS, 1)])
            .await;
    let email = address(&target.person("alice").await);
    for _ in 0..3 {
        assert_eq!(login(&target, &email, PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn failed_logins_of_a_network_address_are_limited() {
    let target = Target::with_settings([(settings::FAILED_LOGINS_PER_ADDRESS, 2)]).await;
    let alice = address(&target.person("alice").await);
    for name in ["one", "two"] {
        let email = format!("{}@example.org", unique(name));
        assert_problem(&login(&target, &email, PASSWORD).await, 401, "invalid_credentials");
    }
    assert_limited(&login(&target, &alice, PASSWORD).await, QUARTER);
}

#[tokio::test]
async fn a_client_does_not_choose_its_own_network_address() {
    let target = Target::with_settings([(settings::FAILED_LOGINS_PER_ADDRESS, 1)]).await;
    let mut refusals = Vec::new();
    for forged in ["192.0.2.1", "192.0.2.2"] {
        let body = json!({ "email": format!("{}@example.org", unique("x")), "password": PASSWORD }).to_string();
        let request =
            http::Request::post("/").header("content-type", "application/json").header("x-forwarded-for", forged);
        let request = request.body(http_body_util::Full::new(bytes::Bytes::from(body))).expect("a valid request");
        refusals.push(target.api.send("/api/auth/login", request).await.code().to_owned());
    }
    assert_eq!(refusals, ["invalid_credentials", "rate_limited"]);
}

#[tokio::test]
async fn registrations_of_a_network_address_are_limited() {
    let target = Target::with_settings([(settings::REGISTRATIONS_PER_ADDRESS, 1)]).await;
    target.person("alice").await;
    let wanted = json!({ "username": "bob-2", "email": "bob-2@example.org", "password": PASSWORD });
    assert_limited(&target.api.post("/api/auth/register", None, wanted).await, 3600);
}

#[tokio::test]
async fn sessions_and_tickets_of_a_user_are_limited() {
    let target = Target::with_settings([(settings::SESSIONS_PER_USER, 2), (settings::TICKETS_PER_USER, 2)]).await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 2).await;
    target.api.create_session(&alice, 2).await;
    let third = target.api.post("/api/session/create", Some(&alice.token), json!({ "name": "Third" })).await;
    assert_limited(&third, 3600);

    target.seat(&alice, &session).await;
    target.api.ticket(&alice, &session).await;
    for what in ["ticket", "join"] {
        assert_limited(&target.about(&alice, what, &session).await, 60);
    }
    target.seat(&bob, &session).await;
    target.api.create_session(&bob, 2).await;
}

#[tokio::test]
async fn frames_of_a_connection_are_limited_and_the_connection_stays() {
    let settings = [(settings::FRAMES_PER_SECOND, 1), (settings::FRAMES_BURST, 4)];
    let target = Target::with_settings(settings).await;
    let pair = target.pair().await;
    let mut refused = 0;
    while refused == 0 {
        let answer = pair.at_alice.request("ping", json!({})).await.expect("an answer");
        refused += usize::from(answer["data"]["code"] == "rate_limited");
    }
    pair.at_bob.ack("ping", json!({})).await;
    crate::support::until("another frame", async || {
        let answer = pair.at_alice.request("ping", json!({})).await.expect("an answer");
        (answer["event"] == "ack").then_some(())
    })
    .await;
}

#[tokio::test]
async fn chat_of_a_connection_is_limited_and_its_other_frames_are_not() {
    let target = Target::with_settings([(settings::CHAT_PER_SECOND, 1), (settings::CHAT_BURST, 4)]).await;
    let pair = target.pair().await;
    let mut accepted = 0;
    while pair.at_alice.request("sendMessage", json!({ "message": "hi" })).await.expect("an answer")["event"] == "ack" {
        accepted += 1;
    }
    assert!(accepted >= 4, "{accepted}");
    let refused = until("a refusal", async || {
        let answer = pair.at_alice.request("sendMessage", json!({ "message": "hi" })).await.expect("an answer");
        (answer["event"] == "error").then(|| answer["data"]["code"].clone())
    });
    assert_eq!(refused.await, "rate_limited");
    pair.at_alice.ack("sendOffer", crate::support::offer(&pair.bob.id, "v=0")).await;
    pair.at_bob.ack("sendMessage", json!({ "message": "hello" })).await;
}

#[tokio::test]
async fn routes_are_throttled_as_on_aws_where_the_operator_wants_it() {
    let target = Target::with(Options { route_throttles: true, ..Options::default() }).await;
    let throttled = until("a request above the rate", async || {
        let replies = join_all((0..100).map(|_| target.api.get("/health", None))).await;
        replies.into_iter().find(|reply| reply.status == 429)
    });
    assert_eq!(throttled.await.body, json!({ "message": "Too Many Requests" }));
}
