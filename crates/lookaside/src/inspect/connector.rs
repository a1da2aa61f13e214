use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use http::Uri;
use hyper_util::rt::TokioIo;
use lookaside_client::Transport;
use lookaside_tls::ClientTls;
use tokio::net::TcpStream;
use tower_service::Service;

/// How a balancer is connected to: in TLS if told what to verify it with.
#[derive(Clone, Debug)]
pub(super) struct Connector(pub(super) Option<ClientTls>);

impl Service<Uri> for Connector {
    type Response = TokioIo<Transport>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let tls = self.0.clone();
        Box::pin(async move {
            let address = uri.authority().map_or("", |authority| authority.as_str());
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let transport = match tls {
                None => Transport::new(stream),
                Some(tls) => {
                    let host = uri.host().unwrap_or_default();
                    Transport::new(tls.connect(host, stream).await?)
                }
            };
            Ok(TokioIo::new(transport))
        })
    }
}
