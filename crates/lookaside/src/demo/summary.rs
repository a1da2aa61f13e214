use std::io::{self, Write};

use super::{
    expected::Expected,
    ledger::{Score, Totals},
    scene::Scene,
};
use crate::output::{Align, Table, percent};

/// What was measured in each scene.
#[derive(Debug, Default)]
pub(super) struct Summary {
    scenes: Vec<(Scene, Score)>,
}

impl Summary {
    pub(super) fn add(&mut self, scene: Scene, score: Score) {
        self.scenes.push((scene, score));
    }

    /// Prints the shares of all scenes, measured beside expected, and what became of the
    /// calls. Returns whether everything was as it should be.
    pub(super) fn write(&self, out: &mut impl Write, totals: &Totals) -> io::Result<bool> {
        let mut table = Table::new(&[
            ("SCENE", Align::Left),
            ("BACKEND", Align::Left),
            ("EXPECTED", Align::Right),
            ("MEASURED", Align::Right),
        ]);
        let mut off = Vec::new();
        for (scene, score) in &self.scenes {
            let expected = Expected::of(*scene);
            let mut title = scene.short();
            let mut row = |name: &str, wanted: f64, measured: f64| {
                let wanted = percent(wanted * 100.0);
                let measured = percent(measured * 100.0);
                table.row([title.to_owned(), name.to_owned(), wanted, measured]);
                title = "";
            };
            for (name, _, share) in &expected.backends {
                row(name, *share, score.share(name));
            }
            if expected.dropped > 0.0 {
                row("(dropped)", expected.dropped, score.dropped_share());
            }
            if !expected.fits(score) {
                off.push(scene.short());
            }
        }
        writeln!(out, "\n{table}")?;
        let Totals {
            answered,
            dropped,
            lost,
            failed,
            failures,
        } = totals;
        writeln!(
            out,
            "{} calls: {answered} answered, {dropped} dropped as asked, {lost} in flight on the \
             killed backend, {failed} failed.",
            answered + dropped + lost + failed
        )?;
        for (failure, n) in failures {
            writeln!(out, "  {n} x {failure}")?;
        }
        if !off.is_empty() {
            writeln!(out, "Shares were off in: {}.", off.join(", "))?;
        }
        let complete = self.scenes.len() == Scene::ALL.len();
        Ok(complete && off.is_empty() && *failed == 0)
    }
}
