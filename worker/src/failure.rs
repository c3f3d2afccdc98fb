//! Why a command fails: one clear sentence on standard error, and an exit code.

use std::error::Error;
use std::process::ExitCode;

use runtime::exit;
use worker::cluster::ClusterError;
use worker::produce::ProducingError;
use worker::publish::redis::PublishError;
use worker::settings::SettingsError;
use worker::store::StoreError;
use worker::topic::AdminError;

/// A command that did not do what it was asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    sentences: Vec<String>,
    code: u8,
}

impl Failure {
    /// Wrong settings: each sentence says what to write instead.
    pub(crate) const fn settings(sentences: Vec<String>) -> Self {
        Self { sentences, code: exit::SETTINGS }
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
        Self { sentences: vec![exit::sentence(error)], code }
    }
}

macro_rules! coded {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::of(&error, error.exit_code())
            }
        })+
    };
}

coded!(ClusterError, ProducingError, PublishError, SettingsError, StoreError, AdminError);

macro_rules! failed {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::of(&error, exit::FAILED)
            }
        })+
    };
}

failed!(
    std::io::Error,
    prometheus::Error,
    runtime::listen::ListenError,
    runtime::telemetry::TelemetryError,
    tokio::task::JoinError,
);
