//! The demo over a real etcd.

use std::time::Duration;

use etcd_client::GetOptions;
use lookaside_tests::{Etcd, cli::run_with};

/// It takes some 20 seconds where there is nothing else to do.
const BOUND: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_over_etcd_goes_as_it_should_and_removes_what_it_wrote() {
    let etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", "127.0.0.1:1001", 100).await;
    let url = etcd.url();
    let run = move || run_with(&["demo", "--registry", &url], &[], BOUND);
    let output = tokio::task::spawn_blocking(run).await.expect("it ended");
    assert_eq!(output.status, 0, "{}\n{}", output.stdout, output.stderr);
    let last = output.stdout.lines().next_back();
    assert_eq!(last, Some("Everything went as it should."));

    let everything = GetOptions::new().with_all_keys().with_keys_only();
    let left = etcd.client().await.get("", Some(everything)).await;
    let left = left.expect("etcd answers");
    let keys: Vec<_> = left.kvs().iter().map(|it| it.key_str()).collect();
    assert!(
        matches!(&keys[..], [Ok("services/orders/a")]),
        "left behind: {keys:?}"
    );
}
