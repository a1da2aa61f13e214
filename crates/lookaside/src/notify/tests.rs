use std::path::Path;

use super::*;

fn notifier(socket: &Path) -> Notifier {
    Notifier::to(socket.as_os_str().as_encoded_bytes()).unwrap()
}

async fn received(socket: &tokio::net::UnixDatagram) -> String {
    let mut buffer = [0; 512];
    let length = socket.recv(&mut buffer).await.unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

#[tokio::test]
async fn each_message_is_a_datagram_of_assignments() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = tokio::net::UnixDatagram::bind(&path).unwrap();
    let notifier = notifier(&path);
    notifier.ready("serves\nREADY=0");
    assert_eq!(received(&socket).await, "READY=1\nSTATUS=serves READY=0");
    notifier.status("waits");
    assert_eq!(received(&socket).await, "STATUS=waits");
    notifier.stopping("ends");
    assert_eq!(received(&socket).await, "STOPPING=1\nSTATUS=ends");
    notifier.reloading();
    let reloading = received(&socket).await;
    let micros = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
    assert!(micros.unwrap().parse::<u64>().unwrap() > 0);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_name_after_an_at_sign_is_an_abstract_socket() {
    let name = format!("@lookaside-notify-{}", std::process::id());
    let socket = UnixDatagram::bind_addr(&address(name.as_bytes()).unwrap()).unwrap();
    socket.set_nonblocking(true).unwrap();
    let socket = tokio::net::UnixDatagram::from_std(socket).unwrap();
    let notifier = Notifier::to(name.as_bytes()).unwrap();
    notifier.status("heard");
    assert_eq!(received(&socket).await, "STATUS=heard");
}

#[tokio::test]
async fn a_manager_that_does_not_read_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let _socket = tokio::net::UnixDatagram::bind(&path).unwrap();
    let notifier = notifier(&path);
    // More than a socket and the queue hold.
    for _ in 0..10_000 {
        notifier.status("again");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_last_word_is_sent_before_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = tokio::net::UnixDatagram::bind(&path).unwrap();
    let notifier = notifier(&path);
    notifier.stopping("ends");
    // Nobody has had a turn to send it yet.
    notifier.end().await;
    assert_eq!(received(&socket).await, "STOPPING=1\nSTATUS=ends");
}

#[tokio::test]
async fn the_end_waits_for_a_manager_that_does_not_read_for_a_moment_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let _socket = tokio::net::UnixDatagram::bind(&path).unwrap();
    let notifier = notifier(&path);
    for _ in 0..10_000 {
        notifier.status("again");
        tokio::task::yield_now().await;
    }
    let ended = timeout(LAST_WORD * 10, notifier.end()).await;
    ended.expect("it ends by itself");
}

#[test]
fn a_socket_that_is_neither_a_path_nor_a_name_is_refused() {
    for name in ["", "relative", "vsock:2:1234"] {
        assert!(address(name.as_bytes()).is_err(), "{name:?}");
    }
}

#[tokio::test]
async fn a_manager_that_is_gone_harms_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = tokio::net::UnixDatagram::bind(&path).unwrap();
    let notifier = notifier(&path);
    drop(socket);
    for _ in 0..100 {
        notifier.status("nobody listens");
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_watchdog_for_another_process_is_not_fed() {
    let second = Some(Duration::from_secs(1));
    assert_eq!(limit(Some("1000000"), None, 7), second);
    assert_eq!(limit(Some("1000000"), Some("7"), 7), second);
    assert_eq!(limit(Some("1000000"), Some("8"), 7), None);
    for micros in [None, Some("0"), Some("1"), Some("soon")] {
        assert_eq!(limit(micros, None, 7), None, "{micros:?}");
    }
}
