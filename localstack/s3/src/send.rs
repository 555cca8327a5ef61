//! An object on its way out: conditions, ranges, headers, and its bytes in pieces.

use std::io::{self, SeekFrom};
use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::try_unfold;
use http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_MATCH, IF_NONE_MATCH, LAST_MODIFIED, RANGE,
};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::Body;
use crate::error::{Error, Result};
use crate::store::{Blob, Facts, Object};
use crate::target::Query;
use crate::xml::http_date;

/// As much of a file as is in memory at once.
const PIECE: u64 = 256 * 1024;

/// Headers of an answer that whoever signed the request may choose.
const CHOSEN: [(&str, &str); 6] = [
    ("response-cache-control", "cache-control"),
    ("response-content-disposition", "content-disposition"),
    ("response-content-encoding", "content-encoding"),
    ("response-content-language", "content-language"),
    ("response-content-type", "content-type"),
    ("response-expires", "expires"),
];

/// Headers of an object that are kept with it, besides `x-amz-meta-*`.
const KEPT: [&str; 5] =
    ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type"];

/// What of a request's headers is kept with an object.
pub(crate) fn kept_headers(headers: &HeaderMap) -> std::collections::BTreeMap<String, String> {
    let is_kept = |name: &str| KEPT.contains(&name) || name.starts_with("x-amz-meta-");
    let kept = headers.iter().filter(|(name, _)| is_kept(name.as_str()));
    kept.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect()
}

/// The answer to a question for an object; `whole` has its bytes.
pub(crate) async fn object(object: &Object, headers: &HeaderMap, query: &Query, whole: bool) -> Result<Response<Body>> {
    let facts = &object.facts;
    let mut response = Response::new(empty());
    describe(facts, query, response.headers_mut());
    match condition(facts, headers) {
        Condition::Holds => {}
        Condition::Unchanged => {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(response);
        }
        Condition::Fails => return Err(Error::precondition()),
    }
    let range = match text(headers, &RANGE).and_then(|range| range_of(range, facts.bytes)) {
        None => 0..facts.bytes,
        Some(None) => return Err(Error::range()),
        Some(Some(range)) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let told = format!("bytes {}-{}/{}", range.start, range.end - 1, facts.bytes);
            response.headers_mut().extend(HeaderValue::try_from(told).ok().map(|told| (CONTENT_RANGE, told)));
            range
        }
    };
    response.headers_mut().insert(CONTENT_LENGTH, (range.end - range.start).into());
    if whole {
        *response.body_mut() = bytes(&object.blob, range).await?;
    }
    Ok(response)
}

fn describe(facts: &Facts, query: &Query, answer: &mut HeaderMap) {
    let chosen = CHOSEN.into_iter().filter_map(|(parameter, name)| Some((name, query.get(parameter)?)));
    let own = facts.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let plain = [("content-type", "binary/octet-stream"), ("content-disposition", "attachment")];
    // The last one of a name counts.
    for (name, value) in plain.into_iter().chain(own).chain(chosen) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            answer.insert(name, value);
        }
    }
    answer.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    for (name, value) in [(ETAG, format!("\"{}\"", facts.etag)), (LAST_MODIFIED, http_date(facts.stored_at()))] {
        answer.extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
    }
    debug_assert!(answer.contains_key(CONTENT_DISPOSITION));
}

enum Condition {
    Holds,
    Unchanged,
    Fails,
}

fn condition(facts: &Facts, headers: &HeaderMap) -> Condition {
    let names = |header: &HeaderName| {
        let mut tags = text(headers, header)?.split(',').map(|tag| tag.trim().trim_matches('"'));
        Some(tags.any(|tag| tag == "*" || tag == facts.etag))
    };
    match (names(&IF_MATCH), names(&IF_NONE_MATCH)) {
        (Some(false), _) => Condition::Fails,
        (_, Some(true)) => Condition::Unchanged,
        (Some(true) | None, Some(false) | None) => Condition::Holds,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The range that a header asks for ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2)): none if it is not one that S3
/// reads, such as one of several; inside, none if there are no such bytes.
fn range_of(header: &str, bytes: u64) -> Option<Option<Range<u64>>> {
    let (first, last) = header.trim().strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first, last) {
        ("", last) => bytes.saturating_sub(last.parse().ok()?)..bytes,
        (first, "") => first.parse().ok()?..bytes,
        (first, last) => {
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            if first > last {
                return None;
            }
            first..last.saturating_add(1).min(bytes)
        }
    };
    Some((range.start < range.end).then_some(range))
}

pub(crate) fn empty() -> Body {
    filled(Bytes::new())
}

pub(crate) fn filled(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

async fn bytes(blob: &Blob, range: Range<u64>) -> Result<Body> {
    let path = match blob {
        Blob::Memory(held) => {
            let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(held.bytes.len());
            return Ok(filled(held.bytes.slice(at(range.start)..at(range.end))));
        }
        Blob::File(path) => path,
    };
    let mut file = File::open(path).await.map_err(|error| match error.kind() {
        // Removed since it was found.
        io::ErrorKind::NotFound => Error::no_such_key(),
        _ => error.into(),
    })?;
    file.seek(SeekFrom::Start(range.start)).await?;
    let pieces = try_unfold((file, range.end - range.start), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut piece = vec![0; usize::try_from(left.min(PIECE)).unwrap_or_default()];
        file.read_exact(&mut piece).await?;
        let left = left - piece.len() as u64;
        Ok::<_, io::Error>(Some((Frame::data(Bytes::from(piece)), (file, left))))
    });
    Ok(StreamBody::new(pieces).boxed_unsync())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_s3_reads_it() {
        for (header, expected) in [
            ("bytes=0-3", Some(Some(0..4))),
            ("bytes=4-", Some(Some(4..10))),
            ("bytes=-3", Some(Some(7..10))),
            ("bytes=-30", Some(Some(0..10))),
            ("bytes=8-99", Some(Some(8..10))),
            ("bytes=10-", Some(None)),
            ("bytes=-0", Some(None)),
            ("bytes=3-2", None),
            ("bytes=0-1,3-4", None),
            ("lines=0-1", None),
            ("bytes=a-b", None),
            ("bytes=18446744073709551615-", Some(None)),
        ] {
            assert_eq!(range_of(header, 10), expected, "{header}");
        }
    }
}
