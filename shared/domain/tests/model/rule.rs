//! The rules of durable signaling, as things that can be taken away one at a time.

/// What is broken on purpose. Everything but the clients' part is broken by a port that behaves so, beneath the real
/// functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// Rule 1: the write takes effect at any time after the push.
    PushBeforeWrite,
    /// Rule 1: whether a target has a connection is judged by a read that may be old.
    OldReadDecides,
    /// Rule 2: any attempt takes a participant over, also one older than the present.
    AnyAttemptWins,
    /// Rule 2: a take-over returns the last connection alone, not all that are unfenced.
    LastIsFencedAlone,
    /// Rule 3: older connections are not fenced.
    NoFence,
    /// Rule 3: the inbox is read before the fence.
    ReadBeforeFence,
    /// Rule 3: the inbox is read with a read that may be old.
    OldInboxRead,
    /// Rule 3: a connection counts as fenced before its fence.
    UnfencedTooEarly,
    /// Rule 4: a 410 ends the delivery; nobody looks for a newer connection.
    GoneIsTheEnd,
    /// Rule 4: a connection that cannot be pushed to is left alone.
    FailedPushIsForgotten,
    /// Rule 5: the server replays from a cursor of its own on, the newest signal that it handed over.
    ServerCursor,
    /// Rule 5: a replay begins at the event that was last seen, though it was seen before the last replay was complete.
    OnlyFromSince,
    /// Rule 5, the client's part: what was seen is not dropped.
    RepetitionsAreTaken,
    /// Rule 5, the client's part: signals are taken in the order in which they arrive.
    ArrivalIsTheOrder,
    /// Rule 4: nobody looks after what could not be pushed.
    NobodyIsNudged,
    /// Two-step effects: what others have to be told is not noted with the change.
    NothingIsNoted,
    /// Whoever left is taken out of the roster, and what the next seat goes on from is kept nowhere.
    LeftIsForgotten,
    /// Whoever left is taken out before it is kept what the next seat goes on from.
    TakenOutFirst,
    /// Rule 7, the client's part: a heartbeat that says that the connection lost its participant is not heeded.
    HeartbeatIsIgnored,
    /// Doors: whether somebody is banned is asked before the seat is taken, not in the same step.
    BanIsNoCondition,
    /// Doors: the same of the lock.
    LockIsNoCondition,
    /// Doors: the same of the waiting room.
    WaitingRoomIsNoCondition,
    /// Doors: the same of the number of seats.
    SeatsAreNoCondition,
    /// Doors: a ban that is over still counts.
    BansNeverEnd,
    /// Doors: the lock is for hosts and cohosts, too.
    HostsAreLockedOut,
    /// Doors: what lets somebody past the waiting room goes with the seat.
    AdmissionIsForgotten,
    /// Doors: who is removed still passes the waiting room.
    NobodyIsHeldUp,
    /// Doors: whoever takes tokens back looks for their seats first.
    SeatsAreLookedForFirst,
    /// Doors: whether a token was taken back is asked before the seat is taken, and not again.
    TokensAreAskedForOnce,
    /// Doors: a later token gives nothing and takes nothing away on a seat that is held.
    RightsStay,
    /// Doors: a join counts its attempt first and sets the rights of its token after that.
    RightsFollowLater,
    /// Doors: what was decided of somebody's rights goes with the seat.
    DecisionsAreForgotten,
}
