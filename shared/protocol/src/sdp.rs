//! What a session description says it will send (RFC 8866): as much of it as permissions need.

/// Stands before a description that one of TunRTC's clients compressed, because it would not fit a frame.
const COMPRESSED: &str = "tunrtc-deflate:";

/// The kinds of media that a description sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Sound.
    pub audio: bool,
    /// Pictures of a camera, or what is not said to be anything else.
    pub video: bool,
    /// Pictures that are marked as a presentation (RFC 4796).
    pub screen: bool,
}

/// What that description will send, by the direction of its media. One that gives none sends (RFC 8866, section 6.7); one whose
/// port is 0 was refused and sends nothing (RFC 3264, section 6), unless it is bundled with others (RFC 9143, section 7.2.1).
/// What is compressed is not read here: it counts as sending everything.
pub fn sent(sdp: &str) -> Sent {
    if sdp.starts_with(COMPRESSED) {
        return Sent { audio: true, video: true, screen: true };
    }
    let (mut of_session, mut sent, mut media) = (true, Sent::default(), None::<Media>);
    for line in sdp.lines().map(str::trim_end) {
        if let Some(description) = line.strip_prefix("m=") {
            media.take().into_iter().for_each(|before| before.count(&mut sent));
            media = Some(Media::of(description, of_session));
        } else if let Some(attribute) = line.strip_prefix("a=") {
            match &mut media {
                Some(media) => media.read(attribute),
                None => of_session = sends(attribute).unwrap_or(of_session),
            }
        }
    }
    media.into_iter().for_each(|last| last.count(&mut sent));
    sent
}

/// What a direction says of sending.
fn sends(attribute: &str) -> Option<bool> {
    match attribute {
        "sendrecv" | "sendonly" => Some(true),
        "recvonly" | "inactive" => Some(false),
        _ => None,
    }
}

/// One section of media.
struct Media<'a> {
    kind: &'a str,
    refused: bool,
    presentation: bool,
    sends: bool,
}

impl<'a> Media<'a> {
    fn of(description: &'a str, sends: bool) -> Self {
        let mut words = description.split(' ');
        let kind = words.next().unwrap_or_default();
        Self { kind, refused: words.next() == Some("0"), presentation: false, sends }
    }

    fn read(&mut self, attribute: &str) {
        match attribute {
            "bundle-only" => self.refused = false,
            "content:slides" => self.presentation = true,
            other => self.sends = sends(other).unwrap_or(self.sends),
        }
    }

    fn count(self, sent: &mut Sent) {
        let sends = self.sends && !self.refused;
        match self.kind {
            "audio" => sent.audio |= sends,
            "video" if self.presentation => sent.screen |= sends,
            "video" => sent.video |= sends,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sound, camera, screen.
    fn of(lines: &[&str]) -> [bool; 3] {
        let sent = sent(&[&["v=0", "s=-"], lines].concat().join("\r\n"));
        [sent.audio, sent.video, sent.screen]
    }

    #[test]
    fn a_direction_says_what_is_sent() {
        for (direction, sends) in [("sendrecv", true), ("sendonly", true), ("recvonly", false), ("inactive", false)] {
            let direction = format!("a={direction}");
            assert_eq!(of(&["m=audio 9 UDP/TLS/RTP/SAVPF 111", &direction]), [sends, false, false], "{direction}");
            assert_eq!(of(&["m=video 9 UDP/TLS/RTP/SAVPF 96", &direction]), [false, sends, false], "{direction}");
        }
    }

    #[test]
    fn without_a_direction_everything_is_sent() {
        assert_eq!(of(&["m=audio 9 RTP/AVP 0", "m=video 9 RTP/AVP 96"]), [true, true, false]);
    }

    #[test]
    fn a_direction_before_all_media_holds_for_those_without_one() {
        let lines = ["a=recvonly", "m=audio 9 RTP/AVP 0", "m=video 9 RTP/AVP 96", "a=sendonly"];
        assert_eq!(of(&lines), [false, true, false]);
    }

    #[test]
    fn a_screen_is_told_from_a_camera_by_its_mark() {
        let lines = ["m=video 9 RTP/AVP 96", "a=recvonly", "m=video 9 RTP/AVP 96", "a=content:slides", "a=sendonly"];
        assert_eq!(of(&lines), [false, false, true]);
    }

    #[test]
    fn one_of_several_sections_is_enough() {
        let lines = ["m=video 9 RTP/AVP 96", "a=sendonly", "m=video 9 RTP/AVP 96", "a=recvonly"];
        assert_eq!(of(&lines), [false, true, false]);
    }

    #[test]
    fn refused_media_send_nothing_and_bundled_ones_may() {
        assert_eq!(of(&["m=audio 0 RTP/AVP 0", "a=sendrecv"]), [false; 3]);
        assert_eq!(of(&["m=audio 0 RTP/AVP 0", "a=sendrecv", "a=bundle-only"]), [true, false, false]);
    }

    #[test]
    fn a_data_channel_and_what_is_no_description_send_nothing() {
        assert_eq!(of(&["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=sendrecv"]), [false; 3]);
        assert_eq!(sent("v=0"), Sent::default());
        assert_eq!(sent("m=\na=sendrecv\nm="), Sent::default());
    }

    #[test]
    fn what_is_compressed_counts_as_sending_everything() {
        assert_eq!(sent("tunrtc-deflate:AAAA"), Sent { audio: true, video: true, screen: true });
    }
}
