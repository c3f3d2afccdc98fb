//! Why a command fails: one clear sentence on standard error, and an exit code.

use std::error::Error;
use std::process::ExitCode;

use worker::aggregate::AggregateError;
use worker::cluster::ClusterError;
use worker::publish::redis::PublishError;
use worker::store::StoreError;

/// Something failed that may work later or elsewhere.
const EXIT_FAILED: u8 = 1;
/// The settings are wrong.
const EXIT_SETTINGS: u8 = 2;
/// The data was written by a newer version.
const EXIT_NEWER_DATA: u8 = 3;

/// A command that did not do what it was asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    sentences: Vec<String>,
    code: u8,
}

impl Failure {
    /// Wrong settings: each sentence says what to write instead.
    pub(crate) const fn settings(sentences: Vec<String>) -> Self {
        Self { sentences, code: EXIT_SETTINGS }
    }

    /// Says what is wrong and gives the exit code.
    #[expect(clippy::print_stderr, reason = "this is where a command speaks to a person")]
    pub(crate) fn report(&self) -> ExitCode {
        for sentence in &self.sentences {
            eprintln!("error: {sentence}");
        }
        ExitCode::from(self.code)
    }

    fn of(error: &dyn Error, code: u8) -> Self {
        let (mut sentence, mut cause) = (error.to_string(), error.source());
        while let Some(error) = cause {
            sentence = format!("{sentence}: {error}");
            cause = error.source();
        }
        Self { sentences: vec![sentence], code }
    }
}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        let code = match &error {
            ClusterError::UseStore(error)
            | ClusterError::Aggregate(AggregateError::WriteStore(error)) => error.exit_code(),
            ClusterError::Aggregate(AggregateError::ReadCheckpoint(_)) => EXIT_NEWER_DATA,
            ClusterError::UseRedis(_) => EXIT_SETTINGS,
            ClusterError::UseTopic(_)
            | ClusterError::UseTopics(_)
            | ClusterError::Aggregate(_)
            | ClusterError::LoseThread => EXIT_FAILED,
        };
        Self::of(&error, code)
    }
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        Self::of(&error, EXIT_SETTINGS)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::of(&error, error.exit_code())
    }
}

macro_rules! failed {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::of(&error, EXIT_FAILED)
            }
        })+
    };
}

failed!(
    std::io::Error,
    prometheus::Error,
    worker::produce::ProducingError,
    worker::topic::AdminError,
    runtime::listen::ListenError,
    runtime::telemetry::TelemetryError,
    tokio::task::JoinError,
);
