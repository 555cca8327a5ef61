//! The Lambda function behind `GET /api/analytics/...`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(analytics::Deps::new, analytics::handle)
}
