//! A unary call through `lookaside-client` against one through a bare tonic channel: calls
//! a second with 64 at a time on one thread, and allocations for each call. The backend is
//! a process of its own; both sides take turns.

use std::time::{Duration, Instant};

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
};

const AT_A_TIME: usize = 64;
const ROUNDS: usize = 11;
const ROUND: Duration = Duration::from_millis(700);
const COUNTED: u64 = 1000;

fn main() -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let backend = runtime.block_on(Backend::start("bench"));
    let bare = runtime.block_on(connect(backend.addr))?;
    let ours = Channel::builder("bench").addresses([backend.addr.to_string()]);
    let ours = runtime.block_on(ours.connect())?;

    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        a.push(runtime.block_on(rate(ours.clone()))?);
        b.push(runtime.block_on(rate(bare.clone()))?);
    }
    let (x, y) = (allocations(&runtime, ours)?, allocations(&runtime, bare)?);

    println!("unary calls, one client thread, {AT_A_TIME} at a time, medians of {ROUNDS} rounds\n");
    let row = |name: &str, rate: f64, allocations: f64| {
        vec![
            name.to_owned(),
            format!("{rate:.0}"),
            format!("{allocations:.1}"),
        ]
    };
    print(
        &["", "calls a second", "allocations a call"],
        &[
            row("lookaside-client", median(&a), x),
            row("tonic's Channel", median(&b), y),
            vec![
                "ratio".into(),
                format!("{:.3}", median(&a) / median(&b)),
                format!("{:.2}", x / y),
            ],
            vec!["budget".into(), "0.970".into(), "below 1".into()],
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
                client
                    .echo(EchoRequest {
                        message: "ping".into(),
                    })
                    .await?;
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
            client
                .echo(EchoRequest {
                    message: "ping".into(),
                })
                .await?;
        }
        Ok::<_, tonic::Status>(())
    };
    runtime.block_on(calls(COUNTED))?;
    let mut result = Ok(());
    let counted = allocation_counter::measure(|| result = runtime.block_on(calls(COUNTED)));
    result?;
    Ok(counted.count_total as f64 / COUNTED as f64)
}
