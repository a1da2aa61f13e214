use std::time::Instant;

use super::Removals;

/// What happens while the registry cannot be read.
impl Removals {
    /// Whether the registry is lost as of now. While it is, nobody can register again, so
    /// that nobody's hold runs out; who stops answering leaves all the same.
    pub fn set_lost(&mut self, is_lost: bool, now: Instant) {
        if !self.hold_clock.stand(is_lost, now) {
            return;
        }
        for name in self.missing.clone() {
            if self.has_suspects(&name) {
                // It is another thing that people are told of them.
                self.changed.insert(name.clone());
            }
            self.settle(&name, now);
        }
    }

    /// Whether the registry is lost.
    pub fn is_lost(&self) -> bool {
        self.hold_clock.stands_since().is_some()
    }
}
