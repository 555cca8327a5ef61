//! The ledger of stays that are over.

use std::time::Duration;

use domain::ports::{Ledger, UsedStay};
use domain::usage::USAGE_KEPT;
use domain::{ProjectId, RoomName, SessionId, Timestamp};

use crate::Setting;

/// The first moment of a day.
const DAWN: Timestamp = Timestamp::from_millis(1_795_305_600_000);
const DAY: Duration = Duration::from_secs(86_400);

fn stay(name: &str, ended: Timestamp) -> UsedStay {
    let (session, room) = (SessionId::first_at(DAWN), RoomName::parse("daily").ok());
    UsedStay { stay: name.to_owned(), session, room, began: DAWN, ended, relayed: None }
}

#[tokio::test]
async fn an_entry_that_is_made_twice_is_one_and_lies_on_the_day_of_its_end() {
    let at = Setting::new().await;
    let (acme, other) = (ProjectId::parse("acme").unwrap(), ProjectId::parse("other").unwrap());
    let [first, second, next_day] = [stay("a", DAWN), stay("b", DAWN + Duration::from_secs(60)), stay("c", DAWN + DAY)];
    for stay in [&second, &first, &next_day, &second] {
        at.store.note_stay(&acme, stay, stay.ended + USAGE_KEPT).await.unwrap();
    }
    at.store.note_stay(&other, &first, first.ended + USAGE_KEPT).await.unwrap();
    let between = async |project: &ProjectId, from: Timestamp, until: Timestamp| {
        at.store.stays(project, (from, until), None, DAWN).await.unwrap().items
    };
    assert_eq!(between(&acme, DAWN, DAWN + DAY).await, [first.clone(), second.clone()]);
    assert_eq!(between(&acme, DAWN, second.ended).await, std::slice::from_ref(&first));
    assert_eq!(between(&acme, DAWN + DAY, DAWN + DAY + DAY).await, [next_day]);
    assert_eq!(between(&other, DAWN, DAWN + DAY).await, std::slice::from_ref(&first));
    let later = at.store.stays(&acme, (DAWN, DAWN + DAY), None, first.ended + USAGE_KEPT).await.unwrap().items;
    assert_eq!(later, [second], "what is no longer kept is not there");
}

#[tokio::test]
async fn a_long_day_comes_page_by_page() {
    let at = Setting::new().await;
    let acme = ProjectId::default();
    let mut wanted = Vec::new();
    for n in 0..7u64 {
        // A stay's name of this length makes a page of a few.
        let stay = stay(&format!("{n}{}", "x".repeat(900)), DAWN + Duration::from_secs(n));
        at.store.note_stay(&acme, &stay, stay.ended + USAGE_KEPT).await.unwrap();
        wanted.push(stay);
    }
    let (mut found, mut last) = (Vec::new(), None);
    loop {
        let page = at.store.stays(&acme, (DAWN, DAWN + DAY), last.as_deref(), DAWN).await.unwrap();
        found.extend(page.items);
        last = page.next;
        if last.is_none() {
            break;
        }
    }
    assert_eq!(found, wanted);
}
