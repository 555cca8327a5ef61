//! The invariants of docs/ARCHITECTURE.md that a test can hold: who depends on whom, and what is written where.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use protocol::routes::{AUTHORIZER, EXPIRY, ROUTES};

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
    let allowed = ["futures-util", "thiserror", "uuid"].map(str::to_owned);
    assert_eq!(dependencies("shared/domain"), BTreeSet::from(allowed));
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
        for (port, uses) in [("push", "use push::"), ("delay", "use delay::"), ("store", "use store::")] {
            assert_eq!(dependencies.contains(port), code.contains(uses), "{function} and {port}");
        }
    }
}

#[test]
fn every_route_has_its_function_and_every_function_its_route() {
    let routed: BTreeSet<_> = ROUTES.iter().map(|route| route.function).chain([AUTHORIZER, EXPIRY]).collect();
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
fn only_the_runtime_reads_the_environment_and_the_clock() {
    for folder in ["functions", "shared"] {
        for (path, code) in sources(&root().join(folder)) {
            let at_home = path.components().any(|part| part.as_os_str() == "runtime" || part.as_os_str() == "testkit");
            for reads in ["SystemTime::now", "Uuid::now_v7", "env::var"] {
                assert!(at_home || !code.contains(reads), "{} calls {reads}", path.display());
            }
        }
    }
}
