//! What proves who somebody is: nothing but what was given out may do so.

use std::sync::OnceLock;
use std::time::Duration;

use auth::{RefreshTokens, Secrets, Ticket, Tickets, Tokens};
use domain::ports::RefreshMint;
use domain::{Email, FamilyId, PasswordHash, SessionId, TicketId, Timestamp, User, UserId, Username};

use crate::text;

const NOW: Timestamp = Timestamp::from_millis(1_795_348_800_000);
const LIFETIME: Duration = Duration::from_secs(60);

fn secrets() -> Secrets {
    Secrets::parse("a secret of the fuzz targets alone, long enough", None).expect("long enough")
}

/// An access token is refused unless it is one that was given out: the input changes a good one, or stands alone.
pub fn token(input: &[u8]) {
    static GOOD: OnceLock<(Tokens, String)> = OnceLock::new();
    let (tokens, good) = GOOD.get_or_init(|| {
        let tokens = Tokens::new(&secrets());
        let user = User {
            id: UserId::first_at(NOW),
            username: Username::parse("alice").expect("a name"),
            email: Email::parse("alice@example.org").expect("an address"),
            password: PasswordHash(String::new()),
            created_at: NOW,
            last_login_at: None,
        };
        let (token, _) = tokens.issue(&user, FamilyId::first_at(NOW), NOW, LIFETIME);
        (tokens, token)
    });
    let input = text(input);
    for forged in [input.to_owned(), spliced(good, input)] {
        assert!(forged == *good || tokens.verify(&forged, NOW).is_err(), "{forged:?}");
    }
    let of_header = tokens.verify_bearer(Some(input), NOW);
    assert!(of_header.is_err() || input.contains(good.as_str()), "{input:?}");
}

/// The same for tickets.
pub fn ticket(input: &[u8]) {
    static GOOD: OnceLock<(Tickets, String)> = OnceLock::new();
    let (tickets, good) = GOOD.get_or_init(|| {
        let tickets = Tickets::new(&secrets());
        let ticket = Ticket {
            id: TicketId::first_at(NOW),
            user: UserId::first_at(NOW),
            username: Username::parse("alice").expect("a name"),
            session: SessionId::first_at(NOW),
            attempt: 1,
            family: FamilyId::first_at(NOW),
            access_expires_at: NOW + LIFETIME,
            waiting: None,
            identity: None,
        };
        let (text, _) = tickets.mint(&ticket, NOW, LIFETIME);
        (tickets, text)
    });
    for forged in [text(input).to_owned(), spliced(good, text(input))] {
        assert!(forged == *good || tickets.verify(&forged, NOW).is_err(), "{forged:?}");
    }
}

/// The first character of the input says where the rest of it is put into a good token.
fn spliced(good: &str, input: &str) -> String {
    let mut rest = input.chars();
    let at = rest.next().map_or(0, |c| c as usize % good.len());
    let put: String = rest.collect();
    let end = (at + put.len()).min(good.len());
    // A good token is ASCII.
    format!("{}{put}{}", &good[..at], &good[end..])
}

/// A refresh token is none, or names what one names that is made for the same login.
pub fn refresh(input: &[u8]) {
    if let Some(presented) = RefreshTokens::parse(text(input)) {
        let tokens = RefreshTokens::new(&secrets());
        for minted in [tokens.mint(presented.user, presented.family), tokens.successor(&presented)] {
            let again = RefreshTokens::parse(&minted.token).expect("one of ours");
            assert_eq!((again.user, again.family), (presented.user, presented.family));
            assert_ne!(again.hash, presented.hash, "a secret is never made twice");
        }
    }
}
