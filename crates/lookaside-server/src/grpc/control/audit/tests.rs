use std::net::Ipv4Addr;

use super::*;
use crate::testing::logged;

fn order(by: &str) -> Order {
    let mut request = Request::new(());
    request
        .extensions_mut()
        .insert(Peer::anyone(Ipv4Addr::LOCALHOST));
    Order {
        service: "orders".into(),
        kind: "drain",
        backend: "a".into(),
        value: "true".into(),
        ttl: Some(Duration::from_secs(600)),
        ..Order::new("set_override", &request, by, "disk is failing")
    }
}

#[test]
fn an_order_that_was_carried_out_is_a_line_with_all_of_its_fields() {
    let order = Order {
        revision: Some(7),
        ..order("alice")
    };
    let line = logged(|| Audit::default().close(&order, &Ok(()), "done"));
    assert_eq!(
        line,
        " INFO lookaside::audit: control order=\"set_override\" outcome=\"done\" \
         peer=\"127.0.0.1\" by=\"alice\" service=\"orders\" kind=\"drain\" backend=\"a\" \
         value=\"true\" ttl=600.0 reason=\"disk is failing\" revision=7\n"
    );
}

#[test]
fn a_refused_order_says_why_and_nothing_in_it_makes_a_line_of_its_own() {
    let order = order("mallory\n INFO lookaside::audit: control order=\"forged\"");
    let refused = Err::<(), _>(Status::not_found("no such\nbackend"));
    let text = logged(|| Audit::default().close(&order, &refused, "done"));
    assert_eq!(text.lines().count(), 1, "{text}");
    for part in [
        "outcome=\"refused\"",
        "code=NotFound",
        r#"error="no such\nbackend""#,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn whoever_may_order_nothing_does_not_fill_the_log() {
    let order = order(&"é".repeat(4000));
    let denied = Err::<(), _>(Status::permission_denied("no"));
    let audit = Audit::default();
    let text = logged(|| {
        for _ in 0..1000 {
            audit.close(&order, &denied, "done");
        }
        // Others are not held up by it.
        audit.close(&order, &Ok(()), "done");
    });
    assert_eq!(text.lines().count(), DENIED as usize + 1);
    assert!(text.lines().all(|line| line.len() < 1000), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_back_is_counted() {
    let audit = Audit::default();
    let start = Instant::now();
    for _ in 0..DENIED {
        assert_eq!(audit.pass(start), Some(0));
    }
    for _ in 0..3 {
        assert_eq!(audit.pass(start), None);
    }
    assert_eq!(audit.pass(start + WINDOW), Some(3));
    assert_eq!(audit.pass(start + WINDOW), Some(0));
}
