use std::error::Error;
use std::fs;

/// Linux counts CPU in hundredths of a second, on every machine.
const MICROS_PER_CPU_TICK: u64 = 10_000;

/// User and system time in microseconds that all threads of a process have used so far, those of
/// librdkafka included.
pub(crate) fn cpu_micros(pid: u32) -> Result<u64, Box<dyn Error>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The process' name, in parentheses, may hold spaces.
    let (_, fields) = stat.rsplit_once(')').ok_or("stat has no process name")?;
    let times = fields.split_whitespace().skip(11).take(2);
    let ticks = times.map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(ticks * MICROS_PER_CPU_TICK)
}

/// One line of a process' status in MB: `VmRSS` is what is resident, `VmHWM` its peak.
pub(crate) fn memory_mb(pid: u32, name: &str) -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with(name));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)).ok_or("no memory in status")?;
    Ok(kib.parse::<f64>()? * 1024.0 / 1e6)
}

#[expect(clippy::cast_precision_loss, reason = "a figure of three digits")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}
