//! Scripted agents for the demo, tests and load.
