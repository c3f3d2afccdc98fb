//! A new migration is embedded by a new build.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
