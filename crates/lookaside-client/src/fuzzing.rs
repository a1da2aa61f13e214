//! Inside doors for the fuzz targets; no part of the API.

pub use crate::grpclb::fuzz_response as balancer_response;
