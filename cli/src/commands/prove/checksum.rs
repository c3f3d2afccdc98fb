//! A file against the checksum that the exchange publishes beside it.

use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, anyhow};
use sha2::{Digest, Sha256};

use crate::failure::Failure;

/// What is added to a file's name.
pub(super) const EXTENSION: &str = ".CHECKSUM";
/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 1 << 16;

/// Compares a file with the text of its `.CHECKSUM`: the SHA-256 in hex, then the name.
pub(super) fn verify(path: &Path, checksum: &str) -> Result<(), Failure> {
    let shown = path.display();
    let expected = checksum.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    if expected.len() != 64 || !expected.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(anyhow!("the checksum of \"{shown}\" is no SHA-256; download it again").into());
    }
    let found = sha256(path).with_context(|| format!("cannot read \"{shown}\""))?;
    if found == expected {
        return Ok(());
    }
    Err(anyhow!(
        "\"{shown}\" is not the file that was published: its SHA-256 is {found}, and the checksum \
         says {expected}; download it again"
    )
    .into())
}

fn sha256(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = file.read(&mut chunk)?;
        if length == 0 {
            break;
        }
        hash.update(&chunk[..length]);
    }
    let mut hex = String::with_capacity(64);
    for byte in hash.finalize() {
        // Writing to a string never fails.
        let _ = write!(hex, "{byte:02x}");
    }
    Ok(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_with_another_checksum_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.zip");
        std::fs::write(&path, "abc").unwrap();
        let right = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        verify(&path, &format!("{right}  a.zip\n")).unwrap();
        let wrong = verify(&path, &format!("{}  a.zip", right.replace('b', "c"))).unwrap_err();
        assert!(format!("{wrong:?}").contains("is not the file that was published"));
        let empty = verify(&path, "<html>").unwrap_err();
        assert!(format!("{empty:?}").contains("is no SHA-256"));
    }
}
