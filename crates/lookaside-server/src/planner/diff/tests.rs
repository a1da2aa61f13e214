use super::*;

#[test]
fn what_came_went_or_was_replaced_is_found() {
    let kept = Arc::new(0);
    let map = |entries: &[(&str, &Arc<i32>)]| -> BTreeMap<_, _> {
        entries
            .iter()
            .map(|(name, value)| (ServiceName::new(name).unwrap(), Arc::clone(value)))
            .collect()
    };
    let old = map(&[
        ("a", &Arc::new(1)),
        ("c", &kept),
        ("d", &Arc::new(1)),
        ("f", &Arc::new(1)),
    ]);
    let new = map(&[
        ("b", &Arc::new(1)),
        ("c", &kept),
        ("d", &Arc::new(1)),
        ("e", &Arc::new(1)),
    ]);
    let none = BTreeMap::new();
    let diff = |old, new| {
        let mut names = Vec::new();
        changed(old, new, |name| names.push(name.to_string()));
        names
    };
    assert_eq!(diff(&old, &new), ["a", "b", "d", "e", "f"]);
    assert_eq!(diff(&old, &old), [""; 0]);
    assert_eq!(diff(&none, &old), ["a", "c", "d", "f"]);
    assert_eq!(diff(&old, &none), ["a", "c", "d", "f"]);
}
