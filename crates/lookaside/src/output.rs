//! What commands print.

mod code;
mod colour;
mod doctor;
mod explain;
mod format;
mod json;
mod orders;
mod overrides;
mod probe;
mod problems;
mod service;
mod services;
mod settings;
mod status;
mod streams;
mod table;
mod token;

pub(crate) use self::{
    code::code_name,
    colour::{Colour, Tone, colours},
    doctor::{DoctorJson, write_findings},
    explain::{ExplanationJson, write_explanation},
    format::{ago, count, duration, percent},
    json::{ServiceJson, ServicesJson, StatusJson},
    orders::{write_cleared, write_ended, write_ended_json, write_reloaded, write_set},
    overrides::{write_overrides, write_overrides_json},
    probe::ProbeLines,
    service::{headline, write_service},
    services::{balancer_line, registry_trouble, write_services},
    settings::{SettingsJson, write_settings},
    status::write_status,
    streams::{StreamsJson, write_streams},
    table::{Align, Table},
    token::{TokenJson, write_token},
};

#[cfg(test)]
mod tests;
