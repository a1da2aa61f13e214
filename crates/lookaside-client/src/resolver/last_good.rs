use std::{collections::HashSet, sync::Arc};

use super::ResolverUpdate;
use crate::Address;

/// What a channel keeps of its resolver's updates: addresses are replaced by others, not by
/// nothing. Pure.
#[derive(Debug, Default)]
pub(crate) struct LastGood {
    addresses: Option<Arc<[Address]>>,
    balancers: Option<Arc<[Address]>>,
    /// It has been told that the addresses are old ones.
    reported: bool,
}

impl LastGood {
    /// The update with what is still good in place of what is missing. Addresses are kept
    /// when there are none and when they could not be found; balancers only in the second
    /// case, since a service may do without them. Duplicates are merged.
    pub(crate) fn complete(&mut self, mut update: ResolverUpdate, target: &str) -> ResolverUpdate {
        let lost = match (&update.addresses, &self.addresses) {
            (Ok(found), Some(_)) if found.is_empty() => {
                Some("the resolver found no addresses".to_owned())
            }
            (Err(error), Some(_)) => Some(error.to_string()),
            _ => None,
        };
        match (lost, &self.addresses) {
            (Some(error), Some(good)) => {
                if !self.reported {
                    let kept = good.len();
                    tracing::warn!(
                        channel = target,
                        error,
                        kept,
                        "the last good addresses stay"
                    );
                    self.reported = true;
                }
                update.addresses = Ok(Arc::clone(good));
            }
            _ => {
                self.reported = false;
                if let Ok(found) = &mut update.addresses {
                    merge(found);
                    self.addresses = (!found.is_empty()).then(|| Arc::clone(found));
                }
            }
        }
        match (&mut update.balancers, &self.balancers) {
            (Ok(found), _) => {
                merge(found);
                self.balancers = Some(Arc::clone(found));
            }
            (Err(error), Some(good)) if !good.is_empty() => {
                let kept = good.len();
                tracing::warn!(channel = target, %error, kept, "the last good balancers stay");
                update.balancers = Ok(Arc::clone(good));
            }
            (Err(_), _) => {}
        }
        update
    }
}

/// Leaves the first of equal addresses.
fn merge(addresses: &mut Arc<[Address]>) {
    let mut seen = HashSet::with_capacity(addresses.len());
    if addresses.iter().all(|address| seen.insert(address)) {
        return;
    }
    seen.clear();
    let once = addresses.iter().filter(|address| seen.insert(address));
    *addresses = once.cloned().collect();
}

#[cfg(test)]
mod tests;
