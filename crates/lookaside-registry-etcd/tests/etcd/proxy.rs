pub(crate) use lookaside_tests::proxy::{Mode, Proxy};
