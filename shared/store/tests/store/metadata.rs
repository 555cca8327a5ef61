//! What apps keep with sessions.

use domain::ports::{ControlsSet, Endings, Erasures, Moderation, SessionChange, SessionMetadata, Sessions};
use domain::{Attached, Ending, Metadata, Session};

use crate::Setting;

fn metadata(text: &str) -> Metadata {
    Metadata::parse(text).expect("short enough").expect("not empty")
}

impl Setting {
    /// A stored session with that metadata.
    async fn session_with(&self, text: &str) -> Session {
        let mut session = self.samples.session(&self.samples.caller("host"), 2);
        session.metadata = Metadata::parse(text).expect("short enough").into();
        self.store.add(&session, self.empty_until()).await.unwrap();
        session
    }

    async fn set(&self, session: &Session, text: &str, seen: Option<u64>) -> ControlsSet {
        let metadata = Some(Metadata::parse(text).expect("short enough"));
        let change = SessionChange { metadata, seen, ..SessionChange::default() };
        self.store.set_controls(session.id, &change, self.samples.now()).await.unwrap()
    }

    async fn kept(&self, session: &Session) -> (Attached, Option<Metadata>) {
        let kept = self.store.metadata_of(session.id, self.samples.now()).await.unwrap();
        (self.roster(session.id).await.session.metadata, kept)
    }
}

#[tokio::test]
async fn metadata_lies_beside_its_session_and_changes_with_its_version() {
    let at = Setting::new().await;
    let session = at.session_with("one").await;
    assert_eq!(at.kept(&session).await, (Attached::Unread, Some(metadata("one"))));
    let ControlsSet::Set(changed) = at.set(&session, &"x".repeat(4096), Some(0)).await else { panic!("refused") };
    assert_eq!((changed.controls.version, changed.metadata.read().map(|m| m.as_str().len())), (1, Some(4096)));
    assert_eq!(at.set(&session, "late", Some(0)).await, ControlsSet::Refused);
    assert_eq!(at.kept(&session).await.1.map(|kept| kept.as_str().len()), Some(4096), "neither of the two was written");
    let ControlsSet::Set(changed) = at.set(&session, "", Some(1)).await else { panic!("refused") };
    assert_eq!((changed.controls.version, &changed.metadata), (2, &Attached::Removed));
    assert_eq!(at.kept(&session).await, (Attached::Nothing, None));
}

#[tokio::test]
async fn metadata_goes_when_its_session_does() {
    let at = Setting::new().await;
    let (session, erased) = (at.session_with("one").await, at.session_with("two").await);
    at.store.mark_ended(session.id, at.samples.now(), Ending::EndedByCreator, None).await.unwrap();
    assert_eq!(at.set(&session, "late", None).await, ControlsSet::Refused, "an ended session gets no other");
    let ended = at.roster(session.id).await.session;
    at.store.forget_active(&ended, at.samples.later(60)).await.unwrap();
    let at_time = async |seconds| at.store.metadata_of(session.id, at.samples.later(seconds)).await.unwrap();
    assert_eq!((at_time(59).await, at_time(60).await), (Some(metadata("one")), None));
    at.store.erase_session(erased.creator_id, erased.id).await.unwrap();
    assert_eq!(at.store.metadata_of(erased.id, at.samples.now()).await.unwrap(), None);
}
