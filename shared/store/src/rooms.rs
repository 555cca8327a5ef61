//! The names of rooms: an item each that leads to the session. Whoever finds that one ended takes the name over, so a name is
//! free as soon as its session is over, whoever died before it was given back.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ports::RoomNames;
use domain::{Error, ProjectId, Result, RoomName, Session, SessionId, Timestamp};

use crate::Store;
use crate::active::entry;
use crate::errors::Malformed;
use crate::items::{Item, text};
use crate::keys;
use crate::records::SessionRecord;
use crate::requests::Transacted;

/// Which session has the name.
const SESSION_ID: &str = "sessionId";

impl RoomNames for Store {
    async fn room(&self, project: &ProjectId, name: &RoomName, consistent: bool) -> Result<Option<SessionId>> {
        self.get_item(keys::room(project, name), consistent).await?.map(named).transpose()
    }

    async fn add_room(
        &self,
        session: &Session,
        empty_until: Timestamp,
        over: Option<SessionId>,
    ) -> Result<Option<SessionId>> {
        let name = session.room.as_ref().ok_or_else(|| Error::Internal("a room without a name".into()))?;
        let mut guard = keys::room(&session.project, name).into_item();
        guard.insert(SESSION_ID.to_owned(), text(session.id.to_string()));
        let (condition, values) = match over {
            None => ("attribute_not_exists(pk)", None),
            Some(over) => {
                ("attribute_not_exists(pk) OR sessionId = :over", Some((":over".to_owned(), text(over.to_string()))))
            }
        };
        let mut created = keys::created(session.creator_id, session.id).into_item();
        created.extend(entry(session));
        let mut items = vec![
            self.putting_if(guard, condition, values.into_iter().collect())?,
            self.putting_new(SessionRecord::of_new(session, empty_until).into_item()?)?,
            self.putting_new(created)?,
        ];
        items.extend(self.attaching(session)?);
        match self.transact(items).await? {
            Transacted::Done => Ok(None),
            Transacted::Refused(mut refusals) => match refusals.take_item(0) {
                Some(item) => named(item).map(Some),
                None => Err(Error::Internal("a new session's identifier is taken".into())),
            },
        }
    }
}

impl Store {
    /// Gives the name of a session back that is over, unless another one has it by now.
    pub(crate) async fn free_name(&self, session: &Session, name: &RoomName) -> Result<()> {
        let values = Item::from([(":session".to_owned(), text(session.id.to_string()))]);
        self.delete_item_if(keys::room(&session.project, name), "sessionId = :session", values).await.map(drop)
    }
}

fn named(mut item: Item) -> Result<SessionId> {
    match item.remove(SESSION_ID) {
        Some(AttributeValue::S(id)) => Ok(id.parse().map_err(|_| Malformed("room's session"))?),
        Some(_) | None => Err(Malformed("room's session").into()),
    }
}
