//! Topic names, keys and the partitioner.

/// The names that a pipeline uses outside Kubernetes, made of its prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicNames {
    /// Ticks and marks, key = symbol.
    pub ticks: String,
    /// Dead letters.
    pub dead_letters: String,
    /// Alerts.
    pub alerts: String,
    /// Where each source goes on, compacted.
    pub ingest_state: String,
}

impl TopicNames {
    /// The names of the pipeline with this prefix.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self {
            ticks: format!("{prefix}-prices"),
            dead_letters: format!("{prefix}-prices.dlq"),
            alerts: format!("{prefix}-alerts"),
            ingest_state: format!("{prefix}-ingest-state"),
        }
    }
}

/// The partition of a key, as librdkafka's `murmur2_random` and the Java client compute it.
///
/// `partitions` must be above zero.
#[must_use]
pub fn partition_of(key: &[u8], partitions: i32) -> i32 {
    (murmur2(key) & i32::MAX) % partitions.max(1)
}

/// MurmurHash2, 32 bits, with the seed of Apache Kafka's Java client.
fn murmur2(data: &[u8]) -> i32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut hash = SEED ^ length;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    let tail = chunks.remainder();
    for (index, byte) in tail.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * index);
    }
    if !tail.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    (hash ^ (hash >> 15)).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that the Java client's own unit tests hold.
    #[test]
    fn murmur2_equals_the_java_client() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()), hash, "{key}");
        }
    }

    #[test]
    fn partition_is_the_positive_hash_modulo_the_count() {
        assert_eq!(partition_of(b"21", 12), (-973_932_308_i32 & i32::MAX) % 12);
        assert!((0..12).contains(&partition_of(b"BTC", 12)));
    }

    #[test]
    fn a_pipeline_named_crypto_has_the_reference_names() {
        let names = TopicNames::new("crypto");
        assert_eq!(names.ticks, "crypto-prices");
        assert_eq!(names.alerts, "crypto-alerts");
    }
}
