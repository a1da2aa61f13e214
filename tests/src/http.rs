//! A plain HTTP/1.1 GET.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The status and body of `path` at `addr`.
///
/// # Errors
/// No connection, or no answer within 5 seconds.
pub async fn get(addr: SocketAddr, path: &str) -> Result<(u16, String)> {
    let exchange = async {
        let mut stream = TcpStream::connect(addr).await?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut response = String::new();
        stream.read_to_string(&mut response).await?;
        anyhow::Ok(response)
    };
    let response = timeout(Duration::from_secs(5), exchange)
        .await
        .context("no answer")??;
    let status = response
        .split(' ')
        .nth(1)
        .and_then(|s| s.parse().ok())
        .context("no status")?;
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or_default();
    let chunked = head
        .to_lowercase()
        .contains("\r\ntransfer-encoding: chunked");
    let body = if chunked {
        whole(body)?
    } else {
        body.to_owned()
    };
    Ok((status, body))
}

/// The body that came in chunks (RFC 9112, section 7.1).
fn whole(mut chunks: &str) -> Result<String> {
    let mut body = String::new();
    loop {
        let (size, rest) = chunks.split_once("\r\n").context("no size of a chunk")?;
        let size = usize::from_str_radix(size, 16).with_context(|| size.to_owned())?;
        if size == 0 {
            return Ok(body);
        }
        body.push_str(rest.get(..size).context("half a chunk")?);
        chunks = rest.get(size + 2..).context("a chunk without an end")?;
    }
}

#[test]
fn a_body_in_chunks_is_put_together() {
    assert_eq!(
        whole("3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n").ok().as_deref(),
        Some("abcd")
    );
    assert!(whole("3\r\nab").is_err());
}
