use std::collections::{BTreeMap, BTreeSet};

use super::{super::Facts, seen};
use crate::doctor::Finding;

/// Whether tokens are signed, and whether all replicas have the same keys.
pub(super) fn keys(facts: &Facts) -> Vec<Finding> {
    let mut by_keys = BTreeMap::<&[String], Vec<String>>::new();
    for (address, seen) in seen(facts) {
        let at = by_keys.entry(&seen.status.token_keys).or_default();
        at.push(address.to_string());
    }
    let mut sides = by_keys.iter();
    let finding = match (sides.next(), sides.next()) {
        (None, _) => return Vec::new(),
        (Some((keys, _)), None) => match keys {
            [] => Finding::ok("tokens", "", "are not signed").advise(
                "to let backends refuse callers that came by no balancer, give all \
                 balancers and backends a key: docs/tokens.md",
            ),
            [signing, others @ ..] => {
                let also = match others.len() {
                    0 => String::new(),
                    n => format!(", {n} more in force"),
                };
                Finding::ok("tokens", "", format!("all sign with key {signing}{also}"))
            }
        },
        _ => differ(&by_keys),
    };
    vec![finding]
}

fn differ(by_keys: &BTreeMap<&[String], Vec<String>>) -> Finding {
    let each = by_keys.iter().map(|(keys, at)| match keys {
        [] => format!("{} does not sign", at.join(", ")),
        keys => format!("{} has {}", at.join(", "), keys.join(", ")),
    });
    let message = format!("keys differ: {}", each.collect::<Vec<_>>().join("; "));
    let sets: BTreeSet<BTreeSet<_>> = by_keys
        .keys()
        .map(|keys| keys.iter().collect::<BTreeSet<_>>())
        .collect();
    let signing = by_keys.keys().filter_map(|keys| keys.first());
    // Whoever has the keys of one replica knows the tokens of all.
    let all_known = sets
        .iter()
        .all(|set| signing.clone().all(|key| set.contains(key)));
    if all_known && !by_keys.contains_key(&[][..]) {
        Finding::warn("tokens", "", message).advise("finish the change of keys: docs/tokens.md")
    } else {
        Finding::fail("tokens", "", message).advise(
            "backends with the keys of one refuse the tokens of another: give all the same \
             [tokens] keys, new ones last until all have them (docs/tokens.md)",
        )
    }
}
