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
        Readiness::Failed("a bug".into()),
    ] {
        late.report(&to);
        assert_eq!(*seen.borrow(), Readiness::Draining);
    }
}

#[test]
fn a_failure_lasts_until_the_shutdown() {
    let failed = Readiness::Failed("a bug".into());
    let (to, seen) = watch::channel(Readiness::Ready);
    failed.clone().report(&to);
    for late in [
        Readiness::Ready,
        Readiness::NotReady("no port".into()),
        Readiness::Failed("another".into()),
    ] {
        late.report(&to);
        assert_eq!(*seen.borrow(), failed);
    }
    Readiness::Draining.report(&to);
    assert_eq!(*seen.borrow(), Readiness::Draining);
}
