//! What the machine has, as far as it bounds what functions may take.

use std::path::Path;

use rustix::process::{Resource, getrlimit};

/// What the machine has.
pub(super) struct Machine {
    pub(super) memory_bytes: u64,
    /// The limit on this process's address space, if there is one.
    pub(super) address_space_bytes: Option<u64>,
}

impl Machine {
    pub(super) fn look() -> Machine {
        let system = rustix::system::sysinfo();
        let installed = system.totalram.saturating_mul(u64::from(system.mem_unit));
        Machine {
            memory_bytes: installed.min(granted_bytes()),
            address_space_bytes: getrlimit(Resource::As).current,
        }
    }
}

/// What a container or a systemd unit may have of the machine's memory: the least that its control group has, or one
/// above it.
fn granted_bytes() -> u64 {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    // Of version 2 there is one line: `0::/system.slice/tidegate.service`.
    let path = own.lines().find_map(|line| line.strip_prefix("0::/"));
    let group = Path::new("/sys/fs/cgroup").join(path.unwrap_or_default());
    let of = |group: &Path| {
        let text = std::fs::read_to_string(group.join("memory.max")).ok()?;
        text.trim().parse().ok()
    };
    group.ancestors().filter_map(of).min().unwrap_or(u64::MAX)
}
