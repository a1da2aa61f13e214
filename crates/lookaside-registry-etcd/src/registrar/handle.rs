use std::time::Duration;

use lookaside_core::{BackendId, ServiceName};
use lookaside_registry::{Handle, RegistrationError};

use crate::layout::name_of;

/// The encoding below. Another one gets another number, so that handles survive a
/// rolling upgrade of the balancers: an unknown one reads as gone, and its owner
/// registers again.
const VERSION: u8 = 1;

/// Version, lease, seconds to live.
const FIXED_BYTES: usize = 1 + 8 + 4;

/// What a registration's handle says: any balancer can renew it with that.
///
/// Version, lease (8 bytes, big endian), granted seconds to live (4 bytes, big endian;
/// etcd-client does not hand out the answer of the first renewal), key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) id: i64,
    pub(super) ttl: Duration,
    pub(super) key: String,
}

impl Lease {
    pub(super) fn encode(&self) -> Result<Handle, RegistrationError> {
        let seconds = u32::try_from(self.ttl.as_secs()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(FIXED_BYTES + self.key.len());
        bytes.push(VERSION);
        bytes.extend(self.id.to_be_bytes());
        bytes.extend(seconds.to_be_bytes());
        bytes.extend(self.key.as_bytes());
        Handle::new(&bytes)
    }

    /// `None` for anything that is no handle of a backend under this prefix: handles
    /// come from the network, and must not lead anywhere else. Nor to a key without a
    /// lease, which to etcd is one with lease 0.
    pub(super) fn decode(prefix: &str, handle: &Handle) -> Option<Self> {
        let (&version, rest) = handle.as_bytes().split_first()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (seconds, key) = rest.split_first_chunk()?;
        name_of(prefix, key)?;
        let id = i64::from_be_bytes(*id);
        (version == VERSION && id > 0).then_some(Self {
            id,
            ttl: Duration::from_secs(u32::from_be_bytes(*seconds).into()),
            key: std::str::from_utf8(key).ok()?.to_owned(),
        })
    }

    pub(super) fn is_of(&self, prefix: &str, service: &ServiceName, id: &BackendId) -> bool {
        name_of(prefix, self.key.as_bytes())
            .is_some_and(|(own_service, own_id)| own_service == *service && own_id == *id)
    }
}

#[cfg(test)]
mod tests {
    use lookaside_core::MAX_NAME_BYTES;
    use lookaside_registry::MAX_HANDLE_BYTES;
    use proptest::prelude::*;

    use super::*;
    use crate::MAX_PREFIX_BYTES;

    // The longest key fits.
    const _: () = assert!(MAX_HANDLE_BYTES > FIXED_BYTES + MAX_PREFIX_BYTES + 2 * MAX_NAME_BYTES);

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(id in 1..=i64::MAX, seconds: u32, key in "[a-z]{1,9}/[a-z]{1,9}") {
            let lease = Lease {
                id,
                ttl: Duration::from_secs(seconds.into()),
                key: format!("services/{key}"),
            };
            let handle = lease.encode().unwrap();
            prop_assert_eq!(Lease::decode("services/", &handle), Some(lease));
            prop_assert_eq!(Lease::decode("other/", &handle), None);
        }

        #[test]
        fn what_is_no_handle_is_none(bytes in prop::collection::vec(any::<u8>(), 1..60)) {
            prop_assert_eq!(Lease::decode("services/", &Handle::new(&bytes).unwrap()), None);
        }
    }
}
