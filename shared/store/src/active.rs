//! The list of active sessions. Its index has keys alone, spread over partitions and carried by what says who made a session: so
//! that a seat that is taken or freed writes no index.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ports::{ActiveSessions, Page};
use domain::{ProjectId, Result, Session, SessionId, Visibility};
use futures_util::future::try_join_all;

use crate::errors::Malformed;
use crate::items::{Item, text};
use crate::records::SessionRecord;
use crate::{Store, keys};

impl ActiveSessions for Store {
    async fn active(
        &self,
        project: &ProjectId,
        visibility: Option<Visibility>,
        limit: usize,
        before: Option<SessionId>,
    ) -> Result<Page<Session, SessionId>> {
        let all = [Visibility::Public, Visibility::Unlisted].into_iter();
        let wanted = all.filter(|each| visibility.is_none_or(|wanted| wanted == *each));
        let shards = wanted.flat_map(|visibility| keys::active_partitions(project, visibility));
        let shards = shards.map(|shard| self.active_in(shard, limit, before));
        let mut listed: Vec<_> = try_join_all(shards).await?.into_iter().flatten().collect();
        listed.sort_unstable_by_key(|session| std::cmp::Reverse(*session));
        // One from before may still carry the keys itself, too.
        listed.dedup();
        listed.truncate(limit);
        let next = listed.last().filter(|_| listed.len() == limit).copied();
        let found = self.get_all(listed.into_iter().map(keys::session).collect()).await?;
        let sessions = found.into_iter().map(|item| SessionRecord::from_item(item)?.into_session());
        let mut items: Vec<_> = sessions.collect::<Result<_>>()?;
        items.sort_unstable_by_key(|session| std::cmp::Reverse(session.id));
        Ok(Page { items, next })
    }
}

impl Store {
    /// The newest of one partition. An entry is far below 10 KB, so a page of 1 MB always holds them.
    async fn active_in(&self, shard: String, limit: usize, before: Option<SessionId>) -> Result<Vec<SessionId>> {
        let query = self
            .query()
            .index_name(keys::ACTIVE_INDEX)
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .expression_attribute_values(":shard", text(shard));
        let query = match before {
            None => query.key_condition_expression("activePk = :shard"),
            Some(before) => query
                .key_condition_expression("activePk = :shard AND activeSk < :before")
                .expression_attribute_values(":before", text(before.to_string())),
        };
        let entries = self.page(query).await?.items.unwrap_or_default();
        Ok(entries.iter().map(listed).collect::<Result<_, _>>()?)
    }
}

fn listed(entry: &Item) -> Result<SessionId, Malformed> {
    let session = entry.get("activeSk").and_then(|session| session.as_s().ok());
    session.and_then(|session: &String| session.parse().ok()).ok_or(Malformed("entry of the list"))
}

/// What makes an item an entry of the list.
pub(crate) fn entry(session: &Session) -> [(String, AttributeValue); 2] {
    [
        ("activePk".to_owned(), text(keys::active_partition_of(session))),
        ("activeSk".to_owned(), text(session.id.to_string())),
    ]
}
