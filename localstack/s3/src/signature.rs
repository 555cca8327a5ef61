//! Who asks: the signature of AWS, version 4, in a query or in a header
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html>).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use domain::Timestamp;
use http::header::{AUTHORIZATION, HeaderMap};
use http::request::Parts;
use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::error::{Error, Result};
use crate::target::{Query, canonical_path};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const SHA256_HEADER: &str = "x-amz-content-sha256";
/// The parameter of a presigned address that has its signature.
pub(crate) const SIGNATURE: &str = "X-Amz-Signature";
const BASIC: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");

/// How far the clocks of client and server may be apart
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>, `RequestTimeTooSkewed`).
const SKEW: Duration = Duration::from_secs(15 * 60);

/// The longest life of an address, in seconds.
const LONGEST: u64 = 7 * 24 * 60 * 60;

/// Whose signature is believed.
#[derive(Clone)]
pub struct Keys {
    /// The name of the key.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: String,
    /// The region that signatures are for.
    pub region: String,
}

/// What a signature says of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Payload {
    /// Nothing.
    Unsigned,
    /// Its SHA-256, in hexadecimal digits.
    Sha256(String),
}

/// A signature as it was sent.
struct Claim<'a> {
    access_key_id: &'a str,
    /// `date/region/s3/aws4_request`, as far as it is so.
    scope: Vec<&'a str>,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
    /// When it was made, as it was written.
    written_at: &'a str,
    payload: &'a str,
    malformed: &'static str,
}

impl Keys {
    /// Checks who signed a request, and until when it is good.
    pub(crate) fn check(&self, parts: &Parts, query: &Query, now: Timestamp) -> Result<Payload> {
        let by_query = query.get("X-Amz-Algorithm").is_some() || query.get(SIGNATURE).is_some();
        match (by_query, parts.headers.contains_key(AUTHORIZATION)) {
            (true, true) => Err(Error::argument("Only one auth mechanism allowed")),
            (false, false) => Err(Error::denied("Access Denied")),
            (true, false) => {
                let claim = of_query(parts, query)?;
                self.verify(&claim, parts, query)?;
                check_validity(query, moment(&claim)?, now)?;
                payload(&claim)
            }
            (false, true) => {
                let claim = of_header(parts)?;
                let apart = moment(&claim)?.since(now).max(now.since(moment(&claim)?));
                if apart > SKEW {
                    let message = "The difference between the request time and the current time is too large.";
                    return Err(Error::forbidden("RequestTimeTooSkewed", message));
                }
                self.verify(&claim, parts, query)?;
                payload(&claim)
            }
        }
    }

    fn verify(&self, claim: &Claim<'_>, parts: &Parts, query: &Query) -> Result<()> {
        let [date, region, service, ending] = claim.scope[..] else {
            return Err(Error::bad(claim.malformed, "The credential is malformed."));
        };
        if (service, ending) != ("s3", "aws4_request") || !claim.written_at.starts_with(date) {
            return Err(Error::bad(claim.malformed, "The credential's scope is not of this request."));
        }
        if region != self.region {
            let message = format!("The region '{region}' is wrong; expecting '{}'", self.region);
            return Err(Error::bad(claim.malformed, message));
        }
        if claim.access_key_id != self.access_key_id {
            let message = "The AWS Access Key Id you provided does not exist in our records.";
            return Err(Error::forbidden("InvalidAccessKeyId", message));
        }
        require_signed(&parts.headers, &claim.signed_headers)?;
        let text = string_to_sign(claim, parts, query)?;
        let day = moment(claim)?;
        let key = generate_signing_key(&self.secret_access_key, system_time(day), region, service);
        let expected = calculate_signature(key, text.as_bytes());
        verify_slices_are_equal(expected.as_bytes(), claim.signature.as_bytes()).map_err(|_| {
            let message = "The request signature we calculated does not match the signature you provided. Check your key \
                           and signing method.";
            Error::forbidden("SignatureDoesNotMatch", message)
        })
    }
}

fn of_query<'a>(parts: &'a Parts, query: &'a Query) -> Result<Claim<'a>> {
    let malformed = "AuthorizationQueryParametersError";
    let wanted = |name| query.get(name).filter(|value| !value.is_empty());
    let missing = || {
        let message = "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, \
                       X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";
        Error::bad(malformed, message)
    };
    let credential = wanted("X-Amz-Credential").ok_or_else(missing)?;
    if wanted("X-Amz-Algorithm") != Some(ALGORITHM) {
        return Err(Error::bad(malformed, "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""));
    }
    let (access_key_id, scope) = credential.split_once('/').ok_or_else(missing)?;
    Ok(Claim {
        access_key_id,
        scope: scope.split('/').collect(),
        signed_headers: wanted("X-Amz-SignedHeaders").ok_or_else(missing)?.split(';').collect(),
        signature: wanted(SIGNATURE).ok_or_else(missing)?,
        written_at: wanted("X-Amz-Date").ok_or_else(missing)?,
        payload: text(&parts.headers, SHA256_HEADER).unwrap_or(UNSIGNED),
        malformed,
    })
}

fn of_header(parts: &Parts) -> Result<Claim<'_>> {
    let malformed = "AuthorizationHeaderMalformed";
    let wrong = || Error::bad(malformed, "The authorization header is malformed.");
    let header = text(&parts.headers, AUTHORIZATION.as_str()).ok_or_else(wrong)?;
    let fields = header.strip_prefix(ALGORITHM).and_then(|rest| rest.strip_prefix(' ')).ok_or_else(|| {
        Error::bad(
            "InvalidRequest",
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        )
    })?;
    let field = |name: &str| fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
    let (access_key_id, scope) = field("Credential").and_then(|c| c.split_once('/')).ok_or_else(wrong)?;
    let payload = text(&parts.headers, SHA256_HEADER).ok_or_else(|| {
        Error::bad("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    })?;
    Ok(Claim {
        access_key_id,
        scope: scope.split('/').collect(),
        signed_headers: field("SignedHeaders").ok_or_else(wrong)?.split(';').collect(),
        signature: field("Signature").ok_or_else(wrong)?,
        written_at: text(&parts.headers, "x-amz-date")
            .ok_or_else(|| Error::denied("AWS authentication requires a valid Date or x-amz-date header"))?,
        payload,
        malformed,
    })
}

/// Everything that could change what a request does must have been signed
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>).
fn require_signed(headers: &HeaderMap, signed: &[&str]) -> Result<()> {
    let is_missing = |name: &str| name.starts_with("x-amz-") && !signed.contains(&name);
    if !signed.contains(&"host") || headers.keys().any(|name| is_missing(name.as_str())) {
        return Err(Error::denied("There were headers present in the request which were not signed"));
    }
    Ok(())
}

fn string_to_sign(claim: &Claim<'_>, parts: &Parts, query: &Query) -> Result<String> {
    let headers: String = claim.signed_headers.iter().map(|name| canonical_header(&parts.headers, name)).collect();
    let canonical = format!(
        "{}\n{}\n{}\n{headers}\n{}\n{}",
        parts.method,
        canonical_path(parts.uri.path())?,
        query.canonical(),
        claim.signed_headers.join(";"),
        claim.payload,
    );
    Ok(format!(
        "{ALGORITHM}\n{}\n{}\n{}",
        claim.written_at,
        claim.scope.join("/"),
        hex(digest(&SHA256, canonical.as_bytes()).as_ref())
    ))
}

fn canonical_header(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name).iter().map(|value| {
        let value = String::from_utf8_lossy(value.as_bytes());
        value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
    });
    format!("{name}:{}\n", values.collect::<Vec<_>>().join(","))
}

/// Whether an address is good now.
fn check_validity(query: &Query, made_at: Timestamp, now: Timestamp) -> Result<()> {
    let seconds =
        query.get("X-Amz-Expires").and_then(|text| text.parse().ok()).filter(|seconds| (1..=LONGEST).contains(seconds));
    let Some(seconds) = seconds else {
        let message = "X-Amz-Expires must be a number of seconds from 1 to 604800";
        return Err(Error::bad("AuthorizationQueryParametersError", message));
    };
    if made_at.since(now) > SKEW {
        return Err(Error::denied("Request is not valid yet"));
    }
    if now.since(made_at) > Duration::from_secs(seconds) {
        return Err(Error::denied("Request has expired"));
    }
    Ok(())
}

fn payload(claim: &Claim<'_>) -> Result<Payload> {
    match claim.payload {
        UNSIGNED => Ok(Payload::Unsigned),
        chunked if chunked.starts_with("STREAMING-") => Err(Error::not_implemented()),
        digits => Ok(Payload::Sha256(digits.to_owned())),
    }
}

fn moment(claim: &Claim<'_>) -> Result<Timestamp> {
    let parsed = PrimitiveDateTime::parse(claim.written_at, BASIC).ok();
    let seconds = parsed.and_then(|time| u64::try_from(time.assume_utc().unix_timestamp()).ok());
    let wrong = || Error::bad(claim.malformed, "The date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
    seconds.map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000))).ok_or_else(wrong)
}

fn system_time(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(at.millis())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
