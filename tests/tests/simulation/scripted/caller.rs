//! Who calls, and how.

use std::time::Duration;

use fastrand::Rng;
use lookaside_client::{Channel, WaitForReady};
use lookaside_proto::demo::{EchoRequest, echo_client::EchoClient};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tonic::{Request, Status, metadata::MetadataValue};

use super::{
    book::CALL_ID,
    judge::{Call, End, Judge},
};

/// Between two calls of a worker, at most.
const MAX_PAUSE: Duration = Duration::from_millis(400);

/// A caller that gives up does so within this.
const MAX_PATIENCE: Duration = Duration::from_millis(300);

/// How long calls may take, in milliseconds.
const DEADLINES: [u64; 5] = [100, 500, 2_000, 10_000, 40_000];

/// How a call is made.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    pub wait_for_ready: bool,
    pub deadline: Duration,
    /// After so long its caller loses interest.
    pub patience: Option<Duration>,
}

impl Wish {
    pub fn draw(rng: &mut Rng) -> Self {
        let deadline = *rng.choice(&DEADLINES).expect("some");
        let patience = Duration::from_millis(rng.u64(..MAX_PATIENCE.as_millis() as u64));
        Self {
            wait_for_ready: rng.u32(..5) < 2,
            deadline: Duration::from_millis(deadline),
            patience: (rng.u32(..30) == 0).then_some(patience),
        }
    }

    /// Fails fast, and has time enough.
    pub fn plain() -> Self {
        Self {
            wait_for_ready: false,
            deadline: Duration::from_secs(5),
            patience: None,
        }
    }
}

/// Makes calls until told to stop.
pub async fn work(
    channel: Channel,
    judge: Judge,
    mut rng: Rng,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let pause = Duration::from_micros(rng.u64(..MAX_PAUSE.as_micros() as u64));
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = sleep(pause) => {}
        }
        call(&channel, &judge, Wish::draw(&mut rng)).await;
    }
}

/// One call; says how it ended.
pub async fn call(channel: &Channel, judge: &Judge, wish: Wish) -> End {
    let call = Call {
        id: judge.book.begin(),
        started: Instant::now(),
        wait_for_ready: wish.wait_for_ready,
        deadline: wish.deadline,
    };
    let end = tokio::select! {
        biased;
        answer = echo(channel, &call) => match answer {
            Ok(backend) => End::Answered(backend.parse().expect("its address")),
            Err(status) => End::Failed(status),
        },
        () = sleep(wish.patience.unwrap_or(Duration::MAX)) => End::Cancelled,
    };
    judge.ended(&call, &end);
    end
}

async fn echo(channel: &Channel, call: &Call) -> Result<String, Status> {
    let mut request = Request::new(EchoRequest {
        message: "hello".to_owned(),
    });
    let id = MetadataValue::from(call.id);
    request.metadata_mut().insert(CALL_ID, id);
    let wait = WaitForReady(call.wait_for_ready);
    request.extensions_mut().insert(wait);
    request.set_timeout(call.deadline);
    let answer = EchoClient::new(channel.clone()).echo(request).await?;
    Ok(answer.into_inner().backend)
}
