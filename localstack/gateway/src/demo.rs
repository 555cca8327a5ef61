//! Accounts to try TunRTC with. They exist in memory alone: a server with data never has them.

use auth::Argon2Hasher;
use domain::ports::{PasswordHasher, Users};
use domain::{Clock, Email, Error, IdSource, Password, Result, User, UserId, Username};
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
