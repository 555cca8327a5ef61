//! Amazon S3 on this machine, as far as recordings need it: one bucket, in memory or in a folder.
//!
//! Objects whole and in parts, lists, ranges, presigned addresses and signed requests, rules for pages of other origins, and expiry. What it
//! does not have it refuses with `NotImplemented`; every other answer has the code that S3 gives.

mod cors;
mod error;
mod lifecycle;
mod operations;
mod receive;
mod send;
mod signature;
mod store;
mod target;
#[cfg(test)]
mod tests;
mod xml;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use domain::Clock;
use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, EXPECT, HOST, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use tokio::sync::Semaphore;
use uuid::Uuid;

pub use cors::Cors;
pub use lifecycle::{Expiration, Lifecycle};
pub use signature::Keys;

use error::Error;
use receive::Cause;
use store::{Place, Store};
use xml::ErrorDocument;

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// As many requests are answered at once; more are asked to slow down.
const AT_ONCE: usize = 128;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");

/// Where objects are.
#[derive(Debug, Clone)]
pub enum Keeping {
    /// In memory, up to so many bytes.
    Memory(u64),
    /// In a folder, which is made if it is not there; so many bytes of its disk stay free for others.
    Folder(PathBuf, u64),
}

/// What a bucket is like.
pub struct Settings {
    /// Its name.
    pub bucket: String,
    /// Where its objects are.
    pub keeping: Keeping,
    /// Whose signature is believed.
    pub keys: Keys,
    /// Which pages may reach it.
    pub cors: Cors,
    /// What expires.
    pub lifecycle: Lifecycle,
    /// What one request by a presigned address stores at most, in bytes. Amazon S3 has no such bound but that of all requests.
    pub most_presigned: u64,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// S3 with one bucket. Clones are the same.
#[derive(Clone)]
pub struct S3(Arc<Inner>);

pub(crate) struct Inner {
    bucket: String,
    keys: Keys,
    cors: Cors,
    lifecycle: Lifecycle,
    most_presigned: u64,
    clock: Arc<dyn Clock>,
    store: Store,
    slots: Semaphore,
}

impl S3 {
    /// With what is there already.
    ///
    /// # Errors
    /// The folder cannot be used, or another process has it open.
    pub async fn open(settings: Settings) -> io::Result<Self> {
        let place = match &settings.keeping {
            Keeping::Memory(most) => Place::memory(*most),
            Keeping::Folder(root, reserve) => store::folder(root, *reserve)?,
        };
        Self::in_place(place, settings).await
    }

    async fn in_place(place: Place, settings: Settings) -> io::Result<Self> {
        let (store, slots) = (Store::open(place).await?, Semaphore::new(AT_ONCE));
        let Settings { bucket, keeping: _, keys, cors, lifecycle, most_presigned, clock } = settings;
        Ok(Self(Arc::new(Inner { bucket, keys, cors, lifecycle, most_presigned, clock, store, slots })))
    }

    /// Whether a path is the bucket's, or below it.
    pub fn has(&self, path: &str) -> bool {
        let below = path.strip_prefix('/').and_then(|path| path.strip_prefix(self.0.bucket.as_str()));
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Answers a request.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: hyper::body::Body<Data = Bytes> + Unpin,
        B::Error: Into<Cause>,
    {
        let (mut parts, mut body) = request.into_parts();
        // The name of the host is signed. A client inside this process has it in the address alone.
        if let (false, Some(host)) = (parts.headers.contains_key(HOST), parts.uri.authority()) {
            parts.headers.extend(HeaderValue::from_str(host.as_str()).ok().map(|host| (HOST, host)));
        }
        let request_id = Uuid::new_v4().simple().to_string();
        let answered = match self.0.slots.try_acquire() {
            Ok(_slot) => operations::answer(&self.0, &parts, &mut body).await,
            Err(_) => Err(Error::slow_down()),
        };
        // A client that still sends would not read a refusal, unless it waits to send.
        if answered.is_err() && !parts.headers.contains_key(EXPECT) {
            receive::throw_away(&mut body).await;
        }
        let mut response =
            answered.unwrap_or_else(|error| refusal(&error, &parts.method, parts.uri.path(), &request_id));
        let headers = response.headers_mut();
        if parts.method != Method::OPTIONS {
            self.0.cors.allow(&parts.headers, parts.method.as_str(), headers);
        }
        headers.extend(HeaderValue::from_str(&request_id).ok().map(|id| (REQUEST_ID, id)));
        // Whatever somebody stored, a browser makes no page of this origin of it.
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
        tracing::debug!(
            http.method = %parts.method,
            http.path = parts.uri.path(),
            http.status = response.status().as_u16(),
            request.id = request_id,
            "request to the object store answered"
        );
        response
    }

    /// Lets another have the folder. Call it when nothing is asked any more.
    pub fn close(&self) {
        self.0.store.place.close();
    }

    /// Removes what has expired; asked for now and then, as often as one likes.
    pub async fn expire(&self) {
        lifecycle::expire(&self.0).await;
    }
}

fn refusal(error: &Error, method: &Method, path: &str, request_id: &str) -> Response<Body> {
    let document = ErrorDocument { code: error.code, message: &error.message, resource: path, request_id };
    let body = xml::document("Error", &document).unwrap_or_default();
    let mut response = Response::new(if method == Method::HEAD { send::empty() } else { send::filled(body) });
    *response.status_mut() = error.status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}
