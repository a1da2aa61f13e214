use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

/// How often a fault that stays the same is logged: often enough to be found in any
/// hour of log, seldom enough not to fill it.
const REPEAT: Duration = Duration::from_secs(60);

/// Decides whether a fault that occurs again and again is worth a line in the log.
#[derive(Debug, Default)]
pub(crate) struct Complaint {
    last: Option<(Arc<str>, Instant)>,
}

impl Complaint {
    /// Whether to log this: it is new, or it has lasted.
    pub(crate) fn is_due(&mut self, reason: &Arc<str>, now: Instant) -> bool {
        if let Some((last, at)) = &self.last
            && last == reason
            && now < *at + REPEAT
        {
            return false;
        }
        self.last = Some((Arc::clone(reason), now));
        true
    }

    /// The fault is over; returns whether there was one.
    pub(crate) fn settle(&mut self) -> bool {
        self.last.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_logged_once_per_change_and_then_every_minute() {
        let mut complaint = Complaint::default();
        let (start, refused, denied) = (Instant::now(), "refused".into(), "denied".into());
        assert!(complaint.is_due(&refused, start));
        assert!(!complaint.is_due(&refused, start + Duration::from_secs(59)));
        assert!(complaint.is_due(&refused, start + Duration::from_secs(60)));
        assert!(complaint.is_due(&denied, start + Duration::from_secs(61)));
        assert!(complaint.settle());
        assert!(!complaint.settle());
        assert!(complaint.is_due(&denied, start + Duration::from_secs(62)));
    }
}
