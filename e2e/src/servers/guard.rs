//! One folder a process for everything that its servers write, and a shell beside it that outlives
//! the process: it ends the servers whose pid files it finds, then removes the folder.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{PermissionsExt, symlink},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// Others (the user that PostgreSQL runs as) may pass through.
const PASSABLE: u32 = 0o755;

struct Guard {
    root: PathBuf,
    /// Its standard input is closed by the end of this process, which is what it waits for.
    _shell: Child,
}

static GUARD: LazyLock<Guard> = LazyLock::new(|| {
    let root = temporary(&std::env::temp_dir());
    for folder in ["pids", "elsewhere"] {
        fs::create_dir(root.join(folder)).expect("our own folder can be written");
    }
    let shell = Command::new("sh")
        .args(["-c", include_str!("guard.sh"), "guard"])
        .arg(&root)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("there is a shell on every machine");
    Guard { root, _shell: shell }
});

/// A folder of one server, removed when dropped, or with the process.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    link: Option<PathBuf>,
}

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        let path = GUARD.root.join(unique(name));
        fs::create_dir(&path).expect("our own folder can be written");
        Self { path, link: None }
    }

    /// A folder outside the process's own, below `parent`.
    pub(super) fn elsewhere(name: &str, parent: &Path) -> Self {
        let link = GUARD.root.join("elsewhere").join(unique(name));
        let path = temporary(parent);
        symlink(&path, &link).expect("our own folder can be written");
        Self { path, link: Some(link) }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left of a server that still writes is removed with the process.
        let _ = fs::remove_dir_all(&self.path);
        if let Some(link) = &self.link {
            let _ = fs::remove_file(link);
        }
    }
}

/// Where the process group of a server and the signal that ends it are noted for the shell.
pub(super) fn pid_file(name: &str) -> PathBuf {
    GUARD.root.join("pids").join(unique(name))
}

fn unique(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn temporary(parent: &Path) -> PathBuf {
    tempfile::Builder::new()
        .prefix("crypto-pipeline-")
        .permissions(Permissions::from_mode(PASSABLE))
        .tempdir_in(parent)
        .unwrap_or_else(|error| panic!("cannot make a folder in \"{}\": {error}", parent.display()))
        .keep()
}
