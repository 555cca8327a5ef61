//! Lists in pages.

use serde_json::{Value, json};
use testclient::{Account, Reply};

use crate::assert_bad_fields;
use crate::support::Target;

/// Follows the links from a page on; the items of every page.
async fn pages(target: &Target, person: &Account, first: &str) -> Vec<Vec<Value>> {
    let (mut pages, mut next) = (Vec::new(), Some(first.to_owned()));
    while let Some(path) = next {
        let page: Reply = target.api.get(&path, Some(&person.token)).await;
        assert_eq!(page.status, 200, "{}", page.body);
        next = next_link(&page);
        pages.push(page.body.as_array().expect("a list").clone());
    }
    pages
}

/// The address of the next page (RFC 8288).
fn next_link(page: &Reply) -> Option<String> {
    let link = page.header("link");
    let address = link.strip_prefix('<').and_then(|rest| rest.strip_suffix(r#">; rel="next""#));
    assert_eq!(link.is_empty(), address.is_none(), "{link}");
    address.map(str::to_owned)
}

fn texts(pages: &[Vec<Value>], key: &str) -> Vec<String> {
    pages.iter().flatten().map(|item| item[key].as_str().expect("a text").to_owned()).collect()
}

#[tokio::test]
async fn active_sessions_come_in_pages_newest_first_and_each_once() {
    let target = Target::local().await;
    let alice = target.person("alice").await;
    let mut created = Vec::new();
    for _ in 0..7 {
        created.push(target.api.create_session(&alice, 2).await);
    }
    let unlisted = json!({ "name": "Secret", "visibility": "unlisted" });
    assert_eq!(target.api.post("/api/session/create", Some(&alice.token), unlisted).await.status, 201);
    created.reverse();

    let paged = pages(&target, &alice, "/api/session/active?limit=3").await;
    assert_eq!(paged.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
    assert_eq!(texts(&paged, "sessionId"), created);
    assert_eq!(texts(&pages(&target, &alice, "/api/session/active").await, "sessionId"), created);
}

#[tokio::test]
async fn the_chat_comes_in_pages_newest_first_and_each_message_once() {
    let target = Target::local().await;
    let pair = target.pair().await;
    let mut sent = Vec::new();
    for n in 0..5 {
        let ack = pair.at_bob.ack("sendMessage", json!({ "message": format!("message {n}") })).await;
        sent.push(ack["messageId"].as_str().expect("an id").to_owned());
    }
    assert!(sent.is_sorted(), "they sort by time: {sent:?}");
    sent.reverse();

    let paged = pages(&target, &pair.alice, &format!("/api/session/{}/messages?limit=2", pair.session)).await;
    assert_eq!(texts(&paged, "messageId"), sent);
    let newest = &paged[0][0];
    crate::support::assert_time(&newest["timestamp"]);
    let expected = json!({
        "messageId": sent[0],
        "fromUserId": pair.bob.id,
        "fromUsername": pair.bob.username,
        "message": "message 4",
        "timestamp": newest["timestamp"],
    });
    assert_eq!(newest, &expected);
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused() {
    let target = Target::local().await;
    let pair = target.pair().await;
    for list in ["/api/session/active".to_owned(), format!("/api/session/{}/messages", pair.session)] {
        for (query, fields) in [
            ("limit=0", &["limit"][..]),
            ("limit=101", &["limit"]),
            ("limit=", &["limit"]),
            ("limit=ten", &["limit"]),
            ("limit=-1", &["limit"]),
            ("cursor=", &["cursor"]),
            ("cursor=01a1ed5c-8600-7000-8000-000000000001", &["cursor"]),
            ("limit=1.5&cursor=%00", &["limit", "cursor"]),
        ] {
            let refused = target.api.get(&format!("{list}?{query}"), Some(&pair.alice.token)).await;
            assert_bad_fields(&refused, fields);
        }
        for query in ["limit=1", "limit=100"] {
            assert_eq!(target.api.get(&format!("{list}?{query}"), Some(&pair.alice.token)).await.status, 200);
        }
    }
}
