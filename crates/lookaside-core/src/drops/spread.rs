use crate::{Drops, slots::interleave};

/// All calls.
pub(crate) const MILLION: u64 = 1_000_000;

/// How far a share of drops may be off where the list can be made long enough: 0.1
/// percentage points.
const TOLERANCE_PER_MILLION: u64 = 1_000;

/// One entry of a server list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// A call here goes to a backend: an index.
    Backend(u32),
    /// A call here fails at the client: an index into [`Drops`].
    Drop(u32),
}

/// Puts drops between the slots of backends.
///
/// - The backends' slots are repeated the fewest times with which the share of every
///   category and of all together is within 0.1 percentage points of what is
///   configured, in at most `2 · bound` slots. Where no such list exists, it is the one
///   with the smallest error; the backends' slots are all in it even if they alone are
///   more.
/// - A category has a slot at all if that is nearer to its share in the longest list
///   than none.
/// - Drops are evenly spread over the circle (the distances between them differ by at
///   most one), and so are the categories over the drops.
/// - Drops of all calls: no backend, and the shortest list with the categories in
///   proportion.
pub fn spread_drops(backend_slots: &[u32], drops: &Drops, bound: usize) -> Vec<Slot> {
    spread_within(backend_slots, drops, bound.saturating_mul(2))
}

/// As [`spread_drops`], for at most `longest` slots.
pub(crate) fn spread_within(backend_slots: &[u32], drops: &Drops, longest: usize) -> Vec<Slot> {
    let shares: Vec<u64> = drops
        .as_slice()
        .iter()
        .map(|drop| u64::from(drop.per_million))
        .collect();
    let mix = Mix::find(backend_slots.len(), &shares, longest);
    arrange(backend_slots, &mix)
}

/// How often the backends' slots are repeated, and how many drops there are of each
/// category.
#[derive(Debug)]
struct Mix {
    repeats: usize,
    drops: Vec<u32>,
}

impl Mix {
    fn find(backend_slots: usize, shares: &[u64], longest: usize) -> Self {
        let sum: u64 = shares.iter().sum();
        if sum == 0 {
            return Self {
                repeats: 1,
                drops: vec![0; shares.len()],
            };
        }
        let search = Search {
            shares,
            sum,
            longest,
        };
        if sum >= MILLION || backend_slots == 0 {
            return search.best((1..=longest.max(1)).map(|drops| (0, 0, drops..=drops)));
        }
        let repeats = 1..=(longest / backend_slots).max(1);
        search.best(repeats.map(|repeats| {
            let slots = repeats * backend_slots;
            (repeats, slots, search.worth_trying(slots))
        }))
    }
}

/// What is wanted of a mix.
struct Search<'a> {
    shares: &'a [u64],
    sum: u64,
    longest: usize,
}

impl Search<'_> {
    /// The first of the candidates (repeats, backends' slots, numbers of drops) with a
    /// mix within the tolerance, and of its mixes the nearest; or the nearest of all.
    fn best(
        &self,
        candidates: impl Iterator<Item = (usize, usize, std::ops::RangeInclusive<usize>)>,
    ) -> Mix {
        let mut best = Mix {
            repeats: 1,
            drops: vec![0; self.shares.len()],
        };
        let mut least = f64::INFINITY;
        for (repeats, backend_slots, numbers) in candidates {
            for number in numbers {
                let slots = backend_slots + number;
                if off(self.sum, number as u64, slots) >= least {
                    continue;
                }
                let drops = self.split(number, slots);
                let error = self.error(&drops, slots);
                if error < least {
                    (best, least) = (Mix { repeats, drops }, error);
                }
            }
            if least <= TOLERANCE_PER_MILLION as f64 {
                break;
            }
        }
        best
    }

    /// The numbers of drops whose sum is within the tolerance, and the ones near the exact
    /// number, beside so many slots of backends: each category may be nearer to its share
    /// with one drop more or less than the sum would have. Where there is no room for the
    /// exact number, the nearest may be further below.
    fn worth_trying(&self, backend_slots: usize) -> std::ops::RangeInclusive<usize> {
        let room = self.longest.saturating_sub(backend_slots);
        let beside = |share: u64| {
            let share = share.min(MILLION - 1);
            backend_slots as u128 * u128::from(share) / u128::from(MILLION - share)
        };
        let around = self.shares.len().min(64) as u128;
        let nearest = beside(self.sum).min(room as u128) as usize;
        let slots = backend_slots + nearest;
        let error = self.error(&self.split(nearest, slots), slots);
        // Below, the sum alone is further off than this mix is.
        let no_worse = beside(self.sum.saturating_sub(error.ceil() as u64));
        let least = beside(self.sum.saturating_sub(TOLERANCE_PER_MILLION))
            .saturating_sub(around)
            .min(no_worse)
            .min(room as u128);
        let exact = beside(self.sum) + 1 + around;
        let most = beside(self.sum + TOLERANCE_PER_MILLION)
            .min(exact + 64) // far fewer give one that is as near as any
            .max(exact)
            .min(room as u128);
        least as usize..=most as usize
    }

    /// Splits a number of drops among the categories, with the smallest error that can
    /// be: each has its share of the list rounded down, then those that lack most get one
    /// more (or those that have most beyond their share, one less).
    fn split(&self, number: usize, slots: usize) -> Vec<u32> {
        let least = |share: u64| u64::from(self.deserves_one(share));
        let exact = |share: u64| share as f64 * slots as f64 / MILLION as f64;
        let mut drops: Vec<u64> = self
            .shares
            .iter()
            .map(|&share| (share * slots as u64 / MILLION).max(least(share)))
            .collect();
        let lack = |drops: &[u64], index: usize| exact(self.shares[index]) - drops[index] as f64;
        let mut order: Vec<usize> = (0..drops.len()).collect();
        order.sort_by(|&one, &other| lack(&drops, other).total_cmp(&lack(&drops, one)));
        let mut sum: u64 = drops.iter().sum();
        let number = number as u64;
        for &index in order.iter().cycle() {
            if sum >= number {
                break;
            }
            drops[index] += 1;
            sum += 1;
        }
        // Twice round takes the last slot of a small category, when there is no other way.
        for (round, &index) in (0..).zip(order.iter().rev().cycle()) {
            if sum <= number {
                break;
            }
            let spare = least(self.shares[index]);
            if drops[index] > if round < order.len() { spare } else { 0 } {
                drops[index] -= 1;
                sum -= 1;
            }
        }
        drops.into_iter().map(|count| count as u32).collect()
    }

    /// Whether a slot is nearer to this share in the longest list than none.
    fn deserves_one(&self, share: u64) -> bool {
        2 * u128::from(share) * self.longest as u128 >= u128::from(MILLION)
    }

    /// The largest error of the sum and of any category, per million. One that deserves
    /// a slot and has none is worse than any error.
    fn error(&self, drops: &[u32], slots: usize) -> f64 {
        let sum: u64 = drops.iter().map(|&count| u64::from(count)).sum();
        let mut error = off(self.sum, sum, slots);
        for (&share, &count) in self.shares.iter().zip(drops) {
            error = error.max(off(share, count.into(), slots));
            if count == 0 && self.deserves_one(share) {
                error += MILLION as f64;
            }
        }
        error
    }
}

/// How far `count` of `slots` is from a share, per million.
fn off(share: u64, count: u64, slots: usize) -> f64 {
    (count as f64 * MILLION as f64 / slots.max(1) as f64 - share as f64).abs()
}

fn arrange(backend_slots: &[u32], mix: &Mix) -> Vec<Slot> {
    let mut drops = interleave(&mix.drops).into_iter();
    let mut backends = backend_slots.iter().cycle();
    let number = drops.len();
    let total = backend_slots.len() * mix.repeats + number;
    // Drop m is at ⌊(2m + 1) · total / 2·number⌋: in the middle of its stretch.
    let place = |m: usize| (2 * m + 1) * total / (2 * number.max(1));
    let mut next = 0;
    let mut list = Vec::with_capacity(total);
    for at in 0..total {
        if next < number && at == place(next) {
            list.extend(drops.next().map(Slot::Drop));
            next += 1;
        } else {
            list.extend(backends.next().copied().map(Slot::Backend));
        }
    }
    list
}

#[cfg(test)]
mod tests;
