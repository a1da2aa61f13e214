use std::time::Duration;

use lookaside_core::BackoffConfig;

/// How long a reflector waits for what. The defaults are for production; tests take
/// shorter ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Timings {
    /// A watch silent for so long is asked for a sign of life. Default 5 s: half of
    /// what a dead watch may cost in stale lists.
    pub silence: Duration,
    /// A watch that stays silent for so long after being asked is checked with a
    /// read. Default 5 s. Members that are behind do not answer, so silence alone is
    /// no proof of death.
    pub answer: Duration,
    /// How long a silent watch may take to deliver what a read says exists. Default
    /// 30 s: a member catching up after a restart sends nothing until it is done.
    pub catch_up: Duration,
    /// How long the last sign of life may be ago for a watch to be resumed where it was;
    /// later, everything is listed. Default 7 s: a store that is stopped, restored from a
    /// backup and has overtaken the applied revision cannot be told from one that was
    /// only away, if its raft term is the same. A quiet watch has a sign of life every
    /// 5 s, and another member confirms it within a second.
    pub resume: Duration,
    /// How long members that do not answer may be waited for, to confirm the history that
    /// is followed, while others show another one. Default 30 s: as for `catch_up`.
    pub dissent: Duration,
    /// How long the store may take to confirm a new watch. Default 5 s.
    pub created: Duration,
    /// How long connecting, authenticating and a one-key read may take. Default 5 s: a
    /// leader election takes 1 to 2 s.
    pub read: Duration,
    /// How long one page of a list may take. Default 30 s: the largest that is
    /// received, 64 MiB, over 20 Mbit/s.
    pub page: Duration,
    /// The waits between attempts. Default 0.1 s × 1.6 up to 5 s, 20 % jitter: a store
    /// that comes back is noticed within seconds, and balancers are few.
    pub backoff: BackoffConfig,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(5),
            answer: Duration::from_secs(5),
            catch_up: Duration::from_secs(30),
            resume: Duration::from_secs(7),
            dissent: Duration::from_secs(30),
            created: Duration::from_secs(5),
            read: Duration::from_secs(5),
            page: Duration::from_secs(30),
            backoff: BackoffConfig {
                initial: Duration::from_millis(100),
                multiplier: 1.6,
                jitter: 0.2,
                max: Duration::from_secs(5),
            },
        }
    }
}
