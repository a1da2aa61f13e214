use std::{net::SocketAddr, sync::atomic::AtomicBool};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::sleep,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{PrivateKeyDer, pem::PemObject},
    },
};

use super::{
    super::{
        Reloader,
        testing::{Ca, Files, Leaf, dns, uri},
    },
    *,
};
use crate::access::Certificate;

/// A balancer's end of one connection.
async fn accept_one(
    files: &Files,
) -> (
    SocketAddr,
    impl Future<Output = Result<Secured, HandshakeFailure>>,
) {
    let (acceptor, _) = Reloader::new(files.tls.clone()).unwrap().acceptors();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (addr, async move {
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await
    })
}

fn client(ca: &Ca, leaf: Option<&Leaf>, protocols: &[&[u8]]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let pem = CertificateDer::from_pem_slice(ca.pem.as_bytes()).unwrap();
    roots.add(pem).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match leaf {
        None => builder.with_no_client_auth(),
        Some(leaf) => {
            let cert = CertificateDer::from_pem_slice(leaf.cert.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![cert], key).unwrap()
        }
    };
    config.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

/// What the balancer makes of a client.
async fn outcome(files: &Files, client: TlsConnector) -> Result<Secured, HandshakeFailure> {
    let (addr, accepted) = accept_one(files).await;
    let connect = async {
        let stream = TcpStream::connect(addr).await.unwrap();
        let name = "localhost".try_into().unwrap();
        if let Ok(mut stream) = client.connect(name, stream).await {
            let _ = stream.read(&mut [0]).await;
        }
    };
    tokio::select! {
        accepted = accepted => accepted,
        () = async { connect.await; std::future::pending().await } => unreachable!(),
    }
}

#[tokio::test]
async fn a_certified_client_is_known_by_all_its_names() {
    let ca = Ca::new("ca");
    let files = Files::new(&ca.leaf(&[dns("localhost")]), Some(&ca));
    let address = rcgen::SanType::IpAddress([10, 0, 0, 7].into());
    let leaf = ca.leaf(&[uri("spiffe://x/team-a"), dns("Web.example.org"), address]);
    let secured = outcome(&files, client(&ca, Some(&leaf), &[b"h2"]))
        .await
        .unwrap();
    assert_eq!(secured.stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let certificate = Certificate::new(secured.certificate().unwrap()).unwrap();
    let asked = [[10, 0, 0, 7].into(), [10, 0, 0, 8].into()];
    let names = certificate.identities(asked.into_iter());
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["spiffe://x/team-a", "web.example.org", "10.0.0.7"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_client_is_said() {
    let (ca, other) = (Ca::new("ca"), Ca::new("other"));
    let files = Files::new(&ca.leaf(&[dns("localhost")]), Some(&ca));
    let said = async |client| {
        let failure = outcome(&files, client).await.unwrap_err();
        assert!(failure.is_telling());
        failure.to_string()
    };
    let stranger = other.leaf(&[]);
    assert!(
        said(client(&ca, None, &[b"h2"]))
            .await
            .contains("it has no certificate")
    );
    let text = said(client(&ca, Some(&stranger), &[b"h2"])).await;
    assert!(text.contains("of no CA in tls.client_ca"), "{text}");
    let namesake = Ca::new("ca").leaf(&[]);
    let text = said(client(&ca, Some(&namesake), &[b"h2"])).await;
    assert!(text.contains("of no CA in tls.client_ca"), "{text}");
    let text = said(client(&other, None, &[b"h2"])).await;
    assert!(
        text.contains("does not accept this balancer's certificate"),
        "{text}"
    );
    let text = said(client(&ca, None, &[b"http/1.1"])).await;
    assert!(text.contains("ALPN h2"), "{text}");
}

#[tokio::test]
async fn one_without_alpn_is_taken_to_speak_http_2() {
    let ca = Ca::new("ca");
    let files = Files::new(&ca.leaf(&[dns("localhost")]), None);
    outcome(&files, client(&ca, None, &[])).await.unwrap();
}

#[tokio::test]
async fn clients_without_a_certificate_may_be_let_in() {
    let ca = Ca::new("ca");
    let mut files = Files::new(&ca.leaf(&[dns("localhost")]), Some(&ca));
    files.tls.client_certificates = super::super::ClientCertificates::Request;
    let secured = outcome(&files, client(&ca, None, &[b"h2"])).await.unwrap();
    assert!(secured.certificate().is_none());
    let stranger = Ca::new("other").leaf(&[]);
    let refused = outcome(&files, client(&ca, Some(&stranger), &[b"h2"])).await;
    assert!(refused.is_err(), "one that is shown must be good");
}

#[tokio::test]
async fn one_that_speaks_without_tls_is_told_apart_from_one_that_says_nothing() {
    let ca = Ca::new("ca");
    let files = Files::new(&ca.leaf(&[]), None);
    let (addr, accepted) = accept_one(&files).await;
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    let failure = accepted.await.unwrap_err();
    assert!(matches!(failure, HandshakeFailure::Plaintext));

    let (addr, accepted) = accept_one(&files).await;
    drop(TcpStream::connect(addr).await.unwrap());
    let failure = accepted.await.unwrap_err();
    assert!(!failure.is_telling(), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_stalls_ends() {
    let began = Instant::now();
    let deadline = began + PATIENCE;
    let stalled = patiently(std::future::pending::<()>(), deadline, || false).await;
    assert_eq!((stalled, began.elapsed()), (Err(PATIENCE), PATIENCE));
}

#[tokio::test(start_paused = true)]
async fn it_ends_sooner_when_others_wait_for_their_turn() {
    let began = Instant::now();
    let crowded = AtomicBool::new(true);
    let others_wait = || crowded.load(std::sync::atomic::Ordering::Relaxed);
    let deadline = began + PATIENCE;
    let stalled = patiently(std::future::pending::<()>(), deadline, others_wait).await;
    assert_eq!(
        (stalled, began.elapsed()),
        (Err(SHORT_PATIENCE), SHORT_PATIENCE)
    );
    let in_time = patiently(sleep(SHORT_PATIENCE / 2), began + PATIENCE, others_wait);
    assert_eq!(in_time.await, Ok(()));
}

/// Peers that say nothing take no turn, and peers that stall give theirs up.
#[tokio::test]
async fn stalled_handshakes_do_not_keep_others_out() {
    let ca = Ca::new("ca");
    let files = Files::new(&ca.leaf(&[dns("localhost")]), None);
    let (acceptor, _) = Reloader::new(files.tls.clone()).unwrap().acceptors();
    let one_turn = Acceptor {
        turns: Arc::new(Semaphore::new(1)),
        ..acceptor
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let mut accepting = tokio::task::JoinSet::new();
    let mut stalling = Vec::new();
    for begins in [&b""[..], b"\x16\x03\x01"] {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(begins).await.unwrap();
        stalling.push(stream);
        let (theirs, _) = listener.accept().await.unwrap();
        let acceptor = one_turn.clone();
        accepting.spawn(async move { acceptor.accept(theirs).await.is_ok() });
    }
    let connect = async {
        let stream = TcpStream::connect(addr).await.unwrap();
        let name = "localhost".try_into().unwrap();
        client(&ca, None, &[b"h2"])
            .connect(name, stream)
            .await
            .unwrap()
    };
    let accept = async {
        let (theirs, _) = listener.accept().await.unwrap();
        one_turn.accept(theirs).await.unwrap()
    };
    let both = tokio::time::timeout(PATIENCE / 2, async { tokio::join!(connect, accept) });
    both.await.expect("the stalled one has given its turn up");
}
