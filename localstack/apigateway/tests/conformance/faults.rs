//! Injected faults: each does what it says, to the connections it is meant for.

use std::time::{Duration, Instant};

use apigateway::{Builder, Chances, DisconnectFate, Faults, Gateway, Peer, PushFate};
use serde_json::json;

use crate::support::{Calls, Client, Running, answering, echo, limits, start, who};

async fn started(builder: Builder) -> (Running, Client, String, Calls) {
    let (disconnect, disconnected) = answering(json!({"statusCode": 200}));
    let running = start(
        builder
            .ws_route("$disconnect", disconnect)
            .ws_route_with_response("who", who())
            .ws_route_with_response("$default", echo()),
    )
    .await;
    let mut client = running.connect().await;
    client.send(r#"{"action":"who"}"#).await;
    let id = client.text().await;
    (running, client, id, disconnected)
}

#[tokio::test]
async fn without_faults_nothing_goes_wrong() {
    let (running, mut client, id, mut disconnected) =
        started(Gateway::builder().faults(Chances::default().build())).await;
    for index in 0..100 {
        assert_eq!(running.push(&id, &index.to_string()).await, 200);
        assert_eq!(client.text().await, index.to_string());
    }
    client.close(None).await;
    disconnected.next().await;
}

#[tokio::test]
async fn a_black_hole_accepts_pushes_and_delivers_nothing_either_way() {
    let (default, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().ws_route("$default", default).ws_route_with_response("who", who())).await;
    let mut client = running.connect().await;
    client.send(r#"{"action":"who"}"#).await;
    let id = client.text().await;
    assert!(running.gateway.black_hole(&id));
    for _ in 0..1000 {
        assert_eq!(running.push(&id, &"x".repeat(10_000)).await, 200);
    }
    client.send("lost").await;
    assert_eq!(running.connections("DELETE", &id, "").await.status(), 204);
    assert!(client.ends_without_close_frame().await, "nothing came, not even a close frame");
    assert!(calls.is_empty());
}

#[tokio::test]
async fn the_loss_of_a_black_hole_is_noticed_by_the_idle_limit_alone() {
    let idle = limits(|limits| limits.idle = Duration::from_secs(1));
    let (running, client, id, mut disconnected) = started(Gateway::builder().limits(idle)).await;
    running.gateway.black_hole(&id);
    drop(client.tcp());
    let event = disconnected.next().await;
    assert_eq!(event["requestContext"]["disconnectStatusCode"], 1001, "idle, not lost");
    assert_eq!(running.push(&id, "x").await, 410);
}

#[tokio::test]
async fn a_connection_can_be_a_black_hole_from_its_start() {
    struct Second(std::sync::atomic::AtomicUsize);
    impl Faults for Second {
        fn is_black_hole(&self, _: &Peer<'_>) -> bool {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 1
        }
    }
    let (running, mut healthy, id, _disconnected) = started(Gateway::builder().faults(Second(0.into()))).await;
    let _dead = running.connect().await;
    let dead = running.gateway.connection_ids().into_iter().find(|other| *other != id).expect("two are open");
    assert_eq!(running.push(&dead, "lost").await, 200);
    healthy.send("fine").await;
    assert_eq!(healthy.text().await, "fine");
}

#[tokio::test]
async fn a_severed_connection_ends_without_a_close_frame() {
    let (running, mut client, id, mut disconnected) = started(Gateway::builder()).await;
    assert!(running.gateway.sever(&id));
    assert!(client.ends_without_close_frame().await);
    assert_eq!(disconnected.next().await["requestContext"]["disconnectStatusCode"], 1006);
    assert!(!running.gateway.sever(&id));
    assert!(!running.gateway.black_hole(&id));
}

#[tokio::test]
async fn a_disconnect_can_be_lost() {
    let lost = Chances { lost_disconnect: 1.0, ..Chances::default() };
    let (running, mut client, id, mut disconnected) = started(Gateway::builder().faults(lost.build())).await;
    client.close(None).await;
    while running.gateway.connection_ids().contains(&id) {
        tokio::task::yield_now().await;
    }
    crate::support::soon(running.shut_down()).await.expect("the gateway stops");
    assert!(disconnected.is_empty());
}

#[tokio::test]
async fn a_disconnect_can_be_late() {
    let lateness = Duration::from_millis(200)..Duration::from_millis(300);
    let late = Chances { late_disconnect: 1.0, lateness, ..Chances::default() };
    let (_running, mut client, _, mut disconnected) = started(Gateway::builder().faults(late.build())).await;
    let closed = Instant::now();
    client.close(None).await;
    disconnected.next().await;
    assert!(closed.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn pushes_can_be_answered_410_or_429_although_the_connection_lives() {
    for (chances, status) in [
        (Chances { gone_push: 1.0, ..Chances::default() }, 410),
        (Chances { throttled_push: 1.0, ..Chances::default() }, 429),
        (Chances { swallowed_push: 1.0, ..Chances::default() }, 200),
    ] {
        let (running, mut client, id, _disconnected) = started(Gateway::builder().faults(chances.build())).await;
        assert_eq!(running.push(&id, "lost").await, status);
        client.send("alive").await;
        assert_eq!(client.text().await, "alive");
    }
}

#[tokio::test]
async fn pushes_can_be_delayed() {
    let push_delay = Duration::from_millis(100)..Duration::from_millis(101);
    let slow = Chances { delayed_push: 1.0, push_delay, ..Chances::default() };
    let (running, mut client, id, _disconnected) = started(Gateway::builder().faults(slow.build())).await;
    let begun = Instant::now();
    assert_eq!(running.push(&id, "late").await, 200);
    assert!(begun.elapsed() >= Duration::from_millis(100));
    assert_eq!(client.text().await, "late");
}

#[tokio::test]
async fn a_push_that_is_under_way_is_410_once_the_connection_was_deleted() {
    struct Slow(tokio::sync::mpsc::UnboundedSender<()>);
    impl Faults for Slow {
        fn push(&self, _: &Peer<'_>) -> PushFate {
            let _ = self.0.send(());
            PushFate::After(Duration::from_secs(1))
        }
    }
    let (asked, mut under_way) = tokio::sync::mpsc::unbounded_channel();
    let (running, mut client, id, _disconnected) = started(Gateway::builder().faults(Slow(asked))).await;
    let delete = async {
        under_way.recv().await.expect("the push is under way");
        running.connections("DELETE", &id, "").await.status()
    };
    let (pushed, deleted) = tokio::join!(running.push(&id, "too late"), delete);
    assert_eq!((pushed, deleted.as_u16()), (410, 204));
    assert_eq!(client.close_code().await, 1000);
}

#[tokio::test]
async fn delayed_messages_are_overtaken_and_none_is_lost() {
    struct FirstLate(std::sync::atomic::AtomicUsize);
    impl Faults for FirstLate {
        fn message_delay(&self, _: &Peer<'_>) -> Duration {
            // The first message is the one that asks for the id.
            match self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                1 => Duration::from_secs(1),
                _ => Duration::ZERO,
            }
        }
    }
    let (_running, mut client, _, _disconnected) = started(Gateway::builder().faults(FirstLate(0.into()))).await;
    client.send("first").await;
    client.send("second").await;
    assert_eq!(client.text().await, "second");
    assert_eq!(client.text().await, "first");
}

#[tokio::test]
async fn faults_can_be_chosen_by_who_is_connected() {
    struct Only(&'static str);
    impl Only {
        fn is_meant(&self, peer: &Peer<'_>) -> bool {
            peer.authorizer.is_some_and(|context| context.contains(self.0))
        }
    }
    impl Faults for Only {
        fn push(&self, peer: &Peer<'_>) -> PushFate {
            if self.is_meant(peer) { PushFate::Gone } else { PushFate::Deliver }
        }
        fn disconnect(&self, peer: &Peer<'_>) -> DisconnectFate {
            if self.is_meant(peer) { DisconnectFate::Lose } else { DisconnectFate::Deliver }
        }
    }
    let (authorizer, _asked) = crate::support::recording(|event| {
        Ok(json!({
            "principalId": "p",
            "policyDocument": {"Statement": [{"Action": "*", "Effect": "Allow", "Resource": "*"}]},
            "context": {"userId": event["queryStringParameters"]["user"]},
        }))
    });
    let running = start(
        Gateway::builder()
            .authorizer("route.request.querystring.user", authorizer)
            .faults(Only(r#""userId":"alice""#))
            .ws_route_with_response("$default", who()),
    )
    .await;
    for (user, status) in [("alice", 410), ("bob", 200)] {
        let mut client = running.connect_to(&format!("/ws?user={user}")).await.expect("the handshake succeeds");
        client.send("who").await;
        let id = client.text().await;
        assert_eq!(running.push(&id, "x").await, status, "{user}");
    }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_faults() {
    let outcomes = async |seed| {
        let chances = Chances { seed, gone_push: 0.3, throttled_push: 0.3, ..Chances::default() };
        let (running, _client, id, _disconnected) = started(Gateway::builder().faults(chances.build())).await;
        let mut statuses = Vec::new();
        for _ in 0..50 {
            statuses.push(running.push(&id, "x").await);
        }
        statuses
    };
    let (one, same, other) = (outcomes(1).await, outcomes(1).await, outcomes(2).await);
    assert_eq!(one, same);
    assert_ne!(one, other);
    assert!([200, 410, 429].iter().all(|status| one.contains(status)), "{one:?}");
}
