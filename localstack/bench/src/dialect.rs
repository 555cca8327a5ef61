//! What clients and servers say to each other: the words of TunRTC and of its peers for the same things.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::Result;
use crate::people::Guest;

/// Whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The contract of TunRTC.
    TunRtc,
    /// Engine.IO 4 with Socket.IO 5 in it (<https://socket.io/docs/v4/socket-io-protocol/>).
    SocketIo,
    /// The messages of PeerJS.
    PeerServer,
}

/// What a frame from the server means to a measurement.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    /// The server did what the frame of this number asked for.
    Acknowledged(usize),
    /// The server is too busy for the frame of this number, and wants it later.
    Refused(usize),
    /// The candidate of this number has arrived.
    Candidate(usize),
    /// The chat message of this number has arrived.
    Chat(usize),
    /// The server wants this as an answer, or it closes the connection.
    Asked(&'static str),
    /// The server is ready for the next step of joining.
    Welcome,
    /// Anything else.
    Other,
}

/// A frame of TunRTC.
#[derive(Deserialize)]
struct Ours<'a> {
    event: &'a str,
    id: Option<&'a str>,
    #[serde(default)]
    data: Payload<'a>,
}

/// A message of PeerServer.
#[derive(Deserialize)]
struct PeerJs<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(default)]
    payload: Payload<'a>,
}

/// What the measurements read of what was sent.
#[derive(Default, Deserialize)]
struct Payload<'a> {
    /// The number of a candidate.
    seq: Option<usize>,
    /// A chat message, which is its number.
    message: Option<&'a str>,
    /// Why a frame was refused.
    code: Option<&'a str>,
}

impl Payload<'_> {
    fn seen(&self) -> Result<Seen> {
        Ok(match (self.seq, self.message) {
            (Some(number), _) => Seen::Candidate(number),
            (None, Some(number)) => Seen::Chat(number.parse()?),
            (None, None) => Seen::Other,
        })
    }
}

impl Dialect {
    /// Whether the server says that it took a candidate.
    pub fn acknowledges(self) -> bool {
        self != Self::PeerServer
    }

    /// What a frame from the server means.
    ///
    /// # Errors
    /// It is a refusal, or nothing that this server says.
    pub fn read(self, text: &str) -> Result<Seen> {
        let seen = match self {
            Self::TunRtc => ours(text),
            Self::SocketIo => socket_io(text),
            Self::PeerServer => peer_server(text),
        };
        seen.map_err(|error| format!("{error}: {text}").into())
    }

    /// What a client says to join, step by step; each waits until the server welcomes or acknowledges the one before.
    pub fn joining(self, guest: &Guest) -> Vec<String> {
        match self {
            Self::TunRtc => vec![ours_of("joinSession", 0, json!({ "sessionId": guest.session }))],
            Self::SocketIo => {
                vec!["40".to_owned(), emit("join", 0, &json!({ "session": guest.session, "user": guest.user }))]
            }
            Self::PeerServer => Vec::new(),
        }
    }

    /// Whether the server speaks first.
    pub fn welcomes(self) -> bool {
        self != Self::TunRtc
    }

    /// A candidate as browsers send it, numbered.
    pub fn candidate(self, to: &Guest, number: usize) -> String {
        let candidate = "candidate:842163049 1 udp 1677729535 198.51.100.17 46154 typ srflx raddr 10.0.0.17 rport 46154 \
                         generation 0 ufrag 4ZcD network-cost 999";
        let candidate = json!({ "candidate": candidate, "sdpMid": "0", "sdpMLineIndex": 0 });
        match self {
            Self::TunRtc => {
                let data = json!({ "targetUserId": to.user, "candidate": candidate, "epoch": "bench", "seq": number });
                ours_of("sendIceCandidate", number, data)
            }
            Self::SocketIo => emit(
                "signal",
                number,
                &json!({ "to": to.user, "candidate": candidate, "epoch": "bench", "seq": number }),
            ),
            Self::PeerServer => peer_js(to, json!({ "candidate": candidate, "epoch": "bench", "seq": number })),
        }
    }

    /// A chat message to everybody, its sender too. PeerServer knows no sessions: its clients send one to each.
    pub fn chat(self, everybody: &[Guest], number: usize) -> Vec<String> {
        let data = json!({ "message": number.to_string() });
        match self {
            Self::TunRtc => vec![ours_of("sendMessage", number, data)],
            Self::SocketIo => vec![emit("chat", number, &data)],
            Self::PeerServer => everybody.iter().map(|to| peer_js(to, data.clone())).collect(),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it becomes a part of the frame")]
fn ours_of(action: &str, number: usize, data: Value) -> String {
    json!({ "action": action, "id": number.to_string(), "data": data }).to_string()
}

fn emit(event: &str, number: usize, data: &Value) -> String {
    format!(r#"42{number}["{event}",{data}]"#)
}

#[expect(clippy::needless_pass_by_value, reason = "it becomes a part of the frame")]
fn peer_js(to: &Guest, payload: Value) -> String {
    json!({ "type": "CANDIDATE", "dst": to.user, "payload": payload }).to_string()
}

fn ours(text: &str) -> Result<Seen> {
    let frame: Ours<'_> = serde_json::from_str(text)?;
    match (frame.event, frame.id) {
        ("ack", Some(id)) => Ok(Seen::Acknowledged(id.parse()?)),
        ("error", Some(id)) if frame.data.code == Some("unavailable") => Ok(Seen::Refused(id.parse()?)),
        ("error", _) => Err("a frame was refused".into()),
        _ => frame.data.seen(),
    }
}

fn socket_io(text: &str) -> Result<Seen> {
    if let Some(event) = text.strip_prefix("42") {
        // The last one is the place in the stream, from which a client would resume.
        let (_event, payload, _place): (&str, Payload<'_>, IgnoredAny) = serde_json::from_str(event)?;
        return payload.seen();
    }
    if let Some((number, _nothing)) = text.strip_prefix("43").and_then(|rest| rest.split_once('[')) {
        return Ok(Seen::Acknowledged(number.parse()?));
    }
    match text.get(..1) {
        Some("2") => Ok(Seen::Asked("3")),
        Some("0") => Ok(Seen::Welcome),
        Some("4") if text.starts_with("40") => Ok(Seen::Welcome),
        _ => Err("a frame was refused".into()),
    }
}

fn peer_server(text: &str) -> Result<Seen> {
    let frame: PeerJs<'_> = serde_json::from_str(text)?;
    match frame.kind {
        "OPEN" => Ok(Seen::Welcome),
        "CANDIDATE" => frame.payload.seen(),
        other => Err(format!("{other} was not expected").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_says_that_a_candidate_arrived() {
        for (dialect, frame) in [
            (Dialect::TunRtc, r#"{"event":"receiveIceCandidate","data":{"fromUserId":"a","seq":7}}"#),
            (Dialect::SocketIo, r#"42["signal",{"from":"a","seq":7},"1700000000000-0"]"#),
            (Dialect::PeerServer, r#"{"type":"CANDIDATE","src":"a","dst":"b","payload":{"seq":7}}"#),
        ] {
            assert_eq!(dialect.read(frame).unwrap(), Seen::Candidate(7), "{dialect:?}");
        }
    }

    #[test]
    fn an_acknowledgement_names_its_frame() {
        assert_eq!(Dialect::TunRtc.read(r#"{"event":"ack","id":"12","data":{}}"#).unwrap(), Seen::Acknowledged(12));
        assert_eq!(Dialect::SocketIo.read("4312[]").unwrap(), Seen::Acknowledged(12));
    }

    #[test]
    fn a_busy_server_ends_no_measurement() {
        let frame = r#"{"event":"error","id":"7","data":{"code":"unavailable","message":"the service is busy"}}"#;
        assert_eq!(Dialect::TunRtc.read(frame).unwrap(), Seen::Refused(7));
    }

    #[test]
    fn any_other_refusal_ends_a_measurement() {
        for (dialect, frame) in [
            (Dialect::TunRtc, r#"{"event":"error","id":"1","data":{"code":"rate_limited"}}"#),
            (Dialect::SocketIo, r#"44{"message":"no"}"#),
            (Dialect::PeerServer, r#"{"type":"ERROR","payload":{"msg":"no"}}"#),
        ] {
            assert!(dialect.read(frame).is_err(), "{dialect:?}");
        }
    }
}
