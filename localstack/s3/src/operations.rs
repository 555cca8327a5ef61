//! What can be asked of the bucket and of its objects.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::body::Body as HttpBody;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::receive::{self, Cause, Hashes, Promise};
use crate::send::{self, kept_headers};
use crate::signature::{Payload, SIGNATURE, hex};
use crate::store::{Draft, Facts, Plan};
use crate::target::{Query, Target, url_encoded};
use crate::xml::{self, XMLNS};
use crate::{Body, Inner};

/// The most keys that a list has, and that one request removes.
const PAGE: usize = 1000;
/// The smallest part but for the last.
const MIN_PART: u64 = 5 * 1024 * 1024;
const MAX_PART_NUMBER: u16 = 10_000;
/// The XML of 10,000 parts, or of 1,000 keys.
const MOST_XML: u64 = 4 * 1024 * 1024;

/// A request whose signer is known.
struct Asked<'a, B> {
    bucket: &'a Inner,
    headers: &'a HeaderMap,
    query: &'a Query,
    payload: Payload,
    /// What its body may have, in bytes.
    most: u64,
    body: &'a mut B,
}

pub(crate) async fn answer<B>(bucket: &Inner, parts: &Parts, body: &mut B) -> Result<Response<Body>>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<Cause>,
{
    let target = Target::parse(&parts.uri)?;
    if target.bucket != bucket.bucket {
        return Err(Error::no_such_bucket());
    }
    if parts.method == Method::OPTIONS {
        let mut response = Response::new(send::empty());
        *response.headers_mut() = bucket.cors.preflight(&parts.headers)?;
        return Ok(response);
    }
    let payload = bucket.keys.check(parts, &target.query, bucket.clock.now())?;
    if target.query.is_strange() || asks_for_more(&parts.headers) {
        return Err(Error::not_implemented());
    }
    let most = if target.query.get(SIGNATURE).is_some() { bucket.most_presigned } else { receive::MOST };
    let asked = Asked { bucket, headers: &parts.headers, query: &target.query, payload, most, body };
    match &target.key {
        None => asked.of_bucket(&parts.method).await,
        Some(key) => asked.of_object(&parts.method, key).await,
    }
}

/// Whether a header changes what a request does in a way that is not here.
fn asks_for_more(headers: &HeaderMap) -> bool {
    let known = [
        "x-amz-date",
        "x-amz-content-sha256",
        "x-amz-checksum-crc32",
        "x-amz-sdk-checksum-algorithm",
        "x-amz-user-agent",
        "x-amz-checksum-mode",
    ];
    let is_strange = |name: &str| {
        name.starts_with("x-amz-")
            && !name.starts_with("x-amz-meta-")
            && !name.starts_with("x-amz-checksum-")
            && !known.contains(&name)
    };
    headers.keys().any(|name| is_strange(name.as_str()))
}

impl<B> Asked<'_, B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<Cause>,
{
    async fn of_bucket(self, method: &Method) -> Result<Response<Body>> {
        match *method {
            Method::HEAD => Ok(Response::new(send::empty())),
            Method::GET if self.query.get("list-type") == Some("2") => self.list(),
            Method::GET => Err(Error::not_implemented()),
            Method::POST if self.query.get("delete").is_some() => self.delete_many().await,
            _ => Err(Error::method()),
        }
    }

    async fn of_object(self, method: &Method, key: &str) -> Result<Response<Body>> {
        let upload = self.query.get("uploadId").map(str::to_owned);
        match (method.as_str(), upload) {
            ("GET", Some(upload)) => self.list_parts(key, &upload),
            ("GET" | "HEAD", None) => {
                let object = self.bucket.store.object(key)?;
                send::object(&object, self.headers, self.query, method == Method::GET).await
            }
            ("PUT", Some(upload)) => self.put_part(key, &upload).await,
            ("PUT", None) => self.put(key).await,
            ("POST", Some(upload)) => self.complete(key, &upload).await,
            ("POST", None) if self.query.get("uploads").is_some() => self.begin(key).await,
            ("DELETE", Some(upload)) => {
                self.bucket.store.abort(&upload, key).await?;
                Ok(no_content())
            }
            ("DELETE", None) => {
                self.bucket.store.remove(key).await?;
                Ok(no_content())
            }
            _ => Err(Error::method()),
        }
    }

    /// Takes the whole body in.
    async fn received(self) -> Result<(Draft, [u8; 16])> {
        let promise = Promise::of(self.headers, self.payload, self.most)?;
        let (mut draft, mut hashes) = (self.bucket.store.place.draft(promise.bytes).await?, Hashes::new());
        while let Some(data) = receive::next(self.body).await? {
            hashes.take(&data, &promise)?;
            draft.write(&data).await?;
        }
        Ok((draft, hashes.keep(&promise)?))
    }

    async fn put(self, key: &str) -> Result<Response<Body>> {
        if self.headers.contains_key("if-match") || self.headers.contains_key("if-none-match") {
            return Err(Error::not_implemented());
        }
        let (bucket, headers) = (self.bucket, kept_headers(self.headers));
        let (draft, md5) = self.received().await?;
        let etag = hex(&md5);
        let (key, bytes, stored_at_millis) = (key.to_owned(), draft.bytes(), bucket.now_millis());
        bucket.store.keep(draft, Facts { key, bytes, etag: etag.clone(), stored_at_millis, headers }).await?;
        Ok(tagged(&etag))
    }

    async fn begin(self, key: &str) -> Result<Response<Body>> {
        let upload_id = Uuid::new_v4().simple().to_string();
        let (key, begun_at_millis) = (key.to_owned(), self.bucket.now_millis());
        let plan = Plan { key: key.clone(), begun_at_millis, headers: kept_headers(self.headers) };
        self.bucket.store.begin(&upload_id, plan).await?;
        let bucket = self.bucket.bucket.clone();
        let result = xml::InitiateMultipartUploadResult { xmlns: XMLNS, bucket, key, upload_id };
        document("InitiateMultipartUploadResult", &result)
    }

    async fn put_part(self, key: &str, upload: &str) -> Result<Response<Body>> {
        let number = self.query.get("partNumber").and_then(|text| text.parse().ok());
        let number = number
            .filter(|number| (1..=MAX_PART_NUMBER).contains(number))
            .ok_or_else(|| Error::argument("Part number must be an integer between 1 and 10000, inclusive"))?;
        let bucket = self.bucket;
        bucket.store.parts(upload, key)?;
        let (draft, md5) = self.received().await?;
        bucket.store.keep_part(upload, key, number, draft, md5).await?;
        Ok(tagged(&hex(&md5)))
    }

    fn list_parts(&self, key: &str, upload: &str) -> Result<Response<Body>> {
        let (_, parts) = self.bucket.store.parts(upload, key)?;
        let listed = parts.iter().map(|(number, part)| xml::ListedPart {
            part_number: *number,
            etag: format!("\"{}\"", part.etag()),
            size: part.bytes,
        });
        let result = xml::ListPartsResult {
            xmlns: XMLNS,
            bucket: self.bucket.bucket.clone(),
            key: key.to_owned(),
            upload_id: upload.to_owned(),
            is_truncated: false,
            parts: listed.collect(),
        };
        document("ListPartsResult", &result)
    }

    async fn complete(self, key: &str, upload: &str) -> Result<Response<Body>> {
        let bucket = self.bucket;
        let (plan, parts) = bucket.store.parts(upload, key)?;
        let promise = Promise::of(self.headers, self.payload, self.most)?;
        let body = receive::small(self.body, &promise, MOST_XML).await?;
        let named = xml::read::<xml::CompleteMultipartUpload>(&body)?.parts;
        let (Some(last), true) = (named.last(), named.is_sorted_by(|one, other| one.part_number < other.part_number))
        else {
            return Err(wrong_order(named.is_empty()));
        };
        let (mut chosen, mut md5s) = (Vec::new(), Vec::new());
        for name in &named {
            let part = parts.get(&name.part_number).filter(|part| part.etag() == name.etag.trim_matches('"'));
            let part = part.ok_or_else(|| {
                let message = "One or more of the specified parts could not be found. The part may not have been uploaded, or \
                               the specified entity tag may not match the part's entity tag.";
                Error::bad("InvalidPart", message)
            })?;
            if part.bytes < MIN_PART && name.part_number != last.part_number {
                let message = "Your proposed upload is smaller than the minimum allowed size";
                return Err(Error::bad("EntityTooSmall", message));
            }
            chosen.push(part);
            md5s.extend_from_slice(&part.md5);
        }
        let mut draft = bucket.store.place.draft(chosen.iter().map(|part| part.bytes).sum()).await?;
        for part in &chosen {
            draft.append(&part.blob).await?;
        }
        let etag = format!("{:x}-{}", md5::compute(&md5s), chosen.len());
        let (bytes, stored_at_millis) = (draft.bytes(), bucket.now_millis());
        let facts = Facts { key: plan.key, bytes, etag: etag.clone(), stored_at_millis, headers: plan.headers };
        bucket.store.keep(draft, facts).await?;
        // What is left of it, if the process ends here, goes away as every upload that is never finished.
        match bucket.store.abort(upload, key).await {
            Ok(()) => {}
            Err(error) => tracing::warn!(code = error.code, "the parts of a complete upload were not removed"),
        }
        let result = xml::CompleteMultipartUploadResult {
            xmlns: XMLNS,
            location: format!("/{}/{}", bucket.bucket, url_encoded(key)),
            bucket: bucket.bucket.clone(),
            key: key.to_owned(),
            etag: format!("\"{etag}\""),
        };
        document("CompleteMultipartUploadResult", &result)
    }

    async fn delete_many(self) -> Result<Response<Body>> {
        if !["content-md5", "x-amz-checksum-crc32"].iter().any(|name| self.headers.contains_key(*name)) {
            return Err(Error::bad(
                "InvalidRequest",
                "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
            ));
        }
        let bucket = self.bucket;
        let promise = Promise::of(self.headers, self.payload, self.most)?;
        let body = receive::small(self.body, &promise, MOST_XML).await?;
        let delete: xml::Delete = xml::read(&body)?;
        if delete.objects.is_empty() || delete.objects.len() > PAGE {
            return Err(Error::xml());
        }
        for object in &delete.objects {
            bucket.store.remove(&object.key).await?;
        }
        let deleted = if delete.quiet { Vec::new() } else { delete.objects };
        document("DeleteResult", &xml::DeleteResult { xmlns: XMLNS, deleted })
    }

    fn list(&self) -> Result<Response<Body>> {
        let asked = |name: &str| self.query.get(name).filter(|value| !value.is_empty());
        let wrong = || Error::argument("Provided max-keys not an integer or within integer range");
        let max_keys = asked("max-keys").map_or(Ok(PAGE), |text| text.parse().map_err(|_| wrong()))?.min(PAGE);
        let token = asked("continuation-token").map(token_key).transpose()?;
        let (prefix, delimiter) = (asked("prefix").unwrap_or_default(), asked("delimiter"));
        let after = token.as_deref().or(asked("start-after"));
        let page = Listing { prefix, delimiter, max_keys }.page(self.bucket, after);
        let is_encoded = asked("encoding-type") == Some("url");
        let written = |text: &str| if is_encoded { url_encoded(text) } else { text.to_owned() };
        let result = xml::ListBucketResult {
            xmlns: XMLNS,
            name: self.bucket.bucket.clone(),
            prefix: written(prefix),
            delimiter: delimiter.map(written),
            start_after: asked("start-after").map(written),
            encoding_type: is_encoded.then_some("url"),
            key_count: page.objects.len() + page.prefixes.len(),
            max_keys,
            is_truncated: page.next.is_some(),
            next_continuation_token: page.next.as_deref().map(|key| hex(key.as_bytes())),
            contents: page
                .objects
                .into_iter()
                .map(|facts| xml::Contents { key: written(&facts.key), ..contents(&facts) })
                .collect(),
            common_prefixes: page.prefixes.iter().map(|prefix| xml::CommonPrefix { prefix: written(prefix) }).collect(),
        };
        document("ListBucketResult", &result)
    }
}

/// What a list is of.
struct Listing<'a> {
    prefix: &'a str,
    delimiter: Option<&'a str>,
    max_keys: usize,
}

/// A page of it.
#[derive(Default)]
struct Listed {
    objects: Vec<Facts>,
    prefixes: BTreeSet<String>,
    /// The key, or the common prefix, after which the next page begins.
    next: Option<String>,
}

impl Listing<'_> {
    fn page(&self, bucket: &Inner, after: Option<&str>) -> Listed {
        let mut listed = Listed::default();
        let mut last = after.map(str::to_owned);
        loop {
            let some = bucket.store.list(self.prefix, last.as_deref(), PAGE + 1);
            let is_end = some.len() <= PAGE;
            for object in some {
                let facts = &object.facts;
                last = Some(facts.key.clone());
                let common = self.common_prefix(&facts.key);
                // Told already, or on the page before.
                let is_told = |common: &String| {
                    listed.prefixes.contains(common) || after.is_some_and(|after| after.starts_with(common.as_str()))
                };
                if common.as_ref().is_some_and(is_told) {
                    continue;
                }
                if listed.objects.len() + listed.prefixes.len() == self.max_keys {
                    let told = listed.objects.last().map(|facts| facts.key.clone());
                    listed.next = told.max(listed.prefixes.last().cloned());
                    return listed;
                }
                match common {
                    Some(common) => drop(listed.prefixes.insert(common)),
                    None => listed.objects.push(facts.clone()),
                }
            }
            if is_end {
                return listed;
            }
        }
    }

    fn common_prefix(&self, key: &str) -> Option<String> {
        let (delimiter, rest) = (self.delimiter?, key.strip_prefix(self.prefix)?);
        rest.find(delimiter).map(|at| key[..self.prefix.len() + at + delimiter.len()].to_owned())
    }
}

fn contents(facts: &Facts) -> xml::Contents {
    xml::Contents {
        key: facts.key.clone(),
        last_modified: xml::iso(facts.stored_at()),
        etag: format!("\"{}\"", facts.etag),
        size: facts.bytes,
        storage_class: "STANDARD",
    }
}

/// The key that a token stands for.
fn token_key(token: &str) -> Result<String> {
    let wrong = || Error::argument("The continuation token provided is incorrect");
    let digits = token
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()));
    let bytes = digits.collect::<Option<Vec<_>>>().ok_or_else(wrong)?;
    String::from_utf8(bytes).map_err(|_| wrong())
}

fn wrong_order(is_empty: bool) -> Error {
    if is_empty {
        return Error::xml();
    }
    let message =
        "The list of parts was not in ascending order. The parts list must be specified in order by part number.";
    Error::bad("InvalidPartOrder", message)
}

fn no_content() -> Response<Body> {
    let mut response = Response::new(send::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn tagged(etag: &str) -> Response<Body> {
    let mut response = Response::new(send::empty());
    response.headers_mut().extend(HeaderValue::try_from(format!("\"{etag}\"")).ok().map(|tag| (ETAG, tag)));
    response
}

fn document(name: &str, value: &impl serde::Serialize) -> Result<Response<Body>> {
    let mut response = Response::new(send::filled(xml::document(name, value)?));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    Ok(response)
}

impl Inner {
    fn now_millis(&self) -> u64 {
        // Whole seconds, as S3 tells them.
        self.clock.now().seconds() * 1000
    }
}
