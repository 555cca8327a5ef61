//! Recordings: the rules of beginning, feeding, ending and deleting them, on a table and a bucket that are no better than AWS's.

use std::time::Duration;

use domain::composing::{LATE, LEASE, Tending};
use domain::erasure::Erasure;
use domain::ports::{
    Composer, Composition, Endings, Holding, Knock, Moderation, ObjectFile, ObjectList, ObjectWriter, RecordingQueue,
    Recordings, Seats, Step, StoredChunk, Tended, Users, WaitingRoom,
};
use domain::recording::{
    Gap, MAX_CHUNK_BYTES, MediaType, RecordedFile, Recording, RecordingKind, RecordingStatus, object_keys,
};
use domain::recordings::{self, Asked, NewRecording, RefusedChunk, UPLOAD_VALID, Uploads};
use domain::{
    Caller, Departure, Ending, Error, Person, ProjectId, RecordingId, Result, RightsChange, Role, RoomRef, Scope,
    Session, SessionId, Timestamp,
};
use testkit::{FakeBucket, FakeSockets, Fault, Mishap, RecordedTending, Request};

use crate::{Setting, held};

/// How long a silent recording waits for its browser where nothing else is set.
const QUIET: Duration = Duration::from_secs(10 * 60);

/// A deployment that records.
struct Stage {
    at: Setting,
    sockets: FakeSockets,
    bucket: FakeBucket,
    queue: RecordedTending,
    session: Session,
    alice: Person,
    bob: Person,
}

impl Stage {
    /// Alice and bob in a session of alice's.
    async fn new() -> Self {
        let mut at = Setting::new().await;
        at.samples.policy.recording = true;
        let (alice, bob) = (at.samples.caller("alice"), at.samples.caller("bob"));
        let session = at.samples.session(&alice, 10);
        domain::ports::Sessions::add(&at.store, &session, at.empty_until()).await.unwrap();
        let stage = Self {
            sockets: FakeSockets::default(),
            bucket: FakeBucket::default(),
            queue: RecordedTending::default(),
            session,
            alice,
            bob,
            at,
        };
        stage.at.connect(stage.session.id, &stage.alice, "a").await;
        stage.at.connect(stage.session.id, &stage.bob, "b").await;
        // They stay for as long as any of this takes.
        for (person, connection) in [(&stage.alice, "a"), (&stage.bob, "b")] {
            let held = held(stage.session.id, person, connection);
            assert!(stage.at.store.renew(&held, stage.at.samples.now(), stage.at.samples.later(86_400)).await.unwrap());
        }
        stage.bucket.set_time(stage.at.samples.now());
        stage
    }

    fn pass(&self, time: Duration) {
        self.bucket.set_time(self.at.samples.clock.advance(time));
    }

    fn new_recording(&self, kind: RecordingKind) -> NewRecording {
        let media_type = MediaType::parse("video/webm;codecs=\"vp9,opus\"").unwrap();
        NewRecording { session: self.session.id, kind, media_type, started_at: None }
    }

    async fn begin(&self, person: &Person, kind: RecordingKind) -> Result<Uploads> {
        let (ports, new) = (self.at.ports(&self.sockets), self.new_recording(kind));
        recordings::start(ports, &self.queue, &self.bucket, person, new).await
    }

    /// Bob records; what he was given.
    async fn recording(&self) -> Recording {
        self.begin(&self.bob, RecordingKind::Participant).await.unwrap().recording
    }

    async fn ask(&self, person: &Person, recording: RecordingId, from: u32) -> Result<Uploads> {
        self.ask_with(person, Asked { recording, from, segment_started_at: None }).await
    }

    async fn ask_with(&self, person: &Person, asked: Asked) -> Result<Uploads> {
        recordings::uploads(self.at.ports(&self.sockets), &self.bucket, &self.bucket, person, asked).await
    }

    async fn finish(&self, person: &Person, recording: RecordingId, last: u32) -> Result<Recording> {
        let ports = self.at.ports(&self.sockets);
        recordings::finish(ports, &self.queue, person, recording, (last, None)).await
    }

    async fn delete(&self, caller: &Caller, recording: RecordingId) -> Result<()> {
        recordings::delete(&self.at.store, &self.queue, self.at.samples.context(), caller, recording).await
    }

    async fn show(&self, caller: &Caller, recording: RecordingId) -> Result<Recording> {
        recordings::show(&self.at.store, self.at.samples.context(), caller, recording).await
    }

    async fn list(&self, caller: &Caller) -> Result<Vec<Recording>> {
        let room = RoomRef::Session(self.session.id);
        let found = recordings::list(&self.at.store, self.at.samples.context(), caller, &room, 50, None).await;
        found.map(|page| page.items)
    }

    /// As a browser does by an address.
    fn store(&self, recording: &Recording, number: u32, bytes: usize) {
        self.bucket.put(&object_keys::chunk(recording, number), "video/webm", vec![7; bytes]);
    }

    async fn kept(&self, recording: RecordingId) -> Option<Recording> {
        self.at.store.recording(recording, self.at.samples.now()).await.unwrap()
    }

    async fn status(&self, recording: RecordingId) -> RecordingStatus {
        self.kept(recording).await.expect("it is kept").status
    }

    /// As another message than all before.
    async fn tend_with(&self, composer: &(impl Composer + Sync), tended: Tended) -> Result<Option<Error>> {
        let message = RecordingId::new(&self.at.samples.ids, self.at.samples.now()).to_string();
        self.tend_as(&message, composer, tended).await
    }

    async fn tend_as(&self, message: &str, composer: &(impl Composer + Sync), tended: Tended) -> Result<Option<Error>> {
        let ports = self.at.ports(&self.sockets);
        Tending { ports, bucket: &self.bucket, queue: &self.queue, composer, message }.tend(tended).await
    }

    async fn tend(&self, tended: Tended) -> Option<Error> {
        self.tend_with(&Joiner(&self.bucket), tended).await.unwrap()
    }

    /// Delivers every message in its time, until there is none.
    async fn settle(&self) {
        loop {
            let mut due = self.queue.take();
            if due.is_empty() {
                return;
            }
            due.sort_by_key(|(wait, _)| *wait);
            for (wait, tended) in due {
                self.pass(wait);
                self.tend(tended).await;
            }
        }
    }

    /// What alice's connection was told of recordings.
    fn told(&self) -> Vec<String> {
        let all = self.sockets.delivered_to(&held(self.session.id, &self.alice, "a").connection);
        all.into_iter().filter(|frame| frame.starts_with("recording")).collect()
    }

    async fn is_marked(&self, person: &Person) -> bool {
        let roster = self.at.roster(self.session.id).await;
        roster.participants.iter().find(|p| p.user_id == person.user_id).expect("a participant").is_recording
    }

    fn operator(&self) -> Caller {
        let family = self.alice.family;
        let (scope, grants) = (Scope::of(ProjectId::default()), domain::Grants::KEY);
        let person = Person {
            scope,
            grants,
            ..Person::account(self.alice.user_id, self.alice.username.clone(), family, self.at.samples.later(60))
        };
        Caller::Backend(domain::Backend {
            key: domain::KeyId::parse("TK0123456789abcdefghijAB").expect("a key"),
            creator: person.user_id,
            scope: person.scope,
            grants: person.grants,
        })
    }
}

/// Puts the bytes of chunks one behind the other.
struct Joiner<'a>(&'a FakeBucket);

impl Composer for Joiner<'_> {
    async fn compose(&self, recording: &Recording, chunks: &[StoredChunk]) -> Result<Composition> {
        if chunks.is_empty() {
            return Ok(Composition::Unusable("nothing came".to_owned()));
        }
        let key = object_keys::file(recording, 0, "video/webm");
        let mut file = self.0.begin_file(&key, recording.media_type.essence()).await?;
        let bytes = chunks.iter().map(|chunk| chunk.bytes).sum();
        file.part(1, vec![7; usize::try_from(bytes).expect("a small one")]).await?;
        file.finish().await?;
        let last = chunks.last().map_or(0, |last| last.number);
        let there: Vec<_> = chunks.iter().map(|chunk| chunk.number).collect();
        let missing = (0..last).filter(|number| !there.contains(number)).map(u64::from);
        let gaps = missing.map(|number| Gap { from_ms: number * 4000, to_ms: (number + 1) * 4000 }).collect();
        let duration_ms = (u64::from(last) + 1) * 4000;
        let file = file_of(recording, 0, recording.started_at(), duration_ms, bytes);
        Ok(Composition::Step(Step { file: Some(file), gaps, next: None }))
    }
}

fn file_of(recording: &Recording, number: u32, started_at: Timestamp, duration_ms: u64, bytes: u64) -> RecordedFile {
    let content_type = recording.media_type.essence().to_owned();
    RecordedFile { number, content_type, started_at, duration_ms, bytes }
}

/// Makes a file of each chunk.
struct Splitter<'a>(&'a FakeBucket);

impl Composer for Splitter<'_> {
    async fn compose(&self, recording: &Recording, chunks: &[StoredChunk]) -> Result<Composition> {
        let number = recording.cursor.as_ref().map_or(0, |cursor| cursor.parse().expect("ours"));
        let mut file = self.0.begin_file(&object_keys::file(recording, number, "video/webm"), "video/webm").await?;
        file.part(1, vec![7; 10]).await?;
        file.finish().await?;
        let started_at = recording.started_at() + Duration::from_secs(4 * u64::from(number));
        let made = file_of(recording, number, started_at, 4000, 10);
        let next = (usize::try_from(number).expect("few") + 1 < chunks.len()).then(|| (number + 1).to_string());
        Ok(Composition::Step(Step { file: Some(made), gaps: Vec::new(), next }))
    }
}

#[tokio::test]
async fn files_are_made_one_by_one_each_in_a_message_of_its_own() {
    let stage = Stage::new().await;
    let recording = stage.recording().await;
    (0..3).for_each(|number| stage.store(&recording, number, 10));
    stage.pass(Duration::from_secs(12));
    stage.finish(&stage.bob, recording.id, 2).await.unwrap();
    for made in 1..3 {
        stage.queue.take();
        stage.tend_with(&Splitter(&stage.bucket), Tended::new(&recording)).await.unwrap();
        let [(Duration::ZERO, _)] = stage.queue.take()[..] else { panic!("one message") };
        let so_far = stage.kept(recording.id).await.unwrap();
        assert_eq!((so_far.status, so_far.made.unwrap().files.len()), (RecordingStatus::Composing, made));
    }
    // The last one dies once, with its file made.
    stage.at.database.door().fail_from("PutItem", Fault::Refused, 1);
    assert!(stage.tend_with(&Splitter(&stage.bucket), Tended::new(&recording)).await.unwrap().is_some());
    stage.at.database.door().heal();
    stage.pass(LEASE);
    stage.tend_with(&Splitter(&stage.bucket), Tended::new(&recording)).await.unwrap();
    let ready = stage.kept(recording.id).await.unwrap();
    let made = ready.made.unwrap();
    assert_eq!((ready.status, made.files.len(), made.duration_ms), (RecordingStatus::Ready, 3, 12_000));
    assert_eq!(ready.cursor, None);
    assert_eq!(stage.bucket.keys().len(), 3, "three files, and no chunk");
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    result.expect_err("it is refused").code()
}

#[tokio::test]
async fn a_recording_is_fed_finished_and_put_together_and_everybody_hears_of_it() {
    let stage = Stage::new().await;
    let given = stage.begin(&stage.bob, RecordingKind::Participant).await.unwrap();
    let recording = given.recording.clone();
    assert_eq!(given.uploads.len(), 50);
    assert!(given.uploads[7].url.contains("000007"), "{}", given.uploads[7].url);
    assert_eq!(given.expires_at, stage.at.samples.now() + UPLOAD_VALID);
    assert!(stage.is_marked(&stage.bob).await && !stage.is_marked(&stage.alice).await);
    for number in 0..3 {
        stage.store(&recording, number, 10);
    }
    let more = stage.ask(&stage.bob, recording.id, 50).await.unwrap();
    assert_eq!((more.have, more.refused, more.uploads[0].number), (vec![(0, 2)], vec![], 50));
    stage.pass(Duration::from_secs(12));
    assert_eq!(stage.finish(&stage.bob, recording.id, 2).await.unwrap().status, RecordingStatus::Composing);
    assert!(!stage.is_marked(&stage.bob).await);
    stage.settle().await;
    let ready = stage.show(&stage.alice.clone().into(), recording.id).await.unwrap();
    assert_eq!(ready.status, RecordingStatus::Ready);
    let made = ready.made.expect("files");
    assert_eq!((made.files[0].bytes, made.duration_ms, made.gaps.len()), (30, 12_000, 0));
    let key = object_keys::file(&recording, 0, "video/webm");
    assert_eq!(stage.bucket.keys(), [key], "the chunks are not needed any more");
    assert_eq!(stage.told(), ["recordingStarted bob", "recordingStopped bob", "recordingReady bob Ready"]);
}

#[tokio::test]
async fn of_two_starts_at_once_one_begins_and_the_other_is_told_which() {
    let stage = Stage::new().await;
    let (one, two) = futures_util::future::join(
        stage.begin(&stage.bob, RecordingKind::Participant),
        stage.begin(&stage.bob, RecordingKind::Participant),
    )
    .await;
    let (begun, refused) = if one.is_ok() { (one, two) } else { (two, one) };
    let begun = begun.unwrap().recording.id;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, Error::RecordingActive { recording } if recording == begun), "{refused:?}");
    // Another kind, and somebody else, are others.
    stage.begin(&stage.bob, RecordingKind::Screen).await.unwrap();
    stage.begin(&stage.alice, RecordingKind::Participant).await.unwrap();
    assert_eq!(stage.list(&stage.bob.clone().into()).await.unwrap().len(), 3);
}

#[tokio::test]
async fn whoever_crashed_goes_on_by_the_same_name_with_a_new_segment() {
    let stage = Stage::new().await;
    let recording = stage.recording().await;
    for number in [0, 1, 3] {
        stage.store(&recording, number, 10);
    }
    stage.pass(Duration::from_secs(60));
    let again = stage.begin(&stage.bob, RecordingKind::Participant).await;
    assert!(matches!(again, Err(Error::RecordingActive { recording: id }) if id == recording.id));
    let given = stage.ask(&stage.bob, recording.id, 2).await.unwrap();
    assert_eq!((given.have, given.uploads[0].number), (vec![(0, 1), (3, 3)], 2));
    let started = stage.at.samples.now();
    let asked = Asked { recording: recording.id, from: 4, segment_started_at: Some(started) };
    for _ in 0..2 {
        stage.ask_with(&stage.bob, asked).await.unwrap();
    }
    let segments = stage.kept(recording.id).await.unwrap().segments;
    assert_eq!(
        segments.iter().map(|each| (each.first_chunk, each.started_at)).collect::<Vec<_>>(),
        [(0, recording.started_at()), (4, started)]
    );
    // One that would have begun before it begins with it.
    let early = Asked { from: 5, segment_started_at: Some(recording.started_at()), ..asked };
    stage.ask_with(&stage.bob, early).await.unwrap();
    let newest = stage.kept(recording.id).await.unwrap().segments.last().copied().unwrap();
    assert_eq!((newest.first_chunk, newest.started_at), (5, started));
    // One of an earlier chunk is refused, and so is one that nobody can have seen begin.
    for (from, at) in [(3, started), (6, started + Duration::from_secs(61)), (6, Timestamp::from_millis(1))] {
        let odd = Asked { recording: recording.id, from, segment_started_at: Some(at) };
        assert_eq!(code(stage.ask_with(&stage.bob, odd).await), "invalid_request");
    }
}

#[tokio::test]
async fn whoever_comes_back_to_a_seat_and_records_on_is_marked_again() {
    let stage = Stage::new().await;
    let recording = stage.recording().await;
    let seat = stage.at.participant(stage.session.id, &stage.bob).await;
    let (now, later) = (stage.at.samples.now(), stage.at.samples.later(3600));
    let freed = stage.at.store.free_seat(&seat, domain::ports::Guard::Seated, Departure::Timeout, now, later, later);
    assert!(freed.await.unwrap());
    // What lies on the disk gets home all the same.
    stage.store(&recording, 0, 10);
    assert_eq!(stage.ask(&stage.bob, recording.id, 0).await.unwrap().have, [(0, 0)]);
    stage.pass(Duration::from_secs(1));
    stage.at.connect(stage.session.id, &stage.bob, "b2").await;
    assert!(!stage.is_marked(&stage.bob).await);
    let on = Asked { recording: recording.id, from: 1, segment_started_at: Some(stage.at.samples.now()) };
    stage.ask_with(&stage.bob, on).await.unwrap();
    assert!(stage.is_marked(&stage.bob).await);
    assert_eq!(stage.told(), ["recordingStarted bob", "recordingStarted bob"]);
}

#[tokio::test]
async fn only_whoever_has_a_seat_and_may_send_it_records() {
    let stage = Stage::new().await;
    let carol = stage.at.samples.caller("carol");
    assert_eq!(code(stage.begin(&carol, RecordingKind::Audio).await), "not_in_session");
    let now = stage.at.samples.now();
    let ban = domain::ports::Ban {
        at: now,
        until: stage.at.samples.later(60),
        noted_until: stage.at.samples.later(3600),
        shortens: true,
    };
    stage.at.store.ban(stage.session.id, carol.user_id, ban).await.unwrap();
    assert_eq!(code(stage.begin(&carol, RecordingKind::Audio).await), "banned");
    let bob = stage.at.participant(stage.session.id, &stage.bob).await;
    let viewer = RightsChange { role: Some(Role::Viewer), ..RightsChange::default() }.applied_to(bob.rights);
    stage.at.store.change_seat(&bob, viewer, &bob.username, now).await.unwrap().expect("changed");
    for kind in RecordingKind::ALL {
        assert_eq!(code(stage.begin(&stage.bob, kind).await), "forbidden", "{kind:?}");
    }
    stage.at.store.mark_ended(stage.session.id, now, Ending::EndedByCreator, None).await.unwrap();
    assert_eq!(code(stage.begin(&stage.alice, RecordingKind::Audio).await), "session_ended");
}

#[tokio::test]
async fn whoever_waits_to_be_admitted_does_not_record() {
    let stage = Stage::new().await;
    let carol = stage.at.samples.caller("carol");
    let (now, lease) = (stage.at.samples.now(), stage.at.samples.later(60));
    let knock = Knock::new(stage.session.id, 0, &carol, now, lease);
    assert!(stage.at.store.wait(&knock, now).await.unwrap());
    assert_eq!(code(stage.begin(&carol, RecordingKind::Participant).await), "not_admitted");
}

/// A queue that takes nothing.
struct Closed;

impl RecordingQueue for Closed {
    async fn tend_after(&self, _delay: Duration, _tended: &Tended) -> Result<()> {
        Err(Error::Unavailable("closed".into()))
    }
}

#[tokio::test]
async fn without_a_queue_that_looks_after_it_no_recording_begins_and_none_is_deleted() {
    let stage = Stage::new().await;
    let (ports, new) = (stage.at.ports(&stage.sockets), stage.new_recording(RecordingKind::Audio));
    let refused = recordings::start(ports, &Closed, &stage.bucket, &stage.bob, new).await;
    assert_eq!(code(refused), "unavailable");
    assert_eq!(stage.list(&stage.bob.clone().into()).await.unwrap().len(), 0);
    let recording = stage.recording().await;
    let context = stage.at.samples.context();
    let caller = Caller::from(stage.bob.clone());
    let refused = recordings::delete(&stage.at.store, &Closed, context, &caller, recording.id).await;
    assert_eq!(code(refused), "unavailable");
    assert_eq!(stage.status(recording.id).await, RecordingStatus::Active);
}

#[tokio::test]
async fn an_accounts_recordings_and_those_where_it_hosts_go_with_it() {
    let stage = Stage::new().await;
    let (hers, his) =
        (stage.begin(&stage.alice, RecordingKind::Audio).await.unwrap().recording, stage.recording().await);
    for recording in [&hers, &his] {
        stage.store(recording, 0, 10);
    }
    stage.queue.take();
    let user = domain::User { id: stage.alice.user_id, ..stage.at.samples.user("alice") };
    stage.at.store.create(&user).await.unwrap();
    // Interrupted once, and finished a minute later.
    let ports = stage.at.ports(&stage.sockets);
    assert!(Erasure { ports, recordings: &Closed }.erase(&user).await.is_err());
    Erasure { ports, recordings: &stage.queue }.erase(&user).await.unwrap();
    stage.settle().await;
    assert_eq!(stage.bucket.keys(), [""; 0]);
    for recording in [hers, his] {
        assert_eq!(stage.kept(recording.id).await, None);
    }
}

#[tokio::test]
async fn where_nothing_is_recorded_everything_is_refused() {
    let mut stage = Stage::new().await;
    let recording = stage.recording().await;
    stage.at.samples.policy.recording = false;
    assert_eq!(code(stage.begin(&stage.alice, RecordingKind::Audio).await), "not_offered");
    assert_eq!(code(stage.ask(&stage.bob, recording.id, 0).await), "not_offered");
    assert_eq!(code(stage.finish(&stage.bob, recording.id, 0).await), "not_offered");
    assert_eq!(code(stage.show(&stage.bob.clone().into(), recording.id).await), "not_offered");
    assert_eq!(code(stage.list(&stage.bob.clone().into()).await), "not_offered");
    assert_eq!(code(stage.delete(&stage.bob.clone().into(), recording.id).await), "not_offered");
}

#[tokio::test]
async fn somebody_elses_recording_is_not_there_for_whoever_would_feed_or_end_it() {
    let stage = Stage::new().await;
    let recording = stage.recording().await;
    assert_eq!(code(stage.ask(&stage.alice, recording.id, 0).await), "recording_not_found");
    assert_eq!(code(stage.finish(&stage.alice, recording.id, 0).await), "recording_not_found");
    let nothing = RecordingId::first_at(Timestamp::from_millis(1));
    assert_eq!(code(stage.ask(&stage.bob, nothing, 0).await), "recording_not_found");
}

#[tokio::test]
async fn a_chunk_that_is_too_large_is_removed_and_named_and_the_others_are_kept() {
    let stage = Stage::new().await;
    let recording = stage.recording().await;
    let too_large = usize::try_from(MAX_CHUNK_BYTES).unwrap() + 1;
    stage.store(&recording, 0, too_large - 1);
    stage.store(&recording, 1, too_large);
    stage.store(&recording, 2, 10);
    let given = stage.ask(&stage.bob, recording.id, 3).await.unwrap();
    assert_eq!(given.have, [(0, 0), (2, 2)]);
    assert_eq!(given.refused, [RefusedChunk { number: 1, bytes: MAX_CHUNK_BYTES + 1 }]);
    assert_eq!(stage.bucket.keys().len(), 2);
    // The same again, when everything was thought to be there.
    stage.store(&recording, 1, 10);
    assert_eq!(stage.ask(&stage.bob, recording.id, 3).await.unwrap().have, [(0, 2)]);
    stage.store(&recording, 1, too_large);
    stage.finish(&stage.bob, recording.id, 2).await.unwrap();
    stage.settle().await;
    let made = stage.kept(recording.id).await.unwrap().made.unwrap();
    assert_eq!(made.gaps, [Gap { from_ms: 4000, to_ms: 8000 }], "nothing is hidden");
}

#[tokio::test]
async fn a_recording_that_is_finished_takes_no_more_and_may_be_finished_again() {
    let stage = Stage::new().await;
    let recording = stage.recording().await;
    stage.store(&recording, 0, 10);
    for _ in 0..2 {
        assert_eq!(stage.finish(&stage.bob, recording.id, 0).await.unwrap().status, RecordingStatus::Composing);
    }
    assert_eq!(code(stage.ask(&stage.bob, recording.id, 1).await), "recording_finished");
    stage.settle().await;
    assert_eq!(stage.finish(&stage.bob, recording.id, 0).await.unwrap().status, RecordingStatus::Ready);
    assert_eq!(stage.told(), ["recordingStarted bob", "recordingStopped bob", "recordingReady bob Ready"]);
    // And another one may begin.
    stage.begin(&stage.bob, RecordingKind::Participant).await.unwrap();
}

#[tokio::test]
async fn chunks_that_are_late_are_waited_for_and_those_that_never_come_are_named() {
    let stage = Stage::new().await;
    let recording = stage.recording().await;
    stage.store(&recording, 0, 10);
    stage.pass(Duration::from_secs(16));
    stage.queue.take();
    stage.finish(&stage.bob, recording.id, 3).await.unwrap();
    let [(Duration::ZERO, tended)] = stage.queue.take()[..] else { panic!("one message") };
    stage.tend(tended).await;
    let [(wait, _)] = stage.queue.take()[..] else { panic!("one message") };
    assert_eq!(wait, Duration::from_secs(10));
    stage.pass(wait);
    // Still on its way when the end was said.
    stage.store(&recording, 1, 10);
    stage.tend(tended).await;
    assert_eq!(stage.status(recording.id).await, RecordingStatus::Composing);
    stage.pass(LATE);
    stage.tend(tended).await;
    let ready = stage.kept(recording.id).await.unwrap();
    let made = ready.made.expect("files");
    assert_eq!((ready.status, made.duration_ms), (RecordingStatus::Ready, 16_000));
    assert_eq!(made.gaps, [Gap { from_ms: 8000, to_ms: 16_000 }]);
}

#[tokio::test]
async fn an_absurd_last_chunk_makes_no_gap_longer_than_the_time_that_there_was() {
    let stage = Stage::new().await;
    let recording = stage.recording().await;
    stage.store(&recording, 0, 10);
    stage.pass(Duration::from_secs(20));
    stage.finish(&stage.bob, recording.id, 10_799).await.unwrap();
    stage.settle().await;
    let made = stage.kept(recording.id).await.unwrap().made.unwrap();
    assert_eq!((made.gaps, made.duration_ms), (vec![Gap { from_ms: 4000, to_ms: 20_000 }], 20_000));
}

#[tokio::test]
async fn a_recording_that_goes_silent_is_put_together_after_ten_minutes() {
    let stage = Stage::new().await;
    let recording = stage.recording().await;
    stage.store(&recording, 0, 10);
    stage.pass(Duration::from_secs(300));
    stage.store(&recording, 1, 10);
    let [(wait, tended)] = stage.queue.take()[..] else { panic!("one message") };
    assert_eq!(wait, QUIET);
    stage.pass(Duration::from_secs(300));
    stage.tend(tended).await;
    assert_eq!(stage.status(recording.id).await, RecordingStatus::Active);
    let [(wait, _)] = stage.queue.take()[..] else { panic!("one message") };
    assert_eq!(wait, Duration::from_secs(300), "the rest of the ten minutes");
    stage.pass(wait);
    stage.tend(tended).await;
    let ready = stage.kept(recording.id).await.unwrap();
    let ended = ready.finish.expect("an end").at;
    assert_eq!((ready.status, ended), (RecordingStatus::Ready, stage.at.samples.now().minus(QUIET)));
    assert!(!stage.is_marked(&stage.bob).await);
    assert_eq!(code(stage.ask(&stage.bob, recording.id, 2).await), "recording_finished");
    assert_eq!(stage.told(), ["recordingStarted bob", "recordingStopped bob", "recordingReady bob Ready"]);
}

#[tokio::test]
async fn how_long_a_silent_recording_waits_for_its_browser_is_the_operators_to_say() {
    let mut stage = Stage::new().await;
    stage.at.samples.policy.recording_quiet = Duration::from_secs(60);
    let recording = stage.recording().await;
    stage.store(&recording, 0, 10);
    let [(wait, tended)] = stage.queue.take()[..] else { panic!("one message") };
    stage.pass(wait - Duration::from_secs(1));
    stage.tend(tended).await;
    assert_eq!(stage.status(recording.id).await, RecordingStatus::Active);
    stage.pass(Duration::from_secs(1));
    stage.settle().await;
    assert_eq!((wait, stage.status(recording.id).await), (Duration::from_secs(60), RecordingStatus::Ready));
}

#[tokio::test]
async fn a_recording_to_which_nothing_came_fails_and_says_so() {
    let stage = Stage::new().await;
    let recording = stage.recording().await;
    stage.pass(QUIET);
    stage.settle().await;
    let failed = stage.kept(recording.id).await.unwrap();
    assert_eq!((failed.status, failed.error.as_deref()), (RecordingStatus::Failed, Some("nothing came")));
    assert_eq!(stage.told().last().map(String::as_str), Some("recordingReady bob Failed"));
}

#[tokio::test]
async fn a_recorder_who_was_removed_or_whose_session_ended_still_brings_home_what_they_have() {
    let stage = Stage::new().await;
    let recording = stage.recording().await;
    let (now, later) = (stage.at.samples.now(), stage.at.samples.later(3600));
    let seat = stage.at.participant(stage.session.id, &stage.bob).await;
    let removed = stage.at.store.free_seat(&seat, domain::ports::Guard::Seated, Departure::Removed, now, later, later);
    assert!(removed.await.unwrap());
    stage.at.store.hold_up(stage.session.id, stage.bob.user_id).await.unwrap();
    stage.at.store.mark_ended(stage.session.id, now, Ending::EndedByCreator, None).await.unwrap();
    stage.store(&recording, 0, 10);
    assert_eq!(stage.ask(&stage.bob, recording.id, 0).await.unwrap().have, [(0, 0)]);
    stage.finish(&stage.bob, recording.id, 0).await.unwrap();
    stage.settle().await;
    assert_eq!(stage.status(recording.id).await, RecordingStatus::Ready);
    // Their own they see; what others recorded they do not.
    let bob = Caller::from(stage.bob.clone());
    assert_eq!(stage.list(&bob).await.unwrap().len(), 1);
    assert!(stage.show(&bob, recording.id).await.is_ok());
}

#[tokio::test]
async fn whoever_took_part_sees_recordings_and_whoever_was_removed_does_not() {
    let stage = Stage::new().await;
    let recording = stage.begin(&stage.alice, RecordingKind::Audio).await.unwrap().recording;
    let (bob, carol) = (Caller::from(stage.bob.clone()), Caller::from(stage.at.samples.caller("carol")));
    assert_eq!(stage.list(&bob).await.unwrap().len(), 1);
    assert_eq!(stage.list(&stage.operator()).await.unwrap().len(), 1);
    assert_eq!(code(stage.list(&carol).await), "not_in_session");
    assert_eq!(code(stage.show(&carol, recording.id).await), "recording_not_found");
    // It stays so when they left.
    let (now, later) = (stage.at.samples.now(), stage.at.samples.later(3600));
    let seat = stage.at.participant(stage.session.id, &stage.bob).await;
    let left = stage.at.store.free_seat(&seat, domain::ports::Guard::Seated, Departure::Left, now, later, later);
    assert!(left.await.unwrap());
    assert_eq!(stage.show(&bob, recording.id).await.unwrap().id, recording.id);
    stage.at.store.hold_up(stage.session.id, stage.bob.user_id).await.unwrap();
    assert_eq!(code(stage.show(&bob, recording.id).await), "recording_not_found");
    assert_eq!(code(stage.list(&bob).await), "not_in_session");
    // Whoever is let in again took part again.
    stage.pass(Duration::from_secs(1));
    stage.at.connect(stage.session.id, &stage.bob, "b2").await;
    assert_eq!(stage.list(&bob).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_recording_is_deleted_by_whoever_recorded_it_or_hosts_with_all_that_is_in_the_bucket() {
    let stage = Stage::new().await;
    let (alice, bob) = (Caller::from(stage.alice.clone()), Caller::from(stage.bob.clone()));
    let hosts = stage.begin(&stage.alice, RecordingKind::Audio).await.unwrap().recording;
    assert_eq!(code(stage.delete(&bob, hosts.id).await), "forbidden");
    let recording = stage.recording().await;
    stage.store(&recording, 0, 10);
    stage.store(&hosts, 0, 10);
    stage.queue.take();
    stage.delete(&alice, recording.id).await.unwrap();
    assert_eq!(code(stage.show(&bob, recording.id).await), "recording_not_found");
    assert_eq!(code(stage.ask(&stage.bob, recording.id, 0).await), "recording_not_found");
    assert!(!stage.is_marked(&stage.bob).await);
    // An address that was given before still works for a while.
    let [(_, tended), ..] = stage.queue.take()[..] else { panic!("a message") };
    stage.tend(tended).await;
    stage.store(&recording, 1, 10);
    stage.settle().await;
    assert_eq!(stage.bucket.keys(), [object_keys::chunk(&hosts, 0)]);
    assert_eq!(stage.kept(recording.id).await, None);
    assert_eq!(stage.list(&alice).await.unwrap().len(), 1);
    assert_eq!(code(stage.delete(&bob, recording.id).await), "recording_not_found");
    assert_eq!(stage.told(), ["recordingStarted alice", "recordingStarted bob", "recordingStopped bob"]);
}

/// Deletes the recording while it is put together.
struct Interrupted<'a>(&'a Stage);

impl Composer for Interrupted<'_> {
    async fn compose(&self, recording: &Recording, chunks: &[StoredChunk]) -> Result<Composition> {
        let stage = self.0;
        stage.delete(&Caller::from(stage.bob.clone()), recording.id).await?;
        Joiner(&stage.bucket).compose(recording, chunks).await
    }
}

#[tokio::test]
async fn a_recording_that_is_deleted_while_it_is_put_together_leaves_nothing() {
    let stage = Stage::new().await;
    let recording = stage.recording().await;
    stage.store(&recording, 0, 10);
    stage.queue.take();
    stage.finish(&stage.bob, recording.id, 0).await.unwrap();
    stage.queue.take();
    stage.tend_with(&Interrupted(&stage), Tended::new(&recording)).await.unwrap();
    assert_eq!(stage.bucket.keys(), [""; 0]);
    stage.settle().await;
    assert_eq!(stage.kept(recording.id).await, None);
}

/// Its recording is deleted, and another message removes the chunks, before it reads them.
struct Robbed<'a>(&'a Stage);

impl Composer for Robbed<'_> {
    async fn compose(&self, recording: &Recording, _chunks: &[StoredChunk]) -> Result<Composition> {
        self.0.delete(&self.0.bob.clone().into(), recording.id).await?;
        self.0.tend(Tended::new(recording)).await;
        Err(Error::Unavailable("a chunk is gone".into()))
    }
}

#[tokio::test]
async fn putting_together_that_fails_because_of_a_deletion_is_no_failure() {
    let stage = Stage::new().await;
    let recording = stage.recording().await;
    stage.store(&recording, 0, 10);
    stage.finish(&stage.bob, recording.id, 0).await.unwrap();
    stage.queue.take();
    assert!(stage.tend_with(&Robbed(&stage), Tended::new(&recording)).await.unwrap().is_none());
    stage.settle().await;
    assert_eq!((stage.kept(recording.id).await, stage.bucket.keys()), (None, vec![]));
}

/// Finds nothing to play.
struct Unreadable;

impl Composer for Unreadable {
    async fn compose(&self, _recording: &Recording, _chunks: &[StoredChunk]) -> Result<Composition> {
        Ok(Composition::Step(Step { file: None, gaps: Vec::new(), next: None }))
    }
}

#[tokio::test]
async fn a_recording_that_fails_says_which_chunk_it_needed() {
    for (stored, why) in [
        (1, "chunk 0 did not come, which says how those behind it are to be read"),
        (0, "nothing of what came can be played"),
    ] {
        let stage = Stage::new().await;
        let recording = stage.recording().await;
        stage.store(&recording, stored, 10);
        stage.pass(Duration::from_secs(60));
        stage.finish(&stage.bob, recording.id, stored).await.unwrap();
        stage.pass(LATE);
        stage.tend_with(&Unreadable, Tended::new(&recording)).await.unwrap();
        let failed = stage.kept(recording.id).await.unwrap();
        assert_eq!((failed.status, failed.error.as_deref()), (RecordingStatus::Failed, Some(why)));
    }
}

/// Has another message handled while one puts a recording together.
struct Twice<'a>(&'a Stage);

impl Composer for Twice<'_> {
    async fn compose(&self, recording: &Recording, chunks: &[StoredChunk]) -> Result<Composition> {
        assert!(self.0.tend(Tended::new(recording)).await.is_none());
        Joiner(&self.0.bucket).compose(recording, chunks).await
    }
}

#[tokio::test]
async fn a_message_that_comes_twice_is_handled_once_at_a_time() {
    let stage = Stage::new().await;
    let recording = stage.recording().await;
    stage.store(&recording, 0, 10);
    stage.finish(&stage.bob, recording.id, 0).await.unwrap();
    stage.queue.take();
    stage.tend_with(&Twice(&stage), Tended::new(&recording)).await.unwrap();
    assert_eq!(stage.status(recording.id).await, RecordingStatus::Ready);
    let begun = stage.bucket.calls().into_iter().filter(|call| *call == "begin_file").count();
    assert_eq!(begun, 1);
    // The other one looks again when whoever was at it must have died; then there is nothing left to do.
    let [(wait, tended)] = stage.queue.take()[..] else { panic!("one message") };
    assert_eq!(wait, LEASE);
    stage.pass(wait);
    stage.tend(tended).await;
    assert!(stage.queue.take().is_empty());
    assert_eq!(stage.told().len(), 3);
}

#[tokio::test]
async fn an_object_store_that_fails_is_tried_again_and_a_few_times_at_most() {
    let stage = Stage::new().await;
    let recording = stage.recording().await;
    stage.store(&recording, 0, 10);
    stage.finish(&stage.bob, recording.id, 0).await.unwrap();
    stage.queue.take();
    // The second call is the one by which the file begins.
    stage.bucket.mishaps([None, Some(Mishap::Refused)]);
    assert!(stage.tend(Tended::new(&recording)).await.is_some());
    let [(wait, again)] = stage.queue.take()[..] else { panic!("one message") };
    assert_eq!((wait, again.failures), (Duration::from_secs(30), 1));
    stage.pass(wait);
    assert!(stage.tend(again).await.is_none());
    assert_eq!(stage.status(recording.id).await, RecordingStatus::Ready);
    // What always fails is one of the dead letters in the end.
    let given_up = Tended { failures: 5, ..again };
    stage.bucket.mishaps([Some(Mishap::Refused)]);
    assert!(stage.tend_with(&Joiner(&stage.bucket), given_up).await.is_err());
}

/// What a function can ask of the table.
const OPERATIONS: [&str; 6] = ["GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "TransactWriteItems"];

#[tokio::test]
async fn a_function_that_dies_between_any_two_steps_of_putting_together_is_finished_by_the_next() {
    let mut deaths = 0;
    for operation in OPERATIONS {
        for spared in 0.. {
            let stage = Stage::new().await;
            let recording = stage.recording().await;
            stage.store(&recording, 0, 10);
            stage.finish(&stage.bob, recording.id, 0).await.unwrap();
            stage.queue.take();
            stage.at.database.door().fail_from(operation, Fault::Refused, spared);
            let first = stage.tend(Tended::new(&recording)).await;
            stage.at.database.door().heal();
            if first.is_none() {
                break;
            }
            deaths += 1;
            // What it sent before it failed is not counted on: the queue brings its message again.
            stage.queue.take();
            stage.pass(LEASE);
            stage.tend(Tended::new(&recording)).await;
            stage.settle().await;
            let ready = stage.kept(recording.id).await.unwrap();
            let at = format!("{operation} {spared}");
            assert_eq!((ready.status, ready.untold), (RecordingStatus::Ready, None), "{at}");
            let key = object_keys::file(&recording, 0, "video/webm");
            assert_eq!(stage.bucket.keys(), [key], "{at}");
            let told = stage.told();
            assert!(told.contains(&"recordingStopped bob".to_owned()), "{at}: {told:?}");
            assert!(told.contains(&"recordingReady bob Ready".to_owned()), "{at}: {told:?}");
        }
    }
    assert!(deaths >= 7, "{deaths}");
}

/// Never ends.
struct Stuck;

impl Composer for Stuck {
    async fn compose(&self, _recording: &Recording, _chunks: &[StoredChunk]) -> Result<Composition> {
        std::future::pending().await
    }
}

/// A recording that was finished, and a function that was killed while it put it together for the message `killed`.
async fn killed_while_composing(stage: &Stage) -> Recording {
    let recording = stage.recording().await;
    stage.store(&recording, 0, 10);
    stage.finish(&stage.bob, recording.id, 0).await.unwrap();
    stage.queue.take();
    let mut killed = Box::pin(stage.tend_as("killed", &Stuck, Tended::new(&recording)));
    while stage.kept(recording.id).await.unwrap().lease.is_none() {
        assert!(futures_util::poll!(&mut killed).is_pending());
    }
    recording
}

#[tokio::test]
async fn a_function_that_is_killed_while_it_puts_together_is_followed_by_another_when_its_lease_is_over() {
    let stage = Stage::new().await;
    let recording = killed_while_composing(&stage).await;
    stage.tend(Tended::new(&recording)).await;
    assert_eq!(stage.status(recording.id).await, RecordingStatus::Composing);
    stage.settle().await;
    assert_eq!(stage.status(recording.id).await, RecordingStatus::Ready);
}

#[tokio::test]
async fn a_message_that_comes_again_does_not_wait_for_its_own_lease() {
    let stage = Stage::new().await;
    let recording = killed_while_composing(&stage).await;
    let joiner = Joiner(&stage.bucket);
    assert!(stage.tend_as("killed", &joiner, Tended::new(&recording)).await.unwrap().is_none());
    assert_eq!(stage.status(recording.id).await, RecordingStatus::Ready);
}

#[tokio::test]
async fn a_start_that_dies_leaves_a_recording_that_goes_on_or_none() {
    for operation in OPERATIONS {
        for spared in 0.. {
            let stage = Stage::new().await;
            stage.at.database.door().fail_from(operation, Fault::Refused, spared);
            let first = stage.begin(&stage.bob, RecordingKind::Participant).await;
            stage.at.database.door().heal();
            if first.is_ok() {
                break;
            }
            let id = match stage.begin(&stage.bob, RecordingKind::Participant).await {
                Ok(given) => given.recording.id,
                Err(Error::RecordingActive { recording }) => recording,
                Err(error) => panic!("{operation} {spared}: {error:?}"),
            };
            let told = stage.told();
            assert!(told.contains(&"recordingStarted bob".to_owned()), "{operation} {spared}: {told:?}");
            stage.ask(&stage.bob, id, 0).await.unwrap();
            assert!(!stage.queue.take().is_empty(), "somebody looks after it");
        }
    }
}

#[tokio::test]
async fn answers_that_are_lost_begin_and_finish_nothing_twice() {
    let stage = Stage::new().await;
    stage.at.database.door().fail("TransactWriteItems", Fault::AnswerLost, 1);
    let recording = stage.recording().await;
    stage.store(&recording, 0, 10);
    stage.at.database.door().fail("PutItem", Fault::AnswerLost, 1);
    stage.ask(&stage.bob, recording.id, 1).await.unwrap();
    stage.at.database.door().fail("PutItem", Fault::AnswerLost, 1);
    stage.finish(&stage.bob, recording.id, 0).await.unwrap();
    stage.settle().await;
    assert_eq!(stage.list(&stage.bob.clone().into()).await.unwrap().len(), 1);
    assert_eq!(stage.status(recording.id).await, RecordingStatus::Ready);
}

#[tokio::test]
async fn two_hosts_who_ask_at_once_leave_everybody_with_what_was_asked_last() {
    let stage = Stage::new().await;
    let ask = |wanted| {
        let (ports, id) = (stage.at.ports(&stage.sockets), stage.session.id);
        let caller = Caller::from(stage.alice.clone());
        async move { recordings::request(ports, &caller, id, wanted).await }
    };
    let (one, two) = futures_util::future::join(ask(true), ask(false)).await;
    one.and(two).unwrap();
    let wanted = stage.at.roster(stage.session.id).await.session.controls.recording_requested;
    let told = stage.told();
    assert!(told.contains(&format!("recordingRequested {wanted} 2")), "{told:?}");
    let by = Caller::from(stage.bob.clone());
    let refused = recordings::request(stage.at.ports(&stage.sockets), &by, stage.session.id, true).await;
    assert_eq!(code(refused), "forbidden");
}

fn units(requests: &[Request], operations: &[&str]) -> f64 {
    let those = requests.iter().filter(|request| operations.contains(&request.operation.as_str()));
    those.map(|request| request.units).sum()
}

const READS: [&str; 3] = ["GetItem", "Query", "BatchGetItem"];
const WRITES: [&str; 4] = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"];

/// docs/COST.md names these numbers.
#[tokio::test]
async fn a_recording_of_ten_minutes_costs_a_counted_number_of_units_and_requests() {
    let stage = Stage::new().await;
    let door = stage.at.database.door();
    let counted = || {
        let requests = door.take();
        (units(&requests, &READS), units(&requests, &WRITES))
    };
    counted();
    let recording = stage.recording().await;
    let start = counted();
    for number in 0..150 {
        stage.store(&recording, number, 10);
    }
    for from in [50, 100, 150] {
        stage.ask(&stage.bob, recording.id, from).await.unwrap();
    }
    let ten_minutes = counted();
    stage.finish(&stage.bob, recording.id, 149).await.unwrap();
    let finish = counted();
    let lists_before = stage.bucket.calls().len();
    stage.queue.take();
    stage.tend(Tended::new(&recording)).await;
    let compose = counted();
    assert_eq!(lists_before, 3, "one list for each question");
    let calls = stage.bucket.calls()[lists_before..].to_vec();
    assert_eq!(
        calls,
        ["list_objects", "begin_file", "part", "finish", "list_objects", "remove_objects", "list_objects"]
    );
    assert_eq!([start, ten_minutes, finish, compose], [(2.0, 14.0), (3.0, 3.0), (2.0, 4.0), (2.0, 3.0)]);
}

#[tokio::test]
async fn in_a_session_of_fifty_in_which_all_record_the_cost_is_counted() {
    let stage = Stage::new().await;
    let session = stage.at.samples.session(&stage.alice, 50);
    domain::ports::Sessions::add(&stage.at.store, &session, stage.at.empty_until()).await.unwrap();
    let people: Vec<_> = (0..50).map(|n| stage.at.samples.caller(&format!("user{n}"))).collect();
    for (n, person) in people.iter().enumerate() {
        stage.at.connect(session.id, person, &format!("c{n}")).await;
    }
    stage.at.database.door().take();
    let before = stage.sockets.pushes();
    for person in &people {
        let new = NewRecording { session: session.id, ..stage.new_recording(RecordingKind::Participant) };
        recordings::start(stage.at.ports(&stage.sockets), &stage.queue, &stage.bucket, person, new).await.unwrap();
    }
    let requests = stage.at.database.door().take();
    let counted = (units(&requests, &READS), units(&requests, &WRITES), stage.sockets.pushes() - before);
    assert_eq!(counted, (600.0, 700.0, 2500));
}

#[tokio::test]
async fn a_list_comes_in_pages_and_leaves_nothing_out() {
    let stage = Stage::new().await;
    let mut all = Vec::new();
    for _ in 0..3 {
        for kind in RecordingKind::ALL {
            let recording = stage.begin(&stage.bob, kind).await.unwrap().recording;
            stage.at.store.unmark_recording(&recording).await.unwrap();
            all.push(recording.id);
        }
    }
    all.reverse();
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let (caller, room) = (Caller::from(stage.alice.clone()), RoomRef::Session(stage.session.id));
        let context = stage.at.samples.context();
        let page = recordings::list(&stage.at.store, context, &caller, &room, 4, before).await.unwrap();
        found.extend(page.items.iter().map(|recording| recording.id));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(found, all);
}

#[tokio::test]
async fn a_recording_survives_its_item_with_everything_that_there_can_be() {
    let stage = Stage::new().await;
    let recording = stage.recording().await;
    for number in [0, 2] {
        stage.store(&recording, number, 10);
    }
    stage.finish(&stage.bob, recording.id, 2).await.unwrap();
    stage.settle().await;
    let ready = stage.kept(recording.id).await.unwrap();
    assert!(ready.finish.is_some() && ready.made.as_ref().is_some_and(|made| !made.gaps.is_empty()));
    assert_eq!((ready.by.clone(), ready.media_type.clone()), (recording.by, recording.media_type));
    assert_eq!(ready.keep_until.millis() % 1000, 0, "an end in whole seconds is read as it was written");
    assert_eq!(stage.bucket.list_objects("", None).await.unwrap().items.len(), 1);
    let _session: SessionId = ready.session;
}
