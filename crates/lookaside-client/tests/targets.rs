//! Targets that say by themselves where their addresses are.
#![allow(clippy::unwrap_used, reason = "all of it runs in tests")]

mod support;

use lookaside_client::{Address, Channel, ConnectFuture, Connector, Mode, Peer};
use lookaside_proto::demo::{EchoRequest, echo_client::EchoClient};
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, server},
    calls::{backends, call, patient_call},
    net::Net,
    text,
};

#[tokio::test(start_paused = true)]
async fn a_static_target_names_its_backends() {
    let net = Net::default();
    let servers = [1, 2].map(|n| Backend::start(&net, addr(n)));
    let target = format!("static:///{},{},{}", text(1), text(2), text(1));
    let channel = Channel::builder(target).connector(net.clone()).build();
    let channel = channel.unwrap();
    support::eventually("both answer", async || {
        call(&channel).await.unwrap();
        servers.iter().all(|server| server.calls() > 0)
    })
    .await;
    let answered = backends(&channel, 4).await;
    assert_eq!(answered[..2], answered[2..], "in turn, one turn each");
    assert_eq!(channel.mode(), Mode::Direct);
    let called = servers[0].handler.authorities.lock().unwrap();
    assert_eq!(called[0], text(1));
}

#[tokio::test(start_paused = true)]
async fn a_grpclb_target_is_a_service_of_the_balancers_given_beside_it() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backend = Backend::start(&net, addr(1));
    let channel = Channel::builder("grpclb:///team/orders")
        .balancers([text(100)])
        .connector(net.clone())
        .build()
        .unwrap();
    let mut stream = balancer.raw_stream().await;
    assert_eq!(stream.name().await, "team/orders");
    stream.initial(None);
    stream.list([server(addr(1), "a")]);
    assert_eq!(patient_call(&channel).await.unwrap().lb_token, "a");
}

/// Connects names to the backend whose number they end in, whatever their port.
struct ByName(Net);

impl Connector for ByName {
    fn connect(&self, address: &Address) -> ConnectFuture {
        let text = address.to_string();
        let (name, _) = text.rsplit_once(':').unwrap();
        let n = name.rsplit_once('-').unwrap().1.parse().unwrap();
        self.0.connect(&Address::new(addr(n)))
    }
}

#[tokio::test(start_paused = true)]
async fn a_plain_host_and_port_is_connected_to_as_it_is() {
    let net = Net::default();
    let backend = Backend::start(&net, addr(7));
    let channel = Channel::builder("host-7:50051")
        .connector(ByName(net.clone()))
        .build()
        .unwrap();
    let message = "hello".to_owned();
    let response = EchoClient::new(channel).echo(EchoRequest { message }).await;
    let response = response.unwrap();
    let peer = response.extensions().get::<Peer>().unwrap();
    assert_eq!(peer.to_string(), "host-7:50051");
    assert_eq!(peer.socket_addr(), None);
    let called = backend.handler.authorities.lock().unwrap();
    assert_eq!(*called, ["host-7:50051"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_a_target() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let net = Net::default();
    let backend = Backend::start(&net, addr(1));
    // Every connection is passed on to the backend in memory.
    let inside = net.clone();
    let relay = tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut far = inside.connect(&Address::new(addr(1))).await.unwrap();
            tokio::spawn(async move {
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    let target = format!("unix://{}", path.display());
    let channel = Channel::builder(target).connect().await.unwrap();
    assert_eq!(call(&channel).await.unwrap().backend, "10.0.0.1");
    let called = backend.handler.authorities.lock().unwrap();
    assert_eq!(*called, ["localhost"]);
    relay.abort();
}
