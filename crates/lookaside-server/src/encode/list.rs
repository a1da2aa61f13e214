use bytes::{BufMut, Bytes, BytesMut};
use lookaside_core::{Drops, List, Variant, rotation};
use prost::encoding::{encode_varint, encoded_len_varint};

use super::{
    put_prefix,
    slot::{BYTES, WireSlot, tag},
};

/// `LoadBalanceResponse.server_list`.
const SERVER_LIST: u8 = tag(2, BYTES);

/// An upper bound of what [`EncodedList::push`] writes: prefix, header, the largest slot.
pub(crate) const MAX_HEAD_BYTES: usize = 5 + (1 + 4) + (2 + 18 + 4 + 51);

/// A list in wire form, ready for every stream at every rotation.
#[derive(Debug)]
pub(crate) struct EncodedList {
    /// All slots, encoded, twice in a row: every rotation is a slice of it.
    ring: Bytes,
    rotations: Box<[Rotation]>,
    drops: Drops,
}

/// Where one rotation starts.
#[derive(Clone, Copy, Debug)]
struct Rotation {
    first: WireSlot,
    /// Of the first slot, in the ring.
    offset: usize,
}

impl EncodedList {
    pub(crate) fn new(list: &List) -> Self {
        let slots = list.slots();
        let wire = |index: usize| WireSlot::new(&list.slot(slots[index % slots.len()]));
        let mut offsets = Vec::with_capacity(slots.len());
        let mut ring = Vec::new();
        for index in 0..slots.len() {
            offsets.push(ring.len());
            wire(index).put(&mut ring);
        }
        ring.extend_from_within(..);
        let places = slots.len().min(rotation::MAX_ROTATIONS);
        let rotations = (0..places).map(|place| {
            let start = rotation::start(slots.len(), place);
            Rotation {
                first: wire(start),
                offset: offsets[start],
            }
        });
        Self {
            ring: ring.into(),
            rotations: rotations.collect(),
            drops: list.drops().clone(),
        }
    }

    /// The drops whose categories a stream's variant must not confuse.
    pub(crate) fn drops(&self) -> &Drops {
        &self.drops
    }

    /// Which of the list's rotations this is.
    pub(crate) fn place(&self, rotation: usize) -> usize {
        rotation % self.rotations.len()
    }

    /// One message, in two parts: `head` gets the prefix, the header and the first slot
    /// with the stream's variant; the rest is shared by all streams of this rotation.
    pub(crate) fn push(&self, rotation: usize, variant: Variant, head: &mut BytesMut) -> Bytes {
        let Rotation { first, offset } = self.rotations[self.place(rotation)];
        let round = self.ring.len() / 2;
        let rest = offset + first.encoded_len()..offset + round;
        let first = first.with_token(|token| token.with_variant(variant));

        let list_len = first.encoded_len() + rest.len();
        let message_len = 1 + encoded_len_varint(list_len as u64) + list_len;
        put_prefix(head, message_len);
        head.put_u8(SERVER_LIST);
        encode_varint(list_len as u64, head);
        first.put(head);
        self.ring.slice(rest)
    }
}
