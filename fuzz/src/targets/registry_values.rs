//! Keys and values under the prefixes in etcd: a key, a line break, a value.

/// Any bytes, in each of the three layouts.
pub fn run(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (key, value) = data.split_at(end.unwrap_or(data.len()));
    lookaside_registry_etcd::fuzzing::layouts(key, value.get(1..).unwrap_or_default());
}
