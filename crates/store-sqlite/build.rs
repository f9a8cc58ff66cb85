//! Has cargo look at the migrations, which lie outside this crate and are embedded in it.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations/sqlite");
}
