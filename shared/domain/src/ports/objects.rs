//! What recordings need of the object store.

use std::time::Duration;

use super::Page;
use crate::{Result, Timestamp};

/// The smallest part of a file of several, in bytes; the last one may be smaller
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
pub const MIN_PART_BYTES: usize = 5 * 1024 * 1024;

/// The most parts of one file (same source).
pub const MAX_PARTS: u16 = 10_000;

/// The longest that a presigned address is good, in seconds: 7 days
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html>). On AWS it also ends with the credentials of the
/// function that made it, so that only the next hour is sure.
pub const MAX_URL_SECONDS: u64 = 7 * 24 * 60 * 60;

/// An object without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Its key.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// When it was stored last, in whole seconds.
    pub stored_at: Timestamp,
}

/// Addresses by which a browser stores one object, without the functions. Making one asks nobody.
pub trait UploadUrls {
    /// Where that object can be `PUT` with exactly that content type, from `now` on for that long, as often as one likes. The size cannot
    /// be limited.
    ///
    /// # Errors
    /// `internal` where a time is longer than [`MAX_URL_SECONDS`]; `not_found` where nothing is recorded here.
    fn put_url(&self, key: &str, content_type: &str, valid_for: Duration, now: Timestamp) -> Result<String>;
}

/// Addresses by which a browser fetches one object, whole or by ranges. Making one asks nobody.
pub trait DownloadUrls {
    /// Where that object can be fetched, from `now` on for that long; a browser that is led there saves it under that name.
    ///
    /// # Errors
    /// As for [`UploadUrls::put_url`].
    fn get_url(&self, key: &str, file_name: &str, valid_for: Duration, now: Timestamp) -> Result<String>;
}

/// What is there.
pub trait ObjectList {
    /// Objects whose keys begin with `prefix` and come after `after`, ordered by the bytes of their keys; at most 1,000 in one page.
    /// What was stored before the question is in the answer. The next page begins after the key that is given.
    fn list_objects(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Future<Output = Result<Page<StoredObject, String>>> + Send;
}

/// The bytes of an object.
pub trait ObjectReader {
    /// All of them; none if there is no such object.
    ///
    /// # Errors
    /// `payload_too_large` if there are more than `most`: whoever holds an address can store anything there, at any time until it ends.
    fn read_object(&self, key: &str, most: usize) -> impl Future<Output = Result<Option<Vec<u8>>>> + Send;
}

/// Removal.
pub trait ObjectRemover {
    /// Removes any number of objects. One that is not there is as good as removed.
    ///
    /// # Errors
    /// `unavailable` if one of them may still be there: try all of them again.
    fn remove_objects(&self, keys: &[String]) -> impl Future<Output = Result<()>> + Send;
}

/// Files that are written in parts.
pub trait ObjectWriter {
    /// One that has begun.
    type File: ObjectFile;

    /// Begins a file. Nobody sees it before it is finished; one that never is goes away after a day.
    fn begin_file(&self, key: &str, content_type: &str) -> impl Future<Output = Result<Self::File>> + Send;
}

/// A file that is being written.
pub trait ObjectFile: Send {
    /// Stores one part, `number` from 1 to [`MAX_PARTS`], in any order; the same number again replaces what was there. Parts are put
    /// together by their numbers, which may have holes. All but the one with the highest number have at least [`MIN_PART_BYTES`].
    fn part(&mut self, number: u16, bytes: Vec<u8>) -> impl Future<Output = Result<()>> + Send;

    /// Makes the parts the object, in place of one that had its key.
    ///
    /// # Errors
    /// `internal` without any part, or with one that is too small.
    fn finish(self) -> impl Future<Output = Result<()>> + Send;

    /// Throws everything away.
    fn abort(self) -> impl Future<Output = Result<()>> + Send;
}
