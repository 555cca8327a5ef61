//! New sessions.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ports::{IdempotencyKey, Sessions};
use domain::{Error, Result, Session, SessionId, Timestamp};

use crate::Store;
use crate::active::entry;
use crate::errors::Malformed;
use crate::items::{Item, expiry, expiry_now, text};
use crate::keys;
use crate::records::SessionRecord;
use crate::requests::{Refusals, Transacted};

impl Sessions for Store {
    async fn add(&self, session: &Session, empty_until: Timestamp) -> Result<()> {
        let [item, created] = items(session, empty_until)?;
        let mut all = vec![self.putting_new(item)?, self.putting_new(created)?];
        all.extend(self.attaching(session)?);
        match self.transact(all).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(_) => Err(taken()),
        }
    }

    async fn add_once(
        &self,
        session: &Session,
        empty_until: Timestamp,
        key: &IdempotencyKey,
        keep_until: Timestamp,
    ) -> Result<Option<SessionId>> {
        let [item, created] = items(session, empty_until)?;
        let mut named = keys::creation(session.creator_id, key).into_item();
        named.insert(SESSION_ID.to_owned(), text(session.id.to_string()));
        named.insert("expiresAt".to_owned(), expiry(keep_until));
        let now = Item::from([(":now".to_owned(), expiry_now(session.created_at))]);
        let naming = self.putting_if(named, "attribute_not_exists(pk) OR expiresAt <= :now", now)?;
        let mut all = vec![self.putting_new(item)?, self.putting_new(created)?, naming];
        all.extend(self.attaching(session)?);
        match self.transact(all).await? {
            Transacted::Done => Ok(None),
            Transacted::Refused(refusals) => earlier(refusals).map(Some),
        }
    }
}

/// What an item of a creation's key says was created.
const SESSION_ID: &str = "sessionId";

/// A session's own item, and the one that says who made it, by which the session is listed.
fn items(session: &Session, empty_until: Timestamp) -> Result<[Item; 2]> {
    let mut created = keys::created(session.creator_id, session.id).into_item();
    created.extend(entry(session));
    Ok([SessionRecord::of_new(session, empty_until).into_item()?, created])
}

/// The session under whose key another one was refused.
fn earlier(mut refusals: Refusals) -> Result<SessionId> {
    match refusals.take_item(2).and_then(|mut item| item.remove(SESSION_ID)) {
        Some(AttributeValue::S(id)) => Ok(id.parse().map_err(|_| Malformed("key of a creation"))?),
        Some(_) => Err(Malformed("key of a creation").into()),
        None => Err(taken()),
    }
}

fn taken() -> Error {
    Error::Internal("a new session's identifier is taken".into())
}
