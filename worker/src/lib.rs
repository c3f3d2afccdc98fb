//! The data plane: venue → topic → windows → store → watchers.
//!
//! ```text
//! source ──▶ topic ──▶ window ──▶ store ──▶ publish
//! (records,  (bytes,    (pure:     (one        (after the
//!  marks)     offsets)   effects)   commit)     commit)
//! ```

/// Topic to store: wiring.
pub mod aggregate;
/// Windows of an interval that was added later.
pub mod backfill;
/// 3. What a partition must remember of a series, as versioned bytes.
pub mod checkpoint;
/// Workers on real servers: wiring.
pub mod cluster;
/// A whole pipeline on embedded parts, in one process: wiring.
pub mod local;
/// What the data plane counts.
pub mod metrics;
/// Tables made, kept in bounds, dropped: wiring.
pub mod migrate;
/// Source to topic: wiring.
pub mod produce;
/// 5. After the commit.
pub mod publish;
/// Where the servers are.
pub mod settings;
/// 1. Venue to records: in id order, gaps known, marks that vouch.
pub mod source;
/// A spec as series, engine and partitions.
pub mod spec;
/// What `/status` says of a worker.
pub mod status;
/// 4. Effects and checkpoint in one transaction.
pub mod store;
/// 2. Bytes in and out of partitions.
pub mod topic;
/// 3. Records to effects. Pure: no clock, no I/O.
pub mod window;
