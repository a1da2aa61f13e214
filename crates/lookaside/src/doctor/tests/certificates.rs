use super::*;

#[test]
fn a_certificate_is_judged_by_what_is_left_of_its_life() {
    let judged = |before: SystemTime, after: SystemTime| {
        let mut facts = facts();
        let certificate = Certificate {
            subject: "CN=lb".to_owned(),
            not_before: before,
            not_after: after,
        };
        for it in &mut facts.balancers {
            it.seen.as_mut().unwrap().certificate = Some(Ok(certificate.clone()));
        }
        troubles(&facts).into_iter().next().unwrap_or_default()
    };
    let hour = DAY / 24;
    assert_eq!(judged(now() - 60 * DAY, now() + 30 * DAY), "");
    let soon = judged(now() - 70 * DAY, now() + 20 * DAY);
    assert_eq!(soon, "Warn certificate/lb:1: CN=lb expires in 20d 0h");
    // One that lives a day is renewed at half of it.
    assert_eq!(judged(now() - 12 * hour, now() + 12 * hour), "");
    let soon = judged(now() - 20 * hour, now() + 4 * hour);
    assert_eq!(soon, "Warn certificate/lb:1: CN=lb expires in 4h 0m");
    let expired = judged(now() - 2 * DAY, now() - DAY);
    assert_eq!(expired, "Fail certificate/lb:1: CN=lb expired 1d 0h ago");
    let early = judged(now() + DAY, now() + 3 * DAY);
    assert_eq!(
        early,
        "Fail certificate/lb:1: CN=lb is not valid for another 1d 0h"
    );
}

#[test]
fn of_a_file_the_certificate_that_ends_first_counts() {
    let mut facts = facts();
    let until = |days| Certificate {
        subject: format!("CN={days}"),
        not_before: now() - 100 * DAY,
        not_after: now() + days * DAY,
    };
    let file = |read| CertificateFile {
        named_by: "tls.cert",
        path: "/c.pem".to_owned(),
        read,
    };
    facts.files = vec![file(Ok(vec![until(300), until(3)]))];
    one(
        &facts,
        "Warn certificate/tls.cert /c.pem: CN=3 expires in 3d 0h",
    );
    facts.files = vec![file(Err("no such file".to_owned()))];
    one(&facts, "Fail certificate/tls.cert /c.pem: no such file");
}
