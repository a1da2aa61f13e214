use std::sync::Arc;

use super::Builder;
use crate::Observer;

impl Builder {
    /// Has `observer` told of all that happens in the channel. May be given several times.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observers = self.observers.with(observer);
        self
    }
}
