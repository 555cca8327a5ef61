//! An object store in memory, no better than Amazon S3.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::ports::{
    DownloadUrls, MAX_PARTS, MAX_URL_SECONDS, MIN_PART_BYTES, ObjectFile, ObjectList, ObjectReader, ObjectRemover,
    ObjectWriter, Page, StoredObject, UploadUrls,
};
use domain::{Error, Result, Timestamp};

use crate::lock;

/// The most keys in one page of a list
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>).
const PAGE: usize = 1000;

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// It is refused, and nothing was done.
    Refused,
    /// It is done, and its answer is lost.
    AnswerLost,
}

/// A bucket. Clones are the same bucket.
#[derive(Debug, Clone)]
pub struct FakeBucket(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    objects: BTreeMap<String, FakeObject>,
    uploads: BTreeSet<u64>,
    begun: u64,
    page: usize,
    now: Timestamp,
    /// What happens to the next calls, in order.
    mishaps: VecDeque<Option<Mishap>>,
    calls: Vec<&'static str>,
}

/// An object as it lies in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeObject {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its content type.
    pub content_type: String,
    /// When it was stored, in whole seconds.
    pub stored_at: Timestamp,
}

impl Default for FakeBucket {
    fn default() -> Self {
        let (objects, uploads, mishaps) = (BTreeMap::new(), BTreeSet::new(), VecDeque::new());
        let now = Timestamp::default();
        Self(Arc::new(Mutex::new(State { objects, uploads, begun: 0, page: PAGE, now, mishaps, calls: Vec::new() })))
    }
}

impl FakeBucket {
    /// With pages of a list that have no more than so many keys.
    #[must_use]
    pub fn with_pages_of(self, keys: usize) -> Self {
        lock(&self.0).page = keys.clamp(1, PAGE);
        self
    }

    /// What is stored from now on is stored at that time.
    pub fn set_time(&self, now: Timestamp) {
        lock(&self.0).now = now;
    }

    /// Has the next calls of the ports end like this, one each; those with `None` go well, and so do all after the last one.
    pub fn mishaps(&self, next: impl IntoIterator<Item = Option<Mishap>>) {
        lock(&self.0).mishaps.extend(next);
    }

    /// Stores an object as a browser does by an address.
    pub fn put(&self, key: &str, content_type: &str, bytes: impl Into<Vec<u8>>) {
        lock(&self.0).store(key, content_type, bytes.into());
    }

    /// An object, with its bytes.
    pub fn object(&self, key: &str) -> Option<FakeObject> {
        lock(&self.0).objects.get(key).cloned()
    }

    /// The keys of all objects, in order.
    pub fn keys(&self) -> Vec<String> {
        lock(&self.0).objects.keys().cloned().collect()
    }

    /// Files that were begun and neither finished nor thrown away.
    pub fn open_files(&self) -> usize {
        lock(&self.0).uploads.len()
    }

    /// The calls of the ports so far, by the names of their methods, failed ones included.
    pub fn calls(&self) -> Vec<&'static str> {
        lock(&self.0).calls.clone()
    }

    /// Does something, unless it is not to go well.
    fn attempt<T>(&self, call: &'static str, work: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let mut state = lock(&self.0);
        state.calls.push(call);
        match state.mishaps.pop_front().flatten() {
            None => work(&mut state),
            Some(Mishap::Refused) => Err(Error::Unavailable("SlowDown".into())),
            Some(Mishap::AnswerLost) => {
                work(&mut state)?;
                Err(Error::Unavailable("no answer".into()))
            }
        }
    }
}

impl State {
    fn store(&mut self, key: &str, content_type: &str, bytes: Vec<u8>) {
        let stored_at = Timestamp::from_millis(self.now.seconds() * 1000);
        self.objects.insert(key.to_owned(), FakeObject { bytes, content_type: content_type.to_owned(), stored_at });
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> Page<StoredObject, String> {
        let wanted = |key: &str| key.starts_with(prefix) && after.is_none_or(|after| key > after);
        let mut found = self.objects.iter().filter(|(key, _)| wanted(key));
        let listed = |(key, object): (&String, &FakeObject)| StoredObject {
            key: key.clone(),
            bytes: object.bytes.len() as u64,
            stored_at: object.stored_at,
        };
        let items: Vec<_> = found.by_ref().take(self.page).map(listed).collect();
        let next = found.next().and_then(|_| items.last()).map(|last| last.key.clone());
        Page { items, next }
    }

    fn finish(&mut self, file: &FakeFile) -> Result<()> {
        let last = file.parts.keys().next_back().ok_or_else(|| Error::Internal("MalformedXML".into()))?;
        if file.parts.iter().any(|(number, bytes)| number != last && bytes.len() < MIN_PART_BYTES) {
            return Err(Error::Internal("EntityTooSmall".into()));
        }
        self.end(file.id)?;
        let whole = file.parts.values().flatten().copied().collect();
        self.store(&file.key, &file.content_type, whole);
        Ok(())
    }

    fn end(&mut self, upload: u64) -> Result<()> {
        if self.uploads.remove(&upload) { Ok(()) } else { Err(Error::Internal("NoSuchUpload".into())) }
    }
}

fn url(method: &str, key: &str, detail: &str, valid_for: Duration, now: Timestamp) -> Result<String> {
    if valid_for.as_secs() > MAX_URL_SECONDS {
        return Err(Error::Internal("AuthorizationQueryParametersError".into()));
    }
    Ok(format!("https://objects.test/{key}?method={method}&{detail}&until={}", (now + valid_for).millis()))
}

impl UploadUrls for FakeBucket {
    fn put_url(&self, key: &str, content_type: &str, valid_for: Duration, now: Timestamp) -> Result<String> {
        url("PUT", key, &format!("type={content_type}"), valid_for, now)
    }
}

impl DownloadUrls for FakeBucket {
    fn get_url(&self, key: &str, file_name: &str, valid_for: Duration, now: Timestamp) -> Result<String> {
        url("GET", key, &format!("name={file_name}"), valid_for, now)
    }
}

impl ObjectList for FakeBucket {
    async fn list_objects(&self, prefix: &str, after: Option<&str>) -> Result<Page<StoredObject, String>> {
        self.attempt("list_objects", |state| Ok(state.list(prefix, after)))
    }
}

impl ObjectReader for FakeBucket {
    async fn read_object(&self, key: &str, most: usize) -> Result<Option<Vec<u8>>> {
        self.attempt("read_object", |state| match state.objects.get(key) {
            Some(object) if object.bytes.len() > most => {
                Err(Error::PayloadTooLarge { what: "the object", limit: most })
            }
            found => Ok(found.map(|object| object.bytes.clone())),
        })
    }
}

impl ObjectRemover for FakeBucket {
    async fn remove_objects(&self, keys: &[String]) -> Result<()> {
        self.attempt("remove_objects", |state| {
            state.objects.retain(|key, _| !keys.contains(key));
            Ok(())
        })
    }
}

impl ObjectWriter for FakeBucket {
    type File = FakeFile;

    async fn begin_file(&self, key: &str, content_type: &str) -> Result<FakeFile> {
        self.attempt("begin_file", |state| {
            state.begun += 1;
            let id = state.begun;
            state.uploads.insert(id);
            let (key, content_type) = (key.to_owned(), content_type.to_owned());
            Ok(FakeFile { bucket: self.clone(), id, key, content_type, parts: BTreeMap::new() })
        })
    }
}

/// A file that is being written.
#[derive(Debug)]
pub struct FakeFile {
    bucket: FakeBucket,
    id: u64,
    key: String,
    content_type: String,
    parts: BTreeMap<u16, Vec<u8>>,
}

impl ObjectFile for FakeFile {
    async fn part(&mut self, number: u16, bytes: Vec<u8>) -> Result<()> {
        let parts = &mut self.parts;
        self.bucket.attempt("part", |_| {
            if !(1..=MAX_PARTS).contains(&number) {
                return Err(Error::Internal("InvalidArgument".into()));
            }
            parts.insert(number, bytes);
            Ok(())
        })
    }

    async fn finish(self) -> Result<()> {
        self.bucket.attempt("finish", |state| state.finish(&self))
    }

    async fn abort(self) -> Result<()> {
        self.bucket.attempt("abort", |state| state.end(self.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(count: usize) -> FakeBucket {
        let bucket = FakeBucket::default();
        (0..count).for_each(|n| bucket.put(&format!("chunks/{n:06}"), "video/webm", [1]));
        bucket
    }

    #[tokio::test]
    async fn a_list_comes_in_pages_of_a_thousand_at_most() {
        let bucket = objects(1001);
        let first = bucket.list_objects("chunks/", None).await.unwrap();
        assert_eq!((first.items.len(), first.next.as_deref()), (1000, Some("chunks/000999")));
        let last = bucket.list_objects("chunks/", first.next.as_deref()).await.unwrap();
        assert_eq!((last.items.len(), last.next), (1, None));
        assert!(bucket.list_objects("files/", None).await.unwrap().items.is_empty());
    }

    #[tokio::test]
    async fn only_the_last_part_may_be_small() {
        let bucket = FakeBucket::default();
        let mut file = bucket.begin_file("files/1", "video/mp4").await.unwrap();
        file.part(1, vec![1; MIN_PART_BYTES - 1]).await.unwrap();
        file.part(2, vec![2]).await.unwrap();
        assert!(matches!(file.finish().await, Err(Error::Internal(_))));
        assert_eq!((bucket.open_files(), bucket.object("files/1")), (1, None));

        let mut file = bucket.begin_file("files/1", "video/mp4").await.unwrap();
        file.part(2, vec![2]).await.unwrap();
        file.part(1, vec![1; MIN_PART_BYTES]).await.unwrap();
        file.finish().await.unwrap();
        assert_eq!(bucket.object("files/1").unwrap().bytes.last(), Some(&2));
    }

    #[tokio::test]
    async fn a_call_fails_before_or_after_it_is_done() {
        let bucket = objects(2);
        bucket.mishaps([Some(Mishap::Refused), None, Some(Mishap::AnswerLost)]);
        let (first, second) = (["chunks/000000".to_owned()], ["chunks/000001".to_owned()]);
        assert!(bucket.remove_objects(&first).await.is_err());
        assert_eq!(bucket.keys().len(), 2);
        bucket.remove_objects(&first).await.unwrap();
        assert!(bucket.remove_objects(&second).await.is_err());
        assert!(bucket.keys().is_empty());
        assert_eq!(bucket.calls(), ["remove_objects"; 3]);
    }

    #[tokio::test]
    async fn what_is_too_large_is_not_read() {
        let bucket = objects(1);
        assert_eq!(bucket.read_object("chunks/000000", 1).await.unwrap(), Some(vec![1]));
        assert!(matches!(bucket.read_object("chunks/000000", 0).await, Err(Error::PayloadTooLarge { limit: 0, .. })));
        assert_eq!(bucket.read_object("chunks/1", 1).await.unwrap(), None);
    }
}
