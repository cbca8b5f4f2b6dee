//! What the fuzzers call: the very functions that `cargo test --test hostile` calls.

#[path = "../../tests/hostile/targets.rs"]
pub mod targets;
