use super::ReportDelta;

/// Suppresses idle reports as stock clients do: of successive reports with only zeros
/// the first is sent.
#[derive(Clone, Debug, Default)]
pub struct ReportFilter {
    last_was_zero: bool,
}

impl ReportFilter {
    /// Whether to send this report, the next one of the stream.
    pub fn should_send(&mut self, delta: &ReportDelta) -> bool {
        let zero = delta.is_zero();
        let repeated = zero && self.last_was_zero;
        self.last_was_zero = zero;
        !repeated
    }
}
