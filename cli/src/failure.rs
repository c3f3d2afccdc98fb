//! Why a command fails: one clear sentence on standard error, and an exit code.

use std::error::Error;
use std::process::ExitCode;

use market::pipeline::Problem;
use runtime::exit;
use worker::cluster::ClusterError;
use worker::local::LocalError;
use worker::produce::ProducingError;
use worker::publish::redis::PublishError;
use worker::settings::SettingsError;
use worker::store::StoreError;
use worker::topic::AdminError;

/// A command that did not do what it was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The settings are wrong: each sentence says what to write instead.
    Settings(Vec<String>),
    /// Something else, with the exit code that names its kind.
    Failed(anyhow::Error, u8),
}

impl Failure {
    /// Wrong settings, in one sentence.
    pub(crate) fn settings(sentence: impl Into<String>) -> Self {
        Self::Settings(vec![sentence.into()])
    }

    /// What is wrong with a pipeline file.
    pub(crate) fn problems(file: &str, problems: &[Problem]) -> Self {
        Self::Settings(problems.iter().map(|problem| format!("{file}: {problem}")).collect())
    }

    /// Says what is wrong and gives the exit code.
    #[expect(clippy::print_stderr, reason = "this is where a command speaks to a person")]
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::Settings(sentences) => {
                for sentence in sentences {
                    eprintln!("error: {sentence}");
                }
                ExitCode::from(exit::SETTINGS)
            }
            Self::Failed(error, code) => {
                let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
                eprintln!("error: {}", chain.join(": "));
                ExitCode::from(*code)
            }
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let code = error.chain().find_map(code_of).unwrap_or(exit::FAILED);
        Self::Failed(error, code)
    }
}

macro_rules! failed {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                anyhow::Error::from(error).into()
            }
        })+
    };
}

failed!(
    AdminError,
    ClusterError,
    LocalError,
    ProducingError,
    PublishError,
    SettingsError,
    StoreError,
    api::ConnectError,
    api::ServeError,
    api::StoreError,
    runtime::listen::ListenError,
    runtime::telemetry::TelemetryError,
    std::io::Error,
    prometheus::Error,
);

/// The exit code that an error of ours names.
fn code_of(error: &(dyn Error + 'static)) -> Option<u8> {
    macro_rules! named {
        ($($error:ty),+ $(,)?) => {
            $(if let Some(error) = error.downcast_ref::<$error>() {
                return Some(error.exit_code());
            })+
        };
    }
    named!(
        AdminError,
        ClusterError,
        ProducingError,
        PublishError,
        SettingsError,
        StoreError,
        api::ConnectError,
        api::StoreError,
    );
    let local = error.downcast_ref::<LocalError>()?;
    match local {
        LocalError::UseStore(error) => Some(error.exit_code()),
        LocalError::OpenSource(_) => Some(exit::SETTINGS),
        LocalError::ReadCheckpoint(_) => Some(exit::NEWER_DATA),
        LocalError::UseTopic(_)
        | LocalError::RunSource { .. }
        | LocalError::Aggregate(_)
        | LocalError::RegisterMetrics(_)
        | LocalError::LoseThread => Some(exit::FAILED),
    }
}
