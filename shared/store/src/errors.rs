//! What the SDK and malformed items mean for the rules.

use std::error::Error as StdError;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;
use domain::Error;

/// Transient errors of the service; what is left of them after the SDK's own retries.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>
const TRANSIENT: [&str; 10] = [
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// Transient reasons of a cancelled transaction.
const TRANSIENT_REASONS: [&str; 3] = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

/// An item that is not as this code writes it.
#[derive(Debug, thiserror::Error)]
#[error("an item of the table is malformed: {0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Self {
        Error::Internal(Box::new(malformed))
    }
}

/// An item that does not fit its record, or a record that does not fit an item.
pub(crate) fn misfit(error: serde_dynamo::Error) -> Error {
    Error::Internal(Box::new(error))
}

/// A request that the SDK could not build.
pub(crate) fn unbuilt(error: aws_sdk_dynamodb::error::BuildError) -> Error {
    Error::Internal(Box::new(error))
}

/// A request that failed for good.
pub(crate) fn failed<E>(error: SdkError<E>) -> Error
where
    E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
{
    let passes = match &error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        SdkError::ServiceError(context) => {
            context.raw().status().is_server_error() || context.err().code().is_some_and(|c| TRANSIENT.contains(&c))
        }
        _ => false,
    };
    if passes { Error::Unavailable(Box::new(error)) } else { Error::Internal(Box::new(error)) }
}

/// A transaction that failed for good: a conflict that outlasted its retries is transient too.
pub(crate) fn transaction_failed(error: SdkError<TransactWriteItemsError>) -> Error {
    match cancellation(&error) {
        Some(reasons) if passes(reasons) => Error::Unavailable(Box::new(error)),
        Some(_) | None => failed(error),
    }
}

/// Why a transaction was cancelled, if that is what happened; one reason for each of its items.
pub(crate) fn cancellation(error: &SdkError<TransactWriteItemsError>) -> Option<&[CancellationReason]> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => Some(cancelled.cancellation_reasons()),
        _ => None,
    }
}

/// Whether a cancelled transaction may succeed when it is tried again.
pub(crate) fn passes(reasons: &[CancellationReason]) -> bool {
    reasons.iter().filter_map(CancellationReason::code).any(|code| TRANSIENT_REASONS.contains(&code))
}
