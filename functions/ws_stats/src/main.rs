//! The Lambda function behind reportStats.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(ws_stats::Deps::new, ws_stats::handle)
}
