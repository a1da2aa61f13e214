use super::*;
use crate::{LbToken, ResolveError};

fn address(n: u8) -> Address {
    Address::new(([10, 0, 0, n], 1).into())
}

fn found(ns: &[u8]) -> ResolverUpdate {
    ResolverUpdate::new(ns.iter().copied().map(address).collect::<Vec<_>>())
}

fn failed() -> ResolverUpdate {
    ResolverUpdate::error(ResolveError::new("the name server is away"))
}

/// What an update becomes after others.
fn after(updates: &[ResolverUpdate]) -> ResolverUpdate {
    let mut last_good = LastGood::default();
    let mut completed = updates.iter().cloned();
    let mut complete = |update| last_good.complete(update, "orders");
    let first = complete(completed.next().unwrap());
    completed.fold(first, |_, update| complete(update))
}

#[test]
fn addresses_that_are_gone_or_cannot_be_found_stay() {
    let good = found(&[1, 2]).addresses;
    assert_eq!(after(&[found(&[1, 2]), found(&[])]).addresses, good);
    assert_eq!(after(&[found(&[1, 2]), failed()]).addresses, good);
    let sequence = [found(&[9]), found(&[1, 2]), failed(), found(&[])];
    assert_eq!(after(&sequence).addresses, good);
    let replaced = after(&[found(&[1, 2]), failed(), found(&[3])]);
    assert_eq!(replaced.addresses, found(&[3]).addresses);
}

#[test]
fn before_the_first_result_an_error_is_an_error_and_nothing_is_nothing() {
    assert_eq!(after(&[failed()]), failed());
    assert_eq!(after(&[found(&[]), failed()]).addresses, failed().addresses);
    assert_eq!(after(&[failed(), found(&[])]), found(&[]));
}

#[test]
fn balancers_that_cannot_be_found_stay_and_those_that_are_gone_go() {
    let with = |ns: &[u8]| {
        let balancers: Vec<_> = ns.iter().copied().map(address).collect();
        found(&[1]).with_balancers(balancers)
    };
    assert_eq!(after(&[with(&[9]), failed()]), with(&[9]));
    assert_eq!(after(&[with(&[9]), with(&[])]), with(&[]));
    assert_eq!(after(&[with(&[]), failed()]).balancers, failed().balancers);
}

#[test]
fn duplicates_are_merged_where_they_are_equal_altogether() {
    let token = LbToken::new("a").unwrap();
    let with_token = address(1).with_token(token);
    let list = vec![
        address(2),
        address(1),
        address(2),
        with_token.clone(),
        address(1),
    ];
    let update = ResolverUpdate::new(list.clone()).with_balancers(list);
    let merged: Arc<[_]> = [address(2), address(1), with_token].into();
    let update = after(&[update]);
    assert_eq!(update.addresses, Ok(Arc::clone(&merged)));
    assert_eq!(update.balancers, Ok(merged));
}
