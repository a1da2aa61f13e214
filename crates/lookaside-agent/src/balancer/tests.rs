use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use lookaside_core::{BackendId, ServiceName};
use lookaside_proto::v1::registration_server::{Registration as Service, RegistrationServer};
use tokio::{
    net::TcpListener,
    runtime::{self, Runtime},
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, transport::Server};

use super::*;

/// The registry that several balancers share.
type Shared = Arc<Mutex<HashMap<Vec<u8>, v1::Instance>>>;

struct Double {
    shared: Shared,
    fails: Option<Status>,
}

impl Double {
    fn shared(&self) -> Result<MutexGuard<'_, HashMap<Vec<u8>, v1::Instance>>, Status> {
        match &self.fails {
            Some(status) => Err(status.clone()),
            None => Ok(self.shared.lock().unwrap()),
        }
    }
}

const TTL: prost_types::Duration = prost_types::Duration {
    seconds: 7,
    nanos: 0,
};

#[async_trait]
impl Service for Double {
    async fn register(
        &self,
        request: Request<v1::RegisterRequest>,
    ) -> Result<Response<v1::RegisterResponse>, Status> {
        let request = request.into_inner();
        let instance = request.instance.unwrap();
        // So that a test sees which sequence came.
        let mut handle = instance.id.clone().into_bytes();
        handle.extend(request.sequence.iter().flat_map(|it| it.to_be_bytes()));
        self.shared()?.insert(handle.clone(), instance);
        Ok(Response::new(v1::RegisterResponse {
            handle,
            ttl: Some(TTL),
        }))
    }

    async fn renew(
        &self,
        request: Request<v1::RenewRequest>,
    ) -> Result<Response<v1::RenewResponse>, Status> {
        if self.shared()?.contains_key(&request.into_inner().handle) {
            Ok(Response::new(v1::RenewResponse { ttl: Some(TTL) }))
        } else {
            Err(Status::not_found("no such registration"))
        }
    }

    async fn update(
        &self,
        request: Request<v1::UpdateRequest>,
    ) -> Result<Response<v1::UpdateResponse>, Status> {
        let v1::UpdateRequest { handle, instance } = request.into_inner();
        self.shared()?.insert(handle, instance.unwrap());
        Ok(Response::new(v1::UpdateResponse {}))
    }

    async fn deregister(
        &self,
        request: Request<v1::DeregisterRequest>,
    ) -> Result<Response<v1::DeregisterResponse>, Status> {
        self.shared()?.remove(&request.into_inner().handle);
        Ok(Response::new(v1::DeregisterResponse {}))
    }
}

/// A balancer on a runtime of its own: dropping that kills it, connections and all.
struct Running {
    address: HostPort,
    runtime: Option<Runtime>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn balancer(shared: &Shared, fails: Option<Status>) -> Running {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let service = RegistrationServer::new(Double {
        shared: Arc::clone(shared),
        fails,
    });
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap().into();
    runtime.spawn(async {
        let listener = TcpListener::from_std(listener).unwrap();
        Server::builder()
            .add_service(service)
            .serve_with_incoming(TcpListenerStream::new(listener))
            .await
            .unwrap();
    });
    Running {
        address,
        runtime: Some(runtime),
    }
}

fn backend() -> Registration {
    Registration {
        service: ServiceName::new("orders").unwrap(),
        id: BackendId::new("a").unwrap(),
        address: "10.0.0.1:80".parse().unwrap(),
        weight: 3,
        zone: Some("z".into()),
        state: BackendState::Serving,
    }
}

const ASKED: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_registration_goes_through_a_balancer_and_says_what_was_granted() {
    let shared = Shared::default();
    let balancer = balancer(&shared, None);
    let registrar = BalancerRegistrar::new([balancer.address.clone()]).unwrap();

    let made = registrar.register(&backend(), ASKED).await.unwrap();
    assert_eq!(made.ttl, Duration::from_secs(7));
    let draining = Registration {
        state: BackendState::Draining,
        ..backend()
    };
    registrar.update(&made.handle, &draining).await.unwrap();
    let recorded = shared.lock().unwrap()[made.handle.as_bytes()].clone();
    assert_eq!(recorded.address, "10.0.0.1:80");
    assert_eq!((recorded.weight, recorded.zone.as_str()), (Some(3), "z"));
    assert!(recorded.draining);

    registrar.deregister(&made.handle).await.unwrap();
    let error = registrar.renew(&made.handle).await.unwrap_err();
    assert!(matches!(error, RegistrarError::Gone), "{error}");
}

#[tokio::test]
async fn a_handle_is_renewed_at_the_next_balancer_when_one_dies() {
    let shared = Shared::default();
    let first = balancer(&shared, None);
    let second = balancer(&shared, None);
    let both = [first.address.clone(), second.address.clone()];
    let registrar = BalancerRegistrar::new(both).unwrap();
    let made = registrar.register(&backend(), ASKED).await.unwrap();

    let disconnected = registrar.disconnected();
    drop(first);
    timeout(ASKED, disconnected.notified())
        .await
        .expect("the agent hears of a lost connection");
    registrar.renew(&made.handle).await.unwrap();
    assert_eq!(registrar.current.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_caller_that_gives_up_on_a_silent_balancer_meets_the_next_one() {
    // Connections wait in its backlog for ever.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let good = balancer(&Shared::default(), None);
    let both = [silent.local_addr().unwrap().into(), good.address.clone()];
    let registrar = BalancerRegistrar::new(both).unwrap();
    let it = backend();
    let impatient = timeout(REQUEST_TIME / 4, registrar.register(&it, ASKED));
    impatient.await.expect_err("the silent one says nothing");
    let made = timeout(REQUEST_TIME, registrar.register(&it, ASKED)).await;
    made.expect("the other one answers").unwrap();
}

#[tokio::test]
async fn a_balancer_that_cannot_write_is_passed_over_and_each_failure_is_named() {
    let shared = Shared::default();
    let sick = Status::unavailable("etcd is away");
    let first = balancer(&shared, Some(sick));
    let second = balancer(&shared, Some(Status::unimplemented("")));
    let (first, second) = (&first.address, &second.address);
    let registrar = BalancerRegistrar::new([first.clone(), second.clone()]).unwrap();
    let error = registrar.register(&backend(), ASKED).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&format!("{first}: etcd is away")), "{text}");
    assert!(
        text.contains(&format!(
            "{second}: registration through this balancer is not enabled"
        )),
        "{text}"
    );
}

#[tokio::test]
async fn a_refused_connection_says_so() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: HostPort = gone.local_addr().unwrap().into();
    drop(gone);
    let registrar = BalancerRegistrar::new([address]).unwrap();
    let error = registrar.register(&backend(), ASKED).await.unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn what_one_balancer_refuses_is_not_tried_on_the_next() {
    for refused in [
        Status::invalid_argument("zone: too long"),
        Status::failed_precondition("an earlier one"),
    ] {
        let shared = Shared::default();
        let first = balancer(&shared, Some(refused.clone()));
        let second = balancer(&shared, None);
        let both = [first.address.clone(), second.address.clone()];
        let registrar = BalancerRegistrar::new(both).unwrap();
        let error = registrar.register(&backend(), ASKED).await.unwrap_err();
        assert!(error.to_string().contains(refused.message()), "{error}");
        assert!(shared.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn the_sequence_of_a_claim_reaches_the_balancer() {
    let balancer = balancer(&Shared::default(), None);
    let registrar = BalancerRegistrar::new([balancer.address.clone()]).unwrap();
    let claim = Claim::new().unwrap().with_sequence(Some(7));
    let made = registrar.claim(&backend(), ASKED, &claim).await.unwrap();
    assert_eq!(made.handle.as_bytes(), b"a\0\0\0\0\0\0\0\x07");
}

#[tokio::test]
async fn an_id_that_is_taken_is_named() {
    let taken = Status::already_exists("");
    let balancer = balancer(&Shared::default(), Some(taken));
    let registrar = BalancerRegistrar::new([balancer.address.clone()]).unwrap();
    let error = registrar.register(&backend(), ASKED).await.unwrap_err();
    assert!(
        error.to_string().contains("backend a of service orders"),
        "{error}"
    );
}

#[tokio::test]
async fn a_list_of_balancers_needs_one_that_can_be_dialled() {
    let error = BalancerRegistrar::new([]).unwrap_err().to_string();
    assert!(error.contains("at least one HOST:PORT"), "{error}");
    let error = BalancerRegistrar::new(["a:0".parse().unwrap()]).unwrap_err();
    assert!(error.to_string().contains("a:0"), "{error}");
}
