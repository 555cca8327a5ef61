//! Webhooks: where an app is told what happened, how often that is tried, and where nothing is ever sent.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::happenings::Kind;
use crate::{SessionId, Timestamp, WebhookId};

/// How many endpoints a project may have.
pub const MOST_ENDPOINTS: usize = 10;
/// For so long an endpoint's secret of before signs beside the new one.
pub const BOTH_SECRETS: Duration = Duration::from_secs(24 * 60 * 60);
/// For so long what happened is kept.
pub const EVENTS_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// For so long it is kept what came of a delivery.
pub const DELIVERIES_KEPT: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// What happened is shown once it is so old: until then something that was noted a little earlier may still be on its way to the table.
pub const SETTLED: Duration = Duration::from_secs(5);

/// Why a text is no address for a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotATarget(pub &'static str);

/// Where an endpoint is: a URL of which every part is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The URL, as it was given.
    url: String,
    /// Whether it is plain HTTP: on the machine itself alone.
    pub is_plain: bool,
    /// The name or the address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Path and query, from `/` on.
    pub path: String,
}

impl Target {
    /// The longest URL, in characters.
    pub const LONGEST: usize = 2048;

    /// Parses `https://host[:443|:8443]/...`; with `allow_local`, also `http://localhost`, on any port, for a server on a developer's
    /// machine.
    ///
    /// # Errors
    /// What is wrong with it, in words for whoever wrote it.
    pub fn parse(url: &str, allow_local: bool) -> Result<Self, NotATarget> {
        if url.len() > Self::LONGEST || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NotATarget("must be a URL of at most 2048 visible characters of ASCII"));
        }
        let (is_plain, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Err(NotATarget("must begin with https://")),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if path.contains('#')
            || authority.contains('@')
            || path.contains(['"', '<', '>', '\\', '^', '`', '{', '|', '}'])
        {
            return Err(NotATarget("must have no user, no fragment and no character that a URL does not have"));
        }
        let (host, port) = host_and_port(authority, if is_plain { 80 } else { 443 })?;
        let is_local = allow_local && is_this_machine(&host);
        if is_plain && !is_local {
            return Err(NotATarget("must begin with https://"));
        }
        if !is_local && !matches!(port, 443 | 8443) {
            return Err(NotATarget("must be on port 443 or 8443"));
        }
        if !is_local && host.parse().is_ok_and(|address: IpAddr| !is_public(address)) {
            return Err(NotATarget("must be an address that everybody can reach"));
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { url: url.to_owned(), is_plain, host, port, path })
    }

    /// The URL, as it was given.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Whether a connection to that address may be made. The name was resolved a moment ago, and this very address is connected to.
    pub fn may_reach(&self, address: IpAddr, allow_local: bool) -> bool {
        let is_local = allow_local && is_this_machine(&self.host);
        if is_local { address.is_loopback() } else { is_public(address) }
    }
}

fn host_and_port(authority: &str, usual: u16) -> Result<(String, u16), NotATarget> {
    let bad = NotATarget("must name a host, and a port if any");
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or(bad)?;
            let address: Ipv6Addr = address.parse().map_err(|_| bad)?;
            (address.to_string(), port)
        }
        None => {
            let end = authority.find(':').unwrap_or(authority.len());
            let (host, port) = authority.split_at(end);
            let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
            let fits = (1..=253).contains(&host.len()) && is_name && !host.starts_with('.');
            (fits.then(|| host.to_ascii_lowercase()).ok_or(bad)?, port)
        }
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok((host, usual)),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().filter(|port| *port > 0).map(|port| (host, port)).ok_or(bad)
        }
        None | Some(_) => Err(bad),
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Whether an address belongs to the public Internet. Whatever else there is, an address with another one inside it too, is refused
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry>, <https://www.iana.org/assignments/iana-ipv6-special-registry>).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // This network, private, loopback, link-local with the metadata of clouds, multicast and reserved.
        (0 | 10 | 127 | 224..=255, _, _) | (169, 254, _) | (192, 168, _) => true,
        (172, 16..=31, _) => true,
        // Shared by carriers (RFC 6598).
        (100, 64..=127, _) => true,
        // Protocol assignments, documentation, 6to4 relays, benchmarks.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        _ => false,
    };
    !special
}

/// Only global unicast, and of that neither protocol assignments with Teredo in them (2001::/23), nor documentation (2001:db8::/32,
/// 3fff::/20), nor 6to4 (2002::/16). So mapped addresses, NAT64, unique local and link-local ones are refused, too.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let special = matches!((first, second), (0x2001, 0..=0x1ff | 0x0db8) | (0x2002, _) | (0x3fff, 0..=0x0fff));
    (0x2000..=0x3fff).contains(&first) && !special
}

/// An answer that takes so long makes an endpoint slow.
const SLOW: Duration = seconds(5);
/// For so long. A line that stands by then is worked off, if the endpoint is fast again.
const SLOW_FOR: Duration = minutes(10);
/// A slow endpoint has so many lines, whatever the number of sessions, so that it keeps no more of those busy who tell.
pub const SLOW_LINES: u8 = 5;

/// An endpoint of an app.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its identifier.
    pub id: WebhookId,
    /// Whose it is.
    pub project: String,
    /// Where it is.
    pub url: String,
    /// What it is told; everything if there is no list.
    pub kinds: Option<Vec<Kind>>,
    /// What its owner says of it.
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was disabled, by its owner or by an answer that says that it is gone.
    pub disabled_at: Option<Timestamp>,
    /// The secret that signs, sealed.
    pub secret: String,
    /// Until when it counts as slow, because an answer took long.
    pub slow_until: Option<Timestamp>,
    /// Secrets of before, sealed, the newest first, and until when each signs too.
    pub previous: Vec<(String, Timestamp)>,
}

impl fmt::Debug for Endpoint {
    /// Without what its URL may hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.id)
    }
}

impl Endpoint {
    /// Whether it is told of that kind now.
    pub fn hears_of(&self, kind: Kind) -> bool {
        let named = self.kinds.as_ref().map(|kinds| kinds.contains(&kind));
        self.disabled_at.is_none() && named.unwrap_or(!kind.is_opt_in())
    }

    /// Whether it counts as slow: then few of its letters are under way at the same time.
    pub fn is_slow(&self, now: Timestamp) -> bool {
        self.slow_until.is_some_and(|until| until > now)
    }

    /// Until when it counts as slow after an answer that took so long, if that is to be noted.
    pub fn slow_after(&self, took: Duration, now: Timestamp) -> Option<Timestamp> {
        let noted = self.slow_until.is_some_and(|until| until > now + SLOW_FOR / 2);
        (took >= SLOW && !noted).then(|| now + SLOW_FOR)
    }

    /// The secrets that sign at that time, the newest first, sealed.
    pub fn secrets(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let previous = self.previous.iter().filter(move |(_, until)| *until > now).map(|(secret, _)| secret.as_str());
        std::iter::once(self.secret.as_str()).chain(previous)
    }
}

/// Something that happened, as it is told.
#[derive(Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Its identifier, the same at every try.
    pub id: String,
    /// What happened, in the words of the wire.
    pub kind: String,
    /// Whose it is.
    pub project: String,
    /// Where it happened, unless it is about an endpoint.
    pub session: Option<SessionId>,
    /// The body that is signed and sent.
    pub body: String,
}

impl fmt::Debug for Announcement {
    /// A body has names in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Announcement({} {})", self.kind, self.id)
    }
}

/// What came of one try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken: an answer of 200-299.
    Taken,
    /// The endpoint says that it is gone (410).
    Gone,
    /// Anything else, and for how long the endpoint wants to be left alone, if it said so.
    Failed(Option<Duration>),
}

/// What came of a try, for its outcome and for the log that the app reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it means.
    pub outcome: Outcome,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// Why there was none.
    pub failure: Option<&'static str>,
}

impl Answer {
    /// That there was none.
    pub const fn none(failure: &'static str) -> Self {
        Self { outcome: Outcome::Failed(None), status: None, failure: Some(failure) }
    }
}

/// What is done after a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing more.
    Done,
    /// The endpoint is disabled.
    Disable,
    /// It is tried again in its place after that time: what came after it in its session waits.
    Again(Duration),
    /// It is tried again after that time, and what came after it is not kept waiting any longer.
    Later(Duration),
    /// It is given up.
    GiveUp,
}

/// The waits between tries during which the order of a session is kept.
const IN_ORDER: [Duration; 3] = [seconds(5), seconds(30), seconds(120)];
/// How often something is tried in its place.
pub const IN_ORDER_TRIES: usize = IN_ORDER.len() + 1;
/// The waits between those after that: 3 days in all.
const SPREAD: [Duration; 9] =
    [minutes(5), minutes(30), hours(2), hours(5), hours(10), HALF_A_DAY, HALF_A_DAY, HALF_A_DAY, HALF_A_DAY];
/// The longest wait that a queue can be told of: 12 h, less what a try itself takes
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>).
const HALF_A_DAY: Duration = Duration::from_secs(12 * 3600 - 60);
/// A line waits no longer than that for an endpoint that asks to be left alone.
const LONGEST_IN_ORDER: Duration = minutes(5);

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

const fn hours(hours: u64) -> Duration {
    Duration::from_secs(3600 * hours)
}

/// What is done after so many tries in their place, 1 or more.
pub fn after_in_order(tries: usize, outcome: Outcome) -> Next {
    let asked = match outcome {
        Outcome::Taken => return Next::Done,
        Outcome::Gone => return Next::Disable,
        Outcome::Failed(asked) => asked.unwrap_or_default().min(HALF_A_DAY),
    };
    match IN_ORDER.get(tries.saturating_sub(1)) {
        Some(wait) if asked <= LONGEST_IN_ORDER => Next::Again(asked.max(*wait)),
        Some(_) | None => Next::Later(asked.max(SPREAD[0])),
    }
}

/// What is done after so many tries more, 1 or later; `chance`, of 0 to 1, spreads the waits by a fifth to either side.
pub fn after_spread(tries: usize, outcome: Outcome, chance: f64) -> Next {
    let asked = match outcome {
        Outcome::Taken => return Next::Done,
        Outcome::Gone => return Next::Disable,
        Outcome::Failed(asked) => asked.unwrap_or_default(),
    };
    match SPREAD.get(tries) {
        Some(wait) => Next::Again(wait.mul_f64(0.8 + 0.4 * chance).max(asked).min(HALF_A_DAY)),
        None => Next::GiveUp,
    }
}

/// How often a message is delivered in the queue of later tries: once for each wait.
pub const SPREAD_TRIES: usize = SPREAD.len();
