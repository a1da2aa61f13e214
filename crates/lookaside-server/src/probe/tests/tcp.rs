use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use socket2::{Domain, Socket, Type};
use tokio::{
    io::AsyncReadExt,
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::fixture::{Backend, TIMEOUT, ask};
use crate::probe::{MAX_PROBES, ProbeError, Prober, Probes, Stage, Target, tcp};
use lookaside_core::Probe;

#[tokio::test]
async fn a_port_that_accepts_is_well_and_its_connection_is_reset() {
    let (read, mut ends) = mpsc::channel(1);
    let backend = Backend::raw(move |mut stream| {
        let read = read.clone();
        async move {
            let end = stream.read(&mut [0; 16]).await;
            let _ = read.send(end.map_err(|error| error.kind())).await;
        }
    })
    .await;
    assert_eq!(backend.probe(&Probe::Tcp).await, Ok(()));
    // Not an orderly end, which would leave a connection in TIME_WAIT here.
    assert_eq!(ends.recv().await, Some(Err(io::ErrorKind::ConnectionReset)));
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_refuses() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    // Taken, so that nobody else listens on it meanwhile.
    let addr = socket.local_addr().unwrap().as_socket().unwrap();
    let refused = ask(addr, &Probe::Tcp, TIMEOUT).await;
    assert_eq!(refused, Err(ProbeError::Refused));
    assert_eq!(refused.unwrap_err().to_string(), "connection refused");
}

#[tokio::test]
async fn a_port_that_does_not_accept_in_time_is_not_well() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None).unwrap();
    socket
        .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    socket.listen(0).unwrap();
    let listener = TcpListener::from_std(socket.into()).unwrap();
    let addr = listener.local_addr().unwrap();
    let timeout = Duration::from_millis(300);
    // Nobody accepts, and its queue is short.
    let mut queued = Vec::new();
    let timed_out = loop {
        let connecting = tokio::net::TcpStream::connect(addr);
        match tokio::time::timeout(timeout, connecting).await {
            Ok(stream) => queued.push(stream.unwrap()),
            Err(_) => break ask(addr, &Probe::Tcp, timeout).await.unwrap_err(),
        }
        assert!(queued.len() < 100);
    };
    let expected = ProbeError::Timeout {
        stage: Stage::Connect,
        after: timeout,
    };
    assert_eq!(timed_out, expected);
    assert_eq!(timed_out.to_string(), "no connection within 300ms");
}

#[tokio::test]
async fn a_connection_to_itself_is_no_backend() {
    // The kernel gives a dialler its destination's port only by chance: bound to it, it
    // meets itself every time.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = socket.local_addr().unwrap();
    let met = socket.connect(addr).await.unwrap();
    assert_eq!(
        tcp::unless_self(met, addr).unwrap_err(),
        ProbeError::Refused
    );
}

#[test]
fn what_the_balancer_lacks_is_no_fault_of_the_backend() {
    let of = |errno: rustix::io::Errno| tcp::failure(&errno.into());
    for errno in [rustix::io::Errno::MFILE, rustix::io::Errno::ADDRNOTAVAIL] {
        assert!(of(errno).is_local(), "{errno}");
    }
    for errno in [
        rustix::io::Errno::CONNREFUSED,
        rustix::io::Errno::HOSTUNREACH,
        rustix::io::Errno::NETUNREACH,
        rustix::io::Errno::TIMEDOUT,
    ] {
        assert!(!of(errno).is_local(), "{errno}");
    }
}

/// Answers when it is let go, and counts how many wait for that.
#[derive(Debug)]
struct Slow {
    waiting: AtomicUsize,
    most: AtomicUsize,
    go: watch::Receiver<bool>,
}

#[async_trait::async_trait]
impl Prober for Slow {
    async fn probe(&self, _: &Target, _: &Probe, _: Duration) -> Result<(), ProbeError> {
        let waiting = self.waiting.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(waiting, SeqCst);
        let _ = self.go.clone().wait_for(|go| *go).await;
        self.waiting.fetch_sub(1, SeqCst);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn so_many_probes_are_in_flight_and_no_more() {
    let (go, going) = watch::channel(false);
    let slow = Arc::new(Slow {
        waiting: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
        go: going,
    });
    let probes = Probes::new(Arc::clone(&slow) as Arc<dyn Prober>);
    let done = Arc::new(Mutex::new(0));
    let mut tasks = JoinSet::new();
    for port in 1..=1000u16 {
        let (probes, done) = (probes.clone(), Arc::clone(&done));
        tasks.spawn(async move {
            let target = Target::from(SocketAddr::from(([10, 0, 0, 1], port)));
            let answer = probes.probe(&target, &Probe::Tcp, TIMEOUT).await;
            assert_eq!(answer, Ok(()));
            *done.lock().unwrap() += 1;
        });
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(slow.waiting.load(SeqCst), MAX_PROBES);
    go.send_replace(true);
    while tasks.join_next().await.transpose().unwrap().is_some() {}
    assert_eq!(*done.lock().unwrap(), 1000);
    assert_eq!(slow.most.load(SeqCst), MAX_PROBES);
}
