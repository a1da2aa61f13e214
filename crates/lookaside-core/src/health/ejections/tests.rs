use std::collections::BTreeSet;

use proptest::{collection::btree_map, prelude::*};

use super::*;

fn ejection(backend: u8, port: u16) -> Arc<Ejection> {
    Arc::new(Ejection {
        backend: BackendId::new(&format!("b{backend}")).unwrap(),
        addr: SocketAddr::from(([10, 0, 0, 1], port)),
        reason: "connection refused".into(),
        since: SystemTime::UNIX_EPOCH,
    })
}

#[test]
fn those_of_a_backend_are_found() {
    let all = Ejections::new(vec![
        ejection(2, 9),
        ejection(1, 1),
        ejection(2, 8),
        ejection(3, 1),
        ejection(2, 9),
    ]);
    let ports = |backend: &str| -> Vec<u16> {
        let of = all.of(&BackendId::new(backend).unwrap());
        of.iter().map(|it| it.addr.port()).collect()
    };
    assert_eq!(all.as_slice().len(), 4);
    assert_eq!(ports("b2"), [8, 9]);
    assert_eq!(ports("b1"), [1]);
    assert_eq!(ports("b20"), [0u16; 0]);
    assert_eq!(ports("b9"), [0u16; 0]);
}

proptest! {
    #[test]
    fn a_difference_names_just_the_backends_that_have_one(
        pool in btree_map((0u8..20, 1u16..4), (any::<bool>(), any::<bool>()), 0..40),
    ) {
        let all: Vec<_> = pool
            .iter()
            .map(|((backend, port), within)| (ejection(*backend, *port), *within))
            .collect();
        let those = |wanted: fn(&(bool, bool)) -> bool| -> Ejections {
            let wanted = all.iter().filter(|(_, within)| wanted(within));
            wanted.map(|(ejection, _)| Arc::clone(ejection)).collect()
        };
        let (before, after) = (those(|it| it.0), those(|it| it.1));
        let mut changed = BTreeSet::new();
        after.changed_since(&before, |backend| {
            changed.insert(backend.clone());
        });
        let expected: BTreeSet<_> = all
            .iter()
            .filter(|(_, (before, after))| before != after)
            .map(|(ejection, _)| ejection.backend.clone())
            .collect();
        prop_assert_eq!(changed, expected);
    }
}
