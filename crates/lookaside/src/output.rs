//! What commands print.

mod code;
mod format;
mod json;
mod probe;
mod service;
mod services;
mod table;

pub(crate) use self::{
    code::code_name,
    format::percent,
    json::{ServiceJson, ServicesJson},
    probe::ProbeLines,
    service::write_service,
    services::write_services,
    table::{Align, Table},
};

#[cfg(test)]
mod tests;
