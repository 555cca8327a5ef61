//! The Lambda function behind `GET /api/session/{sessionId}/recordings` and `/api/recordings/{recordingId}`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(recording_files::Deps::new, recording_files::handle)
}
