//! Data and remote procedure calls: parsed and written, for both doors.

use domain::data::{Data, MAX_PAYLOAD, Recipients, Rpc, RpcAnswer, RpcFailure};
use domain::{Context, Error, Sender, SignalId, UserId};
use serde::Serialize;

use crate::signaling::{AboutData, ClientFrame, MAX_FRAME, Nothing, tag, target};
use crate::{Fields, rights};

/// The longest `topic`, in characters.
const MAX_TOPIC: usize = 128;
/// The longest `message` of a failure, in characters.
const MAX_FAILURE: usize = 256;
/// The largest payload as it is written in JSON, in bytes: a frame to its target has to hold it beside the rest.
const MAX_ESCAPED: usize = MAX_FRAME - 4 * 1024;
/// How long a caller waits where nothing is said, in milliseconds: LiveKit's default.
const TIMEOUT_MS: u64 = 15_000;
/// The most that data can be for by name: as many as can take part.
const MOST_RECIPIENTS: usize = 100;

/// `sendData`, or the body of `POST /api/session/{sessionId}/data`.
pub struct SendData {
    topic: String,
    payload: String,
    to: Option<Vec<String>>,
    id: Option<String>,
}

impl SendData {
    /// What is sent, and to whom; `user` knows whom a name in `to` stands for. Nothing if one of them can be nobody's name.
    pub fn into_data(
        self,
        from: Option<Sender>,
        context: Context<'_>,
        user: impl Fn(&str) -> Option<UserId>,
    ) -> Option<(Data, Recipients)> {
        let to = match self.to {
            None => Recipients::Everybody,
            Some(names) => Recipients::These(names.iter().map(|name| user(name)).collect::<Option<_>>()?),
        };
        let id = self.id.unwrap_or_else(|| SignalId::new(context.ids, context.now).to_string());
        Some((Data { id, from, topic: self.topic, payload: self.payload }, to))
    }
}

/// Reads the fields; a payload that is too large is told after everything else is right.
pub(crate) fn send_data(f: &mut Fields<'_>) -> Option<SendData> {
    let topic = f.text("topic", |text| limited(text, MAX_TOPIC, "must be 1-128 characters"));
    let payload = f.text("payload", Ok);
    let to = f.optional_json("to", |json| {
        let names = rights::names(json)?;
        (1..=MOST_RECIPIENTS).contains(&names.len()).then_some(names).ok_or("must name 1-100 participants")
    });
    let id = f.optional_text("dataId", |text| tag(text, "must be 1-64 characters"));
    Some(SendData { topic: topic?, payload: payload?, to: to?, id: id? })
}

/// Refuses what has more than [`MAX_PAYLOAD`] bytes.
pub(crate) fn fitting(data: SendData) -> Result<SendData, Error> {
    fits(&data.payload)?;
    Ok(data)
}

fn fits(payload: &str) -> Result<(), Error> {
    if payload.len() > MAX_PAYLOAD {
        return Err(Error::PayloadTooLarge { what: "the payload", limit: MAX_PAYLOAD });
    }
    let escaped = serde_json::to_string(payload).map_or(usize::MAX, |text| text.len());
    let fits = escaped <= MAX_ESCAPED;
    fits.then_some(()).ok_or(Error::PayloadTooLarge { what: "the payload as JSON", limit: MAX_ESCAPED })
}

fn limited(text: String, most: usize, reason: &'static str) -> Result<String, &'static str> {
    (1..=most).contains(&text.chars().count()).then_some(text).ok_or(reason)
}

/// `sendRpc`, whoever sends it.
pub struct Call {
    id: String,
    method: String,
    payload: String,
    timeout_ms: u64,
}

impl Call {
    /// By that participant.
    pub fn by(self, from: Sender) -> Rpc {
        Rpc { id: self.id, from, method: self.method, payload: self.payload, timeout_ms: self.timeout_ms }
    }
}

/// `answerRpc`, whoever sends it.
pub struct Answer {
    id: String,
    outcome: Result<String, RpcFailure>,
}

impl Answer {
    /// By that participant.
    pub fn by(self, from: Sender) -> RpcAnswer {
        RpcAnswer { id: self.id, from, outcome: self.outcome }
    }
}

impl ClientFrame<'_> {
    /// `sendData`.
    pub fn send_data(&self) -> Result<SendData, Error> {
        self.data(send_data).and_then(fitting)
    }

    /// `sendRpc`, and whom it is for; nobody if the target is no user.
    pub fn send_rpc(&self) -> Result<(Call, Option<UserId>), Error> {
        let (call, to) = self.data(|f| {
            let to = target(f);
            let id = f.text("rpcId", |text| tag(text, "must be 1-64 characters"));
            let method = f.text("method", |text| tag(text, "must be 1-64 characters"));
            let payload = f.text("payload", Ok);
            let timeout_ms = f.optional_number("timeoutMs", |n| {
                (1_000..=60_000).contains(&n).then_some(n).ok_or("must be 1000-60000")
            });
            let timeout_ms = timeout_ms?.unwrap_or(TIMEOUT_MS);
            Some((Call { id: id?, method: method?, payload: payload?, timeout_ms }, to?))
        })?;
        fits(&call.payload)?;
        Ok((call, to))
    }

    /// `answerRpc`, and whom it is for; nobody if the target is no user.
    pub fn answer_rpc(&self) -> Result<(Answer, Option<UserId>), Error> {
        let (answer, to) = self.data(|f| {
            let to = target(f);
            let id = f.text("rpcId", |text| tag(text, "must be 1-64 characters"));
            let payload = f.optional_text("payload", Ok);
            let error = f.optional_object("error", failure);
            let outcome = match (payload?, error?) {
                (Some(payload), None) => Ok(payload),
                (None, Some(failure)) => Err(failure),
                (None, None) => return f.refuse("payload", "is missing, and error too"),
                (Some(_), Some(_)) => return f.refuse("error", "must not come with payload"),
            };
            Some((Answer { id: id?, outcome }, to?))
        })?;
        match &answer.outcome {
            Ok(payload) => fits(payload)?,
            Err(failure) => failure.data.as_deref().map_or(Ok(()), fits)?,
        }
        Ok((answer, to))
    }
}

fn failure(f: &mut Fields<'_>) -> Option<RpcFailure> {
    let code = match f.optional_number("code", |n| (n <= 99_999).then_some(n).ok_or("must be 0-99999")) {
        Some(None) => f.refuse("code", "is missing"),
        code => code.flatten(),
    };
    let message = f.text("message", |text| limited(text, MAX_FAILURE, "must be 1-256 characters"));
    let data = f.optional_text("data", Ok);
    Some(RpcFailure { code: code?, message: message?, data: data? })
}

/// `receiveData`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DataReceived {
    /// Who sent it; nobody where the app itself did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_user_id: Option<String>,
    /// The sender's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_username: Option<String>,
    /// What the app calls its user; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_identity: Option<String>,
    /// What it is about.
    pub topic: String,
    /// What the sender put into it.
    pub payload: String,
    /// The same for what is sent again, which a receiver drops.
    pub data_id: String,
}

impl From<&Data> for DataReceived {
    fn from(data: &Data) -> Self {
        let from = data.from.as_ref();
        Self {
            from_user_id: from.map(|from| from.user_id.to_string()),
            from_username: from.map(|from| from.username.as_str().to_owned()),
            from_identity: from.and_then(identity),
            topic: data.topic.clone(),
            payload: data.payload.clone(),
            data_id: data.id.clone(),
        }
    }
}

fn identity(sender: &Sender) -> Option<String> {
    sender.identity.as_ref().map(|identity| identity.as_str().to_owned())
}

/// `receiveRpc`: somebody calls a procedure of this client.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RpcReceived {
    /// Who calls.
    pub from_user_id: String,
    /// The caller's name.
    pub from_username: String,
    /// What the app calls its user; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_identity: Option<String>,
    /// The call; a call of the same id by the same caller is the same, told again.
    pub rpc_id: String,
    /// The procedure.
    pub method: String,
    /// What the caller put into it.
    pub payload: String,
    /// How long the caller waits for the answer.
    pub timeout_ms: u64,
}

impl From<&Rpc> for RpcReceived {
    fn from(rpc: &Rpc) -> Self {
        Self {
            from_user_id: rpc.from.user_id.to_string(),
            from_username: rpc.from.username.as_str().to_owned(),
            from_identity: identity(&rpc.from),
            rpc_id: rpc.id.clone(),
            method: rpc.method.clone(),
            payload: rpc.payload.clone(),
            timeout_ms: rpc.timeout_ms,
        }
    }
}

/// `receiveRpcAnswer`: the answer to a call.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RpcAnswerReceived {
    /// Who answers.
    pub from_user_id: String,
    /// Their name.
    pub from_username: String,
    /// What the app calls its user; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_identity: Option<String>,
    /// The call.
    pub rpc_id: String,
    /// The result, unless there is an `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RpcErrorView>,
}

/// Why a call has no result.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RpcErrorView {
    /// A number of LiveKit's, or the app's own.
    pub code: u64,
    /// For people.
    pub message: String,
    /// Whatever else the app says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

impl From<&RpcAnswer> for RpcAnswerReceived {
    fn from(answer: &RpcAnswer) -> Self {
        let view = |f: &RpcFailure| RpcErrorView { code: f.code, message: f.message.clone(), data: f.data.clone() };
        Self {
            from_user_id: answer.from.user_id.to_string(),
            from_username: answer.from.username.as_str().to_owned(),
            from_identity: identity(&answer.from),
            rpc_id: answer.id.clone(),
            payload: answer.outcome.as_ref().ok().cloned(),
            error: answer.outcome.as_ref().err().map(view),
        }
    }
}

/// The answer to `sendData`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DataAck {
    /// What the data is called.
    pub data_id: String,
}

/// The answer to one of the actions by which apps send something.
#[derive(Serialize)]
#[serde(untagged)]
pub enum SendAck {
    /// To `sendData`.
    Data(DataAck),
    /// To `updateAttributes` and `raiseHand`.
    About(AboutData),
    /// To `sendRpc` and `answerRpc`.
    Nothing(Nothing),
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const PEER: &str = "01a1ed5c-8600-7000-8000-000000000001";

    fn code(action: &str, data: &Value) -> String {
        let text = json!({ "id": "1", "action": action, "data": data }).to_string();
        let frame = ClientFrame::parse(&text).unwrap_or_else(|_| panic!("{text}"));
        let read = match action {
            "sendData" => frame.send_data().map(drop),
            "sendRpc" => frame.send_rpc().map(drop),
            _ => frame.answer_rpc().map(drop),
        };
        read.map_or_else(|error| error.to_string(), |()| "ok".to_owned())
    }

    #[test]
    fn data_names_its_topic_and_at_most_a_hundred_recipients() {
        let read = |data: Value| code("sendData", &data);
        assert_eq!(read(json!({ "topic": "cursor", "payload": "" })), "ok");
        assert_eq!(read(json!({ "topic": "cursor", "payload": "x", "to": [PEER], "dataId": "1" })), "ok");
        assert_eq!(read(json!({ "payload": "x" })), "topic is missing");
        assert_eq!(read(json!({ "topic": "", "payload": "x" })), "topic must be 1-128 characters");
        assert_eq!(read(json!({ "topic": "t", "payload": {} })), "payload must be a string");
        assert_eq!(read(json!({ "topic": "t", "payload": "x", "to": [] })), "to must name 1-100 participants");
    }

    #[test]
    fn a_payload_has_at_most_fifteen_kibibytes() {
        for (length, wanted) in
            [(MAX_PAYLOAD, "ok"), (MAX_PAYLOAD + 1, "the payload is larger than the 15360 bytes allowed")]
        {
            let payload = "x".repeat(length);
            let data = json!({ "topic": "t", "payload": payload });
            assert_eq!(code("sendData", &data), wanted);
            let call = json!({ "targetUserId": PEER, "rpcId": "1", "method": "add", "payload": payload });
            assert_eq!(code("sendRpc", &call), wanted);
            let answer = json!({ "targetUserId": PEER, "rpcId": "1", "payload": payload });
            assert_eq!(code("answerRpc", &answer), wanted);
            let error = json!({ "code": 1500, "message": "no", "data": payload });
            let answer = json!({ "targetUserId": PEER, "rpcId": "1", "error": error });
            assert_eq!(code("answerRpc", &answer), wanted);
        }
    }

    #[test]
    fn a_payload_that_grows_as_json_still_fits_into_a_frame() {
        let quotes = "\"".repeat(MAX_PAYLOAD);
        let data = json!({ "topic": "t", "payload": quotes });
        assert_eq!(code("sendData", &data), "the payload as JSON is larger than the 28672 bytes allowed");
        let data = json!({ "topic": "t", "payload": "\"".repeat(14_000) });
        assert_eq!(code("sendData", &data), "ok");
    }

    #[test]
    fn a_call_waits_for_a_second_to_a_minute() {
        let read = |timeout: Value| {
            let data =
                json!({ "targetUserId": PEER, "rpcId": "1", "method": "add", "payload": "", "timeoutMs": timeout });
            code("sendRpc", &data)
        };
        for good in [1_000, 60_000] {
            assert_eq!(read(json!(good)), "ok");
        }
        for bad in [999, 60_001] {
            assert_eq!(read(json!(bad)), "timeoutMs must be 1000-60000");
        }
    }

    #[test]
    fn an_answer_is_a_result_or_an_error() {
        let read = |more: Value| {
            let mut data = json!({ "targetUserId": PEER, "rpcId": "1" });
            data.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            code("answerRpc", &data)
        };
        assert_eq!(read(json!({ "payload": "" })), "ok");
        assert_eq!(read(json!({ "error": { "code": 1500, "message": "no" } })), "ok");
        assert_eq!(read(json!({})), "payload is missing, and error too");
        let both = json!({ "payload": "", "error": { "code": 1, "message": "no" } });
        assert_eq!(read(both), "error must not come with payload");
        assert_eq!(read(json!({ "error": { "code": 1 } })), "error.message is missing");
    }
}
