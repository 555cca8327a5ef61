//! Durable signaling as a checked model: nothing that was acknowledged is lost, whatever happens in whatever order.
//!
//! The model has no protocol of its own. It runs the real functions of this crate (`join_connection`, `relay`,
//! `chat::send`, `sync`, `lose_connection`, `check_lease`, `ping`, `sessions::join`, `sessions::ticket`) over ports in
//! memory. Every call of a port is a scheduling point before and after it takes effect, and a seeded scheduler decides
//! which of the running functions goes on, which frame arrives, what a client does, and what goes wrong:
//!
//! - cheap reads of a participant that are as old as may be;
//! - connections that are dead and still accept pushes, and `$disconnect`s that come late or never;
//! - pushes, closes and calls of the store that fail, and answers of the store that get lost after the effect;
//! - functions that die between any two calls of a port, or run into their time limit; a message of the delay queue that
//!   started one comes again, anything else does not;
//! - answers that never reach the client, which then sends the same `seq` again;
//! - frames of one connection that overtake each other, and hosts whose clocks differ by up to a second;
//! - resumes that overlap, are given up, or are asked for twice over one connection; absences of up to two minutes.
//!
//! Then the faults stop, and the world comes to rest: every client has a connection whose heartbeat is answered, and
//! every outbox is empty. No client resumes or asks for a replay at the end unless the protocol gives it a reason to, so a
//! signal that lies in an inbox with nobody to fetch it counts as lost.
//!
//! What must hold then: every acknowledged signal reached the application of its target once, in its sender's order; every
//! acknowledged chat message reached everybody who took part. A client that was away for longer than the inbox window,
//! or whose seat was freed, may miss what was sent before, but only if it was told (`recovered: false`); and nobody is
//! told so who was not away for long. Everybody was told of every seat that is taken and of the end of every one that is not
//! (somebody may stay away for good), and nothing is noted any more as still to be told.
//!
//! A second trial ([`entrance`]) is about doors: who gets a seat, and who is kept out, while those who steer the session lock it, ban,
//! admit, turn away, and tokens are taken back. Nobody who was kept out for certain gets in; whoever holds a seat, steers, or was
//! let in once comes back; nobody takes more seats than there are; a ban that is over lets in; a seat has the rights of the token that
//! joined with the newest attempt, but for what a host decided.
//!
//! The counter-proofs take one rule away each, beneath the real functions or in the client, and must find violations: a
//! model that finds nothing might be looking nowhere.
//!
//! Why a scheduler of 200 lines and no framework: `stateright` wants the protocol written again as its own state
//! machine, and `proptest-state-machine` runs one transition after the other; neither can stop a real `async fn` between
//! two calls of a port, which is where the races are. A seed names an interleaving for good; a failing one is retold
//! line by line.

mod chance;
mod client;
mod doors;
mod entrance;
mod function;
mod house;
mod rule;
mod trial;
mod world;

use client::Since;
use rule::Broken;
use trial::{Absence, Setup, Verdict};

/// Explores interleavings with every rule in force; any violation is told in full.
fn holds(absence: Absence, since: Since, interleavings: u64) -> Verdict {
    let setup = Setup { absence, since, broken: None };
    let mut total = Verdict::default();
    let mut explored = 0;
    for seed in 0..interleavings {
        let verdict = trial::run(seed, setup);
        assert_eq!(verdict.violations(), 0, "seed {seed}, {setup:?}\n{}", trial::retell(seed, setup));
        total += verdict;
        explored += 1;
    }
    assert_eq!(explored, interleavings);
    total
}

#[test]
fn nothing_acknowledged_is_lost_within_the_window_even_if_clients_take_any_frame_for_the_last_seen() {
    let total = holds(Absence::WithinWindow, Since::LastSeen, 8_000);
    println!("8000 interleavings, {} signals, {} drops: 0 lost", total.acknowledged, total.drops);
    assert!(total.acknowledged > 80_000 && total.drops > 30_000, "{total:?}");
}

#[test]
fn nothing_acknowledged_is_lost_within_the_window() {
    let total = holds(Absence::WithinWindow, Since::Complete, 4_000);
    println!("4000 interleavings, {} signals, {} drops: 0 lost", total.acknowledged, total.drops);
    assert!(total.acknowledged > 40_000 && total.drops > 15_000, "{total:?}");
}

#[test]
fn whoever_was_away_for_too_long_is_told() {
    let total = holds(Absence::AnyLength, Since::Complete, 8_000);
    println!("8000 interleavings, {} signals, {} drops, {} told", total.acknowledged, total.drops, total.told);
    assert!(total.acknowledged > 80_000 && total.told > 5_000, "{total:?}");
}

/// So many interleavings must go wrong without a rule.
const ENOUGH: usize = 5;

/// Explores with one rule taken away until enough interleavings went wrong; how many it took, and what went wrong.
fn finds(broken: Broken, absence: Absence, since: Since, wrong: impl Fn(&Verdict) -> usize) -> (u64, Verdict) {
    const LIMIT: u64 = 6_000;
    let setup = Setup { absence, since, broken: Some(broken) };
    let (mut total, mut found) = (Verdict::default(), 0);
    for seed in 0..LIMIT {
        let verdict = trial::run(seed, setup);
        found += usize::from(wrong(&verdict) > 0);
        total += verdict;
        if found == ENOUGH {
            return (seed + 1, total);
        }
    }
    panic!("{broken:?} was taken away, and only {found} of {LIMIT} interleavings went wrong: {total:?}");
}

fn lost(verdict: &Verdict) -> usize {
    verdict.lost + verdict.chat_lost
}

/// Each name is a rule that is taken away, and what must be seen to go wrong then.
macro_rules! counter_proofs {
    ($($name:ident: $broken:ident, $absence:ident, $since:ident, $wrong:expr;)*) => {$(
        #[test]
        fn $name() {
            let (explored, total) = finds(Broken::$broken, Absence::$absence, Since::$since, $wrong);
            println!("{:?}: {ENOUGH} of {explored} interleavings went wrong, {total:?}", Broken::$broken);
            assert!(total.violations() >= ENOUGH, "{total:?}");
        }
    )*};
}

counter_proofs! {
    pushing_before_writing_loses: PushBeforeWrite, WithinWindow, Complete, lost;
    judging_a_target_by_an_old_read_loses: OldReadDecides, WithinWindow, Complete, lost;
    an_older_attempt_takes_over_where_attempts_have_no_order: AnyAttemptWins, WithinWindow, Complete, |v| v.usurped;
    fencing_the_last_connection_alone_loses: LastIsFencedAlone, AnyLength, Complete, lost;
    not_fencing_loses: NoFence, WithinWindow, Complete, lost;
    reading_before_the_fence_loses: ReadBeforeFence, WithinWindow, Complete, lost;
    an_old_read_of_the_inbox_loses: OldInboxRead, WithinWindow, Complete, lost;
    counting_as_fenced_before_the_fence_loses: UnfencedTooEarly, AnyLength, Complete, lost;
    taking_a_410_for_the_end_loses: GoneIsTheEnd, WithinWindow, Complete, lost;
    leaving_a_connection_that_cannot_be_pushed_to_loses: FailedPushIsForgotten, WithinWindow, Complete, lost;
    a_cursor_on_the_server_loses: ServerCursor, WithinWindow, Complete, lost;
    replaying_from_the_last_frame_alone_loses: OnlyFromSince, WithinWindow, LastSeen, lost;
    a_client_that_takes_repetitions_gets_signals_twice: RepetitionsAreTaken, WithinWindow, Complete, |v| v.repeated;
    a_client_that_trusts_arrival_gets_signals_out_of_order: ArrivalIsTheOrder, WithinWindow, Complete, |v| v.disordered;
    a_client_that_ignores_its_heartbeat_loses: HeartbeatIsIgnored, AnyLength, Complete, lost;
    not_noting_what_others_must_be_told_leaves_it_untold: NothingIsNoted, AnyLength, Complete, |v| v.untold;
    forgetting_who_left_lets_an_old_attempt_take_over: LeftIsForgotten, AnyLength, Complete, |v| v.usurped;
    taking_out_who_left_before_keeping_it_lets_an_old_attempt_take_over: TakenOutFirst, AnyLength, Complete, |v| v.usurped;
    leaving_what_could_not_be_pushed_without_a_nudge_loses: NobodyIsNudged, WithinWindow, Complete, lost;
}

#[test]
fn a_seed_names_one_interleaving() {
    let setup = Setup { absence: Absence::AnyLength, since: Since::Complete, broken: None };
    assert_eq!(trial::retell(7, setup), trial::retell(7, setup));
    assert_ne!(trial::retell(7, setup), trial::retell(10, setup));
}

/// 200 people at 60 seats and 50 places to wait; and eight at four, whose functions meet more often.
const CROWD: entrance::Setup = entrance::Setup { people: 200, seats: 60, storm: 25_000, broken: None };
const FEW: entrance::Setup = entrance::Setup { people: 8, seats: 4, storm: 3_000, broken: None };

/// Explores with every rule in force; any violation is told in full.
fn nobody_is_wronged(setup: entrance::Setup, interleavings: u64) -> entrance::Verdict {
    let mut total = entrance::Verdict::default();
    for seed in 0..interleavings {
        let verdict = entrance::run(seed, setup);
        assert_eq!(verdict.violations(), 0, "seed {seed}, {verdict:?}\n{}", entrance::retell(seed, setup));
        total += verdict;
    }
    total
}

#[test]
fn two_hundred_who_race_for_seats_get_in_only_if_they_may_whatever_is_switched_under_them() {
    let total = nobody_is_wronged(CROWD, 12);
    println!("12 interleavings, {total:?}");
    assert!(total.entries > 1_000 && total.turned_away > 2_000 && total.orders > 50, "{total:?}");
}

#[test]
fn whoever_may_come_in_is_not_kept_out_whatever_is_switched_under_them() {
    let total = nobody_is_wronged(FEW, 1_000);
    println!("1000 interleavings, {total:?}");
    assert!(total.entries > 8_000 && total.turned_away > 30_000 && total.orders > 10_000, "{total:?}");
}

/// Each name is a rule about doors that is taken away, and who is wronged then.
macro_rules! open_doors {
    ($($name:ident: $broken:ident, $wrong:ident;)*) => {$(
        #[test]
        fn $name() {
            const LIMIT: u64 = 3_000;
            let setup = entrance::Setup { broken: Some(Broken::$broken), ..FEW };
            let wrong = (0..LIMIT).filter(|seed| entrance::run(*seed, setup).$wrong > 0).take(ENOUGH);
            let found: Vec<_> = wrong.collect();
            assert_eq!(found.len(), ENOUGH, "{:?} was taken away, and only {found:?} went wrong", Broken::$broken);
            println!("{:?}: {ENOUGH} of {} interleavings went wrong", Broken::$broken, found[ENOUGH - 1] + 1);
        }
    )*};
}

open_doors! {
    asking_for_a_ban_before_the_seat_lets_the_banned_in: BanIsNoCondition, banned_in;
    asking_for_a_lock_before_the_seat_lets_people_in_behind_it: LockIsNoCondition, locked_in;
    asking_for_the_waiting_room_before_the_seat_lets_people_past_it: WaitingRoomIsNoCondition, unadmitted_in;
    counting_seats_before_the_seat_gives_too_many: SeatsAreNoCondition, too_many;
    a_ban_without_an_end_keeps_people_out: BansNeverEnd, still_banned;
    a_lock_for_everybody_keeps_hosts_out: HostsAreLockedOut, kept_out;
    forgetting_who_was_let_in_has_them_wait_again: AdmissionIsForgotten, kept_out;
    not_holding_up_who_is_removed_lets_them_past_the_waiting_room: NobodyIsHeldUp, unadmitted_in;
    looking_for_a_seat_before_the_ban_lets_the_banned_in: SeatsAreLookedForFirst, banned_in;
    not_asking_for_the_token_again_keeps_seats_of_tokens_taken_back: TokensAreAskedForOnce, revoked_in;
    rights_that_stay_are_those_of_an_older_token: RightsStay, of_another_token;
    rights_that_follow_their_attempt_are_those_of_the_slower_join: RightsFollowLater, of_another_token;
    forgetting_what_was_decided_gives_back_what_was_withdrawn: DecisionsAreForgotten, given_back;
}
