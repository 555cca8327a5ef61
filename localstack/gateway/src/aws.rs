//! AWS inside the process: the ordinary SDK clients, whose requests go to the embedded database and to the gateway's
//! control plane instead of the network.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

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
use http::Uri;

/// Where the SDK believes AWS to be. Nothing listens there: requests never leave the process as they are.
pub const ENDPOINT: &str = "http://aws.invalid";

/// What a test does to a call of the SDK.
pub enum Fate {
    /// It goes its way.
    Pass,
    /// It goes its way, after this time.
    Delay(Duration),
    /// It gets this answer instead: the status and the body.
    Answer(u16, String),
}

/// One call of the SDK, as a test sees it.
pub struct SdkCall<'a> {
    /// `DynamoDB_20120810.PutItem`, `AmazonSQS.SendMessage`; empty for `@connections`.
    pub target: &'a str,
    /// The HTTP method.
    pub method: &'a str,
    /// The path, `/local/@connections/...`.
    pub path: &'a str,
    /// The body, JSON but for `@connections`.
    pub body: &'a [u8],
}

/// Decides over every call of the SDK. Only tests can set it, and only in code.
pub type Intercept = Arc<dyn Fn(&SdkCall<'_>) -> Fate + Send + Sync>;

/// The gateway that will answer, once it is built: its functions need the SDK first.
pub type Control = Arc<OnceLock<Gateway>>;

/// An SDK configuration whose clients talk to the database at `database` (`http://127.0.0.1:PORT`) and to `control`.
pub fn config(database: String, control: Control, access_key_id: &str, intercept: Option<Intercept>) -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let credentials = Credentials::new(access_key_id, "local", None, None, "local");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(ENDPOINT)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(Inside { database, control, http, intercept })
        .build()
}

#[derive(Clone)]
struct Inside {
    database: String,
    control: Control,
    http: SharedHttpClient,
    intercept: Option<Intercept>,
}

impl std::fmt::Debug for Inside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inside")
    }
}

impl HttpClient for Inside {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let http = self.http.http_connector(settings, components);
        let forward = Forward { database: self.database.clone(), control: Arc::clone(&self.control), http };
        match &self.intercept {
            None => SharedHttpConnector::new(forward),
            Some(intercept) => SharedHttpConnector::new(Intercepted { forward, intercept: Arc::clone(intercept) }),
        }
    }
}

#[derive(Clone)]
struct Forward {
    database: String,
    control: Control,
    http: SharedHttpConnector,
}

impl std::fmt::Debug for Forward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Forward")
    }
}

impl HttpConnector for Forward {
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

/// Asks the test before a call is forwarded.
struct Intercepted {
    forward: Forward,
    intercept: Intercept,
}

impl std::fmt::Debug for Intercepted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Intercepted")
    }
}

impl HttpConnector for Intercepted {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let uri: Uri = request.uri().parse().unwrap_or_default();
        let call = SdkCall {
            target: request.headers().get("x-amz-target").unwrap_or_default(),
            method: request.method(),
            path: uri.path(),
            body: request.body().bytes().unwrap_or_default(),
        };
        match (self.intercept)(&call) {
            Fate::Pass => self.forward.call(request),
            Fate::Delay(delay) => {
                let forward = self.forward.clone();
                HttpConnectorFuture::new(async move {
                    tokio::time::sleep(delay).await;
                    forward.call(request).await
                })
            }
            Fate::Answer(status, body) => {
                HttpConnectorFuture::ready(answer(status, body).map_err(ConnectorError::user))
            }
        }
    }
}

fn answer(status: u16, body: String) -> Result<HttpResponse, BoxError> {
    let response = http::Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
    Ok(HttpResponse::try_from(response.body(SdkBody::from(body))?)?)
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

async fn ask(control: &OnceLock<Gateway>, request: HttpRequest) -> Result<HttpResponse, BoxError> {
    let gateway = control.get().ok_or("the gateway is not built yet")?;
    let request = request.try_into_http1x()?.map(|body| Bytes::copy_from_slice(body.bytes().unwrap_or_default()));
    let response = gateway.control(request).await;
    Ok(HttpResponse::try_from(response.map(SdkBody::from))?)
}
