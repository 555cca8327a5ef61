//! What answers the store's requests: DynamoDB through the SDK, or whatever stands in for it inside the process.

use std::fmt::Debug;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::StalledStreamProtectionConfig;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::batch_get_item::builders::BatchGetItemInputBuilder;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemError, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::batch_write_item::builders::BatchWriteItemInputBuilder;
use aws_sdk_dynamodb::operation::batch_write_item::{BatchWriteItemError, BatchWriteItemOutput};
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemInputBuilder;
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemError, DeleteItemOutput};
use aws_sdk_dynamodb::operation::get_item::builders::GetItemInputBuilder;
use aws_sdk_dynamodb::operation::get_item::{GetItemError, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::builders::PutItemInputBuilder;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::query::builders::QueryInputBuilder;
use aws_sdk_dynamodb::operation::query::{QueryError, QueryOutput};
use aws_sdk_dynamodb::operation::transact_write_items::builders::TransactWriteItemsInputBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsError, TransactWriteItemsOutput};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemInputBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_types::SdkConfig;
use config::{FromRuntime, Runtime, SettingError};

/// The longest that one operation may take, retries included, unless the SDK is configured otherwise: well below the 29 s
/// that API Gateway waits.
const OPERATION: Duration = Duration::from_secs(5);
/// The longest that one try may take; a healthy one takes a few milliseconds.
const ATTEMPT: Duration = Duration::from_millis(1500);

/// What the ports ask of DynamoDB: these operations, in the words of the SDK, and no other
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html>).
///
/// An implementation may try again by itself; what it returns is what came of it in the end.
#[async_trait]
pub trait Database: Debug + Send + Sync {
    /// `BatchGetItem`.
    async fn batch_get_item(
        &self,
        request: BatchGetItemInputBuilder,
    ) -> Result<BatchGetItemOutput, SdkError<BatchGetItemError>>;

    /// `BatchWriteItem`.
    async fn batch_write_item(
        &self,
        request: BatchWriteItemInputBuilder,
    ) -> Result<BatchWriteItemOutput, SdkError<BatchWriteItemError>>;

    /// `DeleteItem`.
    async fn delete_item(&self, request: DeleteItemInputBuilder)
    -> Result<DeleteItemOutput, SdkError<DeleteItemError>>;

    /// `GetItem`.
    async fn get_item(&self, request: GetItemInputBuilder) -> Result<GetItemOutput, SdkError<GetItemError>>;

    /// `PutItem`.
    async fn put_item(&self, request: PutItemInputBuilder) -> Result<PutItemOutput, SdkError<PutItemError>>;

    /// `Query`: one page.
    async fn query(&self, request: QueryInputBuilder) -> Result<QueryOutput, SdkError<QueryError>>;

    /// `TransactWriteItems`.
    async fn transact_write_items(
        &self,
        request: TransactWriteItemsInputBuilder,
    ) -> Result<TransactWriteItemsOutput, SdkError<TransactWriteItemsError>>;

    /// `UpdateItem`.
    async fn update_item(&self, request: UpdateItemInputBuilder)
    -> Result<UpdateItemOutput, SdkError<UpdateItemError>>;
}

#[async_trait]
impl Database for Client {
    async fn batch_get_item(
        &self,
        request: BatchGetItemInputBuilder,
    ) -> Result<BatchGetItemOutput, SdkError<BatchGetItemError>> {
        request.send_with(self).await
    }

    async fn batch_write_item(
        &self,
        request: BatchWriteItemInputBuilder,
    ) -> Result<BatchWriteItemOutput, SdkError<BatchWriteItemError>> {
        request.send_with(self).await
    }

    async fn delete_item(
        &self,
        request: DeleteItemInputBuilder,
    ) -> Result<DeleteItemOutput, SdkError<DeleteItemError>> {
        request.send_with(self).await
    }

    async fn get_item(&self, request: GetItemInputBuilder) -> Result<GetItemOutput, SdkError<GetItemError>> {
        request.send_with(self).await
    }

    async fn put_item(&self, request: PutItemInputBuilder) -> Result<PutItemOutput, SdkError<PutItemError>> {
        request.send_with(self).await
    }

    async fn query(&self, request: QueryInputBuilder) -> Result<QueryOutput, SdkError<QueryError>> {
        request.send_with(self).await
    }

    async fn transact_write_items(
        &self,
        request: TransactWriteItemsInputBuilder,
    ) -> Result<TransactWriteItemsOutput, SdkError<TransactWriteItemsError>> {
        request.send_with(self).await
    }

    async fn update_item(
        &self,
        request: UpdateItemInputBuilder,
    ) -> Result<UpdateItemOutput, SdkError<UpdateItemError>> {
        request.send_with(self).await
    }
}

/// The database of a process. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Engine(Arc<dyn Database>);

impl Engine {
    /// That one.
    pub fn new(database: impl Database + 'static) -> Self {
        Self(Arc::new(database))
    }

    /// DynamoDB, or what is at the configuration's endpoint.
    pub fn sdk(sdk: &SdkConfig) -> Self {
        let retries = RetryConfig::standard()
            .with_max_attempts(4)
            .with_initial_backoff(Duration::from_millis(50))
            .with_max_backoff(Duration::from_secs(1));
        let config = aws_sdk_dynamodb::config::Builder::from(sdk)
            .timeout_config(timeouts(sdk))
            .retry_config(retries)
            // It watches large transfers. Answers here are small and have a timeout, and a busy machine is not a stalled
            // stream.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self::new(Client::from_conf(config))
    }
}

impl Deref for Engine {
    type Target = dyn Database;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl FromRuntime for Engine {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self::sdk(runtime.aws()?))
    }
}

/// The configured timeouts; ours where there are none.
fn timeouts(sdk: &SdkConfig) -> TimeoutConfig {
    let mut timeouts = sdk.timeout_config().cloned().unwrap_or_else(|| TimeoutConfig::builder().build());
    let ours = TimeoutConfig::builder().operation_timeout(OPERATION).operation_attempt_timeout(ATTEMPT).build();
    timeouts.take_defaults_from(&ours);
    timeouts
}
