use super::*;

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn a_tick_is_a_tenth_of_the_limit() {
    let patience = Patience::new(LIMIT, 0);
    assert_eq!(patience.tick(), Duration::from_secs(3));
    let before = patience.now();
    patience.advance();
    assert_eq!(patience.now(), before + 1);
    let tiny = Patience::new(Duration::from_nanos(1), 0);
    assert!(!tiny.tick().is_zero());
}

#[test]
fn the_largest_list_has_time_at_the_default_rate_and_no_more_than_that() {
    let patience = Patience::new(LIMIT, 64 * 1024);
    let largest = 3_500 * 1024;
    let seconds = |seconds: u32| patience.is_over(0, seconds / 3, largest);
    assert!(!seconds(30 + 54));
    assert!(seconds(30 + 54 + 6));
    assert!(patience.is_over(11, 11, largest), "it stands still");
    assert!(!patience.is_over(10, 10, largest));
}
