use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};

use super::{ProducingOptions, ProducingStatus};
use crate::topic::{Admin, AdminError, Connection, topics_of};

/// How often Kafka is asked whether it is there.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// Whether Kafka answered when it was last asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Broker {
    /// It was not asked yet.
    #[default]
    Unknown,
    /// It did.
    Up,
    /// It did not, and why.
    Down(String),
}

/// Asks until the guard is dropped.
pub(super) fn start(options: &ProducingOptions, status: Arc<Mutex<ProducingStatus>>) -> DropGuard {
    let (connection, stop) = (options.connection.clone(), CancellationToken::new());
    let (topic, stopped) = (topics_of(&options.pipeline).ticks, stop.clone());
    tokio::spawn(async move {
        stopped.run_until_cancelled(ask(&connection, &topic, &status)).await;
    });
    stop.drop_guard()
}

async fn ask(connection: &Connection, topic: &str, status: &Mutex<ProducingStatus>) {
    let mut admin = None;
    loop {
        let answer = answers(connection, topic, &mut admin).await;
        let broker = match answer {
            Ok(()) => Broker::Up,
            Err(error) => Broker::Down(error.to_string()),
        };
        status.lock().unwrap_or_else(PoisonError::into_inner).broker = broker;
        tokio::time::sleep(ASK_EVERY).await;
    }
}

async fn answers(
    connection: &Connection,
    topic: &str,
    admin: &mut Option<Admin>,
) -> Result<(), AdminError> {
    match admin {
        Some(admin) => admin.ping(topic).await,
        None => {
            *admin = Some(Admin::connect(connection).await?);
            Ok(())
        }
    }
}
