//! The Lambda function behind `GET /api/usage`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(usage_get::Deps::new, usage_get::handle)
}
