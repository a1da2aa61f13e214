use super::*;

#[test]
fn the_fourth_stream_in_a_second_for_one_name_is_refused_until_the_second_is_over() {
    let orders = ServiceName::new("orders").unwrap();
    let users = ServiceName::new("users").unwrap();
    let reopens = Reopens::default();
    let start = Instant::now();
    let open = |name, ms| reopens.open(name, 3, start + Duration::from_millis(ms));
    assert_eq!([0, 300, 600].map(|ms| open(&orders, ms)), [true; 3]);
    assert!(!open(&orders, 999));
    assert!(open(&users, 999));
    assert!(open(&orders, 1000));
    assert!(
        !open(&orders, 1299),
        "refused streams do not count, admitted ones do"
    );
    assert!(open(&orders, 1300));
}

#[test]
fn it_can_be_off_and_is_bounded() {
    let reopens = Reopens::default();
    let now = Instant::now();
    let name = |i: usize| ServiceName::new(&format!("n{i}")).unwrap();
    assert!((0..10).all(|_| reopens.open(&name(0), 0, now)));
    for i in 0..10 * MAX_REMEMBERED {
        assert!(reopens.open(&name(i), 3, now));
    }
    assert!(reopens.recent.lock().unwrap().len() <= MAX_REMEMBERED);
}
