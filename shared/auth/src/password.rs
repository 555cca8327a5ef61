//! Password hashing with Argon2id.

use std::sync::Arc;

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _, password_hash};
use domain::ports::PasswordHasher;
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

    /// Whether the password, or the text that it came as, fits the hash, or the dummy when there is none.
    async fn fits(&self, password: &Password, hash: Option<&PasswordHash>) -> Result<bool> {
        let password = password.clone();
        let hash = hash.map_or(DUMMY, |hash| &hash.0).to_owned();
        self.run(move || {
            let fits = fits(password.reveal(), &hash)?;
            Ok(fits || password.reveal_raw().map(|raw| self::fits(raw, &hash)).transpose()?.unwrap_or(false))
        })
        .await
    }
}

fn fits(text: &str, hash: &str) -> password_hash::Result<bool> {
    match Argon2::default().verify_password(text.as_bytes(), hash) {
        Ok(()) => Ok(true),
        Err(password_hash::Error::PasswordInvalid) => Ok(false),
        Err(other) => Err(other),
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

    fn is_current(&self, hash: &PasswordHash) -> bool {
        // Up to the salt: the algorithm, its version and its parameters.
        let work = |hash: &str| hash.rsplitn(3, '$').nth(2).map(str::to_owned);
        work(&hash.0) == work(DUMMY)
    }

    async fn verify(&self, password: &Password, hash: Option<&PasswordHash>) -> Result<bool> {
        Ok(self.fits(password, hash).await? && hash.is_some())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// The text whose hash [`DUMMY`] is.
    const DUMMY_PASSWORD: &str = "nobody has this account";

    fn password(text: &str) -> Password {
        Password::parse(text.to_owned()).expect("a password")
    }

    /// Everything of a hash in PHC string format but the salt and the output, and the lengths of these.
    fn work(hash: &str) -> (String, usize, usize) {
        let mut parts: Vec<_> = hash.split('$').collect();
        let (output, salt) = (parts.pop().expect("an output"), parts.pop().expect("a salt"));
        (parts.join("$"), salt.len(), output.len())
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone() {
        let hasher = Argon2Hasher::default();
        let hash = hasher.hash(&password("correct horse")).await.expect("hashed");
        assert!(hasher.verify(&password("correct horse"), Some(&hash)).await.expect("checked"));
        assert!(!hasher.verify(&password("correct hors"), Some(&hash)).await.expect("checked"));
    }

    #[tokio::test]
    async fn a_password_fits_however_it_is_composed_and_also_a_hash_from_before_it_was() {
        let hasher = Argon2Hasher::default();
        let (composed, decomposed) = (password("p\u{e4}ssword1"), password("pa\u{308}ssword1"));
        let hash = hasher.hash(&decomposed).await.expect("hashed");
        assert!(hasher.verify(&composed, Some(&hash)).await.expect("checked"));
        let salt = [7; 16];
        let before = Argon2::default().hash_password_with_salt("pa\u{308}ssword1".as_bytes(), &salt).expect("hashed");
        assert!(hasher.verify(&decomposed, Some(&PasswordHash(before.to_string()))).await.expect("checked"));
    }

    #[tokio::test]
    async fn a_hash_is_argon2id_with_the_recommended_parameters_and_its_own_salt() {
        let hasher = Argon2Hasher::default();
        let one = hasher.hash(&password("correct horse")).await.expect("hashed").0;
        let other = hasher.hash(&password("correct horse")).await.expect("hashed").0;
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, other);
    }

    #[tokio::test]
    async fn a_hash_made_with_other_parameters_is_not_current() {
        let hasher = Argon2Hasher::default();
        assert!(hasher.is_current(&hasher.hash(&password("correct horse")).await.expect("hashed")));
        for older in
            ["$argon2id$v=19$m=19456,t=1,p=1$c2FsdHNhbHQ$aGFzaA", "$argon2i$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"]
        {
            assert!(!hasher.is_current(&PasswordHash(older.to_owned())), "{older}");
        }
    }

    #[tokio::test]
    async fn an_unknown_account_costs_the_work_of_a_known_one() {
        let hasher = Argon2Hasher::default();
        let known = hasher.hash(&password("correct horse")).await.expect("hashed").0;
        assert_eq!(work(DUMMY), work(&known));
        // Only the whole computation can find that the password fits the dummy.
        assert!(hasher.fits(&password(DUMMY_PASSWORD), None).await.expect("checked"));
        assert!(!hasher.fits(&password("correct horse"), None).await.expect("checked"));
    }

    #[tokio::test]
    async fn an_unknown_account_has_no_password_not_even_the_dummys() {
        let hasher = Argon2Hasher::default();
        assert!(!hasher.verify(&password(DUMMY_PASSWORD), None).await.expect("checked"));
    }

    #[tokio::test]
    async fn a_hash_that_cannot_be_read_is_our_own_fault() {
        let hasher = Argon2Hasher::default();
        for broken in
            ["", "plain text", "$argon2id$v=19$m=19456,t=2,p=1$", "$scrypt$ln=15,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"]
        {
            let checked = hasher.verify(&password("correct horse"), Some(&PasswordHash(broken.to_owned()))).await;
            assert!(matches!(checked, Err(Error::Internal(_))), "{broken}: {checked:?}");
        }
    }

    #[tokio::test]
    async fn a_burst_runs_no_more_hashes_at_once_than_allowed() {
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let hasher = Argon2Hasher::new(2);
        let burst = (0..12).map(|_| {
            let (hasher, running, most) = (hasher.clone(), Arc::clone(&running), Arc::clone(&most));
            tokio::spawn(async move {
                let work = move || {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(2));
                    running.fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                };
                hasher.run(work).await
            })
        });
        for done in burst.collect::<Vec<_>>() {
            done.await.expect("no panic").expect("worked");
        }
        assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
    }

    #[tokio::test]
    async fn work_whose_caller_went_away_still_holds_its_slot() {
        let hasher = Argon2Hasher::new(1);
        let (begun, has_begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let caller = tokio::spawn({
            let hasher = hasher.clone();
            async move {
                let work = move || {
                    begun.send(()).expect("somebody waits");
                    released.recv().expect("released");
                    Ok(())
                };
                hasher.run(work).await
            }
        });
        tokio::task::spawn_blocking(move || has_begun.recv()).await.expect("no panic").expect("begun");
        caller.abort();
        assert!(caller.await.expect_err("aborted").is_cancelled());
        assert_eq!(hasher.slots.available_permits(), 0);
        release.send(()).expect("the work waits");
        hasher.run(|| Ok(())).await.expect("the slot came back");
    }
}
