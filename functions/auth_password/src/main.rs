//! The Lambda function behind `POST /api/auth/password`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(auth_password::Deps::new, auth_password::handle)
}
