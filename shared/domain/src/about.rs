//! What participants say of themselves: attributes, and a raised hand. It lasts as long as the stay does.

use std::collections::BTreeMap;

use crate::delivery::broadcast;
use crate::ports::{Abouts, Delays, Held, Inbox, Members, Ports, Rosters, Sockets};
use crate::sessions::active_roster;
use crate::standing::Standing;
use crate::{Error, Event, Permission, Result, SessionId, Timestamp, UserId};

pub use crate::ports::About;

/// The most that the names and values of somebody's attributes have together, in bytes.
pub const MAX_ATTRIBUTES: usize = 4 * 1024;

/// A change that others make at the same time is tried so often.
const TRIES: usize = 4;

impl About {
    /// Nothing, on a seat that was taken then.
    fn nothing(session: SessionId, user: UserId, joined_at: Timestamp) -> Self {
        Self { session, user, joined_at, attributes: BTreeMap::new(), hand_raised_at: None, version: 0 }
    }
}

/// What somebody wants to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saying {
    /// These attributes from now on; those without a value are taken away.
    Attributes(BTreeMap<String, Option<String>>),
    /// The hand is raised, or lowered.
    Hand(bool),
}

impl Saying {
    fn applied_to(&self, about: &mut About, now: Timestamp) -> Result<()> {
        match self {
            Self::Hand(true) => about.hand_raised_at = Some(about.hand_raised_at.unwrap_or(now)),
            Self::Hand(false) => about.hand_raised_at = None,
            Self::Attributes(change) => {
                for (name, value) in change {
                    match value {
                        Some(value) => about.attributes.insert(name.clone(), value.clone()),
                        None => about.attributes.remove(name),
                    };
                }
                let size: usize = about.attributes.iter().map(|(name, value)| name.len() + value.len()).sum();
                if size > MAX_ATTRIBUTES {
                    return Err(Error::PayloadTooLarge { what: "the attributes together", limit: MAX_ATTRIBUTES });
                }
            }
        }
        Ok(())
    }
}

/// Says something of a participant who is there, and tells everybody. Two changes at the same time are both made.
///
/// # Errors
/// `NotPermitted` without `updateOwnAttributes`, where it is about those; `PayloadTooLarge`.
pub async fn say(
    ports: Ports<'_, impl Abouts + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    held: &Held,
    standing: Standing,
    saying: &Saying,
) -> Result<About> {
    if matches!(saying, Saying::Attributes(_)) {
        standing.rights.require(Permission::UpdateOwnAttributes)?;
    }
    let Ports { store, context, .. } = ports;
    for _ in 0..TRIES {
        let known = store.about(held.session, held.user).await?;
        let (seen, joined_at) = (known.as_ref().map(|about| about.version), standing.joined_at);
        let current = known.filter(|about| about.joined_at == joined_at);
        let mut about = current.unwrap_or_else(|| About::nothing(held.session, held.user, joined_at));
        about.version = seen.unwrap_or_default() + 1;
        saying.applied_to(&mut about, context.now)?;
        if store.set_about(&about, seen, context.now + context.policy.connection_log).await? {
            tell(ports, &about).await?;
            return Ok(about);
        }
    }
    Err(Error::Unavailable("what a participant says changes too fast".into()))
}

/// Tells everybody who is connected, whoever says it too.
async fn tell(
    ports: Ports<'_, impl Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    about: &About,
) -> Result<()> {
    let roster = active_roster(ports.store, about.session, ports.context.now).await?;
    let participant = roster.seated(about.user).ok_or(Error::NotJoined)?;
    let frame = ports.encode(&Event::ParticipantUpdated { participant, about: Some(about) });
    broadcast(ports, about.session, roster.connected(ports.context.now), &frame, None).await
}
