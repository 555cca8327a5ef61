//! Webhooks on their way: the queues, the signature, and the request that only ever leaves for the public Internet.

mod letter;
mod lines;
mod post;
mod signature;

pub use letter::{NotALetter, decode};
pub use lines::WebhookLines;
pub use post::Poster;
pub use signature::{BadSecret, Secret};
