use super::*;
use ConnectivityState::{Connecting, Idle, Ready, Shutdown, TransientFailure};
use SubchannelAction::{ArmTimer, CancelConnect, CancelTimer, Close, Report, StartConnect};
use SubchannelEvent as Event;

struct Fixture {
    subchannel: Subchannel,
    now: Instant,
    rng: fastrand::Rng,
}

impl Fixture {
    fn new() -> Self {
        let config = BackoffConfig {
            jitter: 0.0,
            ..BackoffConfig::default()
        };
        Self {
            subchannel: Subchannel::new(config),
            now: Instant::now(),
            rng: fastrand::Rng::with_seed(1),
        }
    }

    fn after(&mut self, millis: u64, event: Event) -> Vec<SubchannelAction> {
        self.now += Duration::from_millis(millis);
        let before = self.subchannel.state();
        let actions = self.subchannel.handle(event, self.now, &mut self.rng);
        let reported = actions.iter().rev().find_map(|action| match action {
            Report(state) => Some(*state),
            _ => None,
        });
        assert_eq!(self.subchannel.state(), reported.unwrap_or(before));
        actions
    }

    fn fail(&mut self, millis: u64) -> Vec<SubchannelAction> {
        self.after(millis, Event::ConnectFailed("refused".into()))
    }

    fn ready(&mut self) {
        self.after(0, Event::ConnectRequested);
        self.after(0, Event::Connected);
        assert_eq!(self.subchannel.state(), Ready);
    }
}

const START: SubchannelAction = StartConnect {
    timeout: MIN_CONNECT_TIMEOUT,
};

/// Without having answered a call.
fn closed() -> Event {
    Event::Disconnected {
        why: "closed".into(),
        answered: false,
    }
}

#[test]
fn it_connects_when_asked_and_is_ready_once_connected() {
    let mut it = Fixture::new();
    assert_eq!(
        it.after(0, Event::ConnectRequested),
        [START, Report(Connecting)]
    );
    assert_eq!(it.after(5, Event::Connected), [Report(Ready)]);
    assert_eq!(it.after(5, Event::ConnectRequested), []);
}

#[test]
fn a_failed_attempt_waits_from_its_start_and_then_is_idle() {
    let mut it = Fixture::new();
    it.after(0, Event::ConnectRequested);
    let rest = Duration::from_millis(700);
    assert_eq!(it.fail(300), [ArmTimer(rest), Report(TransientFailure)]);
    assert_eq!(it.subchannel.failure().map(|why| &**why), Some("refused"));
    assert_eq!(it.after(100, Event::ConnectRequested), []);
    assert_eq!(it.after(600, Event::BackoffExpired), [Report(Idle)]);
    it.after(0, Event::ConnectRequested);
    // The second wait is 1.6 s, and was over before the attempt failed.
    assert_eq!(
        it.fail(2_000),
        [ArmTimer(Duration::ZERO), Report(TransientFailure)]
    );
    assert_eq!(it.after(0, Event::BackoffExpired), [Report(Idle)]);
}

#[test]
fn a_timer_that_fires_early_is_armed_again() {
    let mut it = Fixture::new();
    it.after(0, Event::ConnectRequested);
    it.fail(0);
    let rest = Duration::from_millis(600);
    assert_eq!(it.after(400, Event::BackoffExpired), [ArmTimer(rest)]);
    assert_eq!(it.subchannel.state(), TransientFailure);
}

#[test]
fn only_a_ready_connection_resets_the_back_off() {
    let mut it = Fixture::new();
    for wait in [1_000, 1_600, 2_560] {
        it.after(0, Event::ConnectRequested);
        // Accepted, and closed before SETTINGS.
        let actions = it.after(0, closed());
        assert_eq!(
            actions,
            [
                ArmTimer(Duration::from_millis(wait)),
                Report(TransientFailure)
            ]
        );
        it.after(wait, Event::BackoffExpired);
    }
    it.ready();
    it.after(0, closed());
    it.after(0, Event::ConnectRequested);
    assert_eq!(it.fail(0)[0], ArmTimer(Duration::from_secs(1)));
}

#[test]
fn a_lost_connection_is_let_go_and_leaves_it_idle() {
    let mut it = Fixture::new();
    it.ready();
    assert_eq!(it.after(0, closed()), [Close, Report(Idle)]);
    assert_eq!(it.subchannel.failure().map(|why| &**why), Some("closed"));
    it.ready();
    assert_eq!(it.subchannel.failure(), None);
}

#[test]
fn a_peer_that_greets_and_leaves_again_and_again_has_failed() {
    let mut it = Fixture::new();
    it.ready();
    // Once may be a restart.
    assert_eq!(it.after(10, closed()), [Close, Report(Idle)]);
    for wait in [1_000, 1_600, 2_560] {
        it.ready();
        let rest = Duration::from_millis(wait - 10);
        assert_eq!(
            it.after(10, closed()),
            [Close, ArmTimer(rest), Report(TransientFailure)]
        );
        assert_eq!(it.after(0, Event::ConnectRequested), []);
        assert_eq!(it.after(wait - 10, Event::BackoffExpired), [Report(Idle)]);
    }
}

#[test]
fn a_connection_that_was_of_use_makes_up_for_those_that_were_not() {
    let answered = || Event::Disconnected {
        why: "closed".into(),
        answered: true,
    };
    let old = OF_USE.as_millis() as u64;
    for (lived, end) in [(10, answered()), (old, closed())] {
        let mut it = Fixture::new();
        it.ready();
        it.after(10, closed());
        it.ready();
        assert_eq!(it.after(lived, end), [Close, Report(Idle)]);
        it.ready();
        assert_eq!(it.after(10, closed()), [Close, Report(Idle)]);
        it.after(0, Event::ConnectRequested);
        let first = Duration::from_secs(1);
        assert_eq!(it.fail(0)[0], ArmTimer(first), "the first wait again");
    }
}

#[test]
fn one_call_that_is_answered_each_time_is_use_enough() {
    let mut it = Fixture::new();
    for _ in 0..5 {
        it.ready();
        let end = Event::Disconnected {
            why: "one call each".into(),
            answered: true,
        };
        assert_eq!(it.after(1, end), [Close, Report(Idle)]);
    }
}

#[test]
fn an_attempt_has_twenty_seconds_or_its_back_off_if_that_is_longer() {
    let mut it = Fixture::new();
    let mut last = Vec::new();
    for _ in 0..20 {
        last = it.after(0, Event::ConnectRequested);
        it.fail(0);
        it.after(200_000, Event::BackoffExpired);
    }
    let timeout = Duration::from_secs(120);
    assert_eq!(last, [StartConnect { timeout }, Report(Connecting)]);
}

#[test]
fn a_reset_ends_the_wait() {
    let mut it = Fixture::new();
    it.after(0, Event::ConnectRequested);
    it.fail(0);
    assert_eq!(
        it.after(0, Event::BackoffReset),
        [CancelTimer, Report(Idle)]
    );
    it.after(0, Event::ConnectRequested);
    assert_eq!(
        it.fail(0)[0],
        ArmTimer(Duration::from_secs(1)),
        "the first wait again"
    );
}

#[test]
fn after_a_reset_during_an_attempt_the_next_one_does_not_wait() {
    let mut it = Fixture::new();
    it.after(0, Event::ConnectRequested);
    assert_eq!(it.after(0, Event::BackoffReset), []);
    assert_eq!(it.fail(0)[0], ArmTimer(Duration::ZERO));
    assert_eq!(it.after(0, Event::BackoffExpired), [Report(Idle)]);
}

#[test]
fn shutting_down_ends_what_is_under_way_and_everything_after_is_ignored() {
    type Prepare = fn(&mut Fixture);
    let cases: [(Prepare, &[SubchannelAction]); 4] = [
        (|_| (), &[Report(Shutdown)]),
        (
            |it| drop(it.after(0, Event::ConnectRequested)),
            &[CancelConnect, Report(Shutdown)],
        ),
        (Fixture::ready, &[Close, Report(Shutdown)]),
        (
            |it| {
                it.after(0, Event::ConnectRequested);
                it.fail(0);
            },
            &[CancelTimer, Report(Shutdown)],
        ),
    ];
    for (prepare, expected) in cases {
        let mut it = Fixture::new();
        prepare(&mut it);
        assert_eq!(it.after(0, Event::ShutDown), expected);
        for event in [
            Event::ConnectRequested,
            Event::Connected,
            Event::ConnectFailed("late".into()),
            closed(),
            Event::BackoffExpired,
            Event::BackoffReset,
            Event::ShutDown,
        ] {
            assert_eq!(it.after(1, event), []);
        }
    }
}

#[test]
fn events_that_come_too_late_change_nothing() {
    let mut it = Fixture::new();
    for late in [
        Event::Connected,
        Event::ConnectFailed("late".into()),
        closed(),
        Event::BackoffExpired,
    ] {
        assert_eq!(it.after(0, late), []);
        assert_eq!(it.subchannel.state(), Idle);
    }
    it.ready();
    for late in [
        Event::Connected,
        Event::ConnectFailed("late".into()),
        Event::BackoffExpired,
        Event::BackoffReset,
    ] {
        assert_eq!(it.after(0, late), []);
        assert_eq!(it.subchannel.state(), Ready);
    }
}
