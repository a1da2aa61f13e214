use std::sync::Arc;

use crate::{CallTracker, PickArgs, PickResult, Picker, SubchannelId};

/// The child's picks, and who follows them.
pub(super) struct OutlierPicker {
    pub(super) child: Arc<dyn Picker>,
    /// Sorted.
    pub(super) trackers: Box<[(SubchannelId, Arc<dyn CallTracker>)]>,
}

impl Picker for OutlierPicker {
    fn pick<'p>(&'p self, args: &PickArgs<'_>) -> PickResult<'p> {
        let mut result = self.child.pick(args);
        if let PickResult::Pick(pick) = &mut result {
            let id = pick.subchannel.id();
            // Seven steps for a hundred backends; a hash of the id takes longer.
            if let Ok(at) = self.trackers.binary_search_by_key(&id, |(id, _)| *id) {
                pick.watch(&self.trackers[at].1);
            }
        }
        result
    }
}
