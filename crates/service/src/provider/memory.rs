//! How much memory the tables of all sessions together may take.

use std::fs;

/// Where nothing can be found out about the machine.
const FALLBACK: u64 = 4 << 30;

/// Half of what the machine, or the container, has, in bytes.
pub(super) fn half_of_the_machine() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo");
    let machine = machine.ok().and_then(|text| total_of_meminfo(&text));
    let container = fs::read_to_string("/sys/fs/cgroup/memory.max");
    // "max" where there is no limit.
    let container = container.ok().and_then(|text| text.trim().parse().ok());
    let total = [machine, container].into_iter().flatten().min();
    total.map_or(FALLBACK, |total| total / 2)
}

fn total_of_meminfo(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_the_machine_is_read() {
        let text = "MemTotal:       24609872 kB\nMemFree:         1234 kB\n";
        assert_eq!(total_of_meminfo(text), Some(24_609_872 * 1024));
        assert_eq!(total_of_meminfo("MemFree: 1 kB"), None);
        assert_eq!(total_of_meminfo("MemTotal: many kB"), None);
        assert!(half_of_the_machine() > 0);
    }
}
