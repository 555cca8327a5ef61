//! The words that stand for our enums in items.

use domain::happenings::Kind;
use domain::recording::{RecordingNews, RecordingStatus};
use domain::{Ending, GuestRole, Membership, Presence, SessionKind, Visibility};

/// One module per enum: `of` gives the word, `parse` reads it.
macro_rules! words {
    ($(#[$doc:meta])* $module:ident: $type:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        pub(crate) mod $module {
            use super::$type;

            /// The word for it.
            pub(crate) const fn of(value: $type) -> &'static str {
                match value {
                    $($type::$variant => $word),+
                }
            }

            /// What the word stands for.
            pub(crate) fn parse(word: &str) -> Option<$type> {
                match word {
                    $($word => Some($type::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

words!(/// What a session is for.
kind: SessionKind {
    AudioOnly => "audioOnly",
    VideoCall => "videoCall",
    ScreenShare => "screenShare",
    Mixed => "mixed",
});
words!(/// What a guest may do.
    guest_role: GuestRole { Participant => "participant", Viewer => "viewer" });
words!(/// Who can find a session.
    visibility: Visibility { Public => "public", Unlisted => "unlisted" });
words!(/// Whether a participant still belongs to the session.
    membership: Membership { Seated => "seated", Left => "left", Ended => "ended" });
words!(/// What happened.
kind_of_event: Kind {
    SessionCreated => "session.created",
    SessionStarted => "session.started",
    SessionUpdated => "session.updated",
    SessionEnded => "session.ended",
    ParticipantJoined => "participant.joined",
    ParticipantReconnecting => "participant.reconnecting",
    ParticipantReconnected => "participant.reconnected",
    ParticipantUpdated => "participant.updated",
    ParticipantLeft => "participant.left",
    ParticipantAborted => "participant.aborted",
    ParticipantWaiting => "participant.waiting",
    ParticipantAdmitted => "participant.admitted",
    ParticipantDenied => "participant.denied",
    MessageCreated => "message.created",
    RecordingStarted => "recording.started",
    RecordingReady => "recording.ready",
    RecordingFailed => "recording.failed",
    WebhookDisabled => "webhook.disabled",
});
words!(/// How far a recording is.
recording_status: RecordingStatus {
    Active => "active",
    Composing => "composing",
    Ready => "ready",
    Failed => "failed",
    Deleted => "deleted",
});
words!(/// What is still to be told of a recording.
recording_news: RecordingNews { Started => "started", Stopped => "stopped", Done => "done" });
words!(/// Why a session ended.
ending: Ending {
    EndedByCreator => "ended",
    Empty => "empty",
    MaxDuration => "maxDuration",
    CreatorDeleted => "deleted",
});
words!(/// What others see of a participant.
presence: Presence {
    Disconnected => "disconnected",
    Connected => "connected",
    Reconnecting => "reconnecting",
});

/// What can come of telling something.
pub(crate) const DELIVERED: [&str; 4] = ["delivered", "retrying", "gaveUp", "disabled"];

/// What became of somebody who waited to be admitted.
pub(crate) mod outcome {
    use domain::Departure;
    use domain::ports::Outcome;

    /// Each of them.
    const ALL: [Outcome; 4] = [
        Outcome::Admitted,
        Outcome::Denied(Departure::Removed),
        Outcome::Denied(Departure::Left),
        Outcome::Denied(Departure::Timeout),
    ];

    /// The word for it.
    pub(crate) const fn of(value: Outcome) -> &'static str {
        match value {
            Outcome::Admitted => "admitted",
            Outcome::Denied(Departure::Removed) => "denied",
            Outcome::Denied(Departure::Left) => "left",
            Outcome::Denied(Departure::Timeout) => "timeout",
        }
    }

    /// What the word stands for.
    pub(crate) fn parse(word: &str) -> Option<Outcome> {
        ALL.into_iter().find(|outcome| of(*outcome) == word)
    }
}

/// What the others still have to be told of a participant.
pub(crate) mod untold {
    use domain::{Departure, Untold};

    /// The word for it.
    pub(crate) const fn of(value: Untold) -> &'static str {
        match value {
            Untold::Join => "join",
            Untold::Change => "change",
            Untold::Departure(Departure::Left) => "left",
            Untold::Departure(Departure::Timeout) => "timeout",
            Untold::Departure(Departure::Removed) => "removed",
        }
    }

    /// What the word stands for.
    pub(crate) fn parse(word: &str) -> Option<Untold> {
        match word {
            "join" => Some(Untold::Join),
            "change" => Some(Untold::Change),
            "left" => Some(Untold::Departure(Departure::Left)),
            "timeout" => Some(Untold::Departure(Departure::Timeout)),
            "removed" => Some(Untold::Departure(Departure::Removed)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{Departure, Untold};

    use super::*;

    #[test]
    fn every_word_is_read_as_what_it_was_written_for() {
        for value in [SessionKind::AudioOnly, SessionKind::VideoCall, SessionKind::ScreenShare, SessionKind::Mixed] {
            assert_eq!(kind::parse(kind::of(value)), Some(value));
        }
        for value in [Visibility::Public, Visibility::Unlisted] {
            assert_eq!(visibility::parse(visibility::of(value)), Some(value));
        }
        for value in [Membership::Seated, Membership::Left, Membership::Ended] {
            assert_eq!(membership::parse(membership::of(value)), Some(value));
        }
        for value in [Presence::Disconnected, Presence::Connected, Presence::Reconnecting] {
            assert_eq!(presence::parse(presence::of(value)), Some(value));
        }
        for value in [Ending::EndedByCreator, Ending::Empty, Ending::MaxDuration, Ending::CreatorDeleted] {
            assert_eq!(ending::parse(ending::of(value)), Some(value));
        }
        for value in Kind::ALL {
            assert_eq!(kind_of_event::parse(kind_of_event::of(value)), Some(value));
        }
        let departures = [Departure::Left, Departure::Timeout, Departure::Removed].map(Untold::Departure);
        for value in departures.into_iter().chain([Untold::Join, Untold::Change]) {
            assert_eq!(untold::parse(untold::of(value)), Some(value));
        }
        assert_eq!(presence::parse("asleep"), None);
    }
}
