use lookaside_proto::v1::{self, find_token_response::Signature};

use super::{format::ago, *};
use crate::probe::{Second, Tally};

fn service() -> v1::Service {
    v1::Service {
        name: "orders".to_owned(),
        plan: "slots".to_owned(),
        plan_version: 3,
        revision: 17,
        slots: 4,
        streams: 1,
        age: Some(prost_types::Duration {
            seconds: 75,
            nanos: 0,
        }),
        backends: vec![
            v1::Backend {
                id: "a".to_owned(),
                address: "10.0.0.1:80".to_owned(),
                resolved: vec!["10.0.0.1:80".to_owned()],
                weight: 3,
                slots: 3,
                share_percent: 75.0,
                state: "serving".to_owned(),
                token: "0abc".to_owned(),
                ..v1::Backend::default()
            },
            v1::Backend {
                id: "long-name".to_owned(),
                address: "b.example:80".to_owned(),
                resolved: vec!["10.0.0.2:80".to_owned(), "10.0.0.3:80".to_owned()],
                weight: 100,
                slots: 1,
                share_percent: 25.0,
                zone: "z".to_owned(),
                state: "draining".to_owned(),
                reason: "by its own word".to_owned(),
                token: "0def".to_owned(),
                ..v1::Backend::default()
            },
        ],
        drops: vec![v1::Drop {
            category: "overload".to_owned(),
            percent: 25.0,
            slots: 1,
            actual_percent: 20.0,
        }],
        problems: vec![v1::Problem {
            key: "services/orders/x".to_owned(),
            reason: "no address".to_owned(),
            revision: 9,
        }],
        ..v1::Service::default()
    }
}

fn written(service: &v1::Service) -> String {
    let mut out = Vec::new();
    write_service(&mut out, service).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_service_is_shown_in_aligned_columns() {
    assert_eq!(
        written(&service()),
        "\
orders: 4 slots, for 1m 15s, plan 3, revision 17, 1 stream

BACKEND    ADDRESS                                 WEIGHT  SLOTS   SHARE  ZONE  FOR  STATE                       TOKEN
a          10.0.0.1:80                                  3      3  75.0 %  -       -  serving                     0abc
long-name  b.example:80 = 10.0.0.2:80 10.0.0.3:80     100      1  25.0 %  z       -  draining (by its own word)  0def

DROP      WANTED  ACTUAL  SLOTS
overload  25.0 %  20.0 %      1

PROBLEM WITH KEY   REASON
services/orders/x  no address
"
    );
}

#[test]
fn a_service_without_a_list_says_why() {
    let service = v1::Service {
        name: "orders".to_owned(),
        plan: "fallback".to_owned(),
        reason: "no backend is registered".to_owned(),
        ..v1::Service::default()
    };
    assert_eq!(
        written(&service),
        "orders: fallback (no backend is registered), plan 0, revision 0, 0 streams\n"
    );
}

#[test]
fn json_has_every_field_whatever_is_unset() {
    let json = serde_json::to_value(ServiceJson::from(&service())).unwrap();
    assert_eq!(json["age_seconds"], 75.0);
    assert_eq!(json["changed_at"], serde_json::Value::Null);
    assert_eq!(json["backends"][1]["resolved"][1], "10.0.0.3:80");
    assert_eq!(json["drops"][0]["actual_percent"], 20.0);
    assert_eq!(json["problems"][0]["key"], "services/orders/x");
    assert_eq!(json["reported"]["calls_started"], 0);

    let empty = v1::GetStatusResponse::default();
    let json = serde_json::to_value(ServicesJson::new(&empty, &[])).unwrap();
    assert_eq!(json["balancer"]["registry"], serde_json::Value::Null);
    assert_eq!(json["balancer"]["token_keys"], serde_json::json!([]));
    assert_eq!(json["services"], serde_json::json!([]));
}

#[test]
fn a_balancer_is_described_in_a_line() {
    let status = v1::GetStatusResponse {
        version: "1.2.3".to_owned(),
        ready: true,
        open_streams: 2,
        problems: 1,
        registry: Some(v1::Registry {
            url: "etcd://a:1".to_owned(),
            state: v1::registry::State::Stale.into(),
            revision: 5,
            age: Some(prost_types::Duration {
                seconds: 3,
                nanos: 0,
            }),
            error: "refused".to_owned(),
        }),
        ..v1::GetStatusResponse::default()
    };
    let mut out = Vec::new();
    write_services(&mut out, &status, &[]).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "lookaside 1.2.3: ready, 2 streams, 1 problem in the registry, \
         etcd://a:1 STALE for 3.0s at revision 5 (refused)\nno services\n"
    );
}

#[test]
fn keys_of_no_service_are_shown_with_the_balancer() {
    let status = v1::GetStatusResponse {
        version: "1.2.3".to_owned(),
        ready: true,
        problems: 1,
        stray_problems: vec![v1::Problem {
            key: "services/x".to_owned(),
            reason: "no id".to_owned(),
            revision: 7,
        }],
        ..v1::GetStatusResponse::default()
    };
    let table = "\nPROBLEM WITH KEY  REASON\nservices/x        no id\n";
    let mut out = Vec::new();
    write_services(&mut out, &status, &[]).unwrap();
    let services = String::from_utf8(out).unwrap();
    assert!(
        services.ends_with(&format!("no services\n{table}")),
        "{services}"
    );
    let mut out = Vec::new();
    write_status(&mut out, &status).unwrap();
    let status_text = String::from_utf8(out).unwrap();
    assert!(status_text.ends_with(table), "{status_text}");
    let json = serde_json::to_value(StatusJson::from(&status)).unwrap();
    assert_eq!(json["stray_problems"][0]["key"], "services/x");
}

#[test]
fn the_keys_of_a_balancer_are_shown_by_their_ids() {
    let headline = |keys: &[&str]| {
        let status = v1::GetStatusResponse {
            version: "1.2.3".to_owned(),
            ready: true,
            token_keys: keys.iter().map(ToString::to_string).collect(),
            ..v1::GetStatusResponse::default()
        };
        let mut out = Vec::new();
        write_services(&mut out, &status, &[]).unwrap();
        String::from_utf8(out).unwrap()
    };
    let one = "lookaside 1.2.3: ready, 0 streams, tokens signed with key 1a";
    assert_eq!(headline(&["1a"]), format!("{one}\nno services\n"));
    let several = format!("{one} (also in force: 2b, 3c)\nno services\n");
    assert_eq!(headline(&["1a", "2b", "3c"]), several);
}

#[test]
fn a_token_is_told_by_whom_it_names_and_what_it_is_worth() {
    let told = |signature: Signature, key: &str, current| {
        let found = v1::FindTokenResponse {
            service: "orders".to_owned(),
            id: "a".to_owned(),
            address: "10.0.0.1:80".to_owned(),
            signature: signature.into(),
            key: key.to_owned(),
            current,
        };
        let mut out = Vec::new();
        write_token(&mut out, &found).unwrap();
        let json = serde_json::to_value(TokenJson::from(&found)).unwrap();
        let signature = json["signature"].as_str().unwrap().to_owned();
        (String::from_utf8(out).unwrap(), signature)
    };
    let (text, json) = told(Signature::Valid, "1a", true);
    let expected = "backend a of orders at 10.0.0.1:80\nsigned with key 1a; clients get it now\n";
    assert_eq!((&*text, &*json), (expected, "valid"));
    let (text, json) = told(Signature::None, "", false);
    assert!(text.ends_with("unsigned: it proves nothing; clients get another one now\n"));
    assert_eq!(json, "none");
    let (text, json) = told(Signature::UnknownKey, "", false);
    assert!(text.contains("no key of this balancer"), "{text}");
    assert_eq!(json, "unknown_key");
}

#[test]
fn a_probe_prints_a_line_a_second_and_the_shares_at_the_end() {
    let tally = Tally {
        ok: [
            ("a|0x".to_owned(), 2),
            ("a|0x.v".to_owned(), 1),
            ("b|".to_owned(), 1),
        ]
        .into(),
        err: [("UNAVAILABLE: gone".to_owned(), 2)].into(),
    };
    let second = Second {
        t: 1.0,
        state: "READY",
        mode: "balancer",
        ok: &tally.ok,
        err: &tally.err,
    };
    let mut out = Vec::new();
    let mut lines = ProbeLines::default();
    lines.write(&mut out, &second, &tally).unwrap();
    lines.write_total(&mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "   TIME  STATE              MODE            OK  FAILED  ANSWERED BY
   1.0s  READY              balancer         4       2  a 3  b 1
              2 x UNAVAILABLE: gone

6 calls, 2 failed
BACKEND  CALLS   SHARE
a            3  75.0 %
b            1  25.0 %
"
    );
}

#[test]
fn ages_have_two_units_at_most() {
    let shown = |s: f64| ago(std::time::Duration::from_secs_f64(s));
    assert_eq!(shown(0.25), "0.2s");
    assert_eq!(shown(12.9), "12s");
    assert_eq!(shown(75.0), "1m 15s");
    assert_eq!(shown(7500.0), "2h 5m");
    assert_eq!(shown(273_600.0), "3d 4h");
}

#[test]
fn an_ejected_backend_is_shown_with_its_reason_and_since_when() {
    let mut service = service();
    let since = std::time::SystemTime::now() - std::time::Duration::from_secs(75);
    let ejection = v1::Ejection {
        address: "10.0.0.1:80".to_owned(),
        reason: "connection refused".to_owned(),
        since: Some(since.into()),
    };
    service.backends[0].state = "ejected".to_owned();
    service.backends[0].reason = "connection refused".to_owned();
    service.backends[0].ejections = vec![ejection];
    let text = written(&service);
    assert!(
        text.contains("ejected (connection refused; for 1m 1"),
        "{text}"
    );
}
