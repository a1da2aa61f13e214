/// The weight of the heaviest entry: as fine as 16 bits go.
const FULL: u64 = u16::MAX as u64;

/// How far above the median a weight counts: with [`LEAST`] the bound on what one entry
/// takes from the others, and on how many are passed over to find the next one.
const MOST: f64 = 10.0;

/// How far below the median a weight counts: every backend gets calls now and then, or it
/// could never report that it has recovered.
const LEAST: f64 = 0.01;

/// Whose turn it is, by weight: the static stride scheduler of gRPC's
/// `weighted_round_robin` (A58). Immutable, so that many tasks pick from it at once; where
/// they are is a counter of the caller's.
///
/// The counter goes round the entries. An entry of the full weight has a turn in every
/// round, one of half of it in every other round, and so on, each of them as evenly as whole
/// numbers allow: in any `r` successive rounds an entry has `r` times its share of the
/// heaviest, to within one turn.
///
/// Weights count between a hundredth of the median and ten times the median. With it at
/// least half of the entries have a tenth of the full weight, so that fewer than twenty
/// are passed over for a pick on average, however lopsided the weights. (C-core bounds them by the
/// mean, which a single wild report drags along.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrideSchedule(Box<[u16]>);

impl StrideSchedule {
    /// A schedule for entries of these weights, at least one. A weight that is not a finite
    /// number above zero is not known: it counts as the mean of the others. Fewer than
    /// two known weights say nothing, and all have equal turns.
    pub fn new(weights: &[f64]) -> Self {
        let mut known: Vec<f64> = weights.iter().copied().filter(is_known).collect();
        if known.len() < 2 {
            return Self(vec![u16::MAX; weights.len()].into());
        }
        known.sort_unstable_by(f64::total_cmp);
        // The upper one of two: at least half of the entries have it or more.
        let median = known[known.len() / 2];
        let bound = |weight: f64| weight.clamp(median * LEAST, median * MOST);
        let most = bound(known[known.len() - 1]);
        let mean = known.iter().copied().map(bound).sum::<f64>() / known.len() as f64;
        let scaled = |weight: f64| (weight / most * FULL as f64).round().max(1.0) as u16;
        let weights = weights.iter().map(|weight| match weight {
            known if is_known(known) => scaled(bound(*known)),
            _ => scaled(mean),
        });
        Self(weights.collect())
    }

    /// The index of the entry whose turn it is. `next` gives successive numbers, to all who
    /// pick.
    pub fn pick(&self, mut next: impl FnMut() -> usize) -> usize {
        let entries = self.0.len();
        loop {
            let turn = next();
            let (round, entry) = ((turn / entries) as u64, turn % entries);
            let weight = u64::from(self.0[entry]);
            // The entry is a clock that `weight` moves on in every round; it has a turn when
            // it goes round. Neighbours start half a turn apart: of two that pass every
            // other turn, one is always there.
            let clock = weight
                .wrapping_mul(round)
                .wrapping_add(entry as u64 * (FULL / 2))
                % FULL;
            if clock >= FULL - weight {
                return entry;
            }
        }
    }
}

fn is_known(weight: &f64) -> bool {
    weight.is_finite() && *weight > 0.0
}

#[cfg(test)]
mod tests;
