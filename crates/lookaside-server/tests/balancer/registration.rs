use std::{sync::Arc, time::Duration};

use lookaside_proto::v1::{
    DeregisterRequest, Instance, RegisterRequest, RenewRequest, UpdateRequest,
    registration_client::RegistrationClient,
};
use lookaside_registry::{MemoryLimits, MemoryRegistry};
use lookaside_server::Balancer;
use tokio::{sync::watch, time::sleep};
use tonic::Code;

use crate::kit::{Fixture, Grpc, Inspect, MERGED, config};

pub(crate) async fn with_memory() -> Arc<Balancer> {
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
