//! How a cluster is reached: its brokers, and who we are to them.

use std::fmt;
use std::path::PathBuf;

use market::pipeline::{Kafka, Mechanism};
use rdkafka::config::ClientConfig;

use crate::topic::{ConsumerSettings, ProducerSettings};

/// Environment variable of the user name.
pub const USERNAME_VARIABLE: &str = "KAFKA_SASL_USERNAME";
/// Environment variable of the password.
pub const PASSWORD_VARIABLE: &str = "KAFKA_SASL_PASSWORD";
/// Environment variable of the file, in PEM, with the authority that signed the brokers'
/// certificates.
pub const CA_FILE_VARIABLE: &str = "KAFKA_CA_FILE";

/// Why a spec and its environment do not say how to reach the brokers.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SecurityError {
    /// Who we are is not in the environment.
    #[error("spec.kafka.sasl needs {variable}; set it in the environment")]
    FindCredential {
        /// The variable.
        variable: &'static str,
    },
    /// It holds what no broker takes.
    #[error("{variable} holds a zero byte; set it to the text itself")]
    ReadCredential {
        /// The variable.
        variable: &'static str,
    },
    /// The authority is in a secret that nobody brought.
    #[error("spec.kafka.tls.caSecretRef needs {CA_FILE_VARIABLE}; set it to the path of the file")]
    FindAuthority,
    /// There is no such file.
    #[error(
        "cannot read {CA_FILE_VARIABLE} \"{}\"; set it to a file of certificates in PEM",
        path.display()
    )]
    ReadAuthority {
        /// The file.
        path: PathBuf,
    },
    /// The password would be sent as it is.
    #[error("spec.kafka.sasl.mechanism PLAIN sends the password as it is; add spec.kafka.tls")]
    ShowPassword,
}

/// What the environment says of who we are.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// [`USERNAME_VARIABLE`].
    pub username: Option<String>,
    /// [`PASSWORD_VARIABLE`].
    pub password: Option<String>,
    /// [`CA_FILE_VARIABLE`].
    pub ca_file: Option<PathBuf>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("ca_file", &self.ca_file)
            .finish_non_exhaustive()
    }
}

/// How to reach the brokers. Its `Debug` shows no value of a setting.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// Settings of librdkafka.
    pub extra: Vec<(String, String)>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("brokers", &self.brokers)
            .field("extra", &Names(&self.extra))
            .finish()
    }
}

/// Settings without their values, one of which is a password.
pub(super) struct Names<'a>(pub(super) &'a [(String, String)]);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Connection {
    /// The brokers, reached as the spec says.
    ///
    /// # Errors
    /// [`SecurityError`] names the setting or the variable, never its value.
    pub fn new(
        brokers: impl Into<String>,
        kafka: &Kafka,
        credentials: &Credentials,
    ) -> Result<Self, SecurityError> {
        Ok(Self { brokers: brokers.into(), extra: settings(kafka, credentials)? })
    }

    /// How a consumer reaches a topic.
    #[must_use]
    pub fn consumer(&self, topic: &str, group: &str) -> ConsumerSettings {
        ConsumerSettings {
            brokers: self.brokers.clone(),
            topic: topic.to_owned(),
            group: group.to_owned(),
            extra: self.extra.clone(),
        }
    }

    /// How a producer reaches a topic.
    #[must_use]
    pub fn producer(&self, topic: &str, partitions: i32) -> ProducerSettings {
        ProducerSettings {
            brokers: self.brokers.clone(),
            topic: topic.to_owned(),
            partitions,
            extra: self.extra.clone(),
        }
    }

    /// A configuration of its own, with nothing but how to reach the brokers.
    pub(super) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        for (name, value) in &self.extra {
            config.set(name, value);
        }
        config
    }
}

/// What librdkafka is told so that it encrypts and proves who we are as the spec says.
///
/// # Errors
/// [`SecurityError`].
pub fn settings(
    kafka: &Kafka,
    credentials: &Credentials,
) -> Result<Vec<(String, String)>, SecurityError> {
    let mut settings = Vec::new();
    let mut set = |name: &str, value: &str| settings.push((name.to_owned(), value.to_owned()));
    match (&kafka.tls, &kafka.sasl) {
        (None, None) => return Ok(Vec::new()),
        (Some(_), None) => set("security.protocol", "ssl"),
        (None, Some(_)) => set("security.protocol", "sasl_plaintext"),
        (Some(_), Some(_)) => set("security.protocol", "sasl_ssl"),
    }
    if let Some(sasl) = &kafka.sasl {
        let mechanism = match sasl.mechanism {
            Mechanism::Plain if kafka.tls.is_none() => return Err(SecurityError::ShowPassword),
            Mechanism::Plain => "PLAIN",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::ScramSha512 => "SCRAM-SHA-512",
        };
        set("sasl.mechanism", mechanism);
        set("sasl.username", credential(credentials.username.as_deref(), USERNAME_VARIABLE)?);
        set("sasl.password", credential(credentials.password.as_deref(), PASSWORD_VARIABLE)?);
    }
    if let Some(tls) = &kafka.tls {
        match &credentials.ca_file {
            Some(path) if std::fs::File::open(path).is_err() => {
                return Err(SecurityError::ReadAuthority { path: path.clone() });
            }
            Some(path) => set("ssl.ca.location", &path.display().to_string()),
            None if tls.ca_secret_ref.is_some() => return Err(SecurityError::FindAuthority),
            None => {}
        }
    }
    Ok(settings)
}

fn credential<'a>(
    value: Option<&'a str>,
    variable: &'static str,
) -> Result<&'a str, SecurityError> {
    match value {
        None | Some("") => Err(SecurityError::FindCredential { variable }),
        Some(value) if value.contains('\0') => Err(SecurityError::ReadCredential { variable }),
        Some(value) => Ok(value),
    }
}

#[cfg(test)]
mod tests;
