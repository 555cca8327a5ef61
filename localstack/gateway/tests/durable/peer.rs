//! A client that follows the client's rules of durable signaling, and whose connection is cut again and again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use testclient::{Account, Api, Socket};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// An unacknowledged signal is sent again after this time; the real client waits 3 s.
const RESEND: Duration = Duration::from_millis(1500);
/// A gap that lasts so long is answered by `sync`.
const GAP: Duration = Duration::from_millis(500);
/// How often a quiet client asks whether its connection lives, and how long it waits for the answer.
const PING: Duration = Duration::from_millis(400);
const DEAD: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(15);

/// What a session's peers are doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Sending, and losing connections.
    Traffic(u32),
    /// No new signals, no cuts: whatever was acknowledged must arrive.
    Settle,
    /// Over.
    Done,
}

/// How much a peer does in one round.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Connections lost.
    pub drops: u32,
    /// Signals sent.
    pub signals: u32,
    /// How many percent of the lost connections stay open, and are ignored, instead of being cut.
    pub left_open: u64,
}

/// What the application above the client has seen, and what the client still has to do.
#[derive(Default)]
pub struct Ledger {
    /// The signals that the application got, by sender, in the order it got them.
    pub delivered: HashMap<String, Vec<u64>>,
    /// Chat messages that the application got.
    pub chats: BTreeSet<String>,
    /// Chat messages that the server acknowledged.
    pub acknowledged_chats: BTreeSet<String>,
    /// Signals that were put on their way, by target.
    pub sent: HashMap<String, u64>,
    /// Those of them that are not acknowledged.
    pub outbox: BTreeMap<(String, u64), Option<Instant>>,
    /// Connections lost so far.
    pub drops: u32,
    /// The last round whose load is done.
    pub finished: u32,
}

pub struct Peer {
    api: Api,
    account: Account,
    session: String,
    others: Vec<String>,
    load: Load,
    random: Random,
    ledger: Arc<Mutex<Ledger>>,
    inbound: HashMap<String, Inbound>,
    /// The timestamp of the last event seen; before the first one, when the seat was taken.
    since: String,
    /// Sockets of attempts that were given up but not closed.
    abandoned: Vec<Socket>,
    frames: u64,
}

/// The signals of one sender that are not in order yet.
#[derive(Default)]
struct Inbound {
    delivered: u64,
    waiting: BTreeMap<u64, ()>,
    gap_since: Option<Instant>,
}

/// A connection while it is used.
struct Live {
    joined: bool,
    opened: Instant,
    heard: Instant,
    pinged: Option<Instant>,
    chats: BTreeSet<String>,
}

impl Peer {
    pub fn new(api: Api, account: Account, session: String, others: Vec<String>, load: Load, seed: u64) -> Self {
        Self {
            api,
            account,
            session,
            others,
            load,
            random: Random(seed | 1),
            ledger: Arc::default(),
            inbound: HashMap::new(),
            since: String::new(),
            abandoned: Vec::new(),
            frames: 0,
        }
    }

    /// With the seat that it took then: until its first event, that is what it has seen.
    pub fn seated(self, joined_at: &str) -> Self {
        Self { since: joined_at.to_owned(), ..self }
    }

    pub fn ledger(&self) -> Arc<Mutex<Ledger>> {
        Arc::clone(&self.ledger)
    }

    /// Connects again and again until the end.
    pub async fn run(mut self, mut phase: watch::Receiver<Phase>) {
        let (mut round, mut drops, mut to_send) = (0, 0, 0);
        loop {
            let now = *phase.borrow_and_update();
            match now {
                Phase::Done => return,
                Phase::Traffic(number) if number != round => {
                    (round, drops, to_send) = (number, self.load.drops, self.load.signals);
                }
                Phase::Traffic(_) | Phase::Settle => {}
            }
            let Some(mut socket) = self.connect(drops > 0).await else {
                continue;
            };
            let life = if drops > 0 { Some(Duration::from_millis(self.random.below(120))) } else { None };
            self.live(&mut socket, life, &mut to_send, &mut phase, round).await;
            if drops > 0 && life.is_some() {
                drops -= 1;
                self.ledger().lock().expect("a ledger").drops += 1;
            }
            self.lose(socket);
            if drops == 0 && to_send == 0 {
                self.ledger().lock().expect("a ledger").finished = round;
            }
        }
    }

    /// A fresh ticket and a connection; now and then a second attempt overtakes the first before that is answered.
    async fn connect(&mut self, hasty: bool) -> Option<Socket> {
        if hasty && self.random.below(5) == 0 {
            let first = self.open().await?;
            self.join(&first).await;
            self.abandoned.push(first);
        }
        let socket = self.open().await?;
        self.join(&socket).await;
        Some(socket)
    }

    async fn open(&mut self) -> Option<Socket> {
        let body = json!({ "sessionId": self.session });
        let reply = self.api.post("/api/session/ticket", Some(&self.account.token), body).await;
        if !reply.status.is_success() {
            assert_eq!(reply.code(), "unavailable", "{}", reply.body);
            return None;
        }
        Socket::connect(&testclient::socket_address(&reply.body)).await.ok()
    }

    async fn join(&mut self, socket: &Socket) {
        let data = json!({ "sessionId": self.session, "since": self.since });
        socket.send_text(&json!({ "action": "joinSession", "id": "join", "data": data }).to_string()).await;
    }

    /// Uses a connection until it dies, or its time is over.
    async fn live(
        &mut self,
        socket: &mut Socket,
        life: Option<Duration>,
        to_send: &mut u32,
        phase: &mut watch::Receiver<Phase>,
        round: u32,
    ) {
        let now = Instant::now();
        let mut live = Live { joined: false, opened: now, heard: now, pinged: None, chats: BTreeSet::new() };
        // What was on its way when the last connection was lost is sent again at once.
        self.ledger().lock().expect("a ledger").outbox.values_mut().for_each(|sent| *sent = None);
        let mut ticks = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                frame = socket.next() => match frame {
                    Some(frame) => {
                        live.heard = Instant::now();
                        if !self.receive(&frame, &mut live) {
                            return;
                        }
                    }
                    None => return,
                },
                _ = ticks.tick() => {
                    let over = life.is_some_and(|life| live.joined && live.opened.elapsed() >= life);
                    let dead = live.pinged.is_some_and(|at| at.elapsed() >= DEAD && live.heard < at);
                    let stuck = !live.joined && live.opened.elapsed() >= DEAD;
                    if over || dead || stuck {
                        return;
                    }
                    if live.joined {
                        self.work(socket, &mut live, to_send).await;
                        if life.is_none() && *to_send == 0 && *phase.borrow() == Phase::Traffic(round) {
                            self.ledger().lock().expect("a ledger").finished = round;
                        }
                    }
                }
                changed = phase.changed() => {
                    // The next round starts on a new connection, the end of it leaves this one alone.
                    if changed.is_err() || !matches!(*phase.borrow_and_update(), Phase::Settle) {
                        phase.mark_changed();
                        return;
                    }
                }
            }
        }
    }

    /// New signals, those not acknowledged in time, `sync` for gaps, and a question whether anybody is there.
    async fn work(&mut self, socket: &Socket, live: &mut Live, to_send: &mut u32) {
        while *to_send > 0 && self.random.below(2) > 0 {
            *to_send -= 1;
            if self.random.below(8) == 0 {
                let id = format!("chat-{}", self.next_frame());
                socket
                    .send_text(&json!({ "action": "sendMessage", "id": id, "data": { "message": "hi" } }).to_string())
                    .await;
                live.chats.insert(id);
            } else {
                let at = usize::try_from(self.random.below(self.others.len() as u64)).expect("a small number");
                let target = self.others[at].clone();
                let ledger = self.ledger();
                let mut ledger = ledger.lock().expect("a ledger");
                let seq = ledger.sent.entry(target.clone()).or_default();
                *seq += 1;
                let seq = *seq;
                ledger.outbox.insert((target, seq), None);
            }
        }
        for (target, seq) in self.due() {
            let data = json!({
                "targetUserId": target, "epoch": "1", "seq": seq,
                "candidate": { "candidate": "candidate:1 1 udp 2113937151 192.0.2.1 54400 typ host", "sdpMid": "0" },
            });
            let id = format!("signal-{seq}-{target}");
            socket
                .send_text(
                    &json!({ "action": "sendIceCandidate", "id": &id[..id.len().min(64)], "data": data }).to_string(),
                )
                .await;
        }
        if self.gap() {
            let data = json!({ "since": self.since });
            socket.send_text(&json!({ "action": "sync", "id": "sync", "data": data }).to_string()).await;
        }
        if live.pinged.is_none_or(|at| at.elapsed() >= PING && live.heard >= at) {
            live.pinged = Some(Instant::now());
            socket.send_text(&json!({ "action": "ping", "id": "ping", "data": {} }).to_string()).await;
        }
    }

    fn next_frame(&mut self) -> u64 {
        self.frames += 1;
        self.frames
    }

    fn due(&self) -> Vec<(String, u64)> {
        let ledger = self.ledger();
        let mut ledger = ledger.lock().expect("a ledger");
        let due = ledger.outbox.iter_mut().filter(|(_, sent)| sent.is_none_or(|at| at.elapsed() >= RESEND));
        due.map(|(key, sent)| {
            *sent = Some(Instant::now());
            key.clone()
        })
        .collect()
    }

    fn gap(&mut self) -> bool {
        let mut lasting = false;
        for inbound in self.inbound.values_mut() {
            match (inbound.waiting.is_empty(), inbound.gap_since) {
                (true, _) => inbound.gap_since = None,
                (false, None) => inbound.gap_since = Some(Instant::now()),
                (false, Some(at)) if at.elapsed() >= GAP => {
                    inbound.gap_since = None;
                    lasting = true;
                }
                (false, Some(_)) => {}
            }
        }
        lasting
    }

    /// Takes a frame in; false when the connection is good for nothing any more.
    fn receive(&mut self, frame: &Value, live: &mut Live) -> bool {
        let text = |key: &str| frame[key].as_str().unwrap_or_default();
        let id = text("id");
        match text("event") {
            "ack" if id == "join" => live.joined = true,
            "ack" if id.starts_with("signal-") => self.acknowledge(id),
            "ack" if live.chats.contains(id) => {
                let message = frame["data"]["messageId"].as_str().expect("a message id").to_owned();
                self.ledger().lock().expect("a ledger").acknowledged_chats.insert(message);
            }
            "ack" => {}
            // Not acknowledged, so sent again; another connection may have taken over meanwhile.
            "error" => {
                let code = frame["data"]["code"].as_str().unwrap_or_default();
                // The gaps of two senders may come close together: what lasts is asked for again.
                let asked_too_often = id == "sync" && code == "rate_limited";
                assert!(asked_too_often || ["unavailable", "not_joined"].contains(&code), "{frame}");
                return code != "not_joined";
            }
            "replaced" => return false,
            "receiveIceCandidate" => self.signal(frame),
            "receiveMessage" => {
                let message = frame["data"]["messageId"].as_str().expect("a message id").to_owned();
                self.ledger().lock().expect("a ledger").chats.insert(message);
            }
            "userJoined" | "userStatusUpdated" => {}
            other => panic!("unexpected {other}: {frame}"),
        }
        if id.is_empty() && self.since.as_str() < text("timestamp") {
            self.since = text("timestamp").to_owned();
        }
        true
    }

    fn acknowledge(&self, id: &str) {
        let mut parts = id.splitn(3, '-').skip(1);
        let seq: u64 = parts.next().and_then(|seq| seq.parse().ok()).expect("a seq");
        let target = parts.next().expect("a target").to_owned();
        self.ledger().lock().expect("a ledger").outbox.remove(&(target, seq));
    }

    /// Puts a signal in its sender's order; what was seen is dropped.
    fn signal(&mut self, frame: &Value) {
        let sender = frame["data"]["fromUserId"].as_str().expect("a sender").to_owned();
        let seq = frame["data"]["seq"].as_u64().expect("a seq");
        let inbound = self.inbound.entry(sender.clone()).or_default();
        if seq > inbound.delivered {
            inbound.waiting.insert(seq, ());
        }
        while inbound.waiting.remove(&(inbound.delivered + 1)).is_some() {
            inbound.delivered += 1;
            let ledger = Arc::clone(&self.ledger);
            ledger.lock().expect("a ledger").delivered.entry(sender.clone()).or_default().push(inbound.delivered);
        }
    }

    /// Gives a connection up: cut, or left open and ignored.
    fn lose(&mut self, socket: Socket) {
        self.abandoned.truncate(2);
        if self.random.below(100) < self.load.left_open {
            self.abandoned.insert(0, socket);
        }
    }
}

/// xorshift64*: enough to make choices, and the same for the same seed.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end.max(1)
    }
}

/// Waits until `done` holds; false when it does not in time.
pub async fn eventually(patience: Duration, mut done: impl FnMut() -> bool) -> bool {
    let waiting = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(patience, waiting).await.is_ok()
}
