//! AWS inside the process: the ordinary SDK clients, whose requests are answered by the embedded database, the
//! object store and the gateway's control plane instead of the network.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use apigateway::{Exception, Gateway};
use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use bytes::Bytes;
use http::Uri;
use http_body_util::{BodyExt, Full};
use push::{Connections, Failure};
use s3::{Keys, S3};

use crate::database::Table;

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

/// What `x-amz-target` begins with in requests to DynamoDB.
const DYNAMODB: &str = "DynamoDB_20120810.";

/// An SDK configuration whose clients talk to `table`, to `control` and to `objects`. No call has a time: what answers is this process, and
/// an attempt that is given up goes on all the same, so that the next one would do its work twice.
pub fn config(
    table: Table,
    control: Control,
    keys: &Keys,
    objects: Option<S3>,
    intercept: Option<Intercept>,
) -> SdkConfig {
    let credentials = Credentials::new(&keys.access_key_id, &keys.secret_access_key, None, None, "local");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(keys.region.clone()))
        .endpoint_url(ENDPOINT)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .timeout_config(TimeoutConfig::disabled())
        .http_client(Inside { forward: Forward { table, control, objects }, intercept })
        .build()
}

#[derive(Clone)]
struct Inside {
    forward: Forward,
    intercept: Option<Intercept>,
}

impl std::fmt::Debug for Inside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inside")
    }
}

impl HttpClient for Inside {
    fn http_connector(&self, _settings: &HttpConnectorSettings, _parts: &RuntimeComponents) -> SharedHttpConnector {
        let forward = self.forward.clone();
        match &self.intercept {
            None => SharedHttpConnector::new(forward),
            Some(intercept) => SharedHttpConnector::new(Intercepted { forward, intercept: Arc::clone(intercept) }),
        }
    }
}

#[derive(Clone)]
struct Forward {
    table: Table,
    control: Control,
    objects: Option<S3>,
}

impl std::fmt::Debug for Forward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Forward")
    }
}

impl HttpConnector for Forward {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move { this.answer(request).await.map_err(ConnectorError::user) })
    }
}

impl Forward {
    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, BoxError> {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        match target.strip_prefix(DYNAMODB) {
            Some(operation) => {
                let body = request.body().bytes().unwrap_or_default();
                let (status, body) = self.table.answer(operation, body).await;
                answer(status, body)
            }
            None => match self.objects.as_ref().filter(|objects| objects.has(path(&request).path())) {
                Some(objects) => of_objects(objects, request).await,
                None => ask(&self.control, request).await,
            },
        }
    }
}

fn path(request: &HttpRequest) -> Uri {
    request.uri().parse().unwrap_or_default()
}

/// Functions read and write a few megabytes at once, which they have in memory anyway.
async fn of_objects(objects: &S3, request: HttpRequest) -> Result<HttpResponse, BoxError> {
    let request = request.try_into_http1x()?;
    let answer =
        objects.answer(request.map(|body| Full::new(Bytes::copy_from_slice(body.bytes().unwrap_or_default())))).await;
    let (parts, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(HttpResponse::try_from(http::Response::from_parts(parts, SdkBody::from(body)))?)
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
        let uri = path(&request);
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

fn answer(status: u16, body: impl Into<SdkBody>) -> Result<HttpResponse, BoxError> {
    let response = http::Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
    Ok(HttpResponse::try_from(response.body(body.into())?)?)
}

/// `@connections`, answered by the gateway without the SDK's client.
#[derive(Clone)]
pub struct Direct(pub Control);

impl std::fmt::Debug for Direct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Direct")
    }
}

impl Direct {
    fn gateway(&self) -> Result<&Gateway, Failure> {
        self.0.get().ok_or_else(|| Failure::answered(503, "the gateway is not built yet"))
    }
}

#[async_trait]
impl Connections for Direct {
    async fn post(&self, connection: &str, text: &str) -> Result<(), Failure> {
        self.gateway()?.post_to_connection(connection, text).await.map_err(refused)
    }

    async fn delete(&self, connection: &str) -> Result<(), Failure> {
        self.gateway()?.delete_connection(connection).map_err(refused)
    }
}

fn refused(exception: Exception) -> Failure {
    Failure::answered(exception.status.as_u16(), exception)
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

async fn ask(control: &OnceLock<Gateway>, request: HttpRequest) -> Result<HttpResponse, BoxError> {
    let gateway = control.get().ok_or("the gateway is not built yet")?;
    let request = request.try_into_http1x()?.map(|body| Bytes::copy_from_slice(body.bytes().unwrap_or_default()));
    let response = gateway.control(request).await;
    Ok(HttpResponse::try_from(response.map(SdkBody::from))?)
}
