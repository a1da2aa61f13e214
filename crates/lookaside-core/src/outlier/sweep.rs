use std::time::Instant;

use super::{FailurePercentageEjection, OutlierHost, OutlierSettings, SuccessRateEjection};

/// Looks at the calls of an interval that ends `now`: ejects outliers, and lets those back
/// whose time is over. Settings are taken as checked.
///
/// As A50 has it, but in a better order: where fewer may be ejected than deserve it, the
/// worst are, and not whoever comes first. An ejected backend is not ejected again for calls
/// that end only now.
pub fn sweep(
    settings: &OutlierSettings,
    hosts: &mut [&mut OutlierHost],
    now: Instant,
    rng: &mut fastrand::Rng,
) {
    if let Some(rule) = &settings.success_rate {
        by_success_rate(settings, rule, hosts, now, rng);
    }
    if let Some(rule) = &settings.failure_percentage {
        by_failure_percentage(settings, rule, hosts, now, rng);
    }
    for host in hosts {
        host.pass(settings, now);
    }
}

/// Lets everybody back and forgets what was: ejection has been turned off.
pub fn uneject_all<'a>(hosts: impl IntoIterator<Item = &'a mut OutlierHost>) {
    for host in hosts {
        host.absolve();
    }
}

fn by_success_rate(
    settings: &OutlierSettings,
    rule: &SuccessRateEjection,
    hosts: &mut [&mut OutlierHost],
    now: Instant,
    rng: &mut fastrand::Rng,
) {
    let Some(candidates) = with_volume(hosts, rule.request_volume, rule.minimum_hosts) else {
        return;
    };
    let rates: Vec<f64> = candidates
        .iter()
        .map(|i| hosts[*i].success_rate())
        .collect();
    let mean = rates.iter().sum::<f64>() / rates.len() as f64;
    // Of all there are, not of a sample of them.
    let variance = rates.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / rates.len() as f64;
    let required = mean - variance.sqrt() * f64::from(rule.stdev_factor) / 1000.0;
    eject(settings, hosts, candidates, now, |host| {
        host.success_rate() < required && chance(rule.enforcement_percentage, rng)
    });
}

fn by_failure_percentage(
    settings: &OutlierSettings,
    rule: &FailurePercentageEjection,
    hosts: &mut [&mut OutlierHost],
    now: Instant,
    rng: &mut fastrand::Rng,
) {
    let Some(candidates) = with_volume(hosts, rule.request_volume, rule.minimum_hosts) else {
        return;
    };
    eject(settings, hosts, candidates, now, |host| {
        let too_many =
            u128::from(host.failures) * 100 > u128::from(host.calls()) * u128::from(rule.threshold);
        too_many && chance(rule.enforcement_percentage, rng)
    });
}

/// Those with calls enough, the worst first; none if there are too few of them.
fn with_volume(hosts: &[&mut OutlierHost], volume: u32, minimum: u32) -> Option<Vec<usize>> {
    let enough = |host: &OutlierHost| host.calls() > 0 && host.calls() >= u64::from(volume);
    let mut found: Vec<_> = (0..hosts.len()).filter(|i| enough(hosts[*i])).collect();
    if found.is_empty() || found.len() < minimum as usize {
        return None;
    }
    found.sort_by(|a, b| f64::total_cmp(&hosts[*a].success_rate(), &hosts[*b].success_rate()));
    Some(found)
}

fn eject(
    settings: &OutlierSettings,
    hosts: &mut [&mut OutlierHost],
    candidates: Vec<usize>,
    now: Instant,
    mut guilty: impl FnMut(&OutlierHost) -> bool,
) {
    let mut ejected = hosts.iter().filter(|host| host.is_ejected()).count() as u64;
    let (all, most) = (hosts.len() as u64, u64::from(settings.max_ejection_percent));
    for candidate in candidates {
        if ejected * 100 >= most * all {
            return;
        }
        let host = &mut *hosts[candidate];
        if !host.is_ejected() && guilty(host) {
            host.eject(now);
            ejected += 1;
        }
    }
}

fn chance(percent: u32, rng: &mut fastrand::Rng) -> bool {
    rng.u32(0..100) < percent
}

#[cfg(test)]
mod tests;
