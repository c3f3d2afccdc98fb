#![expect(
    unsafe_code,
    reason = "librdkafka tells a member's generation through its C interface only"
)]

use std::ptr::NonNull;

use rdkafka::bindings as librdkafka;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};

/// The generation of the group, or the member's epoch in it, in which this member is; `None`
/// before it is in any.
pub(super) fn generation<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Option<i32> {
    // SAFETY: the client lives as long as `consumer`.
    let metadata =
        unsafe { librdkafka::rd_kafka_consumer_group_metadata(consumer.client().native_ptr()) };
    let metadata = NonNull::new(metadata)?.as_ptr();
    // SAFETY: made for us just now, and destroyed once.
    let generation = unsafe {
        let generation = librdkafka::rd_kafka_consumer_group_metadata_generation_id(metadata);
        librdkafka::rd_kafka_consumer_group_metadata_destroy(metadata);
        generation
    };
    Some(generation).filter(|generation| *generation > 0)
}
