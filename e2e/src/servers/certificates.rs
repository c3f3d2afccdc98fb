//! An authority of this test process, and a certificate for this machine, made by `openssl`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::guard::Folder;

const SETTINGS: &str = "\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1,DNS:localhost
";

/// Files in PEM.
pub struct Certificates {
    /// Whom clients have to trust.
    pub authority: PathBuf,
    /// Of `127.0.0.1` and `localhost`.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Both in one file.
    pub key_and_certificate: PathBuf,
    _folder: Folder,
}

impl Certificates {
    pub(super) fn new() -> Self {
        let folder = Folder::new("certificates");
        let file = |name: &str| folder.path.join(name);
        fs::write(file("settings"), SETTINGS).expect("our own folder can be written");
        make(&folder.path, "authority", "-x509");
        make(&folder.path, "server", "-x509 -CA authority.pem -CAkey authority.key");
        let read = |name: &str| fs::read_to_string(file(name)).expect("openssl wrote it");
        fs::write(file("both.pem"), read("server.key") + &read("server.pem"))
            .expect("our own folder can be written");
        Self {
            authority: file("authority.pem"),
            certificate: file("server.pem"),
            key: file("server.key"),
            key_and_certificate: file("both.pem"),
            _folder: folder,
        }
    }
}

fn make(folder: &Path, name: &str, kind: &str) {
    let words = format!(
        "req {kind} -config settings -extensions {name} -subj /CN=e2e-{name} -days 3650 -nodes \
         -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout {name}.key -out {name}.pem"
    );
    let output = Command::new("openssl")
        .args(words.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| {
            panic!("cannot run \"openssl\", which makes certificates: {error}")
        });
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {words}: {}", said.trim());
}
