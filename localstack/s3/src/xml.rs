//! The XML of requests and answers
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>).

use domain::Timestamp;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::error::{Error, Result};

const ISO: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].000Z");
const HTTP: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

#[derive(Debug, Deserialize)]
pub(crate) struct CompleteMultipartUpload {
    #[serde(rename = "Part", default)]
    pub(crate) parts: Vec<NamedPart>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NamedPart {
    pub(crate) part_number: u16,
    #[serde(rename = "ETag")]
    pub(crate) etag: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Delete {
    #[serde(rename = "Object", default)]
    pub(crate) objects: Vec<Named>,
    #[serde(default)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Named {
    pub(crate) key: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ErrorDocument<'a> {
    pub(crate) code: &'a str,
    pub(crate) message: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) request_id: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename = "ListBucketResult", rename_all = "PascalCase")]
pub(crate) struct ListBucketResult {
    #[serde(rename = "@xmlns")]
    pub(crate) xmlns: &'static str,
    pub(crate) name: String,
    pub(crate) prefix: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delimiter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encoding_type: Option<&'static str>,
    pub(crate) key_count: usize,
    pub(crate) max_keys: usize,
    pub(crate) is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_continuation_token: Option<String>,
    pub(crate) contents: Vec<Contents>,
    pub(crate) common_prefixes: Vec<CommonPrefix>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Contents {
    pub(crate) key: String,
    pub(crate) last_modified: String,
    #[serde(rename = "ETag")]
    pub(crate) etag: String,
    pub(crate) size: u64,
    pub(crate) storage_class: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CommonPrefix {
    pub(crate) prefix: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InitiateMultipartUploadResult {
    #[serde(rename = "@xmlns")]
    pub(crate) xmlns: &'static str,
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) upload_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CompleteMultipartUploadResult {
    #[serde(rename = "@xmlns")]
    pub(crate) xmlns: &'static str,
    pub(crate) location: String,
    pub(crate) bucket: String,
    pub(crate) key: String,
    #[serde(rename = "ETag")]
    pub(crate) etag: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListPartsResult {
    #[serde(rename = "@xmlns")]
    pub(crate) xmlns: &'static str,
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) upload_id: String,
    pub(crate) is_truncated: bool,
    #[serde(rename = "Part")]
    pub(crate) parts: Vec<ListedPart>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListedPart {
    pub(crate) part_number: u16,
    #[serde(rename = "ETag")]
    pub(crate) etag: String,
    pub(crate) size: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct DeleteResult {
    #[serde(rename = "@xmlns")]
    pub(crate) xmlns: &'static str,
    #[serde(rename = "Deleted")]
    pub(crate) deleted: Vec<Named>,
}

pub(crate) const XMLNS: &str = NAMESPACE;

/// A document of that name.
pub(crate) fn document(name: &str, value: &impl Serialize) -> Result<String> {
    let body = quick_xml::se::to_string_with_root(name, value).map_err(|_| Error::xml())?;
    Ok(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}"))
}

/// A document of a request.
pub(crate) fn read<'de, T: Deserialize<'de>>(text: &'de [u8]) -> Result<T> {
    let text = std::str::from_utf8(text).map_err(|_| Error::xml())?;
    quick_xml::de::from_str(text).map_err(|_| Error::xml())
}

/// As lists have times.
pub(crate) fn iso(at: Timestamp) -> String {
    written(at, ISO)
}

/// As headers have times ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7)).
pub(crate) fn http_date(at: Timestamp) -> String {
    written(at, HTTP)
}

fn written(at: Timestamp, format: &[BorrowedFormatItem<'_>]) -> String {
    let seconds = i64::try_from(at.seconds()).unwrap_or(i64::MAX);
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(format).expect("a UTC time has every component of these formats")
}
