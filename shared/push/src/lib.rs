//! The @connections client.
