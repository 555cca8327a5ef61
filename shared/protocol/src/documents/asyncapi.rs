//! Signaling as AsyncAPI 3.0 (<https://www.asyncapi.com/docs/reference/specification/v3.0.0>).

use schemars::Schema;
use serde_json::{Map, Value, json};

use super::{Schemas, quality, requests};
use crate::{captions, data, recordings, signaling};

/// An action of clients: its name, its data, and the data of its `ack`.
type Action = (&'static str, Schema, Schema);

/// The document.
pub fn asyncapi() -> Value {
    let mut schemas = Schemas::new();
    let actions = actions(&mut schemas);
    let events = events(&mut schemas);
    let error = schemas.of::<signaling::ErrorData>();

    let mut messages = Map::new();
    for (name, data, ack) in &actions {
        messages.insert((*name).to_owned(), message(name, frame("action", name, data, true)));
        let answer = format!("{name}.ack");
        messages.insert(answer.clone(), message(&answer, event("ack", ack, true)));
    }
    messages.insert("error".to_owned(), message("error", error_frame(&error)));
    for (name, data) in &events {
        messages.insert((*name).to_owned(), message(name, event(name, data, false)));
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "TunRTC signaling",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every frame of a client gets exactly one answer, ack or error; events may come before it.",
            "license": { "name": "MIT" },
        },
        "channels": {
            "signaling": {
                "address": "/ws",
                "messages": references(messages.keys(), "#/components/messages"),
                "bindings": { "ws": { "query": { "type": "object", "required": ["ticket"], "properties": {
                    "ticket": { "type": "string", "description": "Lives 60 s and admits one connection, once." } } } } },
            },
        },
        "operations": operations(&actions, &events),
        "components": { "messages": messages, "schemas": schemas.finish() },
    })
}

fn actions(s: &mut Schemas) -> Vec<Action> {
    vec![
        ("joinSession", s.of::<requests::JoinSession>(), s.of::<signaling::JoinedData>()),
        ("leaveSession", s.of::<requests::Nothing>(), s.of::<signaling::Nothing>()),
        ("sendOffer", s.of::<requests::SendOffer>(), s.of::<signaling::SignalAck>()),
        ("sendAnswer", s.of::<requests::SendAnswer>(), s.of::<signaling::SignalAck>()),
        ("sendIceCandidate", s.of::<requests::SendIceCandidate>(), s.of::<signaling::SignalAck>()),
        ("sendMessage", s.of::<requests::SendMessage>(), s.of::<signaling::MessageAck>()),
        ("sendCaption", s.of::<requests::SendCaption>(), s.of::<signaling::Nothing>()),
        ("updateStatus", s.of::<requests::UpdateStatus>(), s.of::<signaling::Nothing>()),
        ("updateParticipant", s.of::<requests::UpdateParticipant>(), s.of::<signaling::ParticipantUpdatedData>()),
        ("muteParticipant", s.of::<requests::MuteParticipant>(), s.of::<signaling::Nothing>()),
        ("removeParticipant", s.of::<requests::RemoveParticipant>(), s.of::<signaling::RemoveAck>()),
        ("admitParticipant", s.of::<requests::Target>(), s.of::<signaling::Nothing>()),
        ("denyParticipant", s.of::<requests::Target>(), s.of::<signaling::Nothing>()),
        ("updateSession", s.of::<requests::UpdateSession>(), s.of::<signaling::SessionUpdatedData>()),
        ("updateAttributes", s.of::<requests::UpdateAttributes>(), s.of::<signaling::AboutData>()),
        ("raiseHand", s.of::<requests::RaiseHand>(), s.of::<signaling::AboutData>()),
        ("sendData", s.of::<requests::SendData>(), s.of::<data::DataAck>()),
        ("sendRpc", s.of::<requests::SendRpc>(), s.of::<signaling::Nothing>()),
        ("answerRpc", s.of::<requests::AnswerRpc>(), s.of::<signaling::Nothing>()),
        ("reportStats", s.of::<quality::CallReport>(), s.of::<signaling::Nothing>()),
        ("sync", s.of::<requests::Sync>(), s.of::<signaling::SyncAck>()),
        ("ping", s.of::<requests::Nothing>(), s.of::<signaling::Nothing>()),
    ]
}

fn events(s: &mut Schemas) -> Vec<(&'static str, Schema)> {
    vec![
        ("userJoined", s.of::<signaling::UserJoinedData>()),
        ("userLeft", s.of::<signaling::UserLeftData>()),
        ("userStatusUpdated", s.of::<signaling::UserStatusData>()),
        ("receiveOffer", s.of::<requests::ReceiveOffer>()),
        ("receiveAnswer", s.of::<requests::ReceiveAnswer>()),
        ("receiveIceCandidate", s.of::<requests::ReceiveIceCandidate>()),
        ("receiveMessage", s.of::<signaling::MessageData>()),
        ("receiveCaption", s.of::<captions::CaptionData>()),
        ("participantUpdated", s.of::<signaling::ParticipantUpdatedData>()),
        ("sessionUpdated", s.of::<signaling::SessionUpdatedData>()),
        ("recordingStarted", s.of::<recordings::RecordingStartedData>()),
        ("recordingStopped", s.of::<recordings::RecordingStoppedData>()),
        ("recordingReady", s.of::<recordings::RecordingReadyData>()),
        ("recordingRequested", s.of::<recordings::RecordingRequestedData>()),
        ("muteRequested", s.of::<signaling::MuteRequestedData>()),
        ("participantWaiting", s.of::<signaling::ParticipantWaitingData>()),
        ("admitted", s.of::<signaling::AdmittedData>()),
        ("denied", s.of::<signaling::DeniedData>()),
        ("receiveData", s.of::<data::DataReceived>()),
        ("receiveRpc", s.of::<data::RpcReceived>()),
        ("receiveRpcAnswer", s.of::<data::RpcAnswerReceived>()),
        ("removed", s.of::<signaling::RemovedData>()),
        ("sessionEnded", s.of::<signaling::SessionEndedData>()),
        ("replaced", s.of::<signaling::Nothing>()),
    ]
}

fn message(name: &str, payload: Value) -> Value {
    json!({ "name": name, "contentType": "application/json", "payload": payload })
}

fn frame(kind: &str, name: &str, data: &Schema, with_id: bool) -> Value {
    let mut properties = json!({ kind: { "const": name }, "data": data });
    let mut required = vec![kind, "data"];
    if with_id {
        properties["id"] = json!({ "type": "string", "minLength": 1, "maxLength": 64 });
        required.push("id");
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

fn event(name: &str, data: &Schema, with_id: bool) -> Value {
    let mut frame = frame("event", name, data, with_id);
    frame["properties"]["timestamp"] = json!({ "type": "string", "format": "date-time" });
    if let Some(required) = frame["required"].as_array_mut() {
        required.push(json!("timestamp"));
    }
    frame
}

/// An error carries the frame's `id`, unless that was missing or unreadable.
fn error_frame(data: &Schema) -> Value {
    let mut frame = event("error", data, false);
    frame["properties"]["id"] = json!({ "type": "string" });
    frame
}

fn references<'a>(names: impl Iterator<Item = &'a String>, base: &str) -> Value {
    names.map(|name| (name.clone(), json!({ "$ref": format!("{base}/{}", name.replace('/', "~1")) }))).collect()
}

fn operations(actions: &[Action], events: &[(&'static str, Schema)]) -> Value {
    let channel = json!({ "$ref": "#/channels/signaling" });
    let of = |name: &str| json!({ "$ref": format!("#/channels/signaling/messages/{name}") });
    let mut operations = Map::new();
    for (name, _, _) in actions {
        let reply = json!({ "channel": channel, "messages": [of(&format!("{name}.ack")), of("error")] });
        let operation = json!({ "action": "receive", "channel": channel, "messages": [of(name)], "reply": reply });
        operations.insert((*name).to_owned(), operation);
    }
    for (name, _) in events {
        operations.insert((*name).to_owned(), json!({ "action": "send", "channel": channel, "messages": [of(name)] }));
    }
    Value::Object(operations)
}
