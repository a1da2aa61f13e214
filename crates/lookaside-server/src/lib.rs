//! The balancer as a library.

mod balance_load;
mod encode;
mod listener;
mod topic;
