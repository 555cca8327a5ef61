//! SQS's JSON protocol, as far as functions need it
//! ([SendMessage](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html),
//! [ChangeMessageVisibility](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html)).

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::{
    answer::{exception, json_response},
    api::Api,
    control::queue::{Message, Queue},
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
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
    #[serde(default)]
    message_attributes: BTreeMap<String, IgnoredAny>,
}

/// SQS's quota for how long a message stays unseen.
const VISIBILITY_LIMIT_SECONDS: i64 = 43_200;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeMessageVisibility {
    queue_url: String,
    receipt_handle: String,
    visibility_timeout: i64,
}

#[derive(Serialize)]
struct Sent<'a> {
    #[serde(rename = "MessageId")]
    message_id: &'a str,
    #[serde(rename = "MD5OfMessageBody")]
    md5_of_body: &'a str,
}

/// Answers a request of SQS's JSON protocol.
pub(crate) async fn handle(api: &Api, request: &Request<Bytes>) -> Response<Bytes> {
    let mut response = match request.headers().get(TARGET).map(HeaderValue::as_bytes) {
        Some(b"AmazonSQS.SendMessage") => send(api, request.body()).await.unwrap_or_else(Refusal::response),
        Some(b"AmazonSQS.ChangeMessageVisibility") => {
            change_visibility(api, request.body()).unwrap_or_else(Refusal::response)
        }
        _ => Refusal::UnsupportedOperation("Only SendMessage and ChangeMessageVisibility are supported.").response(),
    };
    let content_type = HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

async fn send(api: &Api, request: &[u8]) -> Result<Response<Bytes>, Refusal> {
    let request: SendMessage = serde_json::from_slice(request).map_err(|_| Refusal::Malformed)?;
    let queue = queue(api, &request.queue_url)?;
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
    let message = match (queue.is_fifo(), request.message_group_id, request.message_deduplication_id) {
        (false, None, None) => message,
        // A FIFO queue has a delay of its own, and none for single messages.
        (true, Some(group), Some(id)) if request.delay_seconds.is_none() => message.in_group(group, id),
        (true, _, _) => {
            return Err(Refusal::Parameter("A FIFO queue wants MessageGroupId and MessageDeduplicationId."));
        }
        (false, _, _) => return Err(Refusal::Parameter("Only a FIFO queue takes MessageGroupId here.")),
    };
    let sent = events::json(&Sent { message_id: &message.id, md5_of_body: &message.md5 });
    match queue.put(message, delay).await {
        true => Ok(json_response(StatusCode::OK, sent)),
        false => Err(Refusal::Broken),
    }
}

fn change_visibility(api: &Api, request: &[u8]) -> Result<Response<Bytes>, Refusal> {
    let request: ChangeMessageVisibility = serde_json::from_slice(request).map_err(|_| Refusal::Malformed)?;
    let queue = queue(api, &request.queue_url)?;
    let seconds = match request.visibility_timeout {
        seconds @ 0..=VISIBILITY_LIMIT_SECONDS => seconds.unsigned_abs(),
        _ => return Err(Refusal::Parameter("VisibilityTimeout must be >= 0 and <= 43200.")),
    };
    match queue.come_again(&request.receipt_handle, Duration::from_secs(seconds)) {
        true => Ok(json_response(StatusCode::OK, Bytes::from_static(b"{}"))),
        false => Err(Refusal::Receipt),
    }
}

fn queue<'a>(api: &'a Api, url: &str) -> Result<&'a Queue, Refusal> {
    let name = url.rsplit('/').next().unwrap_or_default();
    api.queues.get(name).map(|queue| &**queue).ok_or(Refusal::NoSuchQueue)
}

/// Why SQS does not take a message.
enum Refusal {
    UnsupportedOperation(&'static str),
    Malformed,
    NoSuchQueue,
    Delay(i64),
    TooLong,
    Parameter(&'static str),
    Receipt,
    Broken,
}

impl Refusal {
    fn message(&self) -> String {
        match self {
            Self::UnsupportedOperation(why) => (*why).to_owned(),
            Self::Malformed => "The request is not what its operation takes.".to_owned(),
            Self::NoSuchQueue => "The specified queue does not exist.".to_owned(),
            Self::Delay(seconds) => format!(
                "Value {seconds} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
            ),
            Self::Parameter(why) => (*why).to_owned(),
            Self::Receipt => "The input receipt handle is invalid.".to_owned(),
            Self::Broken => "The message was not kept.".to_owned(),
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
            Self::Receipt => ("com.amazonaws.sqs#ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid;Sender"),
            Self::Broken => ("com.amazonaws.sqs#InternalError", "InternalError;Receiver"),
            Self::Delay(_) | Self::TooLong | Self::Parameter(_) => {
                ("com.amazonaws.sqs#InvalidParameterValueException", "InvalidParameterValue;Sender")
            }
        }
    }

    fn response(self) -> Response<Bytes> {
        let (kind, query_kind) = self.names();
        let status = match self {
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        let mut response = exception(status, kind, &self.message());
        response.headers_mut().remove("x-amzn-errortype");
        response.headers_mut().insert("x-amzn-query-error", HeaderValue::from_static(query_kind));
        response
    }
}
