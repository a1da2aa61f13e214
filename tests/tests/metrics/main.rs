//! What `GET /metrics` of a running balancer says, and what is built on it: its page, the
//! dashboard and the alert rules name the very metrics that there are.

mod alerts;
mod counted;
mod dashboard;
mod names;
mod page;
mod prometheus;
mod promql;
mod world;
