use super::Endpoint;
use crate::Drop;

/// 3.5 MiB: every stock client refuses a message over 4 MiB, and reopens its stream
/// without delay.
pub const DEFAULT_MAX_BYTES: usize = 3 * 1024 * 1024 + 512 * 1024;

/// How long a list may get.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Slots before drops; default 1024. More backends than that get more, see
    /// [`length_bound`](crate::length_bound).
    pub max_slots: usize,
    /// The size of all slots as clients get them; default [`DEFAULT_MAX_BYTES`].
    pub max_bytes: usize,
    /// What one slot takes of `max_bytes`: only who encodes a list knows. The same slot
    /// always costs the same.
    pub slot_bytes: fn(&SlotRef<'_>) -> usize,
}

impl Limits {
    /// The defaults, with an encoder's cost of a slot.
    pub fn new(slot_bytes: fn(&SlotRef<'_>) -> usize) -> Self {
        Self {
            max_slots: 1024,
            max_bytes: DEFAULT_MAX_BYTES,
            slot_bytes,
        }
    }
}

/// What one slot of a list stands for.
#[derive(Clone, Copy, Debug)]
pub enum SlotRef<'a> {
    /// Calls go here.
    Endpoint(&'a Endpoint),
    /// Calls fail at the client.
    Drop(&'a Drop),
}
