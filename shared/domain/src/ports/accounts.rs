//! What accounts need: storage of users and logins, hashing, minting and counting.

use crate::{Email, FamilyId, Password, PasswordHash, ProjectId, Result, Throttle, Timestamp, User, UserId};

/// What accounts need from storage.
pub trait Users {
    /// Stores a new account; `UserExists` when its e-mail or its name is taken, whichever of two callers comes second.
    fn create(&self, user: &User) -> impl Future<Output = Result<()>> + Send;
    /// The account with that address.
    fn by_email(&self, email: &Email) -> impl Future<Output = Result<Option<User>>> + Send;
    /// The account with that identifier.
    fn by_id(&self, id: UserId) -> impl Future<Output = Result<Option<User>>> + Send;
    /// Notes when the account last logged in.
    fn record_login(&self, id: UserId, at: Timestamp) -> impl Future<Output = Result<()>> + Send;
    /// Replaces the password's hash if it is still `old`; false when it is not.
    fn replace_password(
        &self,
        id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> impl Future<Output = Result<bool>> + Send;
    /// The password's hash as it is now, strongly consistent; `None` without the account, or while it is being removed.
    fn password_of(&self, id: UserId) -> impl Future<Output = Result<Option<PasswordHash>>> + Send;
    /// Marks the account as being removed: nothing is opened for it any more.
    fn begin_removal(&self, id: UserId) -> impl Future<Output = Result<()>> + Send;
    /// Removes the account and frees its address and name.
    fn remove(&self, user: &User) -> impl Future<Output = Result<()>> + Send;
}

/// A refresh token as a client presents it, split into what it names and what proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentedRefresh {
    /// Whose it is.
    pub user: UserId,
    /// The login that it belongs to.
    pub family: FamilyId,
    /// The hash of its secret.
    pub hash: String,
    /// The secret, from which its successor is made.
    pub secret: RefreshSecret,
}

/// The secret of a refresh token; never shown.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct RefreshSecret(pub [u8; 32]);

impl std::fmt::Debug for RefreshSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshSecret(..)")
    }
}

/// A new refresh token: the text for the client, the hash for the table.
#[derive(Clone)]
pub struct MintedRefresh {
    /// What the client keeps.
    pub token: String,
    /// What the table keeps.
    pub hash: String,
}

/// What came of presenting a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It was the newest of its family, and the next one stands in its place.
    Rotated,
    /// It was replaced a moment ago, and the next one, which ends then, is still the newest: its answer was lost, or two
    /// tabs asked at once.
    Repeated(Timestamp),
    /// It had been used before: somebody else has it too.
    Reused,
    /// Unknown, expired or revoked.
    Unknown,
}

/// What refresh-token families need from storage.
pub trait Families {
    /// Starts a family with its first token.
    fn start(
        &self,
        user: UserId,
        family: FamilyId,
        hash: &str,
        expires_at: Timestamp,
    ) -> impl Future<Output = Result<()>> + Send;
    /// Puts `next` in the place of the presented token, if that is the newest; one atomic step. `next` is always the same
    /// for the same token.
    fn rotate(
        &self,
        presented: &PresentedRefresh,
        next: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<Rotation>> + Send;
    /// Whether the family is neither revoked nor expired.
    fn is_live(&self, user: UserId, family: FamilyId, now: Timestamp) -> impl Future<Output = Result<bool>> + Send;
    /// Gives a family another token, and forgets every one from before; false when the family is over.
    fn reissue(
        &self,
        user: UserId,
        family: FamilyId,
        next: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool>> + Send;
    /// Ends the family of the presented token, the newest or one used before; false when it is neither. A family that has
    /// ended is remembered for a day, so that its end can be repeated.
    fn end(&self, presented: &PresentedRefresh, now: Timestamp) -> impl Future<Output = Result<bool>> + Send;
    /// Ends one family.
    fn revoke(&self, user: UserId, family: FamilyId, now: Timestamp) -> impl Future<Output = Result<()>> + Send;
    /// Ends every family of the user but `kept`.
    fn revoke_all(
        &self,
        user: UserId,
        kept: Option<FamilyId>,
        now: Timestamp,
    ) -> impl Future<Output = Result<()>> + Send;
}

/// Makes refresh tokens.
pub trait RefreshMint {
    /// A new token of that family.
    fn mint(&self, user: UserId, family: FamilyId) -> MintedRefresh;
    /// The token that takes the place of the presented one: always the same.
    fn successor(&self, presented: &PresentedRefresh) -> MintedRefresh;
}

/// Slow, salted password hashing.
pub trait PasswordHasher {
    /// Hashes a new password.
    fn hash(&self, password: &Password) -> impl Future<Output = Result<PasswordHash>> + Send;
    /// Whether a hash is made as new ones are.
    fn is_current(&self, hash: &PasswordHash) -> bool;
    /// Whether the password fits. Without a hash it does the same work and says no.
    fn verify(&self, password: &Password, hash: Option<&PasswordHash>) -> impl Future<Output = Result<bool>> + Send;
}

/// What is being counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// Failed logins of an address of an account, known or not.
    FailedLoginsOfAccount(String),
    /// Failed logins from a network address.
    FailedLoginsOfAddress(String),
    /// Registrations from a network address.
    RegistrationsOfAddress(String),
    /// Looks at invitations from a network address.
    InvitesOfAddress(String),
    /// Wrong passwords of a user who is signed in. Failed logins do not count here, so that nobody else can keep a user
    /// from changing the password.
    WrongPasswordsOf(UserId),
    /// Sessions created by a user.
    SessionsOf(UserId),
    /// Tickets minted for a user.
    TicketsOf(UserId),
    /// Addresses of Amazon Transcribe that were signed for a user.
    TranscribeLinesOf(UserId),
    /// Recordings begun by a user.
    RecordingsOf(UserId),
    /// Calls of a project's backend.
    CallsOf(ProjectId),
}

/// Counters with a window.
pub trait Throttles {
    /// Counts one more; `RateLimited` when that is over the limit.
    fn hit(&self, what: &Counted, throttle: Throttle, now: Timestamp) -> impl Future<Output = Result<()>> + Send;
    /// Takes one hit back.
    fn refund(&self, what: &Counted, now: Timestamp) -> impl Future<Output = Result<()>> + Send;
}
