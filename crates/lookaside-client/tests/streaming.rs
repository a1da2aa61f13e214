//! Calls of all four kinds: what comes through, and what becomes of them when somebody gives
//! up.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::time::Duration;

use h2::Reason;
use http::uri::PathAndQuery;
use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lookaside_client::{Channel, ConnectivityState};
use lookaside_proto::demo::{EchoRequest, EchoResponse};
use support::{
    addr,
    calls::Receiver,
    net::Net,
    scripted::{Answer, Scripted},
    text,
};
use tokio::sync::mpsc;
use tonic::{
    Code, Request, Response, Status, Streaming,
    body::Body,
    client::Grpc,
    codegen::{BoxFuture, tokio_stream},
    server::{ClientStreamingService, ServerStreamingService, StreamingService},
};
use tonic_prost::ProstCodec;

type Codec = ProstCodec<EchoRequest, EchoResponse>;

fn request(message: &str) -> EchoRequest {
    EchoRequest {
        message: message.to_owned(),
    }
}

fn response(message: String) -> EchoResponse {
    EchoResponse {
        message,
        ..EchoResponse::default()
    }
}

/// Says what it was told, in one word.
struct Join;

impl ClientStreamingService<EchoRequest> for Join {
    type Response = EchoResponse;
    type Future = BoxFuture<Response<EchoResponse>, Status>;

    fn call(&mut self, request: Request<Streaming<EchoRequest>>) -> Self::Future {
        Box::pin(async move {
            let (mut messages, mut joined) = (request.into_inner(), String::new());
            while let Some(message) = messages.message().await? {
                joined += &message.message;
            }
            Ok(Response::new(response(joined)))
        })
    }
}

type Answers = Receiver<Result<EchoResponse, Status>>;

/// Says every letter by itself, and then that it has no more.
struct Split;

impl ServerStreamingService<EchoRequest> for Split {
    type Response = EchoResponse;
    type ResponseStream = Answers;
    type Future = BoxFuture<Response<Answers>, Status>;

    fn call(&mut self, request: Request<EchoRequest>) -> Self::Future {
        Box::pin(async move {
            let (sender, receiver) = mpsc::channel(1);
            tokio::spawn(async move {
                for letter in request.into_inner().message.chars() {
                    sender.send(Ok(response(letter.into()))).await.ok();
                }
                let end = Status::out_of_range("no more letters");
                sender.send(Err(end)).await.ok();
            });
            Ok(Response::new(Receiver(receiver)))
        })
    }
}

/// Says every word again, as soon as it hears it.
struct Repeat;

impl StreamingService<EchoRequest> for Repeat {
    type Response = EchoResponse;
    type ResponseStream = Answers;
    type Future = BoxFuture<Response<Answers>, Status>;

    fn call(&mut self, request: Request<Streaming<EchoRequest>>) -> Self::Future {
        Box::pin(async move {
            let (sender, receiver) = mpsc::channel(1);
            tokio::spawn(async move {
                let mut messages = request.into_inner();
                while let Ok(Some(message)) = messages.message().await {
                    sender.send(Ok(response(message.message))).await.ok();
                }
            });
            Ok(Response::new(Receiver(receiver)))
        })
    }
}

fn serve(net: &Net, n: u8) {
    let mut incoming = net.listen(addr(n));
    tokio::spawn(async move {
        while let Some(io) = incoming.recv().await {
            let service = service_fn(async |request: http::Request<hyper::body::Incoming>| {
                let mut grpc = tonic::server::Grpc::new(ProstCodec::default());
                let request = request.map(Body::new);
                Ok::<_, std::convert::Infallible>(match request.uri().path() {
                    "/a.B/Join" => grpc.client_streaming(Join, request).await,
                    "/a.B/Split" => grpc.server_streaming(Split, request).await,
                    _ => grpc.streaming(Repeat, request).await,
                })
            });
            let server = http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(io), service));
        }
    });
}

fn channel(net: &Net) -> Channel {
    Channel::builder("orders")
        .addresses([text(1)])
        .connector(net.clone())
        .build()
        .unwrap()
}

async fn client(channel: &Channel) -> Grpc<Channel> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    client
}

#[tokio::test(start_paused = true)]
async fn many_messages_one_answer() {
    let net = Net::default();
    serve(&net, 1);
    let mut client = client(&channel(&net)).await;
    let messages = ["a", "b", "c"].map(request);
    let messages = Request::new(tokio_stream::iter(messages));
    let path = PathAndQuery::from_static("/a.B/Join");
    let answer = client
        .client_streaming(messages, path, Codec::default())
        .await;
    assert_eq!(answer.unwrap().into_inner().message, "abc");
}

#[tokio::test(start_paused = true)]
async fn one_message_many_answers_and_a_status_after_them() {
    let net = Net::default();
    serve(&net, 1);
    let mut client = client(&channel(&net)).await;
    let path = PathAndQuery::from_static("/a.B/Split");
    let answers = client.server_streaming(Request::new(request("xyz")), path, Codec::default());
    let mut answers = answers.await.unwrap().into_inner();
    for expected in ["x", "y", "z"] {
        assert_eq!(answers.message().await.unwrap().unwrap().message, expected);
    }
    let status = answers.message().await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::OutOfRange, "no more letters")
    );
}

#[tokio::test(start_paused = true)]
async fn messages_and_answers_take_turns() {
    let net = Net::default();
    serve(&net, 1);
    let mut client = client(&channel(&net)).await;
    let path = PathAndQuery::from_static("/a.B/Repeat");
    let (sender, receiver) = mpsc::channel(1);
    let messages = Request::new(Receiver(receiver));
    let answers = client.streaming(messages, path, Codec::default());
    let mut answers = answers.await.unwrap().into_inner();
    for word in ["one", "two", "three"] {
        sender.send(request(word)).await.unwrap();
        assert_eq!(answers.message().await.unwrap().unwrap().message, word);
    }
    drop(sender);
    assert!(answers.message().await.unwrap().is_none());
}

/// How the first request's stream was reset.
async fn reset(server: &Scripted) -> Reason {
    support::eventually("a reset", async || server.seen()[0].reset.is_some()).await;
    server.seen()[0].reset.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_before_its_answer_is_cancelled_at_its_backend() {
    let net = Net::default();
    let server = Scripted::start(&net, addr(1), [Answer::Hang]);
    let channel = channel(&net);
    let call = tokio::time::timeout(Duration::from_secs(1), support::calls::call(&channel));
    assert!(call.await.is_err());
    assert_eq!(reset(&server).await, Reason::CANCEL);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_cancels_at_the_backend_too() {
    let net = Net::default();
    let server = Scripted::start(&net, addr(1), [Answer::Hang]);
    let limit = |request: &mut Request<_>| request.set_timeout(Duration::from_secs(1));
    let channel = channel(&net);
    let status = support::calls::call_with(&channel, limit)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(reset(&server).await, Reason::CANCEL);
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_dropped_are_cancelled_at_the_backend() {
    let net = Net::default();
    let server = Scripted::start(&net, addr(1), [Answer::Begin]);
    let mut client = client(&channel(&net)).await;
    let path = PathAndQuery::from_static("/a.B/Split");
    let answers = client.server_streaming(Request::new(request("x")), path, Codec::default());
    let answers = answers.await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(server.seen()[0].reset, None);
    drop(answers);
    assert_eq!(reset(&server).await, Reason::CANCEL);
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_too_late_are_cancelled_at_the_backend_though_somebody_holds_them() {
    let net = Net::default();
    let server = Scripted::start(&net, addr(1), [Answer::Begin]);
    let mut client = client(&channel(&net)).await;
    let path = PathAndQuery::from_static("/a.B/Split");
    let mut question = Request::new(request("x"));
    question.set_timeout(Duration::from_secs(1));
    let answers = client.server_streaming(question, path, Codec::default());
    let mut answers = answers.await.unwrap().into_inner();
    let status = answers.message().await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(reset(&server).await, Reason::CANCEL);
    drop(answers);
}

#[tokio::test(start_paused = true)]
async fn answers_that_have_ended_keep_no_channel_awake_though_somebody_holds_them() {
    let net = Net::default();
    serve(&net, 1);
    let channel = channel(&net);
    let mut client = client(&channel).await;
    let path = PathAndQuery::from_static("/a.B/Split");
    let answers = client.server_streaming(Request::new(request("x")), path, Codec::default());
    let mut answers = answers.await.unwrap().into_inner();
    while let Ok(Some(_)) = answers.message().await {}
    tokio::time::sleep(Duration::from_secs(60 * 60)).await;
    assert_eq!(channel.state(), ConnectivityState::Idle);
    drop(answers);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_it_waits_is_never_sent() {
    let net = Net::default();
    let channel = channel(&net);
    let waiting = support::calls::patient_call(&channel);
    let given_up = tokio::time::timeout(Duration::from_secs(1), waiting).await;
    assert!(given_up.is_err());
    let server = Scripted::start(&net, addr(1), []);
    support::eventually("READY", async || {
        channel.state() == ConnectivityState::Ready
    })
    .await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(server.calls(), 0);
}

/// Its second message cannot be sent.
struct Broken(u8);

impl http_body::Body for Broken {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Status>>> {
        self.0 += 1;
        std::task::Poll::Ready(Some(if self.0 == 1 {
            Ok(http_body::Frame::data(bytes::Bytes::from_static(&[0; 5])))
        } else {
            Err(Status::failed_precondition("the file is gone"))
        }))
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_breaks_off_fails_its_call_with_its_own_status() {
    let net = Net::default();
    let server = Scripted::start(&net, addr(1), []);
    let request = http::Request::post("/a.B/Join")
        .body(Body::new(Broken(0)))
        .unwrap();
    let mut channel = channel(&net);
    let answer = tower_service::Service::call(&mut channel, request).await;
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(status.message(), "the file is gone");
    assert_eq!(server.seen()[0].body, None, "it never was at its end");
}
