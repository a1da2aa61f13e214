use lookaside_core::{Ejection, Ejections, HealthCheck, Probe};
use tokio::sync::watch;

use super::*;
use crate::health::CheckedServices;

/// A service of backends at these ports, whose health is checked.
fn checked(ports: &[u16]) -> Fixture {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    let mut settings = Settings::default();
    settings.health = Some(HealthCheck::new(Probe::Tcp));
    fixture.set_settings("orders", Some(settings));
    fixture.after(QUIET).set("orders", Some(service(ports)));
    fixture.after(QUIET);
    fixture
}

impl Fixture {
    /// Has the backends at these ports ejected, and no others.
    fn eject(&mut self, ports: &[u16]) -> &mut Self {
        let ejection = |port: &u16| {
            Arc::new(Ejection {
                backend: BackendId::new(&format!("b{port}")).unwrap(),
                addr: SocketAddr::from(([10, 0, 0, 1], *port)),
                reason: "connection refused".into(),
                since: SystemTime::UNIX_EPOCH,
            })
        };
        let ejections: Ejections = ports.iter().map(ejection).collect();
        let verdicts = [(name("orders"), Arc::new(ejections))];
        self.services.judge(Arc::new(verdicts.into()), self.now());
        self
    }

    /// How many backends of the service are to be checked, by what was told last.
    fn told_to_check(&mut self, told: &watch::Sender<Arc<CheckedServices>>) -> Option<usize> {
        self.services.checks().publish(told);
        let checks = told.borrow();
        checks.get(&name("orders")).map(|it| it.backends.len())
    }
}

#[test]
fn a_verdict_takes_a_backend_out_of_the_list_and_puts_it_back() {
    let mut fixture = checked(&[1, 2, 3, 4]);
    assert_eq!(fixture.slots("orders"), 4);
    fixture.eject(&[2]).after(QUIET);
    assert_eq!(fixture.slots("orders"), 3);
    fixture.eject(&[]).after(QUIET);
    assert_eq!(fixture.slots("orders"), 4);
}

#[test]
fn verdicts_are_merged_like_any_other_changes() {
    let mut fixture = checked(&[1, 2, 3, 4, 5, 6]);
    let before = fixture.version("orders");
    fixture.eject(&[1]);
    assert_eq!(fixture.version("orders"), before + 1, "the first at once");
    fixture.eject(&[1, 2]).after(QUIET / 2);
    fixture.eject(&[1, 2, 3]).after(QUIET / 2);
    assert_eq!(fixture.version("orders"), before + 1);
    fixture.after(QUIET);
    assert_eq!(
        (fixture.version("orders"), fixture.slots("orders")),
        (before + 2, 3)
    );
}

#[test]
fn when_too_few_are_healthy_all_get_calls_and_people_are_told() {
    let mut fixture = checked(&[1, 2, 3, 4]);
    fixture.eject(&[1, 2]).after(QUIET);
    assert_eq!(fixture.slots("orders"), 2);
    // As when the balancer is cut off from all of them.
    fixture.eject(&[1, 2, 3, 4]).after(QUIET);
    assert_eq!(fixture.slots("orders"), 4);
    let reason = fixture.published("orders").unwrap().reason.clone().unwrap();
    assert!(reason.contains("panic: only 0 of 4"), "{reason}");
    fixture.eject(&[4]).after(QUIET);
    assert_eq!(fixture.slots("orders"), 3);
    assert_eq!(fixture.published("orders").unwrap().reason, None);
}

#[test]
fn what_was_ejected_from_a_list_stays_out_of_it_while_it_is_held() {
    let mut fixture = Fixture::with_panic(OnEmpty::Hold, 0.0);
    let mut settings = Settings::default();
    settings.health = Some(HealthCheck::new(Probe::Tcp));
    fixture.set_settings("orders", Some(settings));
    fixture
        .after(QUIET)
        .set("orders", Some(service(&[1, 2, 3])));
    fixture.after(QUIET).eject(&[1]).after(QUIET);
    assert_eq!(fixture.slots("orders"), 2);
    let version = fixture.version("orders");
    fixture.eject(&[1, 2, 3]).after(QUIET);
    let reason = fixture.published("orders").unwrap().reason.clone().unwrap();
    assert!(reason.contains("the last list is kept"), "{reason}");
    assert_eq!(
        (fixture.slots("orders"), fixture.version("orders")),
        (2, version),
        "the same list"
    );
    // Nor does it come back when all are gone.
    fixture.set("orders", None).after(QUIET);
    assert_eq!(fixture.slots("orders"), 2);
}

#[test]
fn what_is_checked_follows_settings_and_backends() {
    let mut fixture = checked(&[1, 2, 3, 4]);
    let told = watch::Sender::default();
    assert_eq!(fixture.told_to_check(&told), Some(4));
    fixture.set("orders", Some(service(&[1, 2]))).after(QUIET);
    assert_eq!(fixture.told_to_check(&told), Some(2));

    fixture.eject(&[1]).after(QUIET);
    assert_eq!(fixture.slots("orders"), 1);
    fixture.set_settings("orders", None);
    fixture.after(QUIET);
    assert_eq!(fixture.slots("orders"), 2, "although nobody took it back");
    assert_eq!(fixture.told_to_check(&told), None);
}
