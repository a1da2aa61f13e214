/// What happens, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    Steady,
    Kill,
    Join,
    Drop,
    Restart,
}

/// The backends at the start, and their weights.
pub(super) const FIRST: [(&str, u32); 3] = [("a", 3), ("b", 2), ("c", 1)];

/// The one that dies.
pub(super) const VICTIM: &str = "b";

/// The one that joins.
pub(super) const NEWCOMER: (&str, u32) = ("d", 4);

/// Of which an operator has calls dropped, and how many in a million.
pub(super) const DROP: (&str, u32) = ("overload", 250_000);

impl Scene {
    pub(super) const ALL: [Self; 5] = [
        Self::Steady,
        Self::Kill,
        Self::Join,
        Self::Drop,
        Self::Restart,
    ];

    /// For a stranger, in one line.
    pub(super) fn line(self) -> &'static str {
        match self {
            Self::Steady => {
                "Three backends register with weights 3:2:1, and share the calls 3:2:1."
            }
            Self::Kill => {
                "Backend b is killed without a word: its calls go to a and c at once, 3:1."
            }
            Self::Join => "Backend d joins with weight 4: calls reach it within a second.",
            Self::Drop => "The operator has 25 % of the calls dropped: clients fail them, unsent.",
            Self::Restart => {
                "The drop is lifted; the balancer is killed and comes back: no call notices."
            }
        }
    }

    /// For tables.
    pub(super) fn short(self) -> &'static str {
        match self {
            Self::Steady => "weights 3:2:1",
            Self::Kill => "b killed",
            Self::Join => "d joined",
            Self::Drop => "25 % dropped",
            Self::Restart => "balancer restarted",
        }
    }
}
