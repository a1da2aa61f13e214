//! Load reports.

mod hasty;
mod over_time;
mod streaming;
pub(crate) mod sum;
mod unary;
