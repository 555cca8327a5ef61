//! Addresses of Amazon Transcribe's streaming, each signed so that whoever has it may open one line with it
//! (<https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html>). Signing is computing: nothing is asked.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SignatureLocation, SigningError, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use config::{FromRuntime, Runtime, SettingError, Settings, settings};
use domain::{Error, Result, Timestamp};
use http::Request;

/// How long an address opens a line: the longest that Amazon Transcribe takes. A line that is open goes on for four hours.
pub const VALID: Duration = Duration::from_secs(300);

/// The samples in a second that lines are opened for.
const SAMPLE_RATE: u32 = 16_000;

/// Amazon Transcribe of one region, if the operator chose one.
pub struct Transcribe(Option<Signer>);

struct Signer {
    region: String,
    credentials: Identity,
}

impl Transcribe {
    /// An address that opens a line for what is spoken in that language, until [`VALID`] is over.
    ///
    /// # Errors
    /// `NotOffered` where the operator chose no region.
    pub fn address(&self, language: &str, now: Timestamp) -> Result<String> {
        let signer = self.0.as_ref().ok_or(Error::NotOffered("transcription by Amazon Transcribe"))?;
        signer.address(language, now).map_err(|cause| Error::Internal(cause.into()))
    }
}

impl Signer {
    fn address(&self, language: &str, now: Timestamp) -> Result<String, SigningError> {
        let plain = format!(
            "https://{}:8443/stream-transcription-websocket?language-code={language}&media-encoding=pcm&sample-rate={SAMPLE_RATE}",
            host(&self.region),
        );
        let params = v4::SigningParams::builder()
            .identity(&self.credentials)
            .region(&self.region)
            .name("transcribe")
            .time(SystemTime::UNIX_EPOCH + Duration::from_millis(now.millis()))
            .settings(in_the_query())
            .build()
            .expect("everything that signing needs is given")
            .into();
        let request = SignableRequest::new("GET", &plain, std::iter::empty(), SignableBody::Bytes(&[]))?;
        let (signature, _) = sign(request, &params)?.into_parts();
        let mut signed = Request::get(&plain).body(()).expect("an address of two checked words");
        signature.apply_to_request_http1x(&mut signed);
        Ok(signed.uri().to_string().replacen("https", "wss", 1))
    }
}

/// What is signed is the address alone: a browser opens a WebSocket with no header of ours.
fn in_the_query() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
    settings.expires_in = Some(VALID);
    settings
}

/// Where a region's streaming is; the regions of China have a name of their own
/// (<https://docs.aws.amazon.com/general/latest/gr/transcribe.html>).
fn host(region: &str) -> String {
    let china = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("transcribestreaming.{region}.amazonaws.com{china}")
}

impl FromRuntime for Transcribe {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        Self::of(runtime.settings.optional(settings::TRANSCRIBE_REGION), &runtime.settings)
    }
}

impl Transcribe {
    fn of(region: Option<&str>, given: &Settings) -> Result<Self, SettingError> {
        region.map(|region| signer(region, given)).transpose().map(Self)
    }
}

/// By the credentials of the function's role, or those that a local operator has in the environment.
fn signer(region: &str, given: &Settings) -> Result<Signer, SettingError> {
    let is_word =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !region.split('-').all(is_word) || region.len() > 25 {
        let reason = "must be a region of AWS, such as eu-central-1".to_owned();
        return Err(SettingError { name: settings::TRANSCRIBE_REGION, reason });
    }
    let credentials = Credentials::new(
        given.required(settings::ACCESS_KEY_ID)?,
        given.required(settings::SECRET_ACCESS_KEY)?,
        given.optional(settings::SESSION_TOKEN).map(str::to_owned),
        None,
        "environment",
    );
    Ok(Signer { region: region.to_owned(), credentials: credentials.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-29T12:00:00Z.
    const NOON: Timestamp = Timestamp::from_millis(1_795_953_600_000);

    fn transcribe(given: &[(&str, &str)]) -> Result<Transcribe, SettingError> {
        let settings = given.iter().fold(Settings::default(), |all, (name, value)| all.with(name, value));
        Transcribe::of(settings.optional(settings::TRANSCRIBE_REGION), &settings)
    }

    const KEY: [(&str, &str); 2] = [
        (settings::ACCESS_KEY_ID, "AKIDEXAMPLE"),
        (settings::SECRET_ACCESS_KEY, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    ];

    /// The same signature came from botocore 1.43's `SigV4QueryAuth` for the same address, key and time.
    #[test]
    fn an_address_is_signed_as_aws_signs_it() {
        let of = transcribe(&[(settings::TRANSCRIBE_REGION, "eu-west-1"), KEY[0], KEY[1]]).unwrap();
        let address = of.address("de-DE", NOON).unwrap();
        assert_eq!(
            address,
            "wss://transcribestreaming.eu-west-1.amazonaws.com:8443/stream-transcription-websocket?\
             language-code=de-DE&media-encoding=pcm&sample-rate=16000\
             &X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261129%2Feu-west-1%2Ftranscribe%2Faws4_request\
             &X-Amz-Date=20261129T120000Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=1d5e8121e62e0f35f7561d4741c8174bfaddca6426bcd3bf8deac5abcad034ec"
        );
    }

    #[test]
    fn the_session_of_a_role_is_signed_too() {
        let token = (settings::SESSION_TOKEN, "a/b+c=");
        let of = transcribe(&[(settings::TRANSCRIBE_REGION, "eu-west-1"), KEY[0], KEY[1], token]).unwrap();
        let address = of.address("de-DE", NOON).unwrap();
        assert!(address.contains("X-Amz-Security-Token=a%2Fb%2Bc%3D"), "{address}");
        assert!(
            address.contains("X-Amz-Signature=09a54473935daba026421a9ef5d33bd96f2528c6fb17f3adf77c9bd891ceba95"),
            "{address}"
        );
    }

    #[test]
    fn without_a_region_there_is_none() {
        let refused = transcribe(&[]).unwrap().address("de-DE", NOON).unwrap_err();
        assert_eq!(refused.code(), "not_offered");
    }

    #[test]
    fn a_region_needs_a_key_and_has_to_be_one() {
        let region = (settings::TRANSCRIBE_REGION, "eu-west-1");
        for (given, named) in [
            (vec![region], settings::ACCESS_KEY_ID),
            (vec![region, KEY[0]], settings::SECRET_ACCESS_KEY),
            (vec![(settings::TRANSCRIBE_REGION, "evil.example.org/"), KEY[0], KEY[1]], settings::TRANSCRIBE_REGION),
        ] {
            assert_eq!(transcribe(&given).err().map(|error| error.name), Some(named));
        }
        assert_eq!(host("cn-north-1"), "transcribestreaming.cn-north-1.amazonaws.com.cn");
    }
}
