//! The store's requests, answered by the embedded database without the SDK's client: nothing is signed, written as JSON or
//! read again. What every message asks for is read and written as it is kept ([`rows`]); dynoxide answers the rest. What comes
//! back is what the client would have made of the answer over HTTP, errors included.

use std::collections::HashMap;
use std::fmt;

use async_trait::async_trait;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::batch_get_item::builders::BatchGetItemInputBuilder;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemError, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::batch_write_item::builders::BatchWriteItemInputBuilder;
use aws_sdk_dynamodb::operation::batch_write_item::{BatchWriteItemError, BatchWriteItemOutput};
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemInputBuilder;
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemError, DeleteItemInput, DeleteItemOutput};
use aws_sdk_dynamodb::operation::get_item::builders::GetItemInputBuilder;
use aws_sdk_dynamodb::operation::get_item::{GetItemError, GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::builders::PutItemInputBuilder;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::builders::QueryInputBuilder;
use aws_sdk_dynamodb::operation::query::{QueryError, QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::transact_write_items::builders::TransactWriteItemsInputBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsError, TransactWriteItemsOutput};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemInputBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::error::{ConditionalCheckFailedException, TransactionCanceledException};
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Delete, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update, WriteRequest,
};
use aws_smithy_types::body::SdkBody;
use dynoxide::DynoxideError;
use dynoxide::actions::{
    batch_get_item, batch_write_item, delete_item, get_item, put_item, query, transact_write_items, update_item,
};

use super::attributes::{EmbeddedItem, Item, inward, inward_if_any, outward};
use super::{Table, outbox, rows};

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Table")
    }
}

#[async_trait]
impl store::Database for Table {
    async fn batch_get_item(
        &self,
        request: BatchGetItemInputBuilder,
    ) -> Result<BatchGetItemOutput, SdkError<BatchGetItemError>> {
        let input = request.build().map_err(SdkError::construction_failure)?;
        let got = self.run(move |engine| {
            let request_items = input.request_items.unwrap_or_default().into_iter();
            let request_items = request_items.map(|(table, keys)| Ok((table, wanted(keys)?)));
            let request_items = request_items.collect::<Result<_, DynoxideError>>()?;
            let got =
                engine.batch_get_item(batch_get_item::BatchGetItemRequest { request_items, ..Default::default() })?;
            let rest = got.unprocessed_keys.into_iter().map(|(table, keys)| Ok((table, still_wanted(keys)?)));
            Ok((got.responses, rest.collect::<Result<HashMap<_, _>, DynoxideError>>()?))
        });
        let got = got.await.map(|(found, rest)| {
            let found = found.into_iter().map(|(table, items)| (table, items.into_iter().map(outward).collect()));
            BatchGetItemOutput::builder().set_responses(Some(found.collect())).set_unprocessed_keys(Some(rest)).build()
        });
        got.map_err(|error| failure(&error, BatchGetItemError::generic))
    }

    async fn batch_write_item(
        &self,
        request: BatchWriteItemInputBuilder,
    ) -> Result<BatchWriteItemOutput, SdkError<BatchWriteItemError>> {
        let input = request.build().map_err(SdkError::construction_failure)?;
        let answer = self.run(move |engine| {
            let request_items = input.request_items.unwrap_or_default().into_iter();
            let request_items = request_items.map(|(table, writes)| Ok((table, batch(writes)?)));
            let request_items = request_items.collect::<Result<_, DynoxideError>>()?;
            engine.batch_write_item(batch_write_item::BatchWriteItemRequest { request_items, ..Default::default() })
        });
        // It always writes the whole batch.
        let done = answer.await.map(|_whole| BatchWriteItemOutput::builder().build());
        done.map_err(|error| failure(&error, BatchWriteItemError::generic))
    }

    async fn delete_item(
        &self,
        request: DeleteItemInputBuilder,
    ) -> Result<DeleteItemOutput, SdkError<DeleteItemError>> {
        let input = request.build().map_err(SdkError::construction_failure)?;
        let deleted = self.run(move |engine| engine.delete_item(deletion(input)?)).await;
        let deleted =
            deleted.map(|answer| DeleteItemOutput::builder().set_attributes(answer.attributes.map(outward)).build());
        deleted.map_err(|error| {
            failed_write(&error, DeleteItemError::ConditionalCheckFailedException, DeleteItemError::generic)
        })
    }

    async fn get_item(&self, request: GetItemInputBuilder) -> Result<GetItemOutput, SdkError<GetItemError>> {
        let input = request.build().map_err(SdkError::construction_failure)?;
        let got = self.run(move |engine| match rows::place(&input).map(|place| engine.item_json(&place)) {
            Some(Ok(json)) => json.as_deref().map(kept).transpose(),
            // What asks for something else, or fails, is for dynoxide to answer.
            Some(Err(_)) | None => Ok(engine.get_item(reading(input)?)?.item.map(outward)),
        });
        let got = got.await;
        got.map(|item| GetItemOutput::builder().set_item(item).build())
            .map_err(|error| failure(&error, GetItemError::generic))
    }

    async fn put_item(&self, request: PutItemInputBuilder) -> Result<PutItemOutput, SdkError<PutItemError>> {
        let input = request.build().map_err(SdkError::construction_failure)?;
        if let Some(row) = rows::row(&input)
            && let Ok(true) = self.run(move |engine| engine.insert(&row)).await
        {
            return Ok(PutItemOutput::builder().build());
        }
        let put = match writing(input) {
            Ok(request) => {
                let marked = outbox::of_put(&request);
                self.write(marked, move |engine| engine.put_item(request)).await
            }
            Err(malformed) => Err(malformed),
        };
        let put = put.map(|answer| PutItemOutput::builder().set_attributes(answer.attributes.map(outward)).build());
        put.map_err(|error| failed_write(&error, PutItemError::ConditionalCheckFailedException, PutItemError::generic))
    }

    async fn query(&self, request: QueryInputBuilder) -> Result<QueryOutput, SdkError<QueryError>> {
        let input = request.build().map_err(SdkError::construction_failure)?;
        let found = self.run(move |engine| {
            let whole = rows::partition(&input).and_then(|(table, pk)| engine.partition(&table, &pk).ok()?);
            match whole {
                Some(items) => items.iter().map(|json| kept(json)).collect::<Result<_, _>>().map(whole_page),
                None => engine.query(search(input)?).map(page),
            }
        });
        found.await.map_err(|error| failure(&error, QueryError::generic))
    }

    async fn transact_write_items(
        &self,
        request: TransactWriteItemsInputBuilder,
    ) -> Result<TransactWriteItemsOutput, SdkError<TransactWriteItemsError>> {
        let input = request.build().map_err(SdkError::construction_failure)?;
        let items = input.transact_items.unwrap_or_default().into_iter().map(step);
        let done = match items.collect::<Result<_, _>>() {
            Ok(transact_items) => {
                let client_request_token = input.client_request_token;
                let request = transact_write_items::TransactWriteItemsRequest {
                    transact_items,
                    client_request_token,
                    ..Default::default()
                };
                let marked = outbox::of_transaction(&request);
                self.write(marked, move |engine| engine.transact_write_items(request)).await
            }
            Err(malformed) => Err(malformed),
        };
        let done = done.map(|_done| TransactWriteItemsOutput::builder().build());
        done.map_err(|error| match error {
            DynoxideError::TransactionCanceledException(_, ref reasons) => failure(&error, |meta| {
                TransactWriteItemsError::TransactionCanceledException(cancellation(meta, reasons))
            }),
            error => failure(&error, TransactWriteItemsError::generic),
        })
    }

    async fn update_item(
        &self,
        request: UpdateItemInputBuilder,
    ) -> Result<UpdateItemOutput, SdkError<UpdateItemError>> {
        let input = request.build().map_err(SdkError::construction_failure)?;
        let updated = match changing(input) {
            Ok(request) => {
                let marked = outbox::of_update(&request);
                self.write(marked, move |engine| engine.update_item(request)).await
            }
            Err(malformed) => Err(malformed),
        };
        let updated =
            updated.map(|answer| UpdateItemOutput::builder().set_attributes(answer.attributes.map(outward)).build());
        updated.map_err(|error| {
            failed_write(&error, UpdateItemError::ConditionalCheckFailedException, UpdateItemError::generic)
        })
    }
}

/// An item from what is kept of it.
fn kept(json: &str) -> Result<Item, DynoxideError> {
    rows::read(json).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// A page that is the whole of what was asked for.
fn whole_page(items: Vec<Item>) -> QueryOutput {
    let count = i32::try_from(items.len()).unwrap_or(i32::MAX);
    QueryOutput::builder().set_items(Some(items)).count(count).scanned_count(count).build()
}

/// A page as dynoxide found it.
fn page(found: query::QueryResponse) -> QueryOutput {
    QueryOutput::builder()
        .set_items(found.items.map(|items| items.into_iter().map(outward).collect()))
        .count(i32::try_from(found.count).unwrap_or(i32::MAX))
        .scanned_count(i32::try_from(found.scanned_count).unwrap_or(i32::MAX))
        .set_last_evaluated_key(found.last_evaluated_key.map(outward))
        .build()
}

/// A refusal as the client reads it from an answer.
fn failure<E>(error: &DynoxideError, typed: impl FnOnce(ErrorMetadata) -> E) -> SdkError<E> {
    // "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
    let kind = error.error_type();
    let code = kind.rsplit_once('#').map_or(kind, |(_, code)| code);
    let meta = ErrorMetadata::builder().code(code).message(error.to_string()).build();
    let status = error.status_code().try_into().expect("an error has a status of HTTP");
    SdkError::service_error(typed(meta), HttpResponse::new(status, SdkBody::empty()))
}

/// The same of a write to one item, whose condition may not have held.
fn failed_write<E>(
    error: &DynoxideError,
    refused: fn(ConditionalCheckFailedException) -> E,
    other: fn(ErrorMetadata) -> E,
) -> SdkError<E> {
    match error {
        DynoxideError::ConditionalCheckFailedException(_, item) => {
            failure(error, |meta| refused(refusal(meta, item.clone())))
        }
        _ => failure(error, other),
    }
}

fn refusal(meta: ErrorMetadata, item: Option<EmbeddedItem>) -> ConditionalCheckFailedException {
    ConditionalCheckFailedException::builder()
        .set_message(meta.message().map(str::to_owned))
        .set_item(item.map(outward))
        .meta(meta)
        .build()
}

fn cancellation(meta: ErrorMetadata, reasons: &[dynoxide::errors::CancellationReason]) -> TransactionCanceledException {
    let reasons = reasons.iter().map(|reason| {
        CancellationReason::builder()
            .code(&reason.code)
            .set_message(reason.message.clone())
            .set_item(reason.item.clone().map(outward))
            .build()
    });
    TransactionCanceledException::builder()
        .set_message(meta.message().map(str::to_owned))
        .set_cancellation_reasons(Some(reasons.collect()))
        .meta(meta)
        .build()
}

/// Whether a refusal brings the item that is there.
fn old_item(wanted: Option<ReturnValuesOnConditionCheckFailure>) -> Option<String> {
    wanted.map(|kind| kind.as_str().to_owned())
}

fn reading(input: GetItemInput) -> Result<get_item::GetItemRequest, DynoxideError> {
    Ok(get_item::GetItemRequest {
        table_name: input.table_name.unwrap_or_default(),
        key: inward(input.key.unwrap_or_default())?,
        consistent_read: input.consistent_read,
        projection_expression: input.projection_expression,
        expression_attribute_names: input.expression_attribute_names,
        ..Default::default()
    })
}

fn writing(input: PutItemInput) -> Result<put_item::PutItemRequest, DynoxideError> {
    Ok(put_item::PutItemRequest {
        table_name: input.table_name.unwrap_or_default(),
        item: inward(input.item.unwrap_or_default())?,
        return_values: input.return_values.map(|kind| kind.as_str().to_owned()),
        condition_expression: input.condition_expression,
        expression_attribute_names: input.expression_attribute_names,
        expression_attribute_values: inward_if_any(input.expression_attribute_values)?,
        return_values_on_condition_check_failure: old_item(input.return_values_on_condition_check_failure),
        ..Default::default()
    })
}

fn changing(input: UpdateItemInput) -> Result<update_item::UpdateItemRequest, DynoxideError> {
    Ok(update_item::UpdateItemRequest {
        table_name: input.table_name.unwrap_or_default(),
        key: inward(input.key.unwrap_or_default())?,
        update_expression: input.update_expression,
        condition_expression: input.condition_expression,
        expression_attribute_names: input.expression_attribute_names,
        expression_attribute_values: inward_if_any(input.expression_attribute_values)?,
        return_values: input.return_values.map(|kind| kind.as_str().to_owned()),
        return_values_on_condition_check_failure: old_item(input.return_values_on_condition_check_failure),
        ..Default::default()
    })
}

fn deletion(input: DeleteItemInput) -> Result<delete_item::DeleteItemRequest, DynoxideError> {
    Ok(delete_item::DeleteItemRequest {
        table_name: input.table_name.unwrap_or_default(),
        key: inward(input.key.unwrap_or_default())?,
        return_values: input.return_values.map(|kind| kind.as_str().to_owned()),
        condition_expression: input.condition_expression,
        expression_attribute_names: input.expression_attribute_names,
        expression_attribute_values: inward_if_any(input.expression_attribute_values)?,
        return_values_on_condition_check_failure: old_item(input.return_values_on_condition_check_failure),
        ..Default::default()
    })
}

fn search(input: QueryInput) -> Result<query::QueryRequest, DynoxideError> {
    Ok(query::QueryRequest {
        table_name: input.table_name.unwrap_or_default(),
        index_name: input.index_name,
        key_condition_expression: input.key_condition_expression,
        filter_expression: input.filter_expression,
        projection_expression: input.projection_expression,
        expression_attribute_names: input.expression_attribute_names,
        expression_attribute_values: inward_if_any(input.expression_attribute_values)?,
        scan_index_forward: input.scan_index_forward.unwrap_or(true),
        // One that is negative is refused as one of 0 is.
        limit: input.limit.map(|limit| usize::try_from(limit).unwrap_or_default()),
        exclusive_start_key: inward_if_any(input.exclusive_start_key)?,
        select: input.select.map(|select| select.as_str().to_owned()),
        consistent_read: input.consistent_read,
        ..Default::default()
    })
}

fn wanted(keys: KeysAndAttributes) -> Result<batch_get_item::KeysAndAttributes, DynoxideError> {
    Ok(batch_get_item::KeysAndAttributes {
        keys: keys.keys.into_iter().map(inward).collect::<Result<_, _>>()?,
        projection_expression: keys.projection_expression,
        expression_attribute_names: keys.expression_attribute_names,
        consistent_read: keys.consistent_read,
        ..Default::default()
    })
}

/// What an answer had no room for, which is JSON there.
fn still_wanted(keys: serde_json::Value) -> Result<KeysAndAttributes, DynoxideError> {
    let bad = |error: &dyn std::error::Error| DynoxideError::InternalServerError(error.to_string());
    let rest: batch_get_item::KeysAndAttributes = serde_json::from_value(keys).map_err(|error| bad(&error))?;
    KeysAndAttributes::builder()
        .set_keys(Some(rest.keys.into_iter().map(outward).collect()))
        .set_projection_expression(rest.projection_expression)
        .set_expression_attribute_names(rest.expression_attribute_names)
        .set_consistent_read(rest.consistent_read)
        .build()
        .map_err(|error| bad(&error))
}

fn batch(writes: Vec<WriteRequest>) -> Result<Vec<batch_write_item::WriteRequest>, DynoxideError> {
    let writes = writes.into_iter().map(|write| {
        let put = inward_if_any(write.put_request.map(|put| put.item))?;
        let delete = inward_if_any(write.delete_request.map(|delete| delete.key))?;
        Ok(batch_write_item::WriteRequest {
            put_request: put.map(|item| batch_write_item::PutRequest { item }),
            delete_request: delete.map(|key| batch_write_item::DeleteRequest { key }),
        })
    });
    writes.collect()
}

fn step(item: TransactWriteItem) -> Result<transact_write_items::TransactWriteItem, DynoxideError> {
    Ok(transact_write_items::TransactWriteItem {
        put: item.put.map(put_step).transpose()?,
        update: item.update.map(update_step).transpose()?,
        delete: item.delete.map(delete_step).transpose()?,
        condition_check: item.condition_check.map(check_step).transpose()?,
    })
}

fn put_step(put: Put) -> Result<transact_write_items::TransactPut, DynoxideError> {
    Ok(transact_write_items::TransactPut {
        table_name: put.table_name,
        item: inward(put.item)?,
        condition_expression: put.condition_expression,
        expression_attribute_names: put.expression_attribute_names,
        expression_attribute_values: inward_if_any(put.expression_attribute_values)?,
        return_values_on_condition_check_failure: old_item(put.return_values_on_condition_check_failure),
    })
}

fn update_step(update: Update) -> Result<transact_write_items::TransactUpdate, DynoxideError> {
    Ok(transact_write_items::TransactUpdate {
        table_name: update.table_name,
        key: inward(update.key)?,
        update_expression: update.update_expression,
        condition_expression: update.condition_expression,
        expression_attribute_names: update.expression_attribute_names,
        expression_attribute_values: inward_if_any(update.expression_attribute_values)?,
        return_values_on_condition_check_failure: old_item(update.return_values_on_condition_check_failure),
    })
}

fn delete_step(delete: Delete) -> Result<transact_write_items::TransactDelete, DynoxideError> {
    Ok(transact_write_items::TransactDelete {
        table_name: delete.table_name,
        key: inward(delete.key)?,
        condition_expression: delete.condition_expression,
        expression_attribute_names: delete.expression_attribute_names,
        expression_attribute_values: inward_if_any(delete.expression_attribute_values)?,
        return_values_on_condition_check_failure: old_item(delete.return_values_on_condition_check_failure),
    })
}

fn check_step(check: ConditionCheck) -> Result<transact_write_items::TransactConditionCheck, DynoxideError> {
    Ok(transact_write_items::TransactConditionCheck {
        table_name: check.table_name,
        key: inward(check.key)?,
        condition_expression: check.condition_expression,
        expression_attribute_names: check.expression_attribute_names,
        expression_attribute_values: inward_if_any(check.expression_attribute_values)?,
        return_values_on_condition_check_failure: old_item(check.return_values_on_condition_check_failure),
    })
}
