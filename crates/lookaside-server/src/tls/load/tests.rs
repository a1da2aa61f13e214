use std::time::Duration;

use rcgen::CertificateParams;

use super::{
    super::testing::{Ca, Files, dns},
    *,
};

fn said(files: &Files) -> String {
    let loaded = Contents::read(&files.tls).and_then(|contents| contents.load(&files.tls));
    loaded.unwrap_err().to_string()
}

#[test]
fn a_certificate_its_key_and_a_ca_are_enough() {
    let ca = Ca::new("ca");
    let files = Files::new(&ca.leaf(&[dns("localhost")]), Some(&ca));
    let loaded = Contents::read(&files.tls)
        .unwrap()
        .load(&files.tls)
        .unwrap();
    assert_eq!(loaded.client_port.alpn_protocols, [b"h2".to_vec()]);
    assert_eq!(loaded.admin_port.alpn_protocols.len(), 2);
}

#[test]
fn the_chain_ends_when_the_first_of_its_certificates_does() {
    let ca = Ca::new("ca");
    let until = |year| {
        let mut params = CertificateParams::new([]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 2, 3);
        params
    };
    let leaf = ca.sign(&until(2101));
    let other = ca.sign(&until(2077));
    let files = Files::new(&leaf, None);
    files.write("cert.pem", &format!("{}{}", leaf.cert, other.cert));
    let loaded = Contents::read(&files.tls)
        .unwrap()
        .load(&files.tls)
        .unwrap();
    let ends = rcgen::date_time_ymd(2077, 2, 3).unix_timestamp();
    assert_eq!(loaded.ends_at, Some(ends));
    let at = |seconds: i64| UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap());
    assert!(!loaded.has_ended(at(ends)));
    assert!(loaded.has_ended(at(ends + 1)));
}

#[test]
fn a_problem_names_the_setting_the_file_and_what_was_expected() {
    let ca = Ca::new("ca");
    let (leaf, other) = (ca.leaf(&[]), ca.leaf(&[]));
    let files = Files::new(&leaf, Some(&ca));
    let path = |path: &Path| path.display().to_string();

    files.write("cert.pem", "nothing of the kind");
    let text = said(&files);
    assert!(text.contains("tls.cert") && text.contains(&path(&files.tls.cert)));
    assert!(
        text.contains("expected certificates in PEM, found no certificate"),
        "{text}"
    );

    files.write("cert.pem", &other.cert);
    let text = said(&files);
    assert!(text.contains("is not the key of the certificate"), "{text}");
    assert!(text.contains(&path(&files.tls.key)) && text.contains(&path(&files.tls.cert)));

    files.write("cert.pem", &leaf.cert);
    files.write("key.pem", &leaf.cert);
    let text = said(&files);
    assert!(
        text.contains("tls.key") && text.contains("no private key"),
        "{text}"
    );

    files.write("key.pem", &leaf.key);
    files.write("ca.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    let text = said(&files);
    assert!(
        text.contains("tls.client_ca") && text.contains("broken PEM"),
        "{text}"
    );
    files.write(
        "ca.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    let text = said(&files);
    assert!(
        text.contains("tls.client_ca") && text.contains("not usable"),
        "{text}"
    );

    let mut missing = files.tls;
    missing.cert = "/nowhere/cert.pem".into();
    let text = Contents::read(&missing).unwrap_err().to_string();
    assert!(
        text.contains("tls.cert /nowhere/cert.pem: cannot be read: No such file"),
        "{text}"
    );
    missing.cert = "/dev/zero".into();
    let text = Contents::read(&missing).unwrap_err().to_string();
    assert!(text.contains("more than 1 MiB"), "{text}");
}

#[test]
fn a_key_is_never_printed() {
    let ca = Ca::new("ca");
    let files = Files::new(&ca.leaf(&[]), None);
    let contents = Contents::read(&files.tls).unwrap();
    assert_eq!(format!("{contents:?}"), "Contents");
}
