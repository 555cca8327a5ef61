//! Tokens, tickets, password hashing and TURN credentials.
