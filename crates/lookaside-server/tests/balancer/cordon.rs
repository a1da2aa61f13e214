//! Cordons through the admin port, of backends that are registered by a name.

use std::{net::IpAddr, sync::Arc, time::Duration};

use lookaside_core::{BackendId, BackendState, ServiceName};
use lookaside_proto::v1::{
    ClearOverrideRequest, ExplainRequest, ListOverridesRequest, SetOverrideRequest,
    clear_override_request::Kind, control_client::ControlClient, inspect_client::InspectClient,
    set_override_request::Order,
};
use lookaside_registry::{
    MemoryLimits, MemoryRegistry, Registration, Registry,
    names::{NameStatus, Names},
};
use lookaside_server::Balancer;
use tokio::sync::watch;
use tonic::Code;

use crate::kit::{Client, Grpc, Stream, config};

/// What `node.test` resolves to.
fn names(last: &[u8]) -> Arc<Names> {
    let addresses = last.iter().map(|it| IpAddr::from([10, 0, 0, *it]));
    let status = NameStatus {
        addresses: addresses.collect(),
        failure: None,
    };
    Arc::new([("node.test".into(), status)].into_iter().collect())
}

/// The last bytes of the addresses in the next list, each once.
async fn hosts(stream: &mut Stream) -> Vec<u8> {
    let list = stream.list().await;
    let mut hosts: Vec<_> = list.iter().map(|it| it.ip_address[3]).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

fn cordon(host: &str) -> SetOverrideRequest {
    SetOverrideRequest {
        order: Some(Order::CordonHost(host.to_owned())),
        by: "alice".to_owned(),
        reason: "new disk".to_owned(),
        ..SetOverrideRequest::default()
    }
}

#[tokio::test]
async fn the_addresses_of_a_name_that_are_elsewhere_get_its_calls_and_people_are_told() {
    let registry = MemoryRegistry::new(MemoryLimits::default());
    let registrar = registry.registrar().unwrap();
    for (id, address) in [("a", "node.test:1"), ("b", "10.0.0.9:1")] {
        let registration = Registration {
            service: ServiceName::new("orders").unwrap(),
            id: BackendId::new(id).unwrap(),
            address: address.parse().unwrap(),
            weight: 1,
            zone: None,
            state: BackendState::Serving,
        };
        let hour = Duration::from_secs(3600);
        registrar.register(&registration, hour).await.unwrap();
    }
    let (resolve, resolved) = watch::channel(names(&[1, 2]));
    let balancer = Balancer::start(config(), Arc::new(registry), resolved).unwrap();
    balancer.ready().await;
    let balancer = Arc::new(balancer);
    let mut control = ControlClient::new(Grpc::operator(&balancer).await);
    let mut inspect = InspectClient::new(Grpc::operator(&balancer).await);
    let client = Client::connect(&balancer).await;
    let mut stream = client.ask("orders").await;
    stream.initial().await;
    assert_eq!(hosts(&mut stream).await, [1, 2, 9]);

    let set = control
        .set_override(cordon("10.0.0.1"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(hosts(&mut stream).await, [2, 9]);
    let explain = || ExplainRequest {
        service: "orders".to_owned(),
        backend: "a".to_owned(),
        ..ExplainRequest::default()
    };
    let told = inspect.explain(explain()).await.unwrap().into_inner();
    let a = told.backend.unwrap();
    assert_eq!((&*a.state, a.share_percent), ("serving", 50.0));
    assert_eq!(
        a.reason,
        "in part cordoned with host 10.0.0.1 by override of alice: new disk"
    );
    let orders = told.steps.iter().find(|it| it.name == "overrides").unwrap();
    let expected = "all but 1 of its addresses cordoned with host 10.0.0.1 by override of alice";
    assert!(orders.text.starts_with(expected), "{}", orders.text);

    // The address is in no list any more, and the host no less known for it.
    let again = SetOverrideRequest {
        expected_revision: Some(set.revision),
        ..cordon("10.0.0.1")
    };
    control.set_override(again.clone()).await.unwrap();
    let refusal = control.set_override(again).await.unwrap_err();
    assert_eq!(refusal.code(), Code::Aborted);
    assert!(
        refusal.message().contains("cordon of host 10.0.0.1"),
        "{refusal:?}"
    );

    // The name moves to the machine altogether.
    resolve.send_replace(names(&[1]));
    assert_eq!(hosts(&mut stream).await, [9]);
    let told = inspect.explain(explain()).await.unwrap().into_inner();
    assert_eq!(told.backend.unwrap().state, "cordoned");
    let listed = control
        .list_overrides(ListOverridesRequest::default())
        .await;
    let listed = listed.unwrap().into_inner().overrides;
    assert_eq!(
        (&*listed[0].kind, &*listed[0].value),
        ("cordon-host", "10.0.0.1")
    );

    let clear = ClearOverrideRequest {
        kind: Kind::CordonHost.into(),
        place: "10.0.0.1".to_owned(),
        by: "alice".to_owned(),
        ..ClearOverrideRequest::default()
    };
    assert!(
        control
            .clear_override(clear)
            .await
            .unwrap()
            .into_inner()
            .cleared
    );
    assert_eq!(hosts(&mut stream).await, [1, 9]);
}
