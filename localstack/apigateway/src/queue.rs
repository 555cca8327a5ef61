//! An SQS queue in memory: `SendMessage` with a delay, and a function that gets each message
//! ([SendMessage](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html),
//! [event source mapping](https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html)).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE};
use serde::{Deserialize, Serialize};

use crate::{
    answer::json_response,
    builder::Api,
    clock::Moment,
    control::error,
    events::{self, QueueAttributes, QueueEvent, QueueMessageAttribute, QueueRecord},
    function::{Failure, Function},
    random,
};

/// The header of AWS's JSON protocol that names the operation.
pub(crate) const TARGET: &str = "x-amz-target";

/// SQS's quota for a message, in bytes.
const MESSAGE_LIMIT: usize = 1024 * 1024;
/// SQS's quota for a delay.
const DELAY_LIMIT_SECONDS: i64 = 900;

/// A queue and the function that reads it.
pub(crate) struct Queue {
    arn: String,
    function: Function,
}

impl Queue {
    pub(crate) fn new(name: &str, function: Function) -> Self {
        Self { arn: format!("arn:aws:sqs:{}:{}:{name}", events::REGION, events::ACCOUNT), function }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage {
    queue_url: String,
    message_body: String,
    delay_seconds: Option<i64>,
    #[serde(default)]
    message_attributes: BTreeMap<String, Attribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    data_type: String,
    string_value: Option<String>,
    binary_value: Option<String>,
}

#[derive(Serialize)]
struct Sent<'a> {
    #[serde(rename = "MessageId")]
    message_id: &'a str,
    #[serde(rename = "MD5OfMessageBody")]
    md5_of_body: &'a str,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_attributes: Option<String>,
}

/// A message that waits or is delivered.
struct Message {
    id: String,
    body: String,
    md5: String,
    attributes: BTreeMap<String, Attribute>,
    sent: Moment,
}

/// Answers a request of SQS's JSON protocol.
pub(crate) fn handle(api: &Arc<Api>, request: &Request<Bytes>) -> Response<Bytes> {
    let mut response = match request.headers().get(TARGET).map(HeaderValue::as_bytes) {
        Some(b"AmazonSQS.SendMessage") => send(api, request.body()).unwrap_or_else(Refusal::response),
        _ => Refusal::UnsupportedOperation.response(),
    };
    let content_type = HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// Why SQS does not take a message.
enum Refusal {
    UnsupportedOperation,
    Malformed,
    NoSuchQueue,
    Delay(i64),
    TooLong,
    Attribute,
}

impl Refusal {
    /// The second name is the one from SQS's older protocol, which SDKs still go by.
    fn response(self) -> Response<Bytes> {
        let (kind, query_kind, message) = match self {
            Self::UnsupportedOperation => (
                "com.amazonaws.sqs#UnsupportedOperation",
                "AWS.SimpleQueueService.UnsupportedOperation;Sender",
                "Only SendMessage is supported.".to_owned(),
            ),
            Self::Malformed => (
                "com.amazon.coral.service#SerializationException",
                "MalformedInput;Sender",
                "The request is not a SendMessage.".to_owned(),
            ),
            Self::NoSuchQueue => (
                "com.amazonaws.sqs#QueueDoesNotExist",
                "AWS.SimpleQueueService.NonExistentQueue;Sender",
                "The specified queue does not exist.".to_owned(),
            ),
            Self::Delay(seconds) => (
                "com.amazonaws.sqs#InvalidParameterValueException",
                "InvalidParameterValue;Sender",
                format!(
                    "Value {seconds} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
                ),
            ),
            Self::TooLong => (
                "com.amazonaws.sqs#InvalidParameterValueException",
                "InvalidParameterValue;Sender",
                format!(
                    "One or more parameters are invalid. Reason: Message must be shorter than {MESSAGE_LIMIT} bytes."
                ),
            ),
            Self::Attribute => (
                "com.amazonaws.sqs#InvalidParameterValueException",
                "InvalidParameterValue;Sender",
                "A message attribute has neither a string nor a base64 binary value.".to_owned(),
            ),
        };
        let mut response = error(StatusCode::BAD_REQUEST, kind, &message);
        response.headers_mut().remove("x-amzn-errortype");
        response.headers_mut().insert("x-amzn-query-error", HeaderValue::from_static(query_kind));
        response
    }
}

fn send(api: &Arc<Api>, request: &[u8]) -> Result<Response<Bytes>, Refusal> {
    let request: SendMessage = serde_json::from_slice(request).map_err(|_| Refusal::Malformed)?;
    let name = request.queue_url.rsplit('/').next().unwrap_or_default().to_owned();
    if !api.queues.contains_key(&name) {
        return Err(Refusal::NoSuchQueue);
    }
    let delay = match request.delay_seconds.unwrap_or(0) {
        seconds @ 0..=DELAY_LIMIT_SECONDS => Duration::from_secs(seconds.unsigned_abs()),
        seconds => return Err(Refusal::Delay(seconds)),
    };
    if request.message_body.len() > MESSAGE_LIMIT {
        return Err(Refusal::TooLong);
    }
    let md5_of_attributes = md5_of(&request.message_attributes)?;
    let message = Message {
        id: random::uuid(),
        md5: hex(&request.message_body),
        body: request.message_body,
        attributes: request.message_attributes,
        sent: Moment::now(),
    };
    let sent = Sent { message_id: &message.id, md5_of_body: &message.md5, md5_of_attributes };
    let response = json_response(StatusCode::OK, events::json(&sent));
    // It is not one of the tasks a shutdown waits for: it may wait for minutes.
    tokio::spawn(deliver(Arc::clone(api), name, message, delay));
    Ok(response)
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    format!("{:x}", md5::compute(bytes))
}

/// The digest over all attributes, [as SQS defines it](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation).
fn md5_of(attributes: &BTreeMap<String, Attribute>) -> Result<Option<String>, Refusal> {
    fn put(digested: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Refusal> {
        let length = u32::try_from(bytes.len()).map_err(|_| Refusal::TooLong)?;
        digested.extend_from_slice(&length.to_be_bytes());
        digested.extend_from_slice(bytes);
        Ok(())
    }
    let mut digested = Vec::new();
    for (name, attribute) in attributes {
        put(&mut digested, name.as_bytes())?;
        put(&mut digested, attribute.data_type.as_bytes())?;
        match (&attribute.string_value, &attribute.binary_value) {
            (Some(text), _) => {
                digested.push(1);
                put(&mut digested, text.as_bytes())?;
            }
            (None, Some(binary)) => {
                digested.push(2);
                put(&mut digested, &STANDARD.decode(binary).map_err(|_| Refusal::Attribute)?)?;
            }
            (None, None) => return Err(Refusal::Attribute),
        }
    }
    Ok((!attributes.is_empty()).then(|| hex(digested)))
}

/// Delivers a message after its delay, and again while its function fails.
async fn deliver(api: Arc<Api>, name: String, message: Message, delay: Duration) {
    let mut stopping = api.stopping.subscribe();
    let deliveries = async {
        tokio::time::sleep(delay).await;
        let Some(queue) = api.queues.get(&name) else { return };
        let first_received = Moment::now();
        for count in 1..=api.limits.deliveries {
            let event = message.event(queue, count, first_received);
            match consume(&api, queue, event).await {
                Ok(()) => return,
                Err(failure) => tracing::warn!(
                    queue.name = name,
                    message.id = message.id,
                    delivery = count,
                    error = &failure as &dyn std::error::Error,
                    "Queue's function failed"
                ),
            }
            tokio::time::sleep(api.limits.redelivery).await;
        }
        tracing::error!(queue.name = name, message.id = message.id, "Queue's message given up");
    };
    tokio::select! {
        () = deliveries => {}
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
}

/// What a function returns when it reports single messages as failed.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchAnswer {
    #[serde(default)]
    batch_item_failures: Vec<serde::de::IgnoredAny>,
}

/// Why a message is delivered again.
#[derive(Debug, thiserror::Error)]
enum Undelivered {
    #[error(transparent)]
    Failed(#[from] Failure),
    #[error("the function reported its message as failed")]
    Reported,
}

async fn consume(api: &Api, queue: &Queue, event: Bytes) -> Result<(), Undelivered> {
    let limits = &api.limits;
    let answer = api.tasks.invoke(&queue.function, event, limits.consumer, limits.overrun).await?;
    // Any other answer than a report of failures counts as success.
    let report: BatchAnswer = serde_json::from_slice(&answer).unwrap_or_default();
    match report.batch_item_failures.is_empty() {
        true => Ok(()),
        false => Err(Undelivered::Reported),
    }
}

impl Message {
    fn event(&self, queue: &Queue, count: u32, first_received: Moment) -> Bytes {
        events::json(&QueueEvent {
            records: [QueueRecord {
                message_id: &self.id,
                receipt_handle: random::id(),
                body: &self.body,
                attributes: QueueAttributes {
                    approximate_receive_count: count.to_string(),
                    sent_timestamp: self.sent.epoch_millis().to_string(),
                    sender_id: events::ACCOUNT,
                    approximate_first_receive_timestamp: first_received.epoch_millis().to_string(),
                },
                message_attributes: self.attributes.iter().map(shown).collect(),
                md5_of_body: &self.md5,
                event_source: "aws:sqs",
                event_source_arn: &queue.arn,
                aws_region: events::REGION,
            }],
        })
    }
}

fn shown<'a>((name, attribute): (&'a String, &'a Attribute)) -> (&'a str, QueueMessageAttribute<'a>) {
    let shown = QueueMessageAttribute {
        string_value: attribute.string_value.as_deref(),
        binary_value: attribute.binary_value.as_deref(),
        string_list_values: [],
        binary_list_values: [],
        data_type: &attribute.data_type,
    };
    (name, shown)
}
