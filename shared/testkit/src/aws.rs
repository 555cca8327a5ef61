//! AWS as a test wants it.

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector, http_client_fn};
use aws_types::sdk_config::{Builder, SdkConfig};

/// How a client reaches an AWS that answers by that connector: in `eu-central-1`, with a key of its own.
pub fn answered_by(connector: impl HttpConnector + 'static) -> Builder {
    let connector = SharedHttpConnector::new(connector);
    let credentials = Credentials::new("key", "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client_fn(move |_, _| connector.clone()))
}
