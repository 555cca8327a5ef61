//! The end of an account.

use domain::erasure::Erasure;
use domain::ports::{
    ChatLog, ChatMessage, ClientMessageId, ConnectionLog, Counted, DelayedMessage, Erasures, Families, Guard, Inbox,
    Log, Members, Rosters, Seats, Sessions, Spoken, TakenSeat, Throttles, Users, Visits,
};
use domain::{
    ConnectionId, Departure, Frame, MessageId, Person, Result, Session, SessionId, Timestamp, User, sessions,
};
use testkit::{FakeSockets, Fault, RecordedTending};

use crate::Setting;

/// Alice hosts a session with Bob in it, and sits in Bob's session; both have chatted in both.
struct Story {
    at: Setting,
    sockets: FakeSockets,
    alice: User,
    bob: User,
    alice_calls: Person,
    hers: Session,
    his: Session,
}

impl Story {
    async fn new() -> Self {
        let at = Setting::new().await;
        let [alice, bob] = ["alice", "bob"].map(|name| at.samples.user(name));
        let [alice_calls, bob_calls] = [&alice, &bob].map(|user| at.samples.caller_for(user));
        let [hers, his] = [&alice_calls, &bob_calls].map(|caller| at.samples.session(caller, 5));
        for (user, caller, session) in [(&alice, &alice_calls, &hers), (&bob, &bob_calls, &his)] {
            at.store.create_account(user, caller, at.samples.later(9999)).await;
            at.store.add(session, at.empty_until()).await.unwrap();
        }
        let story = Self { at, sockets: FakeSockets::default(), alice, bob, alice_calls, hers, his };
        for (session, caller, user, connection) in [
            (&story.hers, &story.alice_calls, &story.alice, "alice-hers"),
            (&story.hers, &bob_calls, &story.bob, "bob-hers"),
            (&story.his, &story.alice_calls, &story.alice, "alice-his"),
            (&story.his, &bob_calls, &story.bob, "bob-his"),
        ] {
            story.visit(session.id, caller, user, connection).await;
        }
        story
    }

    async fn visit(&self, session: SessionId, caller: &Person, user: &User, connection: &str) {
        let at = &self.at;
        let admission = at.admission(session, caller, connection);
        assert!(at.store.open(&admission, at.samples.later(9999)).await.unwrap());
        at.connect(session, caller, connection).await;
        let message = at.message(session, user, connection);
        at.store.append(&message, at.samples.later(9999)).await.unwrap();
    }

    async fn erase(&self) -> Result<()> {
        Erasure { ports: self.at.ports(&self.sockets), recordings: &RecordedTending::default() }
            .erase(&self.alice)
            .await
    }

    async fn finish(&self) -> Result<()> {
        Erasure { ports: self.at.ports(&self.sockets), recordings: &RecordedTending::default() }
            .finish(self.alice.id)
            .await
    }

    /// The delayed message comes. One that was sent before anything began changes nothing, so that is asked again.
    async fn finish_what_began(&self) {
        self.finish().await.unwrap();
        if self.at.store.password_of(self.alice.id).await.unwrap().is_some() {
            self.erase().await.unwrap();
        }
    }

    /// One more session of Bob's.
    async fn another(&self) -> SessionId {
        let session = self.at.samples.session(&self.at.samples.caller_for(&self.bob), 2);
        self.at.store.add(&session, self.at.empty_until()).await.unwrap();
        session.id
    }

    /// What else there may be of Alice: a seat that she never connected to, a session that she left, counters, a message
    /// with a name, and a signal to her.
    async fn go_on(&self) {
        let (at, store) = (&self.at, &self.at.store);
        let [waiting, left] = [self.another().await, self.another().await];
        for session in [waiting, left] {
            sessions::join(at.ports(&self.sockets), &self.alice_calls, session).await.unwrap();
        }
        sessions::leave(at.ports(&self.sockets), &self.alice_calls, left).await.unwrap();
        let name = ClientMessageId::parse("mine".to_owned()).unwrap();
        let named = ChatMessage { client_id: Some(name), ..at.message(self.his.id, &self.alice, "a name") };
        store.append(&named, at.samples.later(9999)).await.unwrap();
        let spoken = Spoken { language: "en".to_owned(), began: at.samples.now() };
        store.append(&ChatMessage { spoken: Some(spoken), ..named }, at.samples.later(9999)).await.unwrap();
        store
            .put(&at.signal(self.his.id, self.alice.id, Frame("an offer".to_owned())), at.samples.later(600))
            .await
            .unwrap();
        for counted in [
            Counted::FailedLoginsOfAccount(self.alice.email.key()),
            Counted::WrongPasswordsOf(self.alice.id),
            Counted::SessionsOf(self.alice.id),
        ] {
            store.hit(&counted, at.samples.policy.sessions_per_user, at.samples.now()).await.unwrap();
        }
    }

    /// The items of the table that name Alice, or count what she did.
    async fn items_of_alice(&self) -> Vec<String> {
        let items = self.at.database.items().await;
        let traces = [self.alice.id.to_string(), "alice".to_owned(), "failedLoginsOfAccount".to_owned()];
        items.into_iter().filter(|item| traces.iter().any(|trace| item.contains(trace))).collect()
    }

    async fn texts(&self, session: SessionId) -> Vec<String> {
        let all = MessageId::first_at(Timestamp::default());
        let messages =
            self.at.store.messages_since(session, Log::Chat, all, self.at.samples.now()).await.unwrap().items;
        messages.into_iter().map(|message| message.text).collect()
    }

    /// Nothing names Alice any more, and nothing of Bob's is gone.
    async fn assert_erased(&self) {
        let store = &self.at.store;
        let now = self.at.samples.now();
        assert_eq!(store.by_id(self.alice.id).await.unwrap(), None);
        assert_eq!(store.by_email(&self.alice.email).await.unwrap(), None);
        assert!(!store.is_live(self.alice.id, self.alice_calls.family, now).await.unwrap());
        assert_eq!(store.of_user(self.alice.id, Timestamp::default()).await.unwrap(), []);
        assert_eq!(store.created_by(self.alice.id).await.unwrap(), []);
        assert_eq!(store.roster(self.hers.id, now).await.unwrap(), None);
        assert_eq!(store.member(self.hers.id, self.bob.id).await.unwrap(), None);
        assert_eq!(self.texts(self.hers.id).await, Vec::<String>::new());
        assert_eq!(store.member(self.his.id, self.alice.id).await.unwrap(), None);
        assert_eq!(self.texts(self.his.id).await, ["bob-his"]);

        let his = self.at.roster(self.his.id).await;
        assert!(his.session.is_active());
        assert_eq!((his.session.seats_taken, his.participants.len()), (1, 1));
        assert_eq!(store.by_email(&self.bob.email).await.unwrap(), Some(self.bob.clone()));
        let namesake = self.at.samples.user("alice");
        Users::create(store, &namesake).await.expect("name and address are free");
    }
}

pub(crate) trait Accounts {
    async fn create_account(&self, user: &User, caller: &Person, until: Timestamp);
}

impl Accounts for store::Store {
    async fn create_account(&self, user: &User, caller: &Person, until: Timestamp) {
        Users::create(self, user).await.unwrap();
        self.start(user.id, caller.family, "hash", until).await.unwrap();
    }
}

#[tokio::test]
async fn erasing_an_account_leaves_nothing_that_names_it() {
    let story = Story::new().await;
    story.erase().await.unwrap();
    story.assert_erased().await;
}

#[tokio::test]
async fn the_others_are_told_when_an_account_is_erased() {
    let story = Story::new().await;
    story.erase().await.unwrap();
    let heard = |connection: &str| story.sockets.delivered_to(&ConnectionId::new(connection));
    assert_eq!(heard("bob-hers"), ["sessionEnded creatorDeleted"]);
    assert_eq!(heard("bob-his"), ["userLeft alice removed"]);
    let mut closed = story.sockets.closed();
    closed.sort();
    closed.dedup();
    assert_eq!(closed, ["alice-hers", "alice-his", "bob-hers"].map(ConnectionId::new));
}

#[tokio::test]
async fn an_erasure_that_was_interrupted_anywhere_is_finished_by_the_next_or_by_the_delayed_message() {
    let story = Story::new().await;
    let door = story.at.database.door();
    door.take();
    story.erase().await.unwrap();
    let requests = door.take().len();
    assert!(requests > 20, "{requests}");

    let mut interruptions = 0;
    for operation in ["Query", "GetItem", "UpdateItem", "TransactWriteItems", "BatchWriteItem", "DeleteItem"] {
        for nth in 0.. {
            let story = Story::new().await;
            story.at.database.door().fail_from(operation, Fault::Refused, nth);
            if story.erase().await.is_ok() {
                break;
            }
            interruptions += 1;
            story.at.database.door().heal();
            assert!(story.at.store.by_id(story.alice.id).await.unwrap().is_some(), "{operation} {nth}");
            match nth % 2 {
                0 => story.erase().await.unwrap(),
                _ => story.finish_what_began().await,
            }
            story.assert_erased().await;
        }
    }
    assert!(interruptions > 15, "{interruptions}");
}

#[tokio::test]
async fn traces_of_somebody_who_holds_a_seat_are_not_taken_from_under_them() {
    let story = Story::new().await;
    let (at, his) = (&story.at, story.his.id);
    at.store.erase_traces(story.alice.id, his).await.unwrap();
    assert_eq!(story.texts(his).await, ["bob-his"]);
    let alice = at.participant(his, &story.alice_calls).await;
    at.store
        .free_seat(&alice, Guard::Seated, Departure::Left, at.samples.now(), at.samples.later(60), at.samples.later(60))
        .await
        .unwrap();
    at.store.erase_traces(story.alice.id, his).await.unwrap();
    assert_eq!(at.store.member(his, story.alice.id).await.unwrap(), None);
}

#[tokio::test]
async fn no_item_of_the_table_names_a_deleted_account() {
    let story = Story::new().await;
    story.go_on().await;
    let before = story.items_of_alice().await;
    assert!(before.len() > 20, "{before:#?}");
    let others = story.at.database.items().await.len() - before.len();
    story.erase().await.unwrap();
    assert_eq!(story.items_of_alice().await, Vec::<String>::new());
    assert!(others > 5, "what is Bob's was looked at, too");
    story.assert_erased().await;
}

#[tokio::test]
async fn a_seat_without_a_connection_is_freed_with_its_account() {
    let story = Story::new().await;
    let waiting = story.another().await;
    sessions::join(story.at.ports(&story.sockets), &story.alice_calls, waiting).await.unwrap();
    assert_eq!(story.at.roster(waiting).await.session.seats_taken, 1);
    story.erase().await.unwrap();
    let roster = story.at.roster(waiting).await;
    assert_eq!((roster.session.seats_taken, roster.participants.len()), (0, 0));
}

#[tokio::test]
async fn what_is_written_while_an_account_is_deleted_goes_a_minute_later() {
    let story = Story::new().await;
    let (at, store) = (&story.at, &story.at.store);
    let his = story.another().await;
    story.erase().await.unwrap();
    let sent = at.delays.sent().into_iter().find(|(_, message)| matches!(message, DelayedMessage::Erase { .. }));
    assert_eq!(sent.map(|(_, message)| message), Some(DelayedMessage::Erase { user: story.alice.id }));

    // A login, a session and a join that had begun before, each of which died right after its write.
    store.start(story.alice.id, story.alice_calls.family, "hash", at.samples.later(9999)).await.unwrap();
    let hers = at.samples.session(&story.alice_calls, 2);
    store.add(&hers, at.empty_until()).await.unwrap();
    assert!(matches!(at.take_seat(his, &story.alice_calls).await, TakenSeat::Taken(_)));
    assert!(!story.items_of_alice().await.is_empty());
    story.finish().await.unwrap();
    assert_eq!(story.items_of_alice().await, Vec::<String>::new());
    assert_eq!(at.roster(his).await.session.seats_taken, 0);
    story.assert_erased().await;
}

#[tokio::test]
async fn a_deletion_that_died_before_it_began_deletes_nothing() {
    let story = Story::new().await;
    story.finish().await.unwrap();
    assert_eq!(story.at.store.by_id(story.alice.id).await.unwrap(), Some(story.alice.clone()));
    assert_eq!(story.texts(story.hers.id).await.len(), 2);
}

#[tokio::test]
async fn what_was_written_since_a_deletion_looked_is_found_by_the_next_look() {
    let story = Story::new().await;
    let (store, alice) = (&story.at.store, story.alice.id);
    store.erase_records(alice).await.unwrap();
    assert_eq!(store.created_by(alice).await.unwrap(), [story.hers.id]);
    store.erase_traces(alice, story.his.id).await.unwrap();
    let visits =
        || async { store.visits(alice).await.unwrap().into_iter().map(|visit| visit.session).collect::<Vec<_>>() };
    assert_eq!(visits().await, [story.hers.id, story.his.id], "she holds both seats");
    let seat = story.at.participant(story.his.id, &story.alice_calls).await;
    let (now, kept) = (story.at.samples.now(), story.at.samples.later(60));
    store.free_seat(&seat, Guard::Seated, Departure::Removed, now, kept, kept).await.unwrap();
    store.erase_traces(alice, story.his.id).await.unwrap();
    assert_eq!(visits().await, [story.hers.id]);
}
