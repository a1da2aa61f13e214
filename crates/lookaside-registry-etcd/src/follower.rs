use std::{
    future::{pending, ready},
    pin::Pin,
    sync::Arc,
};

use etcd_client::{GetOptions, WatchOptions, WatchStream};
use lookaside_registry::{
    Activity,
    reflector::{
        Action, Failure, Header, Input, Layout, Notice, PageRequest, Reflector, Update,
        WatchResponse,
    },
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};
use tracing::{debug, error, info, warn};

use crate::{
    answer,
    complaint::Complaint,
    connector::{Connection, Connector},
    failure::{classify, overdue},
    prefix,
};

/// How many responses of a watch may be published as one. A bound, so that a storm that
/// never pauses is seen all the same: a thousand transactions are a few milliseconds.
const MERGED: usize = 1000;

/// What a follower publishes.
pub(crate) type Published<S> = watch::Receiver<Option<Update<S>>>;

/// Does the I/O of one reflector. At most one request and one watch are open at a time.
pub(crate) struct Follower<L: Layout> {
    reflector: Reflector<L>,
    connector: Arc<Connector>,
    prefix: Arc<str>,
    /// Which member is next.
    member: usize,
    connection: Option<Connection>,
    request: Option<Pin<Box<dyn Future<Output = Done> + Send>>>,
    watch: Option<WatchStream>,
    complaint: Complaint,
    activity: Arc<Activity>,
    out: watch::Sender<Option<Update<L::Service>>>,
}

/// How a request ended.
enum Done {
    Connected(Connection, Input),
    Opened(WatchStream),
    Answered(Input),
}

impl<L: Layout<Service: Send + Sync + 'static>> Follower<L> {
    pub(crate) fn new(
        layout: L,
        prefix: Arc<str>,
        connector: Arc<Connector>,
        activity: Arc<Activity>,
    ) -> (Self, Published<L::Service>) {
        let (out, published) = watch::channel(None);
        let mut rng = fastrand::Rng::new();
        // Balancers start at different members, so that these share the watches.
        let member = rng.usize(..connector.members());
        let timings = connector.config().timings.clone();
        let this = Self {
            reflector: Reflector::new(layout, timings, connector.members(), rng, Instant::now()),
            connector,
            prefix,
            member,
            connection: None,
            request: None,
            watch: None,
            complaint: Complaint::default(),
            activity,
            out,
        };
        (this, published)
    }

    /// Until nobody listens.
    pub(crate) async fn run(mut self) {
        loop {
            if let Some(update) = self.reflector.take_update()
                && self.out.send(Some(update)).is_err()
            {
                return;
            }
            let deadline = self.reflector.deadline();
            let input = tokio::select! {
                // The watch first: what it says makes reads and timers unnecessary.
                biased;
                response = next(&mut self.watch) => self.watched(response),
                done = answer(&mut self.request) => {
                    self.request = None;
                    match done {
                        Done::Connected(connection, input) => {
                            self.connection = Some(connection);
                            input
                        }
                        Done::Opened(watch) => {
                            self.watch = Some(watch);
                            continue;
                        }
                        Done::Answered(input) => input,
                    }
                }
                () = wait(deadline) => Input::Timer,
                () = self.out.closed() => return,
            };
            self.handle(input).await;
            self.take_what_waits().await;
        }
    }

    async fn handle(&mut self, input: Input) {
        let action = self.reflector.handle(input, Instant::now());
        for notice in self.reflector.take_notices() {
            self.log(notice);
        }
        if let Some(action) = action {
            self.act(action).await;
        }
    }

    /// Takes what the watch has received already, so that a storm of changes is published
    /// as often as it can be read, and not as often as it is written.
    async fn take_what_waits(&mut self) {
        for _ in 0..MERGED {
            let response = tokio::select! {
                biased;
                response = next(&mut self.watch) => response,
                () = ready(()) => return,
            };
            let input = self.watched(response);
            self.handle(input).await;
        }
    }

    fn watched(&mut self, response: Result<WatchResponse, Failure>) -> Input {
        Input::Watch(response.map_err(|failure| {
            self.watch = None;
            self.named(failure)
        }))
    }

    async fn act(&mut self, action: Action) {
        match action {
            Action::Connect => {
                let (connector, prefix) = (Arc::clone(&self.connector), Arc::clone(&self.prefix));
                let member = self.member;
                self.member = (member + 1) % connector.members();
                self.request = Some(Box::pin(connect(connector, member, prefix)));
            }
            Action::Disconnect => {
                self.watch = None;
                self.request = None;
                self.connection = None;
            }
            Action::AskProgress => {
                if let Some(watch) = &mut self.watch {
                    // Only queues it. A queue that is full, because the member reads
                    // nothing, must not hold up the timers that notice just that.
                    let within = self.connector.config().timings.answer;
                    let _ = timeout(within, watch.request_progress()).await;
                }
            }
            Action::Read | Action::List(_) | Action::Watch { .. } => {
                let Some(connection) = self.connection.clone() else {
                    return;
                };
                let prefix = Arc::clone(&self.prefix);
                let timings = self.connector.config().timings.clone();
                self.request = Some(match action {
                    Action::List(request) => Box::pin(async move {
                        let within = timings.page;
                        let page = timeout(within, list(&connection, &prefix, request)).await;
                        Done::Answered(Input::Page(page.unwrap_or_else(|_| {
                            Err(overdue(connection.member(), "a list", within))
                        })))
                    }),
                    // Timed by the reflector, together with the confirmation.
                    Action::Watch { from } => Box::pin(open(connection, prefix, from)),
                    _ => Box::pin(async move {
                        let answer = read(&connection, &prefix, timings.read).await;
                        Done::Answered(Input::Read(answer))
                    }),
                });
            }
        }
    }

    fn named(&self, failure: Failure) -> Failure {
        match &self.connection {
            Some(connection) if !failure.reason.starts_with(connection.member()) => Failure {
                reason: format!("{}: {}", connection.member(), failure.reason).into(),
                ..failure
            },
            _ => failure,
        }
    }

    fn log(&mut self, notice: Notice) {
        let prefix = &*self.prefix;
        let member = self.connection.as_ref().map(Connection::member);
        match notice {
            Notice::Listed { keys, revision } => {
                self.activity.listed();
                info!(prefix, member, keys, revision, "etcd has been listed");
            }
            Notice::Changed { events } => {
                self.activity.changed(events);
                debug!(prefix, member, events, "etcd told of changes");
            }
            Notice::RolledBack {
                from,
                to,
                other_cluster,
            } => {
                self.activity.rolled_back();
                error!(
                    prefix,
                    member,
                    from,
                    to,
                    other_cluster,
                    "etcd went back to an earlier state, or is another cluster: \
                     following what it says now"
                );
            }
            Notice::Following { from } => {
                if self.complaint.settle() {
                    info!(prefix, member, revision = from, "following etcd again");
                } else {
                    debug!(prefix, member, revision = from, "following etcd");
                }
            }
            Notice::Failed { reason } => {
                self.activity.failed();
                if self.complaint.is_due(&reason, Instant::now()) {
                    warn!(
                        prefix,
                        member,
                        error = &*reason,
                        "cannot follow etcd, trying again"
                    );
                }
            }
        }
    }
}

/// Connects and makes the first read, which shows the cluster and its revision.
async fn connect(connector: Arc<Connector>, member: usize, prefix: Arc<str>) -> Done {
    match connector.connect(member).await {
        Ok(connection) => {
            let answer = read(&connection, &prefix, connector.config().timings.read).await;
            Done::Connected(connection, Input::Read(answer))
        }
        Err(failure) => Done::Answered(Input::Read(Err(failure))),
    }
}

/// A linearizable read of one key that need not exist: within the prefix, so that the
/// right to read that is enough.
async fn read(
    connection: &Connection,
    prefix: &str,
    within: std::time::Duration,
) -> Result<Header, Failure> {
    let options = GetOptions::new().with_keys_only();
    let mut kv = connection.kv();
    match timeout(within, kv.get(prefix, Some(options))).await {
        Ok(Ok(it)) => answer::header(it.header()),
        Ok(Err(error)) => Err(classify(connection.member(), &error)),
        Err(_) => Err(overdue(connection.member(), "a read", within)),
    }
}

async fn list(
    connection: &Connection,
    prefix: &str,
    request: PageRequest,
) -> Result<lookaside_registry::reflector::Page, Failure> {
    let start = match request.after {
        // The first key behind it.
        Some(mut after) => {
            after.push(0);
            after
        }
        None => prefix.as_bytes().to_vec(),
    };
    let mut options = GetOptions::new()
        .with_range(prefix::end_of(prefix.as_bytes()))
        .with_limit(i64::from(request.limit));
    if let Some(revision) = request.revision {
        // What a revision holds is the same on every member, so the pages after the
        // first need no round through the leader.
        options = options.with_revision(revision).with_serializable();
    }
    let answer = connection.kv().get(start, Some(options)).await;
    answer::page(answer.map_err(|error| classify(connection.member(), &error))?)
}

async fn open(connection: Connection, prefix: Arc<str>, from: i64) -> Done {
    let options = WatchOptions::new()
        .with_range(prefix::end_of(prefix.as_bytes()))
        .with_start_revision(from)
        // Not with_fragment(): nothing would put the parts of a revision together.
        .with_progress_notify();
    let opened = connection.watch().watch(&*prefix, Some(options)).await;
    match opened {
        Ok(watch) => Done::Opened(watch),
        Err(error) => Done::Answered(Input::Watch(Err(classify(connection.member(), &error)))),
    }
}

/// What the watch says next, if there is one.
async fn next(watch: &mut Option<WatchStream>) -> Result<WatchResponse, Failure> {
    match watch {
        None => pending().await,
        Some(watch) => match watch.message().await {
            Ok(Some(response)) => answer::watch(&response),
            Ok(None) => Err(Failure::unavailable("the watch has ended")),
            Err(error) => Err(classify("watch", &error)),
        },
    }
}

async fn answer(request: &mut Option<Pin<Box<dyn Future<Output = Done> + Send>>>) -> Done {
    match request {
        None => pending().await,
        Some(request) => request.await,
    }
}

async fn wait(deadline: Option<Instant>) {
    match deadline {
        None => pending().await,
        Some(deadline) => sleep_until(deadline).await,
    }
}
