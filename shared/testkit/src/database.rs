//! A DynamoDB in memory, inside the test.

use std::time::Duration;

use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_types::SdkConfig;
use dynoxide::ImportOptions;
use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::types::{AttributeValue, Item};
use retry::Backoff;
use store::{Store, TableDefinition};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::Door;

/// The name of the table in tests.
const TABLE: &str = "tunrtc-test";
/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// An embedded DynamoDB in memory, served over HTTP on a loopback port of its own. It ends when this is dropped.
pub struct Database {
    endpoint: String,
    engine: dynoxide::Database,
    door: Door,
    _stop: oneshot::Sender<()>,
}

impl Database {
    /// Starts one, without a table.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let endpoint = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        let engine = dynoxide::Database::memory().expect("a database in memory");
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(dynoxide::server::serve_with_shutdown(listener, engine.clone(), async move {
            // Dropping the sender says stop.
            let _dropped = stopped.await;
        }));
        Self { endpoint, engine, door: Door::default(), _stop: stop }
    }

    /// Where it is served: `http://127.0.0.1:<port>`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// How to reach it through the SDK; requests pass the door. It waits long: a busy machine is no fault.
    pub fn sdk_config(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "test", "test", None, None, "testkit",
            )))
            .endpoint_url(&self.endpoint)
            .http_client(self.door.client())
            .timeout_config(patient())
            .build()
    }

    /// What counts the requests, and makes them fail.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// Every item of the table, as text.
    pub async fn items(&self) -> Vec<String> {
        let client = aws_sdk_dynamodb::Client::new(&self.sdk_config());
        let pages = client.scan().table_name(TABLE).into_paginator().items().send();
        let items: Vec<_> = pages.collect::<Result<_, _>>().await.expect("a table that can be read");
        items.iter().map(|item| format!("{item:?}")).collect()
    }

    /// One item as DynamoDB's JSON has it, if it is there.
    pub fn item(&self, pk: &str, sk: &str) -> Option<serde_json::Value> {
        let key = [("pk", pk), ("sk", sk)].map(|(name, text)| (name.to_owned(), AttributeValue::S(text.to_owned())));
        let request = GetItemRequest { table_name: TABLE.to_owned(), key: key.into(), ..GetItemRequest::default() };
        let item = self.engine.get_item(request).expect("a table that can be read").item;
        item.map(|item| serde_json::to_value(item).expect("an item is JSON"))
    }

    /// Fills the table fast: whatever is in it, once more for each of these, with its texts changed. Nothing passes the door.
    pub fn multiply<T>(&self, each: &[T], change: impl Fn(&T, &str, &str) -> String) {
        let all = ScanRequest { table_name: TABLE.to_owned(), ..ScanRequest::default() };
        let templates = self.engine.scan(all).expect("a table that can be read").items.unwrap_or_default();
        let copy = |value: &T, item: &Item| {
            let copied = item.iter().map(|(name, attribute)| match attribute {
                AttributeValue::S(text) => (name.clone(), AttributeValue::S(change(value, name, text))),
                other => (name.clone(), other.clone()),
            });
            copied.collect::<Item>()
        };
        let copies = each.iter().flat_map(|value| templates.iter().map(|item| copy(value, item)).collect::<Vec<_>>());
        let copies = copies.collect();
        self.engine.import_items(TABLE, copies, ImportOptions::default()).expect("items that fit");
    }

    /// Makes an item of a session one that nobody can read.
    pub async fn spoil(&self, pk: &str, sk: &str) {
        let client = aws_sdk_dynamodb::Client::new(&self.sdk_config());
        let spoilt = client.update_item().table_name(TABLE).key("pk", string(pk)).key("sk", string(sk));
        spoilt.update_expression("REMOVE seats").send().await.expect("an item");
    }

    /// Deletes an item behind the store's back.
    pub async fn remove(&self, pk: &str, sk: &str) {
        let client = aws_sdk_dynamodb::Client::new(&self.sdk_config());
        let removed = client.delete_item().table_name(TABLE).key("pk", string(pk)).key("sk", string(sk));
        removed.send().await.expect("a table");
    }

    /// Sets texts of an item behind the store's back.
    pub async fn set<const N: usize>(&self, pk: &str, sk: &str, texts: [(&str, &str); N]) {
        let client = aws_sdk_dynamodb::Client::new(&self.sdk_config());
        for (name, value) in texts {
            let change = client.update_item().table_name(TABLE).key("pk", string(pk)).key("sk", string(sk));
            let change = change.expression_attribute_names("#name", name);
            let change = change.expression_attribute_values(":value", string(value));
            change.update_expression("SET #name = :value").send().await.expect("an item");
        }
    }

    /// A store on it, with its table; it gives up on conflicts soon.
    pub async fn store(&self) -> Store {
        self.patient_store().await.with_conflicts(quick_backoff())
    }

    /// The same with the patience for conflicts that the functions have, and more: a busy machine takes its time.
    pub async fn patient_store(&self) -> Store {
        let store = Store::new(&self.sdk_config(), TABLE);
        let table = TableDefinition::new(&self.sdk_config(), TABLE);
        table.create_table().await.expect("an empty database takes a table");
        self.door.take();
        store.with_conflicts(Backoff { within: PATIENCE, ..store::CONFLICTS })
    }
}

fn string(text: &str) -> aws_sdk_dynamodb::types::AttributeValue {
    aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned())
}

/// Retries without a noticeable wait, that end within a second.
fn quick_backoff() -> Backoff {
    let [base, cap, within] = [1, 50, 1000].map(Duration::from_millis);
    Backoff { base, cap, within, jitter: || 0.5 }
}

fn patient() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(PATIENCE)
        .operation_attempt_timeout(PATIENCE)
        .operation_timeout(PATIENCE)
        .build()
}
