//! The storage ports against an embedded DynamoDB, races included.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test where it stands")]

mod accounts;
mod apps;
mod capacity;
mod chat;
mod connections;
mod contention;
mod due;
mod erasure;
mod families;
mod faults;
mod growth;
mod happened;
mod holding;
mod inbox;
mod invites;
mod live;
mod metadata;
mod moderation;
mod quality;
mod recordings;
mod seats;
mod sessions;
mod throttles;
mod usage;

use std::time::Duration;

use domain::ports::{Attempt, Held, Holding, Ports, Rosters, Seats, Sessions, TakeOver, TakenSeat};
use domain::{ConnectionId, Participant, Person, Roster, Session, SessionId, TicketId, Timestamp};
use store::Store;
use testkit::{Database, FakeSockets, PlainEncoder, RecordedDelays, Samples};

/// A database with its table, and things to put there.
struct Setting {
    database: Database,
    store: Store,
    samples: Samples,
    delays: RecordedDelays,
}

impl Setting {
    async fn new() -> Self {
        let database = Database::start().await;
        let store = database.store().await;
        Self::on(database, store)
    }

    /// Where overlapping transactions are refused as DynamoDB does it, each lasting so long, and the store is as patient as
    /// it is in the functions.
    async fn contended(lasts: Duration) -> Self {
        let database = Database::start().await;
        let store = database.patient_store().await;
        database.door().refuse_overlaps(lasts);
        Self::on(database, store)
    }

    fn on(database: Database, store: Store) -> Self {
        Self { database, store, samples: Samples::default(), delays: RecordedDelays::default() }
    }

    /// The ports of a rule that runs now.
    fn ports<'a>(&'a self, sockets: &'a FakeSockets) -> Ports<'a, Store, FakeSockets, RecordedDelays> {
        let context = self.samples.context();
        Ports { store: &self.store, sockets, delays: &self.delays, encoder: &PlainEncoder, context }
    }

    /// When a session is looked at that stands empty from now on.
    fn empty_until(&self) -> Timestamp {
        self.samples.policy.empty_due(self.samples.now())
    }

    /// A stored session with so many seats.
    async fn session(&self, seats: u8) -> Session {
        let session = self.samples.session(&self.samples.caller("host"), seats);
        self.store.add(&session, self.empty_until()).await.unwrap();
        session
    }

    /// Takes a seat for a minute; its first attempt.
    async fn sit(&self, session: SessionId, caller: &Person) -> u64 {
        match self.take_seat(session, caller).await {
            TakenSeat::Taken(attempt) => attempt,
            other => panic!("no seat: {other:?}"),
        }
    }

    async fn take_seat(&self, session: SessionId, caller: &Person) -> TakenSeat {
        self.store
            .take_seat(session, caller, self.samples.now(), self.samples.later(60), self.samples.later(30 * 86_400))
            .await
            .unwrap()
    }

    /// Takes a seat and connects; the connection.
    async fn connect(&self, session: SessionId, caller: &Person, connection: &str) -> Held {
        let attempt = self.sit(session, caller).await;
        let held = held(session, caller, connection);
        let taken = self.take_over(&held, attempt, caller).await;
        assert!(matches!(taken, TakeOver::Taken(_)), "{taken:?}");
        held
    }

    async fn take_over(&self, held: &Held, number: u64, caller: &Person) -> TakeOver {
        let ticket = TicketId::new(&self.samples.ids, self.samples.now());
        let attempt = Attempt { held: held.clone(), number, family: caller.family, ticket };
        self.store.take_over(&attempt, self.samples.now(), self.samples.later(600)).await.unwrap()
    }

    async fn roster(&self, session: SessionId) -> Roster {
        self.store.roster(session, self.samples.now()).await.unwrap().expect("the session is there")
    }

    /// The participant, who holds a seat.
    async fn participant(&self, session: SessionId, caller: &Person) -> Participant {
        self.roster(session).await.seated(caller.user_id).expect("a seat is held").clone()
    }
}

fn held(session: SessionId, caller: &Person, connection: &str) -> Held {
    Held { session, user: caller.user_id, connection: ConnectionId::new(connection) }
}
