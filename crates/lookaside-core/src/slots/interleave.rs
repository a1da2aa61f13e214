use std::collections::BTreeMap;

/// Orders slots: the list of backend indices in which each index occurs as often as
/// `counts` says, evenly spaced over the list taken as a circle. Deterministic.
///
/// - Backends of equal count take turns: the slots of all of them together have equal
///   strides, so that light backends do not cluster.
/// - No backend is next to itself unless it has more than half of the slots. One that
///   has is in runs as short as can be: of its count over the number of other slots,
///   rounded down or up.
pub fn interleave(counts: &[u32]) -> Vec<u32> {
    let slots: usize = counts.iter().map(|&count| count as usize).sum();
    let heaviest = counts.iter().enumerate().max_by_key(|&(_, &count)| count);
    let Some((heaviest, &most)) = heaviest.filter(|&(_, &most)| most > 0) else {
        return Vec::new();
    };
    if counts.iter().all(|&count| count == 0 || count == most) {
        return take_turns(counts, most);
    }
    if most as usize * 2 >= slots {
        return around_heaviest(counts, heaviest);
    }
    let mut list = evenly(counts, slots);
    separate(&mut list);
    list
}

fn take_turns(counts: &[u32], most: u32) -> Vec<u32> {
    let turn: Vec<u32> = (0u32..)
        .zip(counts)
        .filter(|&(_, &count)| count > 0)
        .map(|(index, _)| index)
        .collect();
    turn.repeat(most as usize)
}

/// One backend has half of the slots or more: the others are ordered alone, and it fills
/// the gaps behind each of them, evenly.
fn around_heaviest(counts: &[u32], heaviest: usize) -> Vec<u32> {
    let mut others = counts.to_vec();
    let most = std::mem::take(&mut others[heaviest]) as usize;
    let others = interleave(&others);
    let gaps = others.len();
    let mut list = Vec::with_capacity(gaps + most);
    // The run behind gap k ends at slot ⌊(k + ½) · most / gaps⌋ of the heaviest; the last
    // one, cut in two by the ends of the list, is one run on the circle.
    let mut given = 0;
    for (gap, &other) in others.iter().enumerate() {
        let end = (2 * gap + 1) * most / (2 * gaps);
        list.extend(std::iter::repeat_n(heaviest as u32, end - given));
        list.push(other);
        given = end;
    }
    list.extend(std::iter::repeat_n(heaviest as u32, most - given));
    list
}

/// A slot and where in the list it would ideally be: `bucket + part / whole`.
#[derive(Clone, Copy, Default)]
struct Ideal {
    backend: u32,
    part: u32,
    whole: u32,
}

/// Sorts the slots by where each would be in a list with all strides equal.
///
/// The `g` backends with `c` slots each take turns in a sequence of `g·c` slots, the m-th
/// of which is ideally at `(2m + 1) / (2·g·c)` of the list.
fn evenly(counts: &[u32], slots: usize) -> Vec<u32> {
    let mut groups: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (backend, &count) in (0u32..).zip(counts) {
        if count > 0 {
            groups.entry(count).or_default().push(backend);
        }
    }
    // A counting sort by whole slots, then each bucket by the exact fraction.
    let mut ends = vec![0u32; slots];
    for (&count, members) in &groups {
        for (bucket, _) in ideal_positions(count as usize * members.len(), slots) {
            ends[bucket] += 1;
        }
    }
    let mut sum = 0;
    for end in &mut ends {
        (*end, sum) = (sum, sum + *end);
    }
    let mut sorted = vec![Ideal::default(); slots];
    // Many slots first: where positions are equal, the backend with more goes ahead.
    for (&count, members) in groups.iter().rev() {
        let whole = 2 * count as usize * members.len();
        let turns = members.iter().cycle();
        for ((bucket, part), &backend) in ideal_positions(whole / 2, slots).zip(turns) {
            sorted[ends[bucket] as usize] = Ideal {
                backend,
                part: part as u32,
                whole: whole as u32,
            };
            ends[bucket] += 1;
        }
    }
    let mut start = 0;
    for &end in &ends {
        let bucket = &mut sorted[start as usize..end as usize];
        if bucket.len() > 1 {
            bucket.sort_by(|a, b| {
                let (a, b) = ((a.part, b.whole), (b.part, a.whole));
                (u64::from(a.0) * u64::from(a.1)).cmp(&(u64::from(b.0) * u64::from(b.1)))
            });
        }
        start = end;
    }
    sorted.into_iter().map(|slot| slot.backend).collect()
}

/// Where `turns` slots with equal strides are in a list of `slots`: whole slots, and a
/// remainder out of `2 · turns`.
fn ideal_positions(turns: usize, slots: usize) -> impl Iterator<Item = (usize, usize)> {
    let whole = 2 * turns;
    let mut at = (slots / whole, slots % whole);
    let step = (2 * slots / whole, 2 * slots % whole);
    (0..turns).map(move |_| {
        let here = at;
        at = (at.0 + step.0, at.1 + step.1);
        if at.1 >= whole {
            at = (at.0 + 1, at.1 - whole);
        }
        here
    })
}

/// Moves slots that stand next to one of the same backend to the nearest place with
/// another backend's slot on either side.
///
/// There is such a place for any backend with at most half of the slots and two of them
/// together: its `a` slots are in fewer than `a` runs, and each run takes one of the at
/// least `a` places between neighbouring others. Each move undoes one pair and makes no
/// new one, hence the loop ends.
fn separate(list: &mut [u32]) {
    let n = list.len();
    let (mut i, mut apart) = (0, 0);
    // Once round the circle without a pair: a move back across its end may carry a pair
    // to where this has been.
    while apart < n {
        if list[i] != list[(i + 1) % n] {
            (i, apart) = ((i + 1) % n, apart + 1);
            continue;
        }
        let backend = list[i];
        // Between the slots `at` and `at + 1`.
        let free = |at: usize| list[at % n] != backend && list[(at + 1) % n] != backend;
        let Some(distance) = (1..n).find(|&d| free(i + d) || free(i + n - d)) else {
            return;
        };
        if free(i + distance) {
            // The second of the pair goes forward to there.
            for at in i + 1..i + distance {
                list.swap(at % n, (at + 1) % n);
            }
        } else {
            // The first of the pair goes back to there.
            for at in (i + n - distance + 1..i + n).rev() {
                list.swap(at % n, (at + 1) % n);
            }
        }
        apart = 0;
    }
}

#[cfg(test)]
mod tests;
