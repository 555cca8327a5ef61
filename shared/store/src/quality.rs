//! Call quality: minutes, in a partition for each session, so that nothing else ever reads them, and runs, each in the lists that its
//! session stands in.

use aws_sdk_dynamodb::operation::query::builders::QueryInputBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::ports::{Attended, Calls, LoggedConnection, Minute, Page, Reports, Watchers};
use domain::quality::{Listed, REPORTS_APART, Report, Run};
use domain::{Result, SessionId, Timestamp, UserId};

use crate::errors::misfit;
use crate::items::{Item, expiry, expiry_now, has_ended, millis, number, text};
use crate::quality_records::{MinuteRecord, RunRecord, place};
use crate::records::SessionRecord;
use crate::requests::{Change, key_of};
use crate::{Store, connections, keys, visits};

/// Runs of one page: a list needs a few for each of its calls.
const PAGE: i32 = 300;

impl Watchers for Store {
    async fn attended(&self, session: SessionId, user: UserId, now: Timestamp, certain: bool) -> Result<Attended> {
        let (session, visit) = (keys::session(session), keys::visit(user, session));
        let items = if certain {
            let (session, visit) = (self.get_item(session, true).await?, self.get_item(visit, true).await?);
            session.into_iter().chain(visit).collect()
        } else {
            self.get_all(vec![session, visit]).await?
        };
        let live = items.into_iter().filter(|item| !has_ended(item, now));
        let (sessions, visits): (Vec<_>, Vec<_>) = live.partition(keys::is_session);
        let session = sessions.into_iter().next().map(SessionRecord::from_item).transpose()?;
        Ok(Attended {
            session: session.map(SessionRecord::into_session).transpose()?,
            had_a_seat: visits.iter().any(visits::had_a_seat),
        })
    }
}

impl Reports for Store {
    async fn count_report(
        &self,
        session: SessionId,
        user: UserId,
        lists: &[Listed],
        is_final: bool,
        now: Timestamp,
        keep_until: Timestamp,
    ) -> Result<bool> {
        let counted = if is_final { "lastOneAt" } else { "reportedAt" };
        let change = Change::to(
            keys::reported(user, session),
            format!("SET {counted} = :now, lists = :lists, expiresAt = :gone"),
            format!("attribute_not_exists({counted}) OR {counted} <= :before"),
        );
        let lists = lists.iter().map(|list| keys::runs_partition(list, session)).collect();
        let change = change
            .with(":now", millis(now))
            .with(":before", millis(now.minus(REPORTS_APART)))
            .with(":lists", AttributeValue::Ss(lists))
            .with(":gone", expiry(keep_until));
        Ok(self.change(change, ReturnValue::None).await?.is_done())
    }

    async fn keep_minute(
        &self,
        session: SessionId,
        user: UserId,
        report: &Report,
        keep_until: Timestamp,
    ) -> Result<()> {
        let record = MinuteRecord::of(session, user, report, keep_until);
        let values = Item::from([(":last".to_owned(), number(record.last))]);
        let item = serde_dynamo::to_item(record).map_err(misfit)?;
        // Refused when the run's last word on this minute is there.
        self.put_item_if(item, "attribute_not_exists(pk) OR lastOne <= :last", values).await.map(drop)
    }

    async fn keep_run(&self, list: &Listed, run: &Run, keep_until: Timestamp) -> Result<()> {
        let item = serde_dynamo::to_item(RunRecord::of(list, run, keep_until)).map_err(misfit)?;
        let values = Item::from([(":place".to_owned(), number(place(run.last_minute, run.is_final)))]);
        // Refused when a newer report is there.
        self.put_item_if(item, "attribute_not_exists(pk) OR place <= :place", values).await.map(drop)
    }
}

impl Calls for Store {
    async fn runs(
        &self,
        list: &Listed,
        between: (SessionId, SessionId),
        last: Option<&str>,
        now: Timestamp,
    ) -> Result<Page<Run, String>> {
        let pk = keys::runs_partition(list, between.0);
        let (query, bounds) = (self.newest(&pk, last, now).limit(PAGE), keys::runs_between(between));
        let (items, next) = self.newest_between(query, bounds).await?;
        let runs = items.into_iter().map(|item| RunRecord::from_item(item)?.into_run());
        Ok(Page { items: runs.collect::<Result<_>>()?, next })
    }

    async fn minutes(
        &self,
        session: SessionId,
        user: UserId,
        with_peers: bool,
        last: Option<&str>,
        now: Timestamp,
    ) -> Result<Page<Minute, String>> {
        let query = self.newest(&keys::minutes_partition(session), last, now);
        let query = if with_peers { query } else { query.projection_expression(MinuteRecord::WITHOUT_PEERS) };
        let (items, next) = self.newest_between(query, keys::minutes_of(user)).await?;
        let minutes = items.into_iter().map(|item| MinuteRecord::from_item(item)?.into_minute());
        Ok(Page { items: minutes.collect::<Result<_>>()?, next })
    }

    async fn connections_of(&self, user: UserId, between: (Timestamp, Timestamp)) -> Result<Vec<LoggedConnection>> {
        let [first, last] = keys::connections_between(between);
        let query = self
            .query()
            .key_condition_expression("pk = :user AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":user", text(keys::user_partition(user)))
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last));
        self.every(query).await?.into_iter().map(connections::logged).collect()
    }
}

impl Store {
    /// A query of a partition, the newest first, for what has not ended.
    fn newest(&self, pk: &str, last: Option<&str>, now: Timestamp) -> QueryInputBuilder {
        let start = last.map(|sk| Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))]));
        self.query()
            .scan_index_forward(false)
            .filter_expression("expiresAt > :now")
            .expression_attribute_values(":now", expiry_now(now))
            .expression_attribute_values(":pk", text(pk))
            .set_exclusive_start_key(start)
    }

    /// One page of it between those sort keys, and where the next one begins.
    async fn newest_between(
        &self,
        query: QueryInputBuilder,
        [first, last]: [String; 2],
    ) -> Result<(Vec<Item>, Option<String>)> {
        let query = query
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last));
        let page = self.page(query).await?;
        let next = page.last_evaluated_key.map(key_of).transpose()?.map(|key| key.sk);
        Ok((page.items.unwrap_or_default(), next))
    }
}
