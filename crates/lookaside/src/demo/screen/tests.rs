use super::*;

#[test]
fn a_line_is_cut_to_the_terminal_without_counting_colours() {
    assert_eq!(clip("abcdef", 3), "abc");
    assert_eq!(clip("\x1b[32mabc\x1b[0mdef", 4), "\x1b[32mabc\x1b[0md");
    assert_eq!(clip("abc", 80), "abc");
}

#[test]
fn a_picture_covers_all_of_the_last_one() {
    let lines = ["a".to_owned(), "b".to_owned()];
    assert_eq!(over(0, &lines), "a\x1b[K\nb\x1b[K\n\x1b[J");
    assert_eq!(over(5, &lines), "\x1b[5Fa\x1b[K\nb\x1b[K\n\x1b[J");
}

#[test]
fn counts_leave_out_what_has_not_happened() {
    let mut frame = Frame {
        seen: Seen::default(),
        score: Score::default(),
        totals: Totals::default(),
    };
    assert_eq!(counts(&frame), "answered 0  failed 0");
    frame.totals.dropped = 2;
    frame.totals.lost = 1;
    frame.seen.balancer = "killed";
    assert_eq!(
        counts(&frame),
        "answered 0  dropped 2  lost with b 1  failed 0  balancer killed"
    );
}
