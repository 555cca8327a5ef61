//! How a Lambda function reaches AWS.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::SdkConfig;
use aws_types::region::Region;
use config::{SettingError, Settings, settings};

/// Region and credentials as Lambda gives them
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>), and the address of an endpoint that stands
/// in for AWS, where there is one.
///
/// The SDK's default chain would build clients of every service that credentials could come from, two fifths of the work of
/// a cold start (ADR 10).
pub(crate) fn config(settings: &Settings) -> Result<SdkConfig, SettingError> {
    let credentials = Credentials::new(
        settings.required(settings::ACCESS_KEY_ID)?,
        settings.required(settings::SECRET_ACCESS_KEY)?,
        settings.optional(settings::SESSION_TOKEN).map(str::to_owned),
        None,
        "Lambda",
    );
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.required(settings::REGION)?.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        // One for all clients of a function: each would read the root certificates again.
        .http_client(Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https());
    config.set_endpoint_url(settings.optional(settings::ENDPOINT_URL).map(str::to_owned));
    Ok(config.build())
}

#[cfg(test)]
mod tests {
    use rustls::RootCertStore;
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    /// What is shipped beside each function.
    const ROOTS: &[u8] = include_bytes!("../../../infra/amazon-roots.pem");

    fn given() -> Settings {
        Settings::default()
            .with(settings::REGION, "eu-central-1")
            .with(settings::ACCESS_KEY_ID, "key")
            .with(settings::SECRET_ACCESS_KEY, "secret")
    }

    #[test]
    fn region_and_endpoint_are_what_the_environment_says() {
        let config = config(&given()).unwrap();
        assert_eq!((config.region().map(Region::as_ref), config.endpoint_url()), (Some("eu-central-1"), None));
        let elsewhere = super::config(&given().with(settings::ENDPOINT_URL, "http://127.0.0.1:4566")).unwrap();
        assert_eq!(elsewhere.endpoint_url(), Some("http://127.0.0.1:4566"));
    }

    /// The TLS library leaves out what it cannot read without a word, so each root is tried by itself.
    #[test]
    fn every_root_that_is_shipped_is_one_that_the_tls_library_trusts() {
        let mut store = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(ROOTS) {
            store.add(root.unwrap()).unwrap();
        }
        assert_eq!(store.len(), 5);
    }

    #[test]
    fn what_lambda_did_not_give_is_named() {
        for name in [settings::REGION, settings::ACCESS_KEY_ID, settings::SECRET_ACCESS_KEY] {
            assert_eq!(config(&given().with(name, "")).unwrap_err().to_string(), format!("{name} is not set"));
        }
    }
}
