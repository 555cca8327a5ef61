//! Rate counters.

use std::sync::Arc;
use std::time::Duration;

use domain::ports::{Counted, Throttles};
use domain::{Error, Throttle};

use crate::Setting;

const THREE_A_MINUTE: Throttle = Throttle { limit: 3, window: Duration::from_secs(60) };

fn logins(name: &str) -> Counted {
    Counted::FailedLoginsOfAccount(name.to_owned())
}

fn retry_after(refused: Error) -> u64 {
    match refused {
        Error::RateLimited { retry_after } => retry_after,
        other => panic!("not a limit: {other:?}"),
    }
}

#[tokio::test]
async fn hits_over_the_limit_are_refused_until_the_window_ends() {
    let at = Setting::new().await;
    let what = logins("alice");
    for _ in 0..3 {
        at.store.hit(&what, THREE_A_MINUTE, at.samples.now()).await.unwrap();
    }
    assert_eq!(retry_after(at.store.hit(&what, THREE_A_MINUTE, at.samples.now()).await.unwrap_err()), 60);
    assert_eq!(retry_after(at.store.hit(&what, THREE_A_MINUTE, at.samples.later(59)).await.unwrap_err()), 1);
    at.store.hit(&what, THREE_A_MINUTE, at.samples.later(60)).await.unwrap();
}

#[tokio::test]
async fn the_rest_of_a_window_is_rounded_up_to_a_second() {
    let at = Setting::new().await;
    let what = logins("alice");
    let once = Throttle { limit: 1, window: Duration::from_millis(1500) };
    at.store.hit(&what, once, at.samples.now()).await.unwrap();
    assert_eq!(retry_after(at.store.hit(&what, once, at.samples.now()).await.unwrap_err()), 2);
    let almost = at.samples.now() + Duration::from_millis(1499);
    assert_eq!(retry_after(at.store.hit(&what, once, almost).await.unwrap_err()), 1);
}

#[tokio::test]
async fn a_new_window_counts_from_one() {
    let at = Setting::new().await;
    let what = logins("alice");
    for round in [0, 60, 120] {
        for _ in 0..3 {
            at.store.hit(&what, THREE_A_MINUTE, at.samples.later(round)).await.unwrap();
        }
        assert!(at.store.hit(&what, THREE_A_MINUTE, at.samples.later(round)).await.is_err());
    }
}

#[tokio::test]
async fn a_refund_makes_room_for_one_more_and_never_for_two() {
    let at = Setting::new().await;
    let what = logins("alice");
    at.store.refund(&what, at.samples.now()).await.unwrap();
    for _ in 0..3 {
        at.store.hit(&what, THREE_A_MINUTE, at.samples.now()).await.unwrap();
    }
    at.store.refund(&what, at.samples.now()).await.unwrap();
    at.store.hit(&what, THREE_A_MINUTE, at.samples.now()).await.unwrap();
    assert!(at.store.hit(&what, THREE_A_MINUTE, at.samples.now()).await.is_err());
}

#[tokio::test]
async fn a_refund_after_the_window_takes_nothing_from_the_next() {
    let at = Setting::new().await;
    let what = logins("alice");
    at.store.hit(&what, THREE_A_MINUTE, at.samples.now()).await.unwrap();
    at.store.refund(&what, at.samples.later(60)).await.unwrap();
    for _ in 0..3 {
        at.store.hit(&what, THREE_A_MINUTE, at.samples.later(60)).await.unwrap();
    }
    assert!(at.store.hit(&what, THREE_A_MINUTE, at.samples.later(60)).await.is_err());
}

#[tokio::test]
async fn counters_do_not_share_hits() {
    let at = Setting::new().await;
    let once = Throttle { limit: 1, window: Duration::from_secs(60) };
    let alice = at.samples.user("alice").id;
    for what in [
        logins("same"),
        Counted::FailedLoginsOfAddress("same".to_owned()),
        Counted::RegistrationsOfAddress("same".to_owned()),
        Counted::SessionsOf(alice),
        Counted::TicketsOf(alice),
        Counted::TranscribeLinesOf(alice),
    ] {
        at.store.hit(&what, once, at.samples.now()).await.unwrap();
    }
}

#[tokio::test]
async fn a_limit_of_none_refuses_all() {
    let at = Setting::new().await;
    let none = Throttle { limit: 0, window: Duration::from_secs(60) };
    assert_eq!(retry_after(at.store.hit(&logins("alice"), none, at.samples.now()).await.unwrap_err()), 60);
}

#[tokio::test]
async fn racing_hits_are_all_counted_at_the_start_of_a_window_and_of_the_next() {
    let at = Arc::new(Setting::new().await);
    let ten = Throttle { limit: 10, window: Duration::from_secs(60) };
    for round in [0, 60] {
        let hits: Vec<_> = (0..40)
            .map(|_| {
                let at = Arc::clone(&at);
                tokio::spawn(async move { at.store.hit(&logins("alice"), ten, at.samples.later(round)).await.is_ok() })
            })
            .collect();
        let mut admitted = 0;
        for hit in hits {
            admitted += usize::from(hit.await.unwrap());
        }
        assert_eq!(admitted, 10, "in the window from second {round} on");
    }
}
