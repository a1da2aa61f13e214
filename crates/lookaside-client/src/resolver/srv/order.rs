use super::records::Srv;

/// The targets in the order in which to try them (RFC 2782): by priority, and among equals
/// at random, the heavier the likelier first. The same records and seed give the same order,
/// in whatever order the records came. Those that say "no such service" (`.`) or have no
/// port are left out.
pub(super) fn by_priority_and_weight(mut records: Vec<Srv>, seed: u64) -> Vec<Srv> {
    records.retain(|record| record.port > 0 && !record.host.trim_end_matches('.').is_empty());
    // Within a priority those of weight 0 come first, so that they are chosen least.
    records.sort_by(|a, b| {
        let key = |it: &Srv| (it.priority, it.weight);
        key(a).cmp(&key(b)).then_with(|| a.cmp(b))
    });
    records.dedup();
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(first) = records.first() {
        let priority = first.priority;
        let equals = records.iter().take_while(|it| it.priority == priority);
        let weights: Vec<_> = equals.map(|it| u64::from(it.weight)).collect();
        let drawn = rng.u64(0..=weights.iter().sum());
        let mut sum = 0;
        let reaches = |weight: &u64| {
            sum += weight;
            sum >= drawn
        };
        let index = weights.iter().position(reaches).unwrap_or(0);
        ordered.push(records.remove(index));
    }
    ordered
}

#[cfg(test)]
mod tests;
