use std::fmt::Write;

use anyhow::{Result, bail};
use prost_reflect::{Cardinality, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use prost_reflect::{MethodDescriptor, ServiceDescriptor};

use super::reflection::Reflected;

impl Reflected {
    /// A service, method, message or enum, with or without a leading dot, as its `.proto` has
    /// it.
    ///
    /// # Errors
    /// If the server has no such symbol.
    pub fn describe(&self, symbol: &str) -> Result<String> {
        let symbol = symbol.trim_start_matches('.');
        if let Some(service) = self.pool.get_service_by_name(symbol) {
            return Ok(format!("{symbol} is a service:\n{}\n", described(&service)));
        }
        if let Ok(found) = self.method(symbol) {
            return Ok(format!("{symbol} is a method:\n{}\n", line(&found)));
        }
        if let Some(found) = self.pool.get_message_by_name(symbol) {
            return Ok(format!("{symbol} is a message:\n{}\n", message(&found)));
        }
        if let Some(found) = self.pool.get_enum_by_name(symbol) {
            return Ok(format!("{symbol} is an enum:\n{}\n", values(&found)));
        }
        bail!("{symbol}: the server has no such symbol")
    }
}

fn described(service: &ServiceDescriptor) -> String {
    let methods = service.methods().map(|it| format!("  {}\n", line(&it)));
    format!(
        "service {} {{\n{}}}",
        service.name(),
        methods.collect::<String>()
    )
}

fn line(method: &MethodDescriptor) -> String {
    let side = |streams: bool, of: MessageDescriptor| {
        let stream = if streams { "stream " } else { "" };
        format!("( {stream}.{} )", of.full_name())
    };
    format!(
        "rpc {} {} returns {};",
        method.name(),
        side(method.is_client_streaming(), method.input()),
        side(method.is_server_streaming(), method.output())
    )
}

fn message(message: &MessageDescriptor) -> String {
    let mut text = format!("message {} {{\n", message.name());
    for found in message.fields() {
        let _ = writeln!(text, "  {}", field(&found));
    }
    text + "}"
}

fn field(field: &FieldDescriptor) -> String {
    let label = match field.cardinality() {
        Cardinality::Repeated => "repeated ",
        _ if field.field_descriptor_proto().proto3_optional() => "optional ",
        _ => "",
    };
    let kind = match field.kind() {
        Kind::Message(of) => format!(".{}", of.full_name()),
        Kind::Enum(of) => format!(".{}", of.full_name()),
        other => format!("{other:?}"),
    };
    format!("{label}{kind} {} = {};", field.name(), field.number())
}

fn values(kind: &EnumDescriptor) -> String {
    let values = kind
        .values()
        .map(|it| format!("  {} = {};\n", it.name(), it.number()));
    format!("enum {} {{\n{}}}", kind.name(), values.collect::<String>())
}
