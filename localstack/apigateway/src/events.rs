//! The events functions receive, in the JSON that API Gateway, SQS and EventBridge send.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::http_api::routes::PathParameters;

/// The account every ARN and event names.
pub(crate) const ACCOUNT: &str = "000000000000";
/// The region every ARN and event names.
pub(crate) const REGION: &str = "us-east-1";
/// The id of the HTTP API.
pub(crate) const HTTP_API: &str = "localhttp0";
/// The id of the WebSocket API.
pub(crate) const WEBSOCKET_API: &str = "localws000";

/// An event's JSON.
pub(crate) fn json<T: Serialize>(event: &T) -> Bytes {
    serde_json::to_vec(event).expect("events have string keys and no failing serializers").into()
}

/// A request to an HTTP API,
/// [payload format 2.0](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HttpRequest<'a> {
    pub(crate) version: &'static str,
    pub(crate) route_key: &'a str,
    pub(crate) raw_path: &'a str,
    pub(crate) raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) cookies: Vec<String>,
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) query_string_parameters: BTreeMap<String, String>,
    pub(crate) request_context: HttpContext<'a>,
    #[serde(skip_serializing_if = "PathParameters::is_empty")]
    pub(crate) path_parameters: PathParameters,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
    pub(crate) is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HttpContext<'a> {
    pub(crate) account_id: &'static str,
    pub(crate) api_id: &'static str,
    pub(crate) domain_name: &'a str,
    pub(crate) domain_prefix: &'a str,
    pub(crate) http: HttpDescription<'a>,
    pub(crate) request_id: &'a str,
    pub(crate) route_key: &'a str,
    pub(crate) stage: &'a str,
    pub(crate) time: String,
    pub(crate) time_epoch: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HttpDescription<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) protocol: &'static str,
    pub(crate) source_ip: &'a str,
    pub(crate) user_agent: &'a str,
}

/// The client's side of a WebSocket handshake, as the authorizer and `$connect` see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Handshake {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) multi_value_headers: BTreeMap<String, Vec<String>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) query_string_parameters: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) multi_value_query_string_parameters: BTreeMap<String, Vec<String>>,
}

/// What a REQUEST
/// [authorizer](https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html)
/// receives.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuthorizerRequest<'a> {
    pub(crate) r#type: &'static str,
    pub(crate) method_arn: &'a str,
    #[serde(flatten)]
    pub(crate) handshake: &'a Handshake,
    pub(crate) request_context: WebSocketContext<'a>,
}

/// A `$connect` or, with its few headers, a `$disconnect`
/// ([routes](https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html)).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Lifecycle<'a> {
    #[serde(flatten)]
    pub(crate) handshake: &'a Handshake,
    pub(crate) request_context: WebSocketContext<'a>,
    pub(crate) is_base64_encoded: bool,
}

/// A message from a client.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message<'a> {
    pub(crate) request_context: WebSocketContext<'a>,
    pub(crate) body: &'a str,
    pub(crate) is_base64_encoded: bool,
}

/// `requestContext` of a WebSocket API's events.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebSocketContext<'a> {
    pub(crate) route_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) disconnect_status_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) authorizer: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_id: Option<&'a str>,
    pub(crate) event_type: EventType,
    pub(crate) extended_request_id: &'a str,
    pub(crate) request_time: String,
    pub(crate) message_direction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) disconnect_reason: Option<&'a str>,
    pub(crate) stage: &'a str,
    pub(crate) connected_at: i64,
    pub(crate) request_time_epoch: i64,
    pub(crate) identity: &'a Identity,
    pub(crate) request_id: &'a str,
    pub(crate) domain_name: &'a str,
    pub(crate) connection_id: &'a str,
    pub(crate) api_id: &'static str,
}

#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum EventType {
    Connect,
    Message,
    Disconnect,
}

/// Who is on the other end of a WebSocket.
#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Identity {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_agent: Option<Box<str>>,
    pub(crate) source_ip: Box<str>,
}

/// What a function that reads a queue
/// [receives](https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html).
#[derive(Serialize)]
pub(crate) struct QueueEvent<'a> {
    #[serde(rename = "Records")]
    pub(crate) records: Vec<QueueRecord<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueueRecord<'a> {
    pub(crate) message_id: &'a str,
    pub(crate) receipt_handle: &'a str,
    pub(crate) body: &'a str,
    pub(crate) attributes: QueueAttributes,
    /// Always empty: the queue takes no attributes.
    pub(crate) message_attributes: serde_json::Map<String, serde_json::Value>,
    pub(crate) md5_of_body: &'a str,
    pub(crate) event_source: &'static str,
    #[serde(rename = "eventSourceARN")]
    pub(crate) event_source_arn: &'a str,
    pub(crate) aws_region: &'static str,
}

/// Numbers are strings here, as SQS has them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QueueAttributes {
    pub(crate) approximate_receive_count: String,
    pub(crate) sent_timestamp: String,
    pub(crate) sender_id: &'static str,
    pub(crate) approximate_first_receive_timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_group_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_deduplication_id: Option<String>,
}

/// What EventBridge sends on a
/// [schedule](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html).
#[derive(Serialize)]
pub(crate) struct ScheduledEvent<'a> {
    pub(crate) version: &'static str,
    pub(crate) id: String,
    #[serde(rename = "detail-type")]
    pub(crate) detail_type: &'static str,
    pub(crate) source: &'static str,
    pub(crate) account: &'static str,
    pub(crate) time: String,
    pub(crate) region: &'static str,
    pub(crate) resources: [&'a str; 1],
    pub(crate) detail: serde_json::Map<String, serde_json::Value>,
}
