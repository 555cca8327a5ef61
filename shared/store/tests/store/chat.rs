//! Chat and captions.

use std::time::Duration;

use domain::ports::{ChatHistory, ChatLog, ChatMessage, ClientMessageId, Log, Spoken};
use domain::{MessageId, SessionId, Timestamp, User};
use testkit::Fault;

use crate::Setting;

impl Setting {
    pub fn message(&self, session: SessionId, from: &User, text: &str) -> ChatMessage {
        ChatMessage {
            id: MessageId::new(&self.samples.ids, self.samples.now()),
            session,
            from: from.id,
            username: from.username.clone(),
            identity: None,
            text: text.to_owned(),
            client_id: None,
            spoken: None,
        }
    }

    /// Sends so many messages, a second apart, each kept for 100 s.
    async fn chat(&self, session: SessionId, count: usize) -> Vec<ChatMessage> {
        let alice = self.samples.user("alice");
        let mut sent = Vec::new();
        for n in 0..count {
            let message = self.message(session, &alice, &format!("message {n} \u{1f44b}"));
            self.store.append(&message, self.samples.later(100)).await.unwrap();
            self.samples.clock.advance(Duration::from_secs(1));
            sent.push(message);
        }
        sent
    }
}

#[tokio::test]
async fn messages_are_replayed_from_an_identifier_on_oldest_first() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let sent = at.chat(session, 5).await;
    let since = at.store.messages_since(session, Log::Chat, sent[2].id, at.samples.now()).await.unwrap().items;
    assert_eq!(since, sent[2..]);
    let other = at.session(2).await.id;
    let all = MessageId::first_at(Timestamp::default());
    assert_eq!(at.store.messages_since(other, Log::Chat, all, at.samples.now()).await.unwrap().items, []);
}

#[tokio::test]
async fn one_message_is_read_by_its_identifier() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let sent = at.chat(session, 2).await;
    let found = at.store.message(session, Log::Chat, sent[1].id, at.samples.now()).await.unwrap();
    assert_eq!(found.as_ref(), Some(&sent[1]));
    assert_eq!(at.store.message(session, Log::Chat, sent[1].id.successor(), at.samples.now()).await.unwrap(), None);
}

#[tokio::test]
async fn history_is_paged_newest_first_without_gaps_or_repeats() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let mut sent = at.chat(session, 25).await;
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = at.store.history(session, 10, before, at.samples.now()).await.unwrap();
        let Some(oldest) = page.last() else { break };
        before = Some(oldest.id);
        seen.extend(page);
    }
    sent.reverse();
    assert_eq!(seen, sent);
}

#[tokio::test]
async fn expired_messages_are_neither_replayed_nor_listed_and_do_not_shorten_a_page() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let alice = at.samples.user("alice");
    let brief = at.message(session, &alice, "brief");
    at.store.append(&brief, at.samples.later(10)).await.unwrap();
    let kept = at.chat(session, 3).await;
    let briefer = at.message(session, &alice, "briefer");
    at.store.append(&briefer, at.samples.later(1)).await.unwrap();
    at.samples.clock.advance(Duration::from_secs(20));

    let all = MessageId::first_at(Timestamp::default());
    assert_eq!(at.store.messages_since(session, Log::Chat, all, at.samples.now()).await.unwrap().items, kept);
    let page = at.store.history(session, 3, None, at.samples.now()).await.unwrap();
    assert_eq!(page, kept.into_iter().rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_message_in_its_last_second_is_still_there() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let message = at.message(session, &at.samples.user("alice"), "hello");
    let end = at.samples.now() + Duration::from_millis(10_400);
    at.store.append(&message, end).await.unwrap();
    let at_end = Timestamp::from_millis(end.millis() - 1);
    assert_eq!(at.store.history(session, 3, None, at_end).await.unwrap().len(), 1);
    assert_eq!(at.store.history(session, 3, None, at.samples.later(11)).await.unwrap(), []);
}

/// The message under a client's name for it.
fn named(message: ChatMessage, name: &str) -> ChatMessage {
    ChatMessage { client_id: Some(ClientMessageId::parse(name.to_owned()).unwrap()), ..message }
}

#[tokio::test]
async fn a_message_sent_again_under_the_same_name_is_the_first_one() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let (alice, bob) = (at.samples.user("alice"), at.samples.user("bob"));
    let end = at.samples.later(100);
    let first = named(at.message(session, &alice, "hello"), "1");
    assert_eq!(at.store.append(&first, end).await.unwrap(), first);
    at.samples.clock.advance(Duration::from_secs(3));
    let again = named(at.message(session, &alice, "hello, changed"), "1");
    assert_eq!(at.store.append(&again, end).await.unwrap(), first);

    let others = [named(at.message(session, &bob, "bob's"), "1"), named(at.message(session, &alice, "second"), "2")];
    for other in &others {
        assert_eq!(at.store.append(other, end).await.unwrap(), *other, "another writer's, or another name");
    }
    let elsewhere = named(at.message(at.session(2).await.id, &alice, "there"), "1");
    assert_eq!(at.store.append(&elsewhere, end).await.unwrap(), elsewhere);
    let kept = at.store.history(session, 10, None, at.samples.now()).await.unwrap();
    assert_eq!(kept.len(), 3, "and no name is listed as a message");
}

#[tokio::test]
async fn a_message_whose_first_try_died_after_its_name_keeps_that_names_identifier() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let alice = at.samples.user("alice");
    let first = named(at.message(session, &alice, "hello"), "1");
    at.database.door().fail_from("PutItem", Fault::Refused, 1);
    assert!(at.store.append(&first, at.samples.later(100)).await.is_err());
    at.database.door().heal();
    let again =
        at.store.append(&named(at.message(session, &alice, "hello"), "1"), at.samples.later(100)).await.unwrap();
    assert_eq!(again.id, first.id);
    assert_eq!(at.store.history(session, 10, None, at.samples.now()).await.unwrap(), [again]);
}

#[tokio::test]
async fn a_message_that_is_taken_back_leaves_nothing_and_its_name_free() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let alice = at.samples.user("alice");
    for message in [at.message(session, &alice, "hello"), named(at.message(session, &alice, "hello"), "1")] {
        let kept = at.store.append(&message, at.samples.later(100)).await.unwrap();
        at.store.take_back_message(&kept).await.unwrap();
        assert_eq!(at.store.history(session, 10, None, at.samples.now()).await.unwrap(), []);
    }
    let again = named(at.message(session, &alice, "hello"), "1");
    assert_eq!(at.store.append(&again, at.samples.later(100)).await.unwrap(), again);
}

#[tokio::test]
async fn a_name_can_be_given_again_once_its_message_is_gone() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let alice = at.samples.user("alice");
    let first = named(at.message(session, &alice, "hello"), "1");
    at.store.append(&first, at.samples.later(100)).await.unwrap();
    at.samples.clock.advance(Duration::from_secs(101));
    let second = named(at.message(session, &alice, "hello"), "1");
    assert_eq!(at.store.append(&second, at.samples.later(100)).await.unwrap(), second);
}

/// The message as something that was spoken.
fn spoken(message: ChatMessage) -> ChatMessage {
    let spoken = Spoken { language: "en".to_owned(), began: message.id.timestamp() };
    ChatMessage { spoken: Some(spoken), ..message }
}

#[tokio::test]
async fn captions_are_apart_from_the_chat() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let alice = at.samples.user("alice");
    let (written, said) =
        (named(at.message(session, &alice, "written"), "1"), named(spoken(at.message(session, &alice, "said")), "1"));
    for message in [&written, &said] {
        assert_eq!(at.store.append(message, at.samples.later(100)).await.unwrap(), *message, "of the same name");
    }
    let now = at.samples.now();
    assert_eq!(at.store.history(session, 10, None, now).await.unwrap(), std::slice::from_ref(&written));
    assert_eq!(at.store.transcript(session, 10, None, now).await.unwrap(), std::slice::from_ref(&said));
    let all = MessageId::first_at(Timestamp::default());
    for (log, message) in [(Log::Chat, written), (Log::Captions, said)] {
        assert_eq!(
            at.store.messages_since(session, log, all, now).await.unwrap().items,
            std::slice::from_ref(&message)
        );
        assert_eq!(at.store.message(session, log, message.id, now).await.unwrap(), Some(message.clone()));
        at.store.take_back_message(&message).await.unwrap();
        assert_eq!(at.store.messages_since(session, log, all, now).await.unwrap().items, []);
    }
}

#[tokio::test]
async fn a_transcript_is_paged_oldest_first_without_gaps_or_repeats() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let alice = at.samples.user("alice");
    let mut sent = Vec::new();
    for n in 0..25 {
        let name = n.to_string();
        let said = named(spoken(at.message(session, &alice, "hello")), &name);
        at.store.append(&said, at.samples.later(if n == 7 { 1 } else { 100 })).await.unwrap();
        at.samples.clock.advance(Duration::from_secs(1));
        sent.push(said);
    }
    let expired = sent.remove(7);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = at.store.transcript(session, 10, after, at.samples.now()).await.unwrap();
        let Some(newest) = page.last() else { break };
        after = Some(newest.id);
        seen.extend(page);
    }
    assert_eq!(seen, sent);
    assert!(!seen.contains(&expired));
}
