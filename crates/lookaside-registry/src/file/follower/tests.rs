use std::time::Duration;

use super::*;

const ONE: &str = "[[services]]\nname='orders'\n[[services.backends]]\naddress='h:1'\n";
const TWO: &str = "[[services]]\nname='orders'\n[[services.backends]]\naddress='h:1'\n\
                   [[services.backends]]\naddress='h:2'\n[[services]]\nname='carts'\n";

struct Fixture {
    follower: Follower,
    now: Instant,
}

impl Fixture {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            follower: Follower::new(now),
            now,
        }
    }

    fn read(&mut self, text: &str) -> Observed {
        self.now += Duration::from_secs(1);
        let read = Ok(text.into());
        self.follower.observe("reg.toml".as_ref(), read, self.now)
    }

    fn fail(&mut self, error: FileError) -> Observed {
        self.now += Duration::from_secs(1);
        self.follower
            .observe("reg.toml".as_ref(), Err(error), self.now)
    }

    /// The file changes and stays that way.
    fn edit(&mut self, text: &str) -> Observed {
        assert_eq!(self.read(text), Observed::Settling);
        self.read(text)
    }

    fn ids(&self) -> Vec<String> {
        let backends = self.follower.state().backends.unwrap();
        let orders = backends.services.get("orders");
        let ids = |it: &Arc<lookaside_core::Service>| {
            it.backends.iter().map(|it| it.id.to_string()).collect()
        };
        orders.map_or_else(Vec::new, ids)
    }

    fn stale(&self) -> Arc<str> {
        match self.follower.state().freshness {
            Freshness::Stale { error, .. } => error,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_change_is_believed_once_it_has_settled() {
    let mut it = Fixture::new();
    assert_eq!(it.read(ONE), Observed::Settling);
    assert!(!it.follower.state().is_complete());
    assert_eq!(it.read(ONE), Observed::Changed);
    assert_eq!(it.ids(), ["h:1"]);

    // Half a file, which is good TOML.
    assert_eq!(it.edit(TWO), Observed::Changed);
    assert_eq!(it.read(ONE), Observed::Settling);
    assert_eq!(it.ids(), ["h:1", "h:2"]);
    assert_eq!(it.edit(TWO), Observed::Same);
    assert_eq!(it.ids(), ["h:1", "h:2"]);
}

#[test]
fn an_unchanged_file_is_proof_that_nothing_is_missed() {
    let mut it = Fixture::new();
    it.edit(ONE);
    assert_eq!(it.read(ONE), Observed::Same);
    let Freshness::Synced { as_of } = it.follower.state().freshness else {
        panic!();
    };
    assert_eq!(as_of, it.now);
}

#[test]
fn a_broken_edit_keeps_the_last_good_state_and_says_where_it_is_broken() {
    let mut it = Fixture::new();
    it.edit(ONE);
    let good_until = it.now;
    for broken in ["", "[[services]]\nnam='orders'\n", "[[serv"] {
        assert_eq!(it.edit(broken), Observed::Changed);
        assert_eq!(it.ids(), ["h:1"]);
        assert!(it.stale().starts_with("reg.toml:"), "{}", it.stale());
        assert_eq!(it.read(broken), Observed::Same, "said once");
    }
    let Freshness::Stale { as_of, .. } = it.follower.state().freshness else {
        panic!();
    };
    assert_eq!(as_of, good_until);

    let backends = it.follower.state().backends.unwrap();
    assert_eq!(it.edit(ONE), Observed::Changed);
    let state = it.follower.state();
    assert!(matches!(state.freshness, Freshness::Synced { .. }));
    assert!(Arc::ptr_eq(&backends, &state.backends.unwrap()));
}

#[test]
fn a_file_that_goes_away_takes_nothing_with_it() {
    let mut it = Fixture::new();
    it.edit(ONE);
    let missing = || FileError::Read("No such file".into());
    assert_eq!(it.fail(missing()), Observed::Changed);
    assert_eq!(it.fail(missing()), Observed::Same);
    assert_eq!(&*it.stale(), "reg.toml: No such file");
    assert_eq!(it.ids(), ["h:1"]);
    assert_eq!(it.edit(ONE), Observed::Changed);
    assert!(it.follower.error().is_none());
}

#[test]
fn a_file_that_is_wrong_from_the_start_says_so_until_it_is_right() {
    let mut it = Fixture::new();
    assert_eq!(it.fail(FileError::NoFile), Observed::Changed);
    let Freshness::Connecting { error, .. } = it.follower.state().freshness else {
        panic!();
    };
    assert_eq!(&*error.unwrap(), "reg.toml: is no regular file");
    it.edit("services = []");
    assert!(it.follower.state().is_complete());
    assert!(it.ids().is_empty());
}

#[test]
fn an_explicitly_empty_list_is_believed() {
    let mut it = Fixture::new();
    it.edit(ONE);
    assert_eq!(it.edit("services = []"), Observed::Changed);
    assert!(it.ids().is_empty());
}

#[test]
fn what_an_edit_does_not_touch_is_shared() {
    let mut it = Fixture::new();
    it.edit(TWO);
    let before = it.follower.state();
    it.edit(&TWO.replace("h:2'", "h:2'\nweight=7"));
    let after = it.follower.state();
    let (old, new) = (before.backends.unwrap(), after.backends.unwrap());
    assert_eq!((old.revision, new.revision), (1, 2));
    assert!(Arc::ptr_eq(&old.services["carts"], &new.services["carts"]));
    let (old, new) = (&old.services["orders"], &new.services["orders"]);
    assert!(Arc::ptr_eq(&old.backends[0], &new.backends[0]));
    assert_eq!((new.backends[0].revision, new.backends[1].revision), (1, 2));
    assert!(Arc::ptr_eq(
        &before.settings.unwrap(),
        &after.settings.unwrap()
    ));

    let backends = it.follower.state().backends.unwrap();
    it.edit(
        &TWO.replace("h:2'", "h:2'\nweight=7")
            .replace("'carts'", "'carts'\nfallback=true"),
    );
    let after = it.follower.state();
    assert!(Arc::ptr_eq(&backends, &after.backends.unwrap()));
    let settings = after.settings.unwrap();
    assert_eq!(settings.revision, 3);
    assert!(settings.services["carts"].settings.fallback);

    // A comment is no change at all.
    let commented = "# hello\n".to_owned()
        + &TWO
            .replace("h:2'", "h:2'\nweight=7")
            .replace("'carts'", "'carts'\nfallback=true");
    assert_eq!(it.edit(&commented), Observed::Same);
}
