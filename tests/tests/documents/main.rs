//! What the documents say is so: links lead somewhere, commands run, alerts have their section.

mod alerts;
mod commands;
mod links;
mod page;
