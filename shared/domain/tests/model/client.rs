//! A client, as durable-signaling asks of it: an outbox, a place in each sender's order, a `since`, a fresh attempt each
//! time.

use std::collections::{BTreeMap, BTreeSet};

use domain::{ConnectionId, MessageId, Timestamp};

use crate::function::{Admission, Call, Request};
use crate::house::House;
use crate::rule::Broken;
use crate::world::{Answer, DAWN, Parcel, Seat};

/// How a client keeps the time for its next resume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// By the contract's letter: the timestamp of the last frame seen, whatever frame that was.
    LastSeen,
    /// As far as everything before is known to be here: frames of a connection count once its `joinSession` is
    /// answered, errors never do.
    Complete,
}

/// A signal or a message that has not been acknowledged.
#[derive(Clone, Copy)]
pub struct Outgoing {
    /// The target, or none for chat.
    pub to: Option<usize>,
    /// Its place in the order to that target; for chat the place in the outbox.
    pub seq: u32,
    pub acked: bool,
    /// Sent lately over the present connection.
    pub under_way: bool,
}

/// An attempt to get a connection.
pub struct Next {
    pub serial: u32,
    pub connection: Option<ConnectionId>,
    /// The latest time that was told over it.
    told: Timestamp,
}

/// What arrives from one sender.
pub struct Stream {
    pub next: u32,
    held: BTreeSet<u32>,
    /// What the application got, in that order.
    pub taken: Vec<u32>,
}

/// One run of a client.
pub struct Client {
    pub user: usize,
    policy: Since,
    /// The `timestamp` that its next resume gives.
    pub since: Timestamp,
    /// When it took its first seat.
    pub joined_at: Timestamp,
    pub connection: Option<ConnectionId>,
    pub next: Option<Next>,
    serial: u32,
    /// Whether its seat is gone, so that it has to take one again.
    removed: bool,
    pub outbox: Vec<Outgoing>,
    pub streams: BTreeMap<usize, Stream>,
    pub messages: BTreeSet<MessageId>,
    /// Asked for a replay since the last signal came.
    pub synced: bool,
    sync_under_way: bool,
    /// The present connection has shown that it is the participant's live one.
    pub proven: bool,
    ping_under_way: bool,
    /// When it was told that something may be missing.
    pub told_of_loss: Option<Timestamp>,
    pub resumes: usize,
    /// Seats that it was told of, by a roster or an event.
    pub known: BTreeSet<Seat>,
    /// Seats that it was told the end of.
    over: BTreeSet<Seat>,
    /// Seats that it takes for taken.
    pub believed: BTreeSet<Seat>,
}

impl Client {
    pub fn new(user: usize, policy: Since, outbox: Vec<Outgoing>) -> Self {
        Self {
            user,
            policy,
            since: DAWN,
            joined_at: DAWN,
            connection: None,
            next: None,
            serial: 0,
            removed: true,
            outbox,
            streams: BTreeMap::new(),
            messages: BTreeSet::new(),
            synced: false,
            sync_under_way: false,
            proven: false,
            ping_under_way: false,
            told_of_loss: None,
            resumes: 0,
            known: BTreeSet::new(),
            over: BTreeSet::new(),
            believed: BTreeSet::new(),
        }
    }

    /// Gets a fresh attempt; one that was under way is given up.
    pub fn attempt(&mut self) -> Call {
        self.serial += 1;
        self.next = Some(Next { serial: self.serial, connection: None, told: self.since });
        Call::Admit { user: self.user, serial: self.serial, anew: self.removed }
    }

    /// Takes the answer to [`Call::Admit`]; connects, and resumes.
    pub fn admitted(&mut self, house: &House, serial: u32, admission: Result<Admission, &'static str>) -> Option<Call> {
        let next = self.next.as_mut().filter(|next| next.serial == serial)?;
        match admission {
            Ok(Admission { attempt, joined_at }) => {
                self.removed = false;
                if self.since == DAWN {
                    self.joined_at = joined_at.expect("the first admission takes a seat");
                    self.since = self.joined_at;
                }
                let connection = house.lock().connect(self.user, attempt);
                next.connection = Some(connection.clone());
                Some(Call::Frame { connection, request: Request::Join { since: self.since } })
            }
            Err(code) => {
                self.removed |= code == "not_in_session";
                self.next = None;
                None
            }
        }
    }

    /// Gives up on the connection in use; everything that was under way over it goes out again over the next.
    pub fn drop_connection(&mut self) -> Option<ConnectionId> {
        self.outbox.iter_mut().for_each(|entry| entry.under_way = false);
        (self.proven, self.ping_under_way, self.sync_under_way) = (false, false, false);
        self.connection.take()
    }

    /// Its next frames over the connection in use, if there is something to say.
    pub fn speak(&mut self, entry: usize) -> Option<Call> {
        let connection = self.connection.clone()?;
        let entry = self.outbox.get_mut(entry).filter(|entry| !entry.acked && !entry.under_way)?;
        entry.under_way = true;
        let request = match entry.to {
            Some(to) => Request::Signal { to, seq: entry.seq },
            None => Request::Chat { index: usize::try_from(entry.seq).expect("few") },
        };
        Some(Call::Frame { connection, request })
    }

    /// Asks for a replay, if a signal is missing.
    pub fn sync(&mut self) -> Option<Call> {
        let connection = self.connection.clone()?;
        if self.sync_under_way || self.synced || !self.has_gap() {
            return None;
        }
        self.sync_under_way = true;
        Some(Call::Frame { connection, request: Request::Sync { since: self.since } })
    }

    /// The heartbeat.
    pub fn ping(&mut self) -> Option<Call> {
        let connection = self.connection.clone().filter(|_| !self.ping_under_way)?;
        self.ping_under_way = true;
        Some(Call::Frame { connection, request: Request::Ping })
    }

    /// A frame that was not answered for long goes out again.
    pub fn lose_patience(&mut self) {
        self.outbox.iter_mut().for_each(|entry| entry.under_way = false);
        (self.ping_under_way, self.sync_under_way) = (false, false);
    }

    pub fn has_gap(&self) -> bool {
        self.streams.values().any(|stream| !stream.held.is_empty())
    }

    /// Whether nothing is left to do, but to say something to somebody who stays away.
    pub fn is_settled(&self, absent: Option<usize>) -> bool {
        let said = self.outbox.iter().all(|o| o.acked || (absent.is_some() && o.to == absent));
        let waits = self.has_gap() && !self.synced;
        self.connection.is_some() && self.next.is_none() && self.proven && !waits && said
    }

    /// Takes what came over a connection.
    pub fn receive(&mut self, house: &House, from: &ConnectionId, parcel: Parcel) {
        match parcel {
            Parcel::Event(frame) => self.event(house, from, &frame.0),
            Parcel::Answer(at, answer) => {
                if self.policy == Since::LastSeen || !answer.is_error() {
                    self.tell(from, at);
                }
                self.answer(house, from, at, answer);
            }
        }
    }

    fn event(&mut self, house: &House, from: &ConnectionId, frame: &str) {
        let mut words = frame.split(' ');
        let at = words.next().and_then(|word| word.parse().ok()).expect("a frame begins with its time");
        self.tell(from, Timestamp::from_millis(at));
        let kind = words.next().expect("a frame has a kind");
        let rest: Vec<&str> = words.collect();
        match (kind, rest.as_slice()) {
            ("s", [sender, seq]) => {
                let (sender, seq) = (sender.parse().expect("a user"), seq.parse().expect("a number"));
                self.signal(house, sender, seq);
            }
            ("m", [id]) => {
                self.messages.insert(id.parse().expect("a message's identifier"));
            }
            // A status too: of somebody whose lease had run out when the roster was read, and who came back. Who does not
            // know them asks for the roster.
            ("j" | "u", seat) => {
                let seat = parse(seat);
                self.known.insert(seat);
                if !self.over.contains(&seat) {
                    self.believed.insert(seat);
                }
            }
            ("l", seat) => {
                let seat = parse(seat);
                self.over.insert(seat);
                self.believed.remove(&seat);
            }
            _ => {}
        }
    }

    /// Notes the time that a frame told.
    fn tell(&mut self, from: &ConnectionId, at: Timestamp) {
        match self.next.as_mut().filter(|next| next.connection.as_ref() == Some(from)) {
            Some(next) if self.policy == Since::Complete => next.told = next.told.max(at),
            Some(_) => self.since = self.since.max(at),
            None if self.policy == Since::LastSeen || self.connection.as_ref() == Some(from) => {
                self.since = self.since.max(at);
            }
            None => {}
        }
    }

    /// Puts a signal in its place: drops what was seen, and hands on what is in order.
    fn signal(&mut self, house: &House, sender: usize, seq: u32) {
        let stream = self.streams.entry(sender).or_insert(Stream { next: 1, held: BTreeSet::new(), taken: Vec::new() });
        if house.is_broken(Broken::ArrivalIsTheOrder) {
            if !stream.taken.contains(&seq) {
                stream.taken.push(seq);
            }
            return;
        }
        if seq < stream.next {
            if house.is_broken(Broken::RepetitionsAreTaken) {
                stream.taken.push(seq);
            }
            return;
        }
        self.synced &= !stream.held.insert(seq);
        while stream.held.remove(&stream.next) {
            stream.taken.push(stream.next);
            stream.next += 1;
        }
    }

    fn answer(&mut self, house: &House, from: &ConnectionId, at: Timestamp, answer: Answer) {
        if let &Answer::Signal { to, seq, acked } = &answer {
            self.acknowledge(Some(to), seq, acked);
        }
        if let &Answer::Chat { index, acked } = &answer {
            self.acknowledge(None, u32::try_from(index).expect("few"), acked);
        }
        if let Answer::Joined(joined, roster) = &answer {
            self.known.extend(roster);
            self.believed = roster.iter().filter(|seat| !self.over.contains(seat)).copied().collect();
            self.joined(house, from, at, *joined);
        }
        if self.connection.as_ref() != Some(from) {
            return;
        }
        match answer {
            Answer::Synced(done) => (self.synced, self.sync_under_way) = (done, false),
            Answer::Pinged(Ok(())) => (self.proven, self.ping_under_way) = (true, false),
            Answer::Pinged(Err(code)) => {
                self.ping_under_way = false;
                match house.is_broken(Broken::HeartbeatIsIgnored) {
                    true => self.proven = true,
                    false if code == "not_joined" => self.leave(house),
                    false => {}
                }
            }
            Answer::Joined(..) | Answer::Signal { .. } | Answer::Chat { .. } => {}
        }
    }

    fn acknowledge(&mut self, to: Option<usize>, seq: u32, acked: bool) {
        for entry in self.outbox.iter_mut().filter(|entry| entry.to == to && entry.seq == seq) {
            // What was refused goes out again when its time has come.
            entry.acked |= acked;
        }
    }

    /// The answer to a `joinSession`: uses the connection from now on, or tries again with a fresh one.
    fn joined(&mut self, house: &House, from: &ConnectionId, at: Timestamp, joined: Result<bool, &'static str>) {
        let Some(next) = self.next.take_if(|next| next.connection.as_ref() == Some(from)) else {
            return;
        };
        house.lock().note(|| format!("user {} hears over {from}: joined {joined:?}", self.user));
        match joined {
            Ok(recovered) => {
                self.leave(house);
                self.since = self.since.max(next.told);
                self.connection = Some(from.clone());
                self.synced = false;
                self.resumes += 1;
                if !recovered {
                    self.told_of_loss = Some(at);
                }
            }
            Err(code) => {
                self.removed |= code == "not_joined";
                house.lock().end(from);
            }
        }
    }

    /// Closes the connection in use.
    pub fn leave(&mut self, house: &House) {
        if let Some(old) = self.drop_connection() {
            house.lock().end(&old);
        }
    }

    /// Told that something is missing for good, it goes on with what came after that.
    pub fn skip_gaps(&mut self) {
        for stream in self.streams.values_mut() {
            stream.taken.extend(std::mem::take(&mut stream.held));
        }
    }
}

fn parse(seat: &[&str]) -> Seat {
    let [user, joined] = seat else { panic!("{seat:?} is not a seat") };
    let joined = joined.parse().expect("a time");
    (user.parse().expect("a user"), Timestamp::from_millis(joined))
}
