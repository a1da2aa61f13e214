use super::*;

fn drops(categories: &[&str]) -> Drops {
    Drops::new(categories.iter().map(|category| Drop {
        category: (*category).into(),
        per_million: 1,
    }))
    .unwrap()
}

#[test]
fn a_reported_drop_is_found_with_and_without_a_variant() {
    let drops = drops(&["overload", "beta.low"]);
    assert_eq!(drops.find("overload"), Some(0));
    assert_eq!(drops.find("overload.x-9"), Some(0));
    assert_eq!(drops.find("beta.low"), Some(1), "a category with dots");
    assert_eq!(drops.find("beta.low._A0"), Some(1));
    assert_eq!(drops.find("beta"), None);
    assert_eq!(drops.find("overload.long"), None);
}

#[test]
fn no_variant_makes_one_category_read_as_another() {
    let other = format!("x.{}", Variant::random(&mut fastrand::Rng::with_seed(3)));
    let drops = drops(&["x", &other]);
    let variant = drops.variant(&mut fastrand::Rng::with_seed(3));
    for (index, drop) in drops.as_slice().iter().enumerate() {
        let token = drop.token().with_variant(variant);
        assert_eq!(drops.find(token.as_str()), Some(index), "{token}");
    }
}
