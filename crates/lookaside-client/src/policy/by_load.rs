//! Feature `policies`: policies that weigh backends by how they fare.

mod backends;
mod clock;
mod in_flight;
mod least_request;
mod p2c;
mod weighted_round_robin;

pub use least_request::LeastRequest;
pub use p2c::P2c;
pub use weighted_round_robin::WeightedRoundRobin;
