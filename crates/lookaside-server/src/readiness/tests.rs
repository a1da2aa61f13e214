use super::*;

#[test]
fn a_shutdown_is_final() {
    let (to, seen) = watch::channel(Readiness::NotReady("starting".into()));
    Readiness::Ready.report(&to);
    assert!(seen.borrow().is_ready());
    for late in [
        Readiness::Draining,
        Readiness::Ready,
        Readiness::NotReady("no port".into()),
    ] {
        late.report(&to);
        assert_eq!(*seen.borrow(), Readiness::Draining);
    }
}
