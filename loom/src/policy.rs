#[rustfmt::skip] // its tests are not here
#[path = "../../crates/lookaside-client/src/policy/work_scheduler.rs"]
pub(crate) mod work_scheduler;
