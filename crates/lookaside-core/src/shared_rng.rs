use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The golden ratio as a fraction of 2⁶⁴, made odd: SplitMix64's step.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Random numbers for many tasks at once, without a lock: SplitMix64, whose state is a
/// mere counter. Good enough to spread calls, and worth nothing as a secret.
#[derive(Debug)]
pub struct SharedRng(AtomicU64);

impl SharedRng {
    /// One that gives the same numbers for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next number.
    pub fn next(&self) -> u64 {
        let mut z = self.0.fetch_add(STEP, Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of `0..n`, for `n` from 1 to 2³². Every number comes as often as any other to
    /// within one in 2³² / n.
    pub fn below(&self, n: usize) -> usize {
        scale(self.next() >> 32, n)
    }

    /// Two of `0..n` that differ, for `n` from 2 to 2³².
    pub fn two_below(&self, n: usize) -> (usize, usize) {
        let bits = self.next();
        let first = scale(bits >> 32, n);
        let second = scale(bits & u64::from(u32::MAX), n - 1);
        (first, second + usize::from(second >= first))
    }
}

/// 32 random bits as one of `0..n`: a multiplication where a division would do (Lemire).
fn scale(bits: u64, n: usize) -> usize {
    ((bits * n as u64) >> 32) as usize
}

#[cfg(test)]
mod tests;
