use std::{future::poll_fn, net::IpAddr, sync::Arc};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use h2::{RecvStream, SendStream, client::ResponseFuture};
use http::{HeaderMap, Request};
use lookaside_core::strip_variant;
use lookaside_proto::{
    BALANCE_LOAD_PATH,
    lb::{
        ClientStats, InitialLoadBalanceRequest, LoadBalanceRequest, LoadBalanceResponse, Server,
        load_balance_request::LoadBalanceRequestType as Ask,
        load_balance_response::LoadBalanceResponseType as Tell,
    },
};
use lookaside_server::Balancer;
use prost::Message;
use tokio::sync::watch;
use tonic::Code;

/// Where in-memory connections say they come from.
const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// One HTTP/2 connection.
pub(crate) struct Client {
    requests: h2::client::SendRequest<Bytes>,
    pings: h2::PingPong,
}

impl Client {
    pub(crate) async fn connect(balancer: &Arc<Balancer>) -> Self {
        Self::connect_with(balancer, &h2::client::Builder::new()).await
    }

    pub(crate) async fn connect_with(
        balancer: &Arc<Balancer>,
        builder: &h2::client::Builder,
    ) -> Self {
        let (client, _) = Self::connect_through(balancer, builder, 64 * 1024).await;
        client
    }

    /// A connection with this much room on its way. While the switch is on, the client
    /// does not read from it.
    pub(crate) async fn connect_through(
        balancer: &Arc<Balancer>,
        builder: &h2::client::Builder,
        room: usize,
    ) -> (Self, watch::Sender<bool>) {
        let (ours, theirs) = tokio::io::duplex(room);
        let balancer = Arc::clone(balancer);
        tokio::spawn(async move { balancer.serve_connection(theirs, Some(PEER)).await });
        let (requests, mut connection) = builder.handshake(ours).await.unwrap();
        let pings = connection.ping_pong().unwrap();
        let (switch, mut paused) = watch::channel(false);
        tokio::spawn(async move {
            while tokio::select! {
                biased;
                switched = paused.changed() => switched.is_ok(),
                _ = &mut connection => return,
            } {
                let _ = paused.wait_for(|paused| !paused).await;
            }
            let _ = connection.await;
        });
        (Self { requests, pings }, switch)
    }

    /// Sends a PING and waits for the answer.
    pub(crate) async fn ping(&mut self) {
        self.pings.ping(h2::Ping::opaque()).await.unwrap();
    }

    /// Waits until the balancer takes no more requests.
    pub(crate) async fn closed(&self) {
        let mut requests = self.requests.clone();
        while poll_fn(|cx| requests.poll_ready(cx)).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    }

    /// Opens a stream and says nothing.
    pub(crate) async fn open(&self) -> Stream {
        let request = Request::post(format!("http://balancer{BALANCE_LOAD_PATH}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .unwrap();
        let mut client = self.requests.clone().ready().await.unwrap();
        let (response, requests) = client.send_request(request, false).unwrap();
        Stream {
            requests,
            response: Some(response),
            body: None,
            buffer: BytesMut::new(),
            _client: client,
        }
    }

    /// Opens a stream for a service.
    pub(crate) async fn ask(&self, name: &str) -> Stream {
        let mut stream = self.open().await;
        stream.ask(name);
        stream
    }
}

/// One `BalanceLoad` call.
pub(crate) struct Stream {
    requests: SendStream<Bytes>,
    response: Option<ResponseFuture>,
    body: Option<RecvStream>,
    buffer: BytesMut,
    // h2 closes a connection without handles.
    _client: h2::client::SendRequest<Bytes>,
}

/// A gRPC message around these bytes.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_u32(message.len() as u32);
    bytes.put_slice(message);
    bytes.freeze()
}

impl Stream {
    pub(crate) fn send(&mut self, ask: Ask) {
        let request = LoadBalanceRequest {
            load_balance_request_type: Some(ask),
        };
        self.send_raw(framed(&request.encode_to_vec()));
    }

    /// Sends an initial request.
    pub(crate) fn ask(&mut self, name: &str) {
        self.send(Ask::InitialRequest(InitialLoadBalanceRequest {
            name: name.to_owned(),
        }));
    }

    pub(crate) fn report(&mut self, stats: ClientStats) {
        self.send(Ask::ClientStats(stats));
    }

    pub(crate) fn send_raw(&mut self, bytes: Bytes) {
        self.requests.send_data(bytes, false).unwrap();
    }

    pub(crate) fn half_close(&mut self) {
        self.requests.send_data(Bytes::new(), true).unwrap();
    }

    /// Waits for the response headers of a stream that is answered.
    pub(crate) async fn answered(&mut self) {
        if let Some(response) = self.response.take() {
            let response = response.await.unwrap();
            assert_eq!(response.status(), 200);
            assert_eq!(response.headers()["content-type"], "application/grpc");
            assert!(!response.headers().contains_key("grpc-status"), "refused");
            self.body = Some(response.into_body());
        }
    }

    /// The status of a stream that is refused before anything else.
    pub(crate) async fn refused(&mut self) -> (Code, String) {
        let response = self.response.take().expect("no answer yet").await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.body().is_end_stream(), "trailers only");
        status(response.headers())
    }

    /// Whether it is answered and not refused.
    pub(crate) async fn is_answered(&mut self) -> bool {
        let response = self.response.take().expect("no answer yet").await.unwrap();
        let refused = response.headers().contains_key("grpc-status");
        self.body = Some(response.into_body());
        !refused
    }

    /// Waits for the server to reset the stream, without taking anything from it.
    pub(crate) async fn reset(&mut self) {
        let reset = poll_fn(|cx| self.requests.poll_reset(cx)).await.unwrap();
        assert_eq!(reset, h2::Reason::CANCEL);
    }

    /// Takes at most so many bytes of what has come, if anything has.
    pub(crate) async fn read_some(&mut self, bytes: usize) -> usize {
        self.answered().await;
        let body = self.body.as_mut().unwrap();
        let soon = std::time::Duration::from_millis(1);
        while self.buffer.is_empty() {
            match tokio::time::timeout(soon, body.data()).await {
                Ok(Some(Ok(data))) => self.buffer.extend_from_slice(&data),
                _ => return 0,
            }
        }
        let taken = bytes.min(self.buffer.len());
        self.buffer.advance(taken);
        body.flow_control().release_capacity(taken).unwrap();
        taken
    }

    /// Whether the server resets the stream within so long.
    pub(crate) async fn is_reset_within(&mut self, time: std::time::Duration) -> bool {
        let reset = poll_fn(|cx| self.requests.poll_reset(cx));
        tokio::time::timeout(time, reset).await.is_ok()
    }

    /// The next message; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Tell> {
        self.answered().await;
        loop {
            if let Some(&[0, a, b, c, d]) = self.buffer.first_chunk() {
                let len = u32::from_be_bytes([a, b, c, d]) as usize;
                if self.buffer.len() >= 5 + len {
                    self.buffer.advance(5);
                    let message = self.buffer.split_to(len);
                    let response = LoadBalanceResponse::decode(message).unwrap();
                    return Some(response.load_balance_response_type.unwrap());
                }
            }
            let body = self.body.as_mut().unwrap();
            let data = body.data().await?.unwrap();
            body.flow_control().release_capacity(data.len()).unwrap();
            self.buffer.extend_from_slice(&data);
        }
    }

    /// The status at the end of a stream that was answered.
    pub(crate) async fn ended(&mut self) -> (Code, String) {
        assert_eq!(self.next().await, None);
        assert!(self.buffer.is_empty(), "part of a message");
        let trailers = self.body.as_mut().unwrap().trailers().await.unwrap();
        status(&trailers.expect("trailers"))
    }

    /// The initial response.
    pub(crate) async fn initial(&mut self) {
        match self.next().await {
            Some(Tell::InitialResponse(_)) => {}
            other => panic!("expected an initial response, got {other:?}"),
        }
    }

    /// The next list.
    pub(crate) async fn list(&mut self) -> Vec<Server> {
        match self.next().await {
            Some(Tell::ServerList(list)) => list.servers,
            other => panic!("expected a list, got {other:?}"),
        }
    }

    /// The ports of the next list, sorted.
    pub(crate) async fn ports(&mut self) -> Vec<i32> {
        let mut ports: Vec<i32> = self.list().await.iter().map(|it| it.port).collect();
        ports.sort_unstable();
        ports
    }

    pub(crate) async fn fallback(&mut self) {
        match self.next().await {
            Some(Tell::FallbackResponse(_)) => {}
            other => panic!("expected a fallback response, got {other:?}"),
        }
    }

    /// Initial response and first list.
    pub(crate) async fn first_ports(&mut self) -> Vec<i32> {
        self.initial().await;
        self.ports().await
    }
}

fn status(headers: &HeaderMap) -> (Code, String) {
    let text = |name| {
        headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    };
    let code = Code::from_bytes(text("grpc-status").as_bytes());
    let message = text("grpc-message").replace("%20", " ").replace("%3A", ":");
    (code, message)
}

/// The first slot's token, as issued and as sent.
pub(crate) fn first_token(list: &[Server]) -> (String, String) {
    let token = &list[0].load_balance_token;
    (strip_variant(token).to_owned(), token.clone())
}
