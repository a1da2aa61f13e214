use lookaside_core::{BackendId, Drop, Drops, Override, Settings};
use lookaside_proto::v1::{
    ExplainRequest, ExplainResponse, GetConfigurationRequest, GetStatusRequest,
};
use lookaside_server::{About, Build, ConfigurationKey};
use tokio::time::sleep;
use tonic::{Code, Status};

use crate::kit::{Fixture, Inspect, MERGED, backend};

impl Inspect {
    async fn explain(&mut self, request: ExplainRequest) -> Result<ExplainResponse, Status> {
        Ok(self.0.explain(request).await?.into_inner())
    }
}

fn of(backend: &str) -> ExplainRequest {
    ExplainRequest {
        service: "orders".to_owned(),
        backend: backend.to_owned(),
        ..ExplainRequest::default()
    }
}

fn text<'a>(explained: &'a ExplainResponse, step: &str) -> &'a str {
    let found = explained.steps.iter().find(|it| it.name == step);
    found.map_or("", |step| &step.text)
}

/// Weights 3 and 1, a fifth of the calls dropped.
async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    let mut heavy = backend(1);
    heavy.weight = 3;
    heavy.zone = Some("eu-1".into());
    let mut settings = Settings::default();
    settings.drops = Drops::new([Drop {
        category: "overload".into(),
        per_million: 200_000,
    }])
    .unwrap();
    fixture.registry.set_settings("orders", settings);
    fixture.registry.set("orders", [heavy, backend(2)]);
    sleep(MERGED).await;
    fixture
}

#[tokio::test(start_paused = true)]
async fn a_share_is_explained_from_the_key_to_the_calls() {
    let fixture = fixture().await;
    let explained = fixture.inspect().await.explain(of("b1")).await.unwrap();
    let names: Vec<_> = explained.steps.iter().map(|it| &*it.name).collect();
    assert_eq!(
        names,
        [
            "registered",
            "overrides",
            "address",
            "state",
            "health",
            "plan",
            "weight",
            "slots",
            "drops",
            "share"
        ]
    );
    assert_eq!(
        explained.summary,
        "b1 gets 75.0 % of the calls of orders that are not dropped, which is 60.0 % of all: \
         the rest are dropped"
    );
    assert!(
        text(&explained, "registered").ends_with("weight 3, zone eu-1"),
        "{explained:?}"
    );
    assert_eq!(text(&explained, "overrides"), "none for this backend");
    assert!(text(&explained, "state").starts_with("serving since "));
    assert!(text(&explained, "weight").starts_with("3 of 4, "));
    assert!(text(&explained, "slots").starts_with("3 of 4, 75.000 %: as few as"));
    assert_eq!(
        text(&explained, "drops"),
        "overload 20 % (1 of 5 slots, 20.000 %) by setting"
    );
    assert_eq!(
        text(&explained, "share"),
        "75.000 % of the calls that are not dropped, 60.000 % of all calls"
    );
    let ExplainResponse {
        weight,
        total_weight,
        slots,
        backend_slots,
        list_slots,
        ..
    } = explained;
    assert_eq!((weight, total_weight), (3, 4));
    assert_eq!((slots, backend_slots, list_slots), (3, 4, 5));
    assert_eq!(explained.exact_percent, 75.0);
    assert_eq!(explained.share_percent, 75.0);
    assert_eq!(explained.share_of_all_percent, 60.0);
}

#[tokio::test(start_paused = true)]
async fn an_order_is_explained_beside_what_is_registered() {
    let fixture = fixture().await;
    let b1 = || BackendId::new("b1").unwrap();
    fixture
        .registry
        .set_overrides("orders", [Override::Weight(b1(), 1)]);
    sleep(MERGED).await;
    let mut inspect = fixture.inspect().await;
    let explained = inspect.explain(of("b1")).await.unwrap();
    assert!(
        text(&explained, "overrides").starts_with("weight 1 by override of alice"),
        "{explained:?}"
    );
    assert_eq!((explained.registered_weight, explained.weight), (3, 1));
    assert_eq!(explained.share_percent, 50.0);

    fixture
        .registry
        .set_overrides("orders", [Override::Drain(b1())]);
    sleep(MERGED).await;
    let explained = inspect.explain(of("b1")).await.unwrap();
    assert_eq!((explained.slots, explained.share_percent), (0, 0.0));
    assert!(
        explained
            .summary
            .starts_with("b1 gets no calls of orders: it is drained (drained by override of alice"),
        "{}",
        explained.summary
    );
    assert_eq!(text(&explained, "slots"), "0 of 4");
}

#[tokio::test(start_paused = true)]
async fn in_fallback_no_list_is_made_up() {
    let fixture = fixture().await;
    fixture
        .registry
        .set_overrides("orders", [Override::Fallback(true)]);
    sleep(MERGED).await;
    let explained = fixture.inspect().await.explain(of("b1")).await.unwrap();
    assert_eq!(
        (&*explained.plan, explained.share_percent),
        ("fallback", 0.0)
    );
    assert!(
        explained.summary.starts_with("b1 is in no list"),
        "{explained:?}"
    );
    assert!(
        text(&explained, "plan").contains("fallback by override of alice"),
        "{explained:?}"
    );
    assert_eq!(text(&explained, "slots"), "");
}

#[tokio::test(start_paused = true)]
async fn weights_that_do_not_fit_are_explained_with_their_error() {
    let fixture = Fixture::with(|config| config.lists.max_slots = 8).await;
    let backends = [1, 2].map(|n| {
        let mut backend = backend(n);
        backend.weight = if n == 1 { 1000 } else { 333 };
        backend
    });
    fixture.registry.set("orders", backends);
    sleep(MERGED).await;
    let explained = fixture.inspect().await.explain(of("b1")).await.unwrap();
    assert_eq!((explained.slots, explained.backend_slots), (3, 4));
    let slots = text(&explained, "slots");
    assert!(slots.contains("do not fit into 8 slots"), "{slots}");
    assert!(slots.contains("by -0.019 percentage points"), "{slots}");
}

#[tokio::test(start_paused = true)]
async fn a_clients_place_in_the_list_is_explained() {
    let fixture = fixture().await;
    let mut stream = fixture.stream("orders").await;
    let mut lists = Vec::new();
    stream.initial().await;
    lists.push(stream.list().await);
    let mut inspect = fixture.inspect().await;
    let by_peer = ExplainRequest {
        peer: "0.0.0.0/0".to_owned(),
        ..of("b2")
    };
    let explained = inspect.explain(by_peer).await.unwrap();
    assert_eq!((explained.streams_total, explained.streams.len()), (1, 1));
    let its = &explained.streams[0];
    assert!(its.is_current, "{its:?}");
    // What the client really got.
    let list = lists.pop().unwrap();
    let before = list.iter().position(|server| server.port == 2).unwrap();
    assert_eq!(its.calls_before, u32::try_from(before).ok(), "{list:?}");
    let first = match &list[0] {
        drop if drop.drop => "overload".to_owned(),
        server => format!("b{}", server.port),
    };
    assert_eq!(its.first, first);

    let id = its.stream.as_ref().unwrap().id;
    let by_id = ExplainRequest {
        stream: id,
        ..of("b2")
    };
    let same = inspect.explain(by_id).await.unwrap();
    assert_eq!(same.streams[0].calls_before, its.calls_before);
    let gone = ExplainRequest {
        stream: id + 1,
        ..of("b2")
    };
    let status = inspect.explain(gone).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let both = ExplainRequest {
        stream: id,
        peer: "10.0.0.1".to_owned(),
        ..of("b2")
    };
    let status = inspect.explain(both).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test(start_paused = true)]
async fn a_backend_tells_since_when_it_is_in_its_state() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1), backend(2)]);
    sleep(MERGED).await;
    let mut inspect = fixture.inspect().await;
    let mut since = async || {
        let backends = inspect.get("orders").await.unwrap().backends;
        let since = backends.iter().map(|it| it.state_since.unwrap());
        since.map(|it| (it.seconds, it.nanos)).collect::<Vec<_>>()
    };
    let before = since().await;
    let mut leaving = backend(2);
    leaving.state = lookaside_core::BackendState::Draining;
    fixture.registry.set("orders", [backend(1), leaving]);
    sleep(MERGED).await;
    let after = since().await;
    assert_eq!(after[0], before[0]);
    assert!(after[1] > before[1], "{before:?} {after:?}");
}

#[tokio::test(start_paused = true)]
async fn build_and_configuration_are_passed_on_as_they_were_given() {
    let fixture = Fixture::with(|config| {
        config.about = About {
            build: Build {
                commit: "0123abc".to_owned(),
                features: vec!["x".to_owned()],
                ..Build::default()
            },
            configuration: vec![ConfigurationKey {
                name: "lists.max_slots".to_owned(),
                value: "7".to_owned(),
                source: "file",
                origin: "/etc/lookaside.toml".to_owned(),
            }],
        };
    })
    .await;
    let mut inspect = fixture.inspect().await;
    let status = inspect.0.get_status(GetStatusRequest {}).await.unwrap();
    let build = status.into_inner().build.unwrap();
    assert_eq!((&*build.commit, &*build.features[0]), ("0123abc", "x"));
    let told = inspect
        .0
        .get_configuration(GetConfigurationRequest {})
        .await;
    let keys = told.unwrap().into_inner().keys;
    assert_eq!(keys.len(), 1);
    let key = &keys[0];
    assert_eq!((&*key.name, &*key.value), ("lists.max_slots", "7"));
    assert_eq!(
        (&*key.source, &*key.origin),
        ("file", "/etc/lookaside.toml")
    );
}
