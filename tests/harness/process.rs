//! What the kernel says of a process.

/// Bytes of memory that it has (RSS).
pub fn memory_bytes(process_id: u32) -> u64 {
    1024 * number(process_id, "status", "VmRSS:")
}

/// Bytes that it has caused to be written to disk.
pub fn written_bytes(process_id: u32) -> u64 {
    number(process_id, "io", "write_bytes:")
}

fn number(process_id: u32, file: &str, key: &str) -> u64 {
    let path = format!("/proc/{process_id}/{file}");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|line| line.split_whitespace().next());
    let number = number.and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("no `{key}` in {path}"))
}
