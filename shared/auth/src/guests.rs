//! Guests: the codes of invitations, and the tokens of whoever redeems one.

use std::time::Duration;

use aws_lc_rs::digest::{self, SHA256};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::invites::Guest;
use domain::ports::{GuestMint, MintedGuest, MintedInvite, PresentedInvite};
use domain::{
    Error, FamilyId, GuestRole, Identity, InviteId, Person, ProjectId, Result, SessionId, Timestamp, Username,
};
use serde::{Deserialize, Serialize};

use crate::jwt::{Signer, unauthorized};
use crate::random;
use crate::secrets::{Purpose, Secrets};
use crate::user_of;

/// A seat serves its holder for so long after the invitation has ended.
const LONGEST_SEAT: Duration = Duration::from_secs(24 * 3600);
/// The session's identifier, and as many random bytes.
const CODE_BYTES: usize = 32;

/// Makes and reads codes: base64url of the session (16 bytes) and a random secret (16 bytes). The secret has 128 random bits, so a fast hash
/// keeps it as safe as a slow one would.
#[derive(Debug, Clone, Copy)]
pub struct Invitations;

impl Invitations {
    /// What a code names and what proves it; `None` for what was never one of ours.
    pub fn parse(code: &str) -> Option<PresentedInvite> {
        let bytes: [u8; CODE_BYTES] = BASE64_URL_SAFE_NO_PAD.decode(code).ok()?.try_into().ok()?;
        let (session, secret) = bytes.split_first_chunk()?;
        Some(PresentedInvite { session: SessionId::from_bytes(*session).ok()?, id: id_of(secret) })
    }
}

impl GuestMint for Invitations {
    fn mint_invite(&self, session: SessionId) -> MintedInvite {
        let secret = random::bytes::<16>();
        let code = BASE64_URL_SAFE_NO_PAD.encode([session.as_bytes().as_slice(), &secret].concat());
        MintedInvite { id: id_of(&secret), code }
    }

    fn mint_guest(&self, invite: &InviteId) -> MintedGuest {
        let identity = Identity::of_guest(invite, &BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<16>()));
        MintedGuest { user_id: user_of(&ProjectId::default(), &identity), identity }
    }
}

/// The first half of the secret's SHA-256.
fn id_of(secret: &[u8]) -> InviteId {
    let hash = digest::digest(&SHA256, secret);
    let text = BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]);
    InviteId::parse(&text).expect("16 bytes are 22 characters of base64url")
}

/// Issues and verifies the tokens of guests (audience `TunRTC.Guests`).
#[derive(Debug, Clone)]
pub struct GuestTokens(Signer);

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    name: String,
    fam: String,
    session: String,
    role: String,
}

impl GuestTokens {
    /// With keys of their own, derived from the secrets.
    pub fn new(secrets: &Secrets) -> Self {
        Self(Signer::new(secrets, Purpose::Guest, "TunRTC.Guests"))
    }

    /// A token for the guest, and when it ends: a day after the invitation, because a seat goes on for so long. Until when it takes a seat,
    /// the invitation says.
    pub fn issue(&self, guest: &Guest, family: FamilyId, now: Timestamp) -> (String, Timestamp) {
        let invite = &guest.invitation.invite;
        let claims = Claims {
            sub: guest.identity.as_str().to_owned(),
            name: guest.username.as_str().to_owned(),
            fam: family.to_string(),
            session: invite.session.to_string(),
            role: invite.role.name().to_owned(),
        };
        self.0.sign(&claims, now, invite.expires_at + LONGEST_SEAT)
    }

    /// Whether a token says to be a guest's.
    pub(crate) fn names_key(&self, token: &str) -> bool {
        self.0.names_key(token)
    }

    /// Who presents the token; `Unauthorized` unless it is ours and has not ended. What is given for it lasts for `access`.
    pub(crate) fn verify(&self, token: &str, now: Timestamp, access: Duration) -> Result<Person> {
        let (claims, _) = self.0.verify::<Claims>(token, now)?;
        let identity = Identity::parse(&claims.sub).map_err(unauthorized)?;
        let user = user_of(&ProjectId::default(), &identity);
        let username = Username::kept(&claims.name).ok_or(Error::Unauthorized)?;
        let session = claims.session.parse().map_err(unauthorized)?;
        let role = GuestRole::named(&claims.role).ok_or(Error::Unauthorized)?;
        let family = claims.fam.parse().map_err(unauthorized)?;
        Ok(Person::guest((user, identity), username, family, now + access, (session, role)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use domain::invites::Invitation;
    use domain::{
        Attached, Controls, Invite, RoomRef, Rooms, Session, SessionKind, SessionName, SessionState, UserId, Visibility,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::samples::{NOW, alice, family_id, junk, secrets, session_id, tampered, ticket, user_id};
    use crate::{Tickets, Tokens};

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn tokens() -> GuestTokens {
        GuestTokens::new(&secrets())
    }

    fn session() -> Session {
        Session {
            id: session_id(),
            name: SessionName::parse("Daily").expect("a name"),
            kind: SessionKind::VideoCall,
            visibility: Visibility::Unlisted,
            state: SessionState::Active,
            max_participants: 4,
            seats_taken: 0,
            created_at: NOW,
            touched_at: NOW,
            project: ProjectId::default(),
            room: None,
            creator_id: user_id(),
            creator_username: alice().username,
            controls: Controls::default(),
            metadata: Attached::Nothing,
        }
    }

    fn guest(role: GuestRole) -> Guest {
        let minted = Invitations.mint_invite(session_id());
        let MintedGuest { identity, user_id } = Invitations.mint_guest(&minted.id);
        let hour = NOW + Duration::from_secs(3600);
        let invite = Invite { id: minted.id, session: session_id(), role, created_at: NOW, expires_at: hour };
        let username = Username::of_guest(&Username::parse("Mallory").expect("a name"));
        Guest { user_id, identity, username, invitation: Invitation { invite, session: session() } }
    }

    #[test]
    fn a_code_names_its_session_and_hashes_to_what_the_table_keeps() {
        let minted = Invitations.mint_invite(session_id());
        let presented = Invitations::parse(&minted.code).expect("one of ours");
        assert_eq!((presented.session, &presented.id), (session_id(), &minted.id));
        assert!(!minted.code.contains(minted.id.as_str()));
        let codes: HashSet<_> = (0..100).map(|_| Invitations.mint_invite(session_id()).code).collect();
        assert_eq!(codes.len(), 100);
    }

    #[test]
    fn the_layout_and_the_hash_are_those_of_links_in_use() {
        // The session of the samples, then the bytes 0 to 15; the first half of their SHA-256, computed with Python's hashlib.
        let presented = Invitations::parse("AaHtXIYAcACAAAAAAAAABAABAgMEBQYHCAkKCwwNDg8").expect("one of ours");
        assert_eq!(presented.session, session_id());
        assert_eq!(presented.id.as_str(), "vkXLJgW_Nr695oSEGijw_Q");
    }

    #[test]
    fn a_token_admits_a_guest_to_one_session_for_a_day_longer_than_the_link() {
        for (role, looks_on) in [(GuestRole::Participant, false), (GuestRole::Viewer, true)] {
            let guest = guest(role);
            let (token, expires_at) = tokens().issue(&guest, family_id(), NOW);
            assert_eq!(expires_at, guest.invitation.invite.expires_at + DAY);
            let person = tokens().verify(&token, NOW, DAY).expect("good");
            assert_eq!((person.user_id, person.identity.as_ref()), (guest.user_id, Some(&guest.identity)));
            assert_eq!(person.scope.rooms, Rooms::Only(RoomRef::Session(session_id())));
            assert!(person.scope.project.is_default() && person.grants.looks_on == looks_on);
            let grants = person.grants;
            assert!(!grants.room_create && !grants.room_admin && !grants.room_list && !grants.update_own_metadata);
            assert_eq!(person.invite(), Some(guest.invitation.invite.id));
            assert_eq!((person.username.as_str(), person.expires_at), ("Mallory (guest)", NOW + DAY));
            assert!(matches!(tokens().verify(&token, expires_at, DAY), Err(Error::Unauthorized)));
        }
    }

    #[test]
    fn tokens_of_one_use_are_none_of_another() {
        let (token, _) = tokens().issue(&guest(GuestRole::Participant), family_id(), NOW);
        assert!(Tokens::new(&secrets()).verify(&token, NOW).is_err());
        assert!(Tickets::new(&secrets()).verify(&token, NOW).is_err());
        let (access, _) = Tokens::new(&secrets()).issue(&alice(), family_id(), NOW, DAY);
        let (ticket, _) = Tickets::new(&secrets()).mint(&ticket(), NOW, DAY);
        for other in [access, ticket] {
            assert!(!tokens().names_key(&other) && tokens().verify(&other, NOW, DAY).is_err());
        }
    }

    #[test]
    fn no_user_of_an_app_is_a_guest() {
        let guest = guest(GuestRole::Participant);
        assert!(guest.user_id.is_of_app() && guest.user_id != UserId::of_app([0; 16]));
        let elsewhere = ProjectId::parse("acme").expect("valid");
        assert_ne!(user_of(&elsewhere, &guest.identity), guest.user_id);
    }

    proptest! {
        #[test]
        fn junk_is_no_code_and_no_token(text in junk(), at in any::<usize>()) {
            prop_assert!(Invitations::parse(&text).is_none());
            prop_assert!(!tokens().names_key(&text) && tokens().verify(&text, NOW, DAY).is_err());
            let (good, _) = tokens().issue(&guest(GuestRole::Viewer), family_id(), NOW);
            prop_assert!(tokens().verify(&tampered(&good, at), NOW, DAY).is_err());
        }

        #[test]
        fn another_code_is_another_invitation(at in any::<usize>()) {
            let minted = Invitations.mint_invite(session_id());
            let other = Invitations::parse(&tampered(&minted.code, at));
            prop_assert!(other.is_none_or(|other| (other.session, other.id) != (session_id(), minted.id)));
        }
    }
}
