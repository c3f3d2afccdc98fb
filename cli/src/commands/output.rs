//! Standard output. Whoever reads it may stop early (`| head`): then the rest is dropped, and
//! the command ends as one that did its work.

use std::io::{self, BufWriter, Stdout, Write};

/// Standard output, buffered.
pub(crate) struct Output {
    inner: BufWriter<Stdout>,
    closed: bool,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self { inner: BufWriter::new(io::stdout()), closed: false }
    }

    /// Whether nobody reads any more: a command that goes on for long looks here.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    fn unless_closed<T>(&mut self, result: io::Result<T>, otherwise: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(otherwise)
            }
            other => other,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(bytes.len());
        }
        let written = self.inner.write(bytes);
        self.unless_closed(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let flushed = self.inner.flush();
        self.unless_closed(flushed, ())
    }
}

/// A line for people that is no part of the answer.
#[expect(clippy::print_stderr, reason = "this is where a command speaks to a person")]
pub(crate) fn note(line: &str) {
    eprintln!("{line}");
}
