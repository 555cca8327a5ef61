//! New sessions.

use domain::ports::Sessions;
use domain::{Error, Result, Session};

use crate::Store;
use crate::keys;
use crate::records::SessionRecord;
use crate::requests::Transacted;

impl Sessions for Store {
    async fn add(&self, session: &Session) -> Result<()> {
        let created = keys::created(session.creator_id, session.id).into_item();
        let item = SessionRecord::of_new(session).into_item()?;
        match self.transact(vec![self.putting_new(item)?, self.putting_new(created)?]).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(_) => Err(Error::Internal("a new session's identifier is taken".into())),
        }
    }
}
