//! Runs kernel scenarios on the machine it is started on.

fn main() {}
