use std::{net::Ipv4Addr, task::Waker, time::Duration};

use lookaside_core::ServiceName;

use super::*;
use crate::{
    Limits, access::Peer, balance_load::Admission, encode::fallback_response, http::Patience,
    listener::Connection, metrics::Metrics, table::Table, topic::Origin,
};

/// A client that sends empty messages as fast as they are read.
struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 5])))))
    }
}

#[tokio::test]
async fn a_client_that_sends_without_end_gets_its_answer_and_keeps_no_thread() {
    let orders = ServiceName::new("orders").unwrap();
    let table = Arc::new(Table::new());
    table
        .register(&orders)
        .topic()
        .publish(Content::Fallback, Origin::default(), None);
    let admission = Arc::new(Admission::new(Limits::default(), Duration::ZERO));
    let connection = Arc::new(Connection::new(Peer::anyone(Ipv4Addr::LOCALHOST), None));
    let permit = admission.admit(&connection, &orders).await.unwrap();
    let shared = Shared {
        report_interval: Duration::ZERO,
        fallback_response: fallback_response(),
        drain: Arc::default(),
        patience: Arc::new(Patience::new(Duration::from_secs(30), 0)),
        metrics: Arc::new(Metrics::new()),
    };
    let mut body = BalanceBody::new(
        Endless,
        FrameReader::new(connection),
        (table.open(&[orders]).unwrap(), None),
        permit,
        None,
        Arc::new(shared),
    );
    let mut cx = Context::from_waker(Waker::noop());
    let first = Pin::new(&mut body).poll_frame(&mut cx);
    assert!(matches!(first, Poll::Ready(Some(Ok(frame))) if frame.is_data()));
    assert!(Pin::new(&mut body).poll_frame(&mut cx).is_pending());
}
