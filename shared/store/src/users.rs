//! Accounts. A guard item each makes e-mail address and user name unique: they are written in one transaction with the
//! account.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::ports::Users;
use domain::{Email, Error, PasswordHash, Result, Timestamp, User, UserId, Username};
use serde::{Deserialize, Serialize};

use crate::Store;
use crate::errors::{Malformed, misfit};
use crate::items::{Item, millis, text};
use crate::keys::{self, Key};
use crate::requests::{Change, Transacted};

impl Users for Store {
    async fn create(&self, user: &User) -> Result<()> {
        let profile = serde_dynamo::to_item(UserRecord::of(user)).map_err(misfit)?;
        let mut items = vec![self.putting_new(profile)?];
        for key in guards(user) {
            items.push(self.putting_new(guard(key, user.id))?);
        }
        let guards = 1..items.len();
        let transacted = self.transact(items).await?;
        match transacted {
            Transacted::Done => Ok(()),
            Transacted::Refused(refusals) if guards.into_iter().any(|at| refusals.at(at)) => Err(Error::UserExists),
            Transacted::Refused(_) => Err(Error::Internal("a new account's identifier is taken".into())),
        }
    }

    async fn by_email(&self, email: &Email) -> Result<Option<User>> {
        for key in keys::email_guards(email) {
            if let Some(guard) = self.get_item(key, true).await? {
                return self.by_id(guarded(&guard)?).await;
            }
        }
        Ok(None)
    }

    async fn by_id(&self, id: UserId) -> Result<Option<User>> {
        let item = self.get_item(keys::profile(id), true).await?;
        item.map(|item| serde_dynamo::from_item::<_, UserRecord>(item).map_err(misfit)?.into_user()).transpose()
    }

    async fn record_login(&self, id: UserId, at: Timestamp) -> Result<()> {
        let change = Change::to(keys::profile(id), "SET lastLoginAt = :at", "attribute_exists(pk)");
        // Refused when the account was removed meanwhile: there is nothing to note then.
        self.change(change.with(":at", millis(at)), ReturnValue::None).await.map(drop)
    }

    async fn replace_password(&self, id: UserId, old: &PasswordHash, new: &PasswordHash) -> Result<bool> {
        // A hash is salted, so finding the new one means that a try whose answer was lost has written it.
        let change = Change::to(keys::profile(id), "SET passwordHash = :new", "passwordHash IN (:old, :new)")
            .with(":old", text(&old.0))
            .with(":new", text(&new.0));
        Ok(self.change(change, ReturnValue::None).await?.is_done())
    }

    async fn password_of(&self, id: UserId) -> Result<Option<PasswordHash>> {
        let item = self.get_item(keys::profile(id), true).await?;
        let record = item.map(serde_dynamo::from_item::<_, UserRecord>).transpose().map_err(misfit)?;
        Ok(record.filter(|record| !record.is_going).map(|record| PasswordHash(record.password_hash)))
    }

    async fn begin_removal(&self, id: UserId) -> Result<()> {
        let change = Change::to(keys::profile(id), "SET isGoing = :yes", "attribute_exists(pk)");
        // Refused when it is gone already.
        self.change(change.with(":yes", AttributeValue::Bool(true)), ReturnValue::None).await.map(drop)
    }

    async fn remove(&self, user: &User) -> Result<()> {
        let own = || Item::from([(":user".to_owned(), text(user.id.to_string()))]);
        // Refused when somebody else has removed it before; its guards may be another account's by now.
        let mut items = vec![self.deleting(keys::profile(user.id), "attribute_exists(pk)", Item::new())?];
        for key in guards(user) {
            // An older account does not have every guard, and one that looks like it may have it.
            let kept = self.get_item(key.clone(), true).await?;
            if kept.map(|guard| guarded(&guard)).transpose()? == Some(user.id) {
                items.push(self.deleting(key, "userId = :user", own())?);
            }
        }
        self.transact(items).await.map(drop)
    }
}

/// An account's item.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserRecord {
    pk: String,
    sk: String,
    username: String,
    email: String,
    password_hash: String,
    created_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_login_at: Option<u64>,
    /// That the account is being removed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_going: bool,
}

impl UserRecord {
    fn of(user: &User) -> Self {
        let Key { pk, sk } = keys::profile(user.id);
        Self {
            pk,
            sk,
            username: user.username.as_str().to_owned(),
            email: user.email.as_str().to_owned(),
            password_hash: user.password.0.clone(),
            created_at: user.created_at.millis(),
            last_login_at: user.last_login_at.map(Timestamp::millis),
            is_going: false,
        }
    }

    fn into_user(self) -> Result<User> {
        Ok(User {
            id: keys::user_of(&self.pk).ok_or(Malformed("account key"))?,
            username: Username::kept(&self.username).ok_or(Malformed("user name"))?,
            email: Email::kept(&self.email).ok_or(Malformed("e-mail"))?,
            password: PasswordHash(self.password_hash),
            created_at: Timestamp::from_millis(self.created_at),
            last_login_at: self.last_login_at.map(Timestamp::from_millis),
        })
    }
}

/// What makes the account's address and name unique.
fn guards(user: &User) -> impl Iterator<Item = Key> {
    keys::email_guards(&user.email).into_iter().chain(keys::username_guards(&user.username))
}

/// Whose guard it is.
fn guarded(guard: &Item) -> Result<UserId> {
    match guard.get("userId") {
        Some(AttributeValue::S(id)) => Ok(id.parse().map_err(|_| Malformed("guard's user"))?),
        Some(_) | None => Err(Malformed("guard without a user").into()),
    }
}

fn guard(key: Key, user: UserId) -> Item {
    let mut item = key.into_item();
    item.insert("userId".to_owned(), text(user.to_string()));
    item
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::arbitrary;

    proptest! {
        #[test]
        fn an_account_survives_its_item(user in arbitrary::user()) {
            let item: Item = serde_dynamo::to_item(UserRecord::of(&user)).unwrap();
            let record: UserRecord = serde_dynamo::from_item(item).unwrap();
            prop_assert_eq!(record.into_user().unwrap(), user);
        }
    }
}
