//! A connection in memory, with a latency per write, that can be cut, go silent, or be held
//! up: then what is written arrives later.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::{Buf, Bytes};
use fastrand::Rng;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// As much as a socket buffer holds; a writer waits beyond it.
const CAPACITY: usize = 64 * 1024;

/// Both ends of a new connection, and a handle to do harm to it.
pub fn pipe(rng: Rng, max_latency: Duration) -> (End, End, Line) {
    let line = Line(Arc::new(Mutex::new(Shared {
        ways: [Way::default(), Way::default()],
        silent: false,
        cut: false,
        cut_when_heard: false,
        extra: Duration::ZERO,
        rng,
        max_latency,
    })));
    let end = |side| End {
        side,
        line: line.clone(),
        sleep: None,
    };
    (end(0), end(1), line)
}

/// One end. Dropping it closes it.
pub struct End {
    side: usize,
    line: Line,
    sleep: Option<Pin<Box<Sleep>>>,
}

/// What lies between the ends.
#[derive(Clone)]
pub struct Line(Arc<Mutex<Shared>>);

struct Shared {
    /// By the end that writes.
    ways: [Way; 2],
    silent: bool,
    cut: bool,
    /// Cut by the second end, which the first does not hear yet.
    cut_when_heard: bool,
    /// Beside the latency.
    extra: Duration,
    rng: Rng,
    max_latency: Duration,
}

#[derive(Default)]
struct Way {
    chunks: VecDeque<(Instant, Bytes)>,
    bytes: usize,
    /// When the reader will see its end.
    closed: Option<Instant>,
    /// Its writer is no more: nobody reads the other way.
    gone: bool,
    /// Nothing arrives for now.
    held: bool,
    /// When what was written last arrives: nothing overtakes it.
    arrives: Option<Instant>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap()
    }

    /// Both ends fail from now on; what is under way is lost. The first end, which dialled,
    /// does not know while nothing reaches it.
    pub fn cut(&self) {
        let mut shared = self.lock();
        if shared.ways[1].held {
            shared.cut_when_heard = true;
        } else {
            shared.cut = true;
        }
        shared.wake();
    }

    /// Whether anything gets from the first end to the second, and back; how much later than
    /// it would. What is held up arrives when it may.
    pub fn set(&self, held: [bool; 2], extra: Duration) {
        let mut shared = self.lock();
        for (way, held) in shared.ways.iter_mut().zip(held) {
            way.held = held;
        }
        shared.extra = extra;
        shared.cut |= shared.cut_when_heard && !held[1];
        shared.wake();
    }

    /// Nothing arrives any more, and nobody is told.
    pub fn silence(&self) {
        self.lock().silent = true;
    }

    /// Whether both ends are there and hear each other.
    pub fn is_alive(&self) -> bool {
        let shared = self.lock();
        !shared.cut && !shared.silent && shared.ways.iter().all(|way| way.closed.is_none())
    }

    /// Whether there is nothing left to do harm to.
    pub fn is_over(&self) -> bool {
        let shared = self.lock();
        shared.cut || shared.ways.iter().all(|way| way.closed.is_some())
    }
}

impl Shared {
    fn wake(&mut self) {
        for way in &mut self.ways {
            wake(&mut way.reader);
            wake(&mut way.writer);
        }
    }

    fn arrival(&mut self, side: usize) -> Instant {
        let micros = self.max_latency.as_micros() as u64;
        let latency = Duration::from_micros(self.rng.u64(0..=micros));
        let at = Instant::now() + latency + self.extra;
        let at = self.ways[side].arrives.map_or(at, |last| last.max(at));
        self.ways[side].arrives = Some(at);
        at
    }

    fn close(&mut self, side: usize) {
        if self.ways[side].closed.is_none() {
            self.ways[side].closed = Some(self.arrival(side));
        }
        self.wake();
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut shared = self.line.lock();
        shared.ways[self.side].gone = true;
        shared.close(self.side);
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut shared = self.line.lock();
            if shared.cut {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            let silent = shared.silent;
            let way = &mut shared.ways[1 - self.side];
            way.reader = Some(cx.waker().clone());
            if silent || way.held {
                return Poll::Pending;
            }
            let next = match way.chunks.front_mut() {
                Some((at, chunk)) if *at <= Instant::now() => {
                    let taken = chunk.len().min(buf.remaining());
                    buf.put_slice(&chunk[..taken]);
                    chunk.advance(taken);
                    if chunk.is_empty() {
                        way.chunks.pop_front();
                    }
                    way.bytes -= taken;
                    wake(&mut way.writer);
                    return Poll::Ready(Ok(()));
                }
                Some((at, _)) => *at,
                None => match way.closed {
                    Some(at) if at <= Instant::now() => return Poll::Ready(Ok(())),
                    Some(at) => at,
                    None => return Poll::Pending,
                },
            };
            drop(shared);
            let mut sleep = Box::pin(sleep_until(next));
            if sleep.as_mut().poll(cx).is_pending() {
                self.sleep = Some(sleep);
                return Poll::Pending;
            }
        }
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut shared = self.line.lock();
        if shared.cut {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let (own, other) = (&shared.ways[self.side], &shared.ways[1 - self.side]);
        let refused = other.gone && !other.held && !shared.silent;
        if own.closed.is_some() || refused {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let at = shared.arrival(self.side);
        let way = &mut shared.ways[self.side];
        let room = CAPACITY - way.bytes;
        if room == 0 {
            way.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let written = room.min(data.len());
        way.bytes += written;
        let chunk = Bytes::copy_from_slice(&data[..written]);
        way.chunks.push_back((at, chunk));
        wake(&mut way.reader);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line.lock().close(self.side);
        Poll::Ready(Ok(()))
    }
}
