//! What a balancer says of itself.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use lookaside_proto::v1::{
    GetServiceRequest, GetStatusRequest, GetStatusResponse, Service, inspect_client::InspectClient,
};
use tonic::transport::{Channel, ClientTlsConfig};

/// A plain HTTP/2 connection to `addr`.
///
/// # Errors
/// When there is none to be had.
pub async fn connect(addr: SocketAddr) -> Result<Channel> {
    let endpoint = Channel::from_shared(format!("http://{addr}"))?;
    endpoint
        .connect()
        .await
        .with_context(|| format!("connecting to {addr}"))
}

/// A connection in TLS.
///
/// # Errors
/// When there is none to be had.
pub async fn connect_tls(addr: SocketAddr, tls: ClientTlsConfig) -> Result<Channel> {
    let endpoint = Channel::from_shared(format!("https://{addr}"))?.tls_config(tls)?;
    endpoint
        .connect()
        .await
        .with_context(|| format!("connecting to {addr}"))
}

/// One service as the balancer at `addr` sees it.
///
/// # Errors
/// As the balancer answers.
pub async fn service(addr: SocketAddr, name: &str) -> Result<Service> {
    let mut client = InspectClient::new(connect(addr).await?);
    let request = GetServiceRequest {
        name: name.to_owned(),
    };
    Ok(client.get_service(request).await?.into_inner())
}

/// What the balancer at `addr` says of itself as a whole.
///
/// # Errors
/// As the balancer answers.
pub async fn status(addr: SocketAddr) -> Result<GetStatusResponse> {
    let mut client = InspectClient::new(connect(addr).await?);
    Ok(client.get_status(GetStatusRequest {}).await?.into_inner())
}
