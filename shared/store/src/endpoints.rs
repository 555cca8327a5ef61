//! Webhook endpoints: one item each, in the partition of their project.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::happenings::Kind;
use domain::ports::{Disabling, EndpointChange, Endpoints, Listeners};
use domain::webhooks::Endpoint;
use domain::{Error, ProjectId, Result, Timestamp, WebhookId};
use serde::{Deserialize, Serialize};

use crate::errors::{Malformed, misfit};
use crate::items::{Item, millis, text};
use crate::requests::{Change, Written};
use crate::{Store, keys, words};

impl Endpoints for Store {
    async fn add_endpoint(&self, endpoint: &Endpoint) -> Result<()> {
        let item = serde_dynamo::to_item(EndpointRecord::of(endpoint)).map_err(misfit)?;
        match self.put_item_if(item, "attribute_not_exists(pk)", Item::new()).await? {
            true => Ok(()),
            false => Err(Error::Internal("a new endpoint's identifier is taken".into())),
        }
    }

    async fn endpoints(&self, project: &str) -> Result<Vec<Endpoint>> {
        self.endpoints_of(project).await
    }

    async fn endpoint(&self, project: &str, id: WebhookId) -> Result<Option<Endpoint>> {
        self.get_item(keys::endpoint(project, id), true).await?.map(endpoint).transpose()
    }

    async fn change_endpoint(&self, project: &str, id: WebhookId, change: &EndpointChange) -> Result<Option<Endpoint>> {
        let (mut sets, mut removes, mut values) = (Vec::new(), Vec::new(), Item::new());
        let mut set = |name: &'static str, value: Option<AttributeValue>| match value {
            Some(value) => {
                sets.push(format!("{name} = :{name}"));
                values.insert(format!(":{name}"), value);
            }
            None => removes.push(name),
        };
        if let Some(url) = &change.url {
            set("address", Some(text(url)));
        }
        if let Some(kinds) = &change.kinds {
            set(
                "kinds",
                kinds.as_ref().map(|kinds| {
                    AttributeValue::L(kinds.iter().map(|kind| text(words::kind_of_event::of(*kind))).collect())
                }),
            );
        }
        if let Some(description) = &change.description {
            set("description", Some(text(description)));
        }
        if let Some(disabled_at) = &change.disabled_at {
            set("disabledAt", disabled_at.map(millis));
        }
        let clauses = [("SET", sets.join(", ")), ("REMOVE", removes.join(", "))];
        let clauses = clauses.into_iter().filter(|(_, list)| !list.is_empty());
        let update: Vec<_> = clauses.map(|(clause, list)| format!("{clause} {list}")).collect();
        if update.is_empty() {
            return self.get_item(keys::endpoint(project, id), true).await?.map(endpoint).transpose();
        }
        let change = Change::to(keys::endpoint(project, id), update.join(" "), "attribute_exists(pk)");
        let change = values.into_iter().fold(change, |change, (name, value)| change.with(&name, value));
        changed(self.change(change, ReturnValue::AllNew).await?)
    }

    async fn replace_secrets(
        &self,
        seen: &Endpoint,
        secret: &str,
        previous: &[(String, Timestamp)],
    ) -> Result<Option<Endpoint>> {
        let key = keys::endpoint(&seen.project, seen.id);
        let previous = serde_dynamo::to_attribute_value(older(previous)).map_err(misfit)?;
        let change = Change::to(key, "SET secret = :new, olderSecrets = :older", "secret = :seen")
            .with(":new", text(secret))
            .with(":seen", text(&seen.secret))
            .with(":older", previous);
        changed(self.change(change, ReturnValue::AllNew).await?)
    }

    async fn remove_endpoint(&self, project: &str, id: WebhookId) -> Result<bool> {
        self.delete_item_if(keys::endpoint(project, id), "attribute_exists(pk)", Item::new()).await
    }
}

impl Listeners for Store {
    async fn hears_of_messages(&self, project: &ProjectId) -> Result<bool> {
        let endpoints = self.endpoints_of(project.as_str()).await?;
        Ok(endpoints.iter().any(|endpoint| endpoint.hears_of(Kind::MessageCreated)))
    }
}

impl Disabling for Store {
    async fn disable_endpoint(&self, project: &str, id: WebhookId, at: Timestamp) -> Result<bool> {
        let enabled = "attribute_exists(pk) AND attribute_not_exists(disabledAt)";
        let key = keys::endpoint(project, id);
        let change = Change::to(key, "SET disabledAt = :at", enabled).happens(at).with(":at", millis(at));
        Ok(self.change(change, ReturnValue::None).await?.is_done())
    }

    async fn note_slow(&self, project: &str, id: WebhookId, until: Timestamp) -> Result<()> {
        let change = Change::to(keys::endpoint(project, id), "SET slowUntil = :until", "attribute_exists(pk)");
        self.change(change.with(":until", millis(until)), ReturnValue::None).await.map(drop)
    }
}

impl Store {
    async fn endpoints_of(&self, project: &str) -> Result<Vec<Endpoint>> {
        let [first, last] = keys::endpoints();
        let query = self
            .query()
            .consistent_read(true)
            .key_condition_expression("pk = :project AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":project", text(keys::project_partition(project)))
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last));
        self.every(query).await?.into_iter().map(endpoint).collect()
    }
}

fn changed(written: Written) -> Result<Option<Endpoint>> {
    match written {
        Written::Done(item) => endpoint(item).map(Some),
        Written::Refused(_) => Ok(None),
    }
}

/// An endpoint's item.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EndpointRecord {
    pk: String,
    sk: String,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kinds: Option<Vec<String>>,
    description: String,
    created_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slow_until: Option<u64>,
    secret: String,
    #[serde(default)]
    older_secrets: Vec<OlderSecret>,
}

/// A secret that signs until then.
#[derive(Debug, Serialize, Deserialize)]
struct OlderSecret {
    sealed: String,
    until: u64,
}

fn older(secrets: &[(String, Timestamp)]) -> Vec<OlderSecret> {
    secrets.iter().map(|(sealed, until)| OlderSecret { sealed: sealed.clone(), until: until.millis() }).collect()
}

impl EndpointRecord {
    fn of(endpoint: &Endpoint) -> Self {
        let keys::Key { pk, sk } = keys::endpoint(&endpoint.project, endpoint.id);
        let kinds = endpoint.kinds.as_ref();
        Self {
            pk,
            sk,
            address: endpoint.url.clone(),
            kinds: kinds.map(|kinds| kinds.iter().map(|kind| words::kind_of_event::of(*kind).to_owned()).collect()),
            description: endpoint.description.clone(),
            created_at: endpoint.created_at.millis(),
            disabled_at: endpoint.disabled_at.map(Timestamp::millis),
            slow_until: endpoint.slow_until.map(Timestamp::millis),
            secret: endpoint.secret.clone(),
            older_secrets: older(&endpoint.previous),
        }
    }
}

/// The endpoint of an item.
pub(crate) fn endpoint(item: Item) -> Result<Endpoint> {
    let record: EndpointRecord = serde_dynamo::from_item(item).map_err(misfit)?;
    let (project, id) = keys::endpoint_of(&record.pk, &record.sk).ok_or(Malformed("endpoint's key"))?;
    let kinds = record.kinds.map(|kinds| kinds.iter().map(|word| known(word)).collect::<Result<_>>());
    Ok(Endpoint {
        id,
        project,
        url: record.address,
        kinds: kinds.transpose()?,
        description: record.description,
        created_at: Timestamp::from_millis(record.created_at),
        disabled_at: record.disabled_at.map(Timestamp::from_millis),
        slow_until: record.slow_until.map(Timestamp::from_millis),
        secret: record.secret,
        previous: record.older_secrets.into_iter().map(|it| (it.sealed, Timestamp::from_millis(it.until))).collect(),
    })
}

fn known(word: &str) -> Result<Kind> {
    Ok(words::kind_of_event::parse(word).ok_or(Malformed("kind of event"))?)
}
