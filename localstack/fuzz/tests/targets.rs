//! Every fuzz target on its seeds, on spoilt seeds and on random bytes. `PROPTEST_CASES=100000` tries more of them.

use std::fs;
use std::path::PathBuf;

use fuzz::TARGETS;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

/// Inputs for each target; a second in all.
const LEAST_CASES: u32 = 2048;

/// What was found or made before: one input a file.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.expect("a readable folder").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a readable file")).collect()
}

/// How a seed is spoilt.
#[derive(Debug, Clone)]
enum Spoil {
    Cut(Index),
    Change(Index, u8),
    Insert(Index, Vec<u8>),
    Repeat(Index, Index),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    prop_oneof![
        any::<Index>().prop_map(Spoil::Cut),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Spoil::Change(at, byte)),
        (any::<Index>(), "\\PC{0,8}").prop_map(|(at, text)| Spoil::Insert(at, text.into_bytes())),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Spoil::Repeat(from, to)),
    ]
}

fn spoilt(mut seed: Vec<u8>, how: &Spoil) -> Vec<u8> {
    let place = |at: &Index, length: usize| at.index(length + 1);
    match how {
        Spoil::Cut(at) => seed.truncate(place(at, seed.len())),
        Spoil::Change(at, byte) => {
            let at = place(at, seed.len());
            seed.splice(at..(at + 1).min(seed.len()), [*byte]);
        }
        Spoil::Insert(at, bytes) => {
            let at = place(at, seed.len());
            seed.splice(at..at, bytes.iter().copied());
        }
        Spoil::Repeat(from, to) => {
            let (from, to) = (place(from, seed.len()), place(to, seed.len()));
            let part = seed[from.min(to)..from.max(to)].to_vec();
            seed.extend(part);
        }
    }
    seed
}

/// Random bytes and texts, and seeds that were spoilt up to four times.
fn input(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let spoilt_seed = (prop::sample::select(seeds), prop::collection::vec(spoil(), 0..4))
        .prop_map(|(seed, how)| how.iter().fold(seed, spoilt));
    prop_oneof![
        3 => spoilt_seed,
        1 => any::<String>().prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..256),
    ]
}

#[test]
fn what_a_target_says_holds_for_every_seed() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seed");
        seeds.iter().for_each(|seed| target(seed));
    }
}

#[test]
fn what_a_target_says_holds_for_spoilt_seeds_and_random_bytes() {
    for (name, target) in TARGETS {
        let cases = Config::default().cases.max(LEAST_CASES);
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let tried = TestRunner::new(config).run(&input(seeds(name)), |input| {
            target(&input);
            Ok(())
        });
        if let Err(failure) = tried {
            panic!("{name}: {failure}");
        }
    }
}

#[test]
fn libfuzzer_has_every_target() {
    let manifest = include_str!("../libfuzzer/Cargo.toml");
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
}
