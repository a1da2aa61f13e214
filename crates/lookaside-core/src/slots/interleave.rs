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
    // From a quarter on, a backend among others with equal strides would need many repairs.
    let mut list = if most as usize * 4 >= slots {
        around_heaviest(counts, heaviest)
    } else {
        evenly(counts)
    };
    if most as usize * 2 < slots {
        separate(&mut list);
    }
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

/// For a backend with much of the list: the others are ordered alone, and its slots are
/// spread evenly over the gaps between them.
fn around_heaviest(counts: &[u32], heaviest: usize) -> Vec<u32> {
    let mut others = counts.to_vec();
    let most = std::mem::take(&mut others[heaviest]) as usize;
    let others = evenly(&others);
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

/// Bits behind the point of an ideal position. Rounding adds up to less than 2⁻¹⁶ of a
/// slot in a list of 65,536: it can only decide between places as good as each other, and
/// does so the same way everywhere.
const POINT: u32 = 32;

/// Sorts the slots by where each would be in a list with all strides equal.
///
/// The `g` backends with `c` slots each take turns in a sequence of `g·c` slots, the m-th
/// of which is ideally at `(2m + 1) / (2·g·c)` of the list.
fn evenly(counts: &[u32]) -> Vec<u32> {
    let slots: usize = counts.iter().map(|&count| count as usize).sum();
    let groups = groups(counts);
    let positions = |turns: usize| {
        let length = (slots as u64) << POINT;
        let (first, stride) = (length / (2 * turns as u64), length / turns as u64);
        (0..turns as u64).map(move |turn| first + turn * stride)
    };
    // There are as many places as slots: a counting sort by the place, then the few slots
    // of each place by the fraction, which stands before the backend.
    let mut next = vec![0u32; slots];
    for (count, members) in &groups {
        for position in positions(count * members.len()) {
            next[(position >> POINT) as usize] += 1;
        }
    }
    let mut sum = 0;
    for next in &mut next {
        (*next, sum) = (sum, sum + *next);
    }
    let mut sorted = vec![0u64; slots];
    for (count, members) in &groups {
        let turns = members.iter().cycle();
        for (position, &backend) in positions(count * members.len()).zip(turns) {
            let next = &mut next[(position >> POINT) as usize];
            sorted[*next as usize] = position << POINT | u64::from(backend);
            *next += 1;
        }
    }
    let mut start = 0;
    for end in next {
        // One slot on average.
        for i in start as usize + 1..end as usize {
            let mut at = i;
            while at > start as usize && sorted[at - 1] > sorted[at] {
                sorted.swap(at - 1, at);
                at -= 1;
            }
        }
        start = end;
    }
    sorted.into_iter().map(|slot| slot as u32).collect()
}

/// The backends with slots by their number of slots, the most first.
fn groups(counts: &[u32]) -> Vec<(usize, Vec<u32>)> {
    let most = counts.iter().copied().max().unwrap_or(0);
    let mut groups = vec![Vec::new(); most as usize + 1];
    for (backend, &count) in (0u32..).zip(counts) {
        groups[count as usize].push(backend);
    }
    let groups = groups.into_iter().enumerate().skip(1).rev();
    groups.filter(|(_, members)| !members.is_empty()).collect()
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
