//! Logins, refresh tokens and passwords.

use domain::accounts::{Grant, Registration};
use domain::ports::{PresentedRefresh, RefreshSecret};
use domain::{Email, Error, Password, PasswordHash, Person, Result, Throttle, Username, accounts};

use crate::fake::{Fake, at};

fn password(text: &str) -> Password {
    Password::parse(text.to_owned()).expect("valid")
}

async fn login(fake: &Fake, email: &str, text: &str) -> Result<Grant> {
    let email = Email::parse(email).expect("valid");
    accounts::login(fake, fake, fake, fake.context(5), &email, &password(text), "192.0.2.1").await
}

fn presented(caller: &Person, hash: &str) -> PresentedRefresh {
    PresentedRefresh {
        user: caller.user_id,
        family: caller.family,
        hash: hash.to_owned(),
        secret: RefreshSecret::default(),
    }
}

#[tokio::test]
async fn a_login_is_counted_before_the_password_is_looked_at_and_taken_back_when_it_fits() {
    let fake = Fake::default();
    fake.caller("alice");
    let grant = login(&fake, "Alice@example.org", "alice's password").await.unwrap();
    assert_eq!(grant.user.last_login_at, Some(at(5)));
    let expected = [
        "hit logins of alice@example.org",
        "hit logins from 192.0.2.1",
        "verify",
        "start family",
        "refund logins of alice@example.org",
        "refund logins from 192.0.2.1",
        "record login",
    ];
    assert_eq!(fake.journal(), expected);
    assert!(fake.state().hits.values().all(|hits| *hits == 0));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_account_are_answered_alike_for_the_same_work() {
    let journal_of = async |email: &str| {
        let fake = Fake::default();
        fake.caller("alice");
        let refused = login(&fake, email, "wrong").await.err().unwrap();
        assert!(matches!(refused, Error::InvalidCredentials), "{refused}");
        fake.journal().join(", ").replace(email, "somebody")
    };
    assert_eq!(journal_of("alice@example.org").await, journal_of("nobody@example.org").await);
}

#[tokio::test]
async fn guesses_over_the_limit_are_not_even_looked_at() {
    let mut fake = Fake::default();
    fake.policy.failed_logins_per_account = Throttle { limit: 2, ..fake.policy.failed_logins_per_account };
    fake.caller("alice");
    for _ in 0..2 {
        assert!(matches!(login(&fake, "alice@example.org", "wrong").await.err().unwrap(), Error::InvalidCredentials));
    }
    fake.journal();
    let refused = login(&fake, "alice@example.org", "alice's password").await.err().unwrap();
    assert!(matches!(refused, Error::RateLimited { .. }), "{refused}");
    assert!(!fake.journal().contains(&"verify".to_owned()));
}

#[tokio::test]
async fn a_registration_is_counted_and_logs_in() {
    let mut fake = Fake::default();
    fake.policy.registrations_per_address = Throttle { limit: 2, ..fake.policy.registrations_per_address };
    let register = || {
        let registration = Registration {
            username: Username::parse("alice").unwrap(),
            email: Email::parse("alice@example.org").unwrap(),
            password: password("alice's password"),
            address: "192.0.2.1".to_owned(),
        };
        accounts::register(&fake, &fake, &fake, fake.context(5), registration)
    };
    let grant = register().await.unwrap();
    assert!(fake.state().families.contains_key(&(grant.user.id, grant.family)));
    assert_eq!(grant.refresh_expires_at, at(5) + fake.policy.refresh_token);
    assert!(matches!(register().await.err().unwrap(), Error::UserExists));
    assert!(matches!(register().await.err().unwrap(), Error::RateLimited { .. }));
}

#[tokio::test]
async fn a_refresh_token_leads_to_one_successor_and_an_older_one_ends_the_family() {
    let fake = Fake::default();
    let alice = fake.caller("alice");
    let presented = |hash: &str| presented(&alice, hash);
    let first = accounts::refresh(&fake, &fake, fake.context(5), &presented("alice-1")).await.unwrap();
    assert_eq!((first.user.id, first.family), (alice.user_id, alice.family));
    let again = accounts::refresh(&fake, &fake, fake.context(6), &presented("alice-1")).await.unwrap();
    assert_eq!(again.refresh_token, first.refresh_token, "an answer was lost, or two tabs asked");

    accounts::refresh(&fake, &fake, fake.context(7), &presented("after alice-1")).await.unwrap();
    let older = accounts::refresh(&fake, &fake, fake.context(8), &presented("alice-1")).await;
    assert!(matches!(older.err().unwrap(), Error::InvalidRefreshToken));
    assert!(fake.state().families.is_empty(), "somebody else has it too, so the family is over");
}

#[tokio::test]
async fn a_forged_refresh_token_harms_nobody() {
    let fake = Fake::default();
    let alice = fake.caller("alice");
    let forged = presented(&alice, "forged");
    let refreshed = accounts::refresh(&fake, &fake, fake.context(5), &forged).await;
    assert!(matches!(refreshed.err().unwrap(), Error::InvalidRefreshToken));
    let logged_out = accounts::logout(&fake, fake.context(5), &forged).await;
    assert!(matches!(logged_out.unwrap_err(), Error::InvalidRefreshToken));
    assert_eq!(fake.state().families.len(), 1);
}

#[tokio::test]
async fn logging_out_ends_the_family_and_may_be_repeated() {
    let fake = Fake::default();
    let alice = fake.caller("alice");
    for _ in 0..2 {
        accounts::logout(&fake, fake.context(5), &presented(&alice, "alice-1")).await.unwrap();
        assert!(fake.state().families.is_empty());
    }
    let refreshed = accounts::refresh(&fake, &fake, fake.context(6), &presented(&alice, "alice-1")).await;
    assert!(matches!(refreshed.err().unwrap(), Error::InvalidRefreshToken));
}

async fn change(fake: &Fake, caller: &Person, current: &str, new: &str) -> Result<Grant> {
    let (current, new) = (password(current), password(new));
    accounts::change_password(fake, fake, fake, fake.context(5), caller, &current, &new).await
}

const OLD: &str = "alice's password";
const NEW: &str = "the next password";

#[tokio::test]
async fn a_new_password_leaves_the_callers_login_alone_with_a_new_token() {
    let fake = Fake::default();
    let (alice, bob) = (fake.caller("alice"), fake.caller("bob"));
    login(&fake, "alice@example.org", OLD).await.unwrap();
    assert!(matches!(change(&fake, &alice, "wrong", NEW).await.err().unwrap(), Error::InvalidCredentials));
    let wrong = format!("wrong passwords of {}", alice.user_id);
    assert_eq!(fake.state().hits[&wrong], 1);

    let grant = change(&fake, &alice, OLD, NEW).await.unwrap();
    assert_eq!(grant.family, alice.family, "so that its logout finds its connections");
    let families: Vec<_> = fake.state().families.keys().copied().collect();
    assert_eq!(families, [(alice.user_id, alice.family), (bob.user_id, bob.family)]);
    assert!(login(&fake, "alice@example.org", NEW).await.is_ok());
}

#[tokio::test]
async fn a_caller_whose_login_is_over_gets_a_new_one_with_the_new_password() {
    let fake = Fake::default();
    let alice = fake.caller("alice");
    fake.state().families.clear();
    let grant = change(&fake, &alice, OLD, NEW).await.unwrap();
    assert_ne!(grant.family, alice.family);
    assert_eq!(fake.state().families.keys().collect::<Vec<_>>(), [&(alice.user_id, grant.family)]);
}

#[tokio::test]
async fn a_change_that_was_interrupted_anywhere_is_finished_by_asking_again() {
    for step in ["hash", "revoke all", "replace password", "reissue"] {
        let fake = Fake::default();
        let alice = fake.caller("alice");
        let other = login(&fake, "alice@example.org", OLD).await.unwrap();
        fake.fail(step);
        assert!(change(&fake, &alice, OLD, NEW).await.is_err(), "{step}");
        fake.state().failing.clear();
        change(&fake, &alice, OLD, NEW).await.unwrap();
        assert!(!fake.state().families.contains_key(&(alice.user_id, other.family)), "{step}");
        assert!(login(&fake, "alice@example.org", OLD).await.is_err(), "{step}");
        assert!(login(&fake, "alice@example.org", NEW).await.is_ok(), "{step}");
    }
}

#[tokio::test]
async fn guesses_of_others_keep_nobody_from_changing_the_password() {
    let mut fake = Fake::default();
    fake.policy.failed_logins_per_account = Throttle { limit: 2, ..fake.policy.failed_logins_per_account };
    let alice = fake.caller("alice");
    for _ in 0..3 {
        assert!(login(&fake, "alice@example.org", "guess").await.is_err());
    }
    change(&fake, &alice, OLD, NEW).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(change(&fake, &alice, "guess", OLD).await.err().unwrap(), Error::InvalidCredentials));
    }
    assert!(
        matches!(change(&fake, &alice, NEW, OLD).await.err().unwrap(), Error::RateLimited { .. }),
        "but are limited"
    );
}

/// Runs both at once: the second begins when the first has done so many of its steps, and then they take turns.
async fn overlapped<A, B>(
    first: impl Future<Output = A>,
    head_start: usize,
    second: impl Future<Output = B>,
) -> (A, B) {
    let late = async {
        for _ in 0..head_start {
            tokio::task::yield_now().await;
        }
        second.await
    };
    futures_util::future::join(first, late).await
}

#[tokio::test]
async fn no_login_with_the_old_password_survives_its_change_however_they_overlap() {
    for head_start in 0..24 {
        for change_first in [false, true] {
            let fake = Fake::default();
            let alice = fake.caller("alice");
            fake.state().seed = 1 + head_start as u64;
            let (old, changed) = if change_first {
                let change = change(&fake, &alice, OLD, NEW);
                let (changed, old) = overlapped(change, head_start, login(&fake, "alice@example.org", OLD)).await;
                (old, changed)
            } else {
                overlapped(login(&fake, "alice@example.org", OLD), head_start, change(&fake, &alice, OLD, NEW)).await
            };
            let kept = changed.unwrap().family;
            let families: Vec<_> = fake.state().families.keys().copied().collect();
            assert_eq!(families, [(alice.user_id, kept)], "{head_start} {change_first} {}", old.is_ok());
        }
    }
}

#[tokio::test]
async fn an_older_hash_is_made_anew_when_its_password_is_there() {
    let fake = Fake::default();
    fake.caller("alice");
    fake.state().users[0].password = PasswordHash(format!("old {OLD}"));
    login(&fake, "alice@example.org", OLD).await.unwrap();
    assert_eq!(fake.state().users[0].password, PasswordHash(OLD.to_owned()));
}

#[tokio::test]
async fn of_two_new_passwords_at_once_the_slower_is_refused() {
    let fake = Fake::default();
    let alice = fake.caller("alice");
    fake.state().overtaken = true;
    assert!(matches!(change(&fake, &alice, OLD, NEW).await.err().unwrap(), Error::InvalidCredentials));
    assert!(fake.state().families.contains_key(&(alice.user_id, alice.family)), "and the caller's login goes on");
}

#[tokio::test]
async fn an_account_that_is_going_opens_nothing() {
    let fake = Fake::default();
    let alice = fake.caller("alice");
    fake.state().going.insert(alice.user_id);
    assert!(matches!(login(&fake, "alice@example.org", OLD).await.err().unwrap(), Error::InvalidCredentials));
    assert!(matches!(accounts::require_account(&fake, &alice).await.unwrap_err(), Error::Unauthorized));
}
