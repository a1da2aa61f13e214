use std::{collections::BTreeSet, sync::Arc, time::Duration};

use lookaside_core::{Problem, ServiceName, ServiceOverrides, Settings};
use lookaside_proto::v1::{GetStatusRequest, ListServicesRequest, WatchServiceRequest};
use tokio::time::{sleep, timeout};
use tonic::{Code, Streaming};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_client::HealthClient,
};

use crate::{
    kit::{Fixture, Grpc, Inspect, MERGED, TestRegistry, backend},
    registration::with_memory,
};

/// Whether a request of 10,000 bytes gets no answer.
macro_rules! ask_for_too_much {
    ($module:ident, $grpc:expr) => {{
        use tonic_reflection::pb::$module::{
            ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
            server_reflection_request::MessageRequest as Ask,
        };
        let (requests, stream) = tokio::sync::mpsc::channel(1);
        let request = ServerReflectionRequest {
            host: "x".repeat(10_000),
            message_request: Some(Ask::ListServices(String::new())),
        };
        requests.send(request).await.unwrap();
        let answers = ServerReflectionClient::new($grpc)
            .server_reflection_info(Requests(stream))
            .await;
        answers
            .unwrap()
            .into_inner()
            .message()
            .await
            .unwrap()
            .is_none()
    }};
}

pub(crate) async fn watch_health(grpc: &mut Grpc) -> Streaming<HealthCheckResponse> {
    let request = HealthCheckRequest::default();
    let watch = HealthClient::new(grpc.clone()).watch(request).await;
    watch.unwrap().into_inner()
}

#[tokio::test(start_paused = true)]
async fn health_follows_readiness() {
    let registry = Arc::new(TestRegistry::connecting());
    let fixture = Fixture::start(registry, |_| ());
    let mut grpc = fixture.grpc().await;
    let mut health = watch_health(&mut grpc).await;
    let mut next = async || {
        let message = timeout(Duration::from_secs(60), health.message()).await;
        message.unwrap().unwrap().unwrap().status()
    };
    assert_eq!(next().await, ServingStatus::NotServing);
    fixture.registry.change(|state| {
        state.backends = Some(Arc::default());
        state.settings = Some(Arc::default());
        state.overrides = Some(Arc::default());
    });
    assert_eq!(next().await, ServingStatus::Serving);
    let request = HealthCheckRequest {
        service: "nothing".to_owned(),
    };
    let status = HealthClient::new(grpc).check(request).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);

    let balancer = Arc::clone(&fixture.balancer);
    tokio::spawn(async move { balancer.shutdown().await });
    assert_eq!(next().await, ServingStatus::NotServing);
}

#[tokio::test(start_paused = true)]
async fn keys_of_no_service_are_shown_with_the_balancer() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    let junk = |key: &str| Problem {
        key: key.into(),
        reason: "not JSON".into(),
        revision: 7,
    };
    fixture.registry.change(|state| {
        let mut backends = (**state.backends.as_ref().unwrap()).clone();
        backends.problems = [junk("services/x")].into();
        let orders = backends.services.values_mut().next().unwrap();
        Arc::make_mut(orders)
            .problems
            .push(junk("services/orders/x"));
        state.backends = Some(Arc::new(backends));
        let mut overrides = (**state.overrides.as_ref().unwrap()).clone();
        let of_nobody = ServiceOverrides::new(Vec::new(), vec![junk("overrides/ordres/drops")]);
        let name = ServiceName::new("ordres").unwrap();
        overrides.services.insert(name, Arc::new(of_nobody));
        state.overrides = Some(Arc::new(overrides));
    });
    let mut stream = fixture.stream("orders").await;
    stream.first_ports().await;
    let mut inspect = fixture.inspect().await;
    let status = inspect.0.get_status(GetStatusRequest {}).await.unwrap();
    let status = status.into_inner();
    assert_eq!(status.problems, 3);
    let keys: Vec<_> = status.stray_problems.iter().map(|it| &*it.key).collect();
    assert_eq!(keys, ["services/x"]);
    // Also where nobody has registered it.
    let nobody = inspect.get("ordres").await.unwrap();
    assert_eq!(nobody.problems[0].key, "overrides/ordres/drops");
}

#[tokio::test(start_paused = true)]
async fn inspection_says_what_clients_get_and_why() {
    let fixture = Fixture::new().await;
    let mut light = backend(1);
    light.zone = Some("a".into());
    let mut heavy = backend(2);
    heavy.weight = 3;
    let mut leaving = backend(3);
    leaving.state = lookaside_core::BackendState::Draining;
    let mut resting = backend(4);
    resting.weight = 0;
    let mut named = backend(5);
    named.address = "nowhere.test:5".parse().unwrap();
    fixture
        .registry
        .set("orders", [light, heavy, leaving, resting, named]);
    fixture.registry.change(|state| {
        let mut snapshot = (**state.backends.as_ref().unwrap()).clone();
        let orders = snapshot.services.values_mut().next().unwrap();
        Arc::make_mut(orders).problems.push(Problem {
            key: "services/orders/junk".into(),
            reason: "not JSON".into(),
            revision: 7,
        });
        state.backends = Some(Arc::new(snapshot));
    });
    let mut stream = fixture.stream("orders").await;
    stream.first_ports().await;
    let mut inspect = fixture.inspect().await;
    let service = inspect.get("orders.:443").await.unwrap();
    assert_eq!(service.name, "orders");
    assert_eq!((&*service.plan, service.slots), ("slots", 4));
    assert_eq!((service.streams, service.plan_version), (1, 1));
    assert_eq!(service.problems[0].key, "services/orders/junk");
    let states: Vec<_> = service
        .backends
        .iter()
        .map(|it| (it.id.as_str(), it.state.as_str(), it.slots))
        .collect();
    assert_eq!(
        states,
        [
            ("b1", "serving", 1),
            ("b2", "serving", 3),
            ("b3", "draining", 0),
            ("b4", "drained", 0),
            ("b5", "unresolved", 0),
        ]
    );
    let b1 = &service.backends[0];
    assert_eq!((&*b1.address, &*b1.zone), ("10.0.0.1:1", "a"));
    assert_eq!(b1.resolved, ["10.0.0.1:1"]);
    assert!((b1.share_percent - 25.0).abs() < 1e-9);
    assert!(b1.token.starts_with('0'));

    let list = inspect.0.list_services(ListServicesRequest {}).await;
    let list = list.unwrap().into_inner().services;
    assert_eq!(list.len(), 1);
    assert_eq!((list[0].backends, list[0].problems), (5, 1));

    let status = inspect.0.get_status(GetStatusRequest {}).await.unwrap();
    let status = status.into_inner();
    assert!(status.ready);
    assert_eq!((status.services, status.open_streams), (1, 1));
    assert_eq!(status.problems, 1);
    assert_eq!(status.registry.unwrap().url, "test:");

    let unknown = inspect.get("users:1").await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    assert!(unknown.message().contains("users is known"));
    let bad = inspect.get("").await.unwrap_err();
    assert_eq!(bad.code(), Code::InvalidArgument);
}

#[tokio::test(start_paused = true)]
async fn a_watched_service_is_waited_for_and_then_followed() {
    let fixture = Fixture::new().await;
    let Inspect(mut inspect) = fixture.inspect().await;
    let request = WatchServiceRequest {
        name: "orders:443".to_owned(),
    };
    let mut watch = inspect.watch_service(request).await.unwrap().into_inner();
    sleep(Duration::from_secs(60)).await;
    fixture.registry.set("orders", [backend(1)]);
    let first = watch.message().await.unwrap().unwrap();
    assert_eq!((first.slots, first.plan_version), (1, 1));
    sleep(MERGED).await;
    let mut settings = Settings::default();
    settings.fallback = true;
    fixture.registry.set_settings("orders", settings);
    let second = watch.message().await.unwrap().unwrap();
    assert_eq!((&*second.plan, second.plan_version), ("fallback", 2));
    assert_eq!(second.reason, "the service's settings say fallback");
    timeout(Duration::from_secs(600), watch.message())
        .await
        .expect_err("nothing changed");
}

#[tokio::test(start_paused = true)]
async fn a_watched_service_that_was_forgotten_is_followed_again_when_it_returns() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    let Inspect(mut inspect) = fixture.inspect().await;
    let request = WatchServiceRequest {
        name: "orders".to_owned(),
    };
    let mut watch = inspect.watch_service(request).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().slots, 1);
    fixture.registry.remove("orders");
    assert_eq!(watch.message().await.unwrap().unwrap().plan, "fallback");
    sleep(Duration::from_secs(3600)).await;
    let names = inspect.list_services(ListServicesRequest {}).await.unwrap();
    assert!(names.into_inner().services.is_empty(), "forgotten");
    fixture.registry.set("orders", [backend(1), backend(2)]);
    let back = timeout(Duration::from_secs(60), watch.message()).await;
    assert_eq!(back.unwrap().unwrap().unwrap().slots, 2);
}

#[tokio::test(start_paused = true)]
async fn no_service_takes_long_messages() {
    let fixture = Fixture::new().await;
    let request = HealthCheckRequest {
        service: "x".repeat(10_000),
    };
    let mut health = HealthClient::new(fixture.grpc().await);
    let status = health.check(request).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{}", status.message());
    // Reflection ends its stream without an answer.
    assert!(ask_for_too_much!(v1, fixture.grpc().await));
    assert!(ask_for_too_much!(v1alpha, fixture.grpc().await));
}

#[tokio::test(start_paused = true)]
async fn a_registry_in_memory_does_not_age() {
    let balancer = with_memory().await;
    sleep(Duration::from_secs(3600)).await;
    let Inspect(mut inspect) = Inspect::new(Grpc::connect(&balancer).await);
    let status = inspect.get_status(GetStatusRequest {}).await.unwrap();
    let age = status.into_inner().registry.unwrap().age.unwrap();
    assert!(age.seconds <= 1, "{age:?}");
}

macro_rules! reflected {
    ($module:ident, $grpc:expr) => {{
        use tonic_reflection::pb::$module::{
            ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
            server_reflection_request::MessageRequest as Ask,
            server_reflection_response::MessageResponse as Tell,
        };
        let ask = |message_request| ServerReflectionRequest {
            host: String::new(),
            message_request: Some(message_request),
        };
        let (requests, stream) = tokio::sync::mpsc::channel(8);
        requests
            .send(ask(Ask::ListServices(String::new())))
            .await
            .unwrap();
        let stream = crate::grpc::Requests(stream);
        let answers = ServerReflectionClient::new($grpc)
            .server_reflection_info(stream)
            .await;
        let mut answers = answers.unwrap().into_inner();
        let answer = answers.message().await.unwrap().unwrap();
        let names: BTreeSet<String> = match answer.message_response {
            Some(Tell::ListServicesResponse(list)) => {
                list.service.into_iter().map(|it| it.name).collect()
            }
            other => panic!("{other:?}"),
        };
        for name in &names {
            let symbol = Ask::FileContainingSymbol(name.clone());
            requests.send(ask(symbol)).await.unwrap();
            let answer = answers.message().await.unwrap().unwrap();
            let found = matches!(
                answer.message_response,
                Some(Tell::FileDescriptorResponse(_))
            );
            assert!(found, "{name}");
        }
        names
    }};
}

/// Requests from a channel, as a stream.
pub(crate) struct Requests<T>(tokio::sync::mpsc::Receiver<T>);

impl<T> futures_core::Stream for Requests<T> {
    type Item = T;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<T>> {
        self.0.poll_recv(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn reflection_lists_and_describes_every_service_in_both_versions() {
    let balancer = with_memory().await;
    let v1 = reflected!(v1, Grpc::connect(&balancer).await);
    let v1alpha = reflected!(v1alpha, Grpc::connect(&balancer).await);
    let expected = [
        "grpc.health.v1.Health",
        "grpc.lb.v1.LoadBalancer",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "lookaside.v1.Inspect",
        "lookaside.v1.Registration",
    ];
    assert_eq!(v1, expected.map(str::to_owned).into());
    assert_eq!(v1, v1alpha);
}
