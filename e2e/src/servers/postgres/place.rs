//! Where PostgreSQL's programs run: here, or in a tree by chroot; never as root.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
    process::Command,
};

use rustix::process::{getgid, getuid};

use super::{
    super::{certificates, certificates::Certificates, fetch, guard::Folder},
    PostgresKind,
};

/// PostgreSQL takes no key that others may read.
const PRIVATE: u32 = 0o600;
/// The user that Debian's packages make for the server, which refuses to run as root.
const USER: &str = "postgres";
/// Where Debian puts PostgreSQL 17.
const TIMESCALE_FOLDER: &str = "/usr/lib/postgresql/17/bin";

/// How to run PostgreSQL's programs so that they see their files, and not as root.
pub(super) struct Place {
    /// Goes before a program.
    runner: Vec<String>,
    bin: String,
    /// The data's folder as we see it, and as the programs do.
    pub(super) folder: Folder,
    pub(super) seen: String,
    /// Who runs the programs, when it is not us.
    owner: Option<(u32, u32)>,
}

impl Place {
    pub(super) fn new(kind: PostgresKind, bin: &str) -> Self {
        match kind {
            PostgresKind::Plain => Self::here(bin),
            PostgresKind::Timescale => Self::in_tree(),
        }
    }

    fn here(bin: &str) -> Self {
        let folder = Folder::new("postgres");
        let owner = give(&folder.path, Path::new("/"));
        let mut runner = Vec::new();
        if owner.is_some() {
            let words = format!("setpriv --reuid={USER} --regid={USER} --init-groups --");
            runner.extend(words.split(' ').map(str::to_owned));
        }
        let seen = folder.path.display().to_string();
        Self { runner, bin: bin.to_owned(), folder, seen, owner }
    }

    fn in_tree() -> Self {
        let [tree] = fetch::paths("timescale", ["timescale"]);
        let folder = Folder::elsewhere("timescale", &Path::new(&tree).join("tmp"));
        let owner = give(&folder.path, Path::new(&tree));
        let words = if owner.is_some() {
            format!("chroot --userspec={USER}:{USER} {tree}")
        } else {
            format!("sudo -n chroot --userspec={}:{} {tree}", getuid(), getgid())
        };
        let runner = words.split(' ').map(str::to_owned).collect();
        let seen = folder.path.display().to_string();
        let seen = seen.strip_prefix(&tree).expect("the folder is in the tree").to_owned();
        Self { runner, bin: TIMESCALE_FOLDER.to_owned(), folder, seen, owner }
    }

    /// Beside the data; it shows them to clients that ask for TLS.
    pub(super) fn bring_certificates(&self) {
        let Certificates { certificate, key, .. } = certificates();
        for (from, name) in [(certificate, "server.pem"), (key, "server.key")] {
            let to = self.folder.path.join(name);
            fs::copy(from, &to).expect("our own folder can be written");
            fs::set_permissions(&to, Permissions::from_mode(PRIVATE)).expect("it is ours");
            if let Some((user, group)) = self.owner {
                chown(&to, Some(user), Some(group)).expect("root may give a file away");
            }
        }
    }

    pub(super) fn command(&self, program: &str, arguments: &str) -> Vec<String> {
        let mut command = self.runner.clone();
        command.push(format!("{}/{program}", self.bin));
        command.extend(arguments.split(' ').map(str::to_owned));
        command
    }

    /// Runs one to its end.
    pub(super) fn run(&self, program: &str, arguments: &str) {
        let command = self.command(program, arguments);
        let output = Command::new(&command[0])
            .args(&command[1..])
            .current_dir("/")
            .output()
            .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?} failed: {}", said.trim());
    }
}

/// Makes the user of the tree's packages the folder's owner, if we are root.
fn give(folder: &Path, tree: &Path) -> Option<(u32, u32)> {
    if !getuid().is_root() {
        return None;
    }
    let users = fs::read_to_string(tree.join("etc/passwd")).expect("every system has users");
    let line = users.lines().find_map(|line| line.strip_prefix(USER)?.strip_prefix(':'));
    let ids = line.map(|line| line.split(':').skip(1).filter_map(|id| id.parse().ok()));
    let [Some(user), Some(group)] = ids.map_or([None, None], |mut ids| [ids.next(), ids.next()])
    else {
        panic!("there is no user \"{USER}\" for the server, which refuses to run as root");
    };
    chown(folder, Some(user), Some(group)).expect("root may give a folder away");
    Some((user, group))
}
