//! Events in a few words.

use domain::{Departure, Ending, Event, EventEncoder, Frame, Timestamp};

/// Puts events into a few words that a test can compare: `userJoined alice`, say.
#[derive(Debug, Default, Clone, Copy)]
pub struct PlainEncoder;

impl EventEncoder for PlainEncoder {
    fn encode(&self, event: &Event<'_>, _at: Timestamp) -> Frame {
        Frame(match event {
            Event::UserJoined(participant) => format!("userJoined {}", participant.username.as_str()),
            Event::UserLeft { username, reason, .. } => {
                format!("userLeft {} {}", username.as_str(), departure(*reason))
            }
            Event::UserStatusUpdated(participant) => format!(
                "userStatusUpdated {} {:?} muted={} video={}",
                participant.username.as_str(),
                participant.presence,
                participant.is_muted,
                participant.is_video_enabled
            ),
            Event::ParticipantUpdated { participant, .. } => {
                format!("participantUpdated {} {}", participant.username.as_str(), participant.rights.role.name())
            }
            Event::ParticipantWaiting(knock) => format!("participantWaiting {}", knock.username.as_str()),
            Event::Admitted(knock) => format!("admitted {}", knock.username.as_str()),
            Event::Denied { knock, .. } => format!("denied {}", knock.username.as_str()),
            Event::ReceiveData(data) => format!("receiveData {} {}", data.topic, data.payload),
            Event::ReceiveRpc(rpc) => format!("receiveRpc {} {}", rpc.method, rpc.payload),
            Event::ReceiveRpcAnswer(answer) => format!("receiveRpcAnswer {:?}", answer.outcome),
            Event::SessionUpdated(session) => format!("sessionUpdated locked={}", session.controls.locked),
            Event::MuteRequested { kind, .. } => format!("muteRequested {kind:?}"),
            Event::Removed { .. } => "removed".to_owned(),
            Event::ReceiveMessage(m) => format!("receiveMessage {} {}", m.username.as_str(), m.text),
            Event::ReceiveCaption { said, is_final, .. } => {
                format!("receiveCaption {} {} final={is_final}", said.username.as_str(), said.text)
            }
            Event::RecordingStarted(recording) => format!("recordingStarted {}", recording.by.username.as_str()),
            Event::RecordingStopped(recording) => format!("recordingStopped {}", recording.by.username.as_str()),
            Event::RecordingReady(recording) => {
                format!("recordingReady {} {:?}", recording.by.username.as_str(), recording.status)
            }
            Event::RecordingRequested { wanted, count, .. } => format!("recordingRequested {wanted} {count}"),
            Event::SessionEnded(why) => format!("sessionEnded {}", ending(*why)),
            Event::Replaced => "replaced".to_owned(),
        })
    }
}

fn departure(reason: Departure) -> &'static str {
    match reason {
        Departure::Left => "left",
        Departure::Timeout => "timeout",
        Departure::Removed => "removed",
    }
}

fn ending(why: Ending) -> &'static str {
    match why {
        Ending::EndedByCreator => "endedByCreator",
        Ending::Empty => "empty",
        Ending::MaxDuration => "maxDuration",
        Ending::CreatorDeleted => "creatorDeleted",
    }
}
