use std::{
    collections::VecDeque,
    future::poll_fn,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use h2::{Reason, RecvStream, server::SendResponse};
use http::{HeaderMap, Request, Response};
use tokio::{io::DuplexStream, time::Instant};
use tonic::Code;

use super::net::Net;

/// What one request gets.
#[derive(Clone)]
pub enum Answer {
    /// An `EchoResponse` without content, once the request's body is there.
    Ok,
    /// A status and nothing else, with these headers, once the request's body is there.
    Status(Code, &'static [(&'static str, &'static str)]),
    /// The same, but without waiting for the request's body.
    Early(Code),
    /// Headers, and only then a status.
    Late(Code),
    /// Not gRPC at all.
    Http(u16),
    /// The stream is reset at once.
    Reset(Reason),
    /// Nothing, until the client gives up.
    Hang,
    /// Headers, and then nothing, until the client gives up.
    Begin,
}

/// What came of one request.
#[derive(Clone)]
pub struct Seen {
    pub headers: HeaderMap,
    pub at: Instant,
    /// How many bytes of body there were when it was at its end.
    pub body: Option<usize>,
    /// The body broke off.
    pub broke: bool,
    /// How the client reset it.
    pub reset: Option<Reason>,
}

/// A server that answers its requests with these, one after the other, and then well.
#[derive(Clone)]
pub struct Scripted {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Scripted {
    pub fn start(net: &Net, at: SocketAddr, answers: impl IntoIterator<Item = Answer>) -> Self {
        let scripted = Self {
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            seen: Arc::default(),
        };
        let mut incoming = net.listen(at);
        let served = scripted.clone();
        tokio::spawn(async move {
            while let Some(io) = incoming.recv().await {
                tokio::spawn(served.clone().serve(io));
            }
        });
        scripted
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn calls(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    async fn serve(self, io: DuplexStream) {
        let mut connection = h2::server::handshake(io).await.unwrap();
        while let Some(Ok((request, respond))) = connection.accept().await {
            let answer = self.answers.lock().unwrap().pop_front();
            let (parts, body) = request.into_parts();
            let index = {
                let mut seen = self.seen.lock().unwrap();
                seen.push(Seen {
                    headers: parts.headers,
                    at: Instant::now(),
                    body: None,
                    broke: false,
                    reset: None,
                });
                seen.len() - 1
            };
            let request = Request::new(body);
            let answer = answer.unwrap_or(Answer::Ok);
            tokio::spawn(self.clone().answer(index, request, respond, answer));
        }
    }

    async fn answer(
        self,
        index: usize,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
        answer: Answer,
    ) {
        match answer {
            Answer::Ok => {
                self.read(index, request).await;
                let headers = grpc().body(()).unwrap();
                let Ok(mut stream) = respond.send_response(headers, false) else {
                    return;
                };
                let message = Bytes::from_static(&[0; 5]);
                if stream.send_data(message, false).is_ok() {
                    let _ = stream.send_trailers(status(Code::Ok));
                }
            }
            Answer::Status(code, headers) => {
                self.read(index, request).await;
                let mut response = grpc().header("grpc-status", code as i32);
                for (name, value) in headers {
                    response = response.header(*name, *value);
                }
                let _ = respond.send_response(response.body(()).unwrap(), true);
            }
            Answer::Early(code) => {
                let response = grpc().header("grpc-status", code as i32).body(());
                let _ = respond.send_response(response.unwrap(), true);
                // Says nothing of the rest of the request, as a careless server does.
                self.read(index, request).await;
            }
            Answer::Late(code) => {
                self.read(index, request).await;
                let headers = grpc().body(()).unwrap();
                if let Ok(mut stream) = respond.send_response(headers, false) {
                    let _ = stream.send_trailers(status(code));
                }
            }
            Answer::Http(code) => {
                self.read(index, request).await;
                let response = Response::builder().status(code).body(()).unwrap();
                if let Ok(mut stream) = respond.send_response(response, false) {
                    let _ = stream.send_data(Bytes::from_static(b"oops"), true);
                }
            }
            Answer::Reset(reason) => respond.send_reset(reason),
            Answer::Hang => {
                let reason = poll_fn(|cx| respond.poll_reset(cx)).await;
                self.seen.lock().unwrap()[index].reset = reason.ok();
                drop(request);
            }
            Answer::Begin => {
                let headers = grpc().body(()).unwrap();
                let Ok(mut stream) = respond.send_response(headers, false) else {
                    return;
                };
                let reason = poll_fn(|cx| stream.poll_reset(cx)).await;
                self.seen.lock().unwrap()[index].reset = reason.ok();
                drop(request);
            }
        }
    }

    async fn read(&self, index: usize, request: Request<RecvStream>) {
        let mut body = request.into_body();
        let mut size = 0;
        while let Some(data) = body.data().await {
            let Ok(data) = data else {
                self.seen.lock().unwrap()[index].broke = true;
                return;
            };
            size += data.len();
            let _ = body.flow_control().release_capacity(data.len());
        }
        self.seen.lock().unwrap()[index].body = Some(size);
    }
}

fn grpc() -> http::response::Builder {
    Response::builder().header("content-type", "application/grpc")
}

fn status(code: Code) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", (code as i32).into());
    trailers
}
