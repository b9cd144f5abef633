//! The host's own process, as the kernel sees it: memory, processor time, open files, bytes written.
//!
//! Where there is no `/proc` the figures are missing, and so are the metrics made of them.

use std::time::Duration;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

/// The figures of a moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessFigures {
    /// Processor time of all threads since the start.
    pub cpu: Duration,
    /// Bytes in memory.
    pub resident_bytes: u64,
    /// Bytes of address space.
    pub virtual_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// Open files.
    pub open_files: u64,
    /// Files that may be open at once.
    pub open_files_max: u64,
    /// Bytes that the process has had written to storage: what wears flash. Missing where the kernel does not say.
    pub written_bytes: Option<u64>,
}

impl ProcessFigures {
    /// Those of this moment.
    pub fn now() -> Option<ProcessFigures> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The name in parentheses may have spaces; what comes after it has none.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        // Numbered from 3, as proc(5) does.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let ticks = field(14)? + field(15)?;
        let seconds = ticks as f64 / clock_ticks_per_second() as f64;
        Some(ProcessFigures {
            cpu: Duration::from_secs_f64(seconds),
            resident_bytes: field(24)? * page_size() as u64,
            virtual_bytes: field(23)?,
            threads: field(20)?,
            open_files: std::fs::read_dir("/proc/self/fd").ok()?.count() as u64,
            open_files_max: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
            written_bytes: written_bytes(),
        })
    }
}

fn written_bytes() -> Option<u64> {
    let io = std::fs::read_to_string("/proc/self/io").ok()?;
    let line = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_there() {
        let figures = ProcessFigures::now().expect("there is a /proc here");
        assert!(figures.resident_bytes > 1024 && figures.virtual_bytes >= figures.resident_bytes);
        assert!(figures.threads >= 1 && figures.open_files >= 1);
        assert!(figures.open_files <= figures.open_files_max);
    }
}
