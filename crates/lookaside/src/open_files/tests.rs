use super::*;

#[test]
fn connections_leave_files_for_everything_else() {
    assert_eq!(within(60_100, Some(19_744)), 19_744);
    assert_eq!(within(0, Some(19_744)), 19_744);
    assert_eq!(within(100, Some(19_744)), 100);
    assert_eq!(within(0, None), 0);
    let room = raise_limit(1);
    assert!(room.is_none_or(|room| room > 0), "{room:?}");
}
