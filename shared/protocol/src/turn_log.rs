//! coturn's log: how much each allocation relayed.
//!
//! With `verbose` coturn writes a line for each allocation now and then and at its end, with what was relayed since the one before:
//! `2026-11-29T14:30:13+0000: session 001000000000000001: usage: realm=<..>, username=<EXPIRY:USER>, rp=4, rb=400, sp=4, sb=376`.
//! `rb` are the bytes from the client, `sb` those to it; `new-log-timestamp` writes the time.

use std::collections::BTreeMap;

use domain::usage::Relayed;
use domain::{Timestamp, UserId};

use serde_json::json;

use crate::{format_time, parse_time};

/// What a log says, in the order in which allocations began.
#[derive(Debug, PartialEq, Eq)]
pub struct TurnLog {
    /// Allocations of TunRTC's users.
    pub relayed: Vec<Relayed>,
    /// How many lines say what was relayed, but neither when nor for which user of TunRTC.
    pub unreadable: usize,
}

/// Reads a log from its beginning on: each line counts what is new since the one before.
pub fn read(log: &str) -> TurnLog {
    let mut allocations = BTreeMap::<(String, UserId), Relayed>::new();
    let mut unreadable = 0;
    for line in log.lines().filter(|line| line.contains(": usage: ") && !line.contains("username=<>")) {
        let Some(Relayed { allocation, user, began, bytes }) = usage(line) else {
            unreadable += 1;
            continue;
        };
        let first = Relayed { allocation: allocation.clone(), user, began, bytes: 0 };
        let sum = allocations.entry((allocation, user)).or_insert(first);
        sum.bytes = sum.bytes.saturating_add(bytes);
    }
    let mut relayed: Vec<_> = allocations.into_values().filter(|relayed| relayed.bytes > 0).collect();
    relayed.sort_by(|one, other| (one.began, &one.allocation).cmp(&(other.began, &other.allocation)));
    TurnLog { relayed, unreadable }
}

/// What the operator's function is sent of them: at most [`MOST_ALLOCATIONS`](crate::keys::MOST_ALLOCATIONS) at once.
pub fn command(relayed: &[Relayed]) -> String {
    let each = relayed.iter().map(|relayed| {
        let Relayed { allocation, user, began, bytes } = relayed;
        json!({ "allocation": allocation, "userId": user.to_string(), "began": format_time(*began), "bytes": bytes })
    });
    json!({ "action": "turnUsage", "allocations": each.collect::<Vec<_>>() }).to_string()
}

/// One line.
fn usage(line: &str) -> Option<Relayed> {
    let (head, said) = line.split_once(": usage: ")?;
    let (time, session) = head.split_once(": ")?;
    let (_, session) = session.rsplit_once("session ")?;
    let (_, rest) = said.split_once("username=<")?;
    let (username, counts) = rest.split_once('>')?;
    let (expiry, user) = username.split_once(':')?;
    let count = |name: &str| {
        let (_, value) = counts.split_once(&format!(" {name}="))?;
        value.split(',').next()?.trim().parse::<u64>().ok()
    };
    let bytes = count("rb")?.checked_add(count("sb")?)?;
    Some(Relayed { allocation: format!("{session}-{expiry}"), user: user.parse().ok()?, began: at(time)?, bytes })
}

/// coturn writes `+0000` where RFC 3339 has `+00:00`.
fn at(time: &str) -> Option<Timestamp> {
    let (rest, minutes) = time.split_at_checked(time.len().checked_sub(2)?)?;
    parse_time(&format!("{rest}:{minutes}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What coturn 4.6.1 wrote, and what it comes to; `infra/turn_usage.py` reads the same.
    const LOG: &str = include_str!("../../../coturn/tests/usage.txt");

    #[test]
    fn each_allocation_is_added_up_once_whatever_else_is_in_the_log() {
        let TurnLog { relayed, unreadable } = read(LOG);
        let told: Vec<_> = relayed.iter().map(|r| (r.allocation.as_str(), r.user.to_string(), r.bytes)).collect();
        let [ann, ben] = ["0190163d-8694-739b-aea5-966c26f8ad91", "ffffffff-ffff-8fff-bfff-ffffffffffff"];
        let expected = [
            ("001000000000000001-1795963211", ann.to_owned(), 1_554_844),
            ("001000000000000002-1795963211", ben.to_owned(), 6_150_000),
        ];
        assert_eq!(told, expected);
        assert_eq!(unreadable, 2, "one without a time, one of somebody else's user");
        let sent = crate::keys::KeyCommand::parse(&command(&relayed));
        assert!(matches!(sent, Ok(crate::keys::KeyCommand::TurnUsage(same)) if same == relayed));
        assert_eq!(relayed[0].began, parse_time("2026-11-29T14:30:13Z").expect("a time"));
    }
}
