use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn by_rate() -> OutlierSettings {
    OutlierSettings {
        success_rate: Some(SuccessRateEjection::default()),
        max_ejection_percent: 50,
        ..OutlierSettings::default()
    }
}

fn by_percentage() -> OutlierSettings {
    OutlierSettings {
        failure_percentage: Some(FailurePercentageEjection::default()),
        max_ejection_percent: 50,
        ..OutlierSettings::default()
    }
}

fn host(successes: u64, failures: u64) -> OutlierHost {
    let mut host = OutlierHost::default();
    (host.successes, host.failures) = (successes, failures);
    host
}

fn run(settings: &OutlierSettings, hosts: &mut [OutlierHost], now: Instant) {
    let mut hosts: Vec<_> = hosts.iter_mut().collect();
    sweep(settings, &mut hosts, now, &mut fastrand::Rng::with_seed(1));
}

/// One sweep over hosts with these successes and failures: who is ejected.
fn ejected(settings: &OutlierSettings, calls: &[(u64, u64)]) -> Vec<usize> {
    let mut hosts: Vec<_> = calls.iter().map(|(s, f)| host(*s, *f)).collect();
    run(settings, &mut hosts, Instant::now());
    (0..hosts.len())
        .filter(|i| hosts[*i].is_ejected())
        .collect()
}

#[test]
fn who_succeeds_far_less_often_than_the_others_is_ejected() {
    let mut calls = [(100, 0); 10];
    calls[3] = (20, 80);
    assert_eq!(ejected(&by_rate(), &calls), [3]);
    // All alike, however bad, are no outliers.
    assert_eq!(ejected(&by_rate(), &[(10, 90); 10]), [0; 0]);
}

#[test]
fn a_rate_is_an_outlier_only_beyond_the_factor_times_the_deviation() {
    // Four at 1 and one at 0: the mean is 0.8, the deviation 0.4, and 0 is two of them away.
    let calls = [(100, 0), (100, 0), (100, 0), (100, 0), (0, 100)];
    let with = |stdev_factor| OutlierSettings {
        success_rate: Some(SuccessRateEjection {
            stdev_factor,
            ..SuccessRateEjection::default()
        }),
        ..by_rate()
    };
    assert_eq!(ejected(&with(1999), &calls), [4]);
    assert_eq!(ejected(&with(2001), &calls), [0; 0]);
}

#[test]
fn who_fails_more_often_than_it_may_is_ejected_whatever_the_others_do() {
    let calls = [(14, 86), (15, 85), (100, 0), (100, 0), (14, 86)];
    assert_eq!(ejected(&by_percentage(), &calls), [0, 4]);
}

#[test]
fn too_few_calls_or_too_few_backends_say_nothing() {
    let mut calls = [(100, 0); 5];
    calls[0] = (0, 99);
    assert_eq!(ejected(&by_rate(), &calls), [0; 0], "four have enough");
    calls[0] = (0, 100);
    assert_eq!(ejected(&by_rate(), &calls), [0]);
    let mut calls = [(50, 0); 5];
    calls[0] = (0, 49);
    assert_eq!(ejected(&by_percentage(), &calls), [0; 0]);
    calls[0] = (0, 50);
    assert_eq!(ejected(&by_percentage(), &calls), [0]);
    assert_eq!(ejected(&by_percentage(), &calls[..4]), [0; 0]);
    // No calls are no failures, even where none are needed.
    let eager = OutlierSettings {
        failure_percentage: Some(FailurePercentageEjection {
            minimum_hosts: 0,
            request_volume: 0,
            threshold: 0,
            enforcement_percentage: 100,
        }),
        ..by_percentage()
    };
    assert_eq!(ejected(&eager, &[(0, 0); 5]), [0; 0]);
    assert_eq!(ejected(&eager, &[]), [0; 0]);
}

#[test]
fn the_worst_go_first_and_one_goes_at_least() {
    let settings = OutlierSettings {
        max_ejection_percent: 10,
        ..by_percentage()
    };
    let calls = [(10, 90), (100, 0), (100, 0), (1, 99), (100, 0)];
    assert_eq!(ejected(&settings, &calls), [3]);
    let none = OutlierSettings {
        max_ejection_percent: 0,
        ..by_percentage()
    };
    assert_eq!(ejected(&none, &calls), [0; 0]);
}

#[test]
fn an_ejection_lasts_longer_each_time_up_to_the_longest() {
    let settings = OutlierSettings {
        max_ejection_time: seconds(70),
        ..by_percentage()
    };
    let mut hosts = vec![host(100, 0); 5];
    let mut now = Instant::now();
    let mut lasted = Vec::new();
    for _ in 0..4 {
        (hosts[0].successes, hosts[0].failures) = (0, 100);
        run(&settings, &mut hosts, now);
        assert!(hosts[0].is_ejected());
        let began = now;
        hosts[0].failures = 0;
        while hosts[0].is_ejected() {
            now += seconds(1);
            run(&settings, &mut hosts, now);
        }
        lasted.push((now - began).as_secs());
    }
    // Over when the time is past, not when it is there.
    assert_eq!(lasted, [31, 61, 71, 71]);
}

#[test]
fn intervals_in_use_make_the_next_ejection_shorter() {
    let settings = by_percentage();
    let mut hosts = vec![host(100, 0); 5];
    let mut now = Instant::now();
    for _ in 0..3 {
        hosts[0].failures = 1000;
        run(&settings, &mut hosts, now);
        hosts[0].failures = 0;
        now += seconds(400);
        run(&settings, &mut hosts, now);
        assert!(!hosts[0].is_ejected());
    }
    assert_eq!(hosts[0].multiplier_for_tests(), 3);
    run(&settings, &mut hosts, now);
    assert_eq!(hosts[0].multiplier_for_tests(), 2);
    for _ in 0..5 {
        run(&settings, &mut hosts, now);
    }
    assert_eq!(hosts[0].multiplier_for_tests(), 0);
}

#[test]
fn who_is_ejected_is_not_ejected_again_for_calls_that_end_only_now() {
    let both = OutlierSettings {
        success_rate: Some(SuccessRateEjection::default()),
        ..by_percentage()
    };
    let mut hosts = vec![host(100, 0); 10];
    hosts[0] = host(0, 100);
    let began = Instant::now();
    run(&both, &mut hosts, began);
    run(&both, &mut hosts, began + seconds(20));
    assert_eq!(hosts[0].multiplier_for_tests(), 1);
    hosts[0].failures = 0;
    run(&both, &mut hosts, began + seconds(31));
    assert!(!hosts[0].is_ejected(), "as long as the first time");
}

#[test]
fn turning_it_off_lets_everybody_back_with_a_clean_record() {
    let mut hosts = vec![host(100, 0); 5];
    hosts[0] = host(0, 100);
    run(&by_percentage(), &mut hosts, Instant::now());
    assert!(hosts[0].is_ejected());
    uneject_all(&mut hosts);
    assert!(!hosts[0].is_ejected());
    assert_eq!(hosts[0].multiplier_for_tests(), 0);
}

#[test]
fn enforcement_is_a_chance() {
    let with = |enforcement_percentage| OutlierSettings {
        failure_percentage: Some(FailurePercentageEjection {
            enforcement_percentage,
            ..FailurePercentageEjection::default()
        }),
        max_ejection_percent: 100,
        ..OutlierSettings::default()
    };
    let calls = [(0, 100); 1000];
    assert_eq!(ejected(&with(0), &calls).len(), 0);
    assert_eq!(ejected(&with(100), &calls).len(), 1000);
    let quarter = ejected(&with(25), &calls).len();
    assert!((200..300).contains(&quarter), "{quarter}");
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let mut settings = by_percentage();
    assert_eq!(settings.check(), Ok(()));
    settings.max_ejection_percent = 101;
    assert_eq!(
        settings.check().unwrap_err().to_string(),
        "maxEjectionPercent is 101 per cent: expected 0 to 100"
    );
    settings.max_ejection_percent = 100;
    settings.interval = Duration::ZERO;
    assert_eq!(
        settings.check().unwrap_err().to_string(),
        "interval is 0 s: expected more"
    );
}

/// Any settings, and several intervals of any calls.
fn histories() -> impl Strategy<Value = (OutlierSettings, Vec<Vec<(u64, u64)>>)> {
    let success = (0u32..4000, 0u32..=100, 0u32..8, 0u32..150).prop_map(
        |(stdev_factor, enforcement_percentage, minimum_hosts, request_volume)| {
            SuccessRateEjection {
                stdev_factor,
                enforcement_percentage,
                minimum_hosts,
                request_volume,
            }
        },
    );
    let failure = (0u32..=100, 0u32..=100, 0u32..8, 0u32..150).prop_map(
        |(threshold, enforcement_percentage, minimum_hosts, request_volume)| {
            FailurePercentageEjection {
                threshold,
                enforcement_percentage,
                minimum_hosts,
                request_volume,
            }
        },
    );
    let settings = (
        prop::option::of(success),
        prop::option::of(failure),
        0u32..=100,
        (1u64..60, 1u64..200),
    )
        .prop_map(
            |(success_rate, failure_percentage, percent, (base, max))| OutlierSettings {
                success_rate,
                failure_percentage,
                max_ejection_percent: percent,
                base_ejection_time: seconds(base),
                max_ejection_time: seconds(max),
                ..OutlierSettings::default()
            },
        );
    let calls = (1usize..20).prop_flat_map(|hosts| {
        let interval = prop::collection::vec((0u64..200, 0u64..200), hosts);
        prop::collection::vec(interval, 1..12)
    });
    (settings, calls)
}

proptest! {
    #[test]
    fn nobody_is_ejected_without_cause_beyond_the_bound_or_for_ever((settings, history) in histories()) {
        let mut hosts = vec![OutlierHost::default(); history[0].len()];
        let began = Instant::now();
        let mut since = vec![None; hosts.len()];
        let longest = settings.base_ejection_time.max(settings.max_ejection_time);
        for (interval, calls) in history.iter().enumerate() {
            let now = began + settings.interval * interval as u32;
            for (host, (successes, failures)) in hosts.iter_mut().zip(calls) {
                (host.successes, host.failures) = (*successes, *failures);
            }
            let before: Vec<_> = hosts.iter().map(OutlierHost::is_ejected).collect();
            let were = before.iter().filter(|ejected| **ejected).count();
            run(&settings, &mut hosts, now);
            let mut new = 0;
            for (i, host) in hosts.iter().enumerate() {
                if host.is_ejected() && !before[i] {
                    new += 1;
                    since[i] = Some(now);
                    prop_assert!(host.failures > 0, "{host:?}");
                    let volumes = [
                        settings.success_rate.map(|rule| rule.request_volume),
                        settings.failure_percentage.map(|rule| rule.request_volume),
                    ];
                    let least = volumes.into_iter().flatten().min().unwrap();
                    prop_assert!(host.calls() >= u64::from(least));
                }
                if host.is_ejected() {
                    prop_assert!(now - since[i].unwrap() <= longest);
                }
            }
            // The last one that was ejected was still within the bound.
            if new > 0 {
                let others = (were + new - 1) as u32;
                prop_assert!(others * 100 < settings.max_ejection_percent * hosts.len() as u32);
            }
        }
    }

    #[test]
    fn the_order_of_the_backends_decides_nothing(
        calls in prop::collection::hash_set(0u64..=100, 5..20),
        percent in 0u32..=100,
        rotate in 0usize..20,
    ) {
        let settings = OutlierSettings {
            success_rate: Some(SuccessRateEjection::default()),
            max_ejection_percent: percent,
            ..by_percentage()
        };
        // Rates that all differ: who is ejected is then a matter of the rates alone.
        let calls: Vec<_> = calls.into_iter().map(|s| (s, 100 - s)).collect();
        let mut turned = calls.clone();
        turned.rotate_left(rotate % calls.len());
        let rates = |calls: &[(u64, u64)]| {
            let mut rates: Vec<_> = ejected(&settings, calls).into_iter().map(|i| calls[i].0).collect();
            rates.sort_unstable();
            rates
        };
        prop_assert_eq!(rates(&calls), rates(&turned));
    }
}
