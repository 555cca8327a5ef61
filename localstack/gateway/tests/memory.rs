//! What others put into somebody's inbox must not keep them from coming back: however much waits, it is read page by page and
//! replayed up to a bound. The memory that counts is the whole process's, so this test has a process of its own.

mod support;

use std::fs::{self, File};
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use apigateway::Chances;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::stream::{self, StreamExt};
use local::{Fate, Intercept, Options, SdkCall};
use runtime::settings;
use serde_json::json;
use support::{Target, offer, unique};

/// Frames that wait.
const FRAMES: usize = 3_000;
/// The length of each, in bytes: 90 MB in all.
const LENGTH: usize = 30_000;
/// The most that a replay may push, in bytes; the contract's 4 MB.
const REPLAYED: usize = 4 * 1024 * 1024;
/// How much memory may come on top while somebody comes back, in bytes: a third of what waits.
const CAP: u64 = 32 * 1024 * 1024;

/// What was pushed.
#[derive(Default)]
struct Pushed {
    frames: AtomicUsize,
    bytes: AtomicUsize,
}

impl Pushed {
    fn intercept(self: &Arc<Self>) -> Intercept {
        let pushed = Arc::clone(self);
        Arc::new(move |call: &SdkCall<'_>| {
            if call.method == "POST" && call.path.contains("@connections") {
                pushed.frames.fetch_add(1, Ordering::Relaxed);
                pushed.bytes.fetch_add(call.body.len(), Ordering::Relaxed);
            }
            Fate::Pass
        })
    }

    /// Frames and bytes since the last call.
    fn take(&self) -> (usize, usize) {
        (self.frames.swap(0, Ordering::Relaxed), self.bytes.swap(0, Ordering::Relaxed))
    }
}

/// A value of /proc/self/status in bytes.
fn status(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("a line for it");
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// Forgets the peak so far (proc_pid_clear_refs(5)); the memory that is resident now.
fn forget_peak() -> u64 {
    fs::write("/proc/self/clear_refs", "5").expect("Linux lets a process ask that of itself");
    status("VmRSS")
}

/// A text that compresses badly, so that what waits is nearly as long as it looks.
fn noise() -> String {
    let mut bytes = vec![0; LENGTH / 4 * 3];
    File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut bytes)).expect("Linux");
    BASE64_STANDARD.encode(bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_90_megabytes_in_the_inbox_comes_back_in_little_memory() {
    let (pushed, folder) = (Arc::new(Pushed::default()), std::env::temp_dir().join(unique("tunrtc-memory")));
    fs::create_dir(&folder).expect("a folder");
    let settings = [(settings::FRAMES_PER_SECOND, "1000000"), (settings::FRAMES_BURST, "1000000")];
    let target = Target::with(Options {
        // What is stored lies in a file, and what is pushed is lost, so that only the functions need memory.
        data: Some(folder.join("data.db")),
        faults: Some(Chances { swallowed_push: 1.0, ..Chances::default() }),
        intercept: Some(pushed.intercept()),
        tells: false,
        settings: settings.map(|(name, value)| (name, value.to_owned())).into(),
        ..Options::default()
    })
    .await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 2).await;
    let (at_alice, at_bob) = (target.enter(&alice, &session).await, target.enter(&bob, &session).await);
    let since = target.detail(&bob, &session).await["createdAt"].clone();
    let sdp = noise();
    let sent = stream::iter(0..FRAMES).map(|_| at_alice.ack("sendOffer", offer(&bob.id, &sdp)));
    assert_eq!(sent.buffer_unordered(16).count().await, FRAMES);
    drop(at_bob);

    let address = target.api.ticket(&bob, &session).await;
    let at_bob = testclient::Socket::connect(&address).await.expect("an open door");
    pushed.take();
    let before = forget_peak();
    let joined = at_bob.ack("joinSession", json!({ "sessionId": session, "since": since })).await;
    let more = status("VmHWM").saturating_sub(before);
    assert_eq!(joined["recovered"], false, "not everything was replayed, and that is said");
    assert_bounded(pushed.take());
    assert!(more < CAP, "{more} bytes for a resume");

    let before = forget_peak();
    let synced = at_bob.ack("sync", json!({ "since": since })).await;
    let more = status("VmHWM").saturating_sub(before);
    assert!(synced["replayed"].as_u64() > Some(0), "{synced}");
    assert_bounded(pushed.take());
    assert!(more < CAP, "{more} bytes for a sync");
    target.stop().await;
    fs::remove_dir_all(&folder).expect("the server lets go of its file");
}

fn assert_bounded((frames, bytes): (usize, usize)) {
    assert!(frames > 0 && bytes <= REPLAYED + LENGTH, "{frames} frames, {bytes} bytes");
}
