//! The log of what happened, and what came of telling it.
//!
//! A project's log lies in a partition for each day, in the order of noting.

use std::time::Duration;

use aws_sdk_dynamodb::types::ReturnValue;
use domain::happenings::SessionView;
use domain::ports::{Deliveries, Delivery, EventLog, EventPlace, From, Logged, Page, Starts};
use domain::webhooks::{Announcement, EVENTS_KEPT};
use domain::{Result, SessionId, Timestamp, WebhookId};
use serde::{Deserialize, Serialize};

use crate::errors::{Malformed, misfit};
use crate::items::{Item, expiry_now, millis, text};
use crate::requests::{Change, Written};
use crate::{Store, keys, stream, words};

/// The days of a log: a partition each.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl EventLog for Store {
    async fn note_event(&self, announcement: &Announcement, at: Timestamp, keep_until: Timestamp) -> Result<()> {
        let record = EventRecord::of(announcement, at, keep_until);
        self.put_item(serde_dynamo::to_item(record).map_err(misfit)?).await
    }

    async fn events(
        &self,
        project: &str,
        from: &From,
        until: Timestamp,
        limit: usize,
    ) -> Result<Page<Logged, EventPlace>> {
        let oldest = until.minus(EVENTS_KEPT);
        let start = match from {
            From::Time(at) => keys::event_place((*at).max(oldest), ""),
            From::After(place) => keys::after_event(place.at, &place.id),
        };
        let begins = match from {
            From::Time(at) => *at,
            From::After(place) => place.at,
        };
        let (mut day, mut items) = (begins.max(oldest), Vec::new());
        while items.len() < limit && day <= until.rounded_up(DAY) {
            let mut query = self
                .query()
                .consistent_read(true)
                .key_condition_expression("pk = :day AND sk BETWEEN :from AND :until")
                .filter_expression("expiresAt > :now")
                .limit(i32::try_from(limit).unwrap_or(i32::MAX))
                .expression_attribute_values(":day", text(keys::events_partition(project, day)))
                .expression_attribute_values(":from", text(&start))
                .expression_attribute_values(":until", text(keys::event_place(until, "")))
                .expression_attribute_values(":now", expiry_now(until));
            while items.len() < limit {
                let page = self.page(query.clone()).await?;
                for item in page.items.unwrap_or_default() {
                    items.push(logged(item)?);
                }
                match page.last_evaluated_key {
                    Some(last) => query = query.set_exclusive_start_key(Some(last)),
                    None => break,
                }
            }
            day = day + DAY;
        }
        items.truncate(limit);
        let next = items.last().filter(|_| items.len() == limit).map(|last: &Logged| last.place.clone());
        Ok(Page { items, next })
    }
}

impl Deliveries for Store {
    async fn note_delivery(&self, delivery: &Delivery, keep_until: Timestamp) -> Result<()> {
        let record = DeliveryRecord::of(delivery, keep_until);
        self.put_item(serde_dynamo::to_item(record).map_err(misfit)?).await
    }

    async fn deliveries(
        &self,
        endpoint: WebhookId,
        limit: usize,
        before: Option<&EventPlace>,
        now: Timestamp,
    ) -> Result<Page<Delivery, EventPlace>> {
        let query = self
            .query()
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .filter_expression("expiresAt > :now")
            .expression_attribute_values(":endpoint", text(keys::deliveries_partition(endpoint)))
            .expression_attribute_values(":now", expiry_now(now));
        let query = match before {
            None => query.key_condition_expression("pk = :endpoint"),
            Some(place) => query
                .key_condition_expression("pk = :endpoint AND sk < :before")
                .expression_attribute_values(":before", text(keys::event_place(place.at, &place.id))),
        };
        // What is expired is older than everything that is not, so a page that it shortens is the last one.
        let found = self.page(query).await?.items.unwrap_or_default();
        let items: Vec<(EventPlace, Delivery)> =
            found.into_iter().map(|item| delivery(endpoint, item)).collect::<Result<_>>()?;
        let next = items.last().filter(|_| items.len() == limit).map(|(place, _)| place.clone());
        Ok(Page { items: items.into_iter().map(|(_, delivery)| delivery).collect(), next })
    }
}

fn delivery(endpoint: WebhookId, item: Item) -> Result<(EventPlace, Delivery)> {
    let record: DeliveryRecord = serde_dynamo::from_item(item).map_err(misfit)?;
    let (at, id) = keys::place_of_event(&record.sk).ok_or(Malformed("place of a delivery"))?;
    Ok((EventPlace { at, id }, record.into_delivery(endpoint)?))
}

impl Starts for Store {
    async fn session_view(&self, session: SessionId) -> Result<Option<SessionView>> {
        self.get_item(keys::session(session), true).await?.map(stream::view).transpose()
    }

    async fn note_start(
        &self,
        session: SessionId,
        sequence: &str,
        at: Timestamp,
    ) -> Result<Option<(SessionView, bool)>> {
        let first = "attribute_exists(pk) AND (attribute_not_exists(startedBy) OR startedBy = :join)";
        let change = Change::to(keys::session(session), "SET startedBy = :join, startedAt = :at", first)
            .with(":join", text(sequence))
            .with(":at", millis(at));
        match self.change(change, ReturnValue::AllNew).await? {
            Written::Done(item) => Ok(Some((stream::view(item)?, true))),
            Written::Refused(item) => item.map(|item| Ok((stream::view(item)?, false))).transpose(),
        }
    }
}

/// An item of the log.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventRecord {
    pk: String,
    sk: String,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    body: String,
    expires_at: u64,
}

impl EventRecord {
    fn of(announcement: &Announcement, at: Timestamp, keep_until: Timestamp) -> Self {
        Self {
            pk: keys::events_partition(&announcement.project, at),
            sk: keys::event_place(at, &announcement.id),
            kind: announcement.kind.clone(),
            session: announcement.session.map(|session| session.to_string()),
            body: announcement.body.clone(),
            expires_at: keep_until.seconds_up(),
        }
    }
}

fn logged(item: Item) -> Result<Logged> {
    let record: EventRecord = serde_dynamo::from_item(item).map_err(misfit)?;
    let (at, id) = keys::place_of_event(&record.sk).ok_or(Malformed("place in the log"))?;
    let project = keys::project_of_events(&record.pk).ok_or(Malformed("project of a log"))?;
    let session = record.session.map(|session| session.parse().map_err(|_| Malformed("session of an event")));
    let announcement =
        Announcement { id: id.clone(), kind: record.kind, project, session: session.transpose()?, body: record.body };
    Ok(Logged { place: EventPlace { at, id }, announcement })
}

/// What came of a try.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeliveryRecord {
    pk: String,
    sk: String,
    event: String,
    kind: String,
    at: u64,
    attempt: usize,
    took: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    outcome: String,
    expires_at: u64,
}

impl DeliveryRecord {
    fn of(delivery: &Delivery, keep_until: Timestamp) -> Self {
        Self {
            pk: keys::deliveries_partition(delivery.endpoint),
            sk: keys::event_place(delivery.at, &format!("{}#{}", delivery.event, delivery.attempt)),
            event: delivery.event.clone(),
            kind: delivery.kind.clone(),
            at: delivery.at.millis(),
            attempt: delivery.attempt,
            took: u64::try_from(delivery.took.as_millis()).unwrap_or(u64::MAX),
            answered: delivery.status,
            failure: delivery.failure.clone(),
            outcome: delivery.outcome.to_owned(),
            expires_at: keep_until.seconds_up(),
        }
    }

    fn into_delivery(self, endpoint: WebhookId) -> Result<Delivery> {
        Ok(Delivery {
            endpoint,
            event: self.event,
            kind: self.kind,
            at: Timestamp::from_millis(self.at),
            attempt: self.attempt,
            took: Duration::from_millis(self.took),
            status: self.answered,
            failure: self.failure,
            outcome: words::DELIVERED.into_iter().find(|word| *word == self.outcome).ok_or(Malformed("outcome"))?,
        })
    }
}
