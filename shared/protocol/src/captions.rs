//! Captions: the frame that carries one, the event, and the transcript.

use std::fmt::Write as _;
use std::time::Duration;

use domain::ports::{ChatMessage, ClientMessageId, Spoken};
use domain::{Error, Result, Timestamp};
use serde::Serialize;

use crate::rest::{body, identity};
use crate::signaling::ClientFrame;
use crate::{Fields, format_time, parse_time};

/// The longest caption, in characters.
pub const MAX_CAPTION: usize = 1_000;

/// The most captions in one page of a transcript.
pub const MAX_TRANSCRIPT: usize = 1_000;

/// The shortest and the longest name of a language, in characters (RFC 5646 section 4.4.1).
const LANGUAGE: std::ops::RangeInclusive<usize> = 2..=35;

/// A cue is shown for so long at least.
const SHORTEST_CUE: Duration = Duration::from_secs(1);

/// `sendCaption`.
pub struct ClientCaption {
    /// What the client calls the sentence.
    pub id: ClientMessageId,
    /// What was said of it until now.
    pub text: String,
    /// Whether that is all of it.
    pub is_final: bool,
    /// In which language: a BCP 47 tag.
    pub language: String,
    /// When it began.
    pub began: Timestamp,
}

impl ClientFrame<'_> {
    /// `sendCaption`.
    pub fn caption(&self) -> Result<ClientCaption> {
        self.data(caption)
    }
}

fn caption(f: &mut Fields<'_>) -> Option<ClientCaption> {
    let id = f.text("captionId", ClientMessageId::parse);
    let text = f.text("text", text);
    let is_final = f.flag("final");
    let language = f.text("language", language);
    let began = f.text("startedAt", |text| parse_time(&text).ok_or("must be an RFC 3339 time"));
    Some(ClientCaption { id: id?, text: text?, is_final: is_final?, language: language?, began: began? })
}

fn text(text: String) -> Result<String, &'static str> {
    let fits = (1..=MAX_CAPTION).contains(&text.chars().count()) && !text.contains(char::is_control);
    fits.then_some(text).ok_or("must be 1-1000 characters, none of them a control character")
}

fn language(tag: String) -> Result<String, &'static str> {
    let subtag = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let fits = LANGUAGE.contains(&tag.len()) && tag.split('-').all(subtag);
    fits.then_some(tag).ok_or("must be a BCP 47 language tag: en, de-AT")
}

/// The body of `POST …/transcribe`: the language that is spoken.
///
/// # Errors
/// `InvalidRequest`, which names the field.
pub fn parse_transcribe(json: &str) -> Result<String> {
    body(json, |f| f.text("language", spoken))
}

/// A language as Amazon Transcribe names them, each with its region
/// (<https://docs.aws.amazon.com/transcribe/latest/dg/supported-languages.html>).
fn spoken(tag: String) -> Result<String, &'static str> {
    let fits = tag.split_once('-').is_some_and(|(language, region)| {
        let lower = (2..=3).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_lowercase());
        lower && region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_uppercase())
    });
    fits.then_some(tag).ok_or("must be a language with its region, such as de-DE")
}

/// Where a page has what its microphone hears written down by Amazon Transcribe.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TranscribeLine {
    /// A signed `wss://` address that opens one line, of sound with 16 bits and 16,000 samples a second.
    pub url: String,
    /// Until when it opens one. A line that is open goes on.
    pub expires_at: String,
}

impl TranscribeLine {
    /// An address, and until when it is good.
    pub fn new(url: String, expires_at: Timestamp) -> Self {
        Self { url, expires_at: format_time(expires_at) }
    }
}

/// `receiveCaption`: what somebody says, by the speaker and what their client calls the sentence. One that is not final is replaced by
/// the next of its name; after the final one there is none.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CaptionData {
    /// What the speaker's client calls the sentence.
    pub caption_id: String,
    /// Who speaks.
    pub from_user_id: String,
    /// The speaker's name.
    pub from_username: String,
    /// What their app calls them; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_identity: Option<String>,
    /// What was said of it until now.
    pub text: String,
    /// Whether that is all of it.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// In which language: a BCP 47 tag.
    pub language: String,
    /// When it began.
    pub started_at: String,
}

impl CaptionData {
    /// What is said, and whether that is all.
    pub fn new(said: &ChatMessage, spoken: &Spoken, is_final: bool) -> Self {
        Self {
            caption_id: named(said),
            from_user_id: said.from.to_string(),
            from_username: said.username.as_str().to_owned(),
            from_identity: identity(said.identity.as_ref()),
            text: said.text.clone(),
            is_final,
            language: spoken.language.clone(),
            started_at: format_time(spoken.began),
        }
    }
}

fn named(said: &ChatMessage) -> String {
    said.client_id.as_ref().map(|id| id.as_str().to_owned()).unwrap_or_default()
}

/// How a transcript is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TranscriptFormat {
    /// A list of captions.
    Json,
    /// WebVTT, for players of a recording: <https://www.w3.org/TR/webvtt1/>.
    Vtt,
    /// A line for each caption.
    Text,
}

impl TranscriptFormat {
    /// By its name; JSON without one.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the parameter.
    pub fn parse(name: Option<&str>) -> Result<Self> {
        match name {
            None | Some("json") => Ok(Self::Json),
            Some("vtt") => Ok(Self::Vtt),
            Some("txt") => Ok(Self::Text),
            Some(_) => Err(Error::field("format", "must be json, vtt or txt")),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Vtt => "vtt",
            Self::Text => "txt",
        }
    }
}

/// The moment that the times of a transcript count from, if the query names one.
///
/// # Errors
/// `InvalidRequest`, which names the parameter.
pub fn parse_origin(text: Option<&str>) -> Result<Option<Timestamp>> {
    let refused = || Error::field("origin", "must be an RFC 3339 time");
    text.map(|text| parse_time(text).ok_or_else(refused)).transpose()
}

/// One sentence of a transcript.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TranscriptView {
    /// What the speaker's client called it.
    pub caption_id: String,
    /// Who spoke.
    pub from_user_id: String,
    /// The speaker's name.
    pub from_username: String,
    /// What their app calls them; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_identity: Option<String>,
    /// What was said.
    pub text: String,
    /// In which language: a BCP 47 tag.
    pub language: String,
    /// When it began.
    pub started_at: String,
    /// When all of it was there.
    pub ended_at: String,
}

impl From<&ChatMessage> for TranscriptView {
    fn from(said: &ChatMessage) -> Self {
        let spoken = said.spoken.as_ref();
        Self {
            caption_id: named(said),
            from_user_id: said.from.to_string(),
            from_username: said.username.as_str().to_owned(),
            from_identity: identity(said.identity.as_ref()),
            text: said.text.clone(),
            language: spoken.map(|spoken| spoken.language.clone()).unwrap_or_default(),
            started_at: format_time(began(said)),
            ended_at: format_time(ended(said)),
        }
    }
}

fn began(said: &ChatMessage) -> Timestamp {
    said.spoken.as_ref().map_or(said.id.timestamp(), |spoken| spoken.began)
}

/// When all of it was there. The speaker's clock may be ahead of ours.
fn ended(said: &ChatMessage) -> Timestamp {
    said.id.timestamp().max(began(said))
}

/// A transcript as WebVTT, whose cues are in the order of their beginning. Its times count from `origin`, the beginning of a recording say; what
/// had ended before is left out.
pub fn vtt(transcript: &[ChatMessage], origin: Timestamp) -> String {
    let mut cues: Vec<_> = transcript.iter().filter(|said| ended(said) >= origin).collect();
    cues.sort_by_key(|said| began(said));
    let mut text = "WEBVTT\n".to_owned();
    for said in cues {
        let from = began(said).since(origin);
        let until = ended(said).since(origin).max(from + SHORTEST_CUE);
        let (name, words) = (escaped(said.username.as_str()), escaped(&said.text));
        // A text takes what is written into it.
        let _ok = write!(text, "\n{} --> {}\n<v {name}>{words}\n", cue_time(from), cue_time(until));
    }
    text
}

/// A transcript with a line for each caption: `[12:00:00] Alice: hello`, with the time of day in UTC.
pub fn plain(transcript: &[ChatMessage]) -> String {
    let mut text = String::new();
    for said in transcript {
        let of_day = &format_time(began(said))["2026-11-29T".len().."2026-11-29T12:00:00".len()];
        let _ok = writeln!(text, "[{of_day}] {}: {}", one_line(said.username.as_str()), one_line(&said.text));
    }
    text
}

/// `00:01:02.003`
fn cue_time(since: Duration) -> String {
    let seconds = since.as_secs();
    format!("{:02}:{:02}:{:02}.{:03}", seconds / 3600, seconds / 60 % 60, seconds % 60, since.subsec_millis())
}

/// One line that means nothing to WebVTT.
fn escaped(text: &str) -> String {
    one_line(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn one_line(text: &str) -> String {
    text.split(char::is_control).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use domain::{MessageId, SessionId, UserId, Username};
    use serde_json::{Value, json};

    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_795_348_800_000);

    fn refused(change: &str, to: Value) -> String {
        let mut data = json!({ "captionId": "c1", "text": "hello", "final": true, "language": "en", "startedAt": "2026-11-22T12:00:00Z" });
        data[change] = to;
        let frame = json!({ "action": "sendCaption", "id": "1", "data": data }).to_string();
        let frame = ClientFrame::parse(&frame).expect("an envelope");
        frame.caption().map_or_else(|error| error.to_string(), |_| "ok".to_owned())
    }

    #[test]
    fn what_is_wrong_with_a_caption_is_named() {
        assert_eq!(refused("text", json!("x".repeat(MAX_CAPTION))), "ok");
        for language in ["en", "de-AT", "zh-Hant-TW", "x-klingon"] {
            assert_eq!(refused("language", json!(language)), "ok");
        }
        for (field, value, why) in [
            ("captionId", json!(""), "must be 1-64 characters"),
            ("captionId", json!("x".repeat(65)), "must be 1-64 characters"),
            ("captionId", Value::Null, "is missing"),
            ("text", json!(""), "must be 1-1000 characters"),
            ("text", json!("bell\u{7}"), "must be 1-1000 characters, none of them a control character"),
            ("text", json!("x".repeat(MAX_CAPTION + 1)), "must be 1-1000 characters"),
            ("final", json!("yes"), "must be true or false"),
            ("language", json!("e"), "must be a BCP 47 language tag"),
            ("language", json!("english_us"), "must be a BCP 47 language tag"),
            ("language", json!("en-"), "must be a BCP 47 language tag"),
            ("startedAt", json!("now"), "must be an RFC 3339 time"),
            ("confidence", json!(1), "is not known"),
        ] {
            let said = refused(field, value);
            assert!(said.contains(&format!("{field} {why}")), "{said}");
        }
    }

    fn said(by: &str, text: &str, began: u64, ended: u64) -> ChatMessage {
        let at = |seconds| NOON + Duration::from_secs(seconds);
        ChatMessage {
            id: MessageId::first_at(at(ended)),
            session: SessionId::first_at(NOON),
            from: UserId::first_at(NOON),
            username: Username::kept(by).expect("a name"),
            identity: None,
            text: text.to_owned(),
            client_id: None,
            spoken: Some(Spoken { language: "en".to_owned(), began: at(began) }),
        }
    }

    #[test]
    fn a_player_reads_the_transcript_beside_a_recording() {
        let transcript = [
            said("Bob", "long before", 0, 1),
            said("Al & <i>", "a < b\n\n--> c", 5, 7),
            said("Bob", "yes", 3_725, 3_720),
            said("Bob", "early", 0, 3),
        ];
        let written = vtt(&transcript, NOON + Duration::from_secs(2));
        assert_eq!(
            written,
            "WEBVTT\n\
            \n00:00:00.000 --> 00:00:01.000\n<v Bob>early\n\
            \n00:00:03.000 --> 00:00:05.000\n<v Al &amp; &lt;i&gt;>a &lt; b  --&gt; c\n\
            \n01:02:03.000 --> 01:02:04.000\n<v Bob>yes\n"
        );
    }

    #[test]
    fn people_read_it_line_by_line() {
        let transcript = [said("Alice", "hello\nthere", 5, 7), said("Bob", "yes", 65, 66)];
        assert_eq!(plain(&transcript), "[12:00:05] Alice: hello there\n[12:01:05] Bob: yes\n");
    }
}
