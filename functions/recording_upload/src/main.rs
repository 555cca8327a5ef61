//! The Lambda function behind `POST /api/session/recording/...`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(recording_upload::Deps::new, recording_upload::handle)
}
