//! Entering fallback and leaving it.

mod explicit;
mod later;
mod startup;

use std::time::Duration;

use crate::{
    support::{addr, calls::call},
    world::{FALLBACK, World},
};

const SECOND: Duration = Duration::from_secs(1);

/// Calls for so long, once a second: all are answered by `backend`.
async fn all_answered_by(world: &World, backend: u8, seconds: u64) {
    let expected = addr(backend).ip().to_string();
    for _ in 0..seconds {
        let answer = call(&world.channel).await.expect("no call fails");
        assert_eq!(answer.backend, expected);
        // What the balancer did not list carries no token.
        assert_eq!(answer.lb_token.is_empty(), backend >= FALLBACK);
        tokio::time::sleep(SECOND).await;
    }
}
