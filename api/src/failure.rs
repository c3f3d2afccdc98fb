//! Why nothing is served: one clear sentence on standard error, and an exit code.

use std::process::ExitCode;

use runtime::exit;

/// The end of a process that did not do what it was asked for.
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
    #[expect(clippy::print_stderr, reason = "this is where the process speaks to a person")]
    pub(crate) fn report(&self) -> ExitCode {
        for sentence in &self.sentences {
            eprintln!("error: {sentence}");
        }
        ExitCode::from(self.code)
    }
}

impl From<api::ConnectError> for Failure {
    fn from(error: api::ConnectError) -> Self {
        Self { sentences: vec![exit::sentence(&error)], code: error.exit_code() }
    }
}

impl From<api::StoreError> for Failure {
    fn from(error: api::StoreError) -> Self {
        api::ConnectError::from(error).into()
    }
}

macro_rules! failed {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self { sentences: vec![exit::sentence(&error)], code: exit::FAILED }
            }
        })+
    };
}

failed!(
    std::io::Error,
    prometheus::Error,
    api::ServeError,
    runtime::listen::ListenError,
    runtime::telemetry::TelemetryError,
    tokio::task::JoinError,
);
