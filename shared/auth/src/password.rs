//! Password hashing with Argon2id.

use std::sync::Arc;

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _, password_hash};
use domain::accounts::PasswordHasher;
use domain::{Error, Password, PasswordHash, Result};
use tokio::sync::Semaphore;

use crate::random;

/// What stands in for the hash of an unknown account: the hash of some text, with the parameters of every other hash,
/// so that it costs the same work.
const DUMMY: &str = "$argon2id$v=19$m=19456,t=2,p=1$0WMPq3dDU9bF0NDwTOd5aQ$9pMyNn/byb9QdigLrsF3+P0vCNBKDJPztHAN9ibjv50";

/// Argon2id with OWASP's first choice of parameters: 19 MiB of memory, 2 passes, 1 lane
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>).
///
/// Hashing runs on blocking threads, and only so much of it at once that a burst of logins cannot take all memory.
#[derive(Debug, Clone)]
pub struct Argon2Hasher {
    slots: Arc<Semaphore>,
}

impl Argon2Hasher {
    /// At most `at_once` hashes at the same time, each of which takes 19 MiB; at least one.
    pub fn new(at_once: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(at_once.max(1))) }
    }

    /// Runs the work on a blocking thread. The slot goes with it: work whose caller went away still counts.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> password_hash::Result<T> + Send + 'static,
    ) -> Result<T> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.expect("the semaphore is never closed");
        let working = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            work()
        });
        working.await.map_err(|e| Error::Internal(e.into()))?.map_err(|e| Error::Internal(e.into()))
    }

    /// Whether the password fits the hash, or the dummy when there is none.
    async fn fits(&self, password: &Password, hash: Option<&PasswordHash>) -> Result<bool> {
        let password = password.clone();
        let hash = hash.map_or(DUMMY, |hash| &hash.0).to_owned();
        self.run(move || match Argon2::default().verify_password(password.reveal().as_bytes(), hash.as_str()) {
            Ok(()) => Ok(true),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(other) => Err(other),
        })
        .await
    }
}

impl Default for Argon2Hasher {
    /// Two at the same time.
    fn default() -> Self {
        Self::new(2)
    }
}

impl PasswordHasher for Argon2Hasher {
    async fn hash(&self, password: &Password) -> Result<PasswordHash> {
        let password = password.clone();
        let salt = random::bytes::<16>();
        self.run(move || {
            let hash = Argon2::default().hash_password_with_salt(password.reveal().as_bytes(), &salt)?;
            Ok(PasswordHash(hash.to_string()))
        })
        .await
    }

    async fn verify(&self, password: &Password, hash: Option<&PasswordHash>) -> Result<bool> {
        Ok(self.fits(password, hash).await? && hash.is_some())
    }
}
