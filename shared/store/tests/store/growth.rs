//! The figures behind the plots in `docs/PERFORMANCE.md`: what each step costs at DynamoDB by how many are in the session and by
//! how many sessions there are. `TUNRTC_RECORD=1` writes them anew.

use std::fs;
use std::path::Path;

use domain::ports::{ActiveSessions, DUE_PARTS, Families, Guard};
use domain::{Departure, Person, ProjectId, Session, SessionId, User, Visibility, chat, leases, relay, sessions};
use serde_json::{Value, json};
use testkit::{FakeSockets, Request};

use crate::Setting;
use crate::inbox::offer_frame;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/growth/units.json");
const PEOPLE: [u8; 7] = [2, 5, 10, 20, 35, 50, 100];
const SESSIONS: [usize; 5] = [1, 10, 100, 1000, 5000];

/// What requests cost, and how many pushes came with them.
fn bill(requests: &[Request], pushes: usize) -> Value {
    let units = |is_read: bool| -> f64 {
        let reads = ["GetItem", "Query", "BatchGetItem"];
        let of = requests.iter().filter(|request| reads.contains(&request.operation.as_str()) == is_read);
        of.fold(0.0, |sum, request| sum + request.units)
    };
    json!({ "requests": requests.len(), "written": units(false), "read": units(true), "pushes": pushes })
}

/// A session with so many people in it, all of them connected.
struct Call {
    at: Setting,
    session: Session,
    alice: User,
    bob: Person,
}

impl Call {
    async fn of(people: u8) -> Self {
        let at = Setting::new().await;
        let session = at.session(100).await;
        let (alice, bob) = (at.samples.user("alice"), at.samples.caller("bob"));
        at.connect(session.id, &at.samples.caller_for(&alice), "c0").await;
        at.connect(session.id, &bob, "c1").await;
        for n in 2..people {
            at.connect(session.id, &at.samples.caller(&format!("user{n}")), &format!("c{n}")).await;
        }
        Self { at, session, alice, bob }
    }

    async fn bill(&self, step: impl AsyncFnOnce(&Self, &FakeSockets)) -> Value {
        let sockets = FakeSockets::default();
        self.at.database.door().take();
        step(self, &sockets).await;
        bill(&self.at.database.door().take(), sockets.pushes())
    }

    async fn signal(&self, sockets: &FakeSockets) {
        let signal = self.at.signal(self.session.id, self.bob.user_id, offer_frame("v=0"));
        relay::relay(self.at.ports(sockets), &signal).await.unwrap();
    }

    async fn chat(&self, sockets: &FakeSockets) {
        let message = self.at.message(self.session.id, &self.alice, "hello");
        chat::send(self.at.ports(sockets), &message).await.unwrap();
    }

    /// One leaves, and another comes instead.
    async fn leave_and_join(&self) -> [Value; 2] {
        let (id, seat) = (self.session.id, self.at.participant(self.session.id, &self.bob).await);
        let leave = async |call: &Self, sockets: &FakeSockets| {
            leases::depart(call.at.ports(sockets), &seat, Guard::Seated, Departure::Left).await.unwrap();
        };
        let left = self.bill(leave).await;
        let newcomer = self.at.samples.caller("newcomer");
        self.at.store.start(newcomer.user_id, newcomer.family, "hash", self.at.samples.later(9999)).await.unwrap();
        let join = async |call: &Self, sockets: &FakeSockets| {
            sessions::join(call.at.ports(sockets), &newcomer, id).await.unwrap();
        };
        [left, self.bill(join).await]
    }

    async fn list(&self, _: &FakeSockets) {
        let everywhere = Some(Visibility::Public);
        self.at.store.active(&ProjectId::default(), everywhere, 50, None).await.unwrap();
    }

    async fn sweep(&self, _: &FakeSockets) {
        self.at.sweep().await;
    }

    /// So many sessions like this one.
    fn multiply(&self, sessions: usize) {
        let ids: Vec<_> = (1..sessions).map(|_| SessionId::new(&self.at.samples.ids, self.at.samples.now())).collect();
        self.at.database.multiply(&ids, |id, name, text| match name {
            "duePk" => format!("DUE#{}", id.as_bytes()[15] % DUE_PARTS),
            _ => text.replace(&self.session.id.to_string(), &id.to_string()),
        });
    }
}

async fn by_people() -> Vec<Value> {
    let mut rows = Vec::new();
    for people in PEOPLE {
        let call = Call::of(people).await;
        let [signal, chat] = [call.bill(Call::signal).await, call.bill(Call::chat).await];
        let [leave, join] = call.leave_and_join().await;
        rows.push(json!({ "people": people, "join": join, "signal": signal, "chat": chat, "leave": leave }));
    }
    rows
}

async fn by_sessions() -> Vec<Value> {
    let mut rows = Vec::new();
    for count in SESSIONS {
        let call = Call::of(2).await;
        call.multiply(count);
        rows.push(json!({
            "sessions": count,
            "signal": call.bill(Call::signal).await,
            "chat": call.bill(Call::chat).await,
            "list": call.bill(Call::list).await,
            "sweep": call.bill(Call::sweep).await,
        }));
    }
    rows
}

#[tokio::test]
async fn the_plots_show_what_is_counted() {
    let counted = json!({ "byPeople": by_people().await, "bySessions": by_sessions().await });
    if std::env::var_os("TUNRTC_RECORD").is_some() {
        let text = serde_json::to_string_pretty(&counted).unwrap();
        fs::create_dir_all(Path::new(FILE).parent().unwrap()).unwrap();
        fs::write(FILE, text + "\n").unwrap();
    }
    let recorded: Value = serde_json::from_str(&fs::read_to_string(FILE).unwrap()).unwrap();
    assert_eq!(counted, recorded, "TUNRTC_RECORD=1 writes {FILE} anew, then `make growth` draws it");
}
