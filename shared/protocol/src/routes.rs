//! Every route of both APIs and the function behind it, once for people to read. The local gateway is built from this
//! table, the API documents are made from it, and a test holds the AWS template against it.

/// Which of the two doors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// The HTTP API, payload 2.0.
    Http,
    /// The WebSocket API.
    WebSocket,
}

/// A route key and the function that answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The door.
    pub api: Api,
    /// API Gateway's route key.
    pub key: &'static str,
    /// The crate under `functions/`.
    pub function: &'static str,
}

impl Route {
    /// Whether what the function returns is sent to the caller, which takes a route response. HTTP routes and
    /// `$connect` answer by status; nobody hears the answer to `$disconnect`.
    pub fn has_route_response(&self) -> bool {
        self.api == Api::WebSocket && !matches!(self.key, "$connect" | "$disconnect")
    }
}

const fn http(key: &'static str, function: &'static str) -> Route {
    Route { api: Api::Http, key, function }
}

const fn websocket(key: &'static str, function: &'static str) -> Route {
    Route { api: Api::WebSocket, key, function }
}

/// The route table.
pub const ROUTES: &[Route] = &[
    http("POST /api/auth/register", "auth_register"),
    http("POST /api/auth/login", "auth_login"),
    http("POST /api/auth/refresh", "auth_refresh"),
    http("POST /api/auth/logout", "auth_logout"),
    http("GET /api/auth/me", "auth_me"),
    http("HEAD /api/auth/me", "auth_me"),
    http("POST /api/auth/password", "auth_password"),
    http("DELETE /api/auth/me", "auth_delete"),
    http("POST /api/session/create", "session_create"),
    http("POST /api/session/join", "session_join"),
    http("POST /api/session/ticket", "session_ticket"),
    http("POST /api/session/leave", "session_leave"),
    http("POST /api/session/end", "session_end"),
    http("GET /api/session/active", "session_active"),
    http("HEAD /api/session/active", "session_active"),
    http("GET /api/session/{sessionId}", "session_get"),
    http("HEAD /api/session/{sessionId}", "session_get"),
    http("GET /api/session/{sessionId}/messages", "session_messages"),
    http("HEAD /api/session/{sessionId}/messages", "session_messages"),
    http("GET /api/session/{sessionId}/transcript", "session_messages"),
    http("HEAD /api/session/{sessionId}/transcript", "session_messages"),
    http("PATCH /api/session/{sessionId}", "session_update"),
    http("POST /api/session/{sessionId}/messages", "session_say"),
    http("POST /api/session/{sessionId}/data", "session_say"),
    http("POST /api/session/{sessionId}/stats", "session_stats"),
    http("POST /api/session/{sessionId}/transcribe", "session_transcribe"),
    http("POST /api/session/{sessionId}/mute", "session_moderate"),
    http("GET /api/session/{sessionId}/participants", "session_participants"),
    http("HEAD /api/session/{sessionId}/participants", "session_participants"),
    http("GET /api/session/{sessionId}/participants/{userId}", "session_participants"),
    http("HEAD /api/session/{sessionId}/participants/{userId}", "session_participants"),
    http("PATCH /api/session/{sessionId}/participants/{userId}", "session_moderate"),
    http("DELETE /api/session/{sessionId}/participants/{userId}", "session_moderate"),
    http("POST /api/session/{sessionId}/participants/{userId}/mute", "session_moderate"),
    http("POST /api/session/{sessionId}/participants/{userId}/admit", "session_moderate"),
    http("POST /api/session/{sessionId}/participants/{userId}/deny", "session_moderate"),
    http("POST /api/session/recording/start", "recording_upload"),
    http("POST /api/session/recording/uploads", "recording_upload"),
    http("POST /api/session/recording/finish", "recording_upload"),
    http("POST /api/session/recording/request", "recording_upload"),
    http("GET /api/session/{sessionId}/recordings", "recording_files"),
    http("HEAD /api/session/{sessionId}/recordings", "recording_files"),
    http("GET /api/recordings/{recordingId}", "recording_files"),
    http("HEAD /api/recordings/{recordingId}", "recording_files"),
    http("DELETE /api/recordings/{recordingId}", "recording_files"),
    http("POST /api/session/{sessionId}/invites", "session_invites"),
    http("GET /api/session/{sessionId}/invites", "session_invites"),
    http("HEAD /api/session/{sessionId}/invites", "session_invites"),
    http("DELETE /api/session/{sessionId}/invites", "session_invites"),
    http("DELETE /api/session/{sessionId}/invites/{inviteId}", "session_invites"),
    http("POST /api/invites/lookup", "invite_redeem"),
    http("POST /api/invites/redeem", "invite_redeem"),
    http("GET /api/iceservers", "ice_servers"),
    http("HEAD /api/iceservers", "ice_servers"),
    http("POST /hubs/signaling/negotiate", "hub_negotiate"),
    http("POST /api/users/{identity}/revoke", "user_revoke"),
    http("GET /api/webhooks", "webhook_endpoints"),
    http("HEAD /api/webhooks", "webhook_endpoints"),
    http("POST /api/webhooks", "webhook_endpoints"),
    http("GET /api/webhooks/{webhookId}", "webhook_endpoints"),
    http("HEAD /api/webhooks/{webhookId}", "webhook_endpoints"),
    http("PATCH /api/webhooks/{webhookId}", "webhook_endpoints"),
    http("DELETE /api/webhooks/{webhookId}", "webhook_endpoints"),
    http("POST /api/webhooks/{webhookId}/rotate", "webhook_endpoints"),
    http("POST /api/webhooks/{webhookId}/test", "webhook_endpoints"),
    http("POST /api/webhooks/{webhookId}/replay", "webhook_endpoints"),
    http("GET /api/webhooks/{webhookId}/deliveries", "webhook_endpoints"),
    http("HEAD /api/webhooks/{webhookId}/deliveries", "webhook_endpoints"),
    http("GET /api/events", "webhook_events"),
    http("HEAD /api/events", "webhook_events"),
    http("GET /api/usage", "usage_get"),
    http("HEAD /api/usage", "usage_get"),
    http("GET /api/analytics/sessions", "analytics"),
    http("HEAD /api/analytics/sessions", "analytics"),
    http("GET /api/analytics/sessions/{sessionId}", "analytics"),
    http("HEAD /api/analytics/sessions/{sessionId}", "analytics"),
    http("GET /api/analytics/sessions/{sessionId}/series", "analytics"),
    http("HEAD /api/analytics/sessions/{sessionId}/series", "analytics"),
    http("GET /api/analytics/overview", "analytics"),
    http("HEAD /api/analytics/overview", "analytics"),
    http("GET /health", "health"),
    http("HEAD /health", "health"),
    http("$default", "http_default"),
    websocket("$connect", "ws_connect"),
    websocket("$disconnect", "ws_disconnect"),
    websocket("joinSession", "ws_join"),
    websocket("leaveSession", "ws_leave"),
    websocket("sendOffer", "ws_signal"),
    websocket("sendAnswer", "ws_signal"),
    websocket("sendIceCandidate", "ws_signal"),
    websocket("sendMessage", "ws_message"),
    websocket("sendCaption", "ws_message"),
    websocket("updateStatus", "ws_status"),
    websocket("updateParticipant", "ws_moderate"),
    websocket("muteParticipant", "ws_moderate"),
    websocket("removeParticipant", "ws_moderate"),
    websocket("admitParticipant", "ws_moderate"),
    websocket("denyParticipant", "ws_moderate"),
    websocket("updateSession", "ws_moderate"),
    websocket("updateAttributes", "ws_data"),
    websocket("raiseHand", "ws_data"),
    websocket("sendData", "ws_data"),
    websocket("sendRpc", "ws_data"),
    websocket("answerRpc", "ws_data"),
    websocket("reportStats", "ws_stats"),
    websocket("sync", "ws_sync"),
    websocket("ping", "ws_ping"),
    websocket("$default", "ws_hub"),
];

/// What the query of a page of a list says.
const PAGE: &[&str] = &["limit", "cursor"];

/// The parameters that a route of the HTTP API takes in its query. Whatever else stands there is refused.
pub fn query(key: &str) -> &'static [&'static str] {
    match key.strip_prefix("HEAD").map_or_else(|| key.to_owned(), |path| format!("GET{path}")).as_str() {
        "GET /api/session/active"
        | "GET /api/session/{sessionId}/messages"
        | "GET /api/session/{sessionId}/recordings"
        | "GET /api/webhooks/{webhookId}/deliveries" => PAGE,
        "GET /api/analytics/overview" => &["from", "to"],
        "GET /api/analytics/sessions" => &["limit", "cursor", "from", "to", "minScore", "maxScore"],
        "GET /api/analytics/sessions/{sessionId}/series" => &["userId", "metric", "peerUserId"],
        "GET /api/session/{sessionId}/transcript" => &["format", "origin", "limit", "cursor"],
        "DELETE /api/session/{sessionId}/participants/{userId}" => &["banSeconds"],
        "GET /api/events" => &["after", "since", "types", "limit"],
        "GET /api/usage" => &["from", "to", "group"],
        _ => &[],
    }
}

/// The function that answers before `$connect`.
pub const AUTHORIZER: &str = "ws_authorizer";

/// The function behind the operator's commands for API keys.
pub const API_KEYS: &str = "api_keys";

/// The function behind the delay queue and the sweep's schedule.
pub const EXPIRY: &str = "participant_expiry";

/// The function behind the table's stream.
pub const FANOUT: &str = "webhook_fanout";

/// The function behind the webhooks' queues.
pub const SENDER: &str = "webhook_send";

/// The function behind the queue of recordings.
pub const COMPOSER: &str = "recording_compose";

/// The methods that routes of the HTTP API take at this path; none when there is no such path. A fixed path goes before one
/// with a parameter: `join` in `/api/session/join` names no session.
pub fn methods(path: &str) -> Vec<&'static str> {
    let fixed = methods_where(|template| template == path);
    if fixed.is_empty() { methods_where(|template| is_at(template, path)) } else { fixed }
}

fn methods_where(fits: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let keys = ROUTES.iter().filter(|route| route.api == Api::Http).filter_map(|route| route.key.split_once(' '));
    keys.filter(|(_, template)| fits(template)).map(|(method, _)| method).collect()
}

/// Whether a path fits a template, in which `{name}` stands for anything between two slashes.
fn is_at(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    let fits = |(part, text): (&&str, &&str)| part == text || (part.starts_with('{') && !text.is_empty());
    template.len() == path.len() && template.iter().zip(&path).all(fits)
}

#[cfg(test)]
mod tests {
    /// A room that is called like the end of a fixed path could not be asked for by its name.
    #[test]
    fn rooms_leave_out_the_words_of_paths() {
        let paths = super::ROUTES.iter().filter_map(|route| route.key.split_once(" /api/session/"));
        let mut words: Vec<_> = paths.map(|(_, rest)| rest).filter(|rest| !rest.contains(['/', '{'])).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words, domain::RoomName::WORDS);
    }

    use super::*;

    #[test]
    fn every_path_that_takes_get_takes_head_with_the_same_function() {
        for route in ROUTES.iter().filter(|route| route.key.starts_with("GET ")) {
            let head = ROUTES.iter().find(|other| other.key == route.key.replacen("GET", "HEAD", 1));
            assert_eq!(head.map(|head| head.function), Some(route.function), "{}", route.key);
        }
    }

    #[test]
    fn a_paths_methods_are_those_of_its_routes() {
        assert_eq!(methods("/api/auth/me"), ["GET", "HEAD", "DELETE"]);
        assert_eq!(methods("/api/session/join"), ["POST"]);
        assert_eq!(methods("/api/session/x"), ["GET", "HEAD", "PATCH"]);
        assert_eq!(methods("/api/session/x/messages"), ["GET", "HEAD", "POST"]);
        for nowhere in ["/", "/api", "/api/session/", "/api/auth/me/", "/api/session/x/y"] {
            assert!(methods(nowhere).is_empty(), "{nowhere}");
        }
    }
}
