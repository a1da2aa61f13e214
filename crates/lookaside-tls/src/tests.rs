use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use super::*;

/// The PEM of a CA, of a certificate for `localhost` and `::1`, and of its key.
fn pems() -> (String, String, String) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new([]).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let address = SanType::IpAddress(std::net::Ipv6Addr::LOCALHOST.into());
    leaf.subject_alt_names.push(address);
    let cert = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    (ca_pem, cert.pem(), key.serialize_pem())
}

async fn connect(host: &str) -> io::Result<()> {
    let (ca, cert, key) = pems();
    let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let tls = ClientTls::new(ca.as_bytes(), None).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let (connected, _) = tokio::join!(tls.connect(host, ours), acceptor.accept(theirs));
    connected.map(drop)
}

#[tokio::test]
async fn a_balancer_is_believed_by_the_name_it_was_reached_by() {
    connect("localhost").await.unwrap();
    connect("[::1]").await.unwrap();
    let error = connect("elsewhere").await.unwrap_err().to_string();
    assert!(error.contains("not valid for name"), "{error}");
    let error = connect("not a name").await.unwrap_err().to_string();
    assert!(error.contains("\"not a name\""), "{error}");
}

#[tokio::test]
async fn a_port_that_hangs_up_is_said_to_be_one_without_tls() {
    let (ca, ..) = pems();
    let (ours, theirs) = tokio::io::duplex(64);
    drop(theirs);
    let tls = ClientTls::new(ca.as_bytes(), None).unwrap();
    assert!(tls.connect("localhost", ours).await.is_err());
}

#[test]
fn what_is_wrong_is_named() {
    let (ca, cert, key) = pems();
    let of = |ca: &str, cert: &str, key: &str| {
        let identity = Identity {
            cert: cert.as_bytes(),
            key: key.as_bytes(),
        };
        let tls = ClientTls::new(ca.as_bytes(), Some(identity));
        tls.map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(of(&ca, &cert, &key), Ok(()));
    assert_eq!(
        of("", &cert, &key).unwrap_err(),
        "CA: no certificate in PEM"
    );
    assert_eq!(
        of(&ca, "x", &key).unwrap_err(),
        "certificate: no certificate in PEM"
    );
    assert_eq!(
        of(&ca, &cert, &cert).unwrap_err(),
        "key: no private key in PEM"
    );
    let (_, _, other) = pems();
    assert!(
        of(&ca, &cert, &other)
            .unwrap_err()
            .starts_with("certificate and key: ")
    );
}
