//! Builds the program anew when the site that goes into it was built anew.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_SITE").is_some() {
        println!("cargo::rerun-if-changed=../../sdk-js/dist/console");
    }
}
