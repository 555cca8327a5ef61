//! API keys, tokens that were taken back, and the names of rooms.

use std::time::Duration;

use domain::ports::{Endings, Families, KeyAdministration, Keys, Revocations, RoomNames};
use domain::{
    AppKey, Ending, FamilyId, KeyGrant, KeyId, KeyLimits, ProjectId, RoomName, Session, SessionId, Timestamp, UserId,
    Visibility,
};

use crate::Setting;

pub fn key(id: &str, project: &str, created_at: Timestamp) -> AppKey {
    AppKey {
        id: KeyId::parse(id).expect("well formed"),
        project: ProjectId::parse(project).expect("valid"),
        sealed: "v1.a.b".to_owned(),
        created_at,
        disabled_at: None,
        limits: KeyLimits {
            grants: Some(vec![KeyGrant::Join, KeyGrant::List]),
            room_prefix: Some("team-".to_owned()),
            longest_life: Some(Duration::from_secs(600)),
            ends_at: Some(created_at + Duration::from_secs(1)),
        },
        auto_create: false,
    }
}

#[tokio::test]
async fn a_key_is_kept_as_it_is_listed_by_project_and_disabled_once() {
    let at = Setting::new().await;
    let now = at.samples.now();
    let first = key("TK0123456789abcdefghijAA", "acme", now);
    let second = key("TK0123456789abcdefghijAB", "acme", at.samples.later(1));
    let other = key("TK0123456789abcdefghijAC", "acme-2", now);
    for key in [&second, &first, &other] {
        assert!(at.store.add_key(key).await.unwrap());
    }
    assert!(!at.store.add_key(&AppKey { sealed: "another".to_owned(), ..first.clone() }).await.unwrap());
    assert_eq!(at.store.key(&first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(at.store.keys(Some(&first.project)).await.unwrap(), [first.clone(), second.clone()]);
    assert_eq!(at.store.keys(None).await.unwrap(), [first.clone(), second, other]);

    assert!(at.store.disable_key(&first.id, at.samples.later(5)).await.unwrap());
    assert!(at.store.disable_key(&first.id, at.samples.later(9)).await.unwrap());
    let disabled = at.store.key(&first.id).await.unwrap().expect("kept");
    assert_eq!(disabled.disabled_at, Some(at.samples.later(5)));
    assert!(!at.store.disable_key(&KeyId::parse("TK0123456789abcdefghijAD").unwrap(), now).await.unwrap());
}

#[tokio::test]
async fn a_seal_is_replaced_only_where_the_one_that_was_opened_still_stands() {
    let at = Setting::new().await;
    let key = key("TK0123456789abcdefghijAA", "acme", at.samples.now());
    at.store.add_key(&key).await.unwrap();
    at.store.reseal(&key, "v1.new.seal").await.unwrap();
    at.store.reseal(&key, "v1.late.seal").await.unwrap();
    assert_eq!(at.store.key(&key.id).await.unwrap().expect("kept").sealed, "v1.new.seal");
}

#[tokio::test]
async fn tokens_from_before_they_were_taken_back_are_over_and_later_ones_are_not() {
    let at = Setting::new().await;
    let (user, now) = (UserId::of_app([7; 16]), at.samples.now());
    let minted = |at: Timestamp| FamilyId::of_token(at, [0; 10]);
    let is_live = async |family| at.store.is_live(user, family, now).await.unwrap();
    assert!(is_live(minted(now)).await, "nothing was taken back");
    let keep_until = at.samples.later(3600);
    at.store.revoke_tokens(user, at.samples.later(10), keep_until).await.unwrap();
    // Late, and of no effect.
    at.store.revoke_tokens(user, at.samples.later(5), keep_until).await.unwrap();
    assert!(!is_live(minted(at.samples.later(9))).await);
    assert!(is_live(minted(at.samples.later(10))).await);
}

fn room(at: &Setting, project: &ProjectId) -> Session {
    let creator = at.samples.caller("ann");
    Session {
        id: SessionId::new(&at.samples.ids, at.samples.now()),
        project: project.clone(),
        room: Some(RoomName::parse("daily").expect("valid")),
        visibility: Visibility::Unlisted,
        ..at.samples.session(&creator, 5)
    }
}

#[tokio::test]
async fn a_rooms_name_is_one_sessions_of_its_project_until_that_has_ended() {
    let at = Setting::new().await;
    let (acme, other) = (ProjectId::parse("acme").unwrap(), ProjectId::parse("other").unwrap());
    let (first, second, elsewhere) = (room(&at, &acme), room(&at, &acme), room(&at, &other));
    let name = first.room.clone().expect("it has one");
    let empty = at.samples.later(3600);
    assert_eq!(at.store.add_room(&first, empty, None).await.unwrap(), None);
    assert_eq!(at.store.add_room(&second, empty, None).await.unwrap(), Some(first.id));
    assert_eq!(at.store.add_room(&elsewhere, empty, None).await.unwrap(), None);

    // Whoever found that it has ended takes the name over, and the ending that is finished late leaves it alone.
    assert!(at.store.mark_ended(first.id, at.samples.now(), Ending::EndedByCreator, None).await.unwrap());
    assert_eq!(at.store.add_room(&second, empty, Some(first.id)).await.unwrap(), None);
    at.store.forget_active(&first, at.samples.later(60)).await.unwrap();
    assert_eq!(at.store.room(&acme, &name, true).await.unwrap(), Some(second.id));

    assert!(at.store.mark_ended(second.id, at.samples.now(), Ending::EndedByCreator, None).await.unwrap());
    at.store.forget_active(&second, at.samples.later(60)).await.unwrap();
    assert_eq!(at.store.room(&acme, &name, true).await.unwrap(), None, "it was given back");
    assert_eq!(at.store.room(&other, &name, false).await.unwrap(), Some(elsewhere.id));
}
