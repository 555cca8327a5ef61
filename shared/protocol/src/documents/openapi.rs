//! The HTTP API as OpenAPI 3.1 (<https://spec.openapis.org/oas/v3.1.1>).

use std::collections::BTreeMap;

use domain::analytics::Charted;
use schemars::Schema;
use serde_json::{Map, Value, json};

use super::{Schemas, quality, requests};
use crate::routes::{Api, ROUTES, Route};
use crate::{analytics, captions, data, endpoints, invites, recordings, rest, signaling, usage};

/// Who may call a route.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Callers {
    /// Everybody.
    Open,
    /// Accounts, by an access token.
    Accounts,
    /// These, and an app's users and backends.
    Apps,
    /// An app's backends alone.
    Backends,
}

/// What the document says of one route, besides its schemas.
struct Operation {
    summary: &'static str,
    /// Who may call: nobody in particular, an account, or an app too.
    callers: Callers,
    request: Option<Schema>,
    status: u16,
    answer: Option<Schema>,
    paged: bool,
    repeatable: bool,
    more: Vec<Value>,
    texts: &'static [&'static str],
    errors: &'static [&'static str],
}

/// The document.
pub fn openapi() -> Value {
    let mut schemas = Schemas::new();
    // Refusals refer to it by name.
    schemas.of::<rest::Problem>();
    let (mut paths, mut refusals) = (Map::new(), Map::new());
    // The hub's negotiation is SignalR's to describe, and docs/SIGNALR.md's.
    let ours = |route: &&Route| route.api == Api::Http && route.function != "hub_negotiate";
    for route in ROUTES.iter().filter(ours) {
        // Whoever knows GET knows HEAD.
        let Some((method, path)) = route.key.split_once(' ').filter(|(method, _)| *method != "HEAD") else {
            continue;
        };
        let operation = describe(route, &mut schemas);
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[method.to_lowercase()] = operation.into_json(&name(route), path, &mut refusals);
    }
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "TunRTC",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Accounts, sessions, ICE servers and chat history of TunRTC. Signaling is described in asyncapi.json.",
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas.finish(),
            "responses": refusals,
            "securitySchemes": security_schemes(),
        },
    })
}

impl Operation {
    fn new(summary: &'static str, status: u16, answer: Option<Schema>, errors: &'static [&'static str]) -> Self {
        Self {
            summary,
            callers: Callers::Accounts,
            request: None,
            status,
            answer,
            paged: false,
            repeatable: false,
            more: Vec::new(),
            texts: &[],
            errors,
        }
    }

    fn open(mut self) -> Self {
        self.callers = Callers::Open;
        self
    }

    fn for_backends(mut self) -> Self {
        self.callers = Callers::Backends;
        self
    }

    fn for_apps(mut self) -> Self {
        self.callers = Callers::Apps;
        self
    }

    fn takes(mut self, request: Schema) -> Self {
        self.request = Some(request);
        self
    }

    fn paged(mut self) -> Self {
        self.paged = true;
        self
    }

    /// It may also be asked for as one of these kinds of text, page by page.
    fn or_text(mut self, kinds: &'static [&'static str]) -> Self {
        self.texts = kinds;
        self
    }

    fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    fn with(mut self, parameter: Value) -> Self {
        self.more.push(parameter);
        self
    }

    /// Every error of the route under the status that it is answered with, those that any route can give too.
    fn errors_by_status(&self) -> BTreeMap<u16, Vec<&'static str>> {
        let of_body: &[_] = if self.request.is_some() { &["invalid_request", "payload_too_large"] } else { &[] };
        let has_query = self.paged || (self.request.is_none() && !self.more.is_empty());
        let of_page: &[_] = if has_query { &["invalid_request"] } else { &[] };
        let of_bearer: &[_] = match self.callers {
            Callers::Open => &[],
            Callers::Accounts => &["unauthorized"],
            Callers::Apps | Callers::Backends => OF_TOKENS,
        };
        let mut by_status = BTreeMap::<_, Vec<_>>::new();
        for code in [of_body, of_page, of_bearer, self.errors, OF_ANY_ROUTE].concat() {
            let codes = by_status.entry(status(code)).or_default();
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        by_status
    }

    fn into_json(self, id: &str, path: &str, refusals: &mut Map<String, Value>) -> Value {
        let mut operation = json!({ "operationId": id, "summary": self.summary, "responses": {} });
        let mut parameters = parameters(path, self.paged);
        if self.repeatable {
            parameters.push(idempotency_key());
        }
        parameters.extend(self.more.iter().cloned());
        if !parameters.is_empty() {
            operation["parameters"] = Value::Array(parameters);
        }
        if let Some(schema) = &self.request {
            operation["requestBody"] = json!({ "required": true, "content": content("application/json", schema) });
        }
        let mut answer =
            json!({ "description": "Done.", "headers": { "x-request-id": header("Names the request in the log.") } });
        if let Some(schema) = &self.answer {
            answer["content"] = content("application/json", schema);
        }
        for kind in self.texts {
            answer["content"][*kind] = json!({ "schema": { "type": "string" } });
        }
        if self.paged || !self.texts.is_empty() {
            answer["headers"]["link"] = header("The next page, rel=\"next\" (RFC 8288), if there is one.");
        }
        operation["responses"][self.status.to_string()] = answer;
        for (status, codes) in self.errors_by_status() {
            let name = codes.join("_or_");
            operation["responses"][status.to_string()] = json!({ "$ref": format!("#/components/responses/{name}") });
            refusals.entry(name).or_insert_with(|| refusal(status, &codes));
        }
        match self.callers {
            Callers::Open => {}
            Callers::Backends => operation["security"] = json!([{ "apiKey": [] }]),
            Callers::Accounts => operation["security"] = json!([{ "bearer": [] }]),
            Callers::Apps => operation["security"] = json!([{ "bearer": [] }, { "joinToken": [] }, { "apiKey": [] }]),
        }
        operation
    }
}

/// What whoever steers a session can meet.
const STEERING: &[&str] = &["forbidden", "session_not_found", "session_ended"];
/// The same where it is about a participant.
const STEERING_SOMEBODY: &[&str] = &["forbidden", "session_not_found", "participant_not_found", "session_ended"];
/// Why a join token or a key is refused.
const OF_TOKENS: &[&str] = &[
    "unauthorized",
    "token_expired",
    "token_not_active",
    "token_revoked",
    "key_disabled",
    "forbidden",
    "quota_exceeded",
];

/// The ways of saying who calls.
fn security_schemes() -> Value {
    let bearer = |description: &str| json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": description });
    json!({
        "bearer": bearer("An account's access token, from /api/auth/login."),
        "joinToken": bearer("A LiveKit access token that an app's backend signs with the secret of its API key."),
        "apiKey": { "type": "http", "scheme": "basic",
            "description": "An app's backend: the API key and its secret. Refused from web pages." },
    })
}

/// What API Gateway itself or a failing function can make of any request.
const OF_ANY_ROUTE: &[&str] = &["rate_limited", "internal", "unavailable"];

/// The status that an error is answered with. `gateway` decides it; a test there holds this against it.
fn status(code: &str) -> u16 {
    match code {
        "invalid_request" => 400,
        "unauthorized"
        | "invalid_credentials"
        | "invalid_refresh_token"
        | "token_expired"
        | "token_not_active"
        | "token_revoked"
        | "key_disabled" => 401,
        "forbidden" | "session_locked" | "banned" | "not_admitted" => 403,
        "session_not_found"
        | "not_in_session"
        | "participant_not_found"
        | "webhook_not_found"
        | "invite_not_found"
        | "not_offered"
        | "recording_not_found" => 404,
        "user_exists" | "session_full" | "waiting_room_full" | "room_exists" | "webhook_disabled"
        | "too_many_webhooks" | "too_many_invites" | "recording_active" | "recording_finished" => 409,
        "session_ended" => 410,
        "version_mismatch" => 412,
        "payload_too_large" => 413,
        "idempotency_key_reused" => 422,
        "rate_limited" | "quota_exceeded" => 429,
        "internal" => 500,
        "unavailable" => 503,
        other => unreachable!("an error without a status: {other}"),
    }
}

/// One status and the errors that are answered with it: problem documents (RFC 9457). What API Gateway refuses by
/// itself has no code: `{"message"}`.
fn refusal(status: u16, codes: &[&str]) -> Value {
    let problem = json!({ "$ref": "#/components/schemas/Problem" });
    let named =
        json!({ "allOf": [problem, { "properties": { "status": { "const": status }, "code": { "enum": codes } } }] });
    let mut refusal = json!({
        "description": codes.join(" or "),
        "headers": { "x-request-id": header("Names the request in the log.") },
        "content": { "application/problem+json": { "schema": named } },
    });
    match status {
        401 => refusal["headers"]["www-authenticate"] = header("Bearer, where a bearer token is wanted."),
        429 | 503 => refusal["headers"]["retry-after"] = header("Seconds until another try can succeed."),
        _ => {}
    }
    if matches!(status, 413 | 429 | 500 | 503) {
        let message = json!({ "type": "object", "properties": { "message": { "type": "string" } } });
        refusal["content"]["application/json"] = json!({ "schema": message });
    }
    refusal
}

fn content(kind: &str, schema: &Schema) -> Value {
    json!({ kind: { "schema": schema } })
}

fn header(description: &str) -> Value {
    json!({ "description": description, "schema": { "type": "string" } })
}

fn parameters(path: &str, paged: bool) -> Vec<Value> {
    let session = path.contains("{sessionId}").then(|| {
        json!({ "name": "sessionId", "in": "path", "required": true,
            "description": "The session's identifier, or the name of its room.",
            "schema": { "type": "string", "anyOf": [
                { "format": "uuid", "pattern": requests::ID },
                { "pattern": NAMED },
            ] } })
    });
    let page = paged.then(|| {
        [
            json!({ "name": "limit", "in": "query", "description": "Items per page.",
                "schema": { "type": "integer", "minimum": 1, "maximum": 100, "default": 50 } }),
            json!({ "name": "cursor", "in": "query", "description": "From the link to this page.",
                "schema": { "type": "string", "pattern": CURSOR } }),
        ]
    });
    let identity = path.contains("{identity}").then(|| {
        json!({ "name": "identity", "in": "path", "required": true, "description": "What the app calls its user, or the user's id.",
            "schema": { "type": "string", "pattern": NAMED } })
    });
    let user = path.contains("{userId}").then(|| {
        json!({ "name": "userId", "in": "path", "required": true, "description": "The user's id, or what the app calls its user.",
            "schema": { "type": "string", "pattern": NAMED } })
    });
    let webhook = path.contains("{webhookId}").then(|| {
        json!({ "name": "webhookId", "in": "path", "required": true, "schema": { "type": "string", "format": "uuid", "pattern": requests::ID } })
    });
    let recording = path.contains("{recordingId}").then(|| {
        json!({ "name": "recordingId", "in": "path", "required": true, "schema": { "type": "string", "format": "uuid", "pattern": requests::ID } })
    });
    let invite = path.contains("{inviteId}").then(|| {
        json!({ "name": "inviteId", "in": "path", "required": true, "schema": { "type": "string", "pattern": INVITE } })
    });
    session
        .into_iter()
        .chain(identity)
        .chain(user)
        .chain(webhook)
        .chain(recording)
        .chain(invite)
        .chain(page.into_iter().flatten())
        .collect()
}

fn if_match() -> Value {
    json!({ "name": "if-match", "in": "header", "description": "The session's `version` in quotes: changed only if it still is that one.",
        "schema": { "type": "string", "pattern": "^(\\*|\"[0-9]{1,15}\")$" } })
}

fn of_usage(name: &str, description: &str) -> Value {
    json!({ "name": name, "in": "query", "description": description,
        "schema": { "type": "string", "anyOf": [{ "format": "date-time" }, { "format": "date" }] } })
}

const SPAN_FROM: &str = "Sessions that were created from then on: a time, or a day; without it 7 days before `to`. At most 31 days before `to`.";
const SPAN_TO: &str = "And before then; without it now.";

fn of_score(name: &str, description: &str) -> Value {
    json!({ "name": name, "in": "query", "description": description,
        "schema": { "type": "number", "minimum": 1, "maximum": 5 } })
}

fn of_user(name: &str, required: bool, description: &str) -> Value {
    json!({ "name": name, "in": "query", "required": required, "description": description,
        "schema": { "type": "string", "pattern": NAMED } })
}

fn of_metric() -> Value {
    let metrics: Vec<_> = Charted::ALL.iter().map(|metric| metric.word()).collect();
    json!({ "name": "metric", "in": "query", "required": true, "description": "What the chart shows.",
        "schema": { "type": "string", "enum": metrics } })
}

fn ban_seconds() -> Value {
    json!({ "name": "banSeconds", "in": "query", "description": "For how long they are kept out, also somebody who is not here. 0 takes nobody out, and lifts a ban.",
        "schema": { "type": "integer", "minimum": 0, "maximum": 2_592_000 } })
}

/// Names an operation: by its function, and by what tells apart the routes of one function.
fn name(route: &Route) -> String {
    match route.key {
        "GET /api/session/{sessionId}/participants/{userId}" => "participant_get".to_owned(),
        "PATCH /api/session/{sessionId}/participants/{userId}" => "participant_update".to_owned(),
        "DELETE /api/session/{sessionId}/participants/{userId}" => "participant_remove".to_owned(),
        "POST /api/session/{sessionId}/participants/{userId}/mute" => "participant_mute".to_owned(),
        "POST /api/session/{sessionId}/participants/{userId}/admit" => "participant_admit".to_owned(),
        "POST /api/session/{sessionId}/participants/{userId}/deny" => "participant_deny".to_owned(),
        "POST /api/session/{sessionId}/mute" => "session_mute".to_owned(),
        "POST /api/session/{sessionId}/data" => "session_data".to_owned(),
        "POST /api/session/recording/start" => "recording_start".to_owned(),
        "POST /api/session/recording/uploads" => "recording_uploads".to_owned(),
        "POST /api/session/recording/finish" => "recording_finish".to_owned(),
        "POST /api/session/recording/request" => "recording_request".to_owned(),
        "GET /api/session/{sessionId}/recordings" => "recording_list".to_owned(),
        "GET /api/recordings/{recordingId}" => "recording_get".to_owned(),
        "DELETE /api/recordings/{recordingId}" => "recording_delete".to_owned(),
        "POST /api/session/{sessionId}/invites" => "invite_create".to_owned(),
        "GET /api/session/{sessionId}/invites" => "invite_list".to_owned(),
        "DELETE /api/session/{sessionId}/invites" => "invite_revoke_all".to_owned(),
        "DELETE /api/session/{sessionId}/invites/{inviteId}" => "invite_revoke".to_owned(),
        "POST /api/invites/lookup" => "invite_lookup".to_owned(),
        "POST /api/webhooks" => "webhook_create".to_owned(),
        "GET /api/webhooks" => "webhook_list".to_owned(),
        "GET /api/webhooks/{webhookId}" => "webhook_get".to_owned(),
        "PATCH /api/webhooks/{webhookId}" => "webhook_update".to_owned(),
        "DELETE /api/webhooks/{webhookId}" => "webhook_remove".to_owned(),
        "POST /api/webhooks/{webhookId}/rotate" => "webhook_rotate".to_owned(),
        "POST /api/webhooks/{webhookId}/test" => "webhook_test".to_owned(),
        "GET /api/session/{sessionId}/transcript" => "session_transcript".to_owned(),
        "POST /api/webhooks/{webhookId}/replay" => "webhook_replay".to_owned(),
        "GET /api/analytics/sessions" => "analytics_sessions".to_owned(),
        "GET /api/analytics/sessions/{sessionId}" => "analytics_session".to_owned(),
        "GET /api/analytics/sessions/{sessionId}/series" => "analytics_series".to_owned(),
        "GET /api/analytics/overview" => "analytics_overview".to_owned(),
        "GET /api/webhooks/{webhookId}/deliveries" => "webhook_deliveries".to_owned(),
        _ => route.function.to_owned(),
    }
}

/// Where to begin in what happened, how much of it, and of which types.
fn events_query() -> [Value; 4] {
    let query = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "query", "description": description, "schema": schema });
    let whole = json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 50 });
    [
        query(
            "after",
            "What follows there: `next` of an earlier answer.",
            json!({ "type": "string", "pattern": CURSOR }),
        ),
        query(
            "since",
            "What was noted then or later; not together with `after`.",
            json!({ "type": "string", "format": "date-time" }),
        ),
        query("types", "Of these types, separated by commas.", json!({ "type": "string", "pattern": requests::TYPES })),
        query("limit", "At most so many are looked at.", whole),
    ]
}

/// How a transcript is written, from when its times count, and which part of it.
fn transcript_query() -> [Value; 4] {
    let query = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "query", "description": description, "schema": schema });
    [
        query(
            "format",
            "A list, WebVTT (text/vtt) or a line for each caption (text/plain).",
            json!({ "type": "string", "enum": ["json", "vtt", "txt"], "default": "json" }),
        ),
        query(
            "origin",
            "The times of WebVTT count from then, the beginning of a recording say; without it from when the session was created.",
            json!({ "type": "string", "format": "date-time" }),
        ),
        query(
            "limit",
            "At most so many.",
            json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 1000 }),
        ),
        query("cursor", "What follows there: from the `Link` header.", json!({ "type": "string", "pattern": CURSOR })),
    ]
}

fn idempotency_key() -> Value {
    json!({ "name": "idempotency-key", "in": "header",
        "description": "Names this request, for 24 hours: the same request with the same key creates nothing more and is answered \
            with what was created.",
        "schema": { "type": "string", "pattern": "^(\"[!-~]{1,64}\"|[!-~]{1,64})$" } })
}

/// `before:` and an identifier, or a place in a log, in base64url.
const CURSOR: &str = "^YmVmb3JlO[A-Za-z0-9_-]{16,160}$";

/// What an app calls a room or a user, in a path: percent-encoded, and without a slash, which no path can tell from one between two steps.
/// A leading point or space is left out: clients take `.` and `..` for steps, and no name is blank.
const NAMED: &str = "^[^/.\\s\\u0000-\\u001f\\u007f-\\u009f][^/\\u0000-\\u001f\\u007f-\\u009f]{0,127}$";

/// An invitation's identifier.
const INVITE: &str = "^[A-Za-z0-9_-]{22}$";

/// What can be said of a code.
const INVITED: &[&str] = &["invite_not_found", "session_ended"];

/// What can be said of invitations to whoever hosts a session, and to others.
const INVITING: &[&str] = &["forbidden", "session_not_found", "session_ended"];

/// What can be said of an endpoint that may be disabled.
const OF_ENABLED: &[&str] = &["webhook_not_found", "webhook_disabled"];

fn of_webhook(summary: &'static str, status: u16, answer: Option<Schema>) -> Operation {
    Operation::new(summary, status, answer, &["webhook_not_found"]).for_backends()
}

fn describe(route: &Route, s: &mut Schemas) -> Operation {
    match name(route).as_str() {
        "auth_register" => Operation::new("Open an account", 201, Some(s.of::<rest::Auth>()), &["user_exists"])
            .open()
            .takes(s.of::<requests::Register>()),
        "auth_login" => Operation::new("Log in", 200, Some(s.of::<rest::Auth>()), &["invalid_credentials"])
            .open()
            .takes(s.of::<requests::Login>()),
        "auth_refresh" => {
            let errors = &["invalid_refresh_token"];
            Operation::new("Exchange a refresh token for the next pair", 200, Some(s.of::<rest::Auth>()), errors)
                .open()
                .takes(s.of::<requests::RefreshToken>())
        }
        "auth_logout" => Operation::new("End a login and close its connections", 204, None, &["invalid_refresh_token"])
            .open()
            .takes(s.of::<requests::RefreshToken>()),
        "auth_me" => Operation::new("Show the account", 200, Some(s.of::<rest::Me>()), &[]),
        "auth_password" => {
            let errors = &["invalid_credentials"];
            Operation::new("Change the password and end every other login", 200, Some(s.of::<rest::Auth>()), errors)
                .takes(s.of::<requests::ChangePassword>())
        }
        "auth_delete" => {
            let errors = &["invalid_credentials"];
            Operation::new("Delete the account with its sessions and messages", 204, None, errors)
                .takes(s.of::<requests::DeleteAccount>())
        }
        "session_create" => {
            let errors = &["room_exists", "session_ended", "idempotency_key_reused"];
            Operation::new("Create a session", 201, Some(s.of::<rest::SessionView>()), errors)
                .for_apps()
                .takes(s.of::<requests::NewSession>())
                .repeatable()
        }
        "session_join" => {
            let errors = &[
                "session_not_found",
                "session_full",
                "session_ended",
                "session_locked",
                "waiting_room_full",
                "banned",
            ];
            Operation::new("Join a session", 200, Some(s.of::<rest::Joined>()), errors)
                .for_apps()
                .takes(s.of::<requests::SessionRef>())
        }
        "session_ticket" => {
            let errors = &["session_not_found", "not_in_session", "session_ended"];
            Operation::new("Get a fresh ticket, for a reconnect", 200, Some(s.of::<rest::Signaling>()), errors)
                .for_apps()
                .takes(s.of::<requests::SessionRef>())
        }
        "session_leave" => {
            let errors = &["session_not_found", "not_in_session", "session_ended"];
            Operation::new("Leave a session", 200, Some(s.of::<rest::Done>()), errors)
                .for_apps()
                .takes(s.of::<requests::SessionRef>())
        }
        "session_end" => {
            let errors = &["forbidden", "session_not_found", "session_ended"];
            Operation::new("End a session, for its host", 200, Some(s.of::<rest::Done>()), errors)
                .for_apps()
                .takes(s.of::<requests::SessionRef>())
        }
        "session_active" => {
            let listed = s.of::<Vec<rest::SessionView>>();
            let summary = "List active sessions, newest first: an account those that are public, an app its own";
            Operation::new(summary, 200, Some(listed), &[]).for_apps().paged()
        }
        "session_get" => {
            let errors = &["session_not_found", "not_in_session"];
            Operation::new("Show a session with its participants", 200, Some(s.of::<rest::SessionDetail>()), errors)
                .for_apps()
        }
        "session_messages" => {
            let errors = &["session_not_found", "not_in_session"];
            Operation::new("Show the chat, newest first", 200, Some(s.of::<Vec<rest::ChatView>>()), errors)
                .for_apps()
                .paged()
        }
        "session_transcript" => {
            let (errors, summary) =
                (&["session_not_found", "not_in_session"], "Show what was said, in the order in which it was ready");
            let operation = Operation::new(summary, 200, Some(s.of::<Vec<captions::TranscriptView>>()), errors);
            let operation = operation.for_apps().or_text(&["text/vtt", "text/plain"]);
            transcript_query().into_iter().fold(operation, Operation::with)
        }
        "session_update" => {
            let errors = &["forbidden", "session_not_found", "session_ended", "version_mismatch"];
            Operation::new("Change a session's settings", 200, Some(s.of::<rest::SessionView>()), errors)
                .for_apps()
                .takes(s.of::<requests::UpdateSession>())
                .with(if_match())
        }
        "session_stats" => {
            let errors = &["session_not_found", "not_in_session", "forbidden"];
            Operation::new("Report the quality of a call in a minute", 202, Some(s.of::<signaling::Nothing>()), errors)
                .for_apps()
                .takes(s.of::<quality::CallReport>())
        }
        "session_transcribe" => {
            let errors = &["session_not_found", "not_in_session", "forbidden", "not_offered"];
            let line = s.of::<captions::TranscribeLine>();
            Operation::new("Get an address of Amazon Transcribe for one's own microphone", 200, Some(line), errors)
                .for_apps()
                .takes(s.of::<requests::TranscribeRequest>())
        }
        "session_say" => Operation::new(
            "Write into the chat, for who steers the session",
            201,
            Some(s.of::<rest::ChatView>()),
            STEERING,
        )
        .for_apps()
        .takes(s.of::<requests::SayMessage>()),
        "session_data" => {
            let errors =
                &["forbidden", "session_not_found", "participant_not_found", "session_ended", "payload_too_large"];
            let sent = s.of::<data::DataAck>();
            Operation::new("Send data to participants, for who steers the session", 200, Some(sent), errors)
                .for_apps()
                .takes(s.of::<requests::SendData>())
        }
        "session_participants" => {
            let all = s.of::<Vec<rest::ParticipantDetail>>();
            Operation::new("List who takes part", 200, Some(all), &["session_not_found", "not_in_session"]).for_apps()
        }
        "participant_get" => {
            let errors = &["session_not_found", "not_in_session", "participant_not_found"];
            Operation::new("Show a participant", 200, Some(s.of::<rest::ParticipantDetail>()), errors).for_apps()
        }
        "participant_update" => {
            let errors =
                &["forbidden", "session_not_found", "participant_not_found", "session_ended", "payload_too_large"];
            let changed = s.of::<rest::ParticipantDetail>();
            Operation::new(
                "Change a participant's role, permissions, name, attributes or metadata",
                200,
                Some(changed),
                errors,
            )
            .for_apps()
            .takes(s.of::<requests::ParticipantChange>())
        }
        "participant_remove" => {
            Operation::new("Take somebody out of a session, or keep them out", 204, None, STEERING_SOMEBODY)
                .for_apps()
                .with(ban_seconds())
        }
        "participant_mute" => {
            let done = s.of::<rest::Done>();
            Operation::new("Ask a participant to switch a track off", 202, Some(done), STEERING_SOMEBODY)
                .for_apps()
                .takes(s.of::<requests::Mute>())
        }
        "participant_admit" => {
            let errors = &["forbidden", "session_not_found", "participant_not_found", "session_ended", "session_full"];
            Operation::new("Let somebody in who waits", 204, None, errors).for_apps()
        }
        "participant_deny" => {
            Operation::new("Turn somebody away who waits, for a minute", 204, None, STEERING_SOMEBODY).for_apps()
        }
        "session_mute" => {
            Operation::new("Ask everybody to switch a track off", 202, Some(s.of::<rest::Done>()), STEERING)
                .for_apps()
                .takes(s.of::<requests::MuteAll>())
        }
        "recording_start" => {
            let errors = &[
                "not_offered",
                "session_not_found",
                "not_in_session",
                "not_admitted",
                "banned",
                "forbidden",
                "session_ended",
                "recording_active",
            ];
            let started = s.of::<recordings::RecordingStarted>();
            Operation::new("Begin to record oneself", 201, Some(started), errors)
                .for_apps()
                .takes(s.of::<requests::StartRecording>())
        }
        "recording_uploads" => {
            let errors = &["not_offered", "recording_not_found", "recording_finished", "forbidden"];
            let summary = "Get addresses for chunks, and which are there";
            Operation::new(summary, 200, Some(s.of::<recordings::RecordingUploads>()), errors)
                .for_apps()
                .takes(s.of::<requests::AskUploads>())
        }
        "recording_finish" => {
            let errors = &["not_offered", "recording_not_found", "forbidden"];
            let finished = s.of::<recordings::RecordingFinished>();
            Operation::new("End a recording, to be put together", 202, Some(finished), errors)
                .for_apps()
                .takes(s.of::<requests::FinishRecording>())
        }
        "recording_request" => {
            let errors = &["not_offered", "forbidden", "session_not_found", "session_ended", "banned"];
            let summary = "Ask everybody to record themselves, or not to any more, for hosts";
            Operation::new(summary, 202, Some(s.of::<rest::Done>()), errors)
                .for_apps()
                .takes(s.of::<requests::RequestRecording>())
        }
        "recording_list" => {
            let all = s.of::<Vec<recordings::RecordingDetail>>();
            let errors = &["not_offered", "session_not_found", "not_in_session", "forbidden"];
            Operation::new("List the recordings of a session, newest first", 200, Some(all), errors).for_apps().paged()
        }
        "recording_get" => {
            let errors = &["not_offered", "recording_not_found", "forbidden"];
            Operation::new("Show a recording", 200, Some(s.of::<recordings::RecordingDetail>()), errors).for_apps()
        }
        "recording_delete" => {
            let errors = &["not_offered", "recording_not_found", "forbidden"];
            Operation::new("Delete a recording with its files", 204, None, errors).for_apps()
        }
        "invite_create" => {
            let errors = &["forbidden", "session_not_found", "session_ended", "too_many_invites"];
            Operation::new("Make a link that lets guests in", 201, Some(s.of::<invites::InviteView>()), errors)
                .for_apps()
                .takes(s.of::<requests::NewInvite>())
        }
        "invite_list" => {
            let all = s.of::<Vec<invites::InviteView>>();
            Operation::new("List the links that let guests in", 200, Some(all), INVITING).for_apps()
        }
        "invite_revoke_all" => {
            Operation::new("Take all links of a session back; guests who have a seat keep it", 204, None, INVITING)
                .for_apps()
        }
        "invite_revoke" => {
            let errors = &["forbidden", "session_not_found", "session_ended", "invite_not_found"];
            Operation::new("Take a link back; guests who have a seat keep it", 204, None, errors).for_apps()
        }
        "invite_lookup" => {
            let found = s.of::<invites::InvitationView>();
            Operation::new("Show where the code of a link leads", 200, Some(found), INVITED)
                .open()
                .takes(s.of::<requests::InviteCode>())
        }
        "invite_redeem" => {
            let guest = s.of::<invites::GuestView>();
            Operation::new("Become a guest by the code of a link", 200, Some(guest), INVITED)
                .open()
                .takes(s.of::<requests::InviteRedemption>())
        }
        "ice_servers" => {
            let servers = s.of::<rest::IceServers>();
            Operation::new("Get STUN and TURN servers", 200, Some(servers), &[]).for_apps()
        }
        "user_revoke" => Operation::new(
            "Take the tokens of an app's user back that were minted until now, and close the connections",
            204,
            None,
            &["invalid_request"],
        )
        .for_backends(),
        "webhook_create" => {
            let made = s.of::<endpoints::WebhookView>();
            Operation::new("Name an endpoint that is told what happens", 201, Some(made), &["too_many_webhooks"])
                .for_backends()
                .takes(s.of::<requests::NewWebhook>())
        }
        "webhook_list" => {
            let all = s.of::<Vec<endpoints::WebhookView>>();
            Operation::new("List the endpoints", 200, Some(all), &[]).for_backends()
        }
        "webhook_get" => of_webhook("Show an endpoint", 200, Some(s.of::<endpoints::WebhookView>())),
        "webhook_update" => {
            let changed = s.of::<endpoints::WebhookView>();
            of_webhook("Change an endpoint, or switch it off or on", 200, Some(changed))
                .takes(s.of::<requests::WebhookChange>())
        }
        "webhook_remove" => Operation::new("Remove an endpoint", 204, None, &["webhook_not_found"]).for_backends(),
        "webhook_rotate" => {
            let rotated = s.of::<endpoints::WebhookView>();
            of_webhook("Exchange the secret; the one of before signs too for 24 hours", 200, Some(rotated))
        }
        "webhook_test" => {
            let sent = s.of::<endpoints::TestView>();
            Operation::new("Send webhook.test to an endpoint", 202, Some(sent), OF_ENABLED).for_backends()
        }
        "webhook_replay" => {
            let replayed = s.of::<endpoints::ReplayView>();
            Operation::new("Tell an endpoint again what happened", 202, Some(replayed), OF_ENABLED)
                .for_backends()
                .takes(s.of::<requests::WebhookReplay>())
        }
        "webhook_deliveries" => {
            let tries = s.of::<Vec<endpoints::WebhookDelivery>>();
            of_webhook("List the tries to tell an endpoint, newest first", 200, Some(tries)).paged()
        }
        "webhook_events" => {
            let page = s.of::<endpoints::EventsView>();
            let operation =
                Operation::new("List what happened in the last 7 days", 200, Some(page), &[]).for_backends();
            events_query().into_iter().fold(operation, Operation::with)
        }
        "usage_get" => {
            Operation::new("Add up what a project used", 200, Some(s.of::<usage::UsageView>()), &["invalid_request"])
                .for_backends()
                .with(of_usage("from", "A time, or a day; without it the day of `to`. At most 31 days before `to`."))
                .with(of_usage("to", "A time, or a day; without it now."))
                .with(json!({ "name": "group", "in": "query", "description": "How stays are put together.",
            "schema": { "type": "string", "enum": ["day", "room"], "default": "day" } }))
        }
        "analytics_sessions" => {
            let calls = s.of::<Vec<analytics::CallView>>();
            let summary =
                "List calls by their quality, newest session first: an account those that it hosts, an app its own";
            Operation::new(summary, 200, Some(calls), &[])
                .for_apps()
                .paged()
                .with(of_usage("from", SPAN_FROM))
                .with(of_usage("to", SPAN_TO))
                .with(of_score("minScore", "The worst minute's score is at least that."))
                .with(of_score("maxScore", "The worst minute's score is at most that."))
        }
        "analytics_session" => {
            let call = s.of::<analytics::CallDetailView>();
            Operation::new("Show a call with what happened in it", 200, Some(call), &["session_not_found"]).for_apps()
        }
        "analytics_series" => {
            let chart = s.of::<analytics::SeriesView>();
            let summary = "Show what a participant's client saw, minute by minute";
            Operation::new(summary, 200, Some(chart), &["session_not_found"])
                .for_apps()
                .with(of_user("userId", true, "Whose client saw it: the user's id, or what the app calls its user."))
                .with(of_metric())
                .with(of_user("peerUserId", false, "Of which peer; of each, if none is named."))
        }
        "analytics_overview" => {
            let sums = s.of::<analytics::OverviewView>();
            Operation::new("Add up the quality of calls", 200, Some(sums), &[])
                .for_apps()
                .with(of_usage("from", SPAN_FROM))
                .with(of_usage("to", SPAN_TO))
        }
        "health" => Operation::new("Whether the service is there", 200, Some(s.of::<rest::Health>()), &[]).open(),
        other => unreachable!("a route without a description: {other}"),
    }
}
