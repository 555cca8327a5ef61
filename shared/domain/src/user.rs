//! Accounts.

use crate::{Timestamp, UserId, text};

/// A user name: 1-50 characters, one of them visible; see [`text`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Parses a name that somebody chooses; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let name = text::name(text)?;
        (1..=50).contains(&name.chars().count()).then_some(Self(name)).ok_or("must be 1-50 characters and not blank")
    }

    /// The longest name that an app gives somebody, in characters: a roster of a hundred has to fit into one message (128 KB).
    pub const LONGEST_OF_APP: usize = 100;

    /// A name that an app gives somebody; nothing of it is composed or trimmed. The error says what it must be.
    pub fn of_app(text: &str) -> Result<Self, &'static str> {
        let fits = text.chars().count() <= Self::LONGEST_OF_APP && !text.chars().any(char::is_control);
        Self::kept(text).filter(|_| fits).ok_or("must be 1-100 characters, none of them a control character")
    }

    /// The name of a guest: it says so itself, wherever it is shown, so that nobody passes for an account. At most 58 characters.
    #[must_use]
    pub fn of_guest(name: &Self) -> Self {
        Self(format!("{} (guest)", name.0))
    }

    /// A name that was accepted before, when the rules may have been wider; `None` for a blank one, which never was.
    pub fn kept(text: &str) -> Option<Self> {
        (!text.trim().is_empty()).then(|| Self(text.to_owned()))
    }

    /// As the user wrote it, composed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The forms in which it is unique: first the one that look-alikes share, then those that names were unique in before.
    pub fn keys(&self) -> Vec<String> {
        text::keys(&self.0)
    }
}

/// An e-mail address, as far as can be told without writing to it: at most 254 bytes (RFC 5321),
/// one `@` with something on both sides, a dot in the domain, no blanks, nothing that is invisible or would have to be
/// quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Parses; the error says what an address must be.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let address = text::name(text).ok().and_then(|text| Self::kept(&text));
        address.filter(|address| !address.0.contains(QUOTED)).ok_or("must be an e-mail address")
    }

    /// An address that may have been accepted before, when the rules were wider; `None` for what never was one.
    pub fn kept(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@')?;
        let parts = !local.is_empty() && local.len() <= 64 && !local.contains('@') && dotted(domain);
        let clean = text.len() <= 254 && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        (parts && clean).then(|| Self(text.to_owned()))
    }

    /// Parses an address that somebody signs in with.
    pub fn parse_known(text: &str) -> Result<Self, &'static str> {
        Self::parse(text).or_else(|reason| Self::kept(text).ok_or(reason))
    }

    /// As the user wrote it, composed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which it is unique: addresses that look alike are the same.
    pub fn key(&self) -> String {
        text::compared(&self.0)
    }

    /// The key, and then the forms that addresses were unique in before.
    pub fn keys(&self) -> Vec<String> {
        text::keys(&self.0)
    }
}

/// What stands in an address only within quotes, which nobody's has (RFC 5322, section 3.2.3).
const QUOTED: [char; 11] = ['"', '(', ')', ',', ':', ';', '<', '>', '[', '\\', ']'];

fn dotted(domain: &str) -> bool {
    domain.contains('.') && domain.split('.').all(|label| !label.is_empty())
}

/// A password in clear; never shown, never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    prepared: String,
    /// As it came, where that differs: passwords were hashed like this once.
    raw: Option<String>,
}

/// One password a line; `#` begins a line that says where they come from.
const COMMON: &str = include_str!("common_passwords.txt");

impl Password {
    /// A new password: 8-128 characters, not blank, none of the commonest. The error says what is wrong.
    pub fn parse_new(text: String) -> Result<Self, &'static str> {
        let password = Self::prepared(text);
        let new = &password.prepared;
        if !(8..=128).contains(&new.chars().count()) {
            return Err("must be 8-128 characters");
        }
        if new.trim().is_empty() {
            return Err("must not be blank");
        }
        if !text::is_typable(new) {
            return Err("must not contain control or unassigned characters");
        }
        let folded = new.to_lowercase();
        if COMMON.lines().any(|common| common == folded) {
            return Err("must not be one of the commonest passwords");
        }
        Ok(password)
    }

    /// A password to check. Its length says nothing about the account, so any up to 128 characters will do.
    pub fn parse(text: String) -> Result<Self, &'static str> {
        (1..=128).contains(&text.chars().count()).then(|| Self::prepared(text)).ok_or("must be 1-128 characters")
    }

    fn prepared(text: String) -> Self {
        let prepared = text::password(&text);
        let raw = (prepared != text).then_some(text);
        Self { prepared, raw }
    }

    /// The clear text, for hashing alone.
    pub fn reveal(&self) -> &str {
        &self.prepared
    }

    /// The clear text as it came, if that differs: what an older hash may be of.
    pub fn reveal_raw(&self) -> Option<&str> {
        self.raw.as_deref()
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

/// A password's hash in PHC string format.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The account's identifier.
    pub id: UserId,
    /// Its unique name.
    pub username: Username,
    /// Its unique address.
    pub email: Email,
    /// Its password's hash.
    pub password: PasswordHash,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it last logged in.
    pub last_login_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for good in ["a@b.co", "first.last+tag@sub.example.org", " padded@example.org "] {
            assert!(Email::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "a@b", "@b.co", "a@", "a@b..co", "a@@b.co", "a b@c.de", "a@.co", "a@b.co."] {
            assert!(Email::parse(bad).is_err(), "{bad}");
        }
        assert!(Email::parse(&format!("{}@example.org", "x".repeat(65))).is_err());
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(Username::parse(&"ü".repeat(50)).is_ok());
        assert!(Username::parse(&"ü".repeat(51)).is_err());
        assert!(Username::parse("   ").is_err());
        assert!(Password::parse_new("ü".repeat(8)).is_ok());
        assert!(Password::parse_new("ü".repeat(7)).is_err());
        assert!(Password::parse_new("x".repeat(129)).is_err());
    }

    #[test]
    fn an_address_has_nothing_hidden_in_it() {
        for bad in ["a\u{200B}@b.co", "a\u{202E}b@c.de", "<x@b.co>", "x@b.co\u{AD}", "\"a b\"@c.de"] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
        let [composed, decomposed] =
            ["jos\u{e9}@b.co", "jose\u{301}@b.co"].map(|text| Email::parse(text).expect("valid"));
        assert_eq!(composed, decomposed);
    }

    #[test]
    fn a_password_is_the_same_from_every_keyboard() {
        let [composed, decomposed] =
            ["p\u{e4}ssword1", "pa\u{308}ssword1"].map(|text| Password::parse_new(text.to_owned()).expect("valid"));
        assert_eq!(composed.reveal(), decomposed.reveal());
        assert_eq!((composed.reveal_raw(), decomposed.reveal_raw()), (None, Some("pa\u{308}ssword1")));
        let wide = Password::parse_new("correct\u{3000}horse".to_owned()).expect("valid");
        assert_eq!(wide.reveal(), "correct horse");
    }

    #[test]
    fn a_new_password_that_anybody_would_guess_or_nobody_can_type_is_refused() {
        for bad in [
            "12345678",
            "passwort",
            "Password1",
            "QWERTYUIOP",
            "        ",
            "\u{3000}\u{3000}  \u{2003}   ",
            "\0\0\0\0\0\0\0\0",
        ] {
            assert!(Password::parse_new(bad.to_owned()).is_err(), "{bad:?}");
        }
        assert!(Password::parse("12345678".to_owned()).is_ok(), "who has it already may sign in");
    }

    #[test]
    fn names_kept_from_before_are_still_read() {
        assert_eq!(Username::kept("ad\u{200B}min").expect("kept").as_str(), "ad\u{200B}min");
        assert_eq!((Username::kept(" "), Email::kept("")), (None, None));
    }

    #[test]
    fn a_password_does_not_show_in_debug_output() {
        let password = Password::parse("hunter22".to_owned()).expect("valid");
        assert_eq!(format!("{password:?}"), "Password(..)");
    }
}
