//! Configuration, clients, tracing and metrics: what main.rs calls.
