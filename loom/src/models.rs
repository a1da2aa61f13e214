mod counters;
mod flight;
mod wishes;

/// What each asserts, and how.
pub(crate) const MODELS: [(&str, fn()); 5] = [
    (
        "each call is in exactly one report, and no part is ahead of its whole",
        counters::reports,
    ),
    (
        "no drop is lost when its list goes as the next one comes",
        counters::lists,
    ),
    ("who waits for a flight's landing is woken", flight::landing),
    ("a flight is not judged by an earlier one", flight::overdue),
    ("a wish to leave IDLE is never lost", wishes::exit_idle),
];
