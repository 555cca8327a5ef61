//! Invitations.

use std::time::Duration;

use domain::ports::{Endings, Erasures, Invites};
use domain::{Ending, GuestRole, Invite, InviteId, SessionId, Timestamp};

use crate::Setting;

impl Setting {
    async fn invited(&self, session: SessionId, number: u8, ends: Timestamp) -> Invite {
        let id = InviteId::parse(&format!("{number:0>22}")).expect("22 characters");
        let invite = Invite {
            id,
            session,
            role: if number.is_multiple_of(2) { GuestRole::Viewer } else { GuestRole::Participant },
            created_at: self.samples.now(),
            expires_at: ends.rounded_up(Duration::from_secs(1)),
        };
        self.store.add_invite(&invite).await.unwrap();
        invite
    }
}

#[tokio::test]
async fn an_invitation_is_found_by_its_session_and_its_code_until_its_end() {
    let at = Setting::new().await;
    let (here, elsewhere) = (at.session(2).await.id, at.session(2).await.id);
    let (hour, now) = (at.samples.later(3600), at.samples.now());
    let [one, two] = [at.invited(here, 1, hour).await, at.invited(here, 2, at.samples.later(60)).await];
    let other = at.invited(elsewhere, 3, hour).await;
    assert_eq!(at.store.invite(here, &one.id, now).await.unwrap().as_ref(), Some(&one));
    assert_eq!(at.store.invite(here, &other.id, now).await.unwrap(), None);
    assert_eq!(at.store.invites(here, now).await.unwrap(), [one.clone(), two.clone()]);
    // TTL deletion can come days late.
    let after = at.samples.later(62);
    assert_eq!(at.store.invite(here, &two.id, after).await.unwrap(), None);
    assert_eq!(at.store.invites(here, after).await.unwrap(), [one]);
}

#[tokio::test]
async fn invitations_are_forgotten_one_by_one_or_all_of_a_session() {
    let at = Setting::new().await;
    let (here, elsewhere) = (at.session(2).await.id, at.session(2).await.id);
    let (hour, now) = (at.samples.later(3600), at.samples.now());
    // More than one batch takes.
    let mut all = Vec::new();
    for number in 0..30 {
        all.push(at.invited(here, number, hour).await);
    }
    let other = at.invited(elsewhere, 99, hour).await;
    for _ in 0..2 {
        at.store.remove_invite(here, &all[0].id).await.unwrap();
    }
    assert_eq!(at.store.invites(here, now).await.unwrap(), all[1..]);
    at.store.remove_invites(here).await.unwrap();
    assert_eq!(at.store.invites(here, now).await.unwrap(), []);
    assert_eq!(at.store.invites(elsewhere, now).await.unwrap(), [other]);
}

#[tokio::test]
async fn invitations_go_with_their_session() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    at.invited(session.id, 1, at.samples.later(3600)).await;
    at.store.mark_ended(session.id, at.samples.now(), Ending::CreatorDeleted, None).await.unwrap();
    at.store.erase_session(session.creator_id, session.id).await.unwrap();
    assert_eq!(at.store.invites(session.id, at.samples.now()).await.unwrap(), []);
}
