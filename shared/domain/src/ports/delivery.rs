//! What reaches clients: sockets, the inbox, the chat, and the delay queue.

use std::time::Duration;

use crate::{
    ConnectionId, Context, Event, Frame, Identity, MessageId, Result, Sender, SessionId, SignalId, Timestamp, UserId,
    Username,
};

/// What came of a push that API Gateway answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It took the frame. The connection may still be dead without anybody knowing.
    Accepted,
    /// There is no such connection any more.
    Gone,
}

/// The sockets behind API Gateway. Implementations retry throttled and failed calls a few times, with jitter.
pub trait Sockets {
    /// Sends one frame.
    fn push(&self, connection: &ConnectionId, frame: &Frame) -> impl Future<Output = Result<Pushed>> + Send;
    /// Closes a connection, so that every later push is answered `Gone`. One that is gone is closed.
    fn close(&self, connection: &ConnectionId) -> impl Future<Output = Result<()>> + Send;
}

/// What waits for a participant.
pub trait Inbox {
    /// Keeps a signal for its target until `keep_until`.
    fn put(&self, signal: &Signal, keep_until: Timestamp) -> impl Future<Output = Result<()>> + Send;
    /// Takes a signal back that had no target.
    fn take_back(&self, signal: &Signal) -> impl Future<Output = Result<()>> + Send;
    /// That signal, unless it has expired; strongly consistent.
    fn signal(
        &self,
        session: SessionId,
        user: UserId,
        id: SignalId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Frame>>> + Send;
    /// The signals from that identifier on that are not expired, oldest first, one page; strongly consistent.
    fn signals(
        &self,
        session: SessionId,
        user: UserId,
        from: SignalId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Page<Frame, SignalId>>> + Send;
}

/// What waits for a participant because it could not be pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// A frame in the inbox.
    Signal(SignalId),
    /// What was said to everybody.
    Message(Log, MessageId),
    /// Everything from that time on.
    Since(Timestamp),
}

/// A part of what a search finds, small enough to be kept in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, I> {
    /// What was found, in order.
    pub items: Vec<T>,
    /// Where the next page begins, if this is not the last one; each search says how.
    pub next: Option<I>,
}

/// A signal on its way.
#[derive(Debug, Clone)]
pub struct Signal {
    /// Its identifier.
    pub id: SignalId,
    /// The session of sender and target.
    pub session: SessionId,
    /// The target.
    pub to: UserId,
    /// The event, encoded.
    pub frame: Frame,
}

/// What keeps what was said to everybody. They are apart, so that a page of the chat never reads what was spoken in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// What was written.
    Chat,
    /// What was spoken, as its speaker's client wrote it down.
    Captions,
}

/// What is known of something that was spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// In which language: a BCP 47 tag.
    pub language: String,
    /// When it began.
    pub began: Timestamp,
}

/// A chat message, or a caption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// Its identifier, which also tells when it was sent.
    pub id: MessageId,
    /// The session.
    pub session: SessionId,
    /// Who wrote it.
    pub from: UserId,
    /// The writer's name.
    pub username: Username,
    /// What the writer's app calls them; an account has none.
    pub identity: Option<Identity>,
    /// The text, 1-4096 characters.
    pub text: String,
    /// What its writer calls it, so that a message sent again is the same message.
    pub client_id: Option<ClientMessageId>,
    /// What is known of it if it was spoken.
    pub spoken: Option<Spoken>,
}

/// A name that a client gives a message: 1-64 characters, unique per writer in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientMessageId(String);

impl ClientMessageId {
    /// Parses; the error says what it must be.
    pub fn parse(text: String) -> std::result::Result<Self, &'static str> {
        (1..=64).contains(&text.chars().count()).then_some(Self(text)).ok_or("must be 1-64 characters")
    }

    /// As the client wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ChatMessage {
    /// A message of this moment.
    pub fn new(
        context: Context<'_>,
        session: SessionId,
        from: Sender,
        text: String,
        client_id: Option<ClientMessageId>,
    ) -> Self {
        let id = MessageId::new(context.ids, context.now);
        let Sender { user_id, username, identity } = from;
        Self { id, session, from: user_id, username, identity, text, client_id, spoken: None }
    }

    /// The same as something that was spoken.
    #[must_use]
    pub fn spoken(self, spoken: Spoken) -> Self {
        Self { spoken: Some(spoken), ..self }
    }

    /// The event that carries it.
    pub fn event(&self) -> Event<'_> {
        match &self.spoken {
            None => Event::ReceiveMessage(self),
            Some(spoken) => Event::ReceiveCaption { said: self, spoken, is_final: true },
        }
    }

    /// What keeps it.
    pub fn log(&self) -> Log {
        if self.spoken.is_some() { Log::Captions } else { Log::Chat }
    }

    /// Where it waits for whoever could not be told.
    pub fn waiting(&self) -> Waiting {
        Waiting::Message(self.log(), self.id)
    }
}

/// The chat of a session, and its captions.
pub trait ChatLog {
    /// Keeps a message until `keep_until`; the message as it is kept. That is an earlier one where its writer has sent one
    /// under the same client's name: of however many tries, whichever died where, there is one message.
    fn append(&self, message: &ChatMessage, keep_until: Timestamp) -> impl Future<Output = Result<ChatMessage>> + Send;
    /// That message, unless it has expired; strongly consistent.
    fn message(
        &self,
        session: SessionId,
        log: Log,
        id: MessageId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<ChatMessage>>> + Send;
    /// Notes that a message is to be told to endpoints; once, however often it is asked.
    fn tell_of(&self, message: &ChatMessage, now: Timestamp) -> impl Future<Output = Result<()>> + Send;
    /// Takes a message back whose writer is gone, and what its client calls it.
    fn take_back_message(&self, message: &ChatMessage) -> impl Future<Output = Result<()>> + Send;
    /// The messages from that identifier on that are not expired, oldest first, one page; strongly consistent.
    fn messages_since(
        &self,
        session: SessionId,
        log: Log,
        from: MessageId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Page<ChatMessage, MessageId>>> + Send;
}

/// Reads what was said page by page.
pub trait ChatHistory {
    /// Up to `limit` messages that are not expired, newest first, older than `before`.
    fn history(
        &self,
        session: SessionId,
        limit: usize,
        before: Option<MessageId>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<ChatMessage>>> + Send;
    /// Up to `limit` captions that are not expired, oldest first, newer than `after`.
    fn transcript(
        &self,
        session: SessionId,
        limit: usize,
        after: Option<MessageId>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<ChatMessage>>> + Send;
}

/// A message to ourselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DelayedMessage {
    /// Look whether that participant's lease ran out.
    CheckLease {
        /// The session.
        session: SessionId,
        /// The participant.
        user: UserId,
    },
    /// Look whether somebody still waits to be admitted.
    CheckWaiting {
        /// The session.
        session: SessionId,
        /// Who.
        user: UserId,
    },
    /// Push again what could not be pushed and waits for a participant.
    Nudge {
        /// The session.
        session: SessionId,
        /// The participant.
        user: UserId,
        /// What waits.
        waiting: Waiting,
    },
    /// Close a connection whose last answer has had time to arrive.
    Close {
        /// The connection.
        connection: ConnectionId,
    },
    /// Take away what logins that are over still hold.
    Evict {
        /// Whose logins.
        user: UserId,
    },
    /// Finish the deletion of an account.
    Erase {
        /// Whose account.
        user: UserId,
    },
}

/// The delay queue.
pub trait Delays {
    /// Delivers `message` after `delay`, rounded up to a second and at most 15 minutes.
    fn after(&self, delay: Duration, message: &DelayedMessage) -> impl Future<Output = Result<()>> + Send;
}
