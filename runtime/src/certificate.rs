//! Whether a server's certificate was the reason that no connection came about.

use std::error::Error;
use std::io;
use std::sync::Arc;

/// Whether an error, or one that caused it, says that the certificate of a server is not to be
/// trusted. Trying again does not help then.
#[must_use]
pub fn is_refused(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(mut error) = next {
        // Redis' errors share theirs.
        if let Some(shared) = error.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
            error = &**shared;
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let inner = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let told = error.downcast_ref::<rustls::Error>().or(inner);
        if let Some(rustls::Error::InvalidCertificate(_)) = told {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;

    use super::*;

    #[test]
    fn certificates_are_found_within_errors_of_input_and_output() {
        let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let inner = io::Error::new(io::ErrorKind::InvalidData, unknown.clone());
        assert!(is_refused(&unknown) && is_refused(&inner));
        let shared: Arc<dyn Error + Send + Sync> = Arc::new(inner);
        assert!(is_refused(&shared));
        let other = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::DecryptError);
        assert!(!is_refused(&other) && !is_refused(&io::Error::other("cut")));
    }
}
