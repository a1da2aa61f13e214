//! How long planning 10,000 backends takes: from nothing, after one of them changed, and
//! after one more was ejected or brought back while 3,000 others are ejected;
//! against the least that any planner does, tokens and slots in runs. Prints medians.
#![expect(clippy::expect_used, reason = "a program of its own, with fixed input")]

use std::{
    hint::black_box,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use lookaside_core::{
    Backend, BackendId, BackendState, Drop, Drops, Ejection, Ejections, Health, HostPort, Key,
    Limits, Plan, Planner, ResolvedBackend, ServiceInput, ServiceName, Settings, SlotRef, Token,
    TokenIssuer, plan,
};

const BACKENDS: u32 = 10_000;
const ROUNDS: u32 = 101;

fn main() {
    let quarter = Drops::new([Drop {
        category: "overload".into(),
        per_million: 250_000,
    }]);
    let quarter = quarter.expect("valid drops");
    let mut rng = fastrand::Rng::with_seed(1);
    let mut random: Vec<u32> = (0..BACKENDS).map(|_| rng.u32(1..=1000)).collect();
    random[0] = 997;
    let key = Key::new(b"sixteen bytes and more").expect("long enough");
    let signed = TokenIssuer::Signed(key.into());
    println!(
        "Medians of {ROUNDS} rounds; budgets: from nothing 10 ms, one change or verdict 1 ms\n"
    );
    row([
        "10,000 backends",
        "slots",
        "from nothing",
        "tokens and runs",
        "ratio",
        "one change",
        "one verdict",
    ]);
    row(["---"; 7]);
    for (name, weights, drops) in [
        (
            "equal weights",
            vec![100; BACKENDS as usize],
            Drops::default(),
        ),
        (
            "weights 1 to 4",
            (0..BACKENDS).map(|i| 1 + i % 4).collect(),
            Drops::default(),
        ),
        ("random weights 1 to 1000", random.clone(), Drops::default()),
        ("random weights, a quarter dropped", random, quarter),
    ] {
        measure(name, &weights, &drops, &TokenIssuer::Unsigned);
        measure(&format!("{name}, signed"), &weights, &drops, &signed);
    }
}

fn measure(name: &str, weights: &[u32], drops: &Drops, issuer: &TokenIssuer) {
    let service = ServiceName::new("orders").expect("a valid name");
    let settings = {
        let mut settings = Settings::default();
        settings.drops = drops.clone();
        settings
    };
    let mut backends: Vec<ResolvedBackend> = (0u32..)
        .zip(weights)
        .map(|(index, &weight)| backend(index, weight))
        .collect();
    let limits = Limits::new(slot_bytes);
    let mut planner = Planner::default();
    let mut slots = 0;
    let (mut from_nothing, mut one_change, mut least) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let index = round * 97 % BACKENDS;
        backends[index as usize] = backend(index, 1 + round % 900);
        let input = ServiceInput {
            name: &service,
            backends: &backends,
            settings: &settings,
            health: None,
        };
        let began = Instant::now();
        let incremental = planner.plan(&input, issuer, &limits);
        if round > 0 {
            one_change.push(began.elapsed());
        }
        let began = Instant::now();
        let fresh = plan(&input, issuer, &limits);
        from_nothing.push(began.elapsed());
        assert_eq!(incremental, fresh);
        let began = Instant::now();
        black_box(runs(&service, &backends, issuer));
        least.push(began.elapsed());
        if let Plan::List(list) = fresh {
            slots = list.slots().len();
        }
    }
    let verdict = verdicts(&service, &backends, &settings, issuer);
    let (fresh, least) = (median(from_nothing), median(least));
    row([
        name,
        &slots.to_string(),
        &format!("{fresh:.2} ms"),
        &format!("{least:.2} ms"),
        &format!("{:.2}", fresh / least),
        &format!("{:.2} ms", median(one_change)),
        &format!("{:.2} ms", median(verdict)),
    ]);
}

/// Of so many ejected backends the last one is ejected and brought back.
fn verdicts(
    service: &ServiceName,
    backends: &[ResolvedBackend],
    settings: &Settings,
    issuer: &TokenIssuer,
) -> Vec<Duration> {
    const EJECTED: usize = 3_000;
    let ejected = backends.iter().step_by(3).take(EJECTED + 1);
    let mut ejected: Vec<Arc<Ejection>> = ejected
        .map(|(backend, addresses)| {
            Arc::new(Ejection {
                backend: backend.id.clone(),
                addr: addresses[0],
                reason: "connection refused".into(),
                since: SystemTime::UNIX_EPOCH,
            })
        })
        .collect();
    let all = Ejections::new(ejected.clone());
    ejected.pop();
    let but_one = Ejections::new(ejected);
    let limits = Limits::new(slot_bytes);
    let mut planner = Planner::default();
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let input = ServiceInput {
            name: service,
            backends,
            settings,
            health: Some(Health {
                ejections: if round % 2 == 0 { &all } else { &but_one },
                panic: 0.5,
            }),
        };
        let began = Instant::now();
        black_box(planner.plan(&input, issuer, &limits));
        if round > 0 {
            times.push(began.elapsed());
        }
    }
    times
}

fn row(cells: [&str; 7]) {
    let [name, rest @ ..] = cells;
    print!("| {name:<41} |");
    for cell in rest {
        print!(" {cell:>15} |");
    }
    println!();
}

/// The same weights the naive way: every backend's slots in one run, its share rounded
/// down. No better list is cheaper.
fn runs(
    service: &ServiceName,
    backends: &[ResolvedBackend],
    issuer: &TokenIssuer,
) -> Vec<(SocketAddr, Token)> {
    let all: u64 = backends.iter().map(|(it, _)| u64::from(it.weight)).sum();
    let bound = (4 * backends.len() as u64).min(32_768);
    let issuer = issuer.for_service(service);
    let mut slots = Vec::with_capacity(bound as usize);
    for (backend, addresses) in backends {
        let share = (u64::from(backend.weight) * bound / all).max(1);
        let slot = (addresses[0], issuer.issue(&backend.id));
        slots.extend(std::iter::repeat_n(slot, share as usize));
    }
    slots
}

fn backend(index: u32, weight: u32) -> ResolvedBackend {
    let addr = SocketAddr::from(([10, 0, (index >> 8) as u8, index as u8], 50051));
    let id = format!("orders-7d9f8c6b5-{index:05}");
    let backend = Backend {
        id: BackendId::new(&id).expect("a valid id"),
        address: HostPort::from(addr),
        weight,
        zone: None,
        state: BackendState::Serving,
        key: format!("services/orders/{id}").into(),
        revision: 1,
    };
    (Arc::new(backend), Arc::new([addr]))
}

/// About what `grpc.lb.v1` takes.
fn slot_bytes(slot: &SlotRef<'_>) -> usize {
    match slot {
        SlotRef::Endpoint(endpoint) => {
            endpoint.token.as_bytes().len() + if endpoint.addr.is_ipv4() { 16 } else { 28 }
        }
        SlotRef::Drop(drop) => drop.category.len() + 8,
    }
}

/// In milliseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}
