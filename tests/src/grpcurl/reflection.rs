use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use prost::{Message, Oneof};
use prost_reflect::{DescriptorPool, MethodDescriptor};
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, client::Grpc, transport::Channel};
use tonic_prost::ProstCodec;

/// Which reflection is asked. Their messages are the same, only their names differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `grpc.reflection.v1`.
    V1,
    /// `grpc.reflection.v1alpha`, which older tools ask.
    V1Alpha,
}

impl Version {
    /// The full name of its service.
    pub fn service(self) -> &'static str {
        match self {
            Self::V1 => "grpc.reflection.v1.ServerReflection",
            Self::V1Alpha => "grpc.reflection.v1alpha.ServerReflection",
        }
    }
}

// Written down from the protocol's definition, not taken from what serves it.

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(oneof = "Asked", tags = "3, 4, 7")]
    asked: Option<Asked>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Asked {
    #[prost(string, tag = "3")]
    FileByFilename(String),
    #[prost(string, tag = "4")]
    FileContainingSymbol(String),
    #[prost(string, tag = "7")]
    ListServices(String),
}

#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(oneof = "Told", tags = "4, 6, 7")]
    told: Option<Told>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Told {
    #[prost(message, tag = "4")]
    Files(Files),
    #[prost(message, tag = "6")]
    Services(Services),
    #[prost(message, tag = "7")]
    Error(Refused),
}

#[derive(Clone, PartialEq, Message)]
struct Files {
    #[prost(bytes = "vec", repeated, tag = "1")]
    files: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Services {
    #[prost(message, repeated, tag = "1")]
    services: Vec<Named>,
}

#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Refused {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// All that a server's reflection told.
#[derive(Debug)]
pub struct Reflected {
    services: Vec<String>,
    pub(super) pool: DescriptorPool,
}

impl Reflected {
    /// Asks for every service that is listed, and for all that their files import.
    ///
    /// # Errors
    /// When the server lists what it cannot describe, or files that do not fit together.
    pub async fn ask(channel: Channel, version: Version) -> Result<Self> {
        let mut asking = Asking::begin(channel, version).await?;
        let services = match asking.ask(Asked::ListServices(String::new())).await? {
            Told::Services(told) => told.services.into_iter().map(|it| it.name).collect(),
            other => bail!("services were asked for, not {other:?}"),
        };
        let mut files = BTreeMap::new();
        for name in &services {
            asking
                .fetch(Asked::FileContainingSymbol(String::clone(name)), &mut files)
                .await?;
        }
        while let Some(missing) = missing(&files) {
            asking
                .fetch(Asked::FileByFilename(missing.clone()), &mut files)
                .await?;
            ensure!(
                files.contains_key(&missing),
                "{missing} was not in the answer"
            );
        }
        let set = FileDescriptorSet {
            file: files.into_values().collect(),
        };
        let pool = DescriptorPool::from_file_descriptor_set(set)?;
        Ok(Self { services, pool })
    }

    /// The full names of the services.
    pub fn services(&self) -> &[String] {
        &self.services
    }

    /// The full names of a service's methods.
    ///
    /// # Errors
    /// If there is no such service.
    pub fn methods(&self, service: &str) -> Result<Vec<String>> {
        let found = self.pool.get_service_by_name(service);
        let found = found.with_context(|| format!("there is no service {service}"))?;
        Ok(found
            .methods()
            .map(|it| it.full_name().to_owned())
            .collect())
    }

    pub(super) fn method(&self, name: &str) -> Result<MethodDescriptor> {
        let (service, method) = name
            .split_once('/')
            .or_else(|| name.rsplit_once('.'))
            .with_context(|| format!("{name} is no method"))?;
        let service = self.pool.get_service_by_name(service);
        let mut methods = service.iter().flat_map(|it| it.methods());
        let found = methods.find(|it| it.name() == method);
        found.with_context(|| format!("there is no method {name}"))
    }
}

/// A file that is imported and not there yet.
fn missing(files: &BTreeMap<String, FileDescriptorProto>) -> Option<String> {
    let mut imported = files.values().flat_map(|it| &it.dependency);
    imported.find(|it| !files.contains_key(*it)).cloned()
}

/// The stream on which all is asked.
struct Asking {
    requests: mpsc::Sender<Request>,
    responses: Streaming<Response>,
}

impl Asking {
    async fn begin(channel: Channel, version: Version) -> Result<Self> {
        let mut grpc = Grpc::new(channel);
        grpc.ready().await?;
        let (requests, receiver) = mpsc::channel(1);
        let path = format!("/{}/ServerReflectionInfo", version.service());
        let request = tonic::Request::new(ReceiverStream::new(receiver));
        let codec = ProstCodec::<Request, Response>::default();
        let response = grpc.streaming(request, path.parse()?, codec).await?;
        Ok(Self {
            requests,
            responses: response.into_inner(),
        })
    }

    async fn ask(&mut self, asked: Asked) -> Result<Told> {
        let what = format!("{asked:?}");
        self.requests.send(Request { asked: Some(asked) }).await?;
        let response = self.responses.message().await?;
        match response.and_then(|it| it.told) {
            Some(Told::Error(it)) => bail!("{what}: {} {}", it.code, it.message),
            told => told.with_context(|| format!("{what}: no answer")),
        }
    }

    async fn fetch(
        &mut self,
        asked: Asked,
        files: &mut BTreeMap<String, FileDescriptorProto>,
    ) -> Result<()> {
        let Told::Files(told) = self.ask(asked).await? else {
            bail!("files were asked for");
        };
        for file in told.files {
            let file = FileDescriptorProto::decode(file.as_slice())?;
            files.insert(file.name().to_owned(), file);
        }
        Ok(())
    }
}
