//! The list of active sessions, spread over the partitions of a sparse index.

use domain::ports::ActiveSessions;
use domain::{Result, Session, SessionId, Visibility};
use futures_util::future::try_join_all;

use crate::errors::failed;
use crate::items::{Item, text};
use crate::records::SessionRecord;
use crate::{Store, keys};

impl ActiveSessions for Store {
    async fn active(&self, visibility: Visibility, limit: usize, before: Option<SessionId>) -> Result<Vec<Session>> {
        let shards = keys::active_partitions(visibility).map(|shard| self.active_in(shard, limit, before));
        let mut sessions = Vec::new();
        for item in try_join_all(shards).await?.into_iter().flatten() {
            sessions.push(SessionRecord::from_item(item)?.into_session()?);
        }
        sessions.sort_unstable_by_key(|session| std::cmp::Reverse(session.id));
        sessions.truncate(limit);
        Ok(sessions)
    }
}

impl Store {
    /// The newest of one partition. A session's item is far below 10 KB, so a page of 1 MB always holds them.
    async fn active_in(&self, shard: String, limit: usize, before: Option<SessionId>) -> Result<Vec<Item>> {
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
        Ok(query.send().await.map_err(failed)?.items.unwrap_or_default())
    }
}
