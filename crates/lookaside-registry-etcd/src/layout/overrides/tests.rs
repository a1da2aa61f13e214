use super::*;

fn put(layout: &OverrideKeys, key: &str, value: &str) -> Entry {
    let it = KeyValue {
        key: key.into(),
        value: value.into(),
        mod_revision: 7,
    };
    layout.entry(&it, None)
}

#[test]
fn an_unreadable_override_is_shown_and_harms_no_neighbour() {
    let layout = OverrideKeys {
        prefix: "over/".into(),
    };
    let service = layout.service(b"over/shop/orders/weight/a").unwrap();
    assert_eq!(service.as_str(), "shop/orders");
    let entries = [
        put(
            &layout,
            "over/shop/orders/drain/a",
            r#"{"value":true,"by":"alice"}"#,
        ),
        put(&layout, "over/shop/orders/weight/a", r#"{"value":-1}"#),
        put(&layout, "over/shop/orders/weight/b", r#"{"value":3}"#),
    ];
    let overrides = layout.assemble(entries.iter());
    let [problem] = &overrides.problems[..] else {
        panic!("{overrides:?}");
    };
    assert_eq!(&*problem.key, "over/shop/orders/weight/a");
    assert!(problem.reason.contains("a whole number"), "{problem:?}");
    let a = &overrides.backends["a"];
    let note = &a.drain.as_ref().unwrap().note;
    assert_eq!((note.by.as_deref(), note.revision), (Some("alice"), 7));
    assert!(a.weight.is_none());
    assert_eq!(overrides.backends["b"].weight.as_ref().unwrap().value, 3);
    assert!(layout.service(b"over/orders/cordon/a").is_err());
}
