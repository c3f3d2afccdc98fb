//! Ports: a taken one is a sentence that says which setting to change.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// Why a port could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Not `ip:port`.
    #[error(
        "\"{address}\" is not an address to listen on; use one such as 127.0.0.1:8000 with {flag}"
    )]
    ParseAddress {
        /// What was given.
        address: String,
        /// The setting it came from.
        flag: &'static str,
    },
    /// Another program has it.
    #[error("{address} is in use; stop the other program or choose another with {flag}")]
    AddressInUse {
        /// The address.
        address: SocketAddr,
        /// The setting to change.
        flag: &'static str,
    },
    /// Anything else, such as a port that needs more rights.
    #[error("cannot listen on {address}; choose another with {flag}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The setting to change.
        flag: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Opens `address` (`ip:port`), which came from the setting `flag`.
///
/// # Errors
/// [`ListenError`] names the address and the setting.
pub async fn bind(address: &str, flag: &'static str) -> Result<TcpListener, ListenError> {
    let spoken = if address.starts_with("localhost:") {
        address.replacen("localhost", "127.0.0.1", 1)
    } else {
        address.to_owned()
    };
    let parsed: SocketAddr = spoken
        .parse()
        .map_err(|_| ListenError::ParseAddress { address: address.to_owned(), flag })?;
    TcpListener::bind(parsed).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::AddressInUse { address: parsed, flag },
        _ => ListenError::Bind { address: parsed, flag, source },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn port_in_use_is_a_sentence_that_names_the_setting() {
        let first = bind("127.0.0.1:0", "--listen").await.unwrap();
        let address = first.local_addr().unwrap();
        let error = bind(&address.to_string(), "--listen").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{address} is in use; stop the other program or choose another with --listen")
        );
    }

    #[tokio::test]
    async fn address_without_port_is_refused_with_an_example() {
        let error = bind("8000", "--admin-listen").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"8000\" is not an address to listen on; use one such as 127.0.0.1:8000 with --admin-listen"
        );
    }

    #[tokio::test]
    async fn localhost_is_the_loopback_address() {
        let listener = bind("localhost:0", "--listen").await.unwrap();
        assert!(listener.local_addr().unwrap().ip().is_loopback());
    }
}
