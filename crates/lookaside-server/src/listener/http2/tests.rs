use hyper::service::service_fn;

use super::*;

/// What hyper and h2 need of it is 1.7 kB. An `async` block around it would double that,
/// for each of 50,000 clients.
const ROOM: usize = 2048;

#[tokio::test]
async fn a_connection_takes_hardly_more_room_than_its_http2() {
    let http = Http::new(
        &Limits::default(),
        &Connections::default(),
        Duration::from_secs(30),
        Arc::new(Metrics::new()),
    );
    let service =
        service_fn(|_| std::future::pending::<Result<Response<ResponseBody>, Infallible>>());
    let (_client, io) = tokio::io::duplex(1);
    let serving = http.serve_http2(io, service, Connection::local(), Arc::default());
    let room = std::mem::size_of_val(&serving);
    assert!(room < ROOM, "{room} bytes");
}
