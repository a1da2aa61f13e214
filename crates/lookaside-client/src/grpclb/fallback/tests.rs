use super::*;

const TIMEOUT: Duration = Duration::from_secs(10);

/// A machine and a clock.
struct World {
    machine: Fallback,
    now: Instant,
}

impl World {
    /// At the start, with balancers.
    fn new() -> Self {
        let mut world = Self {
            machine: Fallback::new(),
            now: Instant::now(),
        };
        world.machine.started(world.now, TIMEOUT);
        world
    }

    /// Following a list whose backends have been READY for a minute.
    fn working() -> Self {
        let mut world = Self::new();
        world.list();
        world.listed(Health::Ready);
        world.pass(60);
        assert_eq!(world.mode(), Mode::Balancer);
        world
    }

    /// As [`World::working`], and then balancer and backends are lost.
    fn all_lost() -> Self {
        let mut world = Self::working();
        world.stream_ended();
        world.listed(Health::Failed);
        assert_eq!(world.mode(), Mode::Fallback);
        assert_eq!(world.machine.reason(), Some(&Reason::AllLost));
        world
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.machine.tick(self.now);
    }

    /// The deadline passes that the machine asks for.
    fn deadline(&mut self) -> Duration {
        let deadline = self.machine.deadline().expect("a deadline");
        let wait = deadline.saturating_duration_since(self.now);
        self.now = deadline - Duration::from_millis(1);
        self.machine.tick(self.now);
        let before = self.mode();
        self.now = deadline;
        self.machine.tick(self.now);
        assert_ne!(
            self.mode(),
            before,
            "a deadline decides something, and not before"
        );
        wait
    }

    fn mode(&self) -> Mode {
        self.machine.mode()
    }

    fn list(&mut self) {
        self.machine.list(false, self.now);
    }

    fn listed(&mut self, health: Health) {
        self.machine.listed(health, self.now);
    }

    fn fallback(&mut self, health: Health) {
        self.machine.fallback(health, self.now);
    }

    fn stream_ended(&mut self) {
        self.machine.stream_ended("gone".into(), self.now);
    }
}

#[test]
fn nothing_is_decided_before_the_first_word() {
    let mut world = World::new();
    world.pass(9);
    assert_eq!(world.mode(), Mode::Connecting);
}

#[test]
fn the_start_up_time_ends_in_fallback() {
    let mut world = World::new();
    assert_eq!(world.deadline(), TIMEOUT);
    assert_eq!(world.mode(), Mode::Fallback);
    assert_eq!(world.machine.reason(), Some(&Reason::TimedOut(TIMEOUT)));
}

#[test]
fn the_start_up_time_is_not_begun_again_by_an_update() {
    let mut world = World::new();
    world.pass(9);
    world.machine.started(world.now, TIMEOUT);
    assert_eq!(world.deadline(), Duration::from_secs(1));
}

#[test]
fn a_start_up_time_of_zero_falls_back_at_once() {
    let mut machine = Fallback::new();
    let now = Instant::now();
    machine.started(now, Duration::ZERO);
    machine.tick(now);
    assert_eq!(machine.mode(), Mode::Fallback);
}

#[test]
fn a_first_list_ends_the_start_up_even_before_its_backends_are_ready() {
    let mut world = World::new();
    world.pass(9);
    world.list();
    assert_eq!(world.mode(), Mode::Balancer);
    world.pass(600);
    assert_eq!(world.mode(), Mode::Balancer);
    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn before_the_first_list_every_sign_of_trouble_is_reason_to_fall_back() {
    type Trouble = fn(&mut World);
    let troubles: [(&str, Trouble); 4] = [
        ("no balancers", |world| {
            world.machine.no_balancers(world.now)
        }),
        ("unreachable", |world| {
            world.machine.unreachable("refused".into(), world.now);
        }),
        ("stream ended", World::stream_ended),
        ("told", |world| world.machine.told()),
    ];
    for (name, trouble) in troubles {
        let mut world = World::new();
        trouble(&mut world);
        assert_eq!(world.mode(), Mode::Fallback, "{name}");
    }
}

#[test]
fn a_lost_balancer_alone_changes_nothing() {
    let mut world = World::working();
    world.stream_ended();
    world.machine.unreachable("refused".into(), world.now);
    world.pass(86_400);
    assert_eq!(world.mode(), Mode::Balancer);
    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn balancers_that_vanish_change_nothing_until_the_backends_do() {
    let mut world = World::working();
    world.machine.no_balancers(world.now);
    assert_eq!(world.mode(), Mode::Balancer);
    world.listed(Health::Failed);
    assert_eq!(world.mode(), Mode::Fallback);
}

#[test]
fn lost_backends_alone_change_nothing() {
    let mut world = World::working();
    world.listed(Health::Pending);
    world.listed(Health::Failed);
    world.pass(86_400);
    assert_eq!(world.mode(), Mode::Balancer);
    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn balancer_and_backends_lost_in_either_order_is_fallback() {
    let mut world = World::working();
    world.stream_ended();
    world.listed(Health::Pending);
    assert_eq!(world.mode(), Mode::Fallback);

    let mut world = World::working();
    world.listed(Health::Failed);
    world.stream_ended();
    assert_eq!(world.mode(), Mode::Fallback);
}

#[test]
fn a_reconnected_stream_without_a_list_is_no_contact() {
    let mut world = World::working();
    world.stream_ended();
    // The next stream opens and stays silent: the machine hears nothing of it.
    world.pass(5);
    world.listed(Health::Failed);
    assert_eq!(world.mode(), Mode::Fallback);
}

#[test]
fn a_fresh_list_has_its_connect_time_when_its_stream_ends_at_once() {
    let mut world = World::new();
    world.list();
    world.listed(Health::Pending);
    world.pass(1);
    world.stream_ended();
    assert_eq!(world.mode(), Mode::Balancer);
    assert_eq!(world.deadline(), CONNECT_TIME - Duration::from_secs(1));
    assert_eq!(world.mode(), Mode::Fallback);
}

#[test]
fn a_fresh_list_whose_backends_connect_in_time_is_kept() {
    let mut world = World::new();
    world.list();
    world.stream_ended();
    world.pass(9);
    world.listed(Health::Ready);
    world.pass(600);
    assert_eq!(world.mode(), Mode::Balancer);
}

#[test]
fn a_fresh_list_whose_backends_have_all_failed_needs_no_more_time() {
    let mut world = World::new();
    world.list();
    world.stream_ended();
    world.listed(Health::Failed);
    assert_eq!(world.mode(), Mode::Fallback);
}

#[test]
fn without_fallback_addresses_the_last_list_is_kept() {
    let mut world = World::working();
    world.machine.has_fallback(false, world.now);
    world.stream_ended();
    world.listed(Health::Failed);
    world.pass(600);
    assert_eq!(world.mode(), Mode::Balancer);
}

#[test]
fn a_fallback_response_is_obeyed_at_any_time() {
    let mut world = World::working();
    world.machine.told();
    assert_eq!(world.mode(), Mode::Fallback);
    assert_eq!(world.machine.reason(), Some(&Reason::Told));
    // And kept, whatever becomes of its stream and of time.
    world.fallback(Health::Failed);
    world.stream_ended();
    world.pass(600);
    assert_eq!(world.mode(), Mode::Fallback);
}

#[test]
fn the_list_from_before_a_fallback_response_does_not_end_it() {
    let mut world = World::working();
    world.machine.told();
    world.listed(Health::Ready);
    assert_eq!(world.mode(), Mode::Fallback);
    world.list();
    world.listed(Health::Ready);
    assert_eq!(world.mode(), Mode::Balancer);
}

#[test]
fn fallback_is_left_when_a_listed_backend_is_ready_and_not_before() {
    let mut world = World::all_lost();
    world.fallback(Health::Ready);
    world.list();
    world.listed(Health::Pending);
    assert_eq!(world.mode(), Mode::Fallback, "make before break");
    world.pass(600);
    assert_eq!(
        world.mode(),
        Mode::Fallback,
        "a READY fallback is worth more"
    );
    assert_eq!(world.machine.deadline(), None);
    world.listed(Health::Ready);
    assert_eq!(world.mode(), Mode::Balancer);
    assert_eq!(world.machine.reason(), None);
}

#[test]
fn fallback_that_is_not_ready_is_left_after_the_connect_time() {
    for health in [Health::Pending, Health::Failed] {
        let mut world = World::all_lost();
        world.fallback(health);
        world.pass(30);
        world.list();
        assert_eq!(world.mode(), Mode::Fallback);
        assert_eq!(world.deadline(), CONNECT_TIME);
        assert_eq!(world.mode(), Mode::Balancer);
    }
}

#[test]
fn fallback_that_fails_later_is_left_if_the_list_had_its_time() {
    let mut world = World::all_lost();
    world.fallback(Health::Ready);
    world.list();
    world.pass(30);
    assert_eq!(world.mode(), Mode::Fallback);
    world.fallback(Health::Pending);
    assert_eq!(world.mode(), Mode::Balancer);
}

#[test]
fn backends_that_come_back_without_a_list_do_not_end_fallback() {
    let mut world = World::all_lost();
    world.listed(Health::Ready);
    world.pass(600);
    assert_eq!(world.mode(), Mode::Fallback);
}

#[test]
fn a_list_whose_stream_ended_does_not_end_fallback() {
    let mut world = World::all_lost();
    world.list();
    world.stream_ended();
    world.listed(Health::Ready);
    world.pass(600);
    assert_eq!(world.mode(), Mode::Fallback);
}

#[test]
fn a_list_of_drops_alone_ends_fallback_at_once() {
    let mut world = World::all_lost();
    world.fallback(Health::Ready);
    world.machine.list(true, world.now);
    assert_eq!(world.mode(), Mode::Balancer);
}

#[test]
fn fallback_can_be_entered_and_left_again_and_again() {
    let mut world = World::working();
    for _ in 0..5 {
        world.stream_ended();
        world.listed(Health::Failed);
        assert_eq!(world.mode(), Mode::Fallback);
        world.list();
        world.listed(Health::Ready);
        assert_eq!(world.mode(), Mode::Balancer);
    }
}

/// Every sequence of five events: the machine is never without a mode it can explain.
#[test]
fn no_sequence_of_events_breaks_the_rules() {
    const EVENTS: u32 = 11;
    const LENGTH: u32 = 5;
    for sequence in 0..EVENTS.pow(LENGTH) {
        let mut world = World::new();
        let (mut rest, mut ever_listed, mut current) = (sequence, false, false);
        for position in 0..LENGTH {
            let before = world.mode();
            match rest % EVENTS {
                0 => {
                    world.list();
                    (ever_listed, current) = (true, true);
                }
                1 => {
                    world.stream_ended();
                    current = false;
                }
                2 => {
                    world.machine.told();
                    current = false;
                    assert_eq!(world.mode(), Mode::Fallback);
                }
                3 => world.listed(Health::Ready),
                4 => world.listed(Health::Pending),
                5 => world.listed(Health::Failed),
                6 => world.fallback(Health::Ready),
                7 => world.fallback(Health::Failed),
                8 => world.machine.unreachable("refused".into(), world.now),
                9 => world.pass(11),
                _ => world.machine.has_fallback(position % 2 == 0, world.now),
            }
            rest /= EVENTS;
            let after = world.mode();
            assert_eq!(world.machine.reason().is_some(), after == Mode::Fallback);
            assert_ne!(after, Mode::Direct);
            // Or its owner would spin.
            assert!(world.machine.deadline().is_none_or(|at| at > world.now));
            if after == Mode::Balancer {
                assert!(ever_listed);
            }
            if ever_listed {
                assert_ne!(after, Mode::Connecting);
            }
            if (before, after) == (Mode::Fallback, Mode::Balancer) {
                assert!(current, "left fallback without a list on a current stream");
            }
            if (before, after) == (Mode::Balancer, Mode::Fallback) {
                assert!(!current, "left a list that is on a current stream");
            }
        }
    }
}

#[test]
fn another_start_up_time_runs_from_the_same_beginning() {
    let mut world = World::new();
    world.pass(4);
    world.machine.startup_timeout(Duration::from_secs(6));
    assert_eq!(world.deadline(), Duration::from_secs(2));
    assert_eq!(world.mode(), Mode::Fallback);
    // It is over, and another time changes nothing.
    let mut world = World::working();
    world.machine.startup_timeout(Duration::from_secs(1));
    world.pass(60);
    assert_eq!(world.mode(), Mode::Balancer);
}

#[test]
fn a_stream_that_is_replaced_is_no_loss_of_its_own_but_its_list_is_not_current_any_more() {
    let mut world = World::new();
    world.machine.stream_replaced();
    assert_eq!(world.mode(), Mode::Connecting);
    let mut world = World::working();
    world.machine.stream_replaced();
    world.pass(600);
    assert_eq!(world.mode(), Mode::Balancer);
    world.listed(Health::Failed);
    assert_eq!(world.mode(), Mode::Fallback);
}
