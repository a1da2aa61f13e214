//! Accepting connections and serving HTTP/2 on them.

mod accept;
mod connection;
mod executor;
mod hello;
mod http2;
mod stop;
mod tcp;
mod write_deadline;

pub(crate) use self::{
    accept::accept,
    connection::Connection,
    executor::StreamExecutor,
    http2::{Http2, Http2OrHttp1},
    stop::Stop,
    tcp::BoundPort,
    write_deadline::{BodyPoll, note},
};
