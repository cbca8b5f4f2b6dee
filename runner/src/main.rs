//! Runs eBPF probes from YAML.

fn main() {}
