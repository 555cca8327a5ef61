//! Invitations: one item each, in a partition of their session's, by the hash of the code.

use std::time::Duration;

use domain::ports::Invites;
use domain::{Invite, InviteId, Result, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::errors::{Malformed, misfit};
use crate::items::{Item, has_ended, text};
use crate::{Store, keys, words};

impl Invites for Store {
    async fn add_invite(&self, invite: &Invite) -> Result<()> {
        self.put_item(serde_dynamo::to_item(InviteRecord::of(invite)).map_err(misfit)?).await
    }

    async fn invite(&self, session: SessionId, id: &InviteId, now: Timestamp) -> Result<Option<Invite>> {
        let item = self.get_item(keys::invite(session, id), true).await?;
        item.filter(|item| !has_ended(item, now)).map(invite).transpose()
    }

    async fn invites(&self, session: SessionId, now: Timestamp) -> Result<Vec<Invite>> {
        let query = self
            .query()
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(keys::invites_partition(session)));
        let items = self.every(query).await?.into_iter().filter(|item| !has_ended(item, now));
        items.map(invite).collect()
    }

    async fn remove_invite(&self, session: SessionId, id: &InviteId) -> Result<()> {
        self.delete_item(keys::invite(session, id)).await
    }

    async fn remove_invites(&self, session: SessionId) -> Result<()> {
        self.delete_all(self.keys_of(keys::invites_partition(session)).await?).await
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InviteRecord {
    pk: String,
    sk: String,
    role: String,
    created_at: u64,
    expires_at: u64,
}

impl InviteRecord {
    fn of(invite: &Invite) -> Self {
        let keys::Key { pk, sk } = keys::invite(invite.session, &invite.id);
        Self {
            pk,
            sk,
            role: words::guest_role::of(invite.role).to_owned(),
            created_at: invite.created_at.millis(),
            expires_at: invite.expires_at.seconds_up(),
        }
    }
}

fn invite(item: Item) -> Result<Invite> {
    let record: InviteRecord = serde_dynamo::from_item(item).map_err(misfit)?;
    let (session, id) = keys::invite_of(&record.pk, &record.sk).ok_or(Malformed("key of an invitation"))?;
    Ok(Invite {
        id,
        session,
        role: words::guest_role::parse(&record.role).ok_or(Malformed("guest's role"))?,
        created_at: Timestamp::from_millis(record.created_at),
        expires_at: Timestamp::from_millis(0) + Duration::from_secs(record.expires_at),
    })
}
