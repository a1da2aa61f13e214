use std::time::Duration;

use anyhow::{Context, Result, ensure};
use prost_reflect::{DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::Value;
use tokio::time::timeout;
use tonic::{Code, Request, Status, client::Grpc, transport::Channel};

use super::{codec::Dynamic, reflection::Reflected};

/// How a call ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its status.
    pub code: Code,
    /// And what that says.
    pub message: String,
}

impl Ended {
    /// Well.
    pub fn ok() -> Self {
        Self {
            code: Code::Ok,
            message: String::new(),
        }
    }

    fn with(status: &Status) -> Self {
        Self {
            code: status.code(),
            message: status.message().to_owned(),
        }
    }
}

/// Sends what `data` has, half-closes, and reads until the call ends.
pub(super) async fn call(
    channel: Channel,
    reflected: &Reflected,
    method: &str,
    data: &str,
    max_time: Duration,
) -> Result<(Vec<Value>, Ended)> {
    let method = reflected.method(method)?;
    let requests = requests(&method.input(), data)?;
    let streams = method.is_client_streaming();
    ensure!(
        streams || requests.len() == 1,
        "{}: one request",
        method.full_name()
    );
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let codec = Dynamic {
        output: method.output(),
    };
    let mut grpc = Grpc::new(channel);
    grpc.ready().await?;
    let requests = Request::new(tokio_stream::iter(requests));
    let mut messages = Vec::new();
    let read = async {
        let response = grpc.streaming(requests, path.parse()?, codec).await;
        let mut stream = match response {
            Ok(response) => response.into_inner(),
            Err(status) => return Ok(Ended::with(&status)),
        };
        loop {
            match stream.message().await {
                Ok(Some(message)) => messages.push(json(&message)?),
                Ok(None) => return anyhow::Ok(Ended::ok()),
                Err(status) => return Ok(Ended::with(&status)),
            }
        }
    };
    let ended = match timeout(max_time, read).await {
        Ok(ended) => ended?,
        Err(_) => Ended::with(&Status::deadline_exceeded("it goes on")),
    };
    Ok((messages, ended))
}

/// JSON objects, one after the other; none is the message with nothing in it.
fn requests(kind: &MessageDescriptor, data: &str) -> Result<Vec<DynamicMessage>> {
    let mut requests = Vec::new();
    for value in serde_json::Deserializer::from_str(data).into_iter::<Value>() {
        let value = value.with_context(|| format!("{data} is no JSON"))?;
        let request = DynamicMessage::deserialize(kind.clone(), value);
        requests.push(request.with_context(|| format!("{data} as {}", kind.full_name()))?);
    }
    if requests.is_empty() {
        requests.push(DynamicMessage::new(kind.clone()));
    }
    Ok(requests)
}

/// As protobuf's JSON mapping has it: what has its default is left out.
fn json(message: &DynamicMessage) -> Result<Value> {
    let options = SerializeOptions::new().skip_default_fields(true);
    Ok(message.serialize_with_options(serde_json::value::Serializer, &options)?)
}
