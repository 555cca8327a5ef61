//! What a request is about: the bucket, the key and the parameters of its query.

use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use crate::error::{Error, Result};

/// The longest key, in bytes (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>).
const LONGEST_KEY: usize = 1024;

/// What no canonical request escapes
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#create-canonical-request>).
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &VALUE.remove(b'/');

/// Parameters that mean something here; those that begin with `X-Amz-` or `response-` are known besides.
const KNOWN: [&str; 14] = [
    "continuation-token",
    "delete",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "list-type",
    "max-keys",
    "partNumber",
    "prefix",
    "start-after",
    "uploadId",
    "uploads",
    "x-id",
    "max-parts",
];

/// A request's address, read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) bucket: String,
    /// None for the bucket itself.
    pub(crate) key: Option<String>,
    pub(crate) query: Query,
}

impl Target {
    pub(crate) fn parse(uri: &Uri) -> Result<Self> {
        let path = decode(uri.path())?;
        let path = path.strip_prefix('/').unwrap_or(&path);
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        if key.len() > LONGEST_KEY {
            return Err(Error::bad("KeyTooLongError", "Your key is too long"));
        }
        let key = (!key.is_empty()).then(|| key.to_owned());
        Ok(Self { bucket: bucket.to_owned(), key, query: Query::parse(uri.query().unwrap_or_default())? })
    }
}

/// A query's parameters, decoded, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let decoded = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        });
        decoded.collect::<Result<_>>().map(Self)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether it asks for something that is not here.
    pub(crate) fn is_strange(&self) -> bool {
        let is_known =
            |name: &str| KNOWN.contains(&name) || name.starts_with("X-Amz-") || name.starts_with("response-");
        self.0.iter().any(|(name, _)| !is_known(name))
    }

    /// As it is signed: sorted and encoded, without the signature itself.
    pub(crate) fn canonical(&self) -> String {
        let signed = self.0.iter().filter(|(name, _)| name != "X-Amz-Signature");
        let mut pairs: Vec<_> = signed.map(|(name, value)| (encode(name, VALUE), encode(value, VALUE))).collect();
        pairs.sort_unstable();
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }
}

fn decode(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(String::from).map_err(|_| Error::bad("InvalidURI", "Couldn't parse the specified URI."))
}

fn encode(text: &str, set: &'static AsciiSet) -> String {
    percent_encode(text.as_bytes(), set).to_string()
}

/// A path as it is signed: decoded, and encoded in the one way that S3 knows.
pub(crate) fn canonical_path(path: &str) -> Result<String> {
    decode(path).map(|path| encode(&path, PATH))
}

/// A value as an answer has it that was asked for `encoding-type=url`.
pub(crate) fn url_encoded(text: &str) -> String {
    encode(text, PATH)
}
