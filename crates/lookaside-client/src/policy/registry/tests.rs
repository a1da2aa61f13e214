use super::*;
use crate::{Policy, PolicyConfig, PolicyOptions};

/// Takes another's name.
#[derive(Debug)]
struct Impostor;

impl PolicyBuilder for Impostor {
    fn name(&self) -> &str {
        "round_robin"
    }

    fn build(&self, options: PolicyOptions) -> Box<dyn Policy> {
        ChildPolicy::PickFirst.build(options)
    }

    fn parse_config(&self, _: &str) -> Result<PolicyConfig, String> {
        Err("never".to_owned())
    }
}

#[test]
fn the_later_of_two_policies_of_one_name_counts_and_clones_are_apart() {
    let before = PolicyRegistry::new();
    let registry = before.clone().register(Impostor);
    let parsed = |registry: &PolicyRegistry| {
        let policy = registry.get("round_robin").unwrap();
        policy.parse_config("{}").map(|_| ())
    };
    assert_eq!(parsed(&registry), Err("never".to_owned()));
    assert_eq!(parsed(&before), Ok(()));
    assert!(registry.names().eq(before.names()));
}

#[test]
fn a_policy_without_settings_takes_any_object_and_nothing_else() {
    let policy = ChildPolicy::RoundRobin;
    for object in ["{}", " {\"unknown\": [1]}\n"] {
        assert!(policy.parse_config(object).is_ok(), "{object}");
    }
    for other in ["[]", "1", "\"{}\"", ""] {
        let refused = policy.parse_config(other).unwrap_err();
        assert_eq!(refused, "expected an object");
    }
}
