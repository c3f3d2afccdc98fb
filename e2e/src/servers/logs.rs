//! The logs of all servers of this process; a panic prints what they said since the last one.

use std::{
    fs,
    io::{Read, Seek, SeekFrom},
    panic,
    path::{Path, PathBuf},
    sync::{Mutex, Once, PoisonError},
};

/// Lines of a log that are shown at once.
const LINES_MAX: usize = 60;

struct Log {
    name: String,
    path: PathBuf,
    /// Bytes shown already.
    shown: u64,
}

static LOGS: Mutex<Vec<Log>> = Mutex::new(Vec::new());

/// From now on a failing test shows the end of this log.
pub(super) fn watch(name: &str, path: &Path) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let earlier = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            earlier(info);
            show();
        }));
    });
    let log = Log { name: name.to_owned(), path: path.to_owned(), shown: 0 };
    LOGS.lock().unwrap_or_else(PoisonError::into_inner).push(log);
}

/// The server of this log is gone.
pub(super) fn forget(path: &Path) {
    LOGS.lock().unwrap_or_else(PoisonError::into_inner).retain(|log| log.path != path);
}

/// The last lines of a watched log that nobody was shown.
pub(super) fn take(path: &Path) -> String {
    let mut logs = LOGS.lock().unwrap_or_else(PoisonError::into_inner);
    let text = logs.iter_mut().find(|log| log.path == path).and_then(unseen);
    text.map_or_else(String::new, |text| last_lines(&text))
}

#[expect(clippy::print_stderr, reason = "a failing test prints what its servers logged")]
fn show() {
    for log in LOGS.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
        let Some(text) = unseen(log) else { continue };
        eprintln!("--- {} logged ---\n{}", log.name, last_lines(&text));
    }
}

fn unseen(log: &mut Log) -> Option<String> {
    let mut file = fs::File::open(&log.path).ok()?;
    file.seek(SeekFrom::Start(log.shown)).ok()?;
    let mut bytes = Vec::new();
    log.shown += u64::try_from(file.read_to_end(&mut bytes).ok()?).ok()?;
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES_MAX)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_shown_once_and_only_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, (0..100).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        let mut log = Log { name: "x".to_owned(), path: path.clone(), shown: 0 };
        let shown = last_lines(&unseen(&mut log).unwrap());
        assert_eq!((shown.lines().next(), shown.lines().count()), (Some("40"), 60));
        assert_eq!(unseen(&mut log), None);
        fs::write(&path, fs::read_to_string(&path).unwrap() + "more\n").unwrap();
        assert_eq!(unseen(&mut log).as_deref(), Some("more\n"));
    }
}
