//! Every order in which the steps of a call and those of a policy task that goes IDLE can
//! come: 2^16 of them, for each picker that a call can meet.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Waker},
};

use http::HeaderMap;

use crate::{
    ConnectivityState, Mode, Pick, PickArgs, PickResult, Picker, PolicyState, Subchannel,
    WorkScheduler,
    channel::Shared,
    observer::Observers,
    policy::{ExitIdlePicker, QueuingPicker, testing::address},
};

const STEPS: u32 = 16;

struct To(Subchannel);

impl Picker for To {
    fn pick<'p>(&'p self, _: &PickArgs<'_>) -> PickResult<'p> {
        PickResult::Pick(Pick::new(&self.0))
    }
}

fn ready() -> PolicyState {
    let picker = Arc::new(To(Subchannel::detached(1, &address(1))));
    PolicyState::new(ConnectivityState::Ready, picker)
}

/// Polled once.
fn is_ready(future: Pin<&mut dyn Future<Output = ()>>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    future.poll(&mut context).is_ready()
}

/// A call, as `channel/call.rs` has it.
enum Call {
    Begins,
    Picks,
    /// It is not counted yet, and then is.
    Waits(u64, bool),
    Sent,
}

impl Call {
    fn step(&mut self, shared: &Shared) {
        *self = match *self {
            Self::Begins => {
                shared.activity.call_started();
                Self::Picks
            }
            Self::Picks => {
                let published = shared.published();
                let headers = HeaderMap::new();
                match published
                    .state
                    .picker
                    .pick(&PickArgs::new("/a.B/C", &headers))
                {
                    PickResult::Pick(_) => Self::Sent,
                    _ => Self::Waits(published.version, false),
                }
            }
            Self::Waits(version, false) => {
                std::mem::forget(shared.activity.wait());
                Self::Waits(version, true)
            }
            Self::Waits(version, true) => {
                if !is_ready(pin!(shared.newer_than(version))) {
                    return;
                }
                drop(super::Waiting(&shared.activity));
                Self::Picks
            }
            Self::Sent => Self::Sent,
        };
    }
}

/// A policy task, as `policy_task.rs` has it.
enum Task {
    Looks,
    GoesIdle,
    Idle,
    Connects,
    Runs,
}

impl Task {
    fn step(&mut self, shared: &Shared, work: &WorkScheduler) {
        *self = match *self {
            Self::Looks => {
                let activity = &shared.activity;
                if activity.anybody_waits() || activity.take_started() {
                    Self::Connects
                } else {
                    Self::GoesIdle
                }
            }
            Self::GoesIdle => {
                let picker = Arc::new(ExitIdlePicker(work.clone()));
                shared.publish(PolicyState::new(ConnectivityState::Idle, picker));
                Self::Idle
            }
            Self::Idle => {
                if !is_ready(pin!(work.scheduled())) || !work.take_exit_idle() {
                    return;
                }
                let picker = Arc::new(QueuingPicker);
                shared.publish(PolicyState::new(ConnectivityState::Connecting, picker));
                Self::Connects
            }
            Self::Connects => {
                shared.publish(ready());
                Self::Runs
            }
            Self::Runs => Self::Runs,
        };
    }
}

#[test]
fn a_call_that_begins_as_the_channel_goes_idle_is_sent_whatever_comes_first() {
    for first in 0..3 {
        for order in 0_u32..1 << STEPS {
            let (shared, work) = (
                Shared::new(Mode::Direct, Observers::default()),
                WorkScheduler::default(),
            );
            let state = match first {
                0 => ready(),
                1 => PolicyState::new(ConnectivityState::Connecting, Arc::new(QueuingPicker)),
                _ => {
                    let picker = Arc::new(ExitIdlePicker(work.clone()));
                    PolicyState::new(ConnectivityState::Idle, picker)
                }
            };
            shared.publish(state);
            let (mut call, mut task) = (Call::Begins, Task::Looks);
            for step in 0..STEPS {
                if order & 1 << step == 0 {
                    call.step(&shared);
                } else {
                    task.step(&shared, &work);
                }
            }
            for _ in 0..STEPS {
                task.step(&shared, &work);
                call.step(&shared);
            }
            assert!(
                matches!(call, Call::Sent),
                "picker {first}, order {order:b}"
            );
            assert!(!shared.activity.anybody_waits());
        }
    }
}
