//! One trial: clients, functions and the outside world take turns by chance, then the world settles, then it is judged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use domain::ports::DelayedMessage;
use domain::{ConnectionId, Membership, MessageId, Participant, Policy, Presence, Timestamp};

use crate::client::{Client, Outgoing, Since};
use crate::function::{Call, LIMIT, Outcome, Receipt, Request, Running};
use crate::house::House;
use crate::rule::Broken;
use crate::world::{DAWN, Parcel, World};

/// How long clients may be away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// Nobody is away for longer than the inbox window, and no seat is lost: nothing may be missing.
    WithinWindow,
    /// Anybody may be away for any time: what is missing, its client must have been told.
    AnyLength,
}

/// What a trial is about.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    pub absence: Absence,
    pub since: Since,
    pub broken: Option<Broken>,
}

/// What trials found. All but the last three must be zero.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Acknowledged signals that never reached the application of a target that was not told.
    pub lost: usize,
    /// Signals that reached it more than once.
    pub repeated: usize,
    /// Signals that reached it before an earlier one of their sender.
    pub disordered: usize,
    /// Acknowledged chat messages that a participant never got who was not told.
    pub chat_lost: usize,
    /// Participants that an older attempt took from a newer one.
    pub usurped: usize,
    /// Clients that were told of a loss although they were never away for long.
    pub false_alarms: usize,
    /// Joins and departures that somebody was not told of.
    pub untold: usize,
    /// Clients that never came to rest.
    pub unsettled: usize,
    /// Acknowledged signals, each counted once.
    pub acknowledged: usize,
    /// Connections that died, were closed or were given up.
    pub drops: usize,
    /// Clients that were told, rightly, that something may be missing.
    pub told: usize,
}

impl std::ops::AddAssign for Verdict {
    fn add_assign(&mut self, other: Self) {
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.disordered += other.disordered;
        self.chat_lost += other.chat_lost;
        self.usurped += other.usurped;
        self.false_alarms += other.false_alarms;
        self.untold += other.untold;
        self.unsettled += other.unsettled;
        self.acknowledged += other.acknowledged;
        self.drops += other.drops;
        self.told += other.told;
    }
}

impl Verdict {
    /// How much went wrong.
    pub fn violations(&self) -> usize {
        let order = self.repeated + self.disordered + self.usurped;
        self.lost + self.chat_lost + order + self.false_alarms + self.untold + self.unsettled
    }
}

/// Steps of the schedule in which things go wrong.
const STORM: usize = 500;
/// Steps in which everything must have come to rest.
const CALM: usize = 60_000;

struct Trial {
    setup: Setup,
    house: Arc<House>,
    clients: Vec<Client>,
    running: Vec<Running>,
    /// When the newest acknowledged try of each signal began.
    signals: BTreeMap<(usize, usize, u32), Timestamp>,
    messages: BTreeMap<MessageId, Timestamp>,
    /// A user who does not come back when it is calm.
    absent: Option<usize>,
}

/// Runs one interleaving; the same seed gives the same one.
pub fn run(seed: u64, setup: Setup) -> Verdict {
    Trial::new(seed, setup).run().0
}

/// Runs one interleaving and tells what happened in it.
pub fn retell(seed: u64, setup: Setup) -> String {
    let trial = Trial::new(seed, setup);
    trial.house.lock().story = Some(Vec::new());
    let (verdict, trial) = trial.run();
    let story = trial.house.lock().story.take().unwrap_or_default();
    format!("{}\n{verdict:?}", story.join("\n"))
}

impl Trial {
    fn new(seed: u64, setup: Setup) -> Self {
        let policy = match setup.absence {
            Absence::WithinWindow => {
                let seat = Duration::from_secs(600);
                Policy { reconnect_grace: seat, first_connect: seat, ..Policy::default() }
            }
            // Shorter than the longest absences, so that some clients are away for too long.
            Absence::AnyLength => Policy { inbox_window: Duration::from_secs(120), ..Policy::default() },
        };
        let users = 2 + usize::try_from(seed % 3).expect("small");
        let house = House::new(seed, users, policy, setup.broken);
        let clients = (0..users).map(|user| Client::new(user, setup.since, outbox(&house, user))).collect();
        let (running, signals, messages) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        Self { setup, house, clients, running, signals, messages, absent: None }
    }

    fn run(mut self) -> (Verdict, Self) {
        for _ in 0..STORM {
            self.step();
        }
        self.house.lock().faulty = false;
        self.house.lock().note(|| "calm".to_owned());
        // However long it stays calm, the heartbeat goes on.
        self.clients.iter_mut().for_each(|client| client.proven = false);
        self.choose_absent();
        let settled = (0..CALM).any(|_| {
            self.step();
            self.is_settled()
        });
        (self.judge(settled), self)
    }

    fn below(&self, count: usize) -> usize {
        self.house.lock().chance.below(count)
    }

    fn one_in(&self, times: usize) -> bool {
        self.house.lock().chance.one_in(times)
    }

    /// Where anybody may be away for any time, the last one may stay away: if the seat is lost already, or its loss will be
    /// noticed.
    fn choose_absent(&mut self) {
        let user = self.clients.len() - 1;
        let world = self.house.lock();
        let lost = world.last_row(user).is_some_and(|row| match (row.membership, row.presence) {
            (Membership::Left, _) | (Membership::Seated, Presence::Reconnecting) => true,
            (Membership::Seated, _) | (Membership::Ended, _) => false,
        });
        drop(world);
        self.absent = (lost && self.setup.absence == Absence::AnyLength).then_some(user);
    }

    /// Whatever connection the absent one still gets is dead.
    fn keep_away(&mut self) {
        let Some(user) = self.absent else {
            return;
        };
        self.clients[user].drop_connection();
        self.clients[user].next = None;
        let mut world = self.house.lock();
        for index in 0..world.connections.len() {
            let connection = &world.connections[index];
            if connection.user == user && connection.open && !connection.dead {
                world.kill(&ConnectionId::new(format!("c{index}")));
            }
        }
    }

    /// Something happens.
    fn step(&mut self) {
        self.keep_away();
        let roll = {
            let mut world = self.house.lock();
            world.step += 1;
            let passed = world.chance.below(4) as u64;
            world.now = world.now + Duration::from_millis(passed);
            world.chance.below(200)
        };
        match roll {
            0..110 => self.poll(),
            110..150 => self.deliver(),
            150..185 => self.act(),
            185..194 => self.outside(),
            _ if self.house.lock().faulty => self.disturb(),
            _ => self.poll(),
        }
    }

    fn start(&mut self, call: Call) {
        if let Call::Frame { connection, .. } = &call {
            let mut world = self.house.lock();
            let faulty = world.faulty;
            let connection = world.connection(connection);
            // A frame to a dead connection may have got through just before.
            let arrives = connection.open && (!connection.dead || (faulty && world.chance.one_in(4)));
            if !arrives {
                return;
            }
        }
        self.running.push(Running::start(&self.house, call));
    }

    /// One function runs up to its next scheduling point.
    fn poll(&mut self) {
        if self.running.is_empty() {
            return self.act();
        }
        let index = self.below(self.running.len());
        let started = self.running[index].started;
        let Poll::Ready(outcome) = self.running[index].body.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        else {
            return;
        };
        self.running.swap_remove(index);
        self.conclude(started, outcome);
    }

    fn conclude(&mut self, started: Timestamp, outcome: Outcome) {
        match outcome {
            Outcome::Admitted { user, serial, admission } => {
                // The connection may break before its first frame.
                let lost = self.house.lock().faulty && self.one_in(20);
                let call = self.clients[user].admitted(&self.house, serial, admission).filter(|_| !lost);
                call.into_iter().for_each(|call| self.start(call));
            }
            Outcome::Answered { connection, answer, receipt } => {
                self.file(started, receipt);
                let mut world = self.house.lock();
                if !(world.faulty && world.chance.one_in(25)) {
                    let now = world.now;
                    world.hand_over(&connection, Parcel::Answer(now, answer));
                }
            }
            Outcome::Done => {}
        }
    }

    fn file(&mut self, started: Timestamp, receipt: Option<Receipt>) {
        match receipt {
            Some(Receipt::Signal { from, to, seq }) => {
                self.house.lock().note(|| format!("acknowledged: signal {seq} from {from} to {to}"));
                self.signals.insert((from, to, seq), started);
            }
            Some(Receipt::Chat(id)) => {
                self.messages.insert(id, started);
            }
            None => {}
        }
    }

    /// A parcel arrives at a client, not always the oldest one.
    fn deliver(&mut self) {
        let user = self.below(self.clients.len());
        let reads = |client: &Client| {
            let next = client.next.as_ref().and_then(|next| next.connection.clone());
            [client.connection.clone(), next]
        };
        for connection in reads(&self.clients[user]).into_iter().flatten() {
            self.deliver_over(user, &connection);
        }
    }

    /// Whether there was a parcel.
    fn deliver_over(&mut self, user: usize, connection: &ConnectionId) -> bool {
        let parcel = {
            let mut world = self.house.lock();
            let ahead = world.chance.below(4);
            let parcels = &mut world.connection(connection).parcels;
            let mut index = ahead.min(parcels.len().saturating_sub(1));
            if self.setup.since == Since::Complete {
                // An answer is returned only when the pushes before it were accepted, and does not overtake them.
                let answer = parcels.iter().position(|parcel| matches!(parcel, Parcel::Answer(..)));
                index = answer.map_or(index, |answer| index.min(answer.saturating_sub(1)));
            }
            parcels.remove(index)
        };
        let found = parcel.is_some();
        parcel.into_iter().for_each(|parcel| self.clients[user].receive(&self.house, connection, parcel));
        found
    }

    /// A client does something.
    fn act(&mut self) {
        let faulty = self.house.lock().faulty;
        let user = self.below(self.clients.len());
        if self.absent == Some(user) {
            return;
        }
        self.look_at_connections(user, faulty);
        let client = &self.clients[user];
        let call = if client.connection.is_none() && client.next.is_none() {
            Some(self.clients[user].attempt())
        } else {
            self.say_something(user, faulty)
        };
        call.into_iter().for_each(|call| self.start(call));
    }

    /// A client notices some time that a connection is gone, or that an attempt leads nowhere.
    fn look_at_connections(&mut self, user: usize, faulty: bool) {
        let impatient = self.one_in(if faulty { 12 } else { 60 });
        let notices = !faulty || self.one_in(6);
        let is_gone = |id: &ConnectionId| {
            let mut world = self.house.lock();
            let connection = world.connection(id);
            (!connection.open && connection.parcels.is_empty()) || (connection.dead && notices)
        };
        let client = &mut self.clients[user];
        if client.connection.as_ref().is_some_and(is_gone) {
            client.drop_connection();
        }
        client.next.take_if(|next| impatient || next.connection.as_ref().is_some_and(is_gone));
        if impatient {
            client.lose_patience();
        }
    }

    fn say_something(&mut self, user: usize, faulty: bool) -> Option<Call> {
        let pings = (!faulty && !self.clients[user].proven) || self.one_in(12);
        let entry = self.below(self.clients[user].outbox.len());
        let client = &mut self.clients[user];
        client.speak(entry).or_else(|| client.sync()).or_else(|| if pings { client.ping() } else { None })
    }

    /// Something happens outside: API Gateway and the delay queue do their part.
    fn outside(&mut self) {
        let call = {
            let mut world = self.house.lock();
            let choice = world.chance.below(5);
            match choice {
                4 => Some(Call::Sweep),
                0 if !world.disconnects.is_empty() => {
                    let count = world.disconnects.len();
                    let index = world.chance.below(count);
                    Some(Call::Disconnect { connection: world.disconnects.swap_remove(index) })
                }
                1 => {
                    let now = world.now;
                    let due = world.delayed.iter().position(|(due, _)| *due <= now);
                    due.map(|index| Call::Delayed(world.delayed.swap_remove(index).1))
                }
                2 => {
                    if let Some((to, stored)) = world.late_puts.pop() {
                        world.inboxes[to].push(stored);
                    }
                    None
                }
                _ => {
                    let dead = world.connections.iter().position(|c| c.open && c.dead);
                    dead.into_iter().for_each(|index| world.end(&ConnectionId::new(format!("c{index}"))));
                    None
                }
            }
        };
        call.into_iter().for_each(|call| self.start(call));
    }

    /// Something goes wrong.
    fn disturb(&mut self) {
        let user = self.below(self.clients.len());
        let choice = self.house.lock().chance.below(16);
        let client = &mut self.clients[user];
        match choice {
            // The network breaks, and nobody notices.
            0 | 1 => client.connection.iter().for_each(|connection| self.house.lock().kill(connection)),
            // The client notices at once, API Gateway does not.
            2 | 3 => client.drop_connection().iter().for_each(|connection| self.house.lock().kill(connection)),
            // API Gateway ends the connection.
            4 => client.connection.iter().for_each(|connection| self.house.lock().end(connection)),
            // The attempt under way breaks.
            5 | 6 => {
                let next = client.next.as_ref().and_then(|next| next.connection.clone());
                next.iter().for_each(|connection| self.house.lock().kill(connection));
            }
            // The client moves to a new connection, or gives up one attempt for the next.
            7..=9 => {
                let call = client.attempt();
                self.start(call);
            }
            // It asks twice over the same connection.
            10 => {
                let since = client.since;
                let next = client.next.as_ref().and_then(|next| next.connection.clone());
                let again = next.map(|connection| Call::Frame { connection, request: Request::Join { since } });
                again.into_iter().for_each(|call| self.start(call));
            }
            // A function dies.
            11 if !self.running.is_empty() => {
                let index = self.below(self.running.len());
                self.house.lock().note(|| "a function dies".to_owned());
                self.running.swap_remove(index).die(&self.house);
            }
            // Time passes.
            _ => self.sleep(),
        }
    }

    /// Time passes; functions end by their limit, and what was on its way to a live connection arrives.
    fn sleep(&mut self) {
        let seconds = {
            let mut world = self.house.lock();
            let elapsed = world.now.since(DAWN).as_secs();
            // A nudge comes within seconds, and long before what it is about has expired.
            let nudged = world.delayed.iter().any(|(_, message)| matches!(message, DelayedMessage::Nudge { .. }));
            match (self.setup.absence, world.chance.below(4)) {
                _ if nudged => 1 + world.chance.below(5),
                (Absence::WithinWindow, _) if elapsed > 70 => 0,
                (Absence::AnyLength, _) if elapsed > 450 => 0,
                (Absence::WithinWindow, _) => 1 + world.chance.below(25),
                (Absence::AnyLength, 0) => 1 + world.chance.below(10),
                (Absence::AnyLength, 1 | 2) => 15 + world.chance.below(30),
                (Absence::AnyLength, _) => 60 + world.chance.below(60),
            }
        };
        for user in 0..self.clients.len() {
            while let Some(connection) = self.clients[user].connection.clone()
                && self.deliver_over(user, &connection)
            {}
        }
        let mut world = self.house.lock();
        world.now = world.now + Duration::from_secs(seconds as u64);
        world.note(|| format!("{seconds} s pass"));
        let now = world.now;
        drop(world);
        let over = |function: &mut Running| now.since(function.started) >= LIMIT;
        for function in self.running.extract_if(.., over) {
            function.die(&self.house);
        }
    }

    fn is_settled(&self) -> bool {
        let mut world = self.house.lock();
        let rests = |id: &ConnectionId, world: &mut crate::world::World| {
            let connection = world.connection(id);
            connection.open && !connection.dead && connection.parcels.is_empty()
        };
        // Whoever is to be nudged has something to come.
        let nudged = world.delayed.iter().any(|(_, message)| matches!(message, DelayedMessage::Nudge { .. }));
        self.running.is_empty()
            && !nudged
            && self.absent.is_none_or(|user| world.last_row(user).is_some_and(|row| row.membership == Membership::Left))
            && (0..self.clients.len()).all(|user| world.row(user).is_none_or(|row| row.untold.is_none()))
            && world.late_puts.is_empty()
            && self.clients.iter().filter(|client| self.absent != Some(client.user)).all(|client| {
                client.is_settled(self.absent) && client.connection.as_ref().is_some_and(|id| rests(id, &mut world))
            })
    }

    fn judge(&mut self, settled: bool) -> Verdict {
        let mut verdict = Verdict { acknowledged: self.signals.len(), ..Verdict::default() };
        verdict.unsettled = usize::from(!settled);
        for client in &mut self.clients {
            // What is missing counts by itself; what came after it did arrive.
            client.skip_gaps();
            verdict.told += usize::from(client.told_of_loss.is_some());
            for stream in client.streams.values() {
                let mut once = stream.taken.clone();
                once.sort_unstable();
                once.dedup();
                verdict.repeated += stream.taken.len() - once.len();
                verdict.disordered += stream.taken.windows(2).filter(|pair| pair[0] > pair[1]).count();
            }
        }
        let (clients, world) = (&self.clients, self.house.lock());
        verdict.usurped = world.rows.iter().filter(|versions| fell_back(versions)).count();
        verdict.drops = world.connections.len().saturating_sub(clients.len());
        if self.setup.absence == Absence::WithinWindow {
            verdict.false_alarms = verdict.told;
        }
        verdict.untold = self.untold(&world);
        let told = |user: usize, since: Timestamp| clients[user].told_of_loss.is_some_and(|at| since <= at);
        let missing = |&(&(from, to, seq), &since): &(&(usize, usize, u32), &Timestamp)| {
            let taken = clients[to].streams.get(&from).is_some_and(|stream| stream.taken.contains(&seq));
            !taken && since >= clients[to].joined_at && !told(to, since) && self.absent != Some(to)
        };
        verdict.lost = self.signals.iter().filter(missing).count();
        let unread = |(id, since): &(&MessageId, &Timestamp)| {
            let deaf = |client: &&Client| {
                self.absent != Some(client.user)
                    && !client.messages.contains(id)
                    && **since >= client.joined_at
                    && !told(client.user, **since)
            };
            clients.iter().filter(deaf).count()
        };
        verdict.chat_lost = self.messages.iter().map(|message| unread(&message)).sum();
        verdict
    }
}

impl Trial {
    /// How many seats somebody does not know of, or does not know the end of.
    fn untold(&self, world: &World) -> usize {
        let row = |user| world.last_row(user).map(|row| ((user, row.joined_at), row));
        let seats: Vec<_> = (0..self.clients.len()).filter_map(row).collect();
        let here = self.clients.iter().filter(|client| self.absent != Some(client.user));
        let misses = |client: &Client| {
            let others = seats.iter().filter(|((user, _), _)| *user != client.user);
            others
                .filter(|(seat, row)| match row.holds_seat() {
                    true => row.presence != Presence::Disconnected && !client.known.contains(seat),
                    false => client.believed.contains(seat),
                })
                .count()
        };
        here.map(misses).sum()
    }
}

/// What a client has to say: some signals to each of the others, and a message now and then.
fn outbox(house: &House, user: usize) -> Vec<Outgoing> {
    let mut world = house.lock();
    let mut outbox = Vec::new();
    let users = world.rows.len();
    for to in (0..users).filter(|to| *to != user) {
        let signals = 1 + u32::try_from(world.chance.below(6 - users)).expect("few");
        outbox.extend((1..=signals).map(|seq| Outgoing { to: Some(to), seq, acked: false, under_way: false }));
    }
    if world.chance.one_in(2) {
        outbox.push(Outgoing { to: None, seq: 0, acked: false, under_way: false });
    }
    outbox
}

/// Whether the newest attempt did not keep its participant.
fn fell_back(versions: &[Option<Participant>]) -> bool {
    let attempts: Vec<_> = versions.iter().flatten().map(|row| row.attempt).collect();
    !attempts.is_sorted()
}
