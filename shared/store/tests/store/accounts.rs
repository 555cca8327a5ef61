//! Accounts.

use std::sync::Arc;

use domain::ports::Users;
use domain::{Email, PasswordHash, Timestamp, Username};

use crate::Setting;

#[tokio::test]
async fn an_account_is_found_by_its_address_in_any_case_and_by_its_identifier() {
    let at = Setting::new().await;
    let alice = at.samples.user("Alice");
    at.store.create(&alice).await.unwrap();

    let shouted = Email::parse("ALICE@EXAMPLE.ORG").unwrap();
    assert_eq!(at.store.by_email(&shouted).await.unwrap(), Some(alice.clone()));
    assert_eq!(at.store.by_id(alice.id).await.unwrap(), Some(alice));
}

#[tokio::test]
async fn an_unknown_account_is_not_found() {
    let at = Setting::new().await;
    let nobody = at.samples.user("nobody");
    assert_eq!(at.store.by_email(&nobody.email).await.unwrap(), None);
    assert_eq!(at.store.by_id(nobody.id).await.unwrap(), None);
}

#[tokio::test]
async fn an_address_or_a_name_is_taken_whatever_its_case() {
    let at = Setting::new().await;
    let alice = at.samples.user("alice");
    at.store.create(&alice).await.unwrap();

    let mut same_name = at.samples.user("other");
    same_name.username = Username::parse("ALICE").unwrap();
    let mut same_address = at.samples.user("another");
    same_address.email = Email::parse("Alice@Example.org").unwrap();
    for second in [same_name, same_address] {
        let refused = at.store.create(&second).await.unwrap_err();
        assert_eq!(refused.code(), "user_exists");
        assert_eq!(at.store.by_id(second.id).await.unwrap(), None, "nothing of a refused account is kept");
    }
}

#[tokio::test]
async fn of_racing_registrations_of_one_address_exactly_one_wins() {
    let at = Arc::new(Setting::new().await);
    let tries = (0..20).map(|n| {
        let at = Arc::clone(&at);
        tokio::spawn(async move {
            let mut user = at.samples.user(&format!("user{n}"));
            user.email = Email::parse("wanted@example.org").unwrap();
            at.store.create(&user).await.is_ok()
        })
    });
    let mut winners = 0;
    for attempt in tries.collect::<Vec<_>>() {
        winners += usize::from(attempt.await.unwrap());
    }
    assert_eq!(winners, 1);
}

#[tokio::test]
async fn a_login_is_noted() {
    let at = Setting::new().await;
    let alice = at.samples.user("alice");
    at.store.create(&alice).await.unwrap();
    at.store.record_login(alice.id, Timestamp::from_millis(1_795_000_000_007)).await.unwrap();
    let found = at.store.by_id(alice.id).await.unwrap().unwrap();
    assert_eq!(found.last_login_at, Some(Timestamp::from_millis(1_795_000_000_007)));
}

#[tokio::test]
async fn a_login_of_a_removed_account_leaves_nothing_behind() {
    let at = Setting::new().await;
    let alice = at.samples.user("alice");
    at.store.record_login(alice.id, at.samples.now()).await.unwrap();
    assert_eq!(at.store.by_id(alice.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_password_is_replaced_only_while_it_is_still_the_old_one() {
    let at = Setting::new().await;
    let alice = at.samples.user("alice");
    at.store.create(&alice).await.unwrap();
    let [first, second] = ["first", "second"].map(|hash| PasswordHash(hash.to_owned()));

    assert!(at.store.replace_password(alice.id, &alice.password, &first).await.unwrap());
    assert!(!at.store.replace_password(alice.id, &alice.password, &second).await.unwrap());
    assert_eq!(at.store.by_id(alice.id).await.unwrap().unwrap().password, first);
}

#[tokio::test]
async fn a_removed_account_frees_its_address_and_its_name() {
    let at = Setting::new().await;
    let first = at.samples.user("alice");
    at.store.create(&first).await.unwrap();
    at.store.remove(&first).await.unwrap();
    assert_eq!(at.store.by_id(first.id).await.unwrap(), None);
    assert_eq!(at.store.by_email(&first.email).await.unwrap(), None);

    let second = at.samples.user("alice");
    at.store.create(&second).await.unwrap();
    at.store.remove(&first).await.unwrap();
    assert_eq!(at.store.by_email(&second.email).await.unwrap(), Some(second), "a late second removal hits nobody else");
}

#[tokio::test]
async fn an_account_that_is_going_has_no_password_and_is_still_found() {
    let at = Setting::new().await;
    let alice = at.samples.user("alice");
    assert_eq!(at.store.password_of(alice.id).await.unwrap(), None);
    at.store.create(&alice).await.unwrap();
    assert_eq!(at.store.password_of(alice.id).await.unwrap(), Some(alice.password.clone()));
    at.store.begin_removal(alice.id).await.unwrap();
    assert_eq!(at.store.password_of(alice.id).await.unwrap(), None);
    assert_eq!(at.store.by_id(alice.id).await.unwrap(), Some(alice.clone()), "so that its removal can be repeated");
    at.store.remove(&alice).await.unwrap();
    at.store.begin_removal(alice.id).await.unwrap();
    assert_eq!(at.store.by_id(alice.id).await.unwrap(), None, "and nothing of it comes back");
}

#[tokio::test]
async fn a_name_or_an_address_that_looks_like_a_taken_one_is_taken() {
    let at = Setting::new().await;
    at.store.create(&at.samples.user("admin")).await.unwrap();
    for (name, address) in [("\u{430}dmin", "other@example.org"), ("other", "\u{430}dmin@example.org")] {
        let mut twin = at.samples.user("twin");
        (twin.username, twin.email) = (Username::parse(name).unwrap(), Email::parse(address).unwrap());
        assert_eq!(at.store.create(&twin).await.unwrap_err().code(), "user_exists");
    }
}
