//! Presigned addresses: the signature of AWS, version 4, in the query
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>).

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use aws_types::SdkConfig;
use config::{FromRuntime, Runtime, SettingError, settings};
use domain::ports::{DownloadUrls, MAX_URL_SECONDS, UploadUrls};
use domain::{Error, Result, Timestamp};
use futures_util::FutureExt;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::bucket::own;

/// What S3 leaves as it is in a key
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#create-canonical-request>).
const IN_KEYS: &AsciiSet = &IN_VALUES.remove(b'/');
const IN_VALUES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Makes addresses in the bucket of recordings.
#[derive(Debug, Clone)]
pub struct Urls(Option<Signer>);

/// The same for whoever sent one request.
#[derive(Debug, Clone)]
pub struct AskedUrls(Option<Signer>);

#[derive(Debug, Clone)]
struct Signer {
    credentials: Credentials,
    region: String,
    /// Where the bucket is, without a slash at the end.
    base: String,
}

impl FromRuntime for Urls {
    fn from_runtime(runtime: &Runtime) -> std::result::Result<Self, SettingError> {
        match runtime.settings.optional(settings::RECORDINGS_BUCKET) {
            None => Ok(Self(None)),
            Some(name) => {
                let endpoint = runtime.settings.optional(settings::RECORDINGS_ENDPOINT);
                Signer::new(runtime.aws()?, name, endpoint).map(|signer| Self(Some(signer)))
            }
        }
    }
}

impl Urls {
    /// For a request that came by that scheme, to that host: a deployment that has no name of its own is reached under the one that it was
    /// asked by.
    pub fn asked_by(&self, is_secure: bool, host: &str) -> AskedUrls {
        let scheme = if is_secure { "https" } else { "http" };
        let base = |signer: &Signer| signer.base.replace("{scheme}", scheme).replace("{host}", host);
        AskedUrls(self.0.as_ref().map(|signer| Signer { base: base(signer), ..signer.clone() }))
    }
}

impl Signer {
    fn new(config: &SdkConfig, bucket: &str, endpoint: Option<&str>) -> std::result::Result<Self, SettingError> {
        let missing = |name: &'static str| SettingError { name, reason: "is not set".to_owned() };
        let region = config.region().ok_or_else(|| missing(settings::REGION))?.to_string();
        let provider = config.credentials_provider().ok_or_else(|| missing(settings::ACCESS_KEY_ID))?;
        // A function's credentials are given with its environment: there is nothing to wait for.
        let given = provider.provide_credentials().now_or_never().and_then(std::result::Result::ok);
        let credentials = given.ok_or_else(|| missing(settings::ACCESS_KEY_ID))?;
        let base = match endpoint {
            Some(endpoint) => format!("{}/{bucket}", endpoint.trim_end_matches('/')),
            None => format!("https://{bucket}.s3.{region}.amazonaws.com"),
        };
        Ok(Self { credentials, region, base })
    }

    fn signed(&self, wanted: &Wanted<'_>) -> Result<String> {
        if wanted.valid_for.as_secs() > MAX_URL_SECONDS {
            return Err(own("an address that is good for more than 7 days"));
        }
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(wanted.valid_for);
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(UNIX_EPOCH + Duration::from_millis(wanted.now.millis()))
            .settings(settings)
            .build()
            .map_err(own)?
            .into();
        let url = format!("{}/{}{}", self.base, percent_encode(wanted.key.as_bytes(), IN_KEYS), wanted.query);
        let headers = wanted.content_type.map(|value| ("content-type", value));
        let request = SignableRequest::new(wanted.method, &url, headers.into_iter(), SignableBody::UnsignedPayload);
        let (signing, _) = sign(request.map_err(own)?, &params).map_err(own)?.into_parts();
        let mut request = http::Request::builder().uri(&url).body(()).map_err(own)?;
        signing.apply_to_request_http1x(&mut request);
        Ok(request.uri().to_string())
    }
}

/// What an address is for.
struct Wanted<'a> {
    method: &'static str,
    key: &'a str,
    query: String,
    content_type: Option<&'a str>,
    valid_for: Duration,
    now: Timestamp,
}

impl AskedUrls {
    fn signed(&self, wanted: &Wanted<'_>) -> Result<String> {
        self.0.as_ref().ok_or(Error::NotFound)?.signed(wanted)
    }
}

impl UploadUrls for AskedUrls {
    fn put_url(&self, key: &str, content_type: &str, valid_for: Duration, now: Timestamp) -> Result<String> {
        let (method, content_type) = ("PUT", Some(content_type));
        self.signed(&Wanted { method, key, query: String::new(), content_type, valid_for, now })
    }
}

impl DownloadUrls for AskedUrls {
    fn get_url(&self, key: &str, file_name: &str, valid_for: Duration, now: Timestamp) -> Result<String> {
        let disposition = attachment(file_name);
        let query = format!("?response-content-disposition={}", percent_encode(disposition.as_bytes(), IN_VALUES));
        self.signed(&Wanted { method: "GET", key, query, content_type: None, valid_for, now })
    }
}

/// A `Content-Disposition` with that file name ([RFC 6266](https://www.rfc-editor.org/rfc/rfc6266#section-4.3)).
fn attachment(file_name: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || " -._".contains(character);
    let plain: String = file_name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let encoded = percent_encode(file_name.as_bytes(), IN_VALUES);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use aws_types::region::Region;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_369_353_600_000);

    fn signer(base: &str) -> Signer {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", secret, None, None, "test");
        Signer { credentials, region: "us-east-1".to_owned(), base: base.to_owned() }
    }

    #[test]
    fn an_address_is_signed_as_awss_documentation_has_it() {
        // https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
        let (key, query) = ("test.txt", String::new());
        let valid_for = Duration::from_secs(86_400);
        let wanted = Wanted { method: "GET", key, query, content_type: None, valid_for, now: NOW };
        let url = signer("https://examplebucket.s3.amazonaws.com").signed(&wanted).expect("signed");
        let signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        assert!(url.contains(&format!("X-Amz-Signature={signature}")), "{url}");
        assert!(url.starts_with("https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-"), "{url}");
    }

    #[test]
    fn an_upload_has_its_content_type_signed() {
        let urls = AskedUrls(Some(signer("https://b.example")));
        let put = |content_type| urls.put_url("chunks/1", content_type, Duration::from_secs(60), NOW).expect("signed");
        assert!(put("video/mp4").contains("X-Amz-SignedHeaders=content-type%3Bhost"), "{}", put("video/mp4"));
        assert_ne!(put("video/mp4"), put("text/html"));
    }

    #[test]
    fn a_file_is_saved_under_its_name_whatever_that_is() {
        assert_eq!(
            attachment("call \"1\"\r\n\u{e4}.mp4"),
            "attachment; filename=\"call _1____.mp4\"; filename*=UTF-8''call%20%221%22%0D%0A%C3%A4.mp4"
        );
        let urls = AskedUrls(Some(signer("https://b.example")));
        let url = urls.get_url("files/a b", "a.mp4", Duration::from_secs(60), NOW).expect("signed");
        assert!(
            url.starts_with("https://b.example/files/a%20b?response-content-disposition=attachment%3B%20"),
            "{url}"
        );
    }

    #[test]
    fn a_server_without_a_name_answers_under_the_one_it_was_asked_by() {
        let urls = Urls(Some(signer("{scheme}://{host}/recordings")));
        let url =
            |secure, host| urls.asked_by(secure, host).get_url("k", "k", Duration::from_secs(1), NOW).expect("one");
        assert!(url(true, "a.example").starts_with("https://a.example/recordings/k?"));
        assert!(url(false, "127.0.0.1:5000").starts_with("http://127.0.0.1:5000/recordings/k?"));
        assert_ne!(
            url(true, "a.example").split("Signature=").nth(1),
            url(true, "b.example").split("Signature=").nth(1)
        );
    }

    #[test]
    fn an_address_lasts_7_days_at_most_and_there_is_none_without_a_bucket() {
        let urls = AskedUrls(Some(signer("https://b.example")));
        let long = Duration::from_secs(MAX_URL_SECONDS + 1);
        assert!(matches!(urls.put_url("k", "video/mp4", long, NOW), Err(Error::Internal(_))));
        let none = Urls(None).asked_by(true, "a.example");
        assert!(matches!(none.put_url("k", "video/mp4", Duration::from_secs(1), NOW), Err(Error::NotFound)));
    }

    #[test]
    fn on_aws_a_bucket_has_a_host_of_its_own() {
        let credentials = Credentials::new("key", "secret", None, None, "test");
        let config = SdkConfig::builder()
            .region(Region::new("eu-central-1"))
            .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(credentials))
            .build();
        let base = |endpoint| Signer::new(&config, "b", endpoint).expect("a signer").base;
        assert_eq!(base(None), "https://b.s3.eu-central-1.amazonaws.com");
        assert_eq!(base(Some("http://127.0.0.1:4566/")), "http://127.0.0.1:4566/b");
    }
}
