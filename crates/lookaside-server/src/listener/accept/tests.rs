use std::cell::Cell;

use tokio::time::{Instant, timeout};

use super::*;

fn out_of_buffers() -> io::Error {
    Errno::NOBUFS.into()
}

fn out_of_files() -> io::Error {
    Errno::MFILE.into()
}

#[tokio::test(start_paused = true)]
async fn a_lack_of_resources_is_waited_out_and_not_spun_on() {
    for error in [out_of_buffers, out_of_files] {
        let (attempts, accepted) = (Cell::new(0), Cell::new(0));
        let accept = |_: &mut Context<'_>| {
            attempts.set(attempts.get() + 1);
            Poll::Ready(Err::<(), _>(error()))
        };
        let count = |()| accepted.set(accepted.get() + 1);
        let loops = accept_from(accept, Reserve::new(), count, || ());
        timeout(Duration::from_secs(60), loops).await.unwrap_err();
        assert!((60..140).contains(&attempts.get()), "{}", attempts.get());
        assert_eq!(accepted.get(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn connections_without_a_descriptor_are_closed_and_not_left_waiting() {
    let (attempts, shed) = (Cell::new(0), Cell::new(0));
    let accept = |_: &mut Context<'_>| {
        attempts.set(attempts.get() + 1);
        match attempts.get() {
            1 | 5 => Poll::Ready(Err(out_of_files())),
            // The reserve makes room for one after the other.
            2..=4 => Poll::Ready(Ok(())),
            _ => Poll::Pending,
        }
    };
    let started = Instant::now();
    let loops = accept_from(
        accept,
        Reserve::new(),
        |()| panic!("accepted"),
        || {
            shed.set(shed.get() + 1);
            assert_eq!(started.elapsed(), Duration::ZERO);
        },
    );
    timeout(Duration::from_secs(60), loops).await.unwrap_err();
    assert_eq!(shed.get(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_failed_delays_no_other_and_a_success_ends_the_back_off() {
    let attempts = Cell::new(0);
    let accept = |_: &mut Context<'_>| {
        attempts.set(attempts.get() + 1);
        Poll::Ready(match attempts.get() {
            1..=5 => Err(out_of_buffers()),
            6 => Ok(attempts.get()),
            7 => Err(io::ErrorKind::ConnectionAborted.into()),
            8 => Ok(attempts.get()),
            9 => Err(out_of_buffers()),
            10 => Ok(attempts.get()),
            _ => return Poll::Pending,
        })
    };
    let started = Instant::now();
    let mut accepted = Vec::new();
    let on_connection = |attempt| accepted.push((attempt, started.elapsed().as_millis()));
    let loops = accept_from(accept, Reserve::new(), on_connection, || ());
    timeout(Duration::from_secs(60), loops).await.unwrap_err();
    let backed_off = 50 + 100 + 200 + 400 + 800;
    assert_eq!(
        accepted,
        [(6, backed_off), (8, backed_off), (10, backed_off + 50)]
    );
}
