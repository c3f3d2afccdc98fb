//! Text that is read line by line, so that no line may be longer than memory allows.

use std::io::{self, Read};

use super::part::Text;

/// The longest stretch of text without a line end.
const LINE_LENGTH_MAX: usize = 64 * 1024;

/// Refuses text without line ends, which would have to be held in memory.
pub(super) struct Lines {
    inner: Text,
    length: usize,
}

impl Lines {
    pub(super) const fn new(inner: Text) -> Self {
        Self { inner, length: 0 }
    }
}

impl Read for Lines {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(bytes)?;
        let read = bytes.get(..length).unwrap_or_default();
        match read.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => self.length = length - end,
            None => self.length += length,
        }
        if self.length > LINE_LENGTH_MAX {
            let message = format!("a line has more than {LINE_LENGTH_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(length)
    }
}
