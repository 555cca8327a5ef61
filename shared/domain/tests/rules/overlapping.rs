//! What opens something against what ends the login behind it: at the same time, and in whatever order their steps come.

use std::pin::pin;

use domain::erasure::Erasure;
use domain::ports::{Admission, Attempt, Held, PresentedRefresh, RefreshSecret};
use domain::sessions::NewSession;
use domain::{
    Caller, ConnectionId, Email, Lifetime, Password, Person, Result, SessionId, SessionKind, SessionName, TicketId,
    accounts, admission, eviction, resume, sessions,
};
use futures_util::future::{join, select};

use crate::fake::{Fake, at};

/// So many orders of steps of each pair are tried.
const ORDERS: u64 = 150;

/// What Bob does with a login that is about to end.
#[derive(Debug, Clone, Copy)]
enum Opening {
    /// He joins over REST, connects, and joins over the connection.
    ComesIn,
    /// He holds a seat and connects, but does not join over the connection.
    OnlyConnects,
    /// He holds a seat, connects, and joins over the connection.
    Connects,
    /// He is connected, and joins over the connection.
    JoinsOverIt,
    /// He logs in and creates a session.
    StartsAnew,
}

/// How the login ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Logout,
    NewPassword,
    Deletion,
}

const OPENINGS: [Opening; 5] =
    [Opening::ComesIn, Opening::OnlyConnects, Opening::Connects, Opening::JoinsOverIt, Opening::StartsAnew];
const ENDS: [End; 3] = [End::Logout, End::NewPassword, End::Deletion];

/// Alice's session, and Bob with two logins, of which he keeps the second as long as he can.
struct Story {
    fake: Fake,
    session: SessionId,
    bob: Person,
    elsewhere: Person,
}

impl Story {
    fn new() -> Self {
        let fake = Fake::default();
        let (alice, bob) = (fake.caller("alice"), fake.caller("bob"));
        let session = fake.session(&alice, 5);
        fake.connected(session, &alice, "a1");
        let elsewhere = fake.another_login(&bob);
        Self { fake, session, bob, elsewhere }
    }

    fn held(&self) -> Held {
        Held { session: self.session, user: self.bob.user_id, connection: ConnectionId::new("b1") }
    }

    async fn join(&self) -> Result<u64> {
        sessions::join(self.fake.ports(5), &self.bob, self.session)
            .await
            .and_then(sessions::Entry::seated)
            .map(|seated| seated.attempt)
    }

    async fn connect(&self) -> Result<()> {
        let Held { session, user, connection } = self.held();
        let admission = Admission {
            ticket: TicketId::first_at(at(5)),
            user,
            session: Some(session),
            family: self.bob.family,
            connection,
            at: at(5),
            address: "192.0.2.1".to_owned(),
            user_agent: String::new(),
        };
        admission::admit(&self.fake, self.fake.context(5), &admission).await
    }

    async fn join_over_it(&self, number: u64) -> Result<()> {
        let ticket = TicketId::first_at(at(5));
        let attempt = Attempt { held: self.held(), number, family: self.bob.family, ticket };
        resume::join_connection(self.fake.ports(5), &attempt, None).await.map(drop)
    }

    /// What was done before the two overlap; the attempt of Bob's ticket.
    async fn prepare(&self, opening: Opening) -> u64 {
        match opening {
            Opening::ComesIn | Opening::StartsAnew => 0,
            Opening::OnlyConnects | Opening::Connects => self.join().await.expect("nothing fails"),
            Opening::JoinsOverIt => {
                let number = self.join().await.expect("nothing fails");
                self.connect().await.expect("nothing fails");
                number
            }
        }
    }

    /// Goes as far as it is let.
    async fn open(&self, opening: Opening, number: u64) -> Result<()> {
        match opening {
            Opening::ComesIn => {
                let number = self.join().await?;
                self.connect().await?;
                self.join_over_it(number).await
            }
            Opening::Connects => {
                self.connect().await?;
                self.join_over_it(number).await
            }
            Opening::OnlyConnects => self.connect().await,
            Opening::JoinsOverIt => self.join_over_it(number).await,
            Opening::StartsAnew => self.start_anew().await,
        }
    }

    /// The same, beginning so many turns after the end.
    async fn open_late(&self, opening: Opening, number: u64, order: u64) -> Result<()> {
        turns(order % 24).await;
        self.open(opening, number).await
    }

    async fn start_anew(&self) -> Result<()> {
        let (fake, email) = (&self.fake, Email::parse("bob@example.org").expect("valid"));
        accounts::login(fake, fake, fake, fake.context(5), &email, &password("bob's password"), "192.0.2.1").await?;
        let new = NewSession {
            name: SessionName::parse("stand-up").expect("valid"),
            max_participants: 2,
            kind: SessionKind::VideoCall,
            visibility: None,
            locked: false,
            waiting_room: false,
            room: None,
            lifetime: Lifetime::default(),
            metadata: None,
        };
        sessions::create(fake, fake.context(5), &Caller::from(self.bob.clone()), new, None).await.map(drop)
    }

    async fn end(&self, end: End) {
        let (fake, user) = (&self.fake, self.bob.user_id);
        match end {
            End::Logout => {
                let (family, hash) = (self.bob.family, "bob-1".to_owned());
                let presented = PresentedRefresh { user, family, hash, secret: RefreshSecret::default() };
                accounts::logout(fake, fake.context(5), &presented).await.expect("nothing fails");
                eviction::evict(fake.ports(5), user, |family| family == self.bob.family).await.expect("nothing fails");
            }
            End::NewPassword => {
                let (old, new) = (password("bob's password"), password("the next password"));
                let changed = accounts::change_password(fake, fake, fake, fake.context(5), &self.elsewhere, &old, &new);
                let kept = changed.await.expect("nothing fails").family;
                eviction::evict(fake.ports(5), user, |family| family != kept).await.expect("nothing fails");
            }
            End::Deletion => {
                let account =
                    fake.state().users.iter().find(|account| account.id == user).cloned().expect("made before");
                Erasure { ports: fake.ports(5), recordings: fake }.erase(&account).await.expect("nothing fails");
            }
        }
    }

    /// Nothing of the login that ended is connected, seated or usable.
    async fn assert_over(&self, end: End, what: &str) {
        {
            let state = self.fake.state();
            let open = |c: &ConnectionId| !state.gone.contains(c) && !state.closing.contains(c);
            let connected = state.connections.iter().filter(|logged| logged.admission.user == self.bob.user_id);
            assert!(connected.clone().all(|logged| !open(&logged.admission.connection)), "{what}: connected");
            let seats = state.participants.iter().filter(|participant| participant.user_id == self.bob.user_id);
            assert!(seats.clone().all(|participant| !participant.holds_seat()), "{what}: seated");
            let kept = matches!(end, End::NewPassword | End::Logout).then_some(self.elsewhere.family);
            let logins = state.families.keys().filter(|(user, _)| *user == self.bob.user_id);
            let over = |family| Some(family) != kept && (family == self.bob.family || !matches!(end, End::Logout));
            assert!(logins.clone().all(|(_, family)| !over(*family)), "{what}: logged in");
        }
        assert!(self.join().await.is_err() && self.connect().await.is_err(), "{what}: usable");
    }

    /// Nothing names the account any more.
    fn assert_erased(&self, what: &str) {
        let (state, bob) = (self.fake.state(), self.bob.user_id);
        assert!(state.users.iter().all(|user| user.id != bob), "{what}: account");
        assert!(state.sessions.iter().all(|session| session.creator_id != bob), "{what}: session");
        assert!(state.participants.iter().all(|participant| participant.user_id != bob), "{what}: participant");
        assert!(state.connections.iter().all(|logged| logged.admission.user != bob), "{what}: connection");
        assert!(state.visits.iter().all(|(user, _)| *user != bob), "{what}: visit");
        assert!(state.families.keys().all(|(user, _)| *user != bob), "{what}: login");
    }
}

/// Lets others go on for so many turns.
async fn turns(turns: u64) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

fn password(text: &str) -> Password {
    Password::parse(text.to_owned()).expect("valid")
}

#[tokio::test]
async fn nothing_that_ended_is_connected_seated_or_usable_however_they_overlap() {
    for opening in OPENINGS {
        for end in ENDS {
            for order in 1..=ORDERS {
                let story = Story::new();
                let number = story.prepare(opening).await;
                story.fake.state().seed = order;
                let (_opened, ()) = join(story.open_late(opening, number, order), story.end(end)).await;
                story.assert_over(end, &format!("{opening:?} {end:?} {order}")).await;
            }
        }
    }
}

#[tokio::test]
async fn nothing_of_a_deleted_account_is_left_by_what_overlaps_it_once_the_delayed_message_has_come() {
    for opening in OPENINGS {
        for order in 1..=ORDERS {
            let story = Story::new();
            let number = story.prepare(opening).await;
            story.fake.state().seed = order;
            let (_opened, ()) = join(story.open_late(opening, number, order), story.end(End::Deletion)).await;
            Erasure { ports: story.fake.ports(65), recordings: &story.fake }.finish(story.bob.user_id).await.unwrap();
            story.assert_erased(&format!("{opening:?} {order}"));
        }
    }
}

/// Each of the steps of an opening may be its last: its function dies there.
#[tokio::test]
async fn nothing_of_a_deleted_account_is_left_by_functions_that_died_meanwhile() {
    for opening in OPENINGS {
        for order in 1..=ORDERS {
            let story = Story::new();
            let number = story.prepare(opening).await;
            story.fake.state().seed = order;
            let opening_dies = async {
                let opened = story.open_late(opening, number, order / 8);
                select(pin!(opened), pin!(turns(order % 40))).await;
            };
            join(opening_dies, story.end(End::Deletion)).await;
            Erasure { ports: story.fake.ports(65), recordings: &story.fake }.finish(story.bob.user_id).await.unwrap();
            story.assert_erased(&format!("{opening:?} {order}"));
        }
    }
}
