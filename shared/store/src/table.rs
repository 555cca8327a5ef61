//! The table itself, for a developer's machine and for tests; on AWS the stack makes it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::update_time_to_live::UpdateTimeToLiveError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexUpdate, KeySchemaElement, KeyType, Projection, ProjectionType, ScalarAttributeType,
    TimeToLiveSpecification,
};
use aws_types::SdkConfig;
use domain::Result;

use crate::errors::{failed, unbuilt};
use crate::keys;

/// The attributes whose presence puts an item into an index, besides its key.
pub const INDEX_ATTRIBUTES: [&str; 4] = ["activePk", "activeSk", "duePk", "dueSk"];

/// How a table was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// As this version makes it, or just made.
    Complete,
    /// As it was made before there was an index of what is due.
    WithoutDueTimes,
}

/// The table as something to be made and looked after, through the SDK.
#[derive(Debug, Clone)]
pub struct TableDefinition {
    client: Client,
    table: String,
}

impl TableDefinition {
    /// Of that table.
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        Self { client: Client::new(sdk), table: table.into() }
    }

    /// Creates the table as the stack's template does, unless it is there.
    pub async fn create_table(&self) -> Result<Found> {
        let mut request = self
            .client
            .create_table()
            .table_name(&self.table)
            .billing_mode(BillingMode::PayPerRequest)
            .global_secondary_indexes(active_index().map_err(unbuilt)?)
            .global_secondary_indexes(due_index().map_err(unbuilt)?);
        for name in ["pk", "sk"].into_iter().chain(INDEX_ATTRIBUTES) {
            request = request.attribute_definitions(string(name).map_err(unbuilt)?);
        }
        for element in keys_of("pk", "sk").map_err(unbuilt)? {
            request = request.key_schema(element);
        }
        let found = match request.send().await {
            Ok(_) => Found::Complete,
            Err(error) if error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) => {
                self.look_at_table().await?
            }
            Err(error) => return Err(failed(error)),
        };
        self.enable_ttl().await?;
        Ok(found)
    }

    async fn look_at_table(&self) -> Result<Found> {
        let described = self.client.describe_table().table_name(&self.table).send().await.map_err(failed)?;
        let indexes = described.table.and_then(|table| table.global_secondary_indexes).unwrap_or_default();
        let has_due_times = indexes.iter().any(|index| index.index_name.as_deref() == Some(keys::DUE_INDEX));
        Ok(if has_due_times { Found::Complete } else { Found::WithoutDueTimes })
    }

    /// Adds the index of what is due to a table that has none. What is noted in the table already is in it then.
    pub async fn index_due_times(&self) -> Result<()> {
        let create = CreateGlobalSecondaryIndexAction::builder()
            .index_name(keys::DUE_INDEX)
            .set_key_schema(Some(keys_of("duePk", "dueSk").map_err(unbuilt)?))
            .projection(keys_only())
            .build()
            .map_err(unbuilt)?;
        let mut request = self
            .client
            .update_table()
            .table_name(&self.table)
            .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(create).build());
        for name in ["duePk", "dueSk"] {
            request = request.attribute_definitions(string(name).map_err(unbuilt)?);
        }
        request.send().await.map(drop).map_err(failed)
    }

    async fn enable_ttl(&self) -> Result<()> {
        let expiry = TimeToLiveSpecification::builder().enabled(true).attribute_name("expiresAt");
        let request = self
            .client
            .update_time_to_live()
            .table_name(&self.table)
            .time_to_live_specification(expiry.build().map_err(unbuilt)?);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(is_enabled_already) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }
}

/// DynamoDB refuses to enable what is enabled.
fn is_enabled_already(error: &UpdateTimeToLiveError) -> bool {
    error.message().is_some_and(|message| message.contains("already enabled"))
}

fn active_index() -> Result<GlobalSecondaryIndex, BuildError> {
    GlobalSecondaryIndex::builder()
        .index_name(keys::ACTIVE_INDEX)
        .set_key_schema(Some(keys_of("activePk", "activeSk")?))
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
}

fn due_index() -> Result<GlobalSecondaryIndex, BuildError> {
    GlobalSecondaryIndex::builder()
        .index_name(keys::DUE_INDEX)
        .set_key_schema(Some(keys_of("duePk", "dueSk")?))
        .projection(keys_only())
        .build()
}

fn keys_only() -> Projection {
    Projection::builder().projection_type(ProjectionType::KeysOnly).build()
}

fn string(name: &str) -> Result<AttributeDefinition, BuildError> {
    AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build()
}

fn keys_of(partition: &str, sort: &str) -> Result<Vec<KeySchemaElement>, BuildError> {
    [(partition, KeyType::Hash), (sort, KeyType::Range)]
        .into_iter()
        .map(|(name, kind)| KeySchemaElement::builder().attribute_name(name).key_type(kind).build())
        .collect()
}
