//! Logins, refresh tokens and passwords.

use domain::accounts::{Grant, Registration};
use domain::ports::PresentedRefresh;
use domain::{Caller, Email, Error, Password, Result, Throttle, Username, accounts};

use crate::fake::{Fake, at};

fn password(text: &str) -> Password {
    Password::parse(text.to_owned()).expect("valid")
}

async fn login(fake: &Fake, email: &str, text: &str) -> Result<Grant> {
    let email = Email::parse(email).expect("valid");
    accounts::login(fake, fake, fake, fake.context(5), &email, &password(text), "192.0.2.1").await
}

fn presented(caller: &Caller, hash: &str) -> PresentedRefresh {
    PresentedRefresh { user: caller.user_id, family: caller.family, hash: hash.to_owned() }
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
        "refund logins of alice@example.org",
        "refund logins from 192.0.2.1",
        "record login",
        "start family",
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
async fn a_refresh_token_is_good_for_one_exchange() {
    let fake = Fake::default();
    let alice = fake.caller("alice");
    let grant = accounts::refresh(&fake, &fake, fake.context(5), &presented(&alice, "alice-1")).await.unwrap();
    assert_eq!((grant.user.id, grant.family), (alice.user_id, alice.family));

    let again = accounts::refresh(&fake, &fake, fake.context(6), &presented(&alice, "alice-1")).await;
    assert!(matches!(again.err().unwrap(), Error::InvalidRefreshToken));
    assert!(fake.state().families.is_empty(), "somebody else has it too, so the family is over");
}

#[tokio::test]
async fn a_forged_refresh_token_harms_nobody() {
    let fake = Fake::default();
    let alice = fake.caller("alice");
    let forged = presented(&alice, "forged");
    let refreshed = accounts::refresh(&fake, &fake, fake.context(5), &forged).await;
    assert!(matches!(refreshed.err().unwrap(), Error::InvalidRefreshToken));
    let logged_out = accounts::logout(&fake, &fake, fake.context(5), &forged).await;
    assert!(matches!(logged_out.unwrap_err(), Error::InvalidRefreshToken));
    assert_eq!(fake.state().families.len(), 1);
}

#[tokio::test]
async fn logging_out_ends_the_family() {
    let fake = Fake::default();
    let alice = fake.caller("alice");
    accounts::logout(&fake, &fake, fake.context(5), &presented(&alice, "alice-1")).await.unwrap();
    assert!(fake.state().families.is_empty());
}

#[tokio::test]
async fn a_new_password_leaves_the_callers_new_login_alone() {
    let fake = Fake::default();
    let (alice, bob) = (fake.caller("alice"), fake.caller("bob"));
    let change = |current: &'static str| {
        let (current, new) = (password(current), password("the next password"));
        let (fake, user) = (&fake, alice.user_id);
        async move { accounts::change_password(fake, fake, fake, fake.context(5), user, &current, &new).await }
    };
    assert!(matches!(change("wrong").await.err().unwrap(), Error::InvalidCredentials));
    assert_eq!(fake.state().hits["logins of alice@example.org"], 1, "a wrong one counts as a failed login");

    let grant = change("alice's password").await.unwrap();
    let families: Vec<_> = fake.state().families.keys().copied().collect();
    assert!(families.contains(&(alice.user_id, grant.family)) && families.contains(&(bob.user_id, bob.family)));
    assert_eq!(families.len(), 2, "alice's other login is over");
    assert!(login(&fake, "alice@example.org", "the next password").await.is_ok());
    assert!(change("alice's password").await.is_err());
}

#[tokio::test]
async fn of_two_new_passwords_at_once_the_slower_is_refused() {
    let fake = Fake::default();
    let alice = fake.caller("alice");
    fake.state().overtaken = true;
    let (current, new) = (password("alice's password"), password("the next password"));
    let changed = accounts::change_password(&fake, &fake, &fake, fake.context(5), alice.user_id, &current, &new).await;
    assert!(matches!(changed.err().unwrap(), Error::InvalidCredentials));
    assert!(fake.state().families.contains_key(&(alice.user_id, alice.family)), "and no login ends for it");
}
