//! What the machine has, as far as it bounds what functions may take.

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
        // A container may use less than its machine has.
        let group = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
        let granted = group
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(u64::MAX);
        Machine {
            memory_bytes: installed.min(granted),
            address_space_bytes: getrlimit(Resource::As).current,
        }
    }
}
