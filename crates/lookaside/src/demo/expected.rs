use super::{
    ledger::Score,
    scene::{DROP, FIRST, NEWCOMER, Scene, VICTIM},
};

/// How far a share may be off, in the share of calls: the rounding of a few hundred
/// calls and a list that starts anew, with room to spare.
const TOLERANCE: f64 = 0.03;

/// Who should get which share of the calls in a scene.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expected {
    /// Backends with their weight and share of the calls that are not dropped, 0 to 1.
    pub(super) backends: Vec<(&'static str, u32, f64)>,
    /// The share of all calls that is dropped, 0 to 1.
    pub(super) dropped: f64,
}

impl Expected {
    pub(super) fn of(scene: Scene) -> Self {
        let mut weights = FIRST.to_vec();
        if scene != Scene::Steady {
            weights.retain(|(name, _)| *name != VICTIM);
        }
        if !matches!(scene, Scene::Steady | Scene::Kill) {
            weights.push(NEWCOMER);
        }
        let sum: u32 = weights.iter().map(|(_, weight)| weight).sum();
        let share = |weight| f64::from(weight) / f64::from(sum);
        Self {
            backends: weights
                .into_iter()
                .map(|(name, weight)| (name, weight, share(weight)))
                .collect(),
            dropped: if scene == Scene::Drop {
                f64::from(DROP.1) / 1e6
            } else {
                0.0
            },
        }
    }

    /// The share of one backend; 0 for one that should get nothing.
    pub(super) fn share(&self, backend: &str) -> f64 {
        let its = self.backends.iter().find(|(name, ..)| *name == backend);
        its.map_or(0.0, |(_, _, share)| *share)
    }

    /// Whether a score is what it should be.
    pub(super) fn fits(&self, score: &Score) -> bool {
        let close = |a: f64, b: f64| (a - b).abs() <= TOLERANCE;
        let known = |name: &String| self.backends.iter().any(|(expected, ..)| expected == name);
        self.backends
            .iter()
            .all(|(name, _, share)| close(score.share(name), *share))
            && score.answered.keys().all(known)
            && close(score.dropped_share(), self.dropped)
    }
}
