//! What apps keep with sessions: an item each, in a partition of its own.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, TransactWriteItem};
use domain::ports::SessionMetadata;
use domain::{Attached, Metadata, Result, Session, SessionId, Timestamp};

use crate::errors::Malformed;
use crate::items::{Item, has_ended, text};
use crate::requests::Change;
use crate::{Store, keys};

/// The text.
const METADATA: &str = "metadata";

impl SessionMetadata for Store {
    async fn metadata_of(&self, session: SessionId, now: Timestamp) -> Result<Option<Metadata>> {
        let item = self.get_item(keys::metadata(session), true).await?;
        let found = item.filter(|item| !has_ended(item, now)).map(read).transpose()?;
        Ok(found.flatten())
    }
}

impl Store {
    /// What puts a new session's metadata into the transaction that stores it; nothing where there is none.
    pub(crate) fn attaching(&self, session: &Session) -> Result<Option<TransactWriteItem>> {
        match &session.metadata {
            Attached::This(metadata) => self.putting(item(session.id, metadata)).map(Some),
            Attached::Nothing | Attached::Unread | Attached::Removed => Ok(None),
        }
    }

    /// What puts other metadata into a transaction, or takes it away.
    pub(crate) fn replacing(&self, session: SessionId, metadata: Option<&Metadata>) -> Result<TransactWriteItem> {
        match metadata {
            Some(metadata) => self.putting(item(session, metadata)),
            None => self.removing(keys::metadata(session)),
        }
    }

    /// Has the metadata of an ended session go when the session does.
    pub(crate) async fn forget_metadata(&self, session: &Session, gone: AttributeValue) -> Result<()> {
        if !session.metadata.is_something() {
            return Ok(());
        }
        let change = Change::to(keys::metadata(session.id), "SET expiresAt = :gone", "attribute_exists(pk)");
        self.change(change.with(":gone", gone), ReturnValue::None).await.map(drop)
    }
}

fn item(session: SessionId, metadata: &Metadata) -> Item {
    let mut item = keys::metadata(session).into_item();
    item.insert(METADATA.to_owned(), text(metadata.as_str()));
    item
}

fn read(mut item: Item) -> Result<Option<Metadata>> {
    match item.remove(METADATA) {
        Some(AttributeValue::S(text)) => Ok(Metadata::parse(&text).map_err(|_| Malformed("metadata"))?),
        Some(_) | None => Err(Malformed("metadata").into()),
    }
}
