//! Accounts and who is calling.

use crate::{FamilyId, Timestamp, UserId};

/// A user name: 1-50 characters, none of them a control character, not blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Parses; the error says what a user name must be.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let valid = (1..=50).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        valid.then(|| Self(text.to_owned())).ok_or("must be 1-50 characters and not blank")
    }

    /// As the user wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which it is unique.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

/// An e-mail address, as far as can be told without writing to it: at most 254 bytes (RFC 5321),
/// one `@` with something on both sides, a dot in the domain, no blanks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Parses; the error says what an address must be.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let parts = text
            .rsplit_once('@')
            .filter(|(local, domain)| !local.is_empty() && local.len() <= 64 && !local.contains('@') && dotted(domain));
        let clean = text.len() <= 254 && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        (parts.is_some() && clean).then(|| Self(text.to_owned())).ok_or("must be an e-mail address")
    }

    /// As the user wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which it is unique: addresses differ by more than case.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

fn dotted(domain: &str) -> bool {
    domain.contains('.') && domain.split('.').all(|label| !label.is_empty())
}

/// A password in clear; never shown, never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// A new password: 8-128 characters. The error says so.
    pub fn parse_new(text: String) -> Result<Self, &'static str> {
        (8..=128).contains(&text.chars().count()).then_some(Self(text)).ok_or("must be 8-128 characters")
    }

    /// A password to check. Its length says nothing about the account, so any up to 128 characters will do.
    pub fn parse(text: String) -> Result<Self, &'static str> {
        (1..=128).contains(&text.chars().count()).then_some(Self(text)).ok_or("must be 1-128 characters")
    }

    /// The clear text, for hashing alone.
    pub fn reveal(&self) -> &str {
        &self.0
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

/// Who calls, as the access token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub user_id: UserId,
    /// Its name.
    pub username: Username,
    /// The login that the token belongs to.
    pub family: FamilyId,
    /// When the token runs out.
    pub expires_at: Timestamp,
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
    fn a_password_does_not_show_in_debug_output() {
        let password = Password::parse("hunter22".to_owned()).expect("valid");
        assert_eq!(format!("{password:?}"), "Password(..)");
    }
}
