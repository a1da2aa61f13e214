//! Accepting connections and serving HTTP/2 on them.

mod accept;
mod connection;
mod executor;
mod frames;
mod guarded;
mod http2;
mod idle;
mod inbound;
mod reserve;
mod served;
mod stop;
mod tcp;
mod write_deadline;

pub(crate) use self::{
    accept::accept,
    connection::{Connection, MAX_OTHER_REQUESTS, OtherRequest},
    http2::Http,
    stop::Stop,
    tcp::BoundPort,
    write_deadline::{BodyPoll, note, watch},
};
