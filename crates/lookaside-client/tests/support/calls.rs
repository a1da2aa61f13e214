use std::{collections::BTreeMap, time::Duration};

use lookaside_client::{Channel, WaitForReady};
use lookaside_proto::demo::{EchoRequest, EchoResponse, echo_client::EchoClient};
use tonic::{Request, Status};

/// One call.
pub async fn call(channel: &Channel) -> Result<EchoResponse, Status> {
    call_with(channel, |_| {}).await
}

/// One call that waits for ready, for at most five virtual minutes.
pub async fn patient_call(channel: &Channel) -> Result<EchoResponse, Status> {
    call_with(channel, |request| {
        request.extensions_mut().insert(WaitForReady(true));
        request.set_timeout(Duration::from_secs(300));
    })
    .await
}

pub async fn call_with(
    channel: &Channel,
    prepare: impl FnOnce(&mut Request<EchoRequest>),
) -> Result<EchoResponse, Status> {
    let mut request = Request::new(EchoRequest {
        message: "hello".into(),
    });
    prepare(&mut request);
    let response = EchoClient::new(channel.clone()).echo(request).await?;
    Ok(response.into_inner())
}

/// Which backend answered each of `n` successive calls.
pub async fn backends(channel: &Channel, n: usize) -> Vec<String> {
    let mut answered = Vec::with_capacity(n);
    for _ in 0..n {
        answered.push(call(channel).await.unwrap().backend);
    }
    answered
}

/// How many of `n` successive calls each backend answered with each token.
pub async fn spread(channel: &Channel, n: usize) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..n {
        let answer = call(channel).await.unwrap();
        *counts.entry((answer.backend, answer.lb_token)).or_default() += 1;
    }
    counts
}

/// One call over any transport, with nothing around it.
pub async fn bare_call<T>(client: &mut EchoClient<T>) -> Result<(), Status>
where
    T: tonic::client::GrpcService<tonic::body::Body>,
    T::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    T::ResponseBody: tonic::codegen::Body<Data = bytes::Bytes> + Send + 'static,
    <T::ResponseBody as tonic::codegen::Body>::Error:
        Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    let message = String::new();
    client.echo(EchoRequest { message }).await.map(|_| ())
}

/// What is sent into a channel, as the messages of a call.
pub struct Receiver<T>(pub tokio::sync::mpsc::Receiver<T>);

impl<T> tonic::codegen::tokio_stream::Stream for Receiver<T> {
    type Item = T;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<T>> {
        self.0.poll_recv(cx)
    }
}
