//! What participants say of themselves. It lies in a partition of its own: the roster is read with every chat message, and must not
//! carry it.

use std::collections::BTreeMap;

use domain::about::About;
use domain::ports::Abouts;
use domain::{Introduction, Metadata, Result, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::errors::{Malformed, misfit};
use crate::items::{Item, has_ended, number, text};
use crate::{Store, keys};

impl Abouts for Store {
    async fn abouts(&self, session: SessionId, now: Timestamp) -> Result<Vec<About>> {
        let query = self
            .query()
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(keys::abouts_partition(session)));
        let items = self.every(query).await?.into_iter().filter(|item| !has_ended(item, now));
        items.map(read).collect()
    }

    async fn set_about(&self, about: &About, seen: Option<u64>, keep_until: Timestamp) -> Result<bool> {
        let item = serde_dynamo::to_item(AboutRecord::of(about, keep_until)).map_err(misfit)?;
        match seen {
            None => self.put_item_if(item, "attribute_not_exists(pk)", Item::new()).await,
            Some(seen) => {
                let values = Item::from([(":seen".to_owned(), number(seen))]);
                self.put_item_if(item, "version = :seen", values).await
            }
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AboutRecord {
    pk: String,
    sk: String,
    joined_at: u64,
    attributes: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hand_raised_at: Option<u64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    given_attributes: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_metadata: Option<String>,
    #[serde(default)]
    given_by: u64,
    version: u64,
    expires_at: u64,
}

impl AboutRecord {
    fn of(about: &About, keep_until: Timestamp) -> Self {
        let keys::Key { pk, sk } = keys::about(about.session, about.user);
        Self {
            pk,
            sk,
            joined_at: about.joined_at.millis(),
            attributes: about.attributes.clone(),
            metadata: about.metadata.as_ref().map(|metadata| metadata.as_str().to_owned()),
            given_attributes: about.given.attributes.clone(),
            given_metadata: about.given.metadata.as_ref().map(|metadata| metadata.as_str().to_owned()),
            given_by: about.given_by,
            hand_raised_at: about.hand_raised_at.map(Timestamp::millis),
            version: about.version,
            expires_at: keep_until.seconds_up(),
        }
    }
}

/// What an item says of somebody.
pub(crate) fn read(item: Item) -> Result<About> {
    let record: AboutRecord = serde_dynamo::from_item(item).map_err(misfit)?;
    let metadata = |text: Option<String>| {
        Metadata::parse(text.as_deref().unwrap_or_default()).map_err(|_| Malformed("metadata of a participant"))
    };
    Ok(About {
        session: keys::session_of_abouts(&record.pk).ok_or(Malformed("session of what somebody says"))?,
        user: record.sk.parse().map_err(|_| Malformed("user of what somebody says"))?,
        joined_at: Timestamp::from_millis(record.joined_at),
        attributes: record.attributes,
        metadata: metadata(record.metadata)?,
        given: Introduction { attributes: record.given_attributes, metadata: metadata(record.given_metadata)? },
        given_by: record.given_by,
        hand_raised_at: record.hand_raised_at.map(Timestamp::from_millis),
        version: record.version,
    })
}
