//! Accounts, callers and sessions that a test does not care to spell out.

use std::time::Duration;

use domain::quality::{Client, JoinSteps, Measured, Outcome, Report, Summary};
use domain::{
    Attached, Clock, Context, Controls, Email, FamilyId, PasswordHash, Person, Policy, Session, SessionId, SessionKind,
    SessionName, SessionState, Timestamp, User, UserId, Username, Visibility,
};

use crate::{FixedClock, SequentialIds};

/// Makes things of the domain at the time of a fixed clock, each with an identifier of its own.
#[derive(Debug, Default)]
pub struct Samples {
    /// The clock.
    pub clock: FixedClock,
    /// Where identifiers come from.
    pub ids: SequentialIds,
    /// Limits and durations that an operator may set.
    pub policy: Policy,
}

impl Samples {
    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// So long from now.
    pub fn later(&self, seconds: u64) -> Timestamp {
        self.now() + Duration::from_secs(seconds)
    }

    /// What rules are given besides their ports.
    pub fn context(&self) -> Context<'_> {
        Context { policy: &self.policy, ids: &self.ids, now: self.now(), access_until: None }
    }

    /// An account of that name, with the address `<name>@example.org`.
    pub fn user(&self, name: &str) -> User {
        User {
            id: UserId::new(&self.ids, self.now()),
            username: Username::parse(name).expect("a valid name"),
            email: Email::parse(&format!("{name}@example.org")).expect("a valid address"),
            password: PasswordHash(format!("hash of {name}'s password")),
            created_at: self.now(),
            last_login_at: None,
        }
    }

    /// A new account of that name that calls, with a login of its own.
    pub fn caller(&self, name: &str) -> Person {
        self.caller_for(&self.user(name))
    }

    /// That account, calling with a new login.
    pub fn caller_for(&self, user: &User) -> Person {
        let family = FamilyId::new(&self.ids, self.now());
        Person::account(user.id, user.username.clone(), family, self.now() + self.policy.access_token)
    }

    /// What a client says of the present minute, the first of its run, with that score in hundredths.
    pub fn report(&self, run: &str, score: u32) -> Report {
        let minute = Timestamp::from_millis(self.now().millis() / 60_000 * 60_000);
        let score = Some(Measured::of_hundredths(score));
        let summary = Summary {
            started_at: minute,
            minutes: 1,
            score,
            worst_score: score,
            audio_mos: Some(Measured::of_hundredths(420)),
            join_ms: Some(800),
            media_ms: Some(1200),
            outcome: Outcome::Connected,
            failure: None,
            relayed: Some(false),
            reconnects: Some(0),
            ice_restarts: Some(0),
            freezes: Some(0),
            freeze_ms: Some(0),
        };
        let (client, join) = (Client::default(), JoinSteps::default());
        let (events, peers, run) = (Vec::new(), Vec::new(), run.to_owned());
        Report { minute, run, is_final: false, score, summary, client, join, events, peers }
    }

    /// A public session of that creator.
    pub fn session(&self, creator: &Person, seats: u8) -> Session {
        Session {
            id: SessionId::new(&self.ids, self.now()),
            name: SessionName::parse("stand-up").expect("a valid name"),
            kind: SessionKind::VideoCall,
            visibility: Visibility::Public,
            state: SessionState::Active,
            max_participants: seats,
            seats_taken: 0,
            created_at: self.now(),
            touched_at: self.now(),
            project: creator.scope.project.clone(),
            room: None,
            creator_id: creator.user_id,
            creator_username: creator.username.clone(),
            controls: Controls::default(),
            metadata: Attached::Nothing,
        }
    }
}
