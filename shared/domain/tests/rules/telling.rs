//! What a receiver gets of what happened, with faults on: functions that die between any two steps, records of the stream that come
//! twice and late, receivers that are down, slow, or away for good. Over a clock that the test holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::announcing::{Announcing, announce};
use domain::happenings::{Kind, SessionView, Stay, of_stay};
use domain::ports::{
    Announcer, Deliveries, Delivery, Disabling, EndpointChange, Endpoints, EventLog, EventPlace, From, Ledger, Letter,
    Lines, Live, LiveKind, Living, Logged, Occurrence, Page, Post, Receipt, Starts, Subject, UsedStay,
};
use domain::telling::{Coming, Fate, Telling, tell};
use domain::webhooks::{Announcement, Answer, Endpoint, Outcome, SLOW_LINES, SPREAD_TRIES};
use domain::{
    Clock, Context, Departure, Error, Membership, Policy, Presence, ProjectId, Result, SessionId, Timestamp, UserId,
    WebhookId,
};

use crate::fake::{Ids, START, at};
use crate::happening::{seat, session};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// For so long a message stays unseen whose function does not say anything.
const UNSEEN: Duration = Duration::from_secs(180);
/// For so long a FIFO queue knows what it was given.
const KNOWN: Duration = Duration::from_secs(300);
/// How often a message of the FIFO queue is brought before it is put with the dead letters.
const MOST_IN_ORDER: usize = 10;

/// Numbers that look random and are the same in every run (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % count
    }

    fn one_in(&mut self, times: u64) -> bool {
        times > 0 && self.below(times) == 0
    }
}

/// What a receiver does with a request at a time, and whether it has it then.
type Receiver = fn(Timestamp, &mut Chance) -> (Outcome, bool);

const FAILED: Outcome = Outcome::Failed(None);

/// A message in a queue.
#[derive(Clone)]
struct Message {
    handle: String,
    group: String,
    letter: Letter,
    times: usize,
    visible: Timestamp,
}

/// The table, the queues and the receiver.
struct State {
    chance: Chance,
    now: Timestamp,
    /// Once in so many steps a function dies, before it or after it.
    dies: u64,
    deaths: usize,
    handles: u64,
    endpoint: Endpoint,
    started_by: Option<String>,
    log: BTreeMap<String, Announcement>,
    ledger: Vec<UsedStay>,
    line: Vec<Message>,
    aside: Vec<Message>,
    dead: Vec<Letter>,
    known: BTreeMap<String, Timestamp>,
    posts: usize,
    put_aside: usize,
    taken: Vec<Announcement>,
    receiver: Receiver,
    /// How long it takes for an answer.
    takes: Duration,
}

struct World(Mutex<State>);

impl World {
    fn new(seed: u64, dies: u64, receiver: Receiver) -> Self {
        let endpoint = Endpoint {
            id: WebhookId::first_at(START),
            project: "default".to_owned(),
            url: "https://example.com/".to_owned(),
            kinds: None,
            description: String::new(),
            created_at: START,
            disabled_at: None,
            slow_until: None,
            secret: "sealed".to_owned(),
            previous: Vec::new(),
        };
        Self(Mutex::new(State {
            chance: Chance(seed),
            now: START,
            dies,
            deaths: 0,
            handles: 0,
            endpoint,
            started_by: None,
            log: BTreeMap::new(),
            ledger: Vec::new(),
            line: Vec::new(),
            aside: Vec::new(),
            dead: Vec::new(),
            known: BTreeMap::new(),
            posts: 0,
            put_aside: 0,
            taken: Vec::new(),
            receiver,
            takes: Duration::ZERO,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One step of a function, which may die before it or after it.
    fn step<T>(&self, act: impl FnOnce(&mut State) -> T) -> Result<T> {
        let mut state = self.state();
        let dies = state.dies;
        if !state.chance.one_in(dies) {
            return Ok(act(&mut state));
        }
        state.deaths += 1;
        if state.chance.one_in(2) {
            act(&mut state);
        }
        Err(Error::Unavailable("the function died".into()))
    }

    /// Brings one record of the stream until it was taken.
    async fn bring(&self, occurrence: &Occurrence, sequence: u64) {
        let (policy, ids) = (Policy::default(), Ids::default());
        loop {
            let context = Context { policy: &policy, ids: &ids, now: self.now(), access_until: None };
            let with = Announcing { store: self, lines: self, announcer: &Plain, context };
            let id = |sequence: &str| format!("evt_{sequence}");
            if announce(&with, occurrence, &sequence.to_string(), id).await.is_ok() {
                return;
            }
            self.state().now = self.now() + SECOND;
        }
    }

    /// Has every message handled that may be seen by then.
    async fn work_until(&self, until: Timestamp) {
        while let Some(message) = self.receive(until) {
            let is_aside = message.group.is_empty();
            let receipt = Receipt { is_aside, handle: message.handle.clone() };
            let chance = self.state().chance.below(1000) as f64 / 1000.0;
            let coming = Coming { receipt, times: message.times, chance };
            let with = Telling { store: self, lines: self, post: self, clock: self };
            if let Ok(tried) = tell(&with, &message.letter, &coming).await
                && tried.fate == Fate::Done
            {
                let mut state = self.state();
                state.line.retain(|other| other.handle != message.handle);
                state.aside.retain(|other| other.handle != message.handle);
            }
        }
        let mut state = self.state();
        state.now = state.now.max(until);
    }

    /// The next message that can be seen; of a line its first one alone. One that came too often lies with the dead letters.
    fn receive(&self, until: Timestamp) -> Option<Message> {
        let mut state = self.state();
        loop {
            let mut groups = BTreeSet::new();
            let first = state.line.iter().filter(|message| groups.insert(message.group.clone()));
            let next = first.chain(&state.aside).filter(|message| message.visible <= until);
            let next = next.min_by_key(|message| message.visible)?.clone();
            state.now = state.now.max(next.visible);
            let most = if next.group.is_empty() { SPREAD_TRIES } else { MOST_IN_ORDER };
            if next.times >= most {
                state.line.retain(|other| other.handle != next.handle);
                state.aside.retain(|other| other.handle != next.handle);
                state.dead.push(next.letter);
                continue;
            }
            let unseen = state.now + UNSEEN;
            let found = state.message(&next.handle)?;
            (found.times, found.visible) = (found.times + 1, unseen);
            return Some(found.clone());
        }
    }
}

impl State {
    fn message(&mut self, handle: &str) -> Option<&mut Message> {
        self.line.iter_mut().chain(&mut self.aside).find(|message| message.handle == handle)
    }

    fn add(&mut self, group: String, letter: &Letter, visible: Timestamp) {
        self.handles += 1;
        let message = Message { handle: self.handles.to_string(), group, letter: letter.clone(), times: 0, visible };
        if message.group.is_empty() { self.aside.push(message) } else { self.line.push(message) }
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        self.state().now
    }
}

impl Starts for World {
    async fn session_view(&self, _: SessionId) -> Result<Option<SessionView>> {
        self.step(|_| Some(view()))
    }

    async fn note_start(&self, _: SessionId, sequence: &str, _: Timestamp) -> Result<Option<(SessionView, bool)>> {
        self.step(|state| {
            let first = state.started_by.get_or_insert_with(|| sequence.to_owned());
            Some((view(), first == sequence))
        })
    }
}

impl EventLog for World {
    async fn note_event(&self, announcement: &Announcement, _: Timestamp, _: Timestamp) -> Result<()> {
        self.step(|state| drop(state.log.insert(announcement.id.clone(), announcement.clone())))
    }

    async fn events(&self, _: &str, _: &From, _: Timestamp, _: usize) -> Result<Page<Logged, EventPlace>> {
        unreachable!("nobody reads the log here")
    }
}

/// An entry has its place by the end and the name of its stay.
impl Ledger for World {
    async fn note_stay(&self, _: &ProjectId, stay: &UsedStay, _: Timestamp) -> Result<()> {
        self.step(|state| {
            state.ledger.retain(|other| (other.ended, &other.stay) != (stay.ended, &stay.stay));
            state.ledger.push(stay.clone());
        })
    }

    async fn stays(
        &self,
        _: &ProjectId,
        _: (Timestamp, Timestamp),
        _: Option<&str>,
        _: Timestamp,
    ) -> Result<Page<UsedStay, String>> {
        unreachable!("nobody asks what was used")
    }
}

/// The accounts' project has no quotas.
impl Live for World {
    async fn note_live(&self, _: &ProjectId, _: &Living, _: Timestamp) -> Result<()> {
        unreachable!("nothing is counted")
    }

    async fn note_over(&self, _: &ProjectId, _: &Living) -> Result<()> {
        unreachable!("nothing is counted")
    }

    async fn count_live(&self, _: &ProjectId, _: LiveKind, _: u32, _: Timestamp) -> Result<u32> {
        unreachable!("nothing is counted")
    }
}

impl Endpoints for World {
    async fn add_endpoint(&self, _: &Endpoint) -> Result<()> {
        unreachable!("it is there")
    }

    async fn endpoints(&self, _: &str) -> Result<Vec<Endpoint>> {
        self.step(|state| vec![state.endpoint.clone()])
    }

    async fn endpoint(&self, _: &str, _: WebhookId) -> Result<Option<Endpoint>> {
        self.step(|state| Some(state.endpoint.clone()))
    }

    async fn change_endpoint(&self, _: &str, _: WebhookId, _: &EndpointChange) -> Result<Option<Endpoint>> {
        unreachable!("nobody changes it")
    }

    async fn replace_secrets(&self, _: &Endpoint, _: &str, _: &[(String, Timestamp)]) -> Result<Option<Endpoint>> {
        unreachable!("nobody exchanges its secret")
    }

    async fn remove_endpoint(&self, _: &str, _: WebhookId) -> Result<bool> {
        unreachable!("nobody removes it")
    }
}

impl Disabling for World {
    async fn disable_endpoint(&self, _: &str, _: WebhookId, at: Timestamp) -> Result<bool> {
        self.step(|state| state.endpoint.disabled_at.replace(at).is_none())
    }

    async fn note_slow(&self, _: &str, _: WebhookId, until: Timestamp) -> Result<()> {
        self.step(|state| state.endpoint.slow_until = Some(until))
    }
}

impl Deliveries for World {
    async fn note_delivery(&self, _: &Delivery, _: Timestamp) -> Result<()> {
        self.step(|_| ())
    }

    async fn deliveries(
        &self,
        _: WebhookId,
        _: usize,
        _: Option<&EventPlace>,
        _: Timestamp,
    ) -> Result<Page<Delivery, EventPlace>> {
        unreachable!("nobody reads them here")
    }
}

impl Lines for World {
    async fn line_up(&self, letter: &Letter) -> Result<()> {
        self.step(|state| {
            let now = state.now;
            let line = letter.slow_line.map_or_else(|| "line".to_owned(), |line| format!("slow {line}"));
            let name = format!("{} {}", letter.announcement.id, letter.slow_line.is_some());
            let known = state.known.insert(name.clone(), now);
            match known.filter(|known| now < *known + KNOWN) {
                // It is known from the first time on.
                Some(first) => drop(state.known.insert(name, first)),
                None => state.add(line, letter, now),
            }
        })
    }

    async fn put_aside(&self, letter: &Letter, wait: Duration) -> Result<()> {
        self.step(|state| {
            let visible = state.now + wait;
            state.put_aside += 1;
            state.add(String::new(), letter, visible);
        })
    }

    async fn come_again(&self, receipt: &Receipt, wait: Duration) -> Result<()> {
        self.step(|state| {
            let visible = state.now + wait;
            state.message(&receipt.handle).expect("it is being handled").visible = visible;
        })
    }
}

impl Post for World {
    async fn post(&self, _: &Endpoint, announcement: &Announcement, now: Timestamp) -> Result<Answer> {
        self.step(|state| {
            state.posts += 1;
            state.now = state.now + state.takes;
            let (outcome, has_it) = (state.receiver)(now, &mut state.chance);
            if has_it {
                state.taken.push(announcement.clone());
            }
            Answer { outcome, status: None, failure: None }
        })
    }
}

/// Words that a test can read.
struct Plain;

impl Announcer for Plain {
    fn announce(&self, occurrence: &Occurrence, _: Option<&SessionView>, sequence: &str, id: &str) -> Announcement {
        Announcement {
            id: id.to_owned(),
            kind: format!("{:?}", occurrence.happening.kind),
            project: "default".to_owned(),
            session: Some(occurrence.session),
            body: format!("{sequence} {}", occurrence.stay().map_or("", |stay| stay.id.as_str())),
        }
    }

    fn announce_disabled(&self, _: &Endpoint, _: Timestamp, _: &str, _: &str) -> Announcement {
        unreachable!("there is one endpoint")
    }
}

fn view() -> SessionView {
    SessionView { session: session(), ending: None, project: "default".to_owned() }
}

/// What happens in a session with so many stays: each is a seat, perhaps connections that break and come back, and an end.
fn story(chance: &mut Chance, stays: u64) -> Vec<Occurrence> {
    let mut now: Vec<Stay> = (0..stays)
        .map(|number| Stay { id: format!("stay_{number}"), user: UserId::first_at(at(number)), ..seat() })
        .collect();
    let (mut told, mut time) = (Vec::new(), START);
    while now.iter().any(is_seated) {
        let seated: Vec<_> = now.iter_mut().filter(|stay| is_seated(stay)).collect();
        let index = usize::try_from(chance.below(seated.len() as u64)).expect("small");
        let stay = seated.into_iter().nth(index).expect("there are more");
        time = time + SECOND * u32::try_from(chance.below(30)).expect("small");
        let after = next(stay, chance, time);
        if let Some(happening) = of_stay(Some(stay), &after, time) {
            told.push(Occurrence { happening, session: session().id, subject: Subject::Stay(Box::new(after.clone())) });
        }
        *stay = after;
    }
    told
}

fn is_seated(stay: &Stay) -> bool {
    stay.membership == Membership::Seated
}

fn next(stay: &Stay, chance: &mut Chance, now: Timestamp) -> Stay {
    let ends = chance.one_in(4);
    match (ends, stay.presence) {
        (true, _) => Stay { membership: Membership::Left, departure: Some(Departure::Left), ..stay.clone() },
        (false, Presence::Connected) => Stay { presence: Presence::Reconnecting, ..stay.clone() },
        (false, Presence::Disconnected | Presence::Reconnecting) => {
            Stay { presence: Presence::Connected, connected_at: stay.connected_at.or(Some(now)), ..stay.clone() }
        }
    }
}

/// Has a story happen, each record perhaps more than once and late, and everything told that follows from it.
async fn happen(world: &World, stays: u64) -> usize {
    let story = story(&mut world.state().chance, stays);
    for (index, occurrence) in story.iter().enumerate() {
        world.work_until(world.now().max(occurrence.happening.at)).await;
        world.bring(occurrence, 100 + index as u64).await;
        while world.state().chance.one_in(4) {
            let again = world.state().chance.below(index as u64 + 1);
            world.bring(&story[usize::try_from(again).expect("small")], 100 + again).await;
        }
    }
    world.work_until(START + DAY * 30).await;
    story.len()
}

/// What the receiver has, each thing once, in the order in which it first came.
fn once(state: &State) -> Vec<&Announcement> {
    let mut seen = BTreeSet::new();
    state.taken.iter().filter(|taken| seen.insert(taken.id.clone())).collect()
}

/// Each stay that began or was aborted is told so once, and its end once, and is in the ledger once; a session's start once; nothing that was noted is missing.
fn assert_whole(state: &State, what: &str) {
    let once = once(state);
    assert_eq!(once.len(), state.log.len(), "{what}: what was noted was told");
    let mut stays = BTreeMap::<&str, Vec<&str>>::new();
    for told in &once {
        let stay = told.body.split(' ').nth(1).unwrap_or_default();
        stays.entry(stay).or_default().push(&told.kind);
    }
    let started = stays.remove("").unwrap_or_default();
    let mut used: Vec<_> = state.ledger.iter().map(|used| used.stay.as_str()).collect();
    used.sort_unstable();
    let over = stays.iter().filter(|(_, kinds)| kinds.contains(&"ParticipantLeft")).map(|(stay, _)| *stay);
    assert_eq!(used, over.collect::<Vec<_>>(), "{what}: each stay that is over is in the ledger once");
    let joined = stays.values().any(|kinds| kinds.contains(&"ParticipantJoined"));
    assert_eq!(started.len(), usize::from(joined), "{what}: {started:?}");
    for (stay, kinds) in stays {
        let count = |kind: Kind| kinds.iter().filter(|each| **each == format!("{kind:?}")).count();
        let counts = (count(Kind::ParticipantJoined), count(Kind::ParticipantLeft), count(Kind::ParticipantAborted));
        assert!(matches!(counts, (1, 1, 0) | (0, 0, 1)), "{what}: {stay} {kinds:?}");
    }
    if state.put_aside == 0 {
        let sequences: Vec<u64> = once
            .iter()
            .map(|told| told.body.split(' ').next().unwrap_or_default().parse().expect("a number"))
            .collect();
        assert!(sequences.is_sorted(), "{what}: {sequences:?}");
    }
}

fn is_down_for_a_day(now: Timestamp, _: &mut Chance) -> (Outcome, bool) {
    if now < START + DAY { (FAILED, false) } else { (Outcome::Taken, true) }
}

/// Takes some, refuses some, asks for time, redirects, and loses some of its answers on the way.
fn is_unreliable(_: Timestamp, chance: &mut Chance) -> (Outcome, bool) {
    match chance.below(6) {
        0 => (FAILED, false),
        1 => (FAILED, true),
        2 => (Outcome::Failed(Some(SECOND * 20)), false),
        _ => (Outcome::Taken, true),
    }
}

fn takes(_: Timestamp, _: &mut Chance) -> (Outcome, bool) {
    (Outcome::Taken, true)
}

#[tokio::test]
async fn each_stay_is_told_once_from_its_beginning_to_its_end_whatever_fails_on_the_way() {
    let (mut deaths, mut twice, mut aside) = (0, 0, 0);
    for seed in 0..1500 {
        for (name, receiver, dies) in
            [("unreliable", is_unreliable as Receiver, 15), ("down", is_down_for_a_day, 0), ("well", takes, 8)]
        {
            let world = World::new(seed, dies, receiver);
            happen(&world, 1 + seed % 4).await;
            let state = world.state();
            assert_whole(&state, &format!("{name} {seed}"));
            deaths += state.deaths;
            twice += state.taken.len() - once(&state).len();
            aside += state.put_aside;
        }
    }
    // Or else nothing of this was tried.
    assert!(deaths > 1000 && twice > 1000 && aside > 1000, "{deaths} deaths, {twice} twice, {aside} aside");
}

#[tokio::test]
async fn without_faults_everything_is_told_at_its_first_try_in_the_order_of_its_session() {
    let world = World::new(7, 0, takes);
    let records = happen(&world, 3).await;
    let state = world.state();
    assert_whole(&state, "no faults");
    assert_eq!(state.put_aside, 0);
    assert!(once(&state).len() >= records, "a start is told beside its join");
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_posted_to_once_and_an_owner_finds_everything_in_the_log() {
    let world = World::new(3, 0, |_, _| (Outcome::Gone, false));
    happen(&world, 3).await;
    let state = world.state();
    assert_eq!((state.posts, state.taken.len(), state.dead.len()), (1, 0, 0));
    assert!(state.endpoint.disabled_at.is_some() && state.log.len() > 1);
}

#[tokio::test]
async fn a_receiver_that_is_down_for_longer_than_three_days_has_everything_among_the_dead_letters() {
    let world = World::new(5, 0, |_, _| (FAILED, false));
    happen(&world, 2).await;
    let state = world.state();
    let dead: BTreeSet<_> = state.dead.iter().map(|letter| letter.announcement.id.clone()).collect();
    assert_eq!(dead, state.log.keys().cloned().collect::<BTreeSet<_>>());
    assert!(state.taken.is_empty());
}

#[tokio::test]
async fn a_slow_endpoint_is_told_everything_and_in_order() {
    for seed in 0..40 {
        let deaths = if seed < 20 { 0 } else { 30 };
        let world = World::new(seed, deaths, |_, _| (Outcome::Taken, true));
        world.state().takes = SECOND * 6;
        happen(&world, 3).await;
        let state = world.state();
        assert_whole(&state, &format!("slow {seed}"));
        assert!(state.endpoint.slow_until.is_some());
        if deaths == 0 {
            let places: Vec<u64> = once(&state).iter().map(|told| told.body[..4].parse().expect("a place")).collect();
            assert!(places.is_sorted(), "{places:?}");
        }
    }
}

#[tokio::test]
async fn of_a_slow_endpoint_few_letters_are_under_way_however_many_sessions_there_are() {
    let world = World::new(1, 0, |_, _| (Outcome::Taken, true));
    world.state().endpoint.slow_until = Some(START + DAY);
    let letters: Vec<_> = (0..60u8)
        .map(|number| {
            let mut bytes = *session().id.as_bytes();
            bytes[15] = number;
            let announcement = Announcement {
                id: format!("evt_{number}"),
                kind: "SessionCreated".to_owned(),
                project: "default".to_owned(),
                session: SessionId::from_bytes(bytes).ok(),
                body: String::new(),
            };
            Letter { endpoint: world.state().endpoint.id, announcement, replay: None, slow_line: None }
        })
        .collect();
    for letter in &letters {
        let receipt = Receipt { is_aside: false, handle: String::new() };
        let with = Telling { store: &world, lines: &world, post: &world, clock: &world };
        let tried = tell(&with, letter, &Coming { receipt, times: 1, chance: 0.5 }).await.expect("no faults");
        assert_eq!(tried.fate, Fate::Done);
    }
    let state = world.state();
    let lines: BTreeSet<_> = state.line.iter().map(|message| message.group.as_str()).collect();
    assert_eq!((state.posts, state.line.len(), lines.len()), (0, 60, usize::from(SLOW_LINES)));
}

#[test]
fn an_endpoint_is_slow_for_a_while_after_an_answer_that_took_long() {
    let endpoint =
        |slow_until| Endpoint { slow_until, ..World::new(1, 0, |_, _| (FAILED, false)).state().endpoint.clone() };
    let after = |slow_until, seconds| endpoint(slow_until).slow_after(SECOND * seconds, at(0));
    assert_eq!([after(None, 4), after(None, 5)], [None, Some(at(600))]);
    assert_eq!([after(Some(at(301)), 15), after(Some(at(300)), 15)], [None, Some(at(600))], "noted once in a while");
    assert_eq!([599, 600].map(|seconds| endpoint(Some(at(600))).is_slow(at(seconds))), [true, false]);
}
