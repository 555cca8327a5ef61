//! Who calls: by an access token, by a join token, by a token of an API key, or by the key itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::ports::Keys;
use domain::{Caller, Error, KeyId, Result, Timestamp};

use crate::join_token::{self, OpenKey, Verified};
use crate::{GuestTokens, Sealer, Tokens, same_secret};

/// How long a key is believed to be as it was read: so long may one that was disabled go on.
const TRUST: Duration = Duration::from_secs(30);
/// A seat serves its holder for so long after the join token has ended.
const LONGEST_SEAT: Duration = Duration::from_secs(24 * 3600);
/// So many keys are remembered; more than that, and all are read again.
const REMEMBERED: usize = 1_000;

/// Tells who calls. It remembers for some seconds which API keys there are, so that most calls read none.
pub struct Callers {
    tokens: Tokens,
    guests: GuestTokens,
    sealer: Sealer,
    known: Mutex<HashMap<KeyId, Known>>,
}

/// A key as it was read a moment ago.
#[derive(Clone)]
struct Known {
    read_at: Timestamp,
    open: Arc<OpenKey>,
}

/// A caller, and whether the token is good for something new.
#[derive(Debug)]
pub struct Presented {
    /// Who calls.
    pub caller: Caller,
    /// How many seconds ago the join token ended. It still serves whoever has a seat.
    pub expired: Option<u64>,
}

impl Presented {
    /// The caller, for whom something new begins.
    ///
    /// # Errors
    /// `TokenExpired`.
    pub fn fresh(self) -> Result<Caller> {
        match self.expired {
            Some(seconds) => Err(Error::TokenExpired { seconds }),
            None => Ok(self.caller),
        }
    }

    /// The same where a seat serves as well as a token that has not ended: what was given at the join lasts as long as the seat,
    /// and a day at most.
    ///
    /// # Errors
    /// `TokenExpired`, also for whoever was to go when the token ends.
    pub fn seated(self) -> Result<Caller> {
        match self.expired {
            Some(seconds) if self.caller.grants().eject_at_end || seconds > LONGEST_SEAT.as_secs() => {
                Err(Error::TokenExpired { seconds })
            }
            Some(_) | None => Ok(self.caller),
        }
    }
}

/// The token of a header `Authorization: Bearer <token>` (RFC 6750, section 2.1).
///
/// # Errors
/// `Unauthorized` for a header of another kind.
pub fn bearer(header: &str) -> Result<&str> {
    let (scheme, token) = header.split_once(' ').ok_or(Error::Unauthorized)?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim()).ok_or(Error::Unauthorized)
}

impl Callers {
    /// With keys derived from the deployment's secrets.
    pub fn new(tokens: Tokens, guests: GuestTokens, sealer: Sealer) -> Self {
        Self { tokens, guests, sealer, known: Mutex::default() }
    }

    /// Who presents that `Authorization` header: `Bearer <token>` (RFC 6750, section 2.1) or `Basic <key:secret>` (RFC 7617).
    /// What is given to a participant lasts for `access`.
    ///
    /// # Errors
    /// `Unauthorized` for whatever is not ours, and as a join token is refused once its signature holds.
    pub async fn verify(
        &self,
        store: &(impl Keys + Sync),
        header: Option<&str>,
        now: Timestamp,
        access: Duration,
    ) -> Result<Presented> {
        let header = header.ok_or(Error::Unauthorized)?;
        if let Some((scheme, credentials)) = header.split_once(' ')
            && scheme.eq_ignore_ascii_case("Basic")
        {
            let caller = self.key_itself(store, credentials.trim(), now).await?;
            return Ok(Presented { caller, expired: None });
        }
        self.verify_token(store, bearer(header)?, now, access).await
    }

    /// Who presents that token: an access token, a guest's, or one of an API key.
    ///
    /// # Errors
    /// The same.
    pub async fn verify_token(
        &self,
        store: &(impl Keys + Sync),
        token: &str,
        now: Timestamp,
        access: Duration,
    ) -> Result<Presented> {
        let Some(id) = join_token::issuer(token) else {
            let caller = self.our_own(token, now, access)?;
            return Ok(Presented { caller, expired: None });
        };
        let open = self.key(store, &id, now).await?;
        let Verified { caller, expired } = join_token::verify(token, &open, now, access)?;
        Ok(Presented { caller, expired })
    }

    /// Who presents a token that the deployment signed itself.
    fn our_own(&self, token: &str, now: Timestamp, access: Duration) -> Result<Caller> {
        Ok(match self.guests.names_key(token) {
            true => Caller::Participant(self.guests.verify(token, now, access)?),
            false => Caller::Account(self.tokens.verify(token, now)?),
        })
    }

    /// The backend that presents its key and secret.
    async fn key_itself(&self, store: &(impl Keys + Sync), credentials: &str, now: Timestamp) -> Result<Caller> {
        let decoded = BASE64_STANDARD.decode(credentials).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = decoded.as_deref().and_then(|pair| pair.split_once(':'));
        let (id, secret) =
            pair.and_then(|(id, secret)| Some((KeyId::parse(id)?, secret))).ok_or(Error::Unauthorized)?;
        let open = self.key(store, &id, now).await?;
        if !same_secret(secret, open.secret.reveal()) {
            return Err(Error::Unauthorized);
        }
        if open.key.is_over(now) {
            return Err(Error::KeyDisabled);
        }
        let (grants, scope) = (open.key.limits.own_grants(), join_token::scope(&open.key, None)?);
        Ok(Caller::Backend(join_token::backend(&open.key, grants, scope)))
    }

    /// A key with its secret, as it was at most 30 s ago. Of one that is not there nothing is remembered, so that a new one is
    /// known at once.
    async fn key(&self, store: &(impl Keys + Sync), id: &KeyId, now: Timestamp) -> Result<Arc<OpenKey>> {
        let known = self.lock().get(id).filter(|known| now.since(known.read_at) < TRUST).cloned();
        if let Some(known) = known {
            return Ok(known.open);
        }
        let key = store.key(id).await?.ok_or(Error::Unauthorized)?;
        let Some(opened) = self.sealer.open(id, &key.sealed) else {
            return Err(Error::Internal("an API key is sealed under a secret that is gone".into()));
        };
        let open = Arc::new(OpenKey { key, secret: opened.secret });
        let mut known = self.lock();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(id.clone(), Known { read_at: now, open: Arc::clone(&open) });
        Ok(open)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<KeyId, Known>> {
        // A panic elsewhere leaves at worst a key too few, which is read again.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use domain::{AppKey, KeyLimits, ProjectId};

    use super::*;
    use crate::KeySecret;
    use crate::samples::{NOW, alice, family_id, secrets};

    const DAY: Duration = Duration::from_secs(24 * 3600);

    /// A table with one key, which counts how often it is read.
    struct OneKey {
        key: Mutex<AppKey>,
        reads: AtomicUsize,
    }

    impl Keys for OneKey {
        async fn key(&self, id: &KeyId) -> Result<Option<AppKey>> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            Ok(Some(self.key.lock().expect("no panic").clone()).filter(|key| key.id == *id))
        }
    }

    fn id() -> KeyId {
        KeyId::parse("TK0123456789abcdefghijAB").expect("well formed")
    }

    fn table() -> OneKey {
        let key = AppKey {
            id: id(),
            project: ProjectId::parse("acme").expect("valid"),
            sealed: Sealer::new(&secrets()).seal(&id(), &KeySecret::new("the secret")),
            created_at: NOW,
            disabled_at: None,
            limits: KeyLimits::default(),
            auto_create: true,
        };
        OneKey { key: Mutex::new(key), reads: AtomicUsize::new(0) }
    }

    fn callers() -> Callers {
        Callers::new(Tokens::new(&secrets()), GuestTokens::new(&secrets()), Sealer::new(&secrets()))
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(pair))
    }

    async fn ask(callers: &Callers, table: &OneKey, header: &str, now: Timestamp) -> Result<Caller> {
        callers.verify(table, Some(header), now, DAY).await.map(|presented| presented.caller)
    }

    #[tokio::test]
    async fn a_key_with_its_secret_is_the_backend_of_its_project() {
        let good = basic(&format!("{}:the secret", id()));
        let Ok(Caller::Backend(backend)) = ask(&callers(), &table(), &good, NOW).await else { panic!("no backend") };
        assert_eq!((backend.key, backend.scope.project.as_str()), (id(), "acme"));
        for bad in [
            basic(&format!("{}:another secret", id())),
            basic(&format!("{}:", id())),
            basic("TK0123456789abcdefghijAC:the secret"),
            basic("devkey:the secret"),
            basic(&id().to_string()),
            "Basic".to_owned(),
            "Basic !".to_owned(),
        ] {
            assert!(matches!(ask(&callers(), &table(), &bad, NOW).await, Err(Error::Unauthorized)), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_key_is_read_once_in_thirty_seconds_and_then_a_disabled_one_is_refused() {
        let (callers, table, header) = (callers(), table(), basic(&format!("{}:the secret", id())));
        assert!(ask(&callers, &table, &header, NOW).await.is_ok());
        table.key.lock().expect("no panic").disabled_at = Some(NOW);
        assert!(ask(&callers, &table, &header, NOW + Duration::from_millis(29_999)).await.is_ok());
        assert_eq!(table.reads.load(Ordering::Relaxed), 1);
        let later = ask(&callers, &table, &header, NOW + TRUST).await;
        assert!(matches!(later, Err(Error::KeyDisabled)));
        assert_eq!(table.reads.load(Ordering::Relaxed), 2);
        let wrong = basic(&format!("{}:another secret", id()));
        let told = ask(&callers, &table, &wrong, NOW + TRUST).await;
        assert!(matches!(told, Err(Error::Unauthorized)), "what is so is told to those alone who have the secret");
    }

    #[tokio::test]
    async fn an_access_token_is_an_account_and_reads_no_key() {
        let (token, _) = Tokens::new(&secrets()).issue(&alice(), family_id(), NOW, DAY);
        let table = table();
        let caller = ask(&callers(), &table, &format!("Bearer {token}"), NOW).await;
        assert!(matches!(caller, Ok(Caller::Account(person)) if person.user_id == alice().id));
        assert_eq!(table.reads.load(Ordering::Relaxed), 0);
        for bad in ["", "Bearer", "Bearer ", "Digest x", &token] {
            assert!(matches!(ask(&callers(), &table, bad, NOW).await, Err(Error::Unauthorized)), "{bad}");
        }
        assert!(matches!(callers().verify(&table, None, NOW, DAY).await, Err(Error::Unauthorized)));
    }
}
