use super::*;

/// How far from `expected` a count may be: five standard deviations of a fair draw.
fn close(count: u32, expected: f64) -> bool {
    (f64::from(count) - expected).abs() < 5.0 * expected.sqrt()
}

#[test]
fn the_same_seed_gives_the_same_numbers_and_another_seed_others() {
    let numbers = |seed| {
        let rng = SharedRng::new(seed);
        (0..8).map(|_| rng.next()).collect::<Vec<_>>()
    };
    assert_eq!(numbers(1), numbers(1));
    assert_ne!(numbers(1), numbers(2));
    // SplitMix64's published first number for seed 0.
    assert_eq!(numbers(0)[0], 0xe220_a839_7b1d_cdaf);
}

#[test]
fn all_numbers_are_drawn_equally_often() {
    let rng = SharedRng::new(7);
    let mut counts = [0u32; 10];
    for _ in 0..100_000 {
        counts[rng.below(10)] += 1;
    }
    assert!(counts.iter().all(|c| close(*c, 10_000.0)), "{counts:?}");
}

#[test]
fn two_numbers_differ_and_every_pair_is_drawn_equally_often() {
    let rng = SharedRng::new(7);
    let mut counts = [[0u32; 5]; 5];
    for _ in 0..200_000 {
        let (a, b) = rng.two_below(5);
        counts[a][b] += 1;
    }
    for (a, row) in counts.iter().enumerate() {
        for (b, count) in row.iter().enumerate() {
            if a == b {
                assert_eq!(*count, 0);
            } else {
                assert!(close(*count, 10_000.0), "{a} {b} {count}");
            }
        }
    }
}

#[test]
fn of_two_both_are_drawn() {
    let rng = SharedRng::new(3);
    let firsts: u32 = (0..1000).map(|_| rng.two_below(2).0 as u32).sum();
    assert!(close(firsts, 500.0), "{firsts}");
    assert_eq!(rng.below(1), 0);
}
