//! The Lambda function behind `POST /api/auth/refresh`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(auth_refresh::Deps::new, auth_refresh::handle)
}
