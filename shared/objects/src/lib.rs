//! The object store: Amazon S3, and presigned addresses that lead browsers straight to it.

mod bucket;
mod file;
#[cfg(test)]
mod tests;
mod urls;

pub use bucket::Bucket;
pub use file::Upload;
pub use urls::{AskedUrls, Urls};
