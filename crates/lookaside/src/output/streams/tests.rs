use super::*;

fn seconds_ago(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

fn answer() -> ListStreamsResponse {
    let go = Stream {
        id: 3,
        service: "orders".to_owned(),
        peer: "10.0.0.7:51234".to_owned(),
        user_agent: "grpc-go/1.65.0".to_owned(),
        age: seconds_ago(7500),
        state: "current".to_owned(),
        plan: "slots".to_owned(),
        plan_version: 4,
        revision: 17,
        sent_age: seconds_ago(75),
        rotation: 2,
        pushes: 4,
        reports: 750,
        calls_started: 120_000,
        ..Stream::default()
    };
    let stuck = Stream {
        id: 12,
        service: "orders".to_owned(),
        peer: "10.0.0.8:40000".to_owned(),
        identity: "spiffe://prod/web".to_owned(),
        age: seconds_ago(60),
        state: "stuck".to_owned(),
        reason: "2900 bytes not read 12 s after they were sent".to_owned(),
        plan: "fallback".to_owned(),
        sent_age: seconds_ago(12),
        pushes: 1,
        ..Stream::default()
    };
    ListStreamsResponse {
        streams: vec![go, stuck],
        total: 5230,
        next_page_token: "12/orders".to_owned(),
    }
}

fn written(answer: &ListStreamsResponse) -> String {
    let mut out = Vec::new();
    write_streams(&mut out, answer).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn streams_are_shown_in_aligned_columns_and_how_many_are_not_shown() {
    assert_eq!(
        written(&answer()),
        "\
STREAM  SERVICE  PEER                              USER AGENT      OPEN FOR  PLAN      REVISION  SENT AGO  ROTATION  PUSHES  REPORTS   CALLS  STATE
     3  orders   10.0.0.7:51234                    grpc-go/1.65.0     2h 5m  4               17    1m 15s         2       4      750  120000  current
    12  orders   10.0.0.8:40000 spiffe://prod/web  -                  1m 0s  fallback         0       12s         -       1        0       0  stuck (2900 bytes not read 12 s after they were sent)

2 of 5230 streams: --limit shows more, --peer and a service narrow it down
"
    );
}

#[test]
fn no_streams_are_said_to_be_none() {
    assert_eq!(written(&ListStreamsResponse::default()), "no streams\n");
}

#[test]
fn json_has_every_field_and_times_that_are_unset_are_null() {
    let json = serde_json::to_value(StreamsJson::from(&answer())).unwrap();
    assert_eq!(json["total"], 5230);
    let [go, stuck] = [&json["streams"][0], &json["streams"][1]];
    assert_eq!(go["sent_age_seconds"], 75.0);
    assert_eq!(go["user_agent"], "grpc-go/1.65.0");
    assert_eq!(go["reported_at"], serde_json::Value::Null);
    assert_eq!(stuck["state"], "stuck");
    assert_eq!(stuck["identity"], "spiffe://prod/web");
    // All but one of the message's fields, under their names, and two in seconds.
    assert_eq!(go.as_object().unwrap().len(), 20);
}
