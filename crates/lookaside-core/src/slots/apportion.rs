use std::cmp::Reverse;

/// Up to this many slots, a list has room for four per backend whatever `max_slots` is:
/// beyond it, a longer list costs every client more than finer weights are worth.
const ROOMY_SLOTS: usize = 32_768;

/// How many slots each backend gets.
#[derive(Clone, Debug, PartialEq)]
pub struct Apportionment {
    /// For each weight, in order. 0 exactly where the weight is 0.
    pub counts: Vec<u32>,
    /// The largest difference between a backend's share of the slots and its share of
    /// the weights, both out of 1.
    pub largest_error: f64,
}

/// The longest list for `n` backends of weight above 0, before drops:
/// `max(max_slots, min(4n, 32768), n)`.
pub fn length_bound(n: usize, max_slots: usize) -> usize {
    max_slots.max(n.saturating_mul(4).min(ROOMY_SLOTS)).max(n)
}

/// Turns weights into numbers of slots, as few as the weights allow.
///
/// - Weights over their greatest common divisor, where these fit into
///   [`length_bound`]: exact.
/// - Otherwise the whole bound is given out. A backend whose share is under one slot
///   gets exactly one. That takes from the others, so that another one's share of the
///   *remaining* slots may be under one: it gets exactly one too, until there is none
///   such. The others share what remains by largest remainder: each is within one slot
///   of its exact share of the remaining slots, and has at least one.
///
/// Against its share of *all* slots a backend has less by what the ones under one slot
/// were given beyond theirs; `largest_error` includes that.
pub fn apportion(weights: &[u64], max_slots: usize) -> Apportionment {
    let n = weights.iter().filter(|&&weight| weight > 0).count();
    apportion_within(weights, length_bound(n, max_slots))
}

/// As [`apportion`], for at most `bound` slots, or one each where there are more
/// backends than that.
pub(crate) fn apportion_within(weights: &[u64], bound: usize) -> Apportionment {
    let divisor = common_divisor(weights.iter().copied());
    let total: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
    if total / u128::from(divisor) <= bound as u128 {
        let counts = weights.iter().map(|&weight| (weight / divisor) as u32);
        return Apportionment {
            counts: counts.collect(),
            largest_error: 0.0,
        };
    }
    let n = weights.iter().filter(|&&weight| weight > 0).count();
    let mut counts = approximate(weights, total, bound.max(n));
    let divisor = common_divisor(counts.iter().map(|&count| count.into())) as u32;
    if divisor > 1 {
        counts.iter_mut().for_each(|count| *count /= divisor);
    }
    let largest_error = largest_error(weights, total, &counts);
    Apportionment {
        counts,
        largest_error,
    }
}

/// `slots` is at least the number of weights above 0, so that the last of them always
/// has a share of one or more.
fn approximate(weights: &[u64], total: u128, slots: usize) -> Vec<u32> {
    let (floor, rest, rest_total) = floors(weights, total, slots);
    let above: Vec<u64> = weights
        .iter()
        .map(|&weight| if weight < floor { 0 } else { weight })
        .collect();
    let mut counts = largest_remainder(&above, rest_total, rest);
    for (count, &weight) in counts.iter_mut().zip(weights) {
        if weight > 0 && weight < floor {
            *count = 1;
        }
    }
    counts
}

/// The weight below which a backend gets exactly one slot; and for the others, their
/// slots and the sum of their weights.
///
/// Giving one slot to a share under one lowers the others' shares (of `rest` slots for
/// weights of `total`, `weight · rest < total` gives
/// `(rest − 1) / (total − weight) < rest / total`). So going up the sorted weights until
/// one is not under one finds the smallest set that is stable; and once one is not, none
/// after it is. Hence the end can be found by halves, without sorting.
fn floors(weights: &[u64], mut total: u128, slots: usize) -> (u64, usize, u128) {
    let mut weights: Vec<u64> = weights
        .iter()
        .copied()
        .filter(|&weight| weight > 0)
        .collect();
    let mut undecided = &mut weights[..];
    let (mut floor, mut rest) = (u64::MAX, slots);
    while !undecided.is_empty() {
        let (below, &mut middle, above) = undecided.select_nth_unstable(undecided.len() / 2);
        let total_below: u128 = below.iter().map(|&weight| u128::from(weight)).sum();
        let rest_here = rest - below.len();
        if u128::from(middle) * (rest_here as u128) < total - total_below {
            rest = rest_here - 1;
            total -= total_below + u128::from(middle);
            undecided = above;
        } else {
            floor = middle;
            undecided = below;
        }
    }
    (floor, rest, total)
}

/// Shares `slots` in proportion to `weights`, whose sum is `total`: each gets its exact
/// share rounded down or up, up for the largest remainders, the earlier one of equals.
fn largest_remainder(weights: &[u64], total: u128, slots: usize) -> Vec<u32> {
    // u64 has room for all but extreme weights, and is several times faster.
    match u64::try_from(total) {
        Ok(total) if total.checked_mul(slots as u64).is_some() => {
            let divide = |weight: u64| {
                let share = weight * slots as u64;
                (share / total, share % total)
            };
            round_up_largest(weights.iter().map(|&weight| divide(weight)), slots)
        }
        _ => {
            let divide = |weight: u64| {
                let share = u128::from(weight) * slots as u128;
                ((share / total) as u64, share % total)
            };
            round_up_largest(weights.iter().map(|&weight| divide(weight)), slots)
        }
    }
}

/// Takes shares as whole slots and remainders.
fn round_up_largest<R: Ord + Default>(
    shares: impl ExactSizeIterator<Item = (u64, R)>,
    slots: usize,
) -> Vec<u32> {
    let mut left = slots;
    let mut counts: Vec<u32> = Vec::with_capacity(shares.len());
    let mut remainders = Vec::with_capacity(shares.len());
    for (index, (count, remainder)) in (0u32..).zip(shares) {
        counts.push(count as u32);
        left -= count as usize;
        if remainder > R::default() {
            remainders.push((Reverse(remainder), index));
        }
    }
    if left > 0 && left < remainders.len() {
        remainders.select_nth_unstable(left - 1);
    }
    for (_, index) in remainders.iter().take(left) {
        counts[*index as usize] += 1;
    }
    counts
}

fn largest_error(weights: &[u64], total: u128, counts: &[u32]) -> f64 {
    let slots: u64 = counts.iter().map(|&count| u64::from(count)).sum();
    let (per_slot, per_weight) = (1.0 / slots as f64, 1.0 / total as f64);
    let error = |(&weight, &count): (&u64, &u32)| {
        (f64::from(count) * per_slot - weight as f64 * per_weight).abs()
    };
    weights.iter().zip(counts).map(error).fold(0.0, f64::max)
}

/// The greatest common divisor; 1 of nothing.
fn common_divisor(numbers: impl Iterator<Item = u64>) -> u64 {
    let mut divisor = 0;
    for number in numbers {
        divisor = gcd(divisor, number);
        if divisor == 1 {
            break;
        }
    }
    divisor.max(1)
}

pub(crate) fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests;
