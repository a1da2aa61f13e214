use std::{collections::BTreeSet, sync::Arc, time::Duration};

use lookaside_core::{Problem, Settings};
use lookaside_proto::v1::{
    DeregisterRequest, GetStatusRequest, Instance, ListServicesRequest, RegisterRequest,
    RenewRequest, UpdateRequest, WatchServiceRequest, registration_client::RegistrationClient,
};
use lookaside_registry::{MemoryLimits, MemoryRegistry};
use lookaside_server::Balancer;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tonic::{Code, Streaming};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_client::HealthClient,
};

use crate::kit::{Fixture, Grpc, Inspect, MERGED, TestRegistry, backend, config};

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

async fn with_memory() -> Arc<Balancer> {
    let registry = Arc::new(MemoryRegistry::new(MemoryLimits::default()));
    let names = watch::channel(Arc::default()).1;
    let mut config = config();
    config.registration = true;
    let balancer = Arc::new(Balancer::start(config, registry, names).unwrap());
    balancer.ready().await;
    balancer
}

fn instance() -> Instance {
    Instance {
        service: "orders".to_owned(),
        address: "10.0.0.1:50051".to_owned(),
        ..Instance::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_registers_renews_drains_and_leaves() {
    let balancer = with_memory().await;
    let grpc = Grpc::connect(&balancer).await;
    let mut inspect = Inspect::new(grpc.clone());
    let mut client = RegistrationClient::new(grpc);
    let request = RegisterRequest {
        instance: Some(instance()),
        ..RegisterRequest::default()
    };
    let registered = client.register(request).await.unwrap().into_inner();
    assert_eq!(registered.ttl.unwrap().seconds, 10);
    let handle = registered.handle;
    for _ in 0..5 {
        sleep(Duration::from_secs(8)).await;
        let renew = RenewRequest {
            handle: handle.clone(),
        };
        client.renew(renew).await.unwrap();
    }
    let service = inspect.get("orders").await.unwrap();
    let backend = &service.backends[0];
    assert_eq!(backend.id, "10.0.0.1:50051", "the address is the id");
    assert_eq!((backend.weight, backend.slots), (100, 1));

    let update = UpdateRequest {
        handle: handle.clone(),
        instance: Some(Instance {
            draining: true,
            ..instance()
        }),
    };
    client.update(update).await.unwrap();
    sleep(MERGED).await;
    let service = inspect.get("orders").await.unwrap();
    assert_eq!(service.backends[0].state, "draining");
    let deregister = DeregisterRequest {
        handle: handle.clone(),
    };
    client.deregister(deregister.clone()).await.unwrap();
    client.deregister(deregister).await.unwrap();
    let gone = client.renew(RenewRequest { handle }).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_bad_registration_is_refused_by_field() {
    let balancer = with_memory().await;
    let mut client = RegistrationClient::new(Grpc::connect(&balancer).await);
    let with = |change: fn(&mut Instance)| {
        let mut instance = instance();
        change(&mut instance);
        Some(instance)
    };
    let ttl = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    for (instance, ttl, says) in [
        (None, None, "instance: missing"),
        (with(|it| it.service.clear()), None, "instance.service"),
        (with(|it| it.id = "a/b".to_owned()), None, "instance.id"),
        (
            with(|it| it.address = "10.0.0.1".to_owned()),
            None,
            "HOST:PORT",
        ),
        (
            with(|it| it.address = "0.0.0.0:1".to_owned()),
            None,
            "instance.address",
        ),
        (with(|it| it.zone = "x".repeat(256)), None, "instance.zone"),
        (with(|_| ()), ttl(0), "ttl"),
        (with(|_| ()), ttl(-1), "ttl"),
        (with(|_| ()), ttl(100_000), "ttl"),
    ] {
        let request = RegisterRequest {
            instance,
            ttl,
            ..RegisterRequest::default()
        };
        let status = client.register(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains(says), "{}", status.message());
    }
    let request = RegisterRequest {
        instance: with(|_| ()),
        owner_secret: b"guess me".to_vec(),
        ..RegisterRequest::default()
    };
    let status = client.register(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().contains("owner_secret has 8 bytes"),
        "{status}"
    );
    let status = client.renew(RenewRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let status = client
        .register(RegisterRequest {
            instance: with(|it| it.service = "x".repeat(10_000)),
            ..RegisterRequest::default()
        })
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{}", status.message());
}

#[tokio::test(start_paused = true)]
async fn an_id_in_use_is_refused() {
    let balancer = with_memory().await;
    let mut client = RegistrationClient::new(Grpc::connect(&balancer).await);
    let mut register = async |address: &str| {
        let instance = Instance {
            id: "one".to_owned(),
            address: address.to_owned(),
            ..instance()
        };
        let request = RegisterRequest {
            instance: Some(instance),
            ..RegisterRequest::default()
        };
        client.register(request).await.map(|_| ())
    };
    register("10.0.0.1:1").await.unwrap();
    let status = register("10.0.0.2:1").await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists);
    assert_eq!(
        status.message(),
        "backend one of service orders is registered by somebody else, at 10.0.0.1:1"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_sent_twice_is_one_registration() {
    let balancer = with_memory().await;
    let mut client = RegistrationClient::new(Grpc::connect(&balancer).await);
    let request = RegisterRequest {
        instance: Some(instance()),
        owner_secret: vec![1; 16],
        request_id: vec![2; 16],
        ..RegisterRequest::default()
    };
    let first = client.register(request.clone()).await.unwrap().into_inner();
    let again = client.register(request.clone()).await.unwrap().into_inner();
    assert_eq!(first.handle, again.handle);
    // The same owner's next one; and what the old handle says does not matter any more.
    let next = RegisterRequest {
        request_id: vec![3; 16],
        ..request.clone()
    };
    let next = client.register(next).await.unwrap().into_inner();
    let handle = first.handle;
    client
        .deregister(DeregisterRequest { handle })
        .await
        .unwrap();
    let handle = next.handle;
    client.renew(RenewRequest { handle }).await.unwrap();
    let stranger = RegisterRequest {
        owner_secret: vec![9; 16],
        ..request
    };
    let status = client.register(stranger).await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists);
}

#[tokio::test(start_paused = true)]
async fn a_registration_that_is_repeated_after_a_later_one_is_refused() {
    let balancer = with_memory().await;
    let grpc = Grpc::connect(&balancer).await;
    let mut inspect = Inspect::new(grpc.clone());
    let mut client = RegistrationClient::new(grpc);
    let first = RegisterRequest {
        instance: Some(instance()),
        owner_secret: vec![1; 16],
        request_id: vec![1; 16],
        sequence: Some(1),
        ..RegisterRequest::default()
    };
    let later = RegisterRequest {
        instance: Some(Instance {
            weight: Some(7),
            ..instance()
        }),
        request_id: vec![2; 16],
        sequence: Some(2),
        ..first.clone()
    };
    client.register(first.clone()).await.unwrap();
    let made = client.register(later.clone()).await.unwrap().into_inner();
    let status = client.register(first).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("sequence 2"), "{status}");
    sleep(MERGED).await;
    let service = inspect.get("orders").await.unwrap();
    assert_eq!(service.backends[0].weight, 7);
    let again = client.register(later).await.unwrap().into_inner();
    assert_eq!(again.handle, made.handle);
}

#[tokio::test(start_paused = true)]
async fn registration_is_off_unless_asked_for() {
    let fixture = Fixture::new().await;
    let mut client = RegistrationClient::new(fixture.grpc().await);
    let status = client.renew(RenewRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().contains("lookaside.v1.Registration"));
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
