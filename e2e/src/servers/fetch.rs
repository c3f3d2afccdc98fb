//! Asks `scripts/servers`, which finds a thing or fetches it, where it is.

use std::{path::Path, process::Command};

/// The paths that `scripts/servers fetch NAME` prints, in the order of `keys`.
///
/// # Panics
/// With what the script says, when the machine has no such server and none can be fetched.
pub(super) fn paths<const N: usize>(name: &str, keys: [&str; N]) -> [String; N] {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/servers");
    let output = Command::new(&script)
        .args(["fetch", name])
        .output()
        .unwrap_or_else(|error| panic!("cannot run \"{}\": {error}", script.display()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "no {name} to test with: {}", said.trim());
    let printed = String::from_utf8_lossy(&output.stdout);
    keys.map(|key| {
        let value = printed.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        value
            .unwrap_or_else(|| panic!("scripts/servers fetch {name} printed no \"{key}\""))
            .to_owned()
    })
}
