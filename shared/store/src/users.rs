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
        let transacted = self
            .transact(vec![
                self.putting_new(profile)?,
                self.putting_new(guard(keys::email_guard(&user.email), user.id))?,
                self.putting_new(guard(keys::username_guard(&user.username), user.id))?,
            ])
            .await?;
        match transacted {
            Transacted::Done => Ok(()),
            Transacted::Refused(refusals) if refusals.at(1) || refusals.at(2) => Err(Error::UserExists),
            Transacted::Refused(_) => Err(Error::Internal("a new account's identifier is taken".into())),
        }
    }

    async fn by_email(&self, email: &Email) -> Result<Option<User>> {
        let Some(guard) = self.get_item(keys::email_guard(email), true).await? else {
            return Ok(None);
        };
        let id = match guard.get("userId") {
            Some(AttributeValue::S(id)) => id.parse().map_err(|_| Malformed("guard's user"))?,
            Some(_) | None => return Err(Malformed("guard without a user").into()),
        };
        self.by_id(id).await
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

    async fn remove(&self, user: &User) -> Result<()> {
        let own = || Item::from([(":user".to_owned(), text(user.id.to_string()))]);
        // Refused when somebody else has removed it before; its guards may be another account's by now.
        self.transact(vec![
            self.deleting(keys::profile(user.id), "attribute_exists(pk)", Item::new())?,
            self.deleting(keys::email_guard(&user.email), "userId = :user", own())?,
            self.deleting(keys::username_guard(&user.username), "userId = :user", own())?,
        ])
        .await
        .map(drop)
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
        }
    }

    fn into_user(self) -> Result<User> {
        Ok(User {
            id: keys::user_of(&self.pk).ok_or(Malformed("account key"))?,
            username: Username::parse(&self.username).map_err(|_| Malformed("user name"))?,
            email: Email::parse(&self.email).map_err(|_| Malformed("e-mail"))?,
            password: PasswordHash(self.password_hash),
            created_at: Timestamp::from_millis(self.created_at),
            last_login_at: self.last_login_at.map(Timestamp::from_millis),
        })
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
