//! The delay queue: messages to ourselves, some seconds from now.
