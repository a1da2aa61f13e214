use std::cell::Cell;

use tokio::time::{Instant, timeout};

use super::*;

/// Too many open files: EMFILE.
fn out_of_files() -> io::Error {
    io::Error::from_raw_os_error(24)
}

#[tokio::test(start_paused = true)]
async fn a_lack_of_descriptors_is_waited_out_and_not_spun_on() {
    let (attempts, accepted) = (Cell::new(0), Cell::new(0));
    let accept = |_: &mut Context<'_>| {
        attempts.set(attempts.get() + 1);
        Poll::Ready(Err::<(), _>(out_of_files()))
    };
    let loops = accept_from(accept, |()| accepted.set(accepted.get() + 1));
    timeout(Duration::from_secs(60), loops).await.unwrap_err();
    assert!((60..70).contains(&attempts.get()), "{}", attempts.get());
    assert_eq!(accepted.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_failed_delays_no_other_and_a_success_ends_the_back_off() {
    let attempts = Cell::new(0);
    let accept = |_: &mut Context<'_>| {
        attempts.set(attempts.get() + 1);
        Poll::Ready(match attempts.get() {
            1..=5 => Err(out_of_files()),
            6 => Ok(attempts.get()),
            7 => Err(io::ErrorKind::ConnectionAborted.into()),
            8 => Ok(attempts.get()),
            9 => Err(out_of_files()),
            10 => Ok(attempts.get()),
            _ => return Poll::Pending,
        })
    };
    let started = Instant::now();
    let mut accepted = Vec::new();
    let loops = accept_from(accept, |attempt| {
        accepted.push((attempt, started.elapsed().as_millis()));
    });
    timeout(Duration::from_secs(60), loops).await.unwrap_err();
    let backed_off = 50 + 100 + 200 + 400 + 800;
    assert_eq!(
        accepted,
        [(6, backed_off), (8, backed_off), (10, backed_off + 50)]
    );
}
