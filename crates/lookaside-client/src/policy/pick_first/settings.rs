use super::PickFirstPolicy;
use crate::{Policy, PolicyBuilder, PolicyOptions};

/// The `pick_first` policy: all calls to the first address that can be reached, tried in
/// order, each 250 ms after the one before or when that has failed.
/// [`ChildPolicy::PickFirst`](crate::ChildPolicy::PickFirst) is the same without options.
///
/// ```
/// use lookaside_client::{PickFirst, PolicyBuilder};
///
/// let policy = PickFirst::new().shuffle_address_list(true);
/// assert_eq!(policy.name(), "pick_first");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PickFirst {
    shuffle_address_list: bool,
}

impl PickFirst {
    /// In the order of the list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether to try the addresses of each new list in an order of the client's own, so
    /// that many clients do not all choose the same one (A62). Default false. An address
    /// that is listed several times is as many times as likely to be the first.
    #[must_use]
    pub fn shuffle_address_list(mut self, shuffle: bool) -> Self {
        self.shuffle_address_list = shuffle;
        self
    }

    pub(super) fn shuffles(&self) -> bool {
        self.shuffle_address_list
    }
}

impl PolicyBuilder for PickFirst {
    fn name(&self) -> &str {
        "pick_first"
    }

    fn build(&self, options: PolicyOptions) -> Box<dyn Policy> {
        Box::new(PickFirstPolicy::new(self.clone(), options))
    }

    #[cfg(feature = "service-config")]
    fn parse_config(&self, json: &str) -> Result<crate::PolicyConfig, String> {
        crate::PolicyConfig::parsed(self.clone().configured(json))
    }
}

#[cfg(feature = "service-config")]
impl PickFirst {
    /// Reads `{"shuffleAddressList": true}` (A62). What it does not say stays.
    fn configured(mut self, json: &str) -> Result<Self, crate::service_config::JsonError> {
        let document = crate::service_config::document(json)?;
        let root = crate::service_config::Node::root(&document);
        if let Some(shuffle) = root.field("shuffleAddressList")? {
            self = self.shuffle_address_list(shuffle.bool()?);
        }
        Ok(self)
    }
}
