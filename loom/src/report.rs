pub use lookaside_core::ReportDelta;

#[rustfmt::skip] // its tests are not here
#[path = "../../crates/lookaside-core/src/report/counters.rs"]
pub(crate) mod counters;
