use std::time::Duration;

use super::*;

fn config(timeout: u64) -> String {
    format!("{{\"methodConfig\":[{{\"name\":[{{}}],\"timeout\":\"{timeout}s\"}}]}}")
}

fn source(default: &str, ignore_resolver: bool) -> ConfigSource {
    let policies = PolicyRegistry::new();
    let default = ServiceConfig::parse(default, &policies).unwrap();
    ConfigSource::new(policies, default, ignore_resolver)
}

fn found(json: Option<Result<&str, &str>>) -> ResolverUpdate {
    let mut update = ResolverUpdate::new(Vec::new());
    update.service_config = json.map(|json| match json {
        Ok(json) => Ok(json.into()),
        Err(error) => Err(ResolveError::new(error)),
    });
    update
}

/// The timeout in force, in seconds.
fn timeout(source: &ConfigSource) -> Option<u64> {
    let method = source.in_force().unwrap().methods.find("/a.B/C");
    let timeout: Option<Duration> = method.and_then(|method| method.timeout);
    timeout.map(|timeout| timeout.as_secs())
}

#[test]
fn what_the_resolver_found_counts_and_the_default_where_it_found_none() {
    let mut source = source(&config(1), false);
    assert!(source.begin().is_none());
    assert!(source.in_force().is_none());
    for (json, expected) in [(None, 1), (Some(Ok(config(2))), 2), (None, 1)] {
        let json = json
            .as_ref()
            .map(|json: &Result<String, &str>| json.as_deref().map_err(|e| *e));
        assert!(source.resolved(&found(json)).unwrap().is_some());
        assert_eq!(timeout(&source), Some(expected));
    }
}

#[test]
fn an_invalid_one_keeps_the_last_valid_one() {
    let mut source = source("{}", false);
    source.resolved(&found(Some(Ok(&config(2))))).unwrap();
    for invalid in [Ok("{"), Ok("[]"), Err("the TXT record is cut off")] {
        let kept = source.resolved(&found(Some(invalid))).unwrap();
        assert!(kept.is_none());
        assert_eq!(timeout(&source), Some(2));
    }
}

#[test]
fn an_invalid_one_is_an_error_where_there_is_none_to_keep_even_with_a_default() {
    let mut source = source(&config(1), false);
    let error = source.resolved(&found(Some(Ok("{\"methodConfig\":3}"))));
    let expected = "service config: methodConfig: expected a list of method configs, found 3";
    assert_eq!(error.unwrap_err(), expected);
    let error = source.resolved(&found(Some(Err("cut off"))));
    assert_eq!(error.unwrap_err(), "service config: cut off");
    assert!(source.in_force().is_none());
    // The default is one to keep, once the resolver has said that there is no other.
    source.resolved(&found(None)).unwrap();
    source.resolved(&found(Some(Ok("{")))).unwrap();
    assert_eq!(timeout(&source), Some(1));
}

#[test]
fn a_failure_to_resolve_changes_nothing() {
    let failed = ResolverUpdate::error(ResolveError::new("no such host"));
    let mut source = source(&config(1), false);
    assert!(source.resolved(&failed).unwrap().is_none());
    assert!(source.in_force().is_none());
    source.resolved(&found(Some(Ok(&config(2))))).unwrap();
    source.resolved(&failed).unwrap();
    assert_eq!(timeout(&source), Some(2));
}

#[test]
fn the_same_text_is_the_same_config() {
    let mut source = source("{}", false);
    let json = config(2);
    source.resolved(&found(Some(Ok(&json)))).unwrap();
    let before = Arc::clone(source.in_force().unwrap());
    assert!(source.resolved(&found(Some(Ok(&json)))).unwrap().is_none());
    // Also with an invalid one in between.
    source.resolved(&found(Some(Ok("{")))).unwrap();
    assert!(source.resolved(&found(Some(Ok(&json)))).unwrap().is_none());
    assert!(Arc::ptr_eq(&before, source.in_force().unwrap()));
}

#[test]
fn a_resolver_without_a_say_is_not_waited_for() {
    let mut source = source(&config(1), true);
    assert!(source.begin().is_some());
    assert_eq!(timeout(&source), Some(1));
    for json in [Ok(config(2)), Ok("{".to_owned())] {
        let json = json.as_deref().map_err(|error: &&str| *error);
        assert!(source.resolved(&found(Some(json))).unwrap().is_none());
        assert_eq!(timeout(&source), Some(1));
    }
}

#[cfg(feature = "retry")]
#[test]
fn the_bucket_of_tokens_outlives_a_change_of_anything_else() {
    let throttling =
        |max: u32| format!("{{\"retryThrottling\":{{\"maxTokens\":{max},\"tokenRatio\":0.1}}}}");
    let mut source = source(&throttling(10), false);
    let first = source.resolved(&found(None)).unwrap().unwrap();
    let first = first.throttle.unwrap();
    (0..6).for_each(|_| _ = first.failed());
    let same = throttling(10).replace('}', " }");
    let second = source.resolved(&found(Some(Ok(&same)))).unwrap().unwrap();
    assert!(Arc::ptr_eq(&first, &second.throttle.unwrap()));
    let larger = throttling(100);
    let third = source.resolved(&found(Some(Ok(&larger)))).unwrap().unwrap();
    assert!(!third.throttle.unwrap().failed(), "as empty as before");
    let none = source.resolved(&found(Some(Ok("{}")))).unwrap().unwrap();
    assert!(none.throttle.is_none());
}
