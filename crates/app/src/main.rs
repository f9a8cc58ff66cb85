//! Mission control for fleets of AI agents.
fn main() {}
