//! Whether two balancers serve the same.

use lookaside_core::{Plan, ServiceName};

/// FNV-1a. std's hashes may differ from build to build, and replicas are upgraded one by
/// one; nobody gains by forging this.
#[derive(Debug)]
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        // A separator that no UTF-8 text has.
        self.0 = (self.0 ^ 0xff).wrapping_mul(0x0100_0000_01b3);
    }
}

/// Of a service's name and what its clients are told, but for tokens: these change with the
/// key, and replicas get that one after the other. 32 bits: a metric is a double.
pub(super) fn of(name: &ServiceName, plan: &Plan) -> u32 {
    let mut hash = Fnv::new();
    hash.write(name.as_str().as_bytes());
    if let Plan::List(list) = plan {
        for (endpoint, slots) in list.endpoints().iter().zip(list.endpoint_slots()) {
            hash.write(endpoint.id().as_str().as_bytes());
            hash.write(endpoint.addr.to_string().as_bytes());
            hash.write(&slots.to_le_bytes());
        }
        for (drop, slots) in list.drops().as_slice().iter().zip(list.drop_slots()) {
            hash.write(drop.category.as_bytes());
            hash.write(&slots.to_le_bytes());
        }
    }
    ((hash.0 >> 32) ^ hash.0) as u32
}
