use super::*;
use crate::tests::{Pems, handshake, server};

const OLD: Duration = Duration::from_secs(6);

#[tokio::test(start_paused = true)]
async fn files_that_are_replaced_count_for_the_connections_that_follow() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let (before, after) = (Pems::new(), Pems::new());
    std::fs::write(&path, &before.ca).unwrap();
    let tls = TlsFiles::new(&path).load().unwrap();
    let old = server(&before, "lb.test", &[b"h2"], None);
    let new = server(&after, "lb.test", &[b"h2"], None);
    assert_eq!(handshake(&tls, "lb.test", &old).await.0, Ok(()));
    std::fs::write(&path, &after.ca).unwrap();
    assert!(
        handshake(&tls, "lb.test", &new).await.0.is_err(),
        "too soon"
    );
    tokio::time::advance(OLD).await;
    assert_eq!(handshake(&tls, "lb.test", &new).await.0, Ok(()));
    assert!(handshake(&tls, "lb.test", &old).await.0.is_err());
}

#[tokio::test(start_paused = true)]
async fn files_that_are_no_use_any_more_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let pems = Pems::new();
    std::fs::write(&path, &pems.ca).unwrap();
    let tls = TlsFiles::new(&path).load().unwrap();
    let there = server(&pems, "lb.test", &[b"h2"], None);
    std::fs::write(&path, "half a").unwrap();
    tokio::time::advance(OLD).await;
    assert_eq!(handshake(&tls, "lb.test", &there).await.0, Ok(()));
    std::fs::remove_file(&path).unwrap();
    tokio::time::advance(OLD).await;
    assert_eq!(handshake(&tls, "lb.test", &there).await.0, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_clients_certificate_is_replaced_with_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (pems, before, after) = (Pems::new(), Pems::new(), Pems::new());
    std::fs::write(path("ca.pem"), &pems.ca).unwrap();
    let show = |clients: &Pems| {
        let (cert, key) = clients.leaf("client.test");
        std::fs::write(path("client.pem"), cert).unwrap();
        std::fs::write(path("client.key"), key).unwrap();
    };
    show(&before);
    let files = TlsFiles::new(path("ca.pem"));
    let files = files.identity(path("client.pem"), path("client.key"));
    let tls = files.load().unwrap();
    let there = server(&pems, "lb.test", &[b"h2"], Some(&after));
    assert!(!handshake(&tls, "lb.test", &there).await.1);
    show(&after);
    tokio::time::advance(OLD).await;
    assert!(handshake(&tls, "lb.test", &there).await.1);
}

#[test]
fn what_is_wrong_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let wrong = |files: TlsFiles| files.load().map(drop).unwrap_err().to_string();
    let missing = wrong(TlsFiles::new(path("ca.pem")));
    let start = format!("CA {}: cannot be read: ", path("ca.pem").display());
    assert!(missing.starts_with(&start), "{missing}");
    let pems = Pems::new();
    std::fs::write(path("ca.pem"), &pems.ca).unwrap();
    std::fs::write(path("client.pem"), pems.leaf("client.test").0).unwrap();
    std::fs::write(path("client.key"), "x").unwrap();
    let files = TlsFiles::new(path("ca.pem"));
    let error = wrong(files.identity(path("client.pem"), path("client.key")));
    let text = format!(
        "key {}: no private key in PEM",
        path("client.key").display()
    );
    assert_eq!(error, text);
}
