//! A unary call through `lookaside-client` against one through tonic's own transport: over
//! one backend, against a bare channel, and over four, against `Channel::balance_list`. Calls
//! a second with 64 at a time on one client thread and on two, and allocations for each
//! call. The backends are processes of their own; both sides take turns.
//!
//! Arguments choose some of the parts: `one`, `four`, `threads`.

use std::{
    env,
    time::{Duration, Instant},
};

use anyhow::Result;
use lookaside_client::Channel;
use lookaside_proto::demo::{EchoRequest, echo_client::EchoClient};
use lookaside_tests::{
    Backend,
    bench::table::{median, print},
    inspect::connect,
};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
};
use tonic::{
    body::Body,
    client::GrpcService,
    codegen::{Body as HttpBody, Bytes, StdError},
    transport,
};

const AT_A_TIME: usize = 64;
const ROUNDS: usize = 20;
const ROUND: Duration = Duration::from_millis(700);
const COUNTED: u64 = 1000;

fn main() -> Result<()> {
    let chosen: Vec<_> = env::args()
        .skip(1)
        .filter(|it| !it.starts_with('-'))
        .collect();
    let wanted = |part: &str| chosen.is_empty() || chosen.iter().any(|it| it == part);
    let single = threads(1)?;
    let backends = single.block_on(async {
        let mut backends = Vec::new();
        for n in 1..=4 {
            backends.push(Backend::start(&format!("bench-{n}")).await);
        }
        backends
    });
    if wanted("one") {
        println!(
            "unary calls to one backend, one client thread, {AT_A_TIME} at a time, medians of {ROUNDS} rounds\n"
        );
        let ours = single.block_on(ours(&backends[..1]))?;
        let bare = single.block_on(connect(backends[0].addr))?;
        compare(&single, (ours, bare), "tonic's Channel", "0.970")?;
    }
    if wanted("four") {
        println!("\nthe same over four backends\n");
        let ours = single.block_on(ours(&backends))?;
        let theirs = single.block_on(balance_list(&backends))?;
        compare(&single, (ours, theirs), "Channel::balance_list", "1.000")?;
    }
    if wanted("threads") {
        println!(
            "\ncalls a second over four backends, by client threads, medians of {ROUNDS} rounds\n"
        );
        scaling(&backends)?;
    }
    Ok(())
}

fn threads(n: usize) -> Result<Runtime> {
    Ok(match n {
        // The caller's own: nothing to hand over to.
        1 => Builder::new_current_thread().enable_all().build()?,
        n => Builder::new_multi_thread()
            .worker_threads(n)
            .enable_all()
            .build()?,
    })
}

async fn ours(backends: &[Backend]) -> Result<Channel> {
    let addresses = backends.iter().map(|backend| backend.addr.to_string());
    let channel = Channel::builder("bench")
        .addresses(addresses)
        .connect()
        .await?;
    warm_up(channel.clone()).await?;
    Ok(channel)
}

async fn balance_list(backends: &[Backend]) -> Result<transport::Channel> {
    let endpoints = backends
        .iter()
        .map(|backend| transport::Endpoint::from_shared(format!("http://{}", backend.addr)));
    let endpoints = endpoints.collect::<Result<Vec<_>, _>>()?;
    let channel = transport::Channel::balance_list(endpoints.into_iter());
    warm_up(channel.clone()).await?;
    Ok(channel)
}

/// Until all connections are there.
async fn warm_up<T>(channel: T) -> Result<()>
where
    T: GrpcService<Body> + Clone + Send + 'static,
    T::ResponseBody: HttpBody<Data = Bytes> + Send + 'static,
    <T::ResponseBody as HttpBody>::Error: Into<StdError> + Send,
    T::Future: Send,
    T::Error: Into<StdError>,
{
    rate(channel).await.map(drop)
}

/// Rates and allocations of ours and theirs, in turns.
fn compare<T>(
    runtime: &Runtime,
    (ours, theirs): (Channel, T),
    name: &str,
    budget: &str,
) -> Result<()>
where
    T: GrpcService<Body> + Clone + Send + 'static,
    T::ResponseBody: HttpBody<Data = Bytes> + Send + 'static,
    <T::ResponseBody as HttpBody>::Error: Into<StdError> + Send,
    T::Future: Send,
    T::Error: Into<StdError>,
{
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Who goes first changes too.
        if round % 2 == 0 {
            a.push(runtime.block_on(rate(ours.clone()))?);
            b.push(runtime.block_on(rate(theirs.clone()))?);
        } else {
            b.push(runtime.block_on(rate(theirs.clone()))?);
            a.push(runtime.block_on(rate(ours.clone()))?);
        }
    }
    let (x, y) = (allocations(runtime, ours)?, allocations(runtime, theirs)?);
    let row = |name: &str, rate: f64, allocations: f64| {
        let (rate, allocations) = (format!("{rate:.0}"), format!("{allocations:.1}"));
        vec![name.to_owned(), rate, allocations]
    };
    let (rates, counts) = (median(&a) / median(&b), x / y);
    print(
        &["", "calls a second", "allocations a call"],
        &[
            row("lookaside-client", median(&a), x),
            row(name, median(&b), y),
            vec![
                "ratio".into(),
                format!("{rates:.3}"),
                format!("{counts:.2}"),
            ],
            vec!["budget".into(), budget.into(), "below 1".into()],
        ],
    );
    Ok(())
}

/// One thread against two, each of both channels: what a second one adds. The backends
/// share the machine, so that on few cores neither doubles.
fn scaling(backends: &[Backend]) -> Result<()> {
    // A connection's task lives on the runtime it was made on.
    let (one, two) = (threads(1)?, threads(2)?);
    let channels = |runtime: &Runtime| -> Result<_> {
        let ours = runtime.block_on(ours(backends))?;
        Ok((ours, runtime.block_on(balance_list(backends))?))
    };
    let (on_one, on_two) = (channels(&one)?, channels(&two)?);
    let mut rates: [Vec<f64>; 4] = Default::default();
    for _ in 0..ROUNDS {
        rates[0].push(one.block_on(rate(on_one.0.clone()))?);
        rates[1].push(two.block_on(rate(on_two.0.clone()))?);
        rates[2].push(one.block_on(rate(on_one.1.clone()))?);
        rates[3].push(two.block_on(rate(on_two.1.clone()))?);
    }
    let [ours_one, ours_two, theirs_one, theirs_two] = rates.map(|rates| median(&rates));
    let row = |name: &str, one: f64, two: f64| {
        vec![
            name.to_owned(),
            format!("{one:.0}"),
            format!("{two:.0}"),
            format!("{:.2}", two / one),
        ]
    };
    let (x, y) = (ours_one / theirs_one, ours_two / theirs_two);
    print(
        &["", "one thread", "two threads", "two / one"],
        &[
            row("lookaside-client", ours_one, ours_two),
            row("Channel::balance_list", theirs_one, theirs_two),
            vec![
                "ratio".into(),
                format!("{x:.3}"),
                format!("{y:.3}"),
                String::new(),
            ],
        ],
    );
    Ok(())
}

/// Calls a second over a round.
async fn rate<T>(channel: T) -> Result<f64>
where
    T: GrpcService<Body> + Clone + Send + 'static,
    T::ResponseBody: HttpBody<Data = Bytes> + Send + 'static,
    <T::ResponseBody as HttpBody>::Error: Into<StdError> + Send,
    T::Future: Send,
    T::Error: Into<StdError>,
{
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..AT_A_TIME {
        let mut client = EchoClient::new(channel.clone());
        callers.spawn(async move {
            let mut calls = 0u64;
            while start.elapsed() < ROUND {
                client.echo(ping()).await?;
                calls += 1;
            }
            Ok::<_, tonic::Status>(calls)
        });
    }
    let mut calls = 0;
    while let Some(caller) = callers.join_next().await {
        calls += caller??;
    }
    Ok(calls as f64 / start.elapsed().as_secs_f64())
}

/// Allocations for each call, one call after another, all of them on this one thread.
fn allocations<T>(runtime: &Runtime, channel: T) -> Result<f64>
where
    T: GrpcService<Body>,
    T::ResponseBody: HttpBody<Data = Bytes> + Send + 'static,
    <T::ResponseBody as HttpBody>::Error: Into<StdError> + Send,
    T::Error: Into<StdError>,
{
    let mut client = EchoClient::new(channel);
    let mut calls = async |n: u64| {
        for _ in 0..n {
            client.echo(ping()).await?;
        }
        Ok::<_, tonic::Status>(())
    };
    runtime.block_on(calls(COUNTED))?;
    let mut result = Ok(());
    let counted = allocation_counter::measure(|| result = runtime.block_on(calls(COUNTED)));
    result?;
    Ok(counted.count_total as f64 / COUNTED as f64)
}

fn ping() -> EchoRequest {
    EchoRequest {
        message: "ping".into(),
    }
}
