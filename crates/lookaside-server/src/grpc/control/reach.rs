use lookaside_core::{Override, OverrideNote, Place, ServiceName, ServiceOverrides};

use crate::table::{Cordoned, StandingState, Table};

/// How many services a warning names.
const NAMED: usize = 5;

/// Whom a cordon would keep calls from.
#[derive(Debug, Default)]
pub(super) struct Reach {
    pub(super) backends: usize,
    /// Services of which it takes the last backend that gets calls, sorted.
    emptied: Vec<ServiceName>,
}

impl Reach {
    pub(super) fn of(place: &Place, table: &Table) -> Self {
        let order = (Override::Cordon(place.clone()), OverrideNote::default());
        let cordons = ServiceOverrides::new([order], Vec::new()).cordons;
        let mut reach = Self::default();
        for entry in table.all() {
            let Some(published) = entry.published() else {
                continue;
            };
            // Of these the addresses that it holds for are gone already.
            let again = published.cordoned.iter().filter(|it| it.place == *place);
            reach.backends += again.filter(|it| !it.is_whole()).count();
            let (mut before, mut after) = (0, 0);
            let backends = published.backends.iter().zip(&*published.standings);
            for ((backend, addresses), standing) in backends {
                let cordoned = Cordoned::find(backend, &cordons, || Some(&**addresses));
                reach.backends += usize::from(cordoned.is_some());
                let takes_calls = matches!(
                    standing.state,
                    StandingState::Serving | StandingState::Suspect
                );
                before += u32::from(takes_calls);
                after += u32::from(takes_calls && !cordoned.is_some_and(|it| it.is_whole()));
            }
            if before > 0 && after == 0 {
                reach.emptied.push(entry.name().clone());
            }
        }
        reach.emptied.sort_unstable();
        reach
    }

    /// What whoever orders it should know.
    pub(super) fn warning(&self) -> Option<String> {
        let (named, others) = self.emptied.split_at(self.emptied.len().min(NAMED));
        if named.is_empty() {
            return None;
        }
        let mut names: Vec<_> = named.iter().map(ToString::to_string).collect();
        if !others.is_empty() {
            names.push(format!("{} more", others.len()));
        }
        Some(format!(
            "it leaves no backend to {}: their clients get what on_empty says",
            names.join(", ")
        ))
    }
}
