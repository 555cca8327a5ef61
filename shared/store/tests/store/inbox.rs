//! Signals that wait.

use std::time::Duration;

use domain::ports::{Inbox, Signal};
use domain::{Frame, SessionId, SignalId, Timestamp, UserId};

use crate::Setting;

/// An offer of voice with its candidates, of about 1 KB, as a browser writes it.
pub const OFFER: &str = include_str!("offer.sdp");

/// The event that carries an offer, as the wire has it.
pub fn offer_frame(sdp: &str) -> Frame {
    let sdp = sdp.replace('\n', "\\r\\n");
    Frame(format!(
        r#"{{"event":"receiveOffer","timestamp":"2026-11-22T12:00:00.000Z","data":{{"fromUserId":"019ab1c0-6f00-7abc-8def-0123456789ab","fromUsername":"alice","offer":{{"type":"offer","sdp":"{sdp}"}},"epoch":"k2J9vQ0xTz2m1w","seq":1,"signalId":"019ab1c0-6f01-7abc-8def-0123456789ab"}}}}"#
    ))
}

impl Setting {
    pub fn signal(&self, session: SessionId, to: UserId, frame: Frame) -> Signal {
        Signal { id: SignalId::new(&self.samples.ids, self.samples.now()), session, to, frame }
    }
}

fn text(n: u32) -> Frame {
    Frame(format!("frame {n}"))
}

#[tokio::test]
async fn signals_are_read_from_an_identifier_on_oldest_first() {
    let at = Setting::new().await;
    let (session, to) = (at.session(2).await.id, at.samples.user("bob").id);
    let mut middle = None;
    for n in 0..6 {
        let signal = at.signal(session, to, text(n));
        middle = (n == 3).then_some(signal.id).or(middle);
        at.store.put(&signal, at.samples.later(120)).await.unwrap();
        at.samples.clock.advance(Duration::from_millis(1));
    }
    let from = |id| at.store.signals(session, to, id, at.samples.now());
    assert_eq!(from(middle.unwrap()).await.unwrap().items, [text(3), text(4), text(5)]);
    assert_eq!(from(SignalId::first_at(Timestamp::default())).await.unwrap().items.len(), 6);
    assert_eq!(from(SignalId::first_at(at.samples.later(1))).await.unwrap().items, []);
}

#[tokio::test]
async fn an_inbox_is_of_one_user_in_one_session() {
    let at = Setting::new().await;
    let [here, there] = [at.session(2).await.id, at.session(2).await.id];
    let [bob, carol] = ["bob", "carol"].map(|name| at.samples.user(name).id);
    at.store.put(&at.signal(here, bob, text(1)), at.samples.later(120)).await.unwrap();
    let all = SignalId::first_at(Timestamp::default());
    assert_eq!(at.store.signals(here, bob, all, at.samples.now()).await.unwrap().items, [text(1)]);
    for (session, user) in [(here, carol), (there, bob)] {
        assert_eq!(at.store.signals(session, user, all, at.samples.now()).await.unwrap().items, []);
    }
}

#[tokio::test]
async fn an_expired_signal_is_not_replayed_even_before_it_is_deleted() {
    let at = Setting::new().await;
    let (session, to) = (at.session(2).await.id, at.samples.user("bob").id);
    at.store.put(&at.signal(session, to, text(1)), at.samples.later(120)).await.unwrap();
    let all = SignalId::first_at(Timestamp::default());
    assert_eq!(at.store.signals(session, to, all, at.samples.later(119)).await.unwrap().items, [text(1)]);
    assert_eq!(at.store.signals(session, to, all, at.samples.later(120)).await.unwrap().items, []);
}

#[tokio::test]
async fn one_signal_is_read_by_its_identifier_as_long_as_it_is_kept() {
    let at = Setting::new().await;
    let (session, to) = (at.session(2).await.id, at.samples.user("bob").id);
    let signal = at.signal(session, to, text(1));
    at.store.put(&signal, at.samples.later(120)).await.unwrap();
    let read = |id, now| at.store.signal(session, to, id, now);
    assert_eq!(read(signal.id, at.samples.later(119)).await.unwrap(), Some(text(1)));
    assert_eq!(read(signal.id, at.samples.later(120)).await.unwrap(), None);
    assert_eq!(read(signal.id.successor(), at.samples.now()).await.unwrap(), None);
}

#[tokio::test]
async fn a_signal_that_was_taken_back_is_not_replayed() {
    let at = Setting::new().await;
    let (session, to) = (at.session(2).await.id, at.samples.user("bob").id);
    let signal = at.signal(session, to, text(1));
    at.store.put(&signal, at.samples.later(120)).await.unwrap();
    at.store.take_back(&signal).await.unwrap();
    at.store.take_back(&signal).await.unwrap();
    let all = SignalId::first_at(Timestamp::default());
    assert_eq!(at.store.signals(session, to, all, at.samples.now()).await.unwrap().items, []);
}

#[tokio::test]
async fn frames_of_every_size_come_back_as_they_were() {
    let at = Setting::new().await;
    let (session, to) = (at.session(2).await.id, at.samples.user("bob").id);
    let noise = |bytes: usize| {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'!' + (state >> 33) as u8 % 90)
        };
        (0..bytes).map(|_| next()).collect::<String>()
    };
    let mut frames: Vec<_> = [0, 1, 880, 885, 886, 900, 2000, 31_000].map(|n| Frame(noise(n))).into();
    frames.extend([1000, 5000, 32_000].map(|n| Frame("ü".repeat(n / 2))));
    frames.push(offer_frame(OFFER));
    for frame in &frames {
        at.store.put(&at.signal(session, to, frame.clone()), at.samples.later(120)).await.unwrap();
    }
    let all = SignalId::first_at(Timestamp::default());
    assert_eq!(at.store.signals(session, to, all, at.samples.now()).await.unwrap().items, frames);
}

#[tokio::test]
async fn a_long_inbox_is_read_page_by_page_to_its_end() {
    let at = Setting::new().await;
    let (session, to) = (at.session(2).await.id, at.samples.user("bob").id);
    for n in 0..250 {
        at.store.put(&at.signal(session, to, text(n)), at.samples.later(120)).await.unwrap();
    }
    let (mut found, mut sizes) = (Vec::new(), Vec::new());
    let mut next = Some(SignalId::first_at(Timestamp::default()));
    while let Some(from) = next {
        let page = at.store.signals(session, to, from, at.samples.now()).await.unwrap();
        sizes.push(page.items.len());
        found.extend(page.items);
        next = page.next;
    }
    assert_eq!(found, (0..250).map(text).collect::<Vec<_>>());
    assert_eq!(sizes, [100, 100, 50]);
}

/// What has expired counts for the page that DynamoDB looks at, not for what is found.
#[tokio::test]
async fn a_page_of_nothing_but_expired_signals_does_not_end_the_inbox() {
    let at = Setting::new().await;
    let (session, to) = (at.session(2).await.id, at.samples.user("bob").id);
    for n in 0..150 {
        at.store.put(&at.signal(session, to, text(n)), at.samples.later(1)).await.unwrap();
    }
    at.store.put(&at.signal(session, to, text(150)), at.samples.later(120)).await.unwrap();
    let now = at.samples.later(2);
    let first = at.store.signals(session, to, SignalId::first_at(Timestamp::default()), now).await.unwrap();
    assert_eq!(first.items, []);
    let second = at.store.signals(session, to, first.next.expect("there is more"), now).await.unwrap();
    assert_eq!((second.items, second.next), (vec![text(150)], None));
}
