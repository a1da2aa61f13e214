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
