//! One function for each folder of the corpus, `fuzz/corpus/<name>`.

pub mod balance_load;
pub mod balancer_response;
pub mod config;
pub mod http2;
pub mod names;
pub mod overrides;
pub mod registry_values;
pub mod saved_state;
mod served;
pub mod settings;
pub mod tokens;
