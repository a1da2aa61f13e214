use std::{sync::Arc, time::Duration};

use lookaside_client::Channel;
use tokio::time::sleep;

use super::*;

fn tally(ok: &[(&str, u64)], err: &[(&str, u64)]) -> Tally {
    let own = |of: &[(&str, u64)]| of.iter().map(|(k, n)| ((*k).to_owned(), *n)).collect();
    Tally {
        ok: own(ok),
        err: own(err),
    }
}

#[test]
fn a_second_is_printed_in_the_documented_shape() {
    let tally = tally(&[("a|0tok", 10)], &[("UNAVAILABLE: gone", 1)]);
    let second = Second {
        t: 1.0,
        state: "READY",
        mode: "balancer",
        ok: &tally.ok,
        err: &tally.err,
    };
    assert_eq!(
        serde_json::to_string(&second).unwrap(),
        r#"{"t":1.0,"state":"READY","mode":"balancer","ok":{"a|0tok":10},"err":{"UNAVAILABLE: gone":1}}"#
    );
}

#[test]
fn tallies_add_up_and_tokens_fold_into_backends() {
    let mut sum = tally(&[("a|x", 1), ("b|", 2)], &[]);
    sum.add(&tally(&[("a|x.v", 3), ("a|x", 1)], &[("e", 4)]));
    assert_eq!((sum.succeeded(), sum.failed()), (7, 4));
    assert_eq!(sum.by_backend(), [("a", 5), ("b", 2)].into());
}

#[tokio::test(start_paused = true)]
async fn as_many_calls_are_made_as_the_rate_and_the_time_say() {
    for (qps, seconds, expected) in [(5.0, 2, 10), (0.5, 4, 2), (200.0, 1, 200)] {
        // Nobody answers: every call fails, and is counted.
        let channel = Channel::builder("s").balancers(["127.0.0.1:1"]).build();
        let calls = Arc::new(Counter::default());
        let sink = Arc::clone(&calls) as Arc<dyn Sink>;
        let load = Load::start(channel.unwrap(), qps, Duration::from_secs(1), sink);
        sleep(Duration::from_secs(seconds)).await;
        load.stop().await;
        assert_eq!(calls.take().failed(), expected, "{qps} for {seconds} s");
    }
}
