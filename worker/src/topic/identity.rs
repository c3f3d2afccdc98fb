#![expect(unsafe_code, reason = "librdkafka tells a topic's id through its C interface only")]

use std::ffi::{CStr, CString};
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::bindings as librdkafka;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;

/// What the brokers say of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDescription {
    /// Kafka's id of it: another topic of the same name has another one.
    pub id: String,
    /// How many partitions it has.
    pub partitions: i32,
    /// Whether each of them has a leader, so that it can be read and written.
    pub led: bool,
}

/// What the brokers say of a topic; `None` when there is none. Blocks, at most for `wait`.
///
/// # Errors
/// What librdkafka says, such as that nobody answered in time.
pub(super) fn describe<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    wait: Duration,
) -> Result<Option<TopicDescription>, KafkaError> {
    let name = CString::new(topic).map_err(KafkaError::Nul)?;
    let wait_ms = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
    let lost = || KafkaError::AdminOp(RDKafkaErrorCode::Fail);
    let handle = client.native_ptr();
    // SAFETY: `client` outlives this call, and with it every handle made here: each is owned by
    // its guard and destroyed once, in the reverse order. The name ends with a zero byte.
    unsafe {
        let queue = librdkafka::rd_kafka_queue_new(handle);
        let queue = Owned::new(queue, librdkafka::rd_kafka_queue_destroy).ok_or_else(lost)?;
        let mut names = [name.as_ptr()];
        let names = librdkafka::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), 1);
        let destroy = librdkafka::rd_kafka_TopicCollection_destroy;
        let names = Owned::new(names, destroy).ok_or_else(lost)?;
        let request = librdkafka::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let options = librdkafka::rd_kafka_AdminOptions_new(handle, request);
        let destroy = librdkafka::rd_kafka_AdminOptions_destroy;
        let options = Owned::new(options, destroy).ok_or_else(lost)?;
        let set = librdkafka::rd_kafka_AdminOptions_set_request_timeout;
        set(options.pointer(), wait_ms, std::ptr::null_mut(), 0);
        let (names, options) = (names.pointer(), options.pointer());
        librdkafka::rd_kafka_DescribeTopics(handle, names, options, queue.pointer());
        // librdkafka answers when its own time is over; it may take a little longer.
        let event = librdkafka::rd_kafka_queue_poll(queue.pointer(), wait_ms.saturating_add(1_000));
        let event = Owned::new(event, librdkafka::rd_kafka_event_destroy)
            .ok_or(KafkaError::AdminOp(RDKafkaErrorCode::OperationTimedOut))?;
        answer(event.pointer())
    }
}

/// # Safety
/// The event must be alive.
unsafe fn answer(
    event: *mut librdkafka::rd_kafka_event_t,
) -> Result<Option<TopicDescription>, KafkaError> {
    // SAFETY: alive by contract; what it holds lives as long, and is copied before it goes. The
    // count says how many descriptions there are, and each has an id.
    unsafe {
        check(librdkafka::rd_kafka_event_error(event))?;
        let result = librdkafka::rd_kafka_event_DescribeTopics_result(event);
        if result.is_null() {
            return Err(KafkaError::AdminOp(RDKafkaErrorCode::Fail));
        }
        let mut count = 0;
        let topics = librdkafka::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if topics.is_null() || count == 0 {
            return Ok(None);
        }
        let topic = *topics;
        match check(librdkafka::rd_kafka_error_code(librdkafka::rd_kafka_TopicDescription_error(
            topic,
        ))) {
            Ok(()) => {}
            Err(KafkaError::AdminOp(
                RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic,
            )) => return Ok(None),
            Err(error) => return Err(error),
        }
        let id = librdkafka::rd_kafka_TopicDescription_topic_id(topic);
        let id = CStr::from_ptr(librdkafka::rd_kafka_Uuid_base64str(id));
        let partitions = librdkafka::rd_kafka_TopicDescription_partitions(topic, &raw mut count);
        let led = (0..count).all(|index| {
            let leader = librdkafka::rd_kafka_TopicPartitionInfo_leader(*partitions.add(index));
            !leader.is_null() && librdkafka::rd_kafka_Node_id(leader) >= 0
        });
        Ok(Some(TopicDescription {
            id: id.to_string_lossy().into_owned(),
            partitions: i32::try_from(count).unwrap_or(i32::MAX),
            led,
        }))
    }
}

fn check(code: RDKafkaRespErr) -> Result<(), KafkaError> {
    match code {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        code => Err(KafkaError::AdminOp(code.into())),
    }
}

/// Something that librdkafka made for us.
struct Owned<T> {
    pointer: NonNull<T>,
    destroy: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    fn new(pointer: *mut T, destroy: unsafe extern "C" fn(*mut T)) -> Option<Self> {
        Some(Self { pointer: NonNull::new(pointer)?, destroy })
    }

    fn pointer(&self) -> *mut T {
        self.pointer.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: made by librdkafka for us, and destroyed once.
        unsafe { (self.destroy)(self.pointer.as_ptr()) }
    }
}
