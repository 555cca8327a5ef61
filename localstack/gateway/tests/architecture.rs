//! The invariants of docs/ARCHITECTURE.md that a test can hold: who depends on whom, and what is written where.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use protocol::routes::{API_KEYS, AUTHORIZER, COMPOSER, EXPIRY, FANOUT, ROUTES, SENDER};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The names of a crate's dependencies, as its manifest lists them.
fn dependencies(krate: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join(krate).join("Cargo.toml")).expect("a manifest");
    let section = manifest.split("\n[dependencies]\n").nth(1).expect("a list of dependencies");
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split(['.', ' ', '=']).next()).filter(|name| !name.is_empty());
    names.filter(|name| !name.starts_with('#')).map(str::to_owned).collect()
}

/// The folders below `functions/` or `shared/`.
fn crates(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

/// Every Rust file below a folder that is not a test, with its text up to its unit tests.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() && !entry.ends_with("tests") && !entry.ends_with("examples") {
            found.extend(sources(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&entry).expect("a readable file");
            let code = text.split("\n#[cfg(test)]").next().unwrap_or_default().to_owned();
            found.push((entry, code));
        }
    }
    found
}

#[test]
fn the_domain_knows_no_aws_no_http_and_no_json() {
    let allowed =
        ["futures-util", "thiserror", "unicode-normalization", "unicode-properties", "unicode-security", "uuid"]
            .map(str::to_owned);
    assert_eq!(dependencies("shared/domain"), BTreeSet::from(allowed));
}

/// The modules of the domain from the bottom up: each may use those above it in this list, and no other.
const DOMAIN: [&[&str]; 12] = [
    &[
        "app",
        "caller",
        "error",
        "event",
        "guest",
        "ids",
        "metric",
        "participant",
        "policy",
        "recording",
        "rights",
        "session",
        "text",
        "time",
        "user",
    ],
    &["context", "happenings"],
    &["measures", "webhooks"],
    &["ports"],
    &["quality", "usage"],
    &["accounts", "admission", "announcing", "delivery", "endpoints", "keys", "links", "quotas", "standing", "telling"],
    &["about", "chat", "leases", "relay", "replay", "waiting"],
    &["captions", "eviction", "nudge", "resume", "sessions"],
    &["analytics", "data"],
    &["moderation", "sweep"],
    &["invites", "recordings"],
    &["composing", "erasure"],
];

/// The modules of the domain that a file of it uses.
fn used_modules(code: &str) -> BTreeSet<&str> {
    let modules = DOMAIN.concat();
    let paths = code.split("crate::").skip(1).flat_map(|rest| {
        let list = rest.strip_prefix('{').and_then(|rest| rest.split('}').next());
        list.map_or_else(|| vec![rest], |list| list.split(',').collect())
    });
    let names = paths.filter_map(|path| path.trim().split(|c: char| c != '_' && !c.is_alphanumeric()).next());
    names.filter(|name| modules.contains(name)).collect()
}

#[test]
fn every_module_of_the_domain_uses_only_what_lies_below_it() {
    let mut seen = BTreeSet::new();
    for (path, code) in sources(&root().join("shared/domain/src")) {
        let within = path.strip_prefix(root().join("shared/domain/src")).expect("below the folder");
        let first = within.components().next().expect("a file").as_os_str().to_string_lossy();
        let module = first.trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let layer = DOMAIN.iter().position(|layer| layer.contains(&module));
        let layer = layer.unwrap_or_else(|| panic!("{module} has no place in the list"));
        seen.insert(module.to_owned());
        for used in used_modules(&code).into_iter().filter(|used| *used != module) {
            let below = layer == 0 || DOMAIN[..layer].concat().contains(&used);
            assert!(below, "{module} uses {used}");
        }
    }
    assert_eq!(seen, DOMAIN.concat().into_iter().map(str::to_owned).collect());
}

#[test]
fn no_function_depends_on_another() {
    let functions = crates("functions");
    for function in &functions {
        let others: Vec<_> =
            dependencies(&format!("functions/{function}")).into_iter().filter(|d| functions.contains(d)).collect();
        assert!(others.is_empty(), "{function} depends on {others:?}");
    }
}

#[test]
fn a_manifest_names_only_the_ports_that_the_code_uses() {
    for function in crates("functions") {
        let code = fs::read_to_string(root().join("functions").join(&function).join("src/lib.rs")).expect("a handler");
        let dependencies = dependencies(&format!("functions/{function}"));
        for (port, uses) in
            [("push", "use push::"), ("delay", "use delay::"), ("store", "use store::"), ("objects", "use objects::")]
        {
            assert_eq!(dependencies.contains(port), code.contains(uses), "{function} and {port}");
        }
    }
}

#[test]
fn every_route_has_its_function_and_every_function_its_route() {
    let others = [API_KEYS, AUTHORIZER, COMPOSER, EXPIRY, FANOUT, SENDER];
    let routed: BTreeSet<_> = ROUTES.iter().map(|route| route.function).chain(others).collect();
    let routed: BTreeSet<_> = routed.into_iter().map(str::to_owned).collect();
    assert_eq!(routed, crates("functions"));
}

#[test]
fn only_the_gateway_knows_status_codes() {
    for folder in ["functions", "shared"] {
        for (path, code) in sources(&root().join(folder)) {
            let at_home = path.components().any(|part| part.as_os_str() == "gateway");
            assert!(at_home || !code.contains("StatusCode::"), "{}", path.display());
        }
    }
}

#[test]
fn only_one_module_formats_table_keys() {
    for (path, code) in sources(&root().join("shared/store")) {
        let at_home = path.ends_with("keys.rs");
        for prefix in ["USER#", "SESSION#", "PARTICIPANT#", "INBOX#", "CHAT#", "FAMILY#", "CONNECTION#", "ACTIVE#"] {
            let written = code.lines().filter(|line| !line.trim_start().starts_with("//")).any(|l| l.contains(prefix));
            assert!(at_home || !written, "{} writes {prefix}", path.display());
        }
    }
}

#[test]
fn only_config_and_runtime_read_the_environment_and_the_clock() {
    for folder in ["functions", "shared"] {
        for (path, code) in sources(&root().join(folder)) {
            let homes = ["config", "runtime", "testkit"];
            let at_home = path.components().any(|part| homes.iter().any(|home| part.as_os_str() == *home));
            for reads in ["SystemTime::now", "Uuid::now_v7", "env::var"] {
                assert!(at_home || !code.contains(reads), "{} calls {reads}", path.display());
            }
        }
    }
}

/// The modules of a crate, by file, with the modules of the same crate that each uses.
fn module_uses(krate: &str) -> BTreeMap<String, BTreeSet<String>> {
    let folder = root().join(krate).join("src");
    let files: BTreeMap<String, String> = sources(&folder)
        .into_iter()
        .map(|(path, code)| {
            let name = path.strip_prefix(&folder).expect("a file below").with_extension("");
            (name.to_string_lossy().replace('/', "::"), code)
        })
        .filter(|(name, _)| name != "lib")
        .collect();
    let names: BTreeSet<&String> = files.keys().collect();
    let uses = |code: &str| paths_of(code).filter_map(|path| module_of(&path, &names)).collect();
    files.iter().map(|(name, code)| (name.clone(), uses(code))).collect()
}

/// The longest beginning of a path that is a module.
fn module_of(path: &str, names: &BTreeSet<&String>) -> Option<String> {
    let parts: Vec<&str> = path.split("::").collect();
    let beginnings = (1..=parts.len()).rev().map(|length| parts[..length].join("::"));
    beginnings.into_iter().find(|beginning| names.contains(beginning))
}

/// Every path that begins with `crate::` in some code, without that beginning; groups in braces are written out.
fn paths_of(code: &str) -> impl Iterator<Item = String> {
    let code = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join(" ");
    let starts: Vec<_> = code.match_indices("crate::").map(|(at, found)| at + found.len()).collect();
    starts.into_iter().flat_map(move |start| written_out(&code[start..]).0)
}

/// The paths at the beginning of a text, and how long the text of them is.
fn written_out(text: &str) -> (Vec<String>, usize) {
    let is_name = |character: char| character.is_alphanumeric() || "_:*".contains(character);
    let plain: String = text.chars().take_while(|character| is_name(*character)).collect();
    if !text[plain.len()..].starts_with('{') {
        return (vec![plain.clone()], plain.len());
    }
    let (mut all, mut at) = (Vec::new(), plain.len() + 1);
    while !text[at..].starts_with('}') {
        if text[at..].starts_with([' ', ',']) {
            at += 1;
            continue;
        }
        let (inner, length) = written_out(&text[at..]);
        assert!(length > 0, "a use that this test does not read: {}", &text[at..text.len().min(at + 80)]);
        all.extend(inner.into_iter().map(|path| plain.clone() + &path));
        at += length;
    }
    (all, at + 1)
}

/// Modules that use each other in a circle, if there are any: what is left when those that use nothing more are taken away.
fn circle(mut uses: BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, BTreeSet<String>> {
    loop {
        let before = uses.len();
        let left: BTreeSet<String> = uses.keys().cloned().collect();
        uses.retain(|name, used| used.iter().any(|other| other != name && left.contains(other)));
        if uses.len() == before {
            return uses;
        }
    }
}

#[test]
fn modules_of_the_local_gateway_use_each_other_in_one_direction() {
    let uses = module_uses("localstack/apigateway");
    assert!(uses["server"].contains("http_api::requests"), "the test reads uses: {uses:?}");
    assert_eq!(circle(uses), BTreeMap::new());
}

#[test]
fn only_what_answers_requests_knows_both_apis_whole() {
    let uses = module_uses("localstack/apigateway");
    let knowing: Vec<_> = uses.iter().filter(|(_, used)| used.contains("api")).map(|(name, _)| name.as_str()).collect();
    let doors = [
        "builder",
        "control::management",
        "control::requests",
        "control::sqs",
        "http_api::requests",
        "server",
        "websocket::handshake",
        "websocket::messages",
        "websocket::socket",
    ];
    assert_eq!(knowing, doors);
}

#[test]
fn a_circle_of_modules_is_found() {
    let uses = |code: &str| paths_of(code).collect::<Vec<_>>();
    assert_eq!(uses("use crate::{a, b::{self, C}};"), ["a", "b::self", "b::C"]);
    let pair = |name: &str, used: &[&str]| (name.to_owned(), used.iter().map(|&other| other.to_owned()).collect());
    let knot = BTreeMap::from([pair("a", &["b"]), pair("b", &["c"]), pair("c", &["a"]), pair("d", &["a"])]);
    assert_eq!(circle(knot).keys().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
}
