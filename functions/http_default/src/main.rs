//! The Lambda function behind `$default of the HTTP API`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(http_default::Deps::new, http_default::handle)
}
