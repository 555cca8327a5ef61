//! The object store as functions reach it, by the SDK of AWS, and as browsers do, by addresses on the server's own origin.

mod support;

use std::time::Duration;

use domain::ports::{
    DownloadUrls, MIN_PART_BYTES, ObjectFile, ObjectList, ObjectReader, ObjectRemover, ObjectWriter, UploadUrls,
};
use domain::{Clock, Error};
use http::{Method, StatusCode};
use local::{Options, Recordings};
use objects::{AskedUrls, Bucket, Urls};
use runtime::SystemClock;
use support::Target;
use testclient::Reply;

const TYPE: &str = "video/webm";

fn bucket(target: &Target) -> Bucket {
    target.server().runtime().get().expect("a bucket")
}

/// Addresses for whoever asked the server by the name that these tests know.
fn urls(target: &Target) -> AskedUrls {
    let host = target.server().url().trim_start_matches("http://").to_owned();
    target.server().runtime().get::<Urls>().expect("addresses").asked_by(false, &host)
}

fn put_url(target: &Target, key: &str) -> String {
    urls(target).put_url(key, TYPE, Duration::from_secs(60), SystemClock.now()).expect("an address")
}

fn get_url(target: &Target, key: &str) -> String {
    urls(target).get_url(key, "call.webm", Duration::from_secs(60), SystemClock.now()).expect("an address")
}

async fn send(target: &Target, method: Method, url: &str, body: &[u8]) -> Reply {
    let path = url.strip_prefix(target.server().url()).expect("an address of this server");
    target.api.raw(method, path, None, Some(TYPE), body.to_vec()).await
}

#[tokio::test]
async fn what_a_browser_stores_a_function_reads_and_what_a_function_writes_a_browser_fetches() {
    let target = Target::local().await;
    let (bucket, key) = (bucket(&target), "chunks/a/b/000000");
    let put = send(&target, Method::PUT, &put_url(&target, key), b"recorded").await;
    assert_eq!(put.status, StatusCode::OK, "{put:?}");
    assert_eq!(bucket.read_object(key, 8).await.expect("read"), Some(b"recorded".to_vec()));
    assert!(matches!(bucket.read_object(key, 7).await, Err(Error::PayloadTooLarge { limit: 7, .. })));
    assert_eq!(bucket.read_object("chunks/a/b/000001", 8).await.expect("read"), None);

    let mut file = bucket.begin_file("files/a/b/0.webm", TYPE).await.expect("begun");
    file.part(2, b"end".to_vec()).await.expect("stored");
    file.part(1, vec![1; MIN_PART_BYTES]).await.expect("stored");
    file.finish().await.expect("finished");
    let got = send(&target, Method::GET, &get_url(&target, "files/a/b/0.webm"), b"").await;
    assert_eq!((got.status, got.bytes.len(), got.header("content-type")), (StatusCode::OK, MIN_PART_BYTES + 3, TYPE));
    assert!(got.header("content-disposition").starts_with("attachment; filename=\"call.webm\""), "{got:?}");

    let listed = bucket.list_objects("chunks/a/", None).await.expect("a list");
    assert_eq!((listed.items[0].key.as_str(), listed.items[0].bytes, listed.next), (key, 8, None));
    bucket.remove_objects(&[key.to_owned(), "chunks/absent".to_owned()]).await.expect("removed");
    assert!(bucket.list_objects("chunks/", None).await.expect("a list").items.is_empty());
}

#[tokio::test]
async fn a_file_that_cannot_be_finished_is_the_writers_fault_and_one_that_is_thrown_away_is_gone() {
    let target = Target::local().await;
    let bucket = bucket(&target);
    let mut file = bucket.begin_file("files/1", TYPE).await.expect("begun");
    file.part(1, b"small".to_vec()).await.expect("stored");
    file.part(2, b"end".to_vec()).await.expect("stored");
    assert!(matches!(file.finish().await, Err(Error::Internal(_))));
    let mut file = bucket.begin_file("files/1", TYPE).await.expect("begun");
    file.part(1, b"x".to_vec()).await.expect("stored");
    file.abort().await.expect("thrown away");
    assert_eq!(bucket.read_object("files/1", 9).await.expect("read"), None);
}

#[tokio::test]
async fn a_refused_upload_is_answered_though_its_body_is_large() {
    let target = Target::local().await;
    let url = put_url(&target, "chunks/1").replace("Signature=", "Signature=0");
    let refused = send(&target, Method::PUT, &url, &vec![0; 8 * 1024 * 1024]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn addresses_and_objects_outlive_a_restart() {
    let folder = std::env::temp_dir().join(support::unique("tunrtc-objects"));
    std::fs::create_dir(&folder).expect("a folder");
    let options = || Options { data: Some(folder.join("tunrtc.db")), ..Options::default() };
    let target = Target::with(options()).await;
    let host = target.server().url().trim_start_matches("http://").to_owned();
    let put = send(&target, Method::PUT, &put_url(&target, "chunks/1"), b"kept").await;
    assert_eq!(put.status, StatusCode::OK, "{put:?}");
    let url = get_url(&target, "chunks/1");
    target.stop().await;

    let target = Target::with(options()).await;
    assert_eq!(bucket(&target).read_object("chunks/1", 4).await.expect("read"), Some(b"kept".to_vec()));
    // The port is another one here, and it is signed: the signature alone says that the key is the same.
    let there = url.replacen(&host, target.server().url().trim_start_matches("http://"), 1);
    let refused = send(&target, Method::GET, &there, b"").await;
    assert!(String::from_utf8_lossy(&refused.bytes).contains("SignatureDoesNotMatch"), "the key is known: {refused:?}");
    target.stop().await;
    std::fs::remove_dir_all(folder).expect("removed");
}

#[tokio::test]
async fn a_server_that_records_nothing_has_no_bucket() {
    let target = Target::with(Options { recordings: Recordings::Off, ..Options::default() }).await;
    assert!(matches!(bucket(&target).list_objects("", None).await, Err(Error::NotFound)));
    let none = urls(&target).put_url("k", TYPE, Duration::from_secs(1), SystemClock.now());
    assert!(matches!(none, Err(Error::NotFound)));
    assert_eq!(target.api.get("/recordings/k", None).await.code(), "not_found");
}
