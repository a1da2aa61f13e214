use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use lookaside_proto::v1::{self, registry::State};

use super::{
    facts::{
        AdminFacts, BalancerFacts, Certificate, CertificateFile, Clock, ControlAnswer, Direct,
        Facts, ListAnswer, RegistryFacts, Seen, SrvFacts, SrvTarget,
    },
    *,
};

mod certificates;

const DAY: Duration = Duration::from_secs(86_400);

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + 20_000 * DAY
}

fn backend(id: &str, slots: u32) -> v1::Backend {
    v1::Backend {
        id: id.to_owned(),
        address: "10.0.0.1:80".to_owned(),
        weight: 100,
        slots,
        state: "serving".to_owned(),
        ..v1::Backend::default()
    }
}

fn orders(backends: Vec<v1::Backend>) -> v1::Service {
    v1::Service {
        name: "orders".to_owned(),
        plan: "slots".to_owned(),
        slots: backends.iter().map(|it| it.slots).sum(),
        revision: 7,
        backends,
        ..v1::Service::default()
    }
}

fn healthy() -> Seen {
    let registry = v1::Registry {
        url: "etcd://a:1,b:1".to_owned(),
        state: State::Synced.into(),
        revision: 7,
        age: Some(Duration::from_secs(1).try_into().unwrap()),
        error: String::new(),
    };
    Seen {
        status: v1::GetStatusResponse {
            version: "1.0.0".to_owned(),
            ready: true,
            registry: Some(registry),
            ..v1::GetStatusResponse::default()
        },
        services: [("orders".to_owned(), orders(vec![backend("a", 1)]))].into(),
        unseen: 0,
        health: Ok(true),
        list: Ok(ListAnswer::List("orders".to_owned(), 1)),
        clock: Some(Clock {
            balancer: now(),
            ours: now(),
            within: Duration::from_millis(1),
        }),
        certificate: None,
    }
}

/// Two balancers, of which nothing is to be said.
fn facts() -> Facts {
    let balancer = |port| BalancerFacts {
        address: format!("lb:{port}").parse().unwrap(),
        seen: Ok(Box::new(healthy())),
    };
    Facts {
        now: now(),
        version: "1.0.0",
        balancers: vec![balancer(1), balancer(2)],
        wanted: BTreeSet::new(),
        admins: Vec::new(),
        registry: None,
        files: Vec::new(),
        srv: None,
    }
}

fn second(facts: &mut Facts) -> &mut Seen {
    facts.balancers[1].seen.as_mut().unwrap()
}

fn service(facts: &mut Facts) -> &mut v1::Service {
    second(facts).services.get_mut("orders").unwrap()
}

/// What is said of it beside what is well, a line each.
fn troubles(facts: &Facts) -> Vec<String> {
    let findings = examine(facts).into_iter();
    findings
        .filter(|it| matches!(it.verdict, Verdict::Warn | Verdict::Fail))
        .map(|it| {
            assert!(!it.advice.is_empty(), "no advice: {it:?}");
            let (verdict, subject, message) = (it.verdict, it.subject, it.message);
            format!("{verdict:?} {}/{subject}: {message}", it.check)
        })
        .collect()
}

#[track_caller]
fn one(facts: &Facts, start: &str) {
    let troubles = troubles(facts);
    assert!(
        troubles.len() == 1 && troubles[0].starts_with(start),
        "{troubles:#?}"
    );
}

#[test]
fn nothing_is_wrong_with_two_replicas_that_agree() {
    assert_eq!(troubles(&facts()), [""; 0]);
    let counts = Counts::of(&examine(&facts()));
    assert!(counts.ok >= 10, "{counts:?}");
    // Admin ports, the registry itself, certificates and DNS: nobody said where.
    assert_eq!(counts.skip, 4);
}

#[test]
fn a_balancer_that_does_not_answer_fails_and_the_others_are_still_compared() {
    let mut facts = facts();
    facts.balancers[0].seen = Err("connection refused".to_owned());
    one(&facts, "Fail balancer/lb:1: connection refused");
}

#[test]
fn a_balancer_that_is_not_ready_says_why() {
    let mut facts = facts();
    let seen = second(&mut facts);
    seen.status.ready = false;
    seen.status.not_ready_reason = "draining".to_owned();
    one(&facts, "Fail balancer/lb:2: not ready: draining");
}

#[test]
fn a_single_balancer_is_warned_of() {
    let mut facts = facts();
    facts.balancers.pop();
    one(&facts, "Warn balancer/lb:1: is the only one");
}

#[test]
fn a_service_that_was_named_and_that_nobody_knows_fails() {
    let mut facts = facts();
    facts.wanted = BTreeSet::from(["orders".to_owned()]);
    assert_eq!(troubles(&facts), [""; 0]);
    facts.wanted.insert("ordres".to_owned());
    one(&facts, "Fail service/ordres: no balancer knows it");
    // Not that there is none at all.
    facts.wanted.remove("orders");
    for balancer in &mut facts.balancers {
        balancer.seen.as_mut().unwrap().services.clear();
    }
    one(&facts, "Fail service/ordres: no balancer knows it");
}

#[test]
fn versions_that_differ_are_listed_with_whose_they_are() {
    let mut facts = facts();
    second(&mut facts).status.version = "1.1.0".to_owned();
    one(
        &facts,
        "Warn version/: versions differ: 1.0.0 on lb:1; 1.1.0 on lb:2",
    );
    facts.version = "2.0.0";
    second(&mut facts).status.version = "1.0.0".to_owned();
    one(&facts, "Warn version/: all run 1.0.0, this is 2.0.0");
}

#[test]
fn a_port_that_serves_no_lists_fails() {
    let mut facts = facts();
    second(&mut facts).list = Err("UNIMPLEMENTED: no".to_owned());
    one(&facts, "Fail lists/lb:2: grpc.lb.v1: UNIMPLEMENTED");
    second(&mut facts).list = Ok(ListAnswer::Refused);
    second(&mut facts).health = Ok(false);
    one(&facts, "Fail health/lb:2: grpc.health.v1 says NOT_SERVING");
}

#[test]
fn an_admin_port_out_of_reach_is_a_warning_and_one_that_refuses_is_well() {
    let mut facts = facts();
    let mut admin = |control| {
        facts.admins = vec![AdminFacts {
            address: "lb:9".parse().unwrap(),
            control,
        }];
        troubles(&facts)
    };
    assert_eq!(admin(ControlAnswer::Answers(2)), [""; 0]);
    assert_eq!(
        admin(ControlAnswer::Denied("only loopback".to_owned())),
        [""; 0]
    );
    let absent = admin(ControlAnswer::Absent);
    assert_eq!(absent, ["Fail admin port/lb:9: is a client port"]);
    let failed = admin(ControlAnswer::Failed("refused".to_owned()));
    assert_eq!(failed, ["Warn admin port/lb:9: refused"]);
}

#[test]
fn a_registry_that_is_stale_or_was_never_read_fails() {
    let mut facts = facts();
    let registry = second(&mut facts).status.registry.as_mut().unwrap();
    registry.state = State::Stale.into();
    registry.error = "timed out".to_owned();
    one(
        &facts,
        "Fail registry/lb:2: etcd://a:1,b:1 does not answer for 1.0s: timed out",
    );
    let registry = second(&mut facts).status.registry.as_mut().unwrap();
    registry.state = State::Connecting.into();
    one(
        &facts,
        "Fail registry/lb:2: etcd://a:1,b:1 has not been read: timed out",
    );
}

#[test]
fn replicas_must_share_a_registry_and_may_name_its_members_in_any_order() {
    let mut facts = facts();
    second(&mut facts).status.registry.as_mut().unwrap().url = "etcd://b:1,a:1".to_owned();
    assert_eq!(troubles(&facts), [""; 0]);
    second(&mut facts).status.registry.as_mut().unwrap().url = "etcd://c:1".to_owned();
    one(
        &facts,
        "Warn registry/: balancers name different registries",
    );
    for it in &mut facts.balancers {
        let seen = it.seen.as_mut().unwrap();
        seen.status.registry.as_mut().unwrap().url = "memory:".to_owned();
    }
    one(
        &facts,
        "Warn registry/: each balancer has a registry of its own",
    );
}

#[test]
fn a_backend_that_a_balancer_does_not_know_is_named() {
    let mut facts = facts();
    let direct = |ids: &[&str], problems: &[&str]| RegistryFacts {
        url: "etcd://a:1".to_owned(),
        read: Ok(Direct {
            revision: 9,
            took: Duration::from_millis(3),
            backends: BTreeMap::from([(
                "orders".to_owned(),
                ids.iter().map(ToString::to_string).collect(),
            )]),
            problems: problems.iter().map(ToString::to_string).collect(),
        }),
    };
    facts.registry = Some(direct(&["a"], &[]));
    assert_eq!(troubles(&facts), [""; 0]);
    facts.registry = Some(direct(&["a"], &["services/x"]));
    one(&facts, "Warn registry direct/etcd://a:1: read in 3 ms");
    facts.registry = Some(direct(&["a", "b", "c", "d", "e"], &[]));
    let said = troubles(&facts);
    let expected = "does not know orders/b, orders/c, orders/d and 1 more";
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.iter().all(|it| it.ends_with(expected)), "{said:?}");
    // Without all of its services nothing can be said.
    for it in &mut facts.balancers {
        it.seen.as_mut().unwrap().unseen = 1;
    }
    assert_eq!(troubles(&facts), [""; 0]);
    facts.registry.as_mut().unwrap().read = Err("refused".to_owned());
    one(&facts, "Fail registry direct/etcd://a:1: refused");
}

#[test]
fn replicas_that_tell_clients_different_things_fail_with_what_each_says() {
    let mut facts = facts();
    *service(&mut facts) = v1::Service {
        revision: 5,
        ..orders(vec![backend("a", 1), backend("b", 1)])
    };
    one(
        &facts,
        "Fail replicas/orders: replicas disagree: lb:1 has 1 slots of 1 backends at revision \
         7; lb:2 has 2 slots of 2 backends at revision 5",
    );
    second(&mut facts).services.clear();
    let said = troubles(&facts);
    assert!(said[0].contains("lb:2 does not know it"), "{said:?}");
}

#[test]
fn another_revision_of_the_same_list_is_no_difference() {
    let mut facts = facts();
    service(&mut facts).revision = 6;
    assert_eq!(troubles(&facts), [""; 0]);
}

#[test]
fn replicas_that_differ_in_what_they_find_out_themselves_are_a_warning() {
    let mut facts = facts();
    let both = || orders(vec![backend("a", 1), backend("b", 1)]);
    for it in &mut facts.balancers {
        let seen = it.seen.as_mut().unwrap();
        seen.services.insert("orders".to_owned(), both());
    }
    let ejected = &mut service(&mut facts).backends[1];
    ejected.slots = 0;
    ejected.state = "ejected".to_owned();
    let said = troubles(&facts);
    assert!(
        said[0].starts_with("Warn replicas/orders: replicas disagree"),
        "{said:?}"
    );
    assert_eq!(
        said[1],
        "Warn service/orders: 1 of 2 backends ejected: b (by lb:2)"
    );
    assert_eq!(said.len(), 2);
}

#[test]
fn services_in_fallback_in_panic_or_with_backends_in_trouble_are_named() {
    let mut facts = facts();
    for it in &mut facts.balancers {
        let seen = it.seen.as_mut().unwrap();
        let service = seen.services.get_mut("orders").unwrap();
        service.plan = "fallback".to_owned();
        service.reason = "an operator".to_owned();
        service.panic = true;
        service.backends[0].state = "suspect".to_owned();
    }
    let said = troubles(&facts);
    let expected = [
        "Warn service/orders: clients are in fallback: an operator (by lb:1, lb:2)",
        "Warn service/orders: health is ignored: an operator (by lb:1, lb:2)",
        "Warn service/orders: 1 of 1 backends suspect: a (by lb:1, lb:2)",
    ];
    assert_eq!(said, expected);
}

#[test]
fn keys_that_cannot_be_read_are_said_once_and_the_rest_is_counted() {
    let mut facts = facts();
    for it in &mut facts.balancers {
        let seen = it.seen.as_mut().unwrap();
        seen.status.problems = 3;
        let service = seen.services.get_mut("orders").unwrap();
        service.problems = vec![v1::Problem {
            key: "services/orders/x".to_owned(),
            reason: "no address".to_owned(),
            revision: 1,
        }];
    }
    let said = troubles(&facts);
    assert_eq!(
        said[0],
        "Warn keys/orders: services/orders/x is skipped: no address"
    );
    assert!(
        said[1].starts_with("Warn keys/: 2 unreadable keys"),
        "{said:?}"
    );
    assert_eq!(said.len(), 2);
}

#[test]
fn a_key_of_no_service_is_named_too() {
    let mut facts = facts();
    for it in &mut facts.balancers {
        let seen = it.seen.as_mut().unwrap();
        seen.status.problems = 1;
        seen.status.stray_problems = vec![v1::Problem {
            key: "services/orders".to_owned(),
            reason: "no id".to_owned(),
            revision: 1,
        }];
    }
    one(&facts, "Warn keys/: services/orders is skipped: no id");
}

#[test]
fn keys_that_differ_fail_unless_every_replica_has_all_that_sign() {
    let told = |first: &[&str], other: &[&str]| {
        let mut facts = facts();
        for (it, keys) in facts.balancers.iter_mut().zip([first, other]) {
            let seen = it.seen.as_mut().unwrap();
            seen.status.token_keys = keys.iter().map(ToString::to_string).collect();
        }
        troubles(&facts)
    };
    assert_eq!(told(&[], &[]), [""; 0]);
    assert_eq!(told(&["k1"], &["k1"]), [""; 0]);
    let rotating = told(&["k1", "k2"], &["k2", "k1"]);
    let differ = "tokens/: keys differ: lb:1 has k1, k2; lb:2 has k2, k1";
    assert_eq!(rotating, [format!("Warn {differ}")]);
    let apart = told(&["k1"], &["k2"]);
    assert_eq!(
        apart,
        ["Fail tokens/: keys differ: lb:1 has k1; lb:2 has k2"]
    );
    let unsigned = told(&["k1"], &[]);
    assert_eq!(
        unsigned,
        ["Fail tokens/: keys differ: lb:2 does not sign; lb:1 has k1"]
    );
}

#[test]
fn a_clock_is_judged_by_what_the_way_there_cannot_explain() {
    let told = |off: u64, within: u64, ahead: bool| {
        let mut facts = facts();
        let off = Duration::from_secs(off);
        second(&mut facts).clock = Some(Clock {
            balancer: if ahead { now() + off } else { now() - off },
            ours: now(),
            within: Duration::from_secs(within),
        });
        troubles(&facts).into_iter().next().unwrap_or_default()
    };
    assert_eq!(told(2, 0, true), "");
    assert_eq!(told(5, 4, true), "");
    let ahead = told(5, 0, true);
    assert_eq!(ahead, "Warn clock/lb:2: is 5.0s ahead of this machine's");
    let behind = told(90, 0, false);
    assert_eq!(behind, "Fail clock/lb:2: is 1m 30s behind this machine's");
}

#[test]
fn records_that_lead_nowhere_or_elsewhere_are_told() {
    let mut facts = facts();
    let target = |address: &str, resolved: Result<&str, &str>| SrvTarget {
        address: address.parse().unwrap(),
        resolved: resolved
            .map(|it| vec![it.parse().unwrap()])
            .map_err(str::to_owned),
    };
    let srv = |found, fallback| {
        Some(SrvFacts {
            record: "_grpclb._tcp.orders".to_owned(),
            found,
            fallback,
        })
    };
    let both = vec![
        target("lb:1", Ok("10.0.0.1:1")),
        target("lb:2", Ok("10.0.0.2:2")),
    ];
    facts.srv = srv(Ok(both), Ok(3));
    assert_eq!(troubles(&facts), [""; 0]);
    facts.srv = srv(Ok(vec![target("lb:1", Ok("10.0.0.1:1"))]), Ok(3));
    one(&facts, "Warn dns/_grpclb._tcp.orders: does not name lb:2");
    // By the address of its host is as good as by its name.
    facts.balancers[1].address = "10.0.0.7:2".parse().unwrap();
    let by_address = vec![
        target("lb:1", Err("no address")),
        target("other:2", Ok("10.0.0.7:2")),
    ];
    facts.srv = srv(Ok(by_address), Ok(0));
    let said = troubles(&facts);
    assert_eq!(
        said[0],
        "Fail dns/_grpclb._tcp.orders: names lb:1: no address"
    );
    assert!(
        said[1].contains("the name itself has no address"),
        "{said:?}"
    );
    assert_eq!(said.len(), 2, "{said:?}");
    facts.srv = srv(Ok(Vec::new()), Ok(1));
    one(
        &facts,
        "Fail dns/_grpclb._tcp.orders: there is no SRV record",
    );
    facts.srv = srv(Err("refused".to_owned()), Ok(1));
    one(&facts, "Fail dns/_grpclb._tcp.orders: refused");
}
