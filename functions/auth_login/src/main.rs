//! The Lambda function behind `POST /api/auth/login`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(auth_login::Deps::new, auth_login::handle)
}
