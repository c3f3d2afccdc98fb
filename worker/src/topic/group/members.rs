use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use rdkafka::bindings::rd_kafka_resp_err_t;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::{ClientContext, TopicPartitionList};
use serde::Deserialize;

use super::Membership;

/// How a member stands with its group, as librdkafka says once a second.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct GroupState {
    /// How it is with the coordinator: `up`, or what is done to reach it.
    pub state: String,
    /// How it is with joining: `steady`, or what is under way.
    pub join_state: String,
    /// How often the group was shared out anew.
    pub rebalance_cnt: u64,
    /// Whether it has joined and knows what it is given, which may be nothing.
    #[serde(skip)]
    pub settled: bool,
}

/// The part of librdkafka's statistics that is read.
#[derive(Deserialize)]
struct Statistics {
    cgrp: Option<GroupState>,
}

/// Keeps what the group says until the owner asks.
#[derive(Default)]
pub(super) struct Members {
    events: Mutex<VecDeque<Membership>>,
    pub(super) state: Mutex<GroupState>,
    /// From here on the consumer only closes.
    pub(super) leaving: AtomicBool,
    /// Why nothing more is read, for good.
    pub(super) fatal: OnceLock<KafkaError>,
}

impl Members {
    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Membership>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Members {
    fn stats_raw(&self, statistics: &[u8]) {
        match serde_json::from_slice(statistics) {
            Ok(Statistics { cgrp: Some(state) }) => {
                *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
            }
            Ok(Statistics { cgrp: None }) => {}
            Err(error) => tracing::debug!(error = %error, "statistics cannot be read"),
        }
    }
}

impl ConsumerContext for Members {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: rd_kafka_resp_err_t,
        list: &mut TopicPartitionList,
    ) {
        let partitions = list.elements().iter().map(|element| element.partition()).collect();
        let leaving = self.leaving.load(Ordering::Relaxed);
        if event == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && leaving {
            let _ = consumer.incremental_assign(&TopicPartitionList::new());
        } else if event == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.lock().push_back(Membership::Assigned(partitions));
        } else if leaving {
            let _ = consumer.incremental_unassign(list);
        } else if consumer.assignment_lost() {
            self.lock().push_back(Membership::Lost(partitions));
        } else {
            self.lock().push_back(Membership::Revoked(partitions));
        }
    }
}
