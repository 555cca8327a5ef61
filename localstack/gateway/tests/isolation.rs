//! Two projects never see each other: every route of the table and every action of signaling, tried by one project with its key, its
//! tokens and an account on what is another project's. A new route or action fails here until it has a case.

mod support;

use http::{Method, StatusCode};
use protocol::routes::{Api, ROUTES};
use runtime::settings;
use serde_json::{Value, json};
use support::apps::Key;
use support::{Target, caption, offer, report};
use testclient::{Reply, Socket, socket_address};

/// What a route must do for a stranger who names what is not theirs.
enum Case {
    /// Refuse it, with that body.
    Refused(Value),
    /// Answer, with that body, without a word of what is another project's.
    Blind(Value),
    /// It has nothing of a project: why.
    Nothing(&'static str),
}

/// The other project's session, and somebody in it.
struct Ours {
    session: String,
    user: String,
    webhook: String,
    recording: String,
}

impl Ours {
    /// A project with an endpoint, a room called `secret`, and ann in it; her connection.
    async fn in_room(target: &Target, key: &Key) -> (Self, Socket) {
        let (joined, mut at_ann) = target.enter_room(&key.person("ann", "secret").token).await;
        at_ann.ack("reportStats", report("hers", json!({}))).await;
        let endpoint = Some(json!({ "url": "https://example.com/hook" }));
        let made = target.call(Method::POST, "/api/webhooks", &key.basic(), endpoint).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
        let session = joined.text("sessionId");
        let recorded = json!({ "sessionId": session, "kind": "audio", "mimeType": "audio/webm" });
        let ann = format!("Bearer {}", key.person("ann", "secret").token);
        let begun = target.call(Method::POST, "/api/session/recording/start", &ann, Some(recorded)).await;
        assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.body);
        at_ann.event("recordingStarted").await;
        let user = joined.body["participants"][0]["userId"].as_str().expect("an id").to_owned();
        let (webhook, recording) = (made.text("webhookId"), begun.text("recordingId"));
        (Self { session, user, webhook, recording }, at_ann)
    }
}

/// Two projects: the one that is tried, and the one that tries.
async fn projects(target: &Target) -> (Key, Key) {
    let make = async |project: &str| target.key(json!({ "action": "create", "project": project })).await;
    (make("ours").await, make("theirs").await)
}

fn case(key: &str, ours: &Ours) -> Case {
    let session = || json!({ "sessionId": ours.session });
    match key {
        "POST /api/auth/register"
        | "POST /api/auth/login"
        | "POST /api/auth/refresh"
        | "POST /api/auth/logout"
        | "GET /api/auth/me"
        | "HEAD /api/auth/me"
        | "POST /api/auth/password"
        | "DELETE /api/auth/me" => Case::Nothing("accounts have no project but the default one"),
        "GET /health" | "HEAD /health" | "$default" => Case::Nothing("it reads nothing"),
        "GET /api/iceservers" | "HEAD /api/iceservers" => Case::Nothing("it is the deployment's"),
        "POST /hubs/signaling/negotiate" => Case::Nothing("a connection has no session until it joins one"),
        "POST /api/session/join" | "POST /api/session/ticket" | "POST /api/session/leave" | "POST /api/session/end" => {
            Case::Refused(session())
        }
        "POST /api/session/create" => Case::Blind(json!({ "name": "mine", "room": "secret" })),
        "GET /api/session/active"
        | "HEAD /api/session/active"
        | "GET /api/analytics/sessions"
        | "HEAD /api/analytics/sessions"
        | "GET /api/analytics/overview"
        | "HEAD /api/analytics/overview"
        | "GET /api/usage"
        | "HEAD /api/usage"
        | "GET /api/events"
        | "HEAD /api/events"
        | "GET /api/webhooks"
        | "HEAD /api/webhooks" => Case::Blind(Value::Null),
        "POST /api/users/{identity}/revoke" => Case::Blind(Value::Null),
        "GET /api/session/{sessionId}"
        | "HEAD /api/session/{sessionId}"
        | "GET /api/session/{sessionId}/messages"
        | "HEAD /api/session/{sessionId}/messages"
        | "GET /api/session/{sessionId}/transcript"
        | "HEAD /api/session/{sessionId}/transcript"
        | "GET /api/session/{sessionId}/participants"
        | "HEAD /api/session/{sessionId}/participants"
        | "GET /api/session/{sessionId}/participants/{userId}"
        | "HEAD /api/session/{sessionId}/participants/{userId}"
        | "GET /api/analytics/sessions/{sessionId}"
        | "HEAD /api/analytics/sessions/{sessionId}"
        | "DELETE /api/session/{sessionId}/participants/{userId}"
        | "GET /api/session/{sessionId}/invites"
        | "HEAD /api/session/{sessionId}/invites"
        | "DELETE /api/session/{sessionId}/invites"
        | "DELETE /api/session/{sessionId}/invites/{inviteId}" => Case::Refused(Value::Null),
        "POST /api/session/recording/start" => {
            Case::Refused(json!({ "sessionId": ours.session, "kind": "audio", "mimeType": "audio/webm" }))
        }
        "POST /api/session/recording/uploads" => Case::Refused(json!({ "recordingId": ours.recording, "fromSeq": 0 })),
        "POST /api/session/recording/finish" => Case::Refused(json!({ "recordingId": ours.recording, "lastSeq": 0 })),
        "POST /api/session/recording/request" => Case::Refused(json!({ "sessionId": ours.session, "recording": true })),
        "GET /api/session/{sessionId}/recordings"
        | "HEAD /api/session/{sessionId}/recordings"
        | "GET /api/recordings/{recordingId}"
        | "HEAD /api/recordings/{recordingId}"
        | "DELETE /api/recordings/{recordingId}" => Case::Refused(Value::Null),
        "POST /api/session/{sessionId}/invites" => Case::Refused(json!({ "role": "viewer" })),
        "POST /api/invites/lookup" | "POST /api/invites/redeem" => Case::Nothing("whoever has the code is invited"),
        "GET /api/analytics/sessions/{sessionId}/series" | "HEAD /api/analytics/sessions/{sessionId}/series" => {
            Case::Refused(Value::Null)
        }
        "POST /api/session/{sessionId}/transcribe" => Case::Refused(json!({ "language": "de-DE" })),
        "POST /api/session/{sessionId}/stats" => Case::Refused(report("ours", json!({}))),
        // To remove what is not there is no mistake.
        "DELETE /api/webhooks/{webhookId}" => Case::Blind(Value::Null),
        "POST /api/webhooks" => Case::Blind(json!({ "url": "https://example.com/theirs" })),
        "GET /api/webhooks/{webhookId}"
        | "HEAD /api/webhooks/{webhookId}"
        | "POST /api/webhooks/{webhookId}/rotate"
        | "POST /api/webhooks/{webhookId}/test"
        | "GET /api/webhooks/{webhookId}/deliveries"
        | "HEAD /api/webhooks/{webhookId}/deliveries" => Case::Refused(Value::Null),
        "PATCH /api/webhooks/{webhookId}" => Case::Refused(json!({ "description": "taken" })),
        "POST /api/webhooks/{webhookId}/replay" => Case::Refused(json!({ "since": "2026-01-01T00:00:00.000Z" })),
        "PATCH /api/session/{sessionId}" => Case::Refused(json!({ "locked": true, "name": "taken" })),
        "POST /api/session/{sessionId}/messages" => Case::Refused(json!({ "message": "from outside" })),
        "POST /api/session/{sessionId}/data" => Case::Refused(json!({ "topic": "t", "payload": "from outside" })),
        "POST /api/session/{sessionId}/mute" | "POST /api/session/{sessionId}/participants/{userId}/mute" => {
            Case::Refused(json!({ "kind": "audio" }))
        }
        "POST /api/session/{sessionId}/participants/{userId}/admit"
        | "POST /api/session/{sessionId}/participants/{userId}/deny" => Case::Refused(Value::Null),
        "PATCH /api/session/{sessionId}/participants/{userId}" => Case::Refused(json!({ "role": "viewer" })),
        other => panic!("{other} has no case: what does it do for another project's session, user or endpoint?"),
    }
}

/// The same of an action; the data names what is another project's. What is refused is said by its code.
fn action_case(action: &str, ours: &Ours) -> Option<(Value, &'static [&'static str])> {
    const NOBODY: &[&str] = &["peer_not_found"];
    const HERE_ALONE: &[&str] = &["ok"];
    let target = |more: Value| {
        let mut data = more;
        data["targetUserId"] = json!(ours.user);
        data
    };
    Some(match action {
        "$connect" | "$disconnect" | "$default" => return None,
        // Tried apart, each on a connection of its own.
        "joinSession" | "leaveSession" => return None,
        "sendOffer" => (offer(&ours.user, "v=0"), NOBODY),
        "sendAnswer" => (target(json!({ "answer": { "type": "answer", "sdp": "v=0" } })), NOBODY),
        "sendIceCandidate" => (target(json!({ "candidate": { "candidate": "candidate:1" } })), NOBODY),
        "admitParticipant" | "denyParticipant" => (target(json!({})), &["ok", "peer_not_found"]),
        "updateParticipant" => (target(json!({ "role": "viewer" })), NOBODY),
        "muteParticipant" => (target(json!({ "kind": "audio" })), NOBODY),
        // Somebody who is not here may be banned from here.
        "removeParticipant" => (target(json!({ "banSeconds": 60 })), HERE_ALONE),
        "sendMessage" => (json!({ "message": "from outside" }), HERE_ALONE),
        "sendCaption" => (caption("from outside", true), HERE_ALONE),
        "updateStatus" => (json!({ "isMuted": true, "isVideoEnabled": false }), HERE_ALONE),
        "updateSession" => (json!({ "name": "taken" }), HERE_ALONE),
        "updateAttributes" => (json!({ "attributes": { "team": "red" } }), HERE_ALONE),
        "raiseHand" => (json!({ "raised": true }), HERE_ALONE),
        "sendData" => (json!({ "topic": "t", "payload": "from outside", "to": [ours.user] }), NOBODY),
        "sendRpc" => (target(json!({ "rpcId": "1", "method": "m", "payload": "" })), NOBODY),
        "answerRpc" => (target(json!({ "rpcId": "1", "payload": "" })), NOBODY),
        "reportStats" => (report("ours", json!({})), HERE_ALONE),
        "sync" => (json!({ "since": "2026-01-01T00:00:00.000Z" }), &["ok", "rate_limited"]),
        "ping" => (json!({}), HERE_ALONE),
        other => panic!("{other} has no case: what does it do with another project's user?"),
    })
}

/// A token that is for whatever is in `room`, with everything that a token can have.
fn powerful(key: &Key, room: &str, joins: bool) -> String {
    let mut claims = key.claims("ann", room);
    claims["video"]["roomAdmin"] = json!(true);
    claims["video"]["roomList"] = json!(true);
    claims["video"]["roomCreate"] = json!(true);
    claims["video"]["roomJoin"] = json!(joins);
    format!("Bearer {}", key.sign(&claims))
}

fn path_of(template: &str, ours: &Ours, user: &str) -> String {
    let path = template.replace("{sessionId}", &ours.session).replace("{userId}", user).replace("{identity}", user);
    let path = path
        .replace("{recordingId}", &ours.recording)
        .replace("{webhookId}", &ours.webhook)
        .replace("{inviteId}", "0123456789abcdefghijAB");
    let path = if path.ends_with("/series") { format!("{path}?metric=score&userId={user}") } else { path };
    assert!(!path.contains('{'), "{template} has a part that this test does not fill in");
    path
}

fn assert_refused(reply: &Reply, what: &str) {
    let refused = matches!(reply.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED);
    assert!(refused, "{what}: {} {}", reply.status, reply.body);
}

#[tokio::test]
async fn one_projects_key_tokens_and_accounts_reach_nothing_of_anothers_over_any_route() {
    let target = Target::with_settings([(settings::CALLS_PER_PROJECT, 1_000_000)]).await;
    let (our_key, theirs) = projects(&target).await;
    let (ours, mut at_ann) = Ours::in_room(&target, &our_key).await;
    let account = target.person("account").await;
    let callers = [
        ("key", theirs.basic()),
        ("server token", powerful(&theirs, &ours.session, false)),
        ("join token by id", powerful(&theirs, &ours.session, true)),
        ("join token by name", powerful(&theirs, "secret", true)),
        ("account", format!("Bearer {}", account.token)),
    ];
    for route in ROUTES.iter().filter(|route| route.api == Api::Http) {
        let (body, must_be_refused) = match case(route.key, &ours) {
            Case::Refused(body) => (body, true),
            Case::Blind(body) => (body, false),
            Case::Nothing(why) => {
                assert!(!why.is_empty() && !route.key.contains("{sessionId}"), "{}", route.key);
                continue;
            }
        };
        let (method, template) = route.key.split_once(' ').expect("a method and a path");
        let method: Method = method.parse().expect("a method");
        for (who, authorization) in &callers {
            for user in [ours.user.as_str(), "ann"] {
                let path = path_of(template, &ours, user);
                let body = Some(body.clone()).filter(|body| !body.is_null());
                let reply = target.call(method.clone(), &path, authorization, body).await;
                let what = format!("{} by {who}", route.key);
                if must_be_refused {
                    assert_refused(&reply, &what);
                }
                assert!(!reply.status.is_server_error(), "{what}: {}", reply.body);
                // The name of the room is everybody's to use; what it leads to is not.
                let said = reply.body.to_string();
                for theirs in [&ours.session, &ours.user, &ours.webhook, &ours.recording] {
                    assert!(!said.contains(theirs), "{what}: {said}");
                }
            }
        }
    }

    let shown = target.call(Method::GET, "/api/session/secret", &our_key.basic(), None).await;
    assert_eq!(
        (&shown.body["status"], &shown.body["version"], &shown.body["locked"]),
        (&json!("active"), &json!(0), &json!(false))
    );
    let ann = &shown.body["participants"][0];
    assert_eq!((&ann["status"], &ann["role"]), (&json!("connected"), &json!("participant")), "{}", shown.body);
    assert_eq!(at_ann.drain(), Vec::<Value>::new(), "nothing reached whoever is there");
    assert!(at_ann.is_open());
    let endpoint = target.call(Method::GET, &format!("/api/webhooks/{}", ours.webhook), &our_key.basic(), None).await;
    assert_eq!(endpoint.body["url"], "https://example.com/hook", "{}", endpoint.body);
    assert_ne!(endpoint.body["description"], "taken");
    let again = target.join(&our_key.person("ann", "secret").token, json!({})).await;
    assert_eq!(again.status, 200, "neither banned nor revoked: {}", again.body);
    target.stop().await;
}

#[tokio::test]
async fn one_projects_connections_reach_nothing_of_anothers_by_any_action() {
    let target = Target::local().await;
    let (our_key, theirs) = projects(&target).await;
    let (ours, mut at_ann) = Ours::in_room(&target, &our_key).await;

    let admin = powerful(&theirs, "secret", true);
    let token = admin.strip_prefix("Bearer ").expect("a token");
    let seat = target.join(token, json!({})).await;
    let foreign = Socket::connect(&socket_address(&seat.body["signaling"])).await.expect("an open door");
    assert_eq!(foreign.refusal("joinSession", json!({ "sessionId": ours.session })).await, "unauthorized");
    let (_, at_them) = target.enter_room(token).await;
    for route in ROUTES.iter().filter(|route| route.api == Api::WebSocket) {
        let Some((data, allowed)) = action_case(route.key, &ours) else { continue };
        let answer = at_them.request(route.key, data).await.expect("a live connection");
        let came_of_it =
            if answer["event"] == "error" { answer["data"]["code"].as_str().unwrap_or_default() } else { "ok" };
        assert!(allowed.contains(&came_of_it), "{}: {answer}", route.key);
    }
    at_them.ack("leaveSession", json!({})).await;
    assert_eq!(
        at_ann.drain(),
        Vec::<Value>::new(),
        "nothing reached whoever is in the other project's room of that name"
    );
    at_ann.ack("ping", json!({})).await;
    let shown = target.call(Method::GET, "/api/session/secret", &our_key.basic(), None).await;
    assert_eq!(
        (&shown.body["name"], &shown.body["participants"][0]["role"]),
        (&json!("secret"), &json!("participant"))
    );
    assert_eq!(shown.body["participants"].as_array().map(Vec::len), Some(1));
    target.stop().await;
}
