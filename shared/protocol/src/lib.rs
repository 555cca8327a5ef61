//! The wire types of REST and signaling, and the documents made from them.
