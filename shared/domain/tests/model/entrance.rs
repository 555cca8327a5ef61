//! Doors: people join, wait, connect, leave and come back while others lock, ban, admit, turn away and take tokens back.
//!
//! The same world and the same faults as of durable signaling; judged is who has a seat, and when it was taken. What an order
//! promises holds from its answer on, until the next order about the same begins: an order that failed or whose answer was lost may
//! have taken effect or not, and is given again.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use domain::moderation::{self, Actor};
use domain::ports::{Attempt, Emptied, SessionChange, Waits};
use domain::sessions::{self, Entry};
use domain::{
    Caller, Departure, FamilyId, Participant, Permission, Result, RightsChange, Role, TicketId, Timestamp, eviction,
    resume, waiting,
};

use crate::function::{Call, Running, ticket_of};
use crate::house::{House, Token};
use crate::rule::Broken;
use crate::world::World;

/// What a trial is about.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    pub people: usize,
    pub seats: u8,
    /// Steps of the schedule in which people come and go, and things go wrong.
    pub storm: usize,
    pub broken: Option<Broken>,
}

/// What trials found. All but the last three must be zero.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Seats that were taken, or kept, by somebody who was banned.
    pub banned_in: usize,
    /// Seats that were taken behind a lock.
    pub locked_in: usize,
    /// Seats that were taken behind a waiting room by somebody whom nobody admitted.
    pub unadmitted_in: usize,
    /// What was opened with a token that had been taken back, and seats that are held with one in the end.
    pub revoked_in: usize,
    /// Seats beyond the limit.
    pub too_many: usize,
    /// People who were refused or had to wait though they held a seat, which nobody does who waits, though they steer the session,
    /// or though somebody had let them in before.
    pub kept_out: usize,
    /// People who were refused for a ban that is over.
    pub still_banned: usize,
    /// Seats whose rights, or what is said of whom, are not what the newest join's token gives.
    pub of_another_token: usize,
    /// Seats with a permission that a host had withdrawn.
    pub given_back: usize,
    /// Whether something went on for ever.
    pub unsettled: usize,
    /// Seats that were taken.
    pub entries: usize,
    /// Joins that were refused or had to wait.
    pub turned_away: usize,
    /// Orders that were carried out.
    pub orders: usize,
}

impl std::ops::AddAssign for Verdict {
    fn add_assign(&mut self, other: Self) {
        self.banned_in += other.banned_in;
        self.locked_in += other.locked_in;
        self.unadmitted_in += other.unadmitted_in;
        self.revoked_in += other.revoked_in;
        self.too_many += other.too_many;
        self.kept_out += other.kept_out;
        self.still_banned += other.still_banned;
        self.of_another_token += other.of_another_token;
        self.given_back += other.given_back;
        self.unsettled += other.unsettled;
        self.entries += other.entries;
        self.turned_away += other.turned_away;
        self.orders += other.orders;
    }
}

impl Verdict {
    /// How much went wrong.
    pub fn violations(&self) -> usize {
        let inside = self.banned_in + self.locked_in + self.unadmitted_in + self.revoked_in + self.too_many;
        let rights = self.of_another_token + self.given_back;
        inside + self.kept_out + self.still_banned + rights + self.unsettled
    }
}

/// Whoever created the session.
const CREATOR: usize = 0;
/// How far the clock of a function may be ahead.
const SKEW: Duration = Duration::from_secs(1);
/// So many orders are carried out at the same time.
const ORDERS: usize = 3;
/// So many functions of one person run at the same time: two tabs.
const TABS: usize = 2;
/// Steps in which everything must have come to rest.
const CALM: usize = 400_000;

/// What people ask for.
#[derive(Debug, Clone)]
enum Ask {
    Join,
    Ticket,
    Connect { attempt: u64 },
    Ping { waits: Waits },
    GiveUp { waits: Waits },
    Leave,
}

/// What those who steer the session want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Lock(bool),
    WaitingRoom(bool),
    Remove(usize, Option<Duration>),
    Lift(usize),
    Admit(usize),
    Deny(usize),
    Revoke(usize),
    Promote(usize),
    Silence(usize),
}

/// What an order is about: about each thing there is one order at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Lock,
    WaitingRoom,
    Person(usize),
}

impl Order {
    fn subject(self) -> Subject {
        match self {
            Self::Lock(_) => Subject::Lock,
            Self::WaitingRoom(_) => Subject::WaitingRoom,
            Self::Remove(user, _)
            | Self::Lift(user)
            | Self::Admit(user)
            | Self::Deny(user)
            | Self::Revoke(user)
            | Self::Silence(user)
            | Self::Promote(user) => Subject::Person(user),
        }
    }
}

/// What came of a function.
enum Done {
    Asked { asked: Asked, came: Result<Came, &'static str> },
    Ordered { order: Order, started: Timestamp, came: Result<(), &'static str> },
    Other,
}

/// A question, and what was certain when it was asked.
struct Asked {
    user: usize,
    ask: Ask,
    family: FamilyId,
    token: Token,
    /// The seat that was held.
    seat: Option<Timestamp>,
    standing: Standing,
    /// Whether the token had been taken back.
    revoked: bool,
}

/// What people get.
enum Came {
    Seat(u64),
    Wait(Waits),
    Nothing,
}

type Body = Pin<Box<dyn Future<Output = Done> + Send>>;

enum Task {
    Own { order: Option<Order>, user: Option<usize>, body: Body },
    Delayed(Running),
}

/// What is certain of a person.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Standing {
    /// Banned at least until then.
    barred_until: Option<Timestamp>,
    /// Somebody let them in once and did not take that back.
    passes: bool,
    /// They steer the session, and nobody took that away.
    steers: bool,
    /// Their sound was withdrawn, and nobody gave it back.
    silenced: bool,
    /// How often something was decided against them.
    against: u32,
}

struct Someone {
    family: FamilyId,
    waits: Option<Waits>,
    attempt: Option<u64>,
    /// The newest attempt of a join that was answered, and its token.
    joined: Option<(u64, Token)>,
    standing: Standing,
    /// Whether they may have been let in.
    may_pass: bool,
    /// Tokens that were minted before are taken back for certain.
    revoked_before: Option<Timestamp>,
}

struct Trial {
    house: Arc<House>,
    people: Vec<Someone>,
    tasks: Vec<Task>,
    /// Orders that were not carried out yet.
    orders: Vec<Order>,
    locked: bool,
    waiting_room: bool,
    verdict: Verdict,
}

/// Runs one interleaving; the same seed gives the same one.
pub fn run(seed: u64, setup: Setup) -> Verdict {
    Trial::new(seed, setup).run(setup).verdict
}

/// Runs one interleaving and tells what happened in it.
pub fn retell(seed: u64, setup: Setup) -> String {
    let trial = Trial::new(seed, setup);
    trial.house.lock().story = Some(Vec::new());
    let trial = trial.run(setup);
    let story = trial.house.lock().story.take().unwrap_or_default();
    format!("{}\n{:?}", story.join("\n"), trial.verdict)
}

impl Trial {
    fn new(seed: u64, setup: Setup) -> Self {
        let house = House::with_doors(seed, setup.people, setup.seats, setup.broken);
        let someone = |_| Someone {
            family: house.family,
            waits: None,
            attempt: None,
            joined: None,
            standing: Standing::default(),
            may_pass: false,
            revoked_before: None,
        };
        let mut people: Vec<_> = (0..setup.people).map(someone).collect();
        people[CREATOR].standing.steers = true;
        let (tasks, orders) = (Vec::new(), Vec::new());
        let (locked, waiting_room, verdict) = (false, false, Verdict::default());
        Self { house, people, tasks, orders, locked, waiting_room, verdict }
    }

    fn run(mut self, setup: Setup) -> Self {
        for _ in 0..setup.storm {
            self.step();
        }
        self.house.lock().faulty = false;
        self.house.lock().note(|| "calm".to_owned());
        self.settle(Duration::from_millis(20));
        // Until whatever nobody looks after has run out: places, seats, bans.
        self.settle(Duration::from_secs(1800));
        self.judge_tokens();
        for order in [Order::Lock(false), Order::WaitingRoom(false)] {
            self.give(order);
        }
        self.settle(Duration::ZERO);
        self.return_after_bans();
        self.join_by_other_tokens();
        self
    }

    /// Each joins twice at once, by different tokens, while some lose their voice: the newer attempt's token counts.
    fn join_by_other_tokens(&mut self) {
        for user in 0..self.people.len() {
            let now = self.house.lock().now + SKEW;
            self.people[user].family = FamilyId::new(self.house.context(now).ids, now);
            self.people[user].joined = None;
            let first = self.below(Token::ALL.len());
            self.ask_by(user, Ask::Join, Token::ALL[first]);
            self.ask_by(user, Ask::Join, Token::ALL[(first + 1) % Token::ALL.len()]);
            if user != CREATOR && self.one_in(3) {
                self.give(Order::Silence(user));
            }
        }
        self.settle(Duration::ZERO);
        for user in 0..self.people.len() {
            self.judge_rights(user);
        }
    }

    /// Whether a seat has what the newest join's token gives, but for what was decided.
    fn judge_rights(&mut self, user: usize) {
        let (world, someone) = (self.house.lock(), &self.people[user]);
        let Some(row) = world.row(user).filter(|row| row.holds_seat()) else { return };
        self.verdict.given_back += usize::from(someone.has_a_voice_again(row));
        let Some((_, token)) = someone.joined else { return };
        let person = self.house.caller_by(user, someone.family, token);
        let about = world.abouts[user].clone().map(|about| about.on_seat(row.joined_at));
        let said = about.map(|about| about.attributes).unwrap_or_default();
        let as_given =
            row.rights.look_as(row.rights.renewed(person.rights())) && said == token.introduction().attributes;
        self.verdict.of_another_token += usize::from(!as_given);
    }

    fn below(&self, count: usize) -> usize {
        self.house.lock().chance.below(count)
    }

    fn one_in(&self, times: usize) -> bool {
        self.house.lock().chance.one_in(times)
    }

    fn step(&mut self) {
        let roll = {
            let mut world = self.house.lock();
            world.step += 1;
            let passed = world.chance.below(4) as u64;
            world.now = world.now + Duration::from_millis(passed);
            world.chance.below(1000)
        };
        match roll {
            0..780 => self.poll(),
            780..960 => self.ask_something(),
            960..985 => self.order_something(),
            985..995 => drop(self.deliver()),
            995..998 => self.kill(),
            _ => self.sleep(),
        }
    }

    /// Everything goes on until nothing does, and then for so long.
    fn settle(&mut self, rest: Duration) {
        let until = self.house.lock().now + rest;
        for _ in 0..CALM {
            self.house.lock().step += 1;
            if !self.tasks.is_empty() {
                self.poll();
            } else if let Some(order) = self.orders.pop() {
                self.give(order);
            } else if !self.deliver() {
                let mut world = self.house.lock();
                if world.now >= until {
                    return;
                }
                world.now = world.now + Duration::from_secs(120);
                drop(world);
                self.tasks.push(Task::Delayed(Running::start(&self.house, Call::Sweep)));
            }
        }
        self.verdict.unsettled += 1;
    }

    /// One function runs up to its next scheduling point.
    fn poll(&mut self) {
        if self.tasks.is_empty() {
            return self.ask_something();
        }
        let index = self.below(self.tasks.len());
        let mut context = Context::from_waker(Waker::noop());
        let polled = match &mut self.tasks[index] {
            Task::Own { body, .. } => body.as_mut().poll(&mut context),
            Task::Delayed(running) => running.body.as_mut().poll(&mut context).map(|_| Done::Other),
        };
        self.look_at_entries();
        let Poll::Ready(done) = polled else {
            return;
        };
        self.tasks.swap_remove(index);
        match done {
            Done::Asked { asked, came } => self.asked(&asked, came),
            Done::Ordered { order, started, came } => self.ordered(order, started, came),
            Done::Other => {}
        }
    }

    /// Who took a seat just now, and whether that was right.
    fn look_at_entries(&mut self) {
        let mut world = self.house.lock();
        let entries = std::mem::take(&mut world.doors.entries);
        if entries.is_empty() {
            return;
        }
        let seats = seated(&world);
        self.verdict.too_many += usize::from(seats > usize::from(self.house.session.max_participants));
        for user in entries {
            let steers = user == CREATOR || world.row(user).is_some_and(|row| row.rights.moderates());
            let now = world.now;
            world.note(|| format!("user {user} takes a seat, one of {seats}"));
            let silenced = self.people[user].standing.silenced;
            let voice = world.row(user).is_some_and(|row| row.rights.permissions.has(Permission::PublishAudio));
            self.verdict.given_back += usize::from(silenced && voice);
            let someone = &mut self.people[user];
            let barred = someone.standing.barred_until.is_some_and(|until| until > now + SKEW);
            self.verdict.entries += 1;
            self.verdict.banned_in += usize::from(barred);
            self.verdict.locked_in += usize::from(self.locked && !steers);
            self.verdict.unadmitted_in += usize::from(self.waiting_room && !steers && !someone.may_pass);
            someone.may_pass = true;
            let decided = self.tasks.iter().any(|task| match task {
                Task::Own { order: Some(order), .. } => order.subject() == Subject::Person(user),
                Task::Own { order: None, .. } | Task::Delayed(_) => false,
            });
            let decided = decided || self.orders.iter().any(|order| order.subject() == Subject::Person(user));
            let revoked = someone.is_seated_by_old_token(&world, user);
            someone.standing.passes |= !decided && !revoked;
        }
    }

    fn ask_something(&mut self) {
        let user = self.below(self.people.len());
        let own = |task: &&Task| matches!(task, Task::Own { user: Some(own), .. } if *own == user);
        if self.tasks.iter().filter(own).count() >= TABS {
            return;
        }
        let choice = self.below(12);
        let (waits, attempt) = (self.people[user].waits, self.people[user].attempt);
        let ask = match (choice, waits, attempt) {
            (0..4, Some(waits), _) => Ask::Ping { waits },
            (4, Some(waits), _) => Ask::GiveUp { waits },
            (0..5, None, Some(attempt)) => Ask::Connect { attempt },
            (5, _, Some(_)) => Ask::Leave,
            (6, _, Some(_)) => Ask::Ticket,
            _ => Ask::Join,
        };
        self.ask(user, ask);
    }

    fn ask(&mut self, user: usize, ask: Ask) {
        let token = if self.one_in(10) { Token::ALL[self.below(Token::ALL.len())] } else { Token::Usual };
        self.ask_by(user, ask, token);
    }

    fn ask_by(&mut self, user: usize, ask: Ask, token: Token) {
        let someone = &self.people[user];
        let family = someone.family;
        let (seat, now) = {
            let mut world = self.house.lock();
            world.note(|| format!("user {user} asks by a token {token:?}: {ask:?}"));
            let seat = world.row(user).filter(|row| row.holds_seat()).map(|row| row.joined_at);
            (seat, world.now + Duration::from_millis(world.chance.below(1000) as u64))
        };
        let revoked = someone.revoked_before.is_some_and(|before| family.timestamp() < before);
        let asked = Asked { user, ask, family, token, seat, standing: someone.standing, revoked };
        let house = Arc::clone(&self.house);
        let body = Box::pin(async move {
            let came = answer(&house, now, &asked).await.map_err(|error| error.code());
            Done::Asked { asked, came }
        });
        self.tasks.push(Task::Own { order: None, user: Some(user), body });
    }

    fn asked(&mut self, asked: &Asked, came: Result<Came, &'static str>) {
        let user = asked.user;
        let seat = {
            let world = self.house.lock();
            world.row(user).filter(|row| row.holds_seat()).map(|row| row.joined_at)
        };
        let someone = &mut self.people[user];
        if let Ask::Join = asked.ask {
            let refused = matches!(
                came,
                Ok(Came::Wait(_)) | Err("session_locked" | "session_full" | "banned" | "waiting_room_full")
            );
            let waits = matches!(came, Ok(Came::Wait(_)) | Err("waiting_room_full"));
            let shut = waits || came.as_ref().err() == Some(&"session_locked");
            let sat = asked.seat.is_some() && asked.seat == seat;
            let same = asked.standing.against == someone.standing.against;
            let both = |of: fn(&Standing) -> bool| same && of(&asked.standing) && of(&someone.standing);
            let said = came.as_ref().map_or_else(|code| *code, |_| "ok");
            self.house.lock().note(|| format!("user {user}: {said}, waits: {waits}, sat: {sat}"));
            let wronged = (refused && sat) || (waits && both(|s| s.passes)) || (shut && both(|s| s.steers));
            self.verdict.kept_out += usize::from(wronged);
            self.verdict.turned_away += usize::from(refused);
            self.verdict.revoked_in += usize::from(asked.revoked && came.is_ok());
        }
        if let (Ask::Join, Ok(Came::Seat(attempt))) = (&asked.ask, &came) {
            someone.joined = someone.joined.max(Some((*attempt, asked.token)));
        }
        match (&asked.ask, came) {
            (Ask::Join | Ask::Ticket, Ok(Came::Seat(attempt))) => {
                (someone.attempt, someone.waits) = (Some(attempt), None);
            }
            (_, Ok(Came::Wait(waits))) => someone.waits = Some(waits),
            (Ask::GiveUp { .. } | Ask::Leave, Ok(_)) => (someone.attempt, someone.waits) = (None, None),
            (_, Err("unauthorized")) => {
                // The app's backend mints another token.
                let now = self.house.lock().now + SKEW;
                someone.family = FamilyId::new(self.house.context(now).ids, now);
            }
            (_, Err("unavailable") | Ok(_)) => {}
            (_, Err(_)) => (someone.attempt, someone.waits) = (None, None),
        }
    }

    fn order_something(&mut self) {
        let under_way: BTreeSet<_> = self.tasks.iter().filter_map(Task::order).map(Order::subject).collect();
        if under_way.len() >= ORDERS {
            return;
        }
        let fresh = self.orders.is_empty() || self.one_in(2);
        let order = if fresh {
            self.think()
        } else {
            let index = self.below(self.orders.len());
            self.orders.swap_remove(index)
        };
        let about = |other: &Order| other.subject() == order.subject();
        match (under_way.contains(&order.subject()), fresh) {
            (true, false) => return self.orders.push(order),
            (true, true) => return,
            (false, true) if self.orders.iter().any(about) => return,
            (false, _) => {}
        }
        self.give(order);
    }

    fn think(&self) -> Order {
        let closed = self.one_in(3);
        let waiting: Vec<_> = {
            let world = self.house.lock();
            world.doors.waiting.iter().map(|knock| self.house.place(knock.user_id)).collect()
        };
        let who = match waiting.as_slice() {
            [] => self.below(self.people.len()),
            some => some[self.below(some.len())],
        };
        // The creator can neither be removed nor made anything else.
        let anyone = 1 + self.below(self.people.len() - 1);
        let ban = (!self.one_in(3)).then(|| Duration::from_secs(1 + self.below(120) as u64));
        match self.below(17) {
            0 | 1 => Order::Lock(closed),
            2 | 3 => Order::WaitingRoom(closed),
            4..7 => Order::Remove(anyone, ban),
            7..11 => Order::Admit(who),
            11 => Order::Deny(who),
            12 => Order::Revoke(anyone),
            13 => Order::Lift(anyone),
            14 | 15 => Order::Silence(anyone),
            _ => Order::Promote(anyone),
        }
    }

    fn give(&mut self, order: Order) {
        match order {
            Order::Lock(_) => self.locked = false,
            Order::WaitingRoom(_) => self.waiting_room = false,
            Order::Admit(user) => self.people[user].may_pass = true,
            Order::Lift(user) => self.people[user].standing.barred_until = None,
            Order::Silence(_) => {}
            Order::Promote(user) => self.people[user].standing.silenced = false,
            Order::Remove(user, _) | Order::Deny(user) | Order::Revoke(user) => {
                let standing = &mut self.people[user].standing;
                let against = standing.against + 1;
                *standing = Standing { steers: user == CREATOR, against, ..Standing::default() };
            }
        }
        let now = {
            let mut world = self.house.lock();
            world.note(|| format!("order: {order:?}"));
            world.now + Duration::from_millis(world.chance.below(1000) as u64)
        };
        let house = Arc::clone(&self.house);
        let body = Box::pin(async move {
            let came = carry_out(&house, now, order).await.map_err(|error| error.code());
            Done::Ordered { order, started: now, came }
        });
        self.tasks.push(Task::Own { order: Some(order), user: None, body });
    }

    fn ordered(&mut self, order: Order, started: Timestamp, came: Result<(), &'static str>) {
        match came {
            Ok(()) => {}
            Err("unavailable" | "internal") => return self.orders.push(order),
            // There is nobody of whom that could be said.
            Err(_) => return,
        }
        let mut world = self.house.lock();
        world.note(|| format!("done: {order:?}"));
        let sits = |user: usize| world.row(user).is_some_and(Participant::holds_seat);
        self.verdict.orders += 1;
        match order {
            Order::Lock(locked) => self.locked = locked,
            Order::WaitingRoom(on) => self.waiting_room = on,
            Order::Remove(user, ban) => {
                let until = ban.map(|ban| started + ban);
                self.verdict.banned_in += usize::from(until > Some(world.now + SKEW) && sits(user));
                self.people[user].standing.barred_until = until;
                self.people[user].may_pass = sits(user);
            }
            // Whoever holds a seat by a token that was taken back is about to lose it.
            Order::Lift(_) => {}
            Order::Admit(user) => {
                self.people[user].standing.passes = !self.people[user].is_seated_by_old_token(&world, user);
            }
            Order::Deny(user) => {
                self.people[user].standing.barred_until = Some(started + moderation::DENIED_FOR);
                self.people[user].may_pass = sits(user);
            }
            Order::Revoke(user) => self.people[user].revoked_before = Some(started),
            Order::Promote(user) => self.people[user].standing.steers = sits(user),
            Order::Silence(user) => {
                self.people[user].standing.silenced = true;
                let row = world.row(user).filter(|row| row.holds_seat());
                let voice = row.is_some_and(|row| self.people[user].has_a_voice_again(row));
                self.verdict.given_back += usize::from(voice);
            }
        }
    }

    /// A message of the delay queue comes, if one is due.
    fn deliver(&mut self) -> bool {
        let message = {
            let mut world = self.house.lock();
            let now = world.now;
            let due = world.delayed.iter().position(|(due, _)| *due <= now);
            due.map(|index| world.delayed.swap_remove(index).1)
        };
        let found = message.is_some();
        let running = message.map(|message| Running::start(&self.house, Call::Delayed(message)));
        self.tasks.extend(running.map(Task::Delayed));
        found
    }

    /// A function dies. An order that was not answered is given again.
    fn kill(&mut self) {
        if self.tasks.is_empty() {
            return;
        }
        let index = self.below(self.tasks.len());
        self.house.lock().note(|| "a function dies".to_owned());
        match self.tasks.swap_remove(index) {
            Task::Own { order, .. } => self.orders.extend(order),
            Task::Delayed(running) => running.die(&self.house),
        }
    }

    fn sleep(&mut self) {
        let mut world = self.house.lock();
        let seconds = world.chance.below(20) as u64;
        world.now = world.now + Duration::from_secs(seconds);
    }

    /// No seat is held with a token that was taken back.
    fn judge_tokens(&mut self) {
        let world = self.house.lock();
        let by_old_token = |(user, someone): &(usize, &Someone)| someone.is_seated_by_old_token(&world, *user);
        self.verdict.revoked_in += self.people.iter().enumerate().filter(by_old_token).count();
    }

    /// Whoever was banned is let in: every ban is over.
    fn return_after_bans(&mut self) {
        let banned = |user: &usize| self.house.lock().doors.noted[*user].banned_until.is_some();
        for user in (0..self.people.len()).filter(banned).collect::<Vec<_>>() {
            let house = Arc::clone(&self.house);
            let now = house.lock().now;
            let family = FamilyId::new(house.context(now).ids, now);
            let person = house.caller_with(user, family);
            let mut joining = std::pin::pin!(sessions::join(house.ports(now), &person, house.session.id));
            let joined = loop {
                if let Poll::Ready(joined) = joining.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    break joined;
                }
            };
            let refused = joined.err().map(|error| error.code()).filter(|code| *code != "session_full");
            self.verdict.still_banned += usize::from(refused.is_some());
        }
        self.look_at_entries();
    }
}

impl Someone {
    /// Whether that seat has the permission that was withdrawn.
    fn has_a_voice_again(&self, row: &Participant) -> bool {
        self.standing.silenced && row.rights.permissions.has(Permission::PublishAudio)
    }

    /// Whether the seat that is held was taken with a token that had been taken back by now.
    fn is_seated_by_old_token(&self, world: &World, user: usize) -> bool {
        let visit = world.doors.noted[user].visit.filter(|_| world.row(user).is_some_and(Participant::holds_seat));
        let minted = visit.and_then(|visit| visit.family).map(FamilyId::timestamp);
        minted.is_some_and(|minted| self.revoked_before.is_some_and(|before| minted < before))
    }
}

impl Task {
    fn order(&self) -> Option<Order> {
        match self {
            Self::Own { order, .. } => *order,
            Self::Delayed(_) => None,
        }
    }
}

fn seated(world: &World) -> usize {
    (0..world.rows.len()).filter(|user| world.row(*user).is_some_and(Participant::holds_seat)).count()
}

async fn answer(house: &House, now: Timestamp, asked: &Asked) -> Result<Came> {
    let (session, person) = (house.session.id, house.caller_by(asked.user, asked.family, asked.token));
    match &asked.ask {
        Ask::Join => Ok(match sessions::join(house.ports(now), &person, session).await? {
            Entry::Seated(seated) => Came::Seat(seated.attempt),
            Entry::Waits(awaited) => Came::Wait(Waits::from(&awaited.knock)),
        }),
        Ask::Ticket => sessions::ticket(house, house.context(now), &person, session).await.map(Came::Seat),
        Ask::Connect { attempt } => {
            let connection = house.lock().connect(asked.user, *attempt);
            let held = house.held(asked.user, &connection);
            let ticket: TicketId = ticket_of(&connection);
            let attempt = Attempt { held, number: *attempt, family: asked.family, ticket };
            resume::join_connection(house.ports(now), &attempt, None).await.map(|_| Came::Nothing)
        }
        Ask::Ping { waits } => {
            let connection = house.lock().connect(asked.user, 0);
            waiting::keep_waiting(house, house.context(now), waits, &connection).await.map(|()| Came::Nothing)
        }
        Ask::GiveUp { waits } => {
            let given_up = waiting::give_up(house.ports(now), waits, &Emptied::Anyway, Departure::Left);
            given_up.await.map(|()| Came::Nothing)
        }
        Ask::Leave => sessions::leave(house.ports(now), &person, session).await.map(|()| Came::Nothing),
    }
}

async fn carry_out(house: &House, now: Timestamp, order: Order) -> Result<()> {
    let (session, ports) = (house.session.id, house.ports(now));
    let creator = Caller::from(house.caller(CREATOR));
    let actor = Actor::Caller(&creator);
    let user = |user: usize| house.users[user];
    match order {
        Order::Lock(locked) => {
            let change = SessionChange { locked: Some(locked), ..SessionChange::default() };
            moderation::update_session(ports, actor, session, &change).await.map(drop)
        }
        Order::WaitingRoom(on) => {
            let change = SessionChange { waiting_room: Some(on), ..SessionChange::default() };
            moderation::update_session(ports, actor, session, &change).await.map(drop)
        }
        Order::Remove(who, ban) if house.is_broken(Broken::SeatsAreLookedForFirst) => {
            let found = domain::ports::Members::member(house, session, user(who)).await?;
            match found {
                Some(_) => moderation::remove(ports, actor, session, user(who), ban).await.map(drop),
                None => Ok(()),
            }
        }
        Order::Remove(who, ban) => moderation::remove(ports, actor, session, user(who), ban).await.map(drop),
        Order::Lift(who) => moderation::remove(ports, actor, session, user(who), Some(Duration::ZERO)).await.map(drop),
        Order::Admit(who) => moderation::admit(ports, actor, session, user(who)).await,
        Order::Deny(who) => moderation::deny(ports, actor, session, user(who)).await,
        Order::Revoke(who) => eviction::revoke(ports, user(who)).await,
        Order::Promote(who) => {
            let change = RightsChange { role: Some(Role::Cohost), permissions: Vec::new() };
            moderation::update_participant(ports, actor, session, user(who), &change.into()).await.map(drop)
        }
        Order::Silence(who) => {
            let change = RightsChange { role: None, permissions: vec![(Permission::PublishAudio, false)] };
            moderation::update_participant(ports, actor, session, user(who), &change.into()).await.map(drop)
        }
    }
}
