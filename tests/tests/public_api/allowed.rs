//! What of others the public API may name. A new entry ties our version to somebody
//! else's: it wants a reason.

/// Whole crates end in `::*`. Everything of the standard library may be named.
pub(crate) const PATHS: [&str; 12] = [
    // The language of HTTP in Rust: stable, and what tonic speaks.
    "bytes::*",
    "http::*",
    "http_body::Body",
    "http_body::Frame",
    "http_body::SizeHint",
    // Byte streams of a user's own.
    "tokio::io::AsyncRead",
    "tokio::io::AsyncWrite",
    "tokio::io::ReadBuf",
    // What generated clients want of a channel.
    "tonic::Status",
    "tonic::body::Body",
    "tower_service::Service",
    // With the feature "prometheus" only.
    "prometheus_client::registry::Registry",
];

/// Crates of ours whose types may be re-exported. Those are checked in turn.
pub(crate) const OURS: [&str; 2] = ["lookaside_core", "lookaside_tls"];

/// The entry that allows `path`.
pub(crate) fn entry(path: &str) -> Option<&'static str> {
    PATHS
        .into_iter()
        .find(|entry| match entry.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => path == *entry,
        })
}
