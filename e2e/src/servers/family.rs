//! A process and what descends from it.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// The process and all that descend from it, parents first.
pub(super) fn family(leader: Pid) -> Vec<Pid> {
    let parents: Vec<(Pid, Pid)> = fs::read_dir("/proc")
        .expect("Linux has /proc")
        .filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            Some((Pid::from_raw(pid)?, parent(pid)?))
        })
        .collect();
    let mut family = vec![leader];
    let mut next = 0;
    while let Some(&member) = family.get(next) {
        family.extend(parents.iter().filter(|(_, parent)| *parent == member).map(|(pid, _)| *pid));
        next += 1;
    }
    family
}

pub(super) fn parent(pid: i32) -> Option<Pid> {
    Pid::from_raw(status(pid, "PPid:")?.parse().ok()?)
}

/// A field of what Linux says about a process.
pub(super) fn status(pid: i32, field: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(status.lines().find_map(|line| line.strip_prefix(field))?.trim().to_owned())
}

/// One that has ended meanwhile is no error.
pub(super) fn signal_all(family: &[Pid], signal: Signal) {
    for pid in family {
        let _ = kill_process(*pid, signal);
    }
}

pub(super) fn is_stopped_or_gone(pid: Pid) -> bool {
    status(pid.as_raw_pid(), "State:").is_none_or(|state| state.starts_with(['T', 'Z', 'X']))
}

/// One that nobody waited for is gone too.
pub(super) fn is_gone(pid: Pid) -> bool {
    status(pid.as_raw_pid(), "State:").is_none_or(|state| state.starts_with(['Z', 'X']))
}
