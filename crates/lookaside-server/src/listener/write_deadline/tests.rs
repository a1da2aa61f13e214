use std::future::poll_fn;

use tokio::time::{Instant, timeout};

use super::*;
use crate::{http::Patience, listener::Connection};

const LIMIT: Duration = Duration::from_secs(30);

/// A stream whose body does `polls`, one a second, and then is not polled again.
async fn ends_after(polls: Vec<Option<BodyPoll>>) -> Option<Duration> {
    let started = Instant::now();
    let mut polls = polls.into_iter();
    let mut tick = Box::pin(sleep(Duration::ZERO));
    let stream = poll_fn(move |cx| {
        while tick.as_mut().poll(cx).is_ready() {
            let Some(poll) = polls.next() else { break };
            if let Some(poll) = poll {
                note(poll);
            }
            tick.as_mut().reset(Instant::now() + Duration::from_secs(1));
        }
        Poll::Pending
    });
    let request = Connection::local().begin_request();
    let metrics = Arc::new(Metrics::new());
    let deadline = WriteDeadline::new(stream, LIMIT, request, Arc::clone(&metrics));
    let ended = timeout(10 * LIMIT, deadline).await.is_ok();
    let counted = metrics.encode().contains("lookaside_answers_stuck_total 1");
    assert_eq!(ended, counted);
    ended.then(|| started.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_its_data_is_not_taken() {
    use BodyPoll::{HandedOver, Idle};
    let late = LIMIT + Duration::from_secs(1);
    assert!((LIMIT..late).contains(&ends_after(vec![Some(HandedOver)]).await.unwrap()));
    // Wake-ups that do not reach the body are no progress.
    let woken = vec![Some(HandedOver), None, None];
    assert!((LIMIT..late).contains(&ends_after(woken).await.unwrap()));
    // A second frame handed over is progress: the first was taken.
    let second = vec![Some(HandedOver), None, Some(HandedOver)];
    assert!(ends_after(second).await.unwrap() >= LIMIT + Duration::from_secs(2));
    // And so is an idle body.
    assert_eq!(ends_after(vec![Some(HandedOver), Some(Idle)]).await, None);
    assert_eq!(ends_after(vec![Some(Idle)]).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_its_flight_has_expired() {
    let flight = Arc::new(Flight::default());
    let patience = Patience::new(LIMIT, 0);
    let of_body = Arc::clone(&flight);
    let mut said = false;
    let stream = poll_fn(move |_| {
        if !std::mem::replace(&mut said, true) {
            watch(&of_body);
        }
        Poll::<()>::Pending
    });
    let request = Connection::local().begin_request();
    let mut stream = std::pin::pin!(WriteDeadline::new(
        stream,
        LIMIT,
        request,
        Arc::new(Metrics::new())
    ));
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let _landing = Flight::begin(&flight, 10, patience.now());
    for _ in 0..10 {
        patience.advance();
        assert!(!flight.is_overdue(&patience));
        assert!(stream.as_mut().poll(&mut cx).is_pending());
    }
    patience.advance();
    assert!(flight.is_overdue(&patience));
    assert!(stream.as_mut().poll(&mut cx).is_ready());
}
