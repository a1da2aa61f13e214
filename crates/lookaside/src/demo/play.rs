use std::{
    io::{self, Write},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use anyhow::anyhow;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::{
    keep::write_hints,
    ledger::Ledger,
    place::Place,
    scene::Scene,
    screen::{Frame, Screen},
    summary::Summary,
    view::View,
    world::World,
};
use crate::signals::Signals;

/// How long each scene is measured.
const MEASURE: Duration = Duration::from_secs(3);

/// Plays all scenes; with `keep`, leaves everything running afterwards until a signal.
///
/// # Errors
/// Something did not happen, or calls failed that should not have.
pub(crate) async fn play(place: Place, keep: bool) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let mut stage = Stage::new();
    let (ledger, view) = (Arc::clone(&stage.ledger), Arc::clone(&stage.view));
    // Given up half way, what it has registered ends with it or runs out.
    let mut world = tokio::select! {
        world = World::start(place, ledger, view) => world?,
        name = signals.next() => return Err(anyhow!("interrupted by {name}")),
    };
    let mut summary = Summary::default();
    let played = tokio::select! {
        played = stage.scenes(&mut world, &mut summary) => played,
        name = signals.next() => Err(anyhow!("interrupted by {name}")),
    };
    let ledger = Arc::clone(&stage.ledger);
    let mut out = io::stdout();
    if let Err(error) = played {
        // Whatever comes now, nothing shall stay behind.
        signals.unless_repeated(Box::pin(world.end())).await?;
        return Err(error);
    }
    if keep {
        let good = summary.write(&mut out, &ledger.totals())?;
        let (client, admin) = world.addresses();
        write_hints(&mut out, world.service.as_str(), client, admin)?;
        signals.next().await;
        signals.unless_repeated(Box::pin(world.end())).await?;
        return verdict(good);
    }
    signals.unless_repeated(Box::pin(world.end())).await?;
    verdict(summary.write(&mut out, &ledger.totals())?)
}

fn verdict(good: bool) -> anyhow::Result<()> {
    if good {
        writeln!(io::stdout(), "Everything went as it should.")?;
        return Ok(());
    }
    Err(anyhow!("not everything went as it should"))
}

/// What is seen and counted, and where it is drawn.
struct Stage {
    ledger: Arc<Ledger>,
    view: Arc<View>,
    screen: Screen,
    drawn_at: Instant,
}

impl Stage {
    fn new() -> Self {
        Self {
            ledger: Arc::default(),
            view: Arc::default(),
            screen: Screen::new(),
            drawn_at: Instant::now(),
        }
    }

    async fn scenes(&mut self, world: &mut World, summary: &mut Summary) -> anyhow::Result<()> {
        for scene in Scene::ALL {
            self.view.scene(scene);
            self.screen.announce(scene)?;
            self.during(Box::pin(world.enact(scene))).await??;
            // The restart is measured from before it: that is its point.
            if scene != Scene::Restart {
                self.ledger.measure();
            }
            let play = async {
                let (_, later) = tokio::join!(sleep(MEASURE), world.aftermath(scene));
                later
            };
            self.during(play).await??;
            summary.add(scene, self.ledger.measured());
        }
        self.screen.end(&self.frame())?;
        Ok(())
    }

    /// Draws while something happens.
    async fn during<T>(&mut self, what: impl Future<Output = T>) -> io::Result<T> {
        let mut what = pin!(what);
        let period = self.screen.period();
        let mut frames = interval_at(self.drawn_at + period, period);
        frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                done = &mut what => return Ok(done),
                _ = frames.tick() => self.draw()?,
            }
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        self.drawn_at = Instant::now();
        self.screen.draw(&self.frame())
    }

    fn frame(&self) -> Frame {
        Frame {
            seen: self.view.seen(),
            score: self.ledger.measured(),
            totals: self.ledger.totals(),
        }
    }
}
