use super::{PickArgs, PickError, PickResult, Picker, WorkScheduler};

/// Every call waits.
#[derive(Debug)]
pub(crate) struct QueuingPicker;

impl Picker for QueuingPicker {
    fn pick<'p>(&'p self, _: &PickArgs<'_>) -> PickResult<'p> {
        PickResult::Queue
    }
}

/// Every call waits, and wakes an idle policy.
#[derive(Debug)]
pub(crate) struct ExitIdlePicker(pub(crate) WorkScheduler);

impl Picker for ExitIdlePicker {
    fn pick<'p>(&'p self, _: &PickArgs<'_>) -> PickResult<'p> {
        self.0.exit_idle();
        PickResult::Queue
    }
}

/// Every call fails, unless it waits for ready.
#[derive(Debug)]
pub(crate) struct FailingPicker(pub(crate) PickError);

impl Picker for FailingPicker {
    fn pick<'p>(&'p self, _: &PickArgs<'_>) -> PickResult<'p> {
        PickResult::Fail(self.0.clone())
    }
}

/// Every call fails: there is no next picker.
#[derive(Debug)]
pub(crate) struct ClosedPicker(pub(crate) PickError);

impl Picker for ClosedPicker {
    fn pick<'p>(&'p self, _: &PickArgs<'_>) -> PickResult<'p> {
        PickResult::Drop(self.0.clone())
    }
}
