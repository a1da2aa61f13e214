//! `grpc.lb.v1.LoadBalancer`.
//!
//! A stream is served inside the one task that hyper has for it: the response body reads
//! load reports and writes lists in the same poll. There is no channel and no second task.

mod admission;
mod body;
mod frame_reader;
mod initial;
mod pace;
mod refusal;
mod reopens;
mod report;
mod service;
mod user_agent;

pub(crate) use self::{
    admission::Admission, body::BalanceBody, frame_reader::PREFIX_BYTES, pace::Turn,
    refusal::Reason, reopens::Reopens, service::BalanceLoad, user_agent::user_agent,
};
