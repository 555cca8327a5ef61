//! Call quality: a client's report of one minute, parsed for both doors.

use std::time::Duration;

use domain::quality::{
    Audio, CallEvent, Candidate, Client, Device, Happened, JoinSteps, LimitedBy, Measured, Outcome, Peer, Report,
    SCORE_VERSION, Summary, Transport, Video, names_a_peer_twice,
};
use domain::{Error, Timestamp};

use crate::signaling::{ClientFrame, tag};
use crate::{Fields, parse_time};

/// The largest report, in bytes.
pub const MAX_REPORT: usize = 30 * 1024;
/// The most events and the most peers in a report.
const MAX_EVENTS: usize = 60;
const MAX_PEERS: usize = 49;

const MINUTE: Duration = Duration::from_secs(60);
/// How far back a report may reach, and by how much a client's clock may be ahead.
const BACK: Duration = Duration::from_secs(15 * 60);
const AHEAD: Duration = Duration::from_secs(60);
/// How long before a reported minute its run may have begun: no session's longest time is longer than a week.
const LONGEST_RUN: Duration = Duration::from_secs(31 * 24 * 60 * 60);

const SCORE: (f64, f64, &str) = (1.0, 5.0, "must be 1-5");
const PERCENT: (f64, f64, &str) = (0.0, 100.0, "must be 0-100");
const MS: (f64, f64, &str) = (0.0, 3_600_000.0, "must be 0-3600000");
const KBPS: (f64, f64, &str) = (0.0, 1_000_000.0, "must be 0-1000000");
const FPS: (f64, f64, &str) = (0.0, 300.0, "must be 0-300");
const COUNT: (u64, &str) = (100_000, "must be a whole number 0-100000");
const PIXELS: (u64, &str) = (16_384, "must be a whole number 0-16384");

/// The body of `POST /api/session/{sessionId}/stats`, which came at that moment.
///
/// # Errors
/// `PayloadTooLarge`, or `InvalidRequest`, which names every bad field.
pub fn parse_report(json: &str, now: Timestamp) -> Result<Report, Error> {
    check_size(json)?;
    Fields::read(json, "body", |f| report(f, now)).map_err(Error::InvalidRequest)
}

impl ClientFrame<'_> {
    /// `reportStats`.
    ///
    /// # Errors
    /// `PayloadTooLarge`, or `InvalidFrame`, which names every bad field.
    pub fn report(&self, now: Timestamp) -> Result<Report, Error> {
        check_size(self.data_text())?;
        self.data(|f| report(f, now))
    }
}

fn check_size(json: &str) -> Result<(), Error> {
    let fits = json.len() <= MAX_REPORT;
    fits.then_some(()).ok_or(Error::PayloadTooLarge { what: "the report", limit: MAX_REPORT })
}

/// Reads a measured number of that range.
fn measured(f: &mut Fields<'_>, name: &str, (least, most, must): (f64, f64, &'static str)) -> Option<Option<Measured>> {
    f.optional_decimal(name, (least, most), must).map(|number| number.map(Measured::nearest))
}

/// Reads a time span, in whole ms.
fn whole_ms(f: &mut Fields<'_>, name: &str) -> Option<Option<u32>> {
    let (least, most, must) = MS;
    f.optional_decimal(name, (least, most), must).map(|number| number.map(|ms| ms.round() as u32))
}

/// Reads a whole number up to that one.
fn whole(f: &mut Fields<'_>, name: &str, (most, must): (u64, &'static str)) -> Option<Option<u32>> {
    f.optional_number(name, |number| u32::try_from(number).ok().filter(|_| number <= most).ok_or(must))
}

/// Reads a text of at most so many characters.
fn short(f: &mut Fields<'_>, name: &str, most: usize, must: &'static str) -> Option<Option<String>> {
    let fits = |text: &String| text.chars().count() <= most && !text.chars().any(char::is_control);
    f.optional_text(name, |text| Some(text).filter(fits).ok_or(must))
}

/// Reads one of the words of an enum.
fn word<T>(f: &mut Fields<'_>, name: &str, of: fn(&str) -> Option<T>, must: &'static str) -> Option<Option<T>> {
    f.optional_text(name, |text| of(&text).ok_or(must))
}

/// Reads an object that may be missing, as if it was empty then.
fn part<'a, T: Default>(f: &mut Fields<'a>, name: &str, read: impl FnOnce(&mut Fields<'a>) -> Option<T>) -> Option<T> {
    f.optional_object(name, read).map(Option::unwrap_or_default)
}

const TIME: &str = "must be an RFC 3339 time";

fn report(f: &mut Fields<'_>, now: Timestamp) -> Option<Report> {
    let minute = f.text("minute", |text| minute(&text, now));
    let run = f.text("run", |text| tag(text, "must be 1-64 characters"));
    let version = f.optional_number("scoreVersion", |n| (n == SCORE_VERSION).then_some(()).ok_or("must be 1"));
    let version = match version {
        Some(None) => f.refuse("scoreVersion", "is missing"),
        given => given.flatten(),
    };
    let is_final = f.optional_flag("final");
    let score = measured(f, "score", SCORE);
    let summary = f.object("summary", |s| summary(s, minute)).map(|(summary, _)| summary);
    let client = part(f, "client", client);
    let join = part(f, "join", join_steps);
    let events = f.objects("events", MAX_EVENTS, "must be a list of at most 60", |e| event(e, minute, now));
    let peers = f.objects("peers", MAX_PEERS, "must be a list of at most 49", peer);
    let peers = match peers {
        Some(peers) if names_a_peer_twice(&peers) => f.refuse("peers", "must name each peer once"),
        peers => peers,
    };
    version?;
    Some(Report {
        minute: minute?,
        run: run?,
        is_final: is_final?.unwrap_or(false),
        score: score?,
        summary: summary?,
        client: client?,
        join: join?,
        events: events?,
        peers: peers?,
    })
}

fn minute(text: &str, now: Timestamp) -> Result<Timestamp, &'static str> {
    let minute = parse_time(text).ok_or(TIME)?;
    if minute.rounded_up(MINUTE) != minute {
        return Err("must be the start of a minute in UTC");
    }
    let near = now.minus(BACK) <= minute && minute <= now + AHEAD;
    near.then_some(minute).ok_or("must be at most 15 minutes ago and 60 s ahead")
}

fn summary(f: &mut Fields<'_>, minute: Option<Timestamp>) -> Option<Summary> {
    let started_at = f.text("startedAt", |text| began(&text, minute));
    let minutes = match whole(f, "minutes", COUNT) {
        Some(None) => f.refuse("minutes", "is missing"),
        given => given.flatten(),
    };
    let score = measured(f, "score", SCORE);
    let worst_score = measured(f, "worstScore", SCORE);
    let audio_mos = measured(f, "audioMos", SCORE);
    let join_ms = whole_ms(f, "joinMs");
    let media_ms = whole_ms(f, "mediaMs");
    let outcome = f.text("outcome", |text| Outcome::of(&text).ok_or("must be connected, alone or failed"));
    let failure = short(f, "failure", 64, "must be at most 64 characters");
    let relayed = f.optional_flag("relayed");
    let reconnects = whole(f, "reconnects", COUNT);
    let ice_restarts = whole(f, "iceRestarts", COUNT);
    let freezes = whole(f, "freezes", COUNT);
    let freeze_ms = whole_ms(f, "freezeMs");
    Some(Summary {
        started_at: started_at?,
        minutes: minutes?,
        score: score?,
        worst_score: worst_score?,
        audio_mos: audio_mos?,
        join_ms: join_ms?,
        media_ms: media_ms?,
        outcome: outcome?,
        failure: failure?,
        relayed: relayed?,
        reconnects: reconnects?,
        ice_restarts: ice_restarts?,
        freezes: freezes?,
        freeze_ms: freeze_ms?,
    })
}

/// When a run began that reports that minute. Where the minute is bad itself, that is enough to say.
fn began(text: &str, minute: Option<Timestamp>) -> Result<Timestamp, &'static str> {
    let at = parse_time(text).ok_or(TIME)?;
    let before = |minute: Timestamp| minute.minus(LONGEST_RUN) <= at && at <= minute + MINUTE;
    minute.is_none_or(before).then_some(at).ok_or("must be before the end of the minute, and at most 31 days")
}

fn client(f: &mut Fields<'_>) -> Option<Client> {
    let browser = short(f, "browser", 40, "must be at most 40 characters");
    let os = short(f, "os", 40, "must be at most 40 characters");
    let device = word(f, "device", Device::of, "must be desktop, phone, tablet or other");
    let sdk = short(f, "sdk", 20, "must be at most 20 characters");
    Some(Client { browser: browser?, os: os?, device: device?, sdk: sdk? })
}

fn join_steps(f: &mut Fields<'_>) -> Option<JoinSteps> {
    let token_ms = whole_ms(f, "tokenMs");
    let answer_ms = whole_ms(f, "answerMs");
    let socket_ms = whole_ms(f, "socketMs");
    let joined_ms = whole_ms(f, "joinedMs");
    let media_ms = whole_ms(f, "mediaMs");
    Some(JoinSteps {
        token_ms: token_ms?,
        answer_ms: answer_ms?,
        socket_ms: socket_ms?,
        joined_ms: joined_ms?,
        media_ms: media_ms?,
    })
}

fn event(f: &mut Fields<'_>, minute: Option<Timestamp>, now: Timestamp) -> Option<CallEvent> {
    let at = f.text("at", |text| happened_at(&text, minute, now));
    let kind = f.text("kind", |text| Happened::of(&text).ok_or("is not the name of an event"));
    let detail = short(f, "detail", 100, "must be at most 100 characters");
    Some(CallEvent { at: at?, kind: kind?, detail: detail? })
}

/// What could not be said in its own minute is said later.
fn happened_at(text: &str, minute: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, &'static str> {
    let at = parse_time(text).ok_or(TIME)?;
    let near = |minute: Timestamp| minute.minus(BACK) <= at && at <= (minute + MINUTE).max(now) + AHEAD;
    minute.is_none_or(near).then_some(at).ok_or("must be near the minute")
}

fn peer(f: &mut Fields<'_>) -> Option<Peer> {
    let user = f.text("userId", |text| text.parse().map_err(|_| "must be a user's id"));
    let score = measured(f, "score", SCORE);
    let candidate = word(f, "candidate", Candidate::of, "must be host, srflx, prflx or relay");
    let protocol = word(f, "protocol", Transport::of, "must be udp, tcp or tls");
    let rtt_ms = measured(f, "rttMs", MS);
    let available_kbps = measured(f, "availableKbps", KBPS);
    let audio = part(f, "audio", audio);
    let video = part(f, "video", video);
    Some(Peer {
        user: user?,
        score: score?,
        candidate: candidate?,
        protocol: protocol?,
        rtt_ms: rtt_ms?,
        available_kbps: available_kbps?,
        audio: audio?,
        video: video?,
    })
}

const CODEC: &str = "must be at most 20 characters";

fn audio(f: &mut Fields<'_>) -> Option<Audio> {
    let mos = measured(f, "mos", SCORE);
    let jitter_ms = measured(f, "jitterMs", MS);
    let loss_percent = measured(f, "lossPercent", PERCENT);
    let concealed_percent = measured(f, "concealedPercent", PERCENT);
    let in_kbps = measured(f, "inKbps", KBPS);
    let out_kbps = measured(f, "outKbps", KBPS);
    let codec = short(f, "codec", 20, CODEC);
    Some(Audio {
        mos: mos?,
        jitter_ms: jitter_ms?,
        loss_percent: loss_percent?,
        concealed_percent: concealed_percent?,
        in_kbps: in_kbps?,
        out_kbps: out_kbps?,
        codec: codec?,
    })
}

fn video(f: &mut Fields<'_>) -> Option<Video> {
    let fps = measured(f, "fps", FPS);
    let width = whole(f, "width", PIXELS);
    let height = whole(f, "height", PIXELS);
    let freezes = whole(f, "freezes", COUNT);
    let freeze_ms = whole_ms(f, "freezeMs");
    let loss_percent = measured(f, "lossPercent", PERCENT);
    let in_kbps = measured(f, "inKbps", KBPS);
    let out_kbps = measured(f, "outKbps", KBPS);
    let codec = short(f, "codec", 20, CODEC);
    let limited_by = word(f, "limitedBy", LimitedBy::of, "must be none, bandwidth, cpu or other");
    Some(Video {
        fps: fps?,
        width: width?,
        height: height?,
        freezes: freezes?,
        freeze_ms: freeze_ms?,
        loss_percent: loss_percent?,
        in_kbps: in_kbps?,
        out_kbps: out_kbps?,
        codec: codec?,
        limited_by: limited_by?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// 2026-11-22T12:00:30Z
    const NOW: Timestamp = Timestamp::from_millis(1_795_348_830_000);
    const PEER: &str = "01a1ed5c-8600-7000-8000-000000000001";

    fn whole_report() -> Value {
        json!({
            "minute": "2026-11-22T11:59:00Z", "run": "r", "scoreVersion": 1, "final": true, "score": 3.456,
            "summary": {
                "startedAt": "2026-11-22T11:58:12.345Z", "minutes": 2, "score": 4.2, "worstScore": 3.456, "audioMos": 4.1,
                "joinMs": 812.6, "mediaMs": 1400, "outcome": "connected", "failure": "ice_failed", "relayed": true,
                "reconnects": 1, "iceRestarts": 2, "freezes": 3, "freezeMs": 1200,
            },
            "client": { "browser": "Firefox 140", "os": "Linux", "device": "desktop", "sdk": "0.1.0" },
            "join": { "tokenMs": 1, "answerMs": 2, "socketMs": 3, "joinedMs": 4, "mediaMs": 5 },
            "events": [{ "at": "2026-11-22T11:59:30Z", "kind": "cameraOff", "detail": "by hand" }],
            "peers": [{
                "userId": PEER, "score": 3.4, "candidate": "relay", "protocol": "tls", "rttMs": 12.345, "availableKbps": 2500,
                "audio": {
                    "mos": 4.1, "jitterMs": 3.2, "lossPercent": 0.5, "concealedPercent": 1, "inKbps": 32, "outKbps": 31, "codec": "opus",
                },
                "video": {
                    "fps": 29.97, "width": 1280, "height": 720, "freezes": 1, "freezeMs": 300, "lossPercent": 100,
                    "inKbps": 1800, "outKbps": 1700, "codec": "VP9", "limitedBy": "bandwidth",
                },
            }],
        })
    }

    /// What is said of a whole report with that at that place; what is null is taken away.
    fn said(pointer: &str, value: Value) -> Vec<String> {
        let mut report = whole_report();
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        let place = report.pointer_mut(parent).unwrap_or_else(|| panic!("{parent}"));
        match (place, name.parse::<usize>()) {
            (Value::Array(list), Ok(at)) => list.insert(at, value),
            (place, _) => place[name] = value,
        }
        let text = report.to_string();
        let of = |result: Result<Report, Error>| match result {
            Ok(_) => Vec::new(),
            Err(Error::InvalidRequest(errors) | Error::InvalidFrame(errors)) => {
                errors.into_iter().map(|error| format!("{} {}", error.field, error.reason)).collect()
            }
            Err(other) => vec![other.code().to_owned()],
        };
        let frame = json!({ "id": "1", "action": "reportStats", "data": report }).to_string();
        let framed = ClientFrame::parse(&frame).unwrap_or_else(|_| panic!("{frame}")).report(NOW);
        let over_rest = of(parse_report(&text, NOW));
        assert_eq!(of(framed), over_rest, "both doors say the same");
        over_rest
    }

    #[test]
    fn a_report_is_read_to_the_hundredth() {
        let report = parse_report(&whole_report().to_string(), NOW).expect("a report");
        assert_eq!((report.score, report.is_final), (Some(Measured::of_hundredths(346)), true));
        assert_eq!((report.summary.join_ms, report.summary.outcome), (Some(813), Outcome::Connected));
        let [peer] = report.peers.as_slice() else { panic!("{report:?}") };
        assert_eq!(peer.rtt_ms.map(Measured::hundredths), Some(1235));
        assert_eq!(peer.video.fps.map(Measured::value), Some(29.97));
        assert_eq!((peer.candidate, peer.protocol), (Some(Candidate::Relay), Some(Transport::Tls)));
        assert_eq!((peer.video.width, peer.video.limited_by), (Some(1280), Some(LimitedBy::Bandwidth)));
    }

    #[test]
    fn absent_is_not_zero() {
        let least = json!({
            "minute": "2026-11-22T12:00:00Z", "run": "r", "scoreVersion": 1,
            "summary": { "startedAt": "2026-11-22T12:00:12Z", "minutes": 1, "outcome": "alone" },
            "peers": [{ "userId": PEER }],
        });
        let report = parse_report(&least.to_string(), NOW).expect("a report");
        assert_eq!((report.score, report.summary.freezes, report.is_final), (None, None, false));
        assert_eq!((&report.peers[0].audio, &report.peers[0].video), (&Audio::default(), &Video::default()));
        assert_eq!((report.client, report.join), (Client::default(), JoinSteps::default()));
    }

    #[test]
    fn what_must_be_there_is_missed_by_name() {
        for (pointer, missed) in [
            ("/minute", "minute is missing"),
            ("/run", "run is missing"),
            ("/scoreVersion", "scoreVersion is missing"),
            ("/summary", "summary is missing"),
            ("/summary/startedAt", "summary.startedAt is missing"),
            ("/summary/minutes", "summary.minutes is missing"),
            ("/summary/outcome", "summary.outcome is missing"),
            ("/events/0/kind", "events[0].kind is missing"),
            ("/peers/0/userId", "peers[0].userId is missing"),
        ] {
            assert_eq!(said(pointer, Value::Null), [missed], "{pointer}");
        }
    }

    #[test]
    fn absurd_numbers_are_refused_by_name_and_what_borders_on_them_is_not() {
        let scores = [
            "/score",
            "/summary/score",
            "/summary/worstScore",
            "/summary/audioMos",
            "/peers/0/score",
            "/peers/0/audio/mos",
        ];
        let percents = ["/peers/0/audio/lossPercent", "/peers/0/audio/concealedPercent", "/peers/0/video/lossPercent"];
        let times = [
            "/summary/joinMs",
            "/summary/mediaMs",
            "/summary/freezeMs",
            "/join/tokenMs",
            "/join/answerMs",
            "/join/socketMs",
            "/join/joinedMs",
            "/join/mediaMs",
            "/peers/0/rttMs",
            "/peers/0/audio/jitterMs",
            "/peers/0/video/freezeMs",
        ];
        let rates = [
            "/peers/0/availableKbps",
            "/peers/0/audio/inKbps",
            "/peers/0/audio/outKbps",
            "/peers/0/video/inKbps",
            "/peers/0/video/outKbps",
        ];
        let counts = [
            "/summary/minutes",
            "/summary/reconnects",
            "/summary/iceRestarts",
            "/summary/freezes",
            "/peers/0/video/freezes",
        ];
        let pixels = ["/peers/0/video/width", "/peers/0/video/height"];
        let cases: [(&[&str], [Value; 2], [Value; 2]); 7] = [
            (&scores, [json!(1), json!(5)], [json!(0.99), json!(5.01)]),
            (&percents, [json!(0), json!(100)], [json!(-0.1), json!(100.1)]),
            (&times, [json!(0), json!(3_600_000)], [json!(-1), json!(3_600_001)]),
            (&rates, [json!(0), json!(1_000_000)], [json!(-1), json!(1_000_001)]),
            (&["/peers/0/video/fps"], [json!(0), json!(300)], [json!(-1), json!(301)]),
            (&counts, [json!(0), json!(100_000)], [json!(0.5), json!(100_001)]),
            (&pixels, [json!(0), json!(16_384)], [json!(-1), json!(16_385)]),
        ];
        for (pointers, good, bad) in cases {
            for pointer in pointers {
                for value in &good {
                    assert_eq!(said(pointer, value.clone()), [""; 0], "{pointer} {value}");
                }
                for value in bad.iter().chain([&json!("many"), &json!(true), &json!([1])]) {
                    let errors = said(pointer, value.clone());
                    let named = pointer[1..].replace("/0/", "[0].").replace('/', ".");
                    assert!(
                        errors.len() == 1 && errors[0].starts_with(&format!("{named} must be")),
                        "{pointer}: {errors:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn words_and_texts_have_their_bounds() {
        for (pointer, bad) in [
            ("/run", json!("")),
            ("/run", json!("x".repeat(65))),
            ("/scoreVersion", json!(2)),
            ("/final", json!("yes")),
            ("/summary/outcome", json!("fine")),
            ("/summary/failure", json!("x".repeat(65))),
            ("/summary/relayed", json!(1)),
            ("/client/browser", json!("x".repeat(41))),
            ("/client/browser", json!("a\nb")),
            ("/client/os", json!("x".repeat(41))),
            ("/client/device", json!("fridge")),
            ("/client/sdk", json!("x".repeat(21))),
            ("/client", json!([])),
            ("/events/0/kind", json!("danced")),
            ("/events/0/detail", json!("x".repeat(101))),
            ("/events", json!({})),
            ("/peers/0/userId", json!("bob")),
            ("/peers/0/candidate", json!("wire")),
            ("/peers/0/protocol", json!("quic")),
            ("/peers/0/audio/codec", json!("x".repeat(21))),
            ("/peers/0/video/codec", json!("x".repeat(21))),
            ("/peers/0/video/limitedBy", json!("boredom")),
            ("/peers/0/video/colour", json!("blue")),
            ("/shoeSize", json!(43)),
        ] {
            let errors = said(pointer, bad.clone());
            let named = pointer[1..].replace("/0/", "[0].").replace('/', ".");
            assert!(errors.len() == 1 && errors[0].starts_with(&named), "{pointer} {bad}: {errors:?}");
        }
    }

    #[test]
    fn a_minute_is_one_of_the_last_quarter_of_an_hour() {
        for good in ["2026-11-22T11:46:00Z", "2026-11-22T12:01:00Z", "2026-11-22T13:00:00+01:00"] {
            let of_it = said("/minute", json!(good)).into_iter().filter(|error| error.starts_with("minute"));
            assert_eq!(of_it.count(), 0, "{good}");
        }
        for bad in ["2026-11-22T11:45:00Z", "2026-11-22T12:02:00Z", "2026-11-22T11:59:01Z", "now"] {
            let errors = said("/minute", json!(bad));
            assert!(errors.len() == 1 && errors[0].starts_with("minute must be"), "{bad}: {errors:?}");
        }
    }

    #[test]
    fn times_lie_near_the_minute() {
        for (pointer, good) in [
            ("/summary/startedAt", "2026-11-22T12:00:00Z"),
            ("/summary/startedAt", "2026-10-23T00:00:00Z"),
            ("/events/0/at", "2026-11-22T11:44:00Z"),
            ("/events/0/at", "2026-11-22T12:01:30Z"),
        ] {
            assert_eq!(said(pointer, json!(good)), [""; 0], "{pointer} {good}");
        }
        for (pointer, bad) in [
            ("/summary/startedAt", "2026-11-22T12:00:01Z"),
            ("/summary/startedAt", "2026-10-22T00:00:00Z"),
            ("/summary/startedAt", "yesterday"),
            ("/events/0/at", "2026-11-22T11:43:59Z"),
            ("/events/0/at", "2026-11-22T12:01:31Z"),
        ] {
            assert_eq!(said(pointer, json!(bad)).len(), 1, "{pointer} {bad}");
        }
    }

    #[test]
    fn lists_have_their_lengths_and_a_peer_is_named_once() {
        let event = json!({ "at": "2026-11-22T11:59:30Z", "kind": "muted" });
        assert_eq!(said("/events", json!(vec![event.clone(); 60])), [""; 0]);
        assert_eq!(said("/events", json!(vec![event; 61])), ["events must be a list of at most 60"]);
        let peer = |n: usize| json!({ "userId": format!("01a1ed5c-8600-7000-8000-{n:012}") });
        let peers = |count: usize| Value::Array((0..count).map(peer).collect());
        assert_eq!(said("/peers", peers(49)), [""; 0]);
        assert_eq!(said("/peers", peers(50)), ["peers must be a list of at most 49"]);
        assert_eq!(said("/peers", json!([peer(1), peer(2), peer(1)])), ["peers must name each peer once"]);
    }

    #[test]
    fn a_bad_number_deep_inside_is_named_by_its_place() {
        let peer =
            |n: usize| json!({ "userId": format!("01a1ed5c-8600-7000-8000-{n:012}"), "audio": { "lossPercent": n } });
        let peers = Value::Array([1, 2, 3, 101].into_iter().map(peer).collect());
        assert_eq!(said("/peers", peers), ["peers[3].audio.lossPercent must be 0-100"]);
    }

    #[test]
    fn a_report_has_at_most_thirty_kilobytes() {
        let padded = |spaces: usize| format!("{}{}", " ".repeat(spaces), whole_report());
        let room = MAX_REPORT - whole_report().to_string().len();
        assert!(parse_report(&padded(room), NOW).is_ok());
        assert_eq!(parse_report(&padded(room + 1), NOW).map_err(|error| error.code()), Err("payload_too_large"));
    }
}
