#[rustfmt::skip] // its tests are not here
#[path = "../../crates/lookaside-server/src/http/flight.rs"]
pub(crate) mod flight;
#[rustfmt::skip] // its tests are not here
#[path = "../../crates/lookaside-server/src/http/patience.rs"]
pub(crate) mod patience;
