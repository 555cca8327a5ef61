//! The single DynamoDB table: keys, records and one file per port.
