use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn waits(entrance: Entrance) -> (Place, oneshot::Receiver<()>) {
    match entrance {
        Entrance::Wait(place, told) => (place, told),
        other => panic!("{other:?}"),
    }
}

fn begins(entrance: Entrance) {
    assert!(matches!(entrance, Entrance::Begin), "{entrance:?}");
}

/// Whether each of these has been told to begin.
fn told(waiting: &mut [oneshot::Receiver<()>]) -> Vec<bool> {
    waiting.iter_mut().map(|it| it.try_recv().is_ok()).collect()
}

#[test]
fn a_second_of_tokens_is_there_at_once_and_more_come_evenly() {
    let start = Instant::now();
    let mut pace = Pace::new(10, SECOND, start);
    let turns: Vec<_> = (0..15).map(|_| Turn::default()).collect();
    for turn in &turns[..10] {
        begins(pace.enter(turn, start));
    }
    let mut rest: Vec<_> = turns[10..]
        .iter()
        .map(|turn| waits(pace.enter(turn, start)).1)
        .collect();
    for n in 0..5 {
        let next = pace.advance(start + SECOND / 10 * n);
        assert_eq!(next, Some(start + SECOND / 10 * (n + 1)));
        let begun = told(&mut rest).into_iter().filter(|begun| *begun).count();
        assert_eq!(begun, usize::from(n > 0), "after {n} tenths");
    }
}

#[test]
fn an_idle_bucket_fills_to_one_second_and_no_more() {
    let now = Instant::now();
    let mut pace = Pace::new(2, SECOND, now);
    let later = now + 60 * SECOND;
    let turn = Turn::default();
    begins(pace.enter(&turn, later));
    begins(pace.enter(&turn, later));
    waits(pace.enter(&turn, later));
}

#[test]
fn zero_is_no_limit() {
    let now = Instant::now();
    let mut pace = Pace::new(0, SECOND, now);
    let turn = Turn::default();
    for _ in 0..100_000 {
        begins(pace.enter(&turn, now));
    }
}

#[test]
fn whoever_asks_for_little_goes_before_whoever_asks_for_much() {
    let start = Instant::now();
    let mut pace = Pace::new(10, 2 * SECOND, start);
    let (greedy, modest) = (Turn::default(), Turn::default());
    for _ in 0..10 {
        begins(pace.enter(&greedy, start));
    }
    let mut of_greedy: Vec<_> = (0..10)
        .map(|_| waits(pace.enter(&greedy, start)).1)
        .collect();
    let mut of_modest: Vec<_> = (0..2)
        .map(|_| waits(pace.enter(&modest, start)).1)
        .collect();
    pace.advance(start + SECOND * 3 / 10);
    assert_eq!(told(&mut of_modest), [true, true]);
    assert_eq!(told(&mut of_greedy)[..2], [true, false]);
}

#[test]
fn a_full_queue_refuses_whoever_asked_for_most() {
    let start = Instant::now();
    let mut pace = Pace::new(1, 3 * SECOND, start);
    let (greedy, modest, late) = (Turn::default(), Turn::default(), Turn::default());
    begins(pace.enter(&greedy, start));
    let mut of_greedy: Vec<_> = (0..3)
        .map(|_| waits(pace.enter(&greedy, start)).1)
        .collect();
    assert!(matches!(pace.enter(&greedy, start), Entrance::Full));
    // A stream of another connection takes the place of the greedy one's last.
    waits(pace.enter(&modest, start));
    waits(pace.enter(&late, start));
    let refused =
        |it: &mut oneshot::Receiver<()>| it.try_recv() == Err(oneshot::error::TryRecvError::Closed);
    let refused: Vec<_> = of_greedy.iter_mut().map(refused).collect();
    assert_eq!(refused, [false, true, true]);
}

#[test]
fn a_stream_that_gives_up_takes_no_token_and_leaves_nothing_behind() {
    let start = Instant::now();
    let mut pace = Pace::new(1, 3 * SECOND, start);
    let turn = Turn::default();
    begins(pace.enter(&turn, start));
    let (place, first) = waits(pace.enter(&turn, start));
    let (_, second) = waits(pace.enter(&turn, start));
    let (_, mut third) = waits(pace.enter(&turn, start));
    pace.leave(place);
    drop((first, second));
    assert_eq!(pace.advance(start + SECOND), None);
    assert_eq!(third.try_recv(), Ok(()));
    assert!(pace.is_idle());
}

#[test]
fn what_a_connection_wanted_too_much_of_is_forgotten() {
    let start = Instant::now();
    let mut pace = Pace::new(1, 3 * SECOND, start);
    let greedy = Turn::default();
    for _ in 0..100_000 {
        pace.enter(&greedy, start);
    }
    assert!(greedy.0.load(Relaxed) <= pace.serving + MAX_BEHIND + 1);
}
