use std::time::{Duration, SystemTime};

use super::{super::Facts, seen};
use crate::{
    doctor::{Finding, facts::Certificate},
    output::ago,
};

/// Whoever renews certificates of 90 days does so a month before their end: less is late.
const SOON: Duration = Duration::from_secs(21 * 86_400);

/// Of a short life, so much of it: those of a day are renewed at half of it.
const SOON_SHARE: u32 = 4;

/// The certificates that balancers show.
pub(super) fn shown(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut plain = 0;
    for (address, seen) in seen(facts) {
        match &seen.certificate {
            None => plain += 1,
            Some(Ok(certificate)) => findings.push(judge(
                address.to_string(),
                certificate,
                facts.now,
                "renew it in [tls] cert: the balancer reads the file again by itself",
            )),
            Some(Err(error)) => findings.push(
                Finding::fail("certificate", address, error)
                    .advise("look at [tls] of the balancer, and at --ca"),
            ),
        }
    }
    if plain > 0 {
        let text = "balancers were asked without TLS: --ca FILE where they have it";
        findings.push(Finding::skip("certificate", text));
    }
    findings
}

/// The files that flags and configuration name.
pub(super) fn files(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &facts.files {
        let subject = format!("{} {}", file.named_by, file.path);
        match &file.read {
            Err(error) => findings.push(
                Finding::fail("certificate", subject, error)
                    .advise("put a certificate in PEM there, readable by whoever runs this"),
            ),
            Ok(certificates) => {
                // The first that ends takes the others with it.
                let first = certificates.iter().min_by_key(|it| it.not_after);
                let advice = "put a new one into the file";
                findings.extend(first.map(|it| judge(subject, it, facts.now, advice)));
            }
        }
    }
    findings
}

fn judge(subject: String, it: &Certificate, now: SystemTime, advice: &str) -> Finding {
    let name = &it.subject;
    let check = "certificate";
    if let Ok(until) = it.not_before.duration_since(now)
        && !until.is_zero()
    {
        let message = format!("{name} is not valid for another {}", ago(until));
        return Finding::fail(check, subject, message)
            .advise("look at the clocks of whoever made it and of this machine");
    }
    let Ok(left) = it.not_after.duration_since(now) else {
        let since = now.duration_since(it.not_after).unwrap_or_default();
        let message = format!("{name} expired {} ago", ago(since));
        return Finding::fail(check, subject, message).advise(advice);
    };
    let life = it.not_after.duration_since(it.not_before);
    let soon = SOON.min(life.unwrap_or_default() / SOON_SHARE);
    if left < soon {
        let message = format!("{name} expires in {}", ago(left));
        return Finding::warn(check, subject, message).advise(advice);
    }
    Finding::ok(check, subject, format!("{name} is valid for {}", ago(left)))
}
