//! The rules of TunRTC: accounts, sessions, signaling and presence, as functions over narrow ports.
//!
//! Nothing here knows AWS, HTTP or JSON. A function's bounds name the ports it needs, so its signature
//! states its privileges; `store`, `push`, `delay` and `auth` implement the ports.

pub mod about;
pub mod accounts;
pub mod admission;
pub mod analytics;
pub mod announcing;
mod app;
mod caller;
pub mod captions;
pub mod chat;
pub mod composing;
mod context;
pub mod data;
pub mod delivery;
pub mod endpoints;
pub mod erasure;
mod error;
mod event;
pub mod eviction;
mod guest;
pub mod happenings;
mod ids;
pub mod invites;
pub mod keys;
pub mod leases;
mod links;
mod measures;
mod metric;
pub mod moderation;
pub mod nudge;
mod participant;
mod policy;
pub mod ports;
pub mod quality;
pub mod quotas;
pub mod recording;
pub mod recordings;
pub mod relay;
pub mod replay;
pub mod resume;
mod rights;
mod session;
pub mod sessions;
pub mod standing;
pub mod sweep;
pub mod telling;
mod text;
mod time;
pub mod usage;
mod user;
pub mod waiting;
pub mod webhooks;

pub use app::{AppKey, Identity, KeyGrant, KeyId, KeyLimits, ProjectId, RoomName, RoomRef};
pub use caller::{Backend, Caller, Grants, Introduction, Person, Rooms, Scope};
pub use context::Context;
pub use error::{Cause, Error, FieldError, Quota, Result};
pub use event::{Departure, Ending, Event, EventEncoder, Frame, MediaKind};
pub use guest::{GuestRole, Invite, InviteId, NewInvite};
pub use ids::{
    ConnectionId, FamilyId, IdSource, MessageId, RecordingId, SessionId, SignalId, TicketId, UserId, WebhookId,
};
pub use metric::Metric;
pub use participant::{CatchingUp, Membership, Participant, Presence, Sender, Untold};
pub use policy::{Fitted, Misfit, Policy, Throttle};
pub use rights::{Decided, Permission, Permissions, Rights, RightsChange, Role};
pub use session::{
    Attached, Controls, Lifetime, Metadata, Roster, Session, SessionKind, SessionName, SessionState, Visibility,
};
pub use time::{Clock, Timestamp};
pub use user::{Email, Password, PasswordHash, User, Username};
