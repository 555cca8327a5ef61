//! What is asked of S3 and made of its answers, with a connector that answers from a list.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::http::HttpResponse;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use domain::ports::{ObjectFile, ObjectList, ObjectReader, ObjectRemover, ObjectWriter, StoredObject};
use domain::{Error, Timestamp};

use crate::Bucket;

/// A request, as far as these tests look at it.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    line: String,
    body: String,
}

/// S3 with answers that stand ready; 503 when there are no more.
#[derive(Debug, Clone, Default)]
struct Fake {
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl HttpConnector for Fake {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        lock(&self.asked).push(Asked { line: format!("{} {}", request.method(), request.uri()), body });
        let slow = || (503, "<Error><Code>SlowDown</Code></Error>".to_owned());
        let (status, body) = lock(&self.answers).pop_front().unwrap_or_else(slow);
        let mut response = HttpResponse::new(status.try_into().expect("a status"), body.clone().into());
        response.headers_mut().insert("content-length", body.len().to_string());
        response.headers_mut().insert("etag", "\"a-tag\"");
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl Fake {
    fn answering<const N: usize>(answers: [(u16, &str); N]) -> Self {
        let answers = answers.map(|(status, body)| (status, body.to_owned())).into();
        Self { answers: Arc::new(Mutex::new(answers)), asked: Arc::default() }
    }

    fn bucket(&self) -> Bucket {
        let config = testkit::answered_by(self.clone()).build();
        Bucket::new(&config, "recordings")
    }

    fn lines(&self) -> Vec<String> {
        lock(&self.asked).iter().map(|asked| asked.line.clone()).collect()
    }
}

const AT: &str = "https://recordings.s3.eu-central-1.amazonaws.com";

#[tokio::test]
async fn a_page_of_a_list_says_where_the_next_begins() {
    let page = "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>chunks/1</Key>\
                <LastModified>2026-11-22T12:00:00.000Z</LastModified><Size>7</Size></Contents></ListBucketResult>";
    let last = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
    let fake = Fake::answering([(200, page), (200, last)]);
    let listed = fake.bucket().list_objects("chunks/", Some("chunks/0")).await.expect("a page");
    let stored_at = Timestamp::from_millis(1_795_348_800_000);
    assert_eq!(listed.items, [StoredObject { key: "chunks/1".to_owned(), bytes: 7, stored_at }]);
    assert_eq!(listed.next.as_deref(), Some("chunks/1"));
    let listed = fake.bucket().list_objects("chunks/", None).await.expect("a page");
    assert_eq!((listed.items.len(), listed.next), (0, None));
    assert!(fake.lines()[0].contains("start-after=chunks%2F0"), "{:?}", fake.lines());
}

#[tokio::test]
async fn an_object_is_read_unless_it_is_not_there_or_too_large() {
    let absent = "<Error><Code>NoSuchKey</Code></Error>";
    let fake = Fake::answering([(200, "four"), (404, absent), (200, "fives")]);
    let bucket = fake.bucket();
    assert_eq!(bucket.read_object("a", 4).await.expect("read"), Some(b"four".to_vec()));
    assert_eq!(bucket.read_object("a", 4).await.expect("read"), None);
    assert!(matches!(bucket.read_object("a", 4).await, Err(Error::PayloadTooLarge { limit: 4, .. })));
}

#[tokio::test]
async fn what_could_not_be_removed_is_told_and_many_go_in_several_requests() {
    let kept = "<DeleteResult><Error><Key>a</Key><Code>InternalError</Code></Error></DeleteResult>";
    let fake = Fake::answering([(200, kept)]);
    let removed = fake.bucket().remove_objects(&["a".to_owned()]).await;
    assert!(matches!(removed, Err(Error::Unavailable(_))), "{removed:?}");

    let fake = Fake::answering([(200, "<DeleteResult/>"), (200, "<DeleteResult/>")]);
    let keys: Vec<_> = (0..1001).map(|n| format!("chunks/{n}")).collect();
    fake.bucket().remove_objects(&keys).await.expect("removed");
    let named: Vec<_> = lock(&fake.asked).iter().map(|asked| asked.body.matches("<Key>").count()).collect();
    assert_eq!(named, [1000, 1]);
}

#[tokio::test]
async fn a_file_of_parts_becomes_an_object_in_the_order_of_their_numbers() {
    let begun = "<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>";
    let fake = Fake::answering([(200, begun), (200, ""), (200, ""), (200, "<CompleteMultipartUploadResult/>")]);
    let mut file = fake.bucket().begin_file("files/1.mp4", "video/mp4").await.expect("begun");
    file.part(2, b"two".to_vec()).await.expect("stored");
    file.part(1, b"one".to_vec()).await.expect("stored");
    file.finish().await.expect("finished");
    let lines = fake.lines();
    assert_eq!(lines[0], format!("POST {AT}/files/1.mp4?uploads"));
    assert!(lines[1].starts_with(&format!("PUT {AT}/files/1.mp4?")) && lines[1].contains("partNumber=2"), "{lines:?}");
    let body = &lock(&fake.asked)[3].body;
    let numbers: Vec<_> = body.split("<PartNumber>").skip(1).map(|rest| &rest[..1]).collect();
    assert_eq!(numbers, ["1", "2"], "{body}");
}

#[tokio::test]
async fn an_error_in_an_answer_that_began_well_is_one() {
    let begun = "<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>";
    let late = "<Error><Code>InternalError</Code></Error>";
    let fake = Fake::answering([(200, begun), (200, ""), (200, late), (200, late), (200, late)]);
    let mut file = fake.bucket().begin_file("files/1.mp4", "video/mp4").await.expect("begun");
    file.part(1, b"one".to_vec()).await.expect("stored");
    assert!(file.finish().await.is_err());
}

#[tokio::test]
async fn a_store_that_is_slow_is_asked_again_and_one_that_refuses_is_our_own_fault() {
    let fake = Fake::default();
    assert!(matches!(fake.bucket().list_objects("", None).await, Err(Error::Unavailable(_))));
    assert_eq!(fake.lines().len(), 3);

    let fake = Fake::answering([(403, "<Error><Code>AccessDenied</Code></Error>")]);
    assert!(matches!(fake.bucket().list_objects("", None).await, Err(Error::Internal(_))));
    assert_eq!(fake.lines().len(), 1);
}
