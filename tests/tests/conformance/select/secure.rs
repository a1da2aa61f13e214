//! Balancers that must prove their name.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use lookaside_client::{Address, Channel, ClientTls, Mode, ResolverUpdate, TlsConnector};
use lookaside_tests::pki::{Leaf, Pki};
use tokio::{
    io::copy_bidirectional,
    net::TcpListener,
    task::{AbortHandle, JoinSet},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use super::sockets::Door;
use crate::{
    support::{
        addr,
        backend::Backend,
        balancer::{Balancer, server},
        calls::{call, patient_call},
        net::Net,
    },
    world::Scripted,
};

/// A listener on loopback that speaks TLS and stands for an address of the network in
/// memory.
struct TlsDoor {
    at: SocketAddr,
    task: AbortHandle,
}

impl TlsDoor {
    async fn open(net: &Net, to: SocketAddr, leaf: &Leaf) -> Self {
        use lookaside_client::Connector as _;
        let cert = CertificateDer::from_pem_slice(leaf.cert.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).unwrap();
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![cert], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let net = net.clone();
        let task = tokio::spawn(async move {
            let mut pumps = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let (acceptor, net) = (acceptor.clone(), net.clone());
                pumps.spawn(async move {
                    if let Ok(mut near) = acceptor.accept(near).await
                        && let Ok(mut far) = net.connect(&Address::new(to)).await
                    {
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

impl Drop for TlsDoor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A balancer with a certificate for `lb.example.com`, and two backends without TLS.
struct Secured {
    net: Net,
    balancer: Balancer,
    door: TlsDoor,
    backend: Door,
    fallback: Door,
    _backends: [Backend; 2],
    resolver: Scripted,
    channel: Channel,
}

impl Secured {
    async fn expecting(name: &str) -> Self {
        let pki = Pki::new("ca");
        let net = Net::default();
        let leaf = pki.leaf(&["lb.example.com"]);
        let door = TlsDoor::open(&net, addr(100), &leaf).await;
        let fallback = Door::open(&net, addr(50)).await;
        let ca = std::fs::read(pki.path("ca.pem")).unwrap();
        let resolver = Scripted::default();
        resolver.set(update(&fallback, &[(door.at, name)]));
        let tls = ClientTls::new(&ca, None).unwrap();
        let channel = Channel::builder("orders")
            .resolver_with_balancers(resolver.clone())
            .balancer_connector(TlsConnector::new(tls))
            .build()
            .unwrap();
        Self {
            balancer: Balancer::start(&net, addr(100)),
            backend: Door::open(&net, addr(1)).await,
            _backends: [1, 50].map(|n| Backend::start(&net, addr(n))),
            net,
            door,
            fallback,
            resolver,
            channel,
        }
    }
}

fn update(fallback: &Door, balancers: &[(SocketAddr, &str)]) -> ResolverUpdate {
    let balancers = balancers
        .iter()
        .map(|(at, name)| Address::new(*at).with_authority(name.parse().unwrap()));
    ResolverUpdate::new(vec![Address::new(fallback.at)])
        .with_balancers(balancers.collect::<Vec<_>>())
}

#[tokio::test]
async fn a_balancer_that_proves_its_name_is_followed() {
    let mut secured = Secured::expecting("lb.example.com").await;
    let stream = secured.balancer.stream().await;
    assert_eq!(stream.authority, "lb.example.com");
    stream.list([server(secured.backend.at, "a")]);
    let answer = patient_call(&secured.channel).await.unwrap();
    assert_eq!(answer.lb_token, "a");
    assert_eq!(secured.channel.mode(), Mode::Balancer);
}

#[tokio::test]
async fn a_balancer_that_does_not_prove_its_name_is_never_asked() {
    let mut secured = Secured::expecting("other.example.com").await;
    // No list: the fallback addresses, at once and not after the timeout.
    let answer = tokio::time::timeout(Duration::from_secs(5), call(&secured.channel));
    assert_eq!(answer.await.unwrap().unwrap().backend, "10.0.0.50");
    assert_eq!(secured.channel.mode(), Mode::Fallback);
    assert!(secured.balancer.try_stream().is_none());
    assert_eq!(secured.net.connects(addr(100)), 0);
    // Under its right name it is.
    let right = [(secured.door.at, "lb.example.com")];
    secured.resolver.set(update(&secured.fallback, &right));
    secured.balancer.stream().await;
}

#[tokio::test]
async fn without_fallback_the_call_says_that_the_balancer_did_not_prove_its_name() {
    let secured = Secured::expecting("other.example.com").await;
    let wrong = [(secured.door.at, "other.example.com")];
    let without = update(&secured.fallback, &wrong);
    let balancers = without.balancers.unwrap();
    let empty = ResolverUpdate::new(Vec::new()).with_balancers(balancers);
    secured.resolver.set(empty);
    let mut text = String::new();
    for _ in 0..100 {
        if let Err(status) = call(&secured.channel).await {
            text = status.message().to_owned();
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(text.starts_with("no balancer is reachable: "), "{text}");
    assert!(text.contains("other.example.com"), "{text}");
}
