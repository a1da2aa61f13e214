use lookaside_proto::v1::{Backend, Stream};

use super::*;

fn step(name: &str, text: &str) -> Step {
    Step {
        name: name.to_owned(),
        text: text.to_owned(),
    }
}

fn explained() -> ExplainResponse {
    let stream = |id, peer: &str, calls_before, text: &str| ExplainedStream {
        stream: Some(Stream {
            id,
            peer: peer.to_owned(),
            ..Stream::default()
        }),
        is_current: true,
        first_slot: 2,
        first: "b".to_owned(),
        calls_before,
        text: text.to_owned(),
    };
    ExplainResponse {
        service: "orders".to_owned(),
        summary: "a gets 75.0 % of the calls of orders".to_owned(),
        backend: Some(Backend {
            id: "a".to_owned(),
            ..Backend::default()
        }),
        steps: vec![
            step("registered", "key k at revision 7"),
            step("share", "75.000 %"),
        ],
        weight: 3,
        streams: vec![
            stream(3, "10.0.0.7:51234", Some(1), "its list begins at slot 2"),
            stream(12, "10.0.0.7:4000", None, "it is not in it"),
        ],
        streams_total: 30,
        ..ExplainResponse::default()
    }
}

#[test]
fn an_explanation_is_a_sentence_its_steps_and_what_clients_do() {
    let mut out = Vec::new();
    write_explanation(&mut out, &explained()).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "\
a gets 75.0 % of the calls of orders

STEP        WHAT IT COMES TO
registered  key k at revision 7
share       75.000 %

STREAM  PEER            WHAT ITS CLIENT DOES
     3  10.0.0.7:51234  its list begins at slot 2
    12  10.0.0.7:4000   it is not in it

2 of 30 streams
"
    );
}

#[test]
fn json_tells_no_slot_from_the_very_next_one() {
    let json = serde_json::to_value(ExplanationJson::from(&explained())).unwrap();
    assert_eq!(json["steps"][0]["name"], "registered");
    assert_eq!(json["backend"]["id"], "a");
    assert_eq!(json["streams"][0]["calls_before"], 1);
    assert_eq!(json["streams"][1]["calls_before"], serde_json::Value::Null);
    assert_eq!(json["streams"][0]["stream"]["id"], 3);
    assert_eq!(json["streams_total"], 30);
}
