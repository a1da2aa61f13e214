//! Which request is answered by what, on the client port and on the admin port.

mod admin;
mod body;
mod client;
mod flight;
mod not_grpc;
mod other;
mod patience;
mod payload;
mod routes;

pub(crate) use self::{
    admin::{AdminService, Scrape},
    body::ResponseBody,
    client::ClientService,
    flight::Flight,
    other::OtherBody,
    patience::Patience,
    payload::Payload,
    routes::Routes,
};
