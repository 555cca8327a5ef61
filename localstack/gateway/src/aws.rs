//! AWS inside the process: the ordinary SDK clients, whose requests go to the embedded database and to the gateway's
//! control plane instead of the network.

use std::sync::{Arc, OnceLock};

use apigateway::Gateway;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

/// Where the SDK believes AWS to be. Nothing listens there: requests never leave the process as they are.
pub const ENDPOINT: &str = "http://aws.invalid";

/// The gateway that will answer, once it is built: its functions need the SDK first.
pub type Control = Arc<OnceLock<Gateway>>;

/// An SDK configuration whose clients talk to the database at `database` (`http://127.0.0.1:PORT`) and to `control`.
pub fn config(database: String, control: Control, access_key_id: &str) -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let credentials = Credentials::new(access_key_id, "local", None, None, "local");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(ENDPOINT)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(Inside { database, control, http })
        .build()
}

#[derive(Clone)]
struct Inside {
    database: String,
    control: Control,
    http: SharedHttpClient,
}

impl std::fmt::Debug for Inside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inside")
    }
}

impl HttpClient for Inside {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let http = self.http.http_connector(settings, components);
        SharedHttpConnector::new(Connector {
            database: self.database.clone(),
            control: Arc::clone(&self.control),
            http,
        })
    }
}

struct Connector {
    database: String,
    control: Control,
    http: SharedHttpConnector,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        if target.starts_with("DynamoDB_") {
            return match request.set_uri(self.database.as_str()) {
                Ok(()) => self.http.call(request),
                Err(error) => HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
            };
        }
        let control = Arc::clone(&self.control);
        HttpConnectorFuture::new(async move { ask(&control, request).await.map_err(ConnectorError::user) })
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

async fn ask(control: &OnceLock<Gateway>, request: HttpRequest) -> Result<HttpResponse, BoxError> {
    let gateway = control.get().ok_or("the gateway is not built yet")?;
    let request = request.try_into_http1x()?.map(|body| Bytes::copy_from_slice(body.bytes().unwrap_or_default()));
    let response = gateway.control(request).await;
    Ok(HttpResponse::try_from(response.map(SdkBody::from))?)
}
