//! Nothing acknowledged is lost: the real handlers behind the local gateway, with every fault that a network or AWS can
//! produce, and clients whose connections are cut again and again.
//!
//! Each round ends without a cut and without a resume: whatever was acknowledged must arrive at whoever is connected, as
//! the promise says. That is what makes a broken rule visible; a last resume of everybody would hide it.

mod peer;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::Duration;

use apigateway::{Chances, MessageOrder};
use futures_util::future::join_all;
use local::{Fate, Intercept, Options, SdkCall, Server};
use runtime::settings;
use testclient::{Account, Api};
use tokio::sync::{Mutex, watch};

use peer::{Ledger, Load, Peer, Phase, Random, eventually};

/// How long what was acknowledged may take to arrive, on a busy machine: a dead connection is noticed after 5 s.
const SETTLE: Duration = Duration::from_secs(60);
/// The same where the loss is what is expected.
const SETTLE_BROKEN: Duration = Duration::from_secs(12);

/// How slow writes are where reads are to overtake them: longer than a fence and what comes before the inbox is read.
const SLOW_WRITE: Duration = Duration::from_millis(200);

/// Each run takes the whole machine; two at once would only make each other slow.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// What a run found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    drops: u64,
    signals: u64,
    chats: u64,
    lost: u64,
    duplicated: u64,
    disordered: u64,
}

impl Outcome {
    fn add(&mut self, other: &Outcome) {
        self.drops += other.drops;
        self.signals += other.signals;
        self.chats += other.chats;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.disordered += other.disordered;
    }

    fn broken(&self) -> bool {
        self.lost + self.duplicated + self.disordered > 0
    }
}

fn chances(seed: u64) -> Chances {
    Chances {
        seed,
        black_hole: 0.03,
        lost_disconnect: 0.3,
        late_disconnect: 0.3,
        lateness: Duration::from_millis(1)..Duration::from_millis(300),
        delayed_message: 0.2,
        message_delay: Duration::from_millis(1)..Duration::from_millis(25),
        gone_push: 0.005,
        throttled_push: 0.01,
        delayed_push: 0.1,
        push_delay: Duration::from_millis(1)..Duration::from_millis(15),
        ..Chances::default()
    }
}

/// Slow writes, and a throttled table now and then.
fn slow_and_throttled(seed: u64) -> Intercept {
    let random = StdMutex::new(Random(seed | 1));
    Arc::new(move |call: &SdkCall<'_>| {
        let mut random = random.lock().expect("a source of numbers");
        if !call.target.starts_with("DynamoDB_") {
            return Fate::Pass;
        }
        if random.below(500) == 0 {
            let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}"#;
            return Fate::Answer(400, body.to_owned());
        }
        match call.target.ends_with("PutItem") && random.below(6) == 0 {
            true => Fate::Delay(Duration::from_millis(random.below(40))),
            false => Fate::Pass,
        }
    })
}

/// The same run with something broken on purpose.
fn breaking(seed: u64, breaks: fn(&SdkCall<'_>) -> Option<Fate>) -> Intercept {
    let otherwise = slow_and_throttled(seed);
    Arc::new(move |call: &SdkCall<'_>| breaks(call).unwrap_or_else(|| otherwise(call)))
}

async fn start(seed: u64, intercept: Intercept) -> Server {
    let options = Options {
        port: 0,
        faults: Some(chances(seed)),
        intercept: Some(intercept),
        tells: false,
        message_order: MessageOrder::Concurrent,
        settings: vec![
            // Everybody is back within seconds; a longer window would only replay more.
            (settings::INBOX_WINDOW_SECONDS, "35".to_owned()),
            (settings::HEARTBEAT_SECONDS, "4".to_owned()),
            (settings::DETECTION_SECONDS, "1".to_owned()),
            (settings::TICKETS_PER_USER, "1000000".to_owned()),
            (settings::FRAMES_PER_SECOND, "100000".to_owned()),
            (settings::FRAMES_BURST, "100000".to_owned()),
            (settings::CHAT_PER_SECOND, "100000".to_owned()),
            (settings::CHAT_BURST, "100000".to_owned()),
            (settings::REGISTRATIONS_PER_ADDRESS, "1000000".to_owned()),
        ],
        ..Options::default()
    };
    Server::start(options).await.expect("a server")
}

/// Sessions of these sizes at the same time, each so many rounds.
async fn run(seed: u64, sizes: &[usize], rounds: u32, load: Load, settle: Duration, intercept: Intercept) -> Outcome {
    let _alone = ONE_AT_A_TIME.lock().await;
    let server = start(seed, intercept).await;
    let api = Api::new(server.url());
    let names = AtomicU64::new(0);
    let sessions = sizes.iter().enumerate().map(|(number, size)| {
        let (api, names) = (&api, &names);
        async move {
            let accounts: Vec<Account> = join_all(
                (0..*size)
                    .map(|_| async { api.register(&format!("peer-{}", names.fetch_add(1, Ordering::Relaxed))).await }),
            )
            .await;
            session(api, accounts, seed + number as u64 * 1000, rounds, load, settle).await
        }
    });
    let mut total = Outcome::default();
    join_all(sessions).await.iter().for_each(|outcome| total.add(outcome));
    server.stop().await;
    total
}

async fn session(api: &Api, accounts: Vec<Account>, seed: u64, rounds: u32, load: Load, settle: Duration) -> Outcome {
    let session = retried(|| create(api, &accounts[0])).await;
    let mut seats = Vec::new();
    for account in &accounts {
        seats.push(retried(|| seat(api, account, &session)).await);
    }
    let (phases, phase) = watch::channel(Phase::Settle);
    let mut ledgers = Vec::new();
    let mut tasks = Vec::new();
    for (number, account) in accounts.iter().enumerate() {
        let others = accounts.iter().filter(|other| other.id != account.id).map(|other| other.id.clone()).collect();
        let seed = (seed + number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let peer = Peer::new(api.clone(), account.clone(), session.clone(), others, load, seed).seated(&seats[number]);
        ledgers.push((account.id.clone(), peer.ledger()));
        tasks.push(tokio::spawn(peer.run(phase.clone())));
    }
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        phases.send_replace(Phase::Traffic(round));
        let done = || ledgers.iter().all(|(_, ledger)| ledger.lock().expect("a ledger").finished == round);
        assert!(eventually(Duration::from_secs(120), done).await, "the peers never finished a round");
        phases.send_replace(Phase::Settle);
        if !eventually(settle, || missing(&ledgers) == 0).await {
            outcome.lost = missing(&ledgers);
            break;
        }
    }
    phases.send_replace(Phase::Done);
    for task in tasks {
        task.await.expect("a peer that follows the rules");
    }
    outcome.add(&judge(&ledgers));
    outcome
}

async fn retried<T, F: Future<Output = Option<T>>>(mut attempt: impl FnMut() -> F) -> T {
    loop {
        if let Some(done) = attempt().await {
            return done;
        }
    }
}

async fn create(api: &Api, owner: &Account) -> Option<String> {
    let body = serde_json::json!({ "name": "Durable", "maxParticipants": 8 });
    let reply = api.post("/api/session/create", Some(&owner.token), body).await;
    reply.status.is_success().then(|| reply.text("sessionId"))
}

/// Takes a seat; when.
async fn seat(api: &Api, account: &Account, session: &str) -> Option<String> {
    let reply = api.join(account, session).await;
    let participants = reply.body["participants"].as_array()?;
    let own = participants.iter().find(|participant| participant["userId"] == account.id.as_str())?;
    own["joinedAt"].as_str().map(str::to_owned)
}

type Ledgers = [(String, Arc<StdMutex<Ledger>>)];

/// What was acknowledged, or is still on its way, and has not arrived.
fn missing(ledgers: &Ledgers) -> u64 {
    let chats = acknowledged_chats(ledgers);
    let mut missing = 0;
    for (sender, ledger) in ledgers {
        let sent = {
            let ledger = ledger.lock().expect("a ledger");
            missing += ledger.outbox.len() as u64 + chats.difference(&ledger.chats).count() as u64;
            ledger.sent.clone()
        };
        for (target, count) in sent {
            let (_, target) = ledgers.iter().find(|(id, _)| *id == target).expect("a peer of this session");
            let target = target.lock().expect("a ledger");
            let delivered = target.delivered.get(sender).map_or(0, |delivered| delivered.len() as u64);
            missing += count.saturating_sub(delivered);
        }
    }
    missing
}

fn acknowledged_chats(ledgers: &Ledgers) -> BTreeSet<String> {
    let all = ledgers.iter().flat_map(|(_, ledger)| ledger.lock().expect("a ledger").acknowledged_chats.clone());
    all.collect()
}

fn judge(ledgers: &Ledgers) -> Outcome {
    let mut outcome = Outcome { chats: acknowledged_chats(ledgers).len() as u64, ..Outcome::default() };
    for (_, ledger) in ledgers {
        let ledger = ledger.lock().expect("a ledger");
        outcome.drops += u64::from(ledger.drops);
        for delivered in ledger.delivered.values() {
            let distinct: BTreeSet<_> = delivered.iter().collect();
            outcome.signals += delivered.len() as u64;
            outcome.duplicated += (delivered.len() - distinct.len()) as u64;
            outcome.disordered += delivered.windows(2).filter(|pair| pair[0] >= pair[1]).count() as u64;
        }
    }
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_drops_lose_nothing() {
    let sizes = [2, 3, 4, 5, 6, 7, 8, 2, 3];
    let load = Load { drops: 20, signals: 10, left_open: 25 };
    let outcome = run(2026, &sizes, 13, load, SETTLE, slow_and_throttled(7)).await;
    assert!(outcome.drops >= 10_000, "only {} drops", outcome.drops);
    assert!(!outcome.broken(), "{outcome:?}");
}

fn is_inbox_write(call: &SdkCall<'_>) -> bool {
    call.target.ends_with("PutItem") && call.body.windows(6).any(|part| part == b"INBOX#")
}

/// How we know that the test above can fail: without the fence, an old connection still takes pushes after the inbox
/// was read. Writes are slow here, so that reads overtake them more often.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_fence_signals_are_lost() {
    assert_breaks(|call| match call.method {
        "DELETE" => Some(Fate::Answer(204, String::new())),
        _ => is_inbox_write(call).then_some(Fate::Delay(SLOW_WRITE)),
    })
    .await;
}

/// The same writes with the fence: slowness alone loses nothing.
#[tokio::test(flavor = "multi_thread")]
async fn with_the_fence_slow_writes_lose_nothing() {
    let load = Load { drops: 2, signals: 40, left_open: 100 };
    let slow = breaking(3, |call| is_inbox_write(call).then_some(Fate::Delay(SLOW_WRITE)));
    let outcome = run(11, &[2, 3, 4], 8, load, SETTLE, slow).await;
    assert!(!outcome.broken(), "{outcome:?}");
}

/// The same for the write before the push: when the inbox forgets, whoever was away misses the signal.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_inbox_signals_are_lost() {
    assert_breaks(|call| is_inbox_write(call).then(|| Fate::Answer(200, "{}".to_owned()))).await;
}

async fn assert_breaks(breaks: fn(&SdkCall<'_>) -> Option<Fate>) {
    // The last signals go out while connections still drop: what follows a lost one would show the gap and heal it.
    let load = Load { drops: 4, signals: 10, left_open: 100 };
    let outcome = run(11, &[2, 3, 4], 30, load, SETTLE_BROKEN, breaking(3, breaks)).await;
    assert!(outcome.broken(), "the broken rule was not noticed in {} drops", outcome.drops);
}
