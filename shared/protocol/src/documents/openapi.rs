//! The HTTP API as OpenAPI 3.1 (<https://spec.openapis.org/oas/v3.1.1>).

use schemars::Schema;
use serde_json::{Map, Value, json};

use super::{Schemas, requests};
use crate::rest;
use crate::routes::{Api, ROUTES};

/// What the document says of one route, besides its schemas.
struct Operation {
    summary: &'static str,
    bearer: bool,
    request: Option<Schema>,
    status: u16,
    answer: Option<Schema>,
    paged: bool,
    errors: &'static [&'static str],
}

/// The document.
pub fn openapi() -> Value {
    let mut schemas = Schemas::new();
    let problem = schemas.of::<rest::Problem>();
    let mut paths = Map::new();
    for route in ROUTES.iter().filter(|route| route.api == Api::Http) {
        let Some((method, path)) = route.key.split_once(' ') else {
            continue;
        };
        let operation = describe(route.function, &mut schemas);
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[method.to_lowercase()] = operation.into_json(route.function, path, &problem);
    }
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "TunRTC",
            "version": "1",
            "description": "Accounts, sessions, ICE servers and chat history of TunRTC. Signaling is described in asyncapi.json.",
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas.finish(),
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
        },
    })
}

impl Operation {
    fn new(summary: &'static str, status: u16, answer: Option<Schema>, errors: &'static [&'static str]) -> Self {
        Self { summary, bearer: true, request: None, status, answer, paged: false, errors }
    }

    fn open(mut self) -> Self {
        self.bearer = false;
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

    fn into_json(self, id: &str, path: &str, problem: &Schema) -> Value {
        let mut operation = json!({ "operationId": id, "summary": self.summary, "responses": {} });
        let parameters = parameters(path, self.paged);
        if !parameters.is_empty() {
            operation["parameters"] = Value::Array(parameters);
        }
        if let Some(schema) = self.request {
            operation["requestBody"] = json!({ "required": true, "content": content("application/json", &schema) });
        }
        let mut answer =
            json!({ "description": "Done.", "headers": { "x-request-id": header("Names the request in the log.") } });
        if let Some(schema) = &self.answer {
            answer["content"] = content("application/json", schema);
        }
        if self.paged {
            answer["headers"]["link"] = header("The next page, rel=\"next\" (RFC 8288), if there is one.");
        }
        operation["responses"][self.status.to_string()] = answer;
        operation["responses"]["default"] = json!({
            "description": format!("A problem (RFC 9457); its code is one of: {}.", self.errors.join(", ")),
            "content": content("application/problem+json", problem),
        });
        if self.bearer {
            operation["security"] = json!([{ "bearer": [] }]);
        }
        operation
    }
}

fn content(kind: &str, schema: &Schema) -> Value {
    json!({ kind: { "schema": schema } })
}

fn header(description: &str) -> Value {
    json!({ "description": description, "schema": { "type": "string" } })
}

fn parameters(path: &str, paged: bool) -> Vec<Value> {
    let session = path.contains("{sessionId}").then(|| {
        json!({ "name": "sessionId", "in": "path", "required": true, "schema": { "type": "string", "format": "uuid" } })
    });
    let page = paged.then(|| {
        [
            json!({ "name": "limit", "in": "query", "description": "Items per page.",
                "schema": { "type": "integer", "minimum": 1, "maximum": 100, "default": 50 } }),
            json!({ "name": "cursor", "in": "query", "description": "From the link to this page.",
                "schema": { "type": "string" } }),
        ]
    });
    session.into_iter().chain(page.into_iter().flatten()).collect()
}

/// Errors that every route with a body and a bearer can give.
macro_rules! errors {
    ($($code:literal),*) => {
        &["invalid_request", "payload_too_large", $($code,)* "rate_limited", "internal", "unavailable"]
    };
}

fn describe(function: &str, s: &mut Schemas) -> Operation {
    match function {
        "auth_register" => Operation::new("Open an account", 201, Some(s.of::<rest::Auth>()), errors!("user_exists"))
            .open()
            .takes(s.of::<requests::Register>()),
        "auth_login" => Operation::new("Log in", 200, Some(s.of::<rest::Auth>()), errors!("invalid_credentials"))
            .open()
            .takes(s.of::<requests::Login>()),
        "auth_refresh" => {
            let errors = errors!("invalid_refresh_token");
            Operation::new("Exchange a refresh token for the next pair", 200, Some(s.of::<rest::Auth>()), errors)
                .open()
                .takes(s.of::<requests::RefreshToken>())
        }
        "auth_logout" => {
            Operation::new("End a login and close its connections", 204, None, errors!("invalid_refresh_token"))
                .open()
                .takes(s.of::<requests::RefreshToken>())
        }
        "auth_me" => Operation::new("Show the account", 200, Some(s.of::<rest::Me>()), errors!("unauthorized")),
        "auth_password" => {
            let errors = errors!("unauthorized", "invalid_credentials");
            Operation::new("Change the password and end every other login", 200, Some(s.of::<rest::Auth>()), errors)
                .takes(s.of::<requests::ChangePassword>())
        }
        "auth_delete" => {
            let errors = errors!("unauthorized", "invalid_credentials");
            Operation::new("Delete the account with its sessions and messages", 204, None, errors)
                .takes(s.of::<requests::DeleteAccount>())
        }
        "session_create" => {
            Operation::new("Create a session", 201, Some(s.of::<rest::SessionView>()), errors!("unauthorized"))
                .takes(s.of::<requests::NewSession>())
        }
        "session_join" => {
            let errors = errors!("unauthorized", "session_not_found", "session_full", "session_ended");
            Operation::new("Join a session", 200, Some(s.of::<rest::Joined>()), errors)
                .takes(s.of::<requests::SessionId>())
        }
        "session_ticket" => {
            let errors = errors!("unauthorized", "session_not_found", "not_in_session", "session_ended");
            Operation::new("Get a fresh ticket, for a reconnect", 200, Some(s.of::<rest::Signaling>()), errors)
                .takes(s.of::<requests::SessionId>())
        }
        "session_leave" => {
            let errors = errors!("unauthorized", "session_not_found", "not_in_session", "session_ended");
            Operation::new("Leave a session", 200, Some(s.of::<rest::Done>()), errors)
                .takes(s.of::<requests::SessionId>())
        }
        "session_end" => {
            let errors = errors!("unauthorized", "forbidden", "session_not_found", "session_ended");
            Operation::new("End a session, for its creator", 200, Some(s.of::<rest::Done>()), errors)
                .takes(s.of::<requests::SessionId>())
        }
        "session_active" => {
            let listed = s.of::<Vec<rest::SessionView>>();
            Operation::new("List public active sessions, newest first", 200, Some(listed), errors!("unauthorized"))
                .paged()
        }
        "session_get" => {
            let errors = errors!("unauthorized", "session_not_found");
            Operation::new("Show a session with its participants", 200, Some(s.of::<rest::SessionDetail>()), errors)
        }
        "session_messages" => {
            let errors = errors!("unauthorized", "session_not_found", "not_in_session");
            Operation::new("Show the chat, newest first", 200, Some(s.of::<Vec<rest::ChatView>>()), errors).paged()
        }
        "ice_servers" => {
            let servers = s.of::<rest::IceServers>();
            Operation::new("Get STUN and TURN servers", 200, Some(servers), errors!("unauthorized"))
        }
        "health" => Operation::new("Whether the service is there", 200, Some(s.of::<rest::Health>()), &[]).open(),
        other => unreachable!("a route without a description: {other}"),
    }
}
