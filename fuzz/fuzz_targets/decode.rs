//! Any bytes are a record or a named error; the decoder never panics.
//! The quick reader of canonical trades and the JSON parser agree, and a record that was read
//! is written so that it is read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use market::tick::{RECORD_LENGTH_MAX, Record, Tick, decode};

fuzz_target!(|bytes: &[u8]| {
    let Ok(record) = decode(bytes) else { return };
    if bytes.len() < RECORD_LENGTH_MAX {
        // White space in front is not canonical, so that only the JSON parser reads it.
        let spaced = [b" ", bytes].concat();
        assert_eq!(decode(&spaced).as_ref(), Ok(&record), "with white space in front");
    }
    // A reference record is written as what it means, a quote of schema 2.
    if !matches!(&record, Record::Tick(Tick::Quote(quote)) if quote.foreign) {
        let written = encoded(&record);
        assert_eq!(decode(&written).as_ref(), Ok(&record), "read from {}", written.escape_ascii());
    }
});

fn encoded(record: &Record<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    record.encode(&mut out);
    out
}
