use std::{io::Write, path::Path, sync::Arc};

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::rustls::{RootCertStore, server::WebPkiClientVerifier};
use tonic_health::ServingStatus;

use super::fixture::{Backend, TIMEOUT, grpc, server_tls};
use crate::probe::{NetworkProber, ProbeError, ProbeTls, Prober, Target};
use lookaside_core::Probe;

const SERVING: &[(&str, ServingStatus)] = &[("", ServingStatus::Serving)];

fn tls() -> Probe {
    Probe::Grpc {
        service: "".into(),
        tls: true,
    }
}

/// A certificate authority.
struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    /// For a name that is no backend's address.
    fn issue(&self, expired: bool) -> (Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec!["orders.example.com".to_owned()]).unwrap();
        if expired {
            params.not_before = rcgen::date_time_ymd(2019, 1, 1);
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    fn file(&self) -> tempfile::NamedTempFile {
        file(&self.certificate.pem())
    }
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

async fn ask(backend: &Backend, tls_config: ProbeTls) -> Result<(), ProbeError> {
    let prober = NetworkProber::new(tls_config);
    prober
        .probe(&Target::from(backend.addr), &tls(), TIMEOUT)
        .await
}

fn trusting(ca: &Path) -> ProbeTls {
    ProbeTls::load(Some(ca), None).unwrap()
}

#[tokio::test]
async fn any_certificate_will_do_unless_roots_are_given() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (certificate, key) = ours.issue(false);
    let backend = Backend::tls(SERVING, server_tls(&certificate, &key, None)).await;
    assert_eq!(ask(&backend, ProbeTls::default()).await, Ok(()));
    assert_eq!(ask(&backend, trusting(ours.file().path())).await, Ok(()));
    let error = ask(&backend, trusting(theirs.file().path()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "tls", "{error}");
}

#[tokio::test]
async fn an_expired_certificate_is_a_failure_where_roots_are_given() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(true);
    let backend = Backend::tls(SERVING, server_tls(&certificate, &key, None)).await;
    assert_eq!(ask(&backend, ProbeTls::default()).await, Ok(()));
    let error = ask(&backend, trusting(authority.file().path()))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("expired"), "{error}");
}

#[tokio::test]
async fn a_backend_that_wants_a_certificate_is_shown_the_balancers() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(false);
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.der().clone()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .unwrap();
    let config = server_tls(&certificate, &key, Some(verifier));
    let backend = Backend::tls(SERVING, config).await;
    let error = ask(&backend, ProbeTls::default()).await.unwrap_err();
    assert!(["tls", "closed"].contains(&error.kind()), "{error}");

    let (certificate, key) = authority.issue(false);
    let (certificate, key) = (file(&certificate.pem()), file(&key.serialize_pem()));
    let identity = Some((certificate.path(), key.path()));
    let shown = ProbeTls::load(None, identity).unwrap();
    assert_eq!(ask(&backend, shown).await, Ok(()));
}

#[tokio::test]
async fn tls_and_plain_text_do_not_meet() {
    let plain = Backend::grpc(SERVING).await;
    let error = plain.probe(&tls()).await.unwrap_err();
    assert_eq!(error.kind(), "tls", "{error}");
    let (certificate, key) = Authority::new().issue(false);
    let secured = Backend::tls(SERVING, server_tls(&certificate, &key, None)).await;
    let error = secured.probe(&grpc("")).await.unwrap_err();
    assert!(["protocol", "closed"].contains(&error.kind()), "{error}");
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let junk = file("junk");
    let error = ProbeTls::load(Some(junk.path()), None).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(junk.path().to_str().unwrap()), "{text}");
    assert!(text.contains("no certificate"), "{text}");
    let missing = Path::new("/nonexistent.pem");
    let error = ProbeTls::load(Some(missing), None).unwrap_err();
    assert!(error.to_string().contains("/nonexistent.pem"), "{error}");
    let (certificate, _) = Authority::new().issue(false);
    let certificate = file(&certificate.pem());
    let error = ProbeTls::load(None, Some((certificate.path(), missing))).unwrap_err();
    assert!(error.to_string().contains("/nonexistent.pem"), "{error}");
}
