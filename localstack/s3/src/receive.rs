//! A body on its way in: counted and hashed while it is written, and never held whole unless the bucket is in memory.

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use hyper::body::Body;

use crate::error::{Error, Result};
use crate::signature::{Payload, hex};

/// The most of one signed request (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
pub(crate) const MOST: u64 = 5 * 1024 * 1024 * 1024;

/// The most of a body that is read for nothing, in bytes.
const MOST_THROWN_AWAY: usize = 16 * 1024 * 1024;

/// How long a client may send nothing.
const SILENCE: Duration = Duration::from_secs(20);

/// Any error of a body.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What a request promises of its body.
#[derive(Debug)]
pub(crate) struct Promise {
    pub(crate) bytes: u64,
    md5: Option<Vec<u8>>,
    crc32: Option<Vec<u8>>,
    payload: Payload,
}

impl Promise {
    /// Of a body that may have so many bytes.
    pub(crate) fn of(headers: &HeaderMap, payload: Payload, most: u64) -> Result<Self> {
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let bytes: u64 = length.ok_or_else(Error::missing_length)?;
        if bytes > most {
            return Err(Error::too_large());
        }
        let is_other = |name: &str| {
            name.starts_with("x-amz-checksum-") && name != "x-amz-checksum-crc32" || name == "x-amz-trailer"
        };
        if headers.keys().any(|name| is_other(name.as_str())) {
            return Err(Error::not_implemented());
        }
        let (md5, crc32) = (decoded(headers, "content-md5", 16)?, decoded(headers, "x-amz-checksum-crc32", 4)?);
        Ok(Self { bytes, md5, crc32, payload })
    }
}

/// A hash that was sent in base64.
fn decoded(headers: &HeaderMap, name: &str, length: usize) -> Result<Option<Vec<u8>>> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let bytes = BASE64_STANDARD.decode(value.as_bytes()).ok().filter(|bytes| bytes.len() == length);
    let wrong = || Error::bad("InvalidDigest", "The Content-MD5 or checksum value that you specified is not valid.");
    bytes.ok_or_else(wrong).map(Some)
}

/// The hashes of what came so far.
pub(crate) struct Hashes {
    bytes: u64,
    md5: md5::Context,
    crc32: crc32fast::Hasher,
    sha256: Context,
}

impl Hashes {
    pub(crate) fn new() -> Self {
        let (md5, crc32, sha256) = (md5::Context::new(), crc32fast::Hasher::new(), Context::new(&SHA256));
        Self { bytes: 0, md5, crc32, sha256 }
    }

    /// Counts some bytes; refuses those that were not promised.
    pub(crate) fn take(&mut self, data: &[u8], promise: &Promise) -> Result<()> {
        self.bytes += data.len() as u64;
        if self.bytes > promise.bytes {
            return Err(incomplete());
        }
        self.md5.consume(data);
        if promise.crc32.is_some() {
            self.crc32.update(data);
        }
        if promise.payload != Payload::Unsigned {
            self.sha256.update(data);
        }
        Ok(())
    }

    /// The MD5 of everything, if it is what was promised.
    pub(crate) fn keep(self, promise: &Promise) -> Result<[u8; 16]> {
        if self.bytes != promise.bytes {
            return Err(incomplete());
        }
        let md5 = self.md5.compute().0;
        let md5_fits = promise.md5.as_ref().is_none_or(|promised| promised == &md5);
        let crc32_fits = promise.crc32.as_ref().is_none_or(|crc| crc[..] == self.crc32.finalize().to_be_bytes());
        if !md5_fits || !crc32_fits {
            return Err(Error::bad(
                "BadDigest",
                "The Content-MD5 or checksum you specified did not match what we received.",
            ));
        }
        match &promise.payload {
            Payload::Sha256(digits) if *digits != hex(self.sha256.finish().as_ref()) => {
                let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
                Err(Error::bad("XAmzContentSHA256Mismatch", message))
            }
            Payload::Sha256(_) | Payload::Unsigned => Ok(md5),
        }
    }
}

fn incomplete() -> Error {
    Error::bad("IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header")
}

/// The next bytes of a body; none at its end.
pub(crate) async fn next<B>(body: &mut B) -> Result<Option<Bytes>>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Cause>,
{
    loop {
        let silent = |_| {
            let message =
                "Your socket connection to the server was not read from or written to within the timeout period.";
            Error::bad("RequestTimeout", message)
        };
        match tokio::time::timeout(SILENCE, body.frame()).await.map_err(silent)? {
            None => return Ok(None),
            Some(Err(_)) => return Err(incomplete()),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Reads what is left of a body that nobody wants, up to as much as a chunk of a recording, and for a while.
pub(crate) async fn throw_away<B>(body: &mut B)
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Cause>,
{
    let reading = async {
        let mut left = MOST_THROWN_AWAY;
        while let Ok(Some(data)) = next(body).await {
            left = left.saturating_sub(data.len());
            if left == 0 {
                return;
            }
        }
    };
    // Whoever still sends after that is told nothing.
    drop(tokio::time::timeout(SILENCE, reading).await);
}

/// A small body, whole: XML.
pub(crate) async fn small<B>(body: &mut B, promise: &Promise, most: u64) -> Result<Bytes>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Cause>,
{
    if promise.bytes > most {
        return Err(Error::bad("MaxMessageLengthExceeded", "Your request was too large."));
    }
    let (mut hashes, mut whole) = (Hashes::new(), BytesMut::new());
    while let Some(data) = next(body).await? {
        hashes.take(&data, promise)?;
        whole.extend_from_slice(&data);
    }
    hashes.keep(promise)?;
    Ok(whole.freeze())
}
