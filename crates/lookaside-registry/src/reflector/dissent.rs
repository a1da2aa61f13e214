use tokio::time::Instant;

use super::Timings;

/// Who says that the store has another history than the one that is followed.
///
/// One member may: it was set up anew by mistake, belongs to another cluster, or was
/// restored alone. What all of them say is true. Members that say nothing could still
/// know better, but not for ever: a cluster may be restored into fewer members.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dissent {
    /// Since when nobody has confirmed the history.
    since: Option<Instant>,
    /// How many contradicted it, one after the other.
    in_a_row: usize,
}

impl Dissent {
    /// A member knows the history.
    pub(super) fn settle(&mut self) {
        *self = Self::default();
    }

    /// A member does not answer.
    pub(super) fn silence(&mut self) {
        self.in_a_row = 0;
    }

    /// A member shows another history; says whether to believe it. Members are asked in
    /// turn.
    pub(super) fn rise(&mut self, members: usize, now: Instant, timings: &Timings) -> bool {
        self.in_a_row += 1;
        let since = *self.since.get_or_insert(now);
        self.in_a_row >= members || now >= since + timings.dissent
    }
}
