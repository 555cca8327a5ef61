//! What the rules need from outside: one narrow trait for each kind of access, with the data that it takes and gives.
//!
//! `store`, `push`, `delay`, `objects` and `auth` implement these traits. A rule's bounds name the ones it uses, so its signature
//! states its privileges.

mod about;
mod accounts;
mod apps;
mod delivery;
mod invites;
mod live;
mod log;
mod objects;
mod quality;
mod recordings;
mod seats;
mod sessions;
mod usage;
mod waiting;
mod webhooks;

pub use about::{About, Abouts};
pub use accounts::{
    Counted, Families, MintedRefresh, PasswordHasher, PresentedRefresh, RefreshMint, RefreshSecret, Rotation,
    Throttles, Users,
};
pub use apps::{KeyAdministration, KeyMint, Keys, MintedKey, Revocations};
pub use delivery::{
    ChatHistory, ChatLog, ChatMessage, ClientMessageId, DelayedMessage, Delays, Inbox, Log, Page, Pushed, Signal,
    Sockets, Spoken, Waiting,
};
pub use invites::{GuestMint, Invites, MintedGuest, MintedInvite, PresentedInvite};
pub use live::{Live, LiveKind, Living};
pub use log::{Admission, Closure, ConnectionLog, LoggedConnection, Place, Places, Told};
pub use objects::{
    DownloadUrls, MAX_PARTS, MAX_URL_SECONDS, MIN_PART_BYTES, ObjectFile, ObjectList, ObjectReader, ObjectRemover,
    ObjectWriter, StoredObject, UploadUrls,
};
pub use quality::{Attended, Calls, Minute, Reports, Watchers};
pub use recordings::{
    Attendance, Begun, Composer, Composition, RecordedSessions, RecordingQueue, RecordingRequests, Recordings, Step,
    StoredChunk, Tended,
};
pub use seats::{
    Again, Attempt, Ban, Catching, ControlsSet, Finished, Guard, Held, Holding, Members, Moderation, Seats,
    SessionChange, Status, TakeOver, TakenSeat, Visit, Visits,
};
pub use sessions::{
    ActiveSessions, DUE_PARTS, Due, DueTimes, Endings, Erasures, IdempotencyKey, RoomNames, Rosters, SessionMetadata,
    Sessions,
};

pub use usage::{Ledger, UsedStay};
pub use waiting::{Emptied, Knock, Outcome, Verdict, WAITING_PLACES, WaitingRoom, Waits};
pub use webhooks::{
    Announcer, Deliveries, Delivery, Disabling, EndpointChange, EndpointSealer, Endpoints, EventLog, EventPlace, From,
    Letter, Lines, Listeners, Logged, News, Occurrence, Post, Receipt, Starts, Subject,
};

use crate::{Context, Event, EventEncoder, Frame};

/// The ports of a rule that speaks to clients, and its context. A rule's own bounds say what it may ask of each.
pub struct Ports<'a, S, C, D> {
    /// The table.
    pub store: &'a S,
    /// The clients' connections.
    pub sockets: &'a C,
    /// The delay queue.
    pub delays: &'a D,
    /// Puts events into the words of the wire.
    pub encoder: &'a dyn EventEncoder,
    /// Policy, identifiers and the present moment.
    pub context: Context<'a>,
}

// Not derived: that would ask the same of what the references point to.
impl<S, C, D> Clone for Ports<'_, S, C, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, C, D> Copy for Ports<'_, S, C, D> {}

impl<S, C, D> Ports<'_, S, C, D> {
    /// An event that happens now, encoded.
    pub(crate) fn encode(&self, event: &Event<'_>) -> Frame {
        self.encoder.encode(event, self.context.now)
    }
}
