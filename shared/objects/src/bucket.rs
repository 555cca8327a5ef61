//! One bucket of Amazon S3.

use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{Delete, Object, ObjectIdentifier};
use aws_sdk_s3::{Client, config as sdk};
use aws_types::SdkConfig;
use config::{FromRuntime, Runtime, SettingError, settings};
use domain::ports::{ObjectList, ObjectReader, ObjectRemover, ObjectWriter, Page, StoredObject};
use domain::{Error, Result, Timestamp};

use crate::Upload;

/// The longest one attempt may take: a part of some megabytes.
const ATTEMPT: Duration = Duration::from_secs(15);

/// The longest a call may take, the SDK's two retries included.
const OPERATION: Duration = Duration::from_secs(40);

/// The same of a question that somebody waits for.
const QUICK_ATTEMPT: Duration = Duration::from_secs(2);
const QUICK_OPERATION: Duration = Duration::from_secs(5);

/// As many keys as one request removes
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>).
const REMOVED_AT_ONCE: usize = 1000;

/// The bucket of recordings. Where none is configured, everything is answered `not_found`.
#[derive(Debug, Clone)]
pub struct Bucket(Option<Open>);

/// A bucket that there is.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) client: Client,
    pub(crate) name: String,
}

impl FromRuntime for Bucket {
    fn from_runtime(runtime: &Runtime) -> std::result::Result<Self, SettingError> {
        match runtime.settings.optional(settings::RECORDINGS_BUCKET) {
            None => Ok(Self(None)),
            Some(name) => Ok(Self::new(runtime.aws()?, name)),
        }
    }
}

impl Bucket {
    /// The bucket of that name.
    pub fn new(config: &SdkConfig, name: impl Into<String>) -> Self {
        let config = sdk::Builder::from(config)
            // An endpoint that stands in for AWS has no host for each bucket.
            .force_path_style(config.endpoint_url().is_some())
            // What a request carries is signed by its SHA-256 as it is.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .disable_s3_express_session_auth(true)
            .retry_config(RetryConfig::standard())
            .timeout_config(timeouts(ATTEMPT, OPERATION))
            .build();
        Self(Some(Open { client: Client::from_conf(config), name: name.into() }))
    }

    fn open(&self) -> Result<&Open> {
        self.0.as_ref().ok_or(Error::NotFound)
    }
}

fn timeouts(attempt: Duration, operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(attempt).operation_timeout(operation).build()
}

fn quickly() -> sdk::Builder {
    sdk::Builder::new().timeout_config(timeouts(QUICK_ATTEMPT, QUICK_OPERATION))
}

impl ObjectList for Bucket {
    async fn list_objects(&self, prefix: &str, after: Option<&str>) -> Result<Page<StoredObject, String>> {
        let open = self.open()?;
        let list = open.client.list_objects_v2().bucket(&open.name).prefix(prefix);
        let listed = list.set_start_after(after.map(str::to_owned)).customize().config_override(quickly());
        let listed = listed.send().await.map_err(failed)?;
        let is_last = !listed.is_truncated.unwrap_or_default();
        let items: Vec<_> = listed.contents.unwrap_or_default().into_iter().filter_map(stored).collect();
        let next = items.last().filter(|_| !is_last).map(|last| last.key.clone());
        Ok(Page { items, next })
    }
}

fn stored(object: Object) -> Option<StoredObject> {
    let bytes = object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
    let stored_at = object.last_modified.map(timestamp).unwrap_or_default();
    object.key.map(|key| StoredObject { key, bytes, stored_at })
}

fn timestamp(time: DateTime) -> Timestamp {
    Timestamp::from_millis(u64::try_from(time.secs()).unwrap_or_default().saturating_mul(1000))
}

impl ObjectReader for Bucket {
    async fn read_object(&self, key: &str, most: usize) -> Result<Option<Vec<u8>>> {
        let open = self.open()?;
        match open.client.get_object().bucket(&open.name).key(key).send().await {
            Ok(found) => whole(found, most).await.map(Some),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }
}

/// Nothing is read of what is too large.
async fn whole(found: GetObjectOutput, most: usize) -> Result<Vec<u8>> {
    let fits = found.content_length.and_then(|length| usize::try_from(length).ok()).is_some_and(|size| size <= most);
    if !fits {
        return Err(Error::PayloadTooLarge { what: "the object", limit: most });
    }
    found.body.collect().await.map(|body| body.to_vec()).map_err(|error| Error::Unavailable(error.into()))
}

impl ObjectRemover for Bucket {
    async fn remove_objects(&self, keys: &[String]) -> Result<()> {
        let open = self.open()?;
        for some in keys.chunks(REMOVED_AT_ONCE) {
            open.remove(some).await?;
        }
        Ok(())
    }
}

impl Open {
    async fn remove(&self, keys: &[String]) -> Result<()> {
        let named = keys.iter().map(|key| ObjectIdentifier::builder().key(key).build());
        let delete = Delete::builder().set_objects(Some(named.collect::<std::result::Result<_, _>>().map_err(own)?));
        let delete = delete.quiet(true).build().map_err(own)?;
        let removed = self.client.delete_objects().bucket(&self.name).delete(delete);
        let removed = removed.customize().config_override(quickly()).send().await.map_err(failed)?;
        match removed.errors() {
            [] => Ok(()),
            [first, ..] => Err(Error::Unavailable(format!("{first:?}").into())),
        }
    }
}

impl ObjectWriter for Bucket {
    type File = Upload;

    async fn begin_file(&self, key: &str, content_type: &str) -> Result<Upload> {
        Upload::begin(self.open()?.clone(), key, content_type).await
    }
}

/// A request that cannot be one: our own fault.
pub(crate) fn own(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Internal(error.into())
}

/// Throttling, a fault of the other side or no answer passes; a refusal is our own fault.
pub(crate) fn failed<E>(error: SdkError<E, HttpResponse>) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    // S3 asks for a slower pace with a status of 503, and says by a 400 that a body did not arrive in time.
    let passes = error.code().is_some_and(|code| ["SlowDown", "RequestTimeout"].contains(&code));
    let refused = error.raw_response().is_some_and(|response| response.status().is_client_error());
    if refused && !passes { own(error) } else { Error::Unavailable(error.into()) }
}
