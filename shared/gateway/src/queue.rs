//! What functions behind queues have in common.

use aws_lambda_events::sqs::{BatchItemFailure, SqsMessage};
use domain::Error;

/// That a message comes again, alone
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>). Nothing for one without an identifier.
pub fn comes_again(message: &SqsMessage) -> Option<BatchItemFailure> {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message.message_id.clone()?;
    Some(failure)
}

/// Logs a failure of work that nobody waits for; `what` of it, where a function does more than one thing.
pub fn log_failure(route: &str, what: Option<&str>, error: &Error) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(route, what, outcome = error.code(), cause, "failed");
}
