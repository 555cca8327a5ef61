//! Fakes of the ports, event builders and a fixed clock, for tests only.
