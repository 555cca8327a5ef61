//! The Lambda function behind `GET /api/auth/me`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(auth_me::Deps::new, auth_me::handle)
}
