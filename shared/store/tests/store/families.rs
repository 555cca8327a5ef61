//! Refresh-token families.

use std::sync::Arc;
use std::time::Duration;

use domain::ports::{Families, PresentedRefresh, RefreshSecret, Rotation};
use domain::{FamilyId, UserId};

use crate::Setting;

fn presented(user: UserId, family: FamilyId, hash: &str) -> PresentedRefresh {
    PresentedRefresh { user, family, hash: hash.to_owned(), secret: RefreshSecret::default() }
}

impl Setting {
    async fn family(&self, hash: &str) -> (UserId, FamilyId) {
        let caller = self.samples.caller("alice");
        self.store.start(caller.user_id, caller.family, hash, self.samples.later(60)).await.unwrap();
        (caller.user_id, caller.family)
    }

    async fn rotate(&self, (user, family): (UserId, FamilyId), hash: &str, next: &str) -> Rotation {
        let (now, end) = (self.samples.now(), self.samples.later(60));
        self.store.rotate(&presented(user, family, hash), next, end, now).await.unwrap()
    }
}

#[tokio::test]
async fn the_newest_token_rotates_and_one_used_before_is_told_from_an_unknown_one() {
    let at = Setting::new().await;
    let family = at.family("first").await;
    assert_eq!(at.rotate(family, "first", "second").await, Rotation::Rotated);
    assert_eq!(at.rotate(family, "second", "third").await, Rotation::Rotated);
    assert_eq!(at.rotate(family, "first", "fourth").await, Rotation::Reused);
    assert_eq!(at.rotate(family, "guessed", "fourth").await, Rotation::Unknown);
    assert_eq!(at.rotate(family, "third", "fourth").await, Rotation::Rotated, "a refusal changes nothing");
}

#[tokio::test]
async fn of_racing_rotations_of_one_token_exactly_one_succeeds() {
    let at = Arc::new(Setting::new().await);
    let family = at.family("first").await;
    let tries: Vec<_> = (0..20)
        .map(|n| {
            let at = Arc::clone(&at);
            tokio::spawn(async move { at.rotate(family, "first", &format!("next{n}")).await })
        })
        .collect();
    let mut outcomes = Vec::new();
    for attempt in tries {
        outcomes.push(attempt.await.unwrap());
    }
    assert_eq!(outcomes.iter().filter(|o| **o == Rotation::Rotated).count(), 1);
    assert_eq!(outcomes.iter().filter(|o| **o == Rotation::Reused).count(), 19);
}

#[tokio::test]
async fn a_family_remembers_its_newest_used_tokens_without_growing_for_ever() {
    let at = Setting::new().await;
    let family = at.family("0").await;
    for n in 0..200 {
        assert_eq!(at.rotate(family, &n.to_string(), &(n + 1).to_string()).await, Rotation::Rotated, "{n}");
    }
    assert_eq!(at.rotate(family, "199", "x").await, Rotation::Reused);
    assert_eq!(at.rotate(family, "170", "x").await, Rotation::Reused);
    assert_eq!(at.rotate(family, "0", "x").await, Rotation::Unknown, "the oldest are forgotten");
}

#[tokio::test]
async fn an_expired_family_is_dead_even_before_it_is_deleted() {
    let at = Setting::new().await;
    let (user, family) = at.family("first").await;
    assert!(at.store.is_live(user, family, at.samples.later(59)).await.unwrap());
    assert!(!at.store.is_live(user, family, at.samples.later(60)).await.unwrap());
    let late = at.samples.later(60);
    let rotation = at.store.rotate(&presented(user, family, "first"), "second", at.samples.later(99), late).await;
    assert_eq!(rotation.unwrap(), Rotation::Unknown);
}

#[tokio::test]
async fn a_revoked_family_is_dead_and_knows_no_token() {
    let at = Setting::new().await;
    let (user, family) = at.family("first").await;
    at.store.revoke(user, family, at.samples.now()).await.unwrap();
    assert!(!at.store.is_live(user, family, at.samples.now()).await.unwrap());
    assert_eq!(at.rotate((user, family), "first", "second").await, Rotation::Unknown);
}

#[tokio::test]
async fn every_family_but_the_kept_one_is_revoked() {
    let at = Setting::new().await;
    let alice = at.samples.user("alice");
    let families: Vec<FamilyId> = (0..60).map(|_| at.samples.caller_for(&alice).family).collect();
    for family in &families {
        at.store.start(alice.id, *family, "hash", at.samples.later(60)).await.unwrap();
    }
    let (other, others) = at.family("hash").await;

    at.store.revoke_all(alice.id, Some(families[7]), at.samples.now()).await.unwrap();
    for (n, family) in families.iter().enumerate() {
        assert_eq!(at.store.is_live(alice.id, *family, at.samples.now()).await.unwrap(), n == 7, "{n}");
    }
    at.store.revoke_all(alice.id, None, at.samples.now()).await.unwrap();
    assert!(!at.store.is_live(alice.id, families[7], at.samples.now()).await.unwrap());
    assert!(at.store.is_live(other, others, at.samples.now()).await.unwrap(), "another user's login stays");
}

#[tokio::test]
async fn the_token_that_was_just_replaced_is_taken_again_for_the_same_successor() {
    let at = Setting::new().await;
    let family = at.family("first").await;
    assert_eq!(at.rotate(family, "first", "second").await, Rotation::Rotated);
    at.samples.clock.advance(Duration::from_millis(9_999));
    assert!(matches!(at.rotate(family, "first", "second").await, Rotation::Repeated(_)));
    assert_eq!(at.rotate(family, "first", "another").await, Rotation::Reused, "not for anything else");
    at.samples.clock.advance(Duration::from_millis(1));
    assert_eq!(at.rotate(family, "first", "second").await, Rotation::Reused, "nor for long");
    assert_eq!(at.rotate(family, "second", "third").await, Rotation::Rotated);
    assert_eq!(at.rotate(family, "first", "second").await, Rotation::Reused, "nor once its successor was used");
}

#[tokio::test]
async fn a_token_ends_its_family_again_and_again_and_a_guess_does_not() {
    let at = Setting::new().await;
    let (user, family) = at.family("first").await;
    assert_eq!(at.rotate((user, family), "first", "second").await, Rotation::Rotated);
    let end = async |hash: &str| at.store.end(&presented(user, family, hash), at.samples.now()).await.unwrap();
    assert!(!end("guessed").await);
    assert!(at.store.is_live(user, family, at.samples.now()).await.unwrap());
    for hash in ["first", "second", "second"] {
        assert!(end(hash).await, "{hash}");
        assert!(!at.store.is_live(user, family, at.samples.now()).await.unwrap());
    }
    assert_eq!(at.rotate((user, family), "second", "third").await, Rotation::Unknown);
    assert!(!at.store.reissue(user, family, "third", at.samples.later(60), at.samples.now()).await.unwrap());
    at.samples.clock.advance(Duration::from_secs(24 * 3600));
    assert!(!end("second").await, "after a day nobody remembers");
}

#[tokio::test]
async fn a_family_that_gets_another_token_forgets_those_from_before() {
    let at = Setting::new().await;
    let (user, family) = at.family("first").await;
    assert!(at.store.reissue(user, family, "second", at.samples.later(60), at.samples.now()).await.unwrap());
    assert_eq!(at.rotate((user, family), "first", "x").await, Rotation::Unknown);
    assert_eq!(at.rotate((user, family), "second", "third").await, Rotation::Rotated);
}
