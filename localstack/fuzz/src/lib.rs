//! Fuzz targets: for each kind of input that comes from outside, what must hold whatever it is.
//!
//! A target takes bytes and panics where something does not hold. `tests/targets.rs` tries them on every commit with
//! seeds, spoilt seeds and random bytes; `libfuzzer/` gives the same functions to cargo-fuzz.

mod frames;
mod recordings;
mod requests;
mod tokens;

/// A target: its name, which is also the folder of its seeds, and what it tries.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("frame", frames::frame),
    ("event", frames::event),
    ("hub", frames::hub),
    ("delayed", frames::delayed),
    ("body", requests::body),
    ("page", requests::page),
    ("text", requests::text),
    ("id", requests::id),
    ("time", requests::time),
    ("token", tokens::token),
    ("ticket", tokens::ticket),
    ("refresh", tokens::refresh),
    ("recording", recordings::recording),
];

/// Runs one target by its name.
///
/// # Panics
/// Where something does not hold, or where there is no such target.
pub fn run(name: &str, input: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of that name");
    target(input);
}

/// The input as text. API Gateway passes on text alone, so other bytes never reach a parser.
fn text(input: &[u8]) -> &str {
    let valid = std::str::from_utf8(input).map_or_else(|error| error.valid_up_to(), |text| text.len());
    std::str::from_utf8(&input[..valid]).expect("valid up to there")
}
