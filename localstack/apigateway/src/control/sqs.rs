//! SQS's JSON protocol, as far as functions need it
//! ([SendMessage](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html)).

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::{
    answer::{exception, json_response},
    api::Api,
    control::queue::Message,
    events,
};

/// The header of AWS's JSON protocol that names the operation.
pub(crate) const TARGET: &str = "x-amz-target";

/// SQS's quota for a message, in bytes.
const MESSAGE_LIMIT: usize = 1024 * 1024;
/// SQS's quota for a delay.
const DELAY_LIMIT_SECONDS: i64 = 900;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage {
    queue_url: String,
    message_body: String,
    delay_seconds: Option<i64>,
    #[serde(default)]
    message_attributes: BTreeMap<String, IgnoredAny>,
}

#[derive(Serialize)]
struct Sent<'a> {
    #[serde(rename = "MessageId")]
    message_id: &'a str,
    #[serde(rename = "MD5OfMessageBody")]
    md5_of_body: &'a str,
}

/// Answers a request of SQS's JSON protocol.
pub(crate) fn handle(api: &Api, request: &Request<Bytes>) -> Response<Bytes> {
    let mut response = match request.headers().get(TARGET).map(HeaderValue::as_bytes) {
        Some(b"AmazonSQS.SendMessage") => send(api, request.body()).unwrap_or_else(Refusal::response),
        _ => Refusal::UnsupportedOperation("Only SendMessage is supported.").response(),
    };
    let content_type = HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn send(api: &Api, request: &[u8]) -> Result<Response<Bytes>, Refusal> {
    let request: SendMessage = serde_json::from_slice(request).map_err(|_| Refusal::Malformed)?;
    let name = request.queue_url.rsplit('/').next().unwrap_or_default();
    let queue = api.queues.get(name).ok_or(Refusal::NoSuchQueue)?;
    let delay = match request.delay_seconds.unwrap_or(0) {
        seconds @ 0..=DELAY_LIMIT_SECONDS => Duration::from_secs(seconds.unsigned_abs()),
        seconds => return Err(Refusal::Delay(seconds)),
    };
    if request.message_body.len() > MESSAGE_LIMIT {
        return Err(Refusal::TooLong);
    }
    if !request.message_attributes.is_empty() {
        return Err(Refusal::UnsupportedOperation("Message attributes are not supported."));
    }
    let message = Message::new(request.message_body);
    let sent = events::json(&Sent { message_id: &message.id, md5_of_body: &message.md5 });
    queue.put(message, delay);
    Ok(json_response(StatusCode::OK, sent))
}

/// Why SQS does not take a message.
enum Refusal {
    UnsupportedOperation(&'static str),
    Malformed,
    NoSuchQueue,
    Delay(i64),
    TooLong,
}

impl Refusal {
    fn message(&self) -> String {
        match self {
            Self::UnsupportedOperation(why) => (*why).to_owned(),
            Self::Malformed => "The request is not a SendMessage.".to_owned(),
            Self::NoSuchQueue => "The specified queue does not exist.".to_owned(),
            Self::Delay(seconds) => format!(
                "Value {seconds} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
            ),
            Self::TooLong => format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {MESSAGE_LIMIT} bytes."
            ),
        }
    }

    /// The exception's name, and the one from SQS's older protocol, which SDKs still go by.
    fn names(&self) -> (&'static str, &'static str) {
        match self {
            Self::UnsupportedOperation(_) => {
                ("com.amazonaws.sqs#UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation;Sender")
            }
            Self::Malformed => ("com.amazon.coral.service#SerializationException", "MalformedInput;Sender"),
            Self::NoSuchQueue => {
                ("com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue;Sender")
            }
            Self::Delay(_) | Self::TooLong => {
                ("com.amazonaws.sqs#InvalidParameterValueException", "InvalidParameterValue;Sender")
            }
        }
    }

    fn response(self) -> Response<Bytes> {
        let (kind, query_kind) = self.names();
        let mut response = exception(StatusCode::BAD_REQUEST, kind, &self.message());
        response.headers_mut().remove("x-amzn-errortype");
        response.headers_mut().insert("x-amzn-query-error", HeaderValue::from_static(query_kind));
        response
    }
}
