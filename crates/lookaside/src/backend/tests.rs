use std::time::Duration;

use lookaside_client::Channel;
use lookaside_proto::demo::{EchoRequest, echo_client::EchoClient};
use tokio::{net::TcpListener, time::timeout};
use tonic::Request;

use super::*;

const BOUND: Duration = Duration::from_secs(10);

async fn start() -> (Server, EchoClient<Channel>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = Server::start(listener, "a", Duration::ZERO, None).await;
    let channel = Channel::builder("echo").addresses([address]);
    (server, EchoClient::new(channel.build().unwrap()))
}

fn hello(token: Option<&'static str>) -> Request<EchoRequest> {
    let mut request = Request::new(EchoRequest {
        message: "hello".to_owned(),
    });
    if let Some(token) = token {
        let token = token.parse().unwrap();
        request.metadata_mut().insert("lb-token", token);
    }
    request
}

#[tokio::test]
async fn it_answers_with_the_message_its_name_and_the_token() {
    let (_server, mut client) = start().await;
    let answer = client
        .echo(hello(Some("0abc.xyz")))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.message, "hello");
    assert_eq!(answer.backend, "a");
    assert_eq!(answer.lb_token, "0abc.xyz");

    let answer = client.echo(hello(None)).await.unwrap().into_inner();
    assert_eq!(answer.lb_token, "");
}

#[tokio::test]
async fn it_ends_at_once_when_no_call_is_in_flight() {
    let (server, mut client) = start().await;
    client.echo(hello(None)).await.unwrap();
    timeout(Duration::from_secs(3), server.shutdown())
        .await
        .expect("no call was in flight");
    let failed = timeout(BOUND, client.echo(hello(None))).await.unwrap();
    assert_eq!(failed.unwrap_err().code(), tonic::Code::Unavailable);
}
