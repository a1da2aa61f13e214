use super::*;

fn drop(category: &str, per_million: u32) -> Drop {
    Drop {
        category: category.into(),
        per_million,
    }
}

#[test]
fn drops_add_up_to_at_most_all_calls() {
    assert!(Drops::new([drop("a", 400_000), drop("b", 600_000)]).is_ok());
    let error = Drops::new([drop("a", 400_000), drop("b", 600_001)]).unwrap_err();
    assert_eq!(error, DropsError::Sum(1_000_001));
    assert!(Drops::new([drop("a", u32::MAX), drop("b", u32::MAX)]).is_err());
}

#[test]
fn a_category_is_a_printable_word_that_leaves_room_for_a_variant() {
    assert!(Drops::new([drop(&"x".repeat(40), 1)]).is_ok());
    for bad in ["", "a b", "é", "a\n", &"x".repeat(41)] {
        assert!(
            matches!(Drops::new([drop(bad, 1)]), Err(DropsError::Category(_))),
            "{bad:?}"
        );
    }
    assert!(matches!(
        Drops::new([drop("a", 1), drop("a", 2)]),
        Err(DropsError::Duplicate(_))
    ));
}

#[test]
fn a_share_of_zero_is_no_drop() {
    assert!(Drops::new([drop("a", 0)]).unwrap().as_slice().is_empty());
}
