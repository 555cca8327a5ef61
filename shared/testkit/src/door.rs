//! The door of the database: every request that passes is counted, with the capacity that it consumed, and can be made
//! to fail.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::{Map, Value, json};

use crate::lock;
use crate::overlaps::{Overlaps, Passage};

/// One request that passed the door.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// DynamoDB's name of the operation: `UpdateItem`, say.
    pub operation: String,
    /// The capacity units that it consumed, as DynamoDB counts them.
    pub units: f64,
}

/// What happens to a request instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is refused for a reason that does not pass, so that nobody tries again.
    Refused,
    /// It is refused for want of capacity.
    Throttled,
    /// The service fails.
    Broken,
    /// It meets a transaction on the same item.
    Conflict,
    /// It is done, but its answer is lost.
    AnswerLost,
    /// It is not answered.
    Silence,
    /// Of the reasons why its transaction was cancelled, only the first one is told.
    OneReason,
    /// Of the items that a batch reads, one is answered, and the others are left to be asked for again.
    OneOfBatch,
}

/// An HTTP client for the SDK that stands between it and the database.
#[derive(Debug, Clone, Default)]
pub struct Door(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    passed: Vec<Request>,
    faults: VecDeque<Planned>,
    overlaps: Option<Arc<Overlaps>>,
}

/// A fault for the requests of one operation: it lets some pass, then meets some.
#[derive(Debug)]
struct Planned {
    operation: String,
    fault: Fault,
    spared: usize,
    met: usize,
}

impl Door {
    /// What has passed since the last call, in order.
    pub fn take(&self) -> Vec<Request> {
        std::mem::take(&mut lock(&self.0).passed)
    }

    /// The next `times` requests of that operation meet the fault.
    pub fn fail(&self, operation: &str, fault: Fault, times: usize) {
        self.plan(operation, fault, 0, times);
    }

    /// `spared` more requests of that operation pass, and then no more until it is healed.
    pub fn fail_from(&self, operation: &str, fault: Fault, spared: usize) {
        self.plan(operation, fault, spared, usize::MAX);
    }

    /// From now on a transaction takes so long, and meanwhile every other write to its items is refused, as DynamoDB does it.
    pub fn refuse_overlaps(&self, lasts: Duration) {
        lock(&self.0).overlaps = Some(Arc::new(Overlaps::new(lasts)));
    }

    /// Takes every fault back.
    pub fn heal(&self) {
        lock(&self.0).faults.clear();
    }

    fn plan(&self, operation: &str, fault: Fault, spared: usize, met: usize) {
        lock(&self.0).faults.push_back(Planned { operation: operation.to_owned(), fault, spared, met });
    }

    /// As an HTTP client of the SDK.
    pub(crate) fn client(&self) -> SharedHttpClient {
        let network = aws_smithy_http_client::Builder::new().build_http();
        SharedHttpClient::new(Guarded { door: self.clone(), network })
    }

    fn next_fault(&self, operation: &str) -> Option<Fault> {
        let faults = &mut lock(&self.0).faults;
        let position = faults.iter().position(|planned| planned.operation == operation)?;
        let planned = &mut faults[position];
        if planned.spared > 0 {
            planned.spared -= 1;
            return None;
        }
        let fault = planned.fault;
        planned.met -= 1;
        if planned.met == 0 {
            faults.remove(position);
        }
        Some(fault)
    }

    fn count(&self, operation: String, units: f64) {
        lock(&self.0).passed.push(Request { operation, units });
    }
}

#[derive(Debug)]
struct Guarded<T> {
    door: Door,
    network: T,
}

impl HttpClient for Guarded<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let network = self.network.http_connector(settings, components);
        SharedHttpConnector::new(Guarded { door: self.door.clone(), network })
    }
}

impl HttpConnector for Guarded<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (door, network) = (self.door.clone(), self.network.clone());
        HttpConnectorFuture::new(async move { pass(door, network, request).await })
    }
}

async fn pass(
    door: Door,
    network: SharedHttpConnector,
    mut request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let fault = door.next_fault(&operation);
    match fault {
        Some(Fault::Refused) => return Ok(refusal(400, "AccessDeniedException", json!({}))),
        Some(Fault::Throttled) => return Ok(refusal(400, "ProvisionedThroughputExceededException", json!({}))),
        Some(Fault::Broken) => return Ok(refusal(500, "InternalServerError", json!({}))),
        Some(Fault::Conflict) => return Ok(conflict(&operation)),
        Some(Fault::Silence) => return std::future::pending().await,
        Some(Fault::AnswerLost | Fault::OneReason | Fault::OneOfBatch) | None => {}
    }
    let overlaps = lock(&door.0).overlaps.clone();
    if let Some(overlaps) = overlaps {
        match overlaps.judge(&operation, request.body().bytes().unwrap_or_default()) {
            Passage::After(time) => tokio::time::sleep(time).await,
            Passage::Refused(refusal) => return Ok(answer(400, &refusal)),
        }
    }
    ask_for_capacity(&mut request);
    let mut response = network.call(request).await?;
    let body = ByteStream::new(response.take_body()).collect().await;
    let body = body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
    door.count(operation, units(&body));
    if fault == Some(Fault::AnswerLost) {
        return Err(ConnectorError::io("the answer was told to get lost".into()));
    }
    let body = match fault {
        Some(Fault::OneReason) => first_reason(&body),
        Some(Fault::OneOfBatch) => first_of_batch(&body),
        _ => body.into(),
    };
    *response.body_mut() = SdkBody::from(body);
    Ok(response)
}

/// The answer with every reason but the first that is one taken out.
fn first_reason(body: &[u8]) -> Vec<u8> {
    let mut answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut told = false;
    for reason in answer["CancellationReasons"].as_array_mut().into_iter().flatten() {
        if told {
            *reason = json!({ "Code": "None" });
        }
        told |= reason["Code"] != "None";
    }
    answer.to_string().into_bytes()
}

/// The answer to a batch that is read with all items but the first made unprocessed.
fn first_of_batch(body: &[u8]) -> Vec<u8> {
    let mut answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut rest = Map::new();
    for (table, items) in answer["Responses"].as_object_mut().into_iter().flatten() {
        let unread = items.as_array_mut().map(|items| items.split_off(items.len().min(1))).unwrap_or_default();
        let keys: Vec<_> = unread.iter().map(|item| json!({ "pk": item["pk"], "sk": item["sk"] })).collect();
        if !keys.is_empty() {
            rest.insert(table.clone(), json!({ "Keys": keys }));
        }
    }
    answer["UnprocessedKeys"] = Value::Object(rest);
    answer.to_string().into_bytes()
}

/// Adds what makes DynamoDB tell the capacity. The signature does not fit any more; the embedded database looks only
/// whether there is one.
fn ask_for_capacity(request: &mut HttpRequest) {
    let parsed = request.body().bytes().and_then(|body| serde_json::from_slice(body).ok());
    let Some(Value::Object(mut body)) = parsed else {
        return;
    };
    body.insert("ReturnConsumedCapacity".to_owned(), "TOTAL".into());
    let body = Value::Object(body).to_string();
    request.headers_mut().insert("content-length", body.len().to_string());
    *request.body_mut() = SdkBody::from(body);
}

/// The capacity that an answer tells: one number, or one for each table.
fn units(body: &[u8]) -> f64 {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let of = |capacity: &Value| capacity["CapacityUnits"].as_f64().unwrap_or_default();
    match &answer["ConsumedCapacity"] {
        Value::Array(tables) => tables.iter().map(of).sum(),
        table => of(table),
    }
}

/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling>
fn conflict(operation: &str) -> HttpResponse {
    if operation == "TransactWriteItems" {
        let reasons = json!({ "CancellationReasons": [{ "Code": "TransactionConflict" }, { "Code": "None" }] });
        return refusal(400, "TransactionCanceledException", reasons);
    }
    refusal(400, "TransactionConflictException", json!({}))
}

fn refusal(status: u16, name: &str, mut body: Value) -> HttpResponse {
    body["__type"] = format!("com.amazonaws.dynamodb.v20120810#{name}").into();
    body["message"] = "told to fail".into();
    answer(status, &body)
}

fn answer(status: u16, body: &Value) -> HttpResponse {
    let status = status.try_into().expect("a valid status");
    HttpResponse::new(status, SdkBody::from(body.to_string()))
}
