//! The hub: SignalR's JSON hub protocol, as stock clients speak it.
//! <https://github.com/dotnet/aspnetcore/blob/main/src/SignalR/docs/specs/HubProtocol.md>
//!
//! Frames are texts of records, each of them JSON and ended by 0x1E. What a client invokes is put into the words of our own
//! frames and parsed as one of these; what is pushed is our own event, put into SignalR's words at the last moment. The texts of
//! errors are those of ASP.NET Core 9.

use std::collections::BTreeMap;

use domain::Error;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::signaling::MAX_FRAME;

/// What ends every record.
pub const SEPARATOR: char = '\u{1e}';

/// The longest record in bytes, as ASP.NET Core has it unless told otherwise.
pub const MAX_RECORD: usize = 32 * 1024;

/// The complete records of a text, and what is left behind the last one.
pub fn split(text: &str) -> (Vec<&str>, &str) {
    let mut parts: Vec<_> = text.split(SEPARATOR).collect();
    let rest = parts.pop().unwrap_or_default();
    (parts, rest)
}

/// A record that ends the connection: it is not JSON, or misses what its type must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// One record of a client.
pub enum Record<'a> {
    /// The first one of a connection, answered by [`HANDSHAKE`] or [`refused_handshake`].
    Handshake(Result<(), String>),
    /// A call of a method.
    Invocation(Invocation<'a>),
    /// A sign of life.
    Ping,
    /// The client goes.
    Close,
    /// Whatever belongs to streams, and what later versions may add.
    Ignored,
}

/// A call of a method.
pub struct Invocation<'a> {
    /// What its answer carries; without one there is no answer.
    pub id: Option<String>,
    /// The method, as the client wrote it.
    pub target: String,
    /// Whether the client wants a stream of results.
    streams: bool,
    arguments: Vec<&'a RawValue>,
}

impl<'a> Record<'a> {
    /// Reads a record, without what ends it.
    ///
    /// # Errors
    /// When ASP.NET Core would end the connection because of it.
    pub fn parse(text: &'a str) -> Result<Self, Malformed> {
        if text.len() > MAX_RECORD {
            return Err(Malformed);
        }
        let fields: BTreeMap<String, &'a RawValue> = serde_json::from_str(text).map_err(|_| Malformed)?;
        let Some(kind) = fields.get("type") else {
            return fields.get("protocol").map(|_| Self::Handshake(handshake(&fields))).ok_or(Malformed);
        };
        // The numbers are those of the specification.
        match read::<i64>(kind)? {
            1 => Invocation::of(&fields, false).map(Self::Invocation),
            4 => Invocation::of(&fields, true).map(Self::Invocation),
            6 => Ok(Self::Ping),
            7 => Ok(Self::Close),
            _ => Ok(Self::Ignored),
        }
    }
}

fn read<'a, T: Deserialize<'a>>(raw: &&'a RawValue) -> Result<T, Malformed> {
    serde_json::from_str(raw.get()).map_err(|_| Malformed)
}

/// The newest version of the protocol that ASP.NET Core 9 takes; it takes every older number too, and one Python client says 0.
/// What came with version 2, stateful reconnect, is asked for in the negotiation, and not offered.
const NEWEST_VERSION: i64 = 2;

/// What a client asks for before anything else; the error is the text that refuses it.
fn handshake(fields: &BTreeMap<String, &RawValue>) -> Result<(), String> {
    let protocol = fields.get("protocol").and_then(|raw| read::<String>(raw).ok());
    let version = fields.get("version").and_then(|raw| read::<i64>(raw).ok());
    match (protocol, version) {
        (Some(protocol), Some(_)) if protocol != "json" => Err(format!("The protocol '{protocol}' is not supported.")),
        (Some(_), Some(version)) if version <= NEWEST_VERSION => Ok(()),
        (Some(_), Some(version)) => {
            Err(format!("The server does not support version {version} of the 'json' protocol."))
        }
        _ => Err("An unexpected error occurred during connection handshake.".to_owned()),
    }
}

impl<'a> Invocation<'a> {
    fn of(fields: &BTreeMap<String, &'a RawValue>, streams: bool) -> Result<Self, Malformed> {
        let id = fields.get("invocationId").map(read::<Option<String>>).transpose()?.flatten();
        let target: String = read(fields.get("target").ok_or(Malformed)?)?;
        let arguments = read(fields.get("arguments").ok_or(Malformed)?)?;
        if target.is_empty() || (streams && id.is_none()) {
            return Err(Malformed);
        }
        Ok(Self { id, target, streams, arguments })
    }

    /// The method and its arguments in the words of our own frames; the error is the text of the completion that refuses it.
    pub fn bind(&self) -> Result<(Method, String), String> {
        let target = &self.target;
        let failed = format!("Failed to invoke '{target}' due to an error on the server.");
        let Some(method) = Method::named(target) else {
            return Err(format!("{failed} HubException: Method does not exist."));
        };
        if !method.takes(&self.arguments) {
            return Err(failed);
        }
        if self.streams {
            let wrong = "method with a streaming invocation";
            return Err(format!("The client attempted to invoke the non-streaming '{target}' {wrong}."));
        }
        Ok((method, method.frame(&self.arguments)))
    }

    /// The text of the completion for a call that was refused or failed.
    pub fn error(&self, error: &Error) -> String {
        let target = &self.target;
        let code = error.code();
        format!("An unexpected error occurred invoking '{target}' on the server. HubException: {code}: {error}")
    }
}

/// The methods of the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `JoinSession(sessionId)`
    JoinSession,
    /// `LeaveSession()`
    LeaveSession,
    /// `SendOffer(targetUserId, offer)`
    SendOffer,
    /// `SendAnswer(targetUserId, answer)`
    SendAnswer,
    /// `SendIceCandidate(targetUserId, candidate)`
    SendIceCandidate,
    /// `SendMessage(message)`
    SendMessage,
    /// `UpdateStatus(isMuted, isVideoEnabled)`
    UpdateStatus,
}

/// What an argument is, as far as its type in C# says it.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Flag,
    Any,
}

impl Kind {
    fn fits(self, argument: &RawValue) -> bool {
        let text = argument.get();
        match self {
            Self::Text => text.starts_with('"') || text == "null",
            Self::Flag => matches!(text, "true" | "false"),
            Self::Any => true,
        }
    }
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 7] = [
        Self::JoinSession,
        Self::LeaveSession,
        Self::SendOffer,
        Self::SendAnswer,
        Self::SendIceCandidate,
        Self::SendMessage,
        Self::UpdateStatus,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::JoinSession => "JoinSession",
            Self::LeaveSession => "LeaveSession",
            Self::SendOffer => "SendOffer",
            Self::SendAnswer => "SendAnswer",
            Self::SendIceCandidate => "SendIceCandidate",
            Self::SendMessage => "SendMessage",
            Self::UpdateStatus => "UpdateStatus",
        }
    }

    /// The method of that name, in whatever case.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name().eq_ignore_ascii_case(name))
    }

    fn arguments(self) -> &'static [Kind] {
        match self {
            Self::JoinSession | Self::SendMessage => &[Kind::Text],
            Self::LeaveSession => &[],
            Self::SendOffer | Self::SendAnswer | Self::SendIceCandidate => &[Kind::Text, Kind::Any],
            Self::UpdateStatus => &[Kind::Flag, Kind::Flag],
        }
    }

    fn takes(self, arguments: &[&RawValue]) -> bool {
        let kinds = self.arguments();
        kinds.len() == arguments.len() && kinds.iter().zip(arguments).all(|(kind, argument)| kind.fits(argument))
    }

    /// Our own frame that says the same.
    fn frame(self, arguments: &[&RawValue]) -> String {
        let name = self.name();
        let action = name[..1].to_ascii_lowercase() + &name[1..];
        let data = match (self, arguments) {
            (Self::JoinSession, [session]) => format!(r#""sessionId":{session}"#),
            (Self::SendOffer, [target, offer]) => {
                format!(r#""targetUserId":{target},"offer":{}"#, description("offer", offer))
            }
            (Self::SendAnswer, [target, answer]) => {
                format!(r#""targetUserId":{target},"answer":{}"#, description("answer", answer))
            }
            (Self::SendIceCandidate, [target, candidate]) => {
                let candidate = json_in(candidate).unwrap_or_else(|| candidate.get().to_owned());
                format!(r#""targetUserId":{target},"candidate":{candidate}"#)
            }
            (Self::SendMessage, [message]) => format!(r#""message":{message}"#),
            (Self::UpdateStatus, [muted, video]) => format!(r#""isMuted":{muted},"isVideoEnabled":{video}"#),
            _ => String::new(),
        };
        format!(r#"{{"action":"{action}","id":"hub","data":{{{data}}}}}"#)
    }
}

/// A description as an object: clients may also send it as JSON in a text, or the SDP alone.
fn description(kind: &str, raw: &RawValue) -> String {
    match json_in(raw) {
        Some(object) => object,
        None if raw.get().starts_with('"') => format!(r#"{{"type":"{kind}","sdp":{raw}}}"#),
        None => raw.get().to_owned(),
    }
}

/// The JSON object that a text holds, if it does.
fn json_in(raw: &RawValue) -> Option<String> {
    let text: String = serde_json::from_str(raw.get()).ok()?;
    let object: Box<RawValue> = serde_json::from_str(&text).ok()?;
    object.get().starts_with('{').then(|| object.get().to_owned())
}

/// The answer to a good handshake.
pub const HANDSHAKE: &str = "{}\u{1e}";

/// A sign of life. ASP.NET Core sends its own every 15 s; a function has no timer, so each of the client's is answered.
pub const PING: &str = "{\"type\":6}\u{1e}";

/// The end that a client asked for.
pub const CLOSED: &str = "{\"type\":7}\u{1e}";

/// The end of a connection whose client may come back at once.
pub const CLOSED_WITH_ERROR: &str =
    "{\"type\":7,\"error\":\"Connection closed with an error.\",\"allowReconnect\":true}\u{1e}";

/// How an event ends a connection for good: a client that came back would take over again, take a seat anew, or ask for one in vain.
fn end_by(event: &str) -> Option<&'static str> {
    match event {
        "removed" => Some("{\"type\":7,\"error\":\"You were removed from the session.\"}\u{1e}"),
        "replaced" => Some("{\"type\":7,\"error\":\"A newer connection took over.\"}\u{1e}"),
        "sessionEnded" => Some("{\"type\":7}\u{1e}"),
        _ => None,
    }
}

/// The answer to a handshake that is refused.
pub fn refused_handshake(error: &str) -> String {
    #[derive(Serialize)]
    struct Refused<'a> {
        error: &'a str,
    }
    record(&Refused { error })
}

/// The answer to a call; `result` is null for a method that has none.
pub fn completion<T: Serialize>(id: &str, result: &T) -> String {
    record(&Completion { kind: 3, invocation_id: id, result: Some(result), error: None })
}

/// The answer to a call that was refused or failed.
pub fn failure(id: &str, error: &str) -> String {
    record(&Completion { kind: 3, invocation_id: id, result: None::<&()>, error: Some(error) })
}

/// The answer to a whole frame that nobody works on: its calls fail with that error. A frame without calls is answered as a sign
/// of life.
pub fn refuse(frame: &str, error: &Error) -> String {
    let calls = split(frame).0.into_iter().filter_map(|record| match Record::parse(record) {
        Ok(Record::Invocation(call)) => call.id.as_deref().map(|id| failure(id, &call.error(error))),
        Ok(_) | Err(Malformed) => None,
    });
    let refused: String = calls.collect();
    if refused.is_empty() { PING.to_owned() } else { refused }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Completion<'a, T> {
    #[serde(rename = "type")]
    kind: u8,
    invocation_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

fn record(value: &impl Serialize) -> String {
    let mut text =
        serde_json::to_string(value).expect("the wire types have string keys and nothing that cannot be written");
    text.push(SEPARATOR);
    text
}

#[derive(Deserialize)]
struct OwnEvent<'a> {
    event: &'a str,
    timestamp: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Serialize)]
struct HubEvent<'a, T> {
    #[serde(rename = "type")]
    kind: u8,
    target: &'a str,
    arguments: [T; 1],
}

/// One of our own events, as the frames that a client of the hub is pushed: each of one or more records, and below 32 KB unless a
/// single record is larger.
///
/// The event's time goes into its data. Each candidate is an event of its own, as the first TunRTC had it.
pub fn frames(event: &str) -> Vec<String> {
    let records = records(event).unwrap_or_default();
    let mut frames: Vec<String> = Vec::new();
    for record in records {
        match frames.last_mut().filter(|last| last.len() + record.len() < MAX_FRAME) {
            Some(last) => last.push_str(&record),
            None => frames.push(record),
        }
    }
    frames
}

/// Nothing for what is not one of our events.
fn records(event: &str) -> Option<Vec<String>> {
    let own: OwnEvent<'_> = serde_json::from_str(event).ok()?;
    let first = own.event.chars().next()?;
    let target = format!("{}{}", first.to_ascii_uppercase(), &own.event[first.len_utf8()..]);
    let mut fields: BTreeMap<&str, &RawValue> = serde_json::from_str(own.data.get()).ok()?;
    let time = serde_json::value::to_raw_value(own.timestamp).ok()?;
    fields.insert("timestamp", &time);
    let said = |fields: &BTreeMap<&str, &RawValue>| record(&HubEvent { kind: 1, target: &target, arguments: [fields] });
    let candidates = fields.get("candidates").and_then(|raw| serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok());
    let Some(candidates) = candidates else {
        let last = end_by(own.event).map(str::to_owned);
        return Some([said(&fields)].into_iter().chain(last).collect());
    };
    fields.remove("candidates");
    let each = candidates.into_iter().map(|candidate| {
        fields.insert("candidate", candidate);
        said(&fields)
    });
    Some(each.collect())
}

/// The answer to a negotiation: there are WebSockets, and texts on them.
/// <https://github.com/dotnet/aspnetcore/blob/main/src/SignalR/docs/specs/TransportProtocols.md>
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Negotiation {
    /// 0, or 1 for clients that ask for it or for more.
    negotiate_version: u8,
    /// Names the connection for people.
    connection_id: String,
    /// What the client shows as `id` when it connects; with version 0 it shows `connectionId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_token: Option<String>,
    /// What there is to connect by.
    available_transports: [Transport; 1],
}

/// A way to connect.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transport {
    /// `WebSockets`
    transport: &'static str,
    /// `Text`
    transfer_formats: [&'static str; 1],
}

impl Negotiation {
    /// For a client that asks for that version.
    pub fn new(version: u64, connection_id: String, token: String) -> Self {
        Self {
            negotiate_version: u8::from(version > 0),
            connection_id,
            connection_token: (version > 0).then_some(token),
            available_transports: [Transport { transport: "WebSockets", transfer_formats: ["Text"] }],
        }
    }
}
