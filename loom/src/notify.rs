//! What `tokio::sync::Notify` promises: a notification that nobody waits for is kept, and
//! several of them are one.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::PoisonError,
    task::{Context, Poll, Wake, Waker},
};

use loom::sync::{Mutex, MutexGuard};

#[derive(Default)]
pub(crate) struct Notify(Mutex<(bool, Option<Waker>)>);

impl Notify {
    fn state(&self) -> MutexGuard<'_, (bool, Option<Waker>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn notify_one(&self) {
        let mut state = self.state();
        state.0 = true;
        let waker = state.1.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) async fn notified(&self) {
        poll_fn(|cx| {
            let mut state = self.state();
            if std::mem::take(&mut state.0) {
                return Poll::Ready(());
            }
            state.1 = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// A thread that waits for a waker. One that is never woken is a deadlock, which loom finds.
#[derive(Default)]
pub(crate) struct Sleeper(loom::sync::Notify);

impl Wake for Sleeper {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.notify();
    }
}

impl Sleeper {
    pub(crate) fn sleep(&self) {
        self.0.wait();
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let sleeper = std::sync::Arc::new(Sleeper::default());
    let waker = Waker::from(std::sync::Arc::clone(&sleeper));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        sleeper.sleep();
    }
}
