//! Accounts and an API key to try TunRTC with. They exist in memory alone: a server with data never has them.

use auth::{Argon2Hasher, KeySecret, Sealer};
use domain::ports::{KeyAdministration, PasswordHasher, Users};
use domain::{
    AppKey, Clock, Email, Error, IdSource, KeyId, KeyLimits, Password, ProjectId, Result, User, UserId, Username,
};
use serde_json::{Value, json};
use store::Store;

/// Name, address and password of each.
pub const ACCOUNTS: [(&str, &str, &str); 3] = [
    ("demo", "demo@tunrtc.com", "demo123"),
    ("alice", "alice@tunrtc.com", "alice123"),
    ("bob", "bob@tunrtc.com", "bob123"),
];

/// Creates the demo accounts.
pub async fn create(store: &Store, clock: &dyn Clock, ids: &dyn IdSource) -> Result<()> {
    let hasher = Argon2Hasher::default();
    for (username, email, password) in ACCOUNTS {
        let now = clock.now();
        let password = Password::parse(password.to_owned()).map_err(invalid)?;
        let user = User {
            id: UserId::new(ids, now),
            username: Username::parse(username).map_err(invalid)?,
            email: Email::parse(email).map_err(invalid)?,
            password: hasher.hash(&password).await?,
            created_at: now,
            last_login_at: None,
        };
        store.create(&user).await?;
    }
    Ok(())
}

/// Creates the API key to try TunRTC with. It is public, and so exists in memory alone, like the accounts.
pub async fn create_key(store: &Store, sealer: &Sealer, clock: &dyn Clock) -> Result<()> {
    let id = KeyId::parse(KeyId::DEVELOPMENT).ok_or_else(|| invalid("the development key"))?;
    let key = AppKey {
        sealed: sealer.seal(&id, &KeySecret::new(KeySecret::DEVELOPMENT)),
        id,
        project: ProjectId::default(),
        created_at: clock.now(),
        disabled_at: None,
        limits: KeyLimits::default(),
        auto_create: true,
    };
    store.add_key(&key).await.map(drop)
}

/// The line that names the key.
pub fn key_note() -> String {
    format!("For trying: API key {}, secret {}", KeyId::DEVELOPMENT, KeySecret::DEVELOPMENT)
}

/// The accounts as the console page reads them, to offer them.
pub fn listed() -> String {
    let list: Vec<Value> = ACCOUNTS
        .iter()
        .map(|(username, email, password)| json!({ "username": username, "email": email, "password": password }))
        .collect();
    Value::from(list).to_string()
}

fn invalid(reason: &'static str) -> Error {
    Error::Internal(reason.into())
}
