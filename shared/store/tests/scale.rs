//! What must not grow with what there is, beside as much as it takes to see that. By itself, because it takes a while.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test where it stands")]

use std::time::Duration;

use domain::analytics::{self, Span, Viewer, Wanted};
use domain::ports::{
    Attempt, ChatMessage, DUE_PARTS, Guard, Held, Holding, Members, Ports, Rosters, Seats, Sessions, TakeOver,
    TakenSeat,
};
use domain::quality::{Measured, Report, Reporter};
use domain::sweep::{Swept, sweep};
use domain::{
    Caller, ConnectionId, Departure, Membership, MessageId, Participant, Person, RoomRef, Session, SessionId, TicketId,
    Untold, User, chat,
};
use store::Store;
use testkit::{Database, FakeSockets, PlainEncoder, RecordedDelays, Request, Samples};

/// A database with its table, and things to put there.
struct Setting {
    database: Database,
    store: Store,
    samples: Samples,
    sockets: FakeSockets,
    delays: RecordedDelays,
}

impl Setting {
    async fn new() -> Self {
        let database = Database::start().await;
        let store = database.store().await;
        let (samples, sockets, delays) = (Samples::default(), FakeSockets::default(), RecordedDelays::default());
        Self { database, store, samples, sockets, delays }
    }

    fn ports(&self) -> Ports<'_, Store, FakeSockets, RecordedDelays> {
        let (store, sockets, delays) = (&self.store, &self.sockets, &self.delays);
        Ports { store, sockets, delays, encoder: &PlainEncoder, context: self.samples.context() }
    }

    async fn session(&self, seats: u8) -> Session {
        let session = self.samples.session(&self.samples.caller("host"), seats);
        self.store.add(&session, self.samples.policy.empty_due(self.samples.now())).await.unwrap();
        session
    }

    /// Takes a seat; its first attempt.
    async fn sit(&self, session: SessionId, caller: &Person) -> u64 {
        let (now, lease, noted) = (self.samples.now(), self.samples.later(60), self.samples.later(30 * 86_400));
        match self.store.take_seat(session, caller, now, lease, noted).await.unwrap() {
            TakenSeat::Taken(attempt) => attempt,
            other => panic!("no seat: {other:?}"),
        }
    }

    /// Takes a seat and connects.
    async fn connect(&self, session: SessionId, caller: &Person, connection: &str) {
        let number = self.sit(session, caller).await;
        let held = Held { session, user: caller.user_id, connection: ConnectionId::new(connection) };
        let ticket = TicketId::new(&self.samples.ids, self.samples.now());
        let attempt = Attempt { held, number, family: caller.family, ticket };
        let taken = self.store.take_over(&attempt, self.samples.now(), self.samples.later(600)).await.unwrap();
        assert!(matches!(taken, TakeOver::Taken(_)), "{taken:?}");
    }

    /// Takes a seat and leaves again; the others are told.
    async fn visit(&self, session: SessionId, like: &Participant) {
        let visitor = self.samples.caller("visitor");
        let tickets = self.sit(session, &visitor).await;
        let (membership, untold) = (Membership::Left, Some(Untold::Departure(Departure::Left)));
        let seat = Participant { user_id: visitor.user_id, tickets, membership, untold, ..like.clone() };
        let (now, later) = (self.samples.now(), self.samples.later(60));
        assert!(self.store.free_seat(&seat, Guard::Seated, Departure::Left, now, later, later).await.unwrap());
        self.store.told(&seat, later).await.unwrap();
    }

    /// Sends a chat message; what that cost.
    async fn chat(&self, session: SessionId, from: &User) -> Vec<Request> {
        let id = MessageId::new(&self.samples.ids, self.samples.now());
        let (username, text) = (from.username.clone(), "hello".to_owned());
        self.database.door().take();
        let message =
            ChatMessage { id, session, from: from.id, username, identity: None, text, client_id: None, spoken: None };
        chat::send(self.ports(), &message).await.unwrap();
        self.database.door().take()
    }

    /// Sweeps; what was done, and what that cost.
    async fn sweep(&self) -> (Swept, Vec<Request>) {
        self.database.door().take();
        let until = self.samples.later(60);
        let failed = |session, error| panic!("{session} is not swept: {error}");
        let swept = sweep(self.ports(), &self.samples.clock, until, failed).await.unwrap();
        (swept, self.database.door().take())
    }
}

/// As many as a public room has in a day.
const VISITORS: usize = 10_000;

#[tokio::test]
async fn a_chat_message_costs_after_ten_thousand_joins_and_leaves_what_it_cost_at_first() {
    let at = Setting::new().await;
    let session = at.session(100).await.id;
    let alice = at.samples.user("alice");
    at.connect(session, &at.samples.caller_for(&alice), "c0").await;
    for n in 1..5 {
        at.connect(session, &at.samples.caller(&format!("user{n}")), &format!("c{n}")).await;
    }
    let at_first = at.chat(session, &alice).await;
    let roster = at.store.roster(session, at.samples.now()).await.unwrap().expect("a session");
    for _ in 0..VISITORS {
        at.visit(session, &roster.participants[0]).await;
    }
    assert_eq!(at.chat(session, &alice).await, at_first);
}

/// So many sessions are there, and so many of them have stood empty for long enough.
const SESSIONS: usize = 100_000;
const OVERDUE: usize = 1_000;

#[tokio::test]
async fn of_a_hundred_thousand_sessions_a_sweep_reads_those_that_are_due() {
    let at = Setting::new().await;
    let first = at.session(2).await.id;
    let ids: Vec<_> = (1..SESSIONS).map(|n| (SessionId::new(&at.samples.ids, at.samples.now()), n)).collect();
    // All but each hundredth are due when they have stood empty for longer.
    let [soon, later] = [at.samples.policy.empty_due(at.samples.now()), at.samples.later(9999)];
    at.database.multiply(&ids, |(id, n), name, text| match name {
        "duePk" => format!("DUE#{}", id.as_bytes()[15] % DUE_PARTS),
        "dueSk" => {
            let due = if n % (SESSIONS / OVERDUE) == 0 { soon } else { later };
            format!("{:014}#{id}", due.millis())
        }
        _ => text.replace(&first.to_string(), &id.to_string()),
    });
    at.samples.clock.advance(Duration::from_secs(3900));

    let (swept, requests) = at.sweep().await;
    assert_eq!(swept, Swept { sessions: OVERDUE, timed_out: 0, ended: OVERDUE, cut: false });
    let of = |operation: &str| requests.iter().filter(|request| request.operation == operation).collect::<Vec<_>>();
    // Each part is asked once; each session is read before and after it is marked.
    assert_eq!(of("Query").len(), usize::from(DUE_PARTS) + 2 * OVERDUE);
    assert_eq!(of("UpdateItem").len(), 4 * OVERDUE, "marked, kept for a while, taken off the list, and due no more");
    let read: f64 = of("Query").iter().map(|request| request.units).sum();
    assert!(read <= 64.0 + 2.0 * OVERDUE as f64, "{read} units");

    let (_, requests) = at.sweep().await;
    assert_eq!(requests.len(), usize::from(DUE_PARTS), "there is nothing more to do");
}

/// So many calls of two an account has hosted in a day.
const CALLS: usize = 10_000;

#[tokio::test]
async fn of_ten_thousand_calls_a_page_reads_what_is_on_it_and_a_filter_no_more_than_its_bound() {
    let at = Setting::new().await;
    let [host, guest] = ["host", "guest"].map(|name| at.samples.caller(name));
    let session = at.samples.session(&host, 5);
    at.store.add(&session, at.samples.policy.empty_due(at.samples.now())).await.unwrap();
    for caller in [&host, &guest] {
        at.sit(session.id, caller).await;
        let from = Reporter { user: caller.user_id, username: &caller.username, identity: None, scope: None };
        let room = RoomRef::Session(session.id);
        let said = Report { is_final: true, ..at.samples.report("r", 350) };
        domain::quality::report(&at.store, at.samples.context(), from, &room, &said).await.unwrap();
    }
    let ids: Vec<_> = (1..CALLS).map(|_| SessionId::new(&at.samples.ids, at.samples.now())).collect();
    at.database.multiply(&ids, |id, _, text| text.replace(&session.id.to_string(), &id.to_string()));
    let newest = ids.last().copied().unwrap();
    let caller = Caller::from(host);
    let span = Span::new(at.samples.now().minus(Duration::from_secs(3600)), at.samples.later(60)).unwrap();
    let viewer = Viewer::of_lists(&caller).unwrap();
    let page = async |wanted: Wanted| {
        at.database.door().take();
        let found = analytics::calls(&at.store, at.samples.context(), viewer, &wanted).await.unwrap();
        let requests = at.database.door().take();
        (found, requests.iter().map(|request| request.units).sum::<f64>(), requests.len())
    };
    let all = Wanted { span, min_score: None, max_score: None, limit: 50, before: None };

    let (first, units, requests) = page(all).await;
    assert_eq!((first.items.len(), first.items[0].session, first.items[0].participants), (50, newest, 2));
    assert_eq!(requests, 1);
    assert!(units <= 14.0, "{units} units for a page of 50 calls");
    let (second, again, _) = page(Wanted { before: first.next, ..all }).await;
    assert_eq!((second.items.len(), again), (50, units), "a later page costs the same");
    assert!(second.items[0].session < first.items[49].session);

    // Nothing is as bad as that: as much is looked at as one page may, and the next one goes on.
    let mut bad = Wanted { max_score: Some(Measured::of_hundredths(200)), ..all };
    let mut pages = 0;
    loop {
        let (found, units, _) = page(bad).await;
        assert!(units <= 460.0, "{units} units for a page that finds nothing");
        assert_eq!(found.items, []);
        pages += 1;
        bad.before = found.next;
        if found.next.is_none() {
            break;
        }
    }
    // What a query brings beyond the bound is looked at too.
    assert!((2..=3).contains(&pages), "{pages} pages");

    at.database.door().take();
    let sums = analytics::overview(&at.store, at.samples.context(), viewer, span).await.unwrap();
    assert_eq!((sums.calls, sums.participants, sums.worst.len()), (CALLS, 2, 10));
    let units: f64 = at.database.door().take().iter().map(|request| request.units).sum();
    assert!(units <= 950.0, "{units} units to add {CALLS} calls up");
}
