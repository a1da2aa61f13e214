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
    json::{ServiceJson, ServicesJson},
    probe::ProbeLines,
    service::write_service,
    services::write_services,
};

#[cfg(test)]
mod tests;
