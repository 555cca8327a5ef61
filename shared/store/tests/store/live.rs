//! What goes on in projects, counted.

use domain::ports::{Live, LiveKind, Living};
use domain::{ProjectId, SessionId};

use crate::Setting;

#[tokio::test]
async fn what_goes_on_is_counted_by_project_and_kind_up_to_what_is_asked() {
    let at = Setting::new().await;
    let (acme, other) = (ProjectId::parse("acme").unwrap(), ProjectId::parse("other").unwrap());
    let stay = |n: u32| Living::Stay(format!("stay_{n}"));
    let session = Living::Session(SessionId::first_at(at.samples.now()));
    let until = at.samples.later(60);
    for n in [1, 2, 3, 3] {
        at.store.note_live(&acme, &stay(n), until).await.unwrap();
    }
    at.store.note_live(&acme, &session, until).await.unwrap();
    at.store.note_live(&other, &stay(1), until).await.unwrap();
    let count = async |project: &ProjectId, kind: LiveKind, most: u32| {
        at.store.count_live(project, kind, most, at.samples.now()).await.unwrap()
    };
    assert_eq!((count(&acme, LiveKind::Stays, 100).await, count(&acme, LiveKind::Sessions, 100).await), (3, 1));
    assert_eq!((count(&acme, LiveKind::Stays, 2).await, count(&other, LiveKind::Stays, 2).await), (2, 1));
    for _ in 0..2 {
        at.store.note_over(&acme, &stay(2)).await.unwrap();
    }
    assert_eq!(count(&acme, LiveKind::Stays, 100).await, 2);
    let later = at.store.count_live(&acme, LiveKind::Stays, 100, until).await.unwrap();
    assert_eq!(later, 0, "what was never said to be over counts no longer than it is kept");
}
