use super::list::List;

/// What the stream task tells the policy.
#[derive(Debug)]
pub(super) enum StreamEvent {
    /// The balancer channel cannot reach any balancer: why.
    Unreachable(String),
    /// A list on the stream that is open now.
    List(List),
    /// Use the fallback addresses, now.
    FallbackResponse,
    /// The stream ended: why.
    Ended(String),
}
