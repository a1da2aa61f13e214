//! The whole over TCP.

use std::{net::SocketAddr, time::Duration};

use lookaside_client::{Channel, ConnectivityState, Mode};
use tokio::{
    io::copy_bidirectional,
    net::TcpListener,
    task::{AbortHandle, JoinSet},
};

use crate::support::{
    self, addr,
    backend::Backend,
    balancer::{Balancer, server},
    calls::{call, patient_call},
    net::Net,
};

/// A listener on loopback that stands for an address of the network in memory.
pub(super) struct Door {
    pub(super) at: SocketAddr,
    task: AbortHandle,
}

impl Door {
    pub(super) async fn open(net: &Net, to: SocketAddr) -> Self {
        use lookaside_client::{Address, Connector as _};
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let net = net.clone();
        let task = tokio::spawn(async move {
            let mut pumps = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let connect = net.connect(&Address::new(to));
                pumps.spawn(async move {
                    if let Ok(mut far) = connect.await {
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        Self {
            at,
            task: task.abort_handle(),
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn over_tcp_a_list_is_followed_left_for_fallback_and_followed_again() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backends = [1, 2, 50].map(|n| Backend::start(&net, addr(n)));
    let lb = Door::open(&net, addr(100)).await;
    let first = Door::open(&net, addr(1)).await;
    let second = Door::open(&net, addr(2)).await;
    let fallback = Door::open(&net, addr(50)).await;
    let channel = Channel::builder("orders")
        .balancers([lb.at.to_string()])
        .fallback([fallback.at.to_string()])
        .fallback_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    let mut stream = balancer.raw_stream().await;
    assert_eq!(stream.name().await, "orders");
    stream.initial(Some(Duration::from_secs(1)));
    // Nothing more: the short timeout.
    assert_eq!(patient_call(&channel).await.unwrap().backend, "10.0.0.50");
    assert_eq!(channel.mode(), Mode::Fallback);

    stream.list([server(first.at, "a"), server(second.at, "b")]);
    for token in ["a", "b"] {
        support::eventually("both backends", async || {
            call(&channel).await.expect("no call fails").lb_token == token
        })
        .await;
    }
    assert_eq!(channel.state(), ConnectivityState::Ready);
    let report = stream.report().await.unwrap();
    assert!(report.num_calls_started > 0);

    stream.fall_back();
    support::eventually("fallback", async || {
        call(&channel).await.expect("no call fails").backend == "10.0.0.50"
    })
    .await;
    stream.list([server(first.at, "c")]);
    support::eventually("the list", async || {
        call(&channel).await.expect("no call fails").lb_token == "c"
    })
    .await;
}
