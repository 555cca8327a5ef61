//! Functions given events as API Gateway, SQS and EventBridge send them, recorded in `events/`, and what they return to
//! Lambda. Texts in capitals stand for what is only known when a test runs.

mod support;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use local::Options;
use serde_json::{Value, json};
use support::{PASSWORD, Target};
use testclient::Account;

/// A recorded event.
fn event(name: &str) -> Value {
    let path = format!("{}/tests/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).expect("recorded JSON")
}

/// Hands an event to a fresh instance of a function: what it returns, or the message of its error.
async fn invoke(target: &Target, function: &str, event: &Value) -> Result<Value, String> {
    let function = target.server().function(function).expect("a function of the route table");
    let answer = function(event.to_string().into()).await;
    answer.map(|json| serde_json::from_slice(&json).expect("JSON")).map_err(|error| error.message)
}

fn body(answer: &Value) -> Value {
    serde_json::from_str(answer["body"].as_str().expect("a body")).expect("JSON")
}

/// Two people with seats, and what the authorizer says of the first one's ticket.
struct Seated {
    target: Target,
    alice: Account,
    bob: Account,
    session: String,
    authorizer: Value,
}

async fn seated() -> Seated {
    let allowed_origins = vec!["https://app.example.org".to_owned()];
    let target = Target::with(Options { allowed_origins, ..Options::default() }).await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 2).await;
    target.seat(&bob, &session).await;
    let joined = target.seat(&alice, &session).await;
    let admitted = invoke(&target, "ws_authorizer", &handshake(&joined.body["signaling"]["ticket"])).await;
    let mut authorizer = admitted.expect("a policy")["context"].take();
    authorizer["principalId"] = json!(alice.id);
    authorizer["integrationLatency"] = json!(12);
    Seated { target, alice, bob, session, authorizer }
}

fn handshake(ticket: &Value) -> Value {
    let mut event = event("ws_authorizer");
    event["queryStringParameters"]["ticket"] = ticket.clone();
    event["multiValueQueryStringParameters"]["ticket"] = json!([ticket]);
    event
}

impl Seated {
    /// A recorded event of alice's connection.
    fn event(&self, name: &str) -> Value {
        let mut event = event(name);
        event["requestContext"]["authorizer"] = self.authorizer.clone();
        event
    }

    /// Sends a frame over alice's connection; the frame that answers it.
    async fn frame(&self, function: &str, action: &str, data: Value) -> Value {
        let mut event = self.event("ws_message");
        event["requestContext"]["routeKey"] = json!(action);
        event["body"] = json!(json!({ "action": action, "id": "7", "data": data }).to_string());
        let answer = invoke(&self.target, function, &event).await.expect("an answer");
        assert_eq!(answer["statusCode"], 200, "whatever the client did: {answer}");
        body(&answer)
    }

    async fn join(&self) {
        let joined = self.frame("ws_join", "joinSession", json!({ "sessionId": self.session })).await;
        assert_eq!((&joined["event"], &joined["id"]), (&json!("ack"), &json!("7")), "{joined}");
    }

    async fn status_of_alice(&self) -> Value {
        let detail = self.target.detail(&self.bob, &self.session).await;
        let participants = detail["participants"].as_array().expect("a list");
        participants.iter().find(|p| p["userId"] == self.alice.id).map_or(Value::Null, |p| p["status"].clone())
    }
}

#[tokio::test]
async fn an_http_event_is_answered_with_its_request_id() {
    let target = Target::local().await;
    let registered = invoke(&target, "auth_register", &event("http_register")).await.expect("an answer");
    assert_eq!(registered["statusCode"], 201, "{registered}");
    assert_eq!(registered["headers"]["content-type"], "application/json");
    assert_eq!(registered["headers"]["x-request-id"], "UkT3RhYmFiAEJUA=");
    assert_eq!(registered["isBase64Encoded"], false);
    assert_eq!(body(&registered)["username"], "grace");

    let again = invoke(&target, "auth_register", &event("http_register")).await.expect("an answer");
    assert_eq!((&again["statusCode"], &body(&again)["requestId"]), (&json!(409), &json!("UkT3RhYmFiAEJUA=")));
    assert_eq!(target.api.login("grace@example.org", PASSWORD).await.username, "grace");
}

#[tokio::test]
async fn a_body_in_base64_is_the_same_body() {
    let target = Target::local().await;
    let mut encoded = event("http_register");
    let text = encoded["body"].as_str().expect("a body").to_owned();
    encoded["body"] = json!(BASE64_STANDARD.encode(text));
    encoded["isBase64Encoded"] = json!(true);
    encoded["headers"]["content-type"] = json!("application/octet-stream");
    let registered = invoke(&target, "auth_register", &encoded).await.expect("an answer");
    assert_eq!(registered["statusCode"], 201, "{registered}");
}

#[tokio::test]
async fn path_query_and_bearer_token_are_read_from_the_event() {
    let target = Target::local().await;
    let pair = target.pair().await;
    for text in ["one", "two"] {
        pair.at_bob.ack("sendMessage", json!({ "message": text })).await;
    }
    let recorded = event("http_messages").to_string();
    let filled = recorded.replace("SESSION", &pair.session).replace("TOKEN", &pair.alice.token);
    let mut event: Value = serde_json::from_str(&filled).expect("JSON");
    let page = invoke(&target, "session_messages", &event).await.expect("an answer");
    assert_eq!(body(&page)[0]["message"], "two");
    let link = page["headers"]["link"].as_str().expect("a link");
    assert!(link.starts_with(&format!("</api/session/{}/messages?limit=1&cursor=", pair.session)), "{link}");

    event["headers"]["authorization"] = json!("Bearer TOKEN");
    let refused = invoke(&target, "session_messages", &event).await.expect("an answer");
    assert_eq!((&refused["statusCode"], &refused["headers"]["www-authenticate"]), (&json!(401), &json!("Bearer")));
    assert_eq!(refused["headers"]["content-type"], "application/problem+json");
}

#[tokio::test]
async fn the_authorizer_allows_a_ticket_and_passes_on_what_it_says_as_texts() {
    let Seated { target, alice, session, .. } = seated().await;
    let address = target.api.ticket(&alice, &session).await;
    let (_, ticket) = address.split_once("?ticket=").expect("a ticket");
    let admitted = invoke(&target, "ws_authorizer", &handshake(&json!(ticket))).await.expect("a policy");
    assert_eq!(admitted["principalId"], alice.id);
    let statement = &admitted["policyDocument"]["Statement"][0];
    assert_eq!(statement["Effect"], "Allow");
    assert_eq!(
        statement["Resource"],
        json!(["arn:aws:execute-api:eu-central-1:123456789012:f6g7h8i9j0/prod/$connect"])
    );
    let context = admitted["context"].as_object().expect("a context");
    assert!(context.values().all(Value::is_string), "{context:?}");
    assert_eq!((&context["userId"], &context["sessionId"]), (&json!(alice.id), &json!(session)));

    let mut foreign = handshake(&json!(ticket));
    foreign["headers"]["Origin"] = json!("https://evil.example.org");
    let denied = invoke(&target, "ws_authorizer", &foreign).await.expect("a policy");
    assert_eq!(denied["policyDocument"]["Statement"][0]["Effect"], "Deny");
    for bad in [json!("x"), json!(""), json!(alice.token)] {
        assert_eq!(invoke(&target, "ws_authorizer", &handshake(&bad)).await, Err("Unauthorized".to_owned()));
    }
}

#[tokio::test]
async fn a_ticket_connects_once() {
    let seated = seated().await;
    // The event itself may come again: Lambda retries.
    for (connection, status) in [("UkUFsfd2FiACFLw=", 200), ("UkUFsfd2FiACFLw=", 200), ("UkUQpfX8liACEPg=", 403)] {
        let mut event = seated.event("ws_connect");
        event["requestContext"]["connectionId"] = json!(connection);
        let answer = invoke(&seated.target, "ws_connect", &event).await.expect("an answer");
        assert_eq!(answer["statusCode"], status, "{connection}");
    }
}

#[tokio::test]
async fn an_event_without_an_identity_is_the_servers_own_fault() {
    let seated = seated().await;
    for (function, name) in
        [("ws_connect", "ws_connect"), ("ws_join", "ws_message"), ("ws_disconnect", "ws_disconnect")]
    {
        let mut event = seated.event(name);
        event["requestContext"]["authorizer"] = json!({ "principalId": seated.alice.id });
        assert!(invoke(&seated.target, function, &event).await.is_err(), "{function}");
    }
}

#[tokio::test]
async fn messages_of_a_connection_are_answered_by_frames_and_its_end_is_noticed() {
    let seated = seated().await;
    invoke(&seated.target, "ws_connect", &seated.event("ws_connect")).await.expect("an answer");
    let early = seated.frame("ws_message", "sendMessage", json!({ "message": "too early" })).await;
    assert_eq!((&early["event"], &early["data"]["code"]), (&json!("error"), &json!("not_joined")));

    seated.join().await;
    assert_eq!(seated.status_of_alice().await, "connected");
    let sent = seated.frame("ws_signal", "sendOffer", support::offer(&seated.bob.id, "v=0")).await;
    assert_eq!((&sent["event"], &sent["data"]["delivery"]), (&json!("ack"), &json!("queued")));
    let pinged = seated.frame("ws_ping", "ping", json!({})).await;
    assert_eq!((&pinged["event"], &pinged["data"]), (&json!("ack"), &json!({})));
    let unknown = seated.frame("ws_hub", "dance", json!({})).await;
    assert_eq!(unknown["data"]["code"], "unknown_action");

    let ended = invoke(&seated.target, "ws_disconnect", &seated.event("ws_disconnect")).await.expect("an answer");
    assert_eq!(ended["statusCode"], 200);
    assert_eq!(seated.status_of_alice().await, "reconnecting");
}

#[tokio::test]
async fn of_a_batch_only_the_message_that_failed_comes_again() {
    let seated = seated().await;
    let recorded = event("sqs_delay_queue").to_string();
    let filled = recorded.replace("SESSION", &seated.session).replace("USER", &seated.alice.id);
    let event = serde_json::from_str(&filled).expect("JSON");
    let answer = invoke(&seated.target, "participant_expiry", &event).await.expect("an answer");
    let failures = json!([{ "itemIdentifier": "2e1424d4-f796-459a-8184-9c92662be6da" }]);
    assert_eq!(answer["batchItemFailures"], failures);
    assert_eq!(seated.status_of_alice().await, "disconnected", "the lease still runs");
}

#[tokio::test]
async fn the_schedule_sweeps() {
    let seated = seated().await;
    let answer = invoke(&seated.target, "participant_expiry", &event("scheduled")).await.expect("an answer");
    assert_eq!(answer["batchItemFailures"], json!([]));
    assert_eq!(seated.target.detail(&seated.bob, &seated.session).await["currentParticipants"], 2);
}
