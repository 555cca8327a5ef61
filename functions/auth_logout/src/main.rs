//! The Lambda function behind `POST /api/auth/logout`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(auth_logout::Deps::new, auth_logout::handle)
}
