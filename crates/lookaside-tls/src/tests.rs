//! Handshakes in memory, with certificates made for them.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::WebPkiClientVerifier,
    },
};

use super::*;

/// The PEM of a CA, and of certificates of it with their keys.
pub(crate) struct Pems {
    pub(crate) ca: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Pems {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new([]).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = ca.self_signed(&key).unwrap().pem();
        Self {
            ca: pem,
            issuer: Issuer::new(ca, key),
        }
    }

    /// A certificate for `name` and `::1`, and its key.
    pub(crate) fn leaf(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new([name.to_owned()]).unwrap();
        let address = SanType::IpAddress(std::net::Ipv6Addr::LOCALHOST.into());
        leaf.subject_alt_names.push(address);
        let cert = leaf.signed_by(&key, &self.issuer).unwrap();
        (cert.pem(), key.serialize_pem())
    }
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// A server for `name` that offers `alpn`; `clients`: a client needs a certificate of it.
pub(crate) fn server(
    pems: &Pems,
    name: &str,
    alpn: &[&[u8]],
    clients: Option<&Pems>,
) -> TlsAcceptor {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(der(&clients.ca)).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let (cert, key) = pems.leaf(name);
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let mut config = builder.with_single_cert(vec![der(&cert)], key).unwrap();
    config.alpn_protocols = alpn.iter().map(|it| it.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// Both sides of a handshake: what the client made of it, and whether the server agreed.
pub(crate) async fn handshake(
    tls: &ClientTls,
    host: &str,
    server: &TlsAcceptor,
) -> (Result<(), String>, bool) {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (connected, accepted) = tokio::join!(tls.connect(host, ours), server.accept(theirs));
    let outcome = connected.map(drop).map_err(|error| error.to_string());
    (outcome, accepted.is_ok())
}

#[tokio::test]
async fn a_peer_is_believed_by_the_name_it_was_reached_by() {
    let pems = Pems::new();
    let tls = ClientTls::new(pems.ca.as_bytes(), None).unwrap();
    let server = server(&pems, "lb-1.test", &[b"h2"], None);
    for host in ["lb-1.test", "lb-1.test.", "LB-1.test", "[::1]", "::1"] {
        assert_eq!(handshake(&tls, host, &server).await.0, Ok(()), "{host}");
    }
    let error = tls.connect("not a name", tokio::io::empty()).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("\"not a name\""), "{error}");
}

#[tokio::test]
async fn a_wrong_name_is_refused_and_both_names_are_told() {
    let pems = Pems::new();
    let tls = ClientTls::new(pems.ca.as_bytes(), None).unwrap();
    let server = server(&pems, "lb-1.test", &[b"h2"], None);
    let (refused, _) = handshake(&tls, "elsewhere.test", &server).await;
    let error = refused.unwrap_err();
    assert!(error.contains("elsewhere.test"), "{error}");
    assert!(error.contains("lb-1.test"), "{error}");
}

#[tokio::test]
async fn a_certificate_of_another_ca_is_refused() {
    let pems = Pems::new();
    let tls = ClientTls::new(Pems::new().ca.as_bytes(), None).unwrap();
    let server = server(&pems, "lb-1.test", &[b"h2"], None);
    let (refused, _) = handshake(&tls, "lb-1.test", &server).await;
    let error = refused.unwrap_err();
    assert!(
        error.starts_with("TLS: invalid peer certificate"),
        "{error}"
    );
}

#[tokio::test]
async fn several_cas_may_be_believed() {
    let (one, two) = (Pems::new(), Pems::new());
    let tls = ClientTls::builder().ca(one.ca.as_bytes());
    let tls = tls.ca(two.ca.as_bytes()).build().unwrap();
    for pems in [&one, &two] {
        let server = server(pems, "lb-1.test", &[b"h2"], None);
        assert_eq!(handshake(&tls, "lb-1.test", &server).await.0, Ok(()));
    }
}

#[tokio::test]
async fn a_peer_that_does_not_offer_http_2_is_refused() {
    let pems = Pems::new();
    let tls = ClientTls::new(pems.ca.as_bytes(), None).unwrap();
    let silent = server(&pems, "lb-1.test", &[], None);
    let (refused, _) = handshake(&tls, "lb-1.test", &silent).await;
    assert_eq!(
        refused.unwrap_err(),
        "TLS: it does not offer HTTP/2 (ALPN \"h2\")"
    );
    let old = server(&pems, "lb-1.test", &[b"http/1.1"], None);
    let (refused, _) = handshake(&tls, "lb-1.test", &old).await;
    assert!(refused.unwrap_err().starts_with("TLS: "));
    let both = server(&pems, "lb-1.test", &[b"http/1.1", b"h2"], None);
    assert_eq!(handshake(&tls, "lb-1.test", &both).await.0, Ok(()));
}

#[tokio::test]
async fn a_peer_that_asks_gets_the_clients_certificate() {
    let (pems, clients) = (Pems::new(), Pems::new());
    let server = server(&pems, "lb-1.test", &[b"h2"], Some(&clients));
    let nobody = ClientTls::new(pems.ca.as_bytes(), None).unwrap();
    assert!(!handshake(&nobody, "lb-1.test", &server).await.1);
    let (cert, key) = clients.leaf("client.test");
    let identity = Identity {
        cert: cert.as_bytes(),
        key: key.as_bytes(),
    };
    let tls = ClientTls::new(pems.ca.as_bytes(), Some(identity)).unwrap();
    assert_eq!(handshake(&tls, "lb-1.test", &server).await, (Ok(()), true));
}

#[tokio::test]
async fn a_port_that_hangs_up_is_said_to_be_one_without_tls() {
    let pems = Pems::new();
    let (ours, theirs) = tokio::io::duplex(64);
    drop(theirs);
    let tls = ClientTls::new(pems.ca.as_bytes(), None).unwrap();
    assert!(tls.connect("localhost", ours).await.is_err());
}

#[test]
fn what_is_wrong_is_named() {
    let pems = Pems::new();
    let (cert, key) = pems.leaf("localhost");
    let ca = pems.ca.as_str();
    let of = |ca: &str, cert: &str, key: &str| {
        let identity = Identity {
            cert: cert.as_bytes(),
            key: key.as_bytes(),
        };
        let tls = ClientTls::new(ca.as_bytes(), Some(identity));
        tls.map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(of(ca, &cert, &key), Ok(()));
    assert_eq!(
        of("", &cert, &key).unwrap_err(),
        "CA: no certificate in PEM"
    );
    assert_eq!(
        of(ca, "x", &key).unwrap_err(),
        "certificate: no certificate in PEM"
    );
    assert_eq!(
        of(ca, &cert, &cert).unwrap_err(),
        "key: no private key in PEM"
    );
    let (_, other) = pems.leaf("localhost");
    assert!(
        of(ca, &cert, &other)
            .unwrap_err()
            .starts_with("certificate and key: ")
    );
    let nobody = ClientTls::builder().build().map(drop);
    assert_eq!(nobody.unwrap_err().to_string(), "CA: none is given");
}

#[cfg(feature = "system-roots")]
#[test]
fn the_systems_cas_are_believed_where_there_are_any() {
    // Which there are, and whether, is the machine's affair; both answers are clear.
    match ClientTls::builder().system_roots().build() {
        Ok(_) => {}
        Err(error) => assert_eq!(error.what, "system CAs"),
    }
}
