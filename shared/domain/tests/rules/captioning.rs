//! Captions.

use std::time::Duration;

use domain::ports::{ChatMessage, Spoken};
use domain::{Membership, SessionState, captions, chat};

use crate::fake::at;
use crate::relaying::call;

fn spoken() -> Spoken {
    Spoken::new("en".to_owned(), at(4), at(5)).expect("a moment ago")
}

#[tokio::test]
async fn what_is_being_said_is_shown_to_everybody_and_kept_nowhere() {
    let (fake, alice, a, bob) = call();
    fake.fail("push b1 receiveCaption hel final=false");
    captions::show(fake.ports(5), &fake.message(&a, &alice, 5, "hel"), &spoken()).await.unwrap();
    fake.state().gone.insert(bob.connection.clone());
    captions::show(fake.ports(5), &fake.message(&a, &alice, 5, "hello"), &spoken()).await.unwrap();
    let pushes = |text| ["a1", "b1"].map(|to| format!("push {to} receiveCaption {text} final=false"));
    let expected = [&["read roster".to_owned()][..], &pushes("hel"), &["read roster".to_owned()], &pushes("hello")];
    assert_eq!(fake.journal(), expected.concat(), "and whom it does not reach is left alone");
    assert!(fake.state().chat.is_empty());
}

#[tokio::test]
async fn a_final_caption_is_kept_before_anybody_gets_it() {
    let (fake, alice, a, _) = call();
    let said = ChatMessage { spoken: Some(spoken()), ..fake.message(&a, &alice, 5, "hello") };
    chat::send(fake.ports(5), &said).await.unwrap();
    let pushes = ["a1", "b1"].map(|to| format!("push {to} receiveCaption hello final=true"));
    assert_eq!(fake.journal(), [&["append hello".to_owned(), "read roster".to_owned()][..], &pushes].concat());
}

#[tokio::test]
async fn whoever_is_gone_is_not_heard() {
    for (gone, code) in [(Membership::Left, "not_joined"), (Membership::Ended, "session_ended")] {
        let (fake, alice, a, _) = call();
        fake.change(&a, |p| p.membership = gone);
        if gone == Membership::Ended {
            fake.state().sessions[0].state = SessionState::Ended(at(4));
        }
        let refused = captions::show(fake.ports(5), &fake.message(&a, &alice, 5, "hi"), &spoken()).await.unwrap_err();
        assert_eq!((refused.code(), fake.journal()), (code, vec!["read roster".to_owned()]));
    }
}

#[test]
fn a_sentence_began_a_moment_ago() {
    let now = at(3600);
    for (began, fits) in [
        (now, true),
        (now.minus(Duration::from_secs(600)), true),
        (now.minus(Duration::from_secs(601)), false),
        (now + Duration::from_secs(60), true),
        (now + Duration::from_secs(61), false),
    ] {
        let spoken = Spoken::new("en".to_owned(), began, now);
        assert_eq!(spoken.is_ok(), fits, "{began:?}");
        assert!(fits || spoken.unwrap_err().to_string().starts_with("startedAt must be"), "{began:?}");
    }
}
