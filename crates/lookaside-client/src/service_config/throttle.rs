use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::{JsonError, Node};

/// Tokens are counted in thousandths: a ratio has three decimals (A6).
const UNIT: u32 = 1000;

/// The most tokens a config may ask for (A6).
const MAX_TOKENS: u64 = 1000;

/// When to stop trying again for a while: a bucket of tokens (A6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThrottleSettings {
    /// In thousandths.
    max: u32,
    /// What a success adds, in thousandths.
    ratio: u32,
}

impl ThrottleSettings {
    pub(super) fn parse(node: &Node<'_>) -> Result<Self, JsonError> {
        let tokens = node.required("maxTokens")?;
        let max = match tokens.count() {
            Ok(n @ 1..=MAX_TOKENS) => u32::try_from(n).unwrap_or(UNIT) * UNIT,
            _ => return Err(tokens.expected("a whole number from 1 to 1000")),
        };
        let ratio = node.required("tokenRatio")?;
        // What is less than a thousandth would be nothing. (1.001 is a little less than that
        // in binary, and must not become 1.000.)
        let thousandths = ratio.positive()? * f64::from(UNIT) + 1e-6;
        let thousandths = thousandths.min(f64::from(max)) as u32;
        if thousandths == 0 {
            return Err(ratio.expected("at least 0.001"));
        }
        Ok(Self {
            max,
            ratio: thousandths,
        })
    }
}

/// A channel's bucket: every failure takes a token out, every success puts a part of one
/// in, and while it is no more than half full nothing is tried again.
#[derive(Debug)]
pub(crate) struct RetryThrottle {
    settings: ThrottleSettings,
    tokens: AtomicU32,
}

impl RetryThrottle {
    /// A bucket as full as the one whose place it takes.
    pub(super) fn new(settings: ThrottleSettings, before: Option<&Self>) -> Self {
        let tokens = before.map_or(settings.max, |before| {
            let tokens = u64::from(before.tokens.load(Relaxed)) * u64::from(settings.max);
            // Not above the new maximum, as it was not above the old one.
            u32::try_from(tokens / u64::from(before.settings.max)).unwrap_or(settings.max)
        });
        Self {
            settings,
            tokens: AtomicU32::new(tokens),
        }
    }

    pub(super) fn settings(&self) -> ThrottleSettings {
        self.settings
    }

    /// A call was answered well.
    pub(crate) fn succeeded(&self) {
        let add = |tokens: u32| {
            let more = tokens
                .saturating_add(self.settings.ratio)
                .min(self.settings.max);
            (more != tokens).then_some(more)
        };
        // An error: it was full.
        let _ = self.tokens.fetch_update(Relaxed, Relaxed, add);
    }

    /// An attempt failed in a way that counts. Whether another one may be made.
    pub(crate) fn failed(&self) -> bool {
        let take = |tokens: u32| Some(tokens.saturating_sub(UNIT));
        let before = self.tokens.fetch_update(Relaxed, Relaxed, take);
        let left = before.map_or(0, |tokens| tokens.saturating_sub(UNIT));
        left > self.settings.max / 2
    }
}

#[cfg(test)]
mod tests;
