use super::*;

fn answer(addresses: &[&str], ttl: u64) -> Answer {
    Answer {
        addresses: addresses.iter().map(|it| it.parse().unwrap()).collect(),
        ttl: Duration::from_secs(ttl),
        incomplete: None,
    }
}

struct Fixture {
    book: Book,
    now: Instant,
    rng: fastrand::Rng,
}

impl Fixture {
    fn new(max_names: usize) -> Self {
        Self {
            book: Book::new(max_names),
            now: Instant::now(),
            rng: fastrand::Rng::with_seed(7),
        }
    }

    fn follow(&mut self, hosts: &[&str]) -> bool {
        let hosts: Vec<Arc<str>> = hosts.iter().map(|host| Arc::from(*host)).collect();
        self.book.follow(&hosts.iter().collect(), self.now)
    }

    /// Waits until a name is due and ends its lookup; returns how long that was, and
    /// whether it changed anything.
    fn next(&mut self, found: Result<Answer, LookupError>) -> (Duration, bool) {
        let due = self.book.next_due().expect("nothing is due");
        let waited = due.saturating_duration_since(self.now);
        self.now = self.now.max(due);
        let (host, ticket) = self.book.begin(self.now).unwrap();
        let changed = self.book.end(&host, ticket, found, self.now, &mut self.rng);
        (waited, changed)
    }

    fn status(&self, host: &str) -> Arc<NameStatus> {
        Arc::clone(self.book.names().status(host).unwrap())
    }

    fn addresses(&self, host: &str) -> Vec<String> {
        let status = self.status(host);
        status.addresses.iter().map(ToString::to_string).collect()
    }
}

#[test]
fn a_name_is_looked_up_at_once_and_again_when_its_time_to_live_is_over() {
    let mut it = Fixture::new(10);
    assert!(!it.follow(&["h"]));
    assert!(it.book.names().status("h").is_none());
    let found = answer(&["::1", "10.0.0.2", "10.0.0.1", "10.0.0.2"], 30);
    assert_eq!(it.next(Ok(found.clone())), (Duration::ZERO, true));
    assert_eq!(it.addresses("h"), ["10.0.0.1", "10.0.0.2", "::1"]);

    assert!(it.book.begin(it.now).is_none());
    assert_eq!(it.next(Ok(found)), (Duration::from_secs(30), false));
    assert_eq!(
        it.next(Ok(answer(&["10.0.0.9"], 30))),
        (Duration::from_secs(30), true)
    );
    assert_eq!(it.addresses("h"), ["10.0.0.9"]);
}

#[test]
fn times_to_live_are_kept_within_reason() {
    let mut it = Fixture::new(10);
    it.follow(&["h"]);
    it.next(Ok(answer(&["10.0.0.1"], 0)));
    assert_eq!(it.next(Ok(answer(&["10.0.0.1"], 86_400))).0, MIN_TTL);
    assert_eq!(it.next(Ok(answer(&["10.0.0.1"], 1))).0, MAX_TTL);
}

#[test]
fn a_failure_keeps_the_addresses_and_shows_itself_and_its_age() {
    let mut it = Fixture::new(10);
    it.follow(&["h"]);
    it.next(Ok(answer(&["10.0.0.1"], 30)));
    let good = it.now;
    let timed_out = || Err(LookupError::Timeout(Duration::from_secs(5)));
    assert!(it.next(timed_out()).1);
    let failed = it.now;
    assert_eq!(it.addresses("h"), ["10.0.0.1"]);

    // The same failure again is no news; another is, of the same age.
    assert!(!it.next(timed_out()).1);
    assert!(it.next(Err(LookupError::NoAddress)).1);
    assert!(!it.next(Ok(answer(&[], 30))).1, "nothing is no address");
    assert_eq!(it.addresses("h"), ["10.0.0.1"]);
    let failure = it.status("h").failure.clone().unwrap();
    assert_eq!(&*failure.error, "the name has no address");
    assert_eq!((failure.since, failure.last_good), (failed, Some(good)));

    assert!(it.next(Ok(answer(&["10.0.0.1"], 30))).1);
    assert_eq!(it.status("h").failure, None);
}

#[test]
fn failures_are_retried_less_and_less_often_until_one_works() {
    let mut it = Fixture::new(10);
    it.follow(&["h"]);
    it.next(Err(LookupError::NoAddress));
    let mut waits = Vec::new();
    for _ in 0..20 {
        waits.push(it.next(Err(LookupError::NoAddress)).0.as_secs_f64());
    }
    assert!((0.8..=1.2).contains(&waits[0]), "{waits:?}");
    assert!((1.28..=1.92).contains(&waits[1]), "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= 36.0), "{waits:?}");
    assert!(waits[19] >= 24.0, "{waits:?}");

    it.next(Ok(answer(&["10.0.0.1"], 30)));
    it.next(Err(LookupError::NoAddress));
    let again = it.next(Err(LookupError::NoAddress)).0;
    assert!(again < Duration::from_millis(1201), "{again:?}");
}

#[test]
fn a_family_that_cannot_be_asked_for_keeps_its_addresses() {
    let mut it = Fixture::new(10);
    it.follow(&["h"]);
    it.next(Ok(answer(&["10.0.0.1", "::1"], 30)));
    let half = Answer {
        incomplete: Some(LookupError::Failed("refused".into())),
        ..answer(&["10.0.0.2"], 30)
    };
    it.next(Ok(half));
    assert_eq!(it.addresses("h"), ["10.0.0.2", "::1"]);
    assert_eq!(&*it.status("h").failure.clone().unwrap().error, "refused");

    // The whole answer has no such addresses any more.
    it.next(Ok(answer(&["10.0.0.2"], 30)));
    assert_eq!(it.addresses("h"), ["10.0.0.2"]);
}

#[test]
fn a_name_that_is_no_longer_used_is_forgotten() {
    let mut it = Fixture::new(10);
    it.follow(&["a", "b"]);
    it.next(Ok(answer(&["10.0.0.1"], 30)));
    it.next(Ok(answer(&["10.0.0.1"], 30)));
    assert!(!it.follow(&["b", "a"]));
    assert!(it.follow(&["b"]));
    assert!(it.book.names().status("a").is_none());
    assert!(it.follow(&[]));
    assert!(it.book.due.is_empty() && it.book.entries.is_empty());
}

#[test]
fn what_a_lookup_finds_after_its_name_was_forgotten_does_not_count() {
    let mut it = Fixture::new(10);
    it.follow(&["h"]);
    let (host, old) = it.book.begin(it.now).unwrap();
    it.follow(&[]);
    let stale = || Ok(answer(&["10.0.0.1"], 30));
    assert!(!it.book.end(&host, old, stale(), it.now, &mut it.rng));

    it.follow(&["h"]);
    assert!(!it.book.end(&host, old, stale(), it.now, &mut it.rng));
    let (_, new) = it.book.begin(it.now).unwrap();
    assert!(!it.book.end(&host, old, stale(), it.now, &mut it.rng));
    assert!(it.book.names().status("h").is_none());
    let fresh = Ok(answer(&["10.0.0.2"], 30));
    assert!(it.book.end(&host, new, fresh, it.now, &mut it.rng));
    assert_eq!(it.addresses("h"), ["10.0.0.2"]);
}

#[test]
fn names_over_the_limit_are_not_looked_up_and_say_so() {
    let mut it = Fixture::new(2);
    it.follow(&["a", "b"]);
    assert!(it.follow(&["0", "a", "b"]));
    assert_eq!(it.book.due.len(), 2);
    let since = it.now;
    it.now += Duration::from_secs(9);
    assert!(!it.follow(&["0", "a", "b"]), "no news");
    let failure = it.status("0").failure.clone().unwrap();
    assert!(failure.error.contains("limit of 2"), "{}", failure.error);
    assert_eq!(failure.since, since);

    assert!(it.follow(&["0", "a"]), "there is room now");
    assert!(it.book.names().status("0").is_none());
    assert_eq!(it.book.due.len(), 2);
}
