//! What operators order through the admin port.

use std::{sync::Arc, time::Duration};

use lookaside_core::{BackendId, BackendState, HostPort, ServiceName};
use lookaside_proto::v1::{
    BackendWeight, ClearOverrideRequest, DropShare, Drops, ListOverridesRequest,
    SetOverrideRequest, WatchServiceRequest, clear_override_request::Kind,
    control_client::ControlClient, inspect_client::InspectClient, set_override_request::Order,
};
use lookaside_registry::{MemoryLimits, MemoryRegistry, Registration, Registry};
use lookaside_server::Balancer;
use prost::Message;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
};
use tonic::Code;

use crate::kit::{Client, Grpc, Inspect, config};

/// A balancer whose registry can be written, with backends `a` and `b` of `orders`.
struct Fixture {
    balancer: Arc<Balancer>,
    control: ControlClient<Grpc>,
    inspect: Inspect,
}

impl Fixture {
    async fn new() -> Self {
        let registry = MemoryRegistry::new(MemoryLimits::default());
        let registrar = registry.registrar().unwrap();
        for (id, port) in [("a", 1), ("b", 2)] {
            let registration = Registration {
                service: ServiceName::new("orders").unwrap(),
                id: BackendId::new(id).unwrap(),
                address: format!("10.0.0.1:{port}").parse::<HostPort>().unwrap(),
                weight: 1,
                zone: None,
                state: BackendState::Serving,
            };
            let hour = Duration::from_secs(3600);
            registrar.register(&registration, hour).await.unwrap();
        }
        let names = watch::channel(Arc::default()).1;
        let balancer = Balancer::start(config(), Arc::new(registry), names).unwrap();
        balancer.ready().await;
        Self {
            control: ControlClient::new(Grpc::operator(&balancer).await),
            inspect: Inspect(InspectClient::new(Grpc::operator(&balancer).await)),
            balancer: Arc::new(balancer),
        }
    }

    async fn set(&mut self, order: Order) -> i64 {
        let set = self.control.set_override(request(order)).await;
        set.unwrap().into_inner().revision
    }

    async fn refused(&mut self, request: SetOverrideRequest) -> (Code, String) {
        let status = self.control.set_override(request).await.unwrap_err();
        (status.code(), status.message().to_owned())
    }

    async fn clear(&mut self, kind: Kind, backend: &str) -> bool {
        let request = ClearOverrideRequest {
            service: "orders".to_owned(),
            kind: kind.into(),
            backend: backend.to_owned(),
            by: "alice".to_owned(),
            ..ClearOverrideRequest::default()
        };
        let cleared = self.control.clear_override(request).await.unwrap();
        cleared.into_inner().cleared
    }
}

fn request(order: Order) -> SetOverrideRequest {
    SetOverrideRequest {
        service: "orders".to_owned(),
        order: Some(order),
        by: "alice".to_owned(),
        reason: "a test".to_owned(),
        ..SetOverrideRequest::default()
    }
}

fn drain(id: &str) -> Order {
    Order::DrainBackend(id.to_owned())
}

#[tokio::test]
async fn an_order_reaches_clients_and_says_who_gave_it_until_it_is_taken_back() {
    let mut it = Fixture::new().await;
    let mut stream = Client::connect(&it.balancer).await.ask("orders").await;
    assert_eq!(stream.first_ports().await, [1, 2]);
    it.set(drain("a")).await;
    assert_eq!(stream.ports().await, [2]);
    let seen = it.inspect.get("orders").await.unwrap();
    let a = &seen.backends[0];
    assert_eq!(
        (&*a.state, &*a.reason),
        ("drained", "drained by override of alice: a test")
    );
    let [drained] = &seen.overrides[..] else {
        panic!("{seen:?}");
    };
    assert_eq!((&*drained.kind, &*drained.backend), ("drain", "a"));
    assert!(drained.at.is_some() && drained.expires.is_none());

    assert!(it.clear(Kind::Drain, "a").await);
    assert_eq!(stream.ports().await, [1, 2]);
    assert!(!it.clear(Kind::Drain, "a").await, "it is gone already");
    it.set(Order::Weight(BackendWeight {
        backend: "b".to_owned(),
        weight: 3,
    }))
    .await;
    assert_eq!(stream.ports().await, [1, 2, 2, 2]);
    it.set(Order::Fallback(true)).await;
    stream.fallback().await;
    let seen = it.inspect.get("orders").await.unwrap();
    assert_eq!(seen.reason, "fallback by override of alice: a test");
    let list = it.control.list_overrides(ListOverridesRequest::default());
    let kinds: Vec<_> = list.await.unwrap().into_inner().overrides;
    let kinds: Vec<_> = kinds.iter().map(|it| (&*it.kind, &*it.value)).collect();
    assert_eq!(kinds, [("fallback", "true"), ("weight", "3")]);
}

#[tokio::test]
async fn an_order_with_a_time_to_live_ends_by_itself() {
    let mut it = Fixture::new().await;
    let mut stream = Client::connect(&it.balancer).await.ask("orders").await;
    assert_eq!(stream.first_ports().await, [1, 2]);
    let mut second = request(drain("a"));
    second.ttl = Some(prost_types::Duration {
        seconds: 1,
        nanos: 0,
    });
    it.control.set_override(second).await.unwrap();
    assert_eq!(stream.ports().await, [2]);
    let seen = it.inspect.get("orders").await.unwrap();
    assert!(seen.overrides[0].expires.is_some());
    assert_eq!(stream.ports().await, [1, 2]);
}

#[tokio::test]
async fn inspection_says_what_holds_and_where_it_comes_from() {
    let mut it = Fixture::new().await;
    it.set(Order::Drops(Drops {
        shares: vec![DropShare {
            category: "overload".to_owned(),
            per_million: 250_000,
        }],
    }))
    .await;
    let request = WatchServiceRequest {
        name: "orders".to_owned(),
    };
    let mut states = it
        .inspect
        .0
        .watch_service(request)
        .await
        .unwrap()
        .into_inner();
    let seen = loop {
        let seen = states.message().await.unwrap().unwrap();
        if !seen.overrides.is_empty() {
            break seen;
        }
    };
    let settings = seen.settings.iter();
    let settings: Vec<_> = settings
        .map(|it| (&*it.name, &*it.value, &*it.source))
        .collect();
    assert_eq!(
        settings,
        [
            ("drops", "overload 25%", "override"),
            ("fallback", "false", "default"),
            ("on_empty", "fallback", "default"),
            ("max_slots", "1024", "default"),
            ("report_interval", "10s", "default"),
            ("hold_down", "30s", "default"),
            ("health", "none", "default"),
        ]
    );
    assert_eq!(seen.drops[0].percent, 25.0);
}

#[tokio::test]
async fn a_bad_order_is_refused_with_the_field_and_what_was_expected() {
    let mut it = Fixture::new().await;
    let revision = it.set(drain("a")).await;
    let with = |change: &dyn Fn(&mut SetOverrideRequest)| {
        let mut request = request(drain("a"));
        change(&mut request);
        request
    };
    for (request, code, says) in [
        (
            with(&|it| it.order = None),
            Code::InvalidArgument,
            "order: ",
        ),
        (
            with(&|it| it.service = "a b".to_owned()),
            Code::InvalidArgument,
            "service: ",
        ),
        (
            with(&|it| it.by = String::new()),
            Code::InvalidArgument,
            "by: ",
        ),
        (
            with(&|it| it.reason = "a\nb".to_owned()),
            Code::InvalidArgument,
            "reason: ",
        ),
        (
            with(&|it| it.service = "order".to_owned()),
            Code::NotFound,
            "service order is not registered",
        ),
        (
            with(&|it| it.order = Some(drain("c"))),
            Code::NotFound,
            "service orders has no backend c",
        ),
        (
            with(&|it| it.expected_revision = Some(0)),
            Code::Aborted,
            "expected revision 0",
        ),
    ] {
        let (refused, message) = it.refused(request).await;
        assert_eq!(refused, code, "{message}");
        assert!(message.contains(says), "{message}");
    }
    it.control
        .set_override(with(&|it| it.expected_revision = Some(revision)))
        .await
        .unwrap();
    it.control
        .set_override(with(&|it| {
            it.order = Some(drain("c"));
            it.absent_ok = true;
        }))
        .await
        .unwrap();
}

#[tokio::test]
async fn control_is_on_the_admin_port_alone() {
    let it = Fixture::new().await;
    let client = Grpc::connect(&it.balancer).await;
    let order = request(drain("a"));
    let status = ControlClient::new(client).set_override(order).await;
    assert_eq!(status.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn a_page_in_a_browser_on_this_machine_controls_nothing() {
    let mut it = Fixture::new().await;
    let order = request(drain("a")).encode_to_vec();
    for kind in ["text/plain", "application/grpc"] {
        let head = format!(
            "POST /lookaside.v1.Control/SetOverride HTTP/1.1\r\nhost: page.example\r\n\
             content-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            5 + order.len()
        );
        let length = u32::try_from(order.len()).unwrap().to_be_bytes();
        let sent = [head.as_bytes(), &[0], &length, &order].concat();
        let mut stream = TcpStream::connect(it.balancer.admin_addr()).await.unwrap();
        stream.write_all(&sent).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 415"), "{answer}");
    }
    let list = it.control.list_overrides(ListOverridesRequest::default());
    assert_eq!(list.await.unwrap().into_inner().overrides, []);
}
