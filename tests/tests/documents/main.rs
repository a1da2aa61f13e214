//! What the documents say is so: links lead somewhere, commands run, alerts have their section, log lines are
//! on their page.

mod alerts;
mod commands;
mod events;
mod grpcurl;
mod links;
mod logging;
mod page;
