//! What happens is counted.

use std::time::Duration;

use anyhow::Result;
use lookaside_tests::wire::Stream;

use crate::world::{BOUND, Families, SERVICE, World, scrape_tls, value};

fn of_service(families: &Families, name: &str) -> Option<f64> {
    value(families, name, &[("service", SERVICE)])
}

fn stage(families: &Families, stage: &str) -> f64 {
    let name = "lookaside_push_stage_seconds_count";
    value(families, name, &[("stage", stage)]).unwrap_or_default()
}

#[tokio::test]
async fn a_service_its_plan_and_what_its_clients_report_are_exported() -> Result<()> {
    let world = World::new().await?;
    let families = world.until("one stream", |families| {
        of_service(families, "lookaside_service_streams") == Some(1.0)
    });
    let families = families.await;
    for (name, expected) in [
        ("lookaside_service_backends", 3.0),
        ("lookaside_service_addresses", 3.0),
        ("lookaside_service_slots", 4.0),
        ("lookaside_service_share_error_ratio", 0.0),
        ("lookaside_calls_started_total", 12.0),
        ("lookaside_calls_finished_total", 11.0),
        ("lookaside_calls_failed_to_send_total", 3.0),
        ("lookaside_calls_known_received_total", 6.0),
    ] {
        assert_eq!(of_service(&families, name), Some(expected), "{name}");
    }
    let dropped = [("service", SERVICE), ("category", "overload")];
    let dropped = value(&families, "lookaside_calls_dropped_total", &dropped);
    assert_eq!(dropped, Some(2.0));
    let list = [("service", SERVICE), ("state", "list")];
    assert_eq!(value(&families, "lookaside_service_plan", &list), Some(1.0));
    let synced = [("state", "synced")];
    let synced = value(&families, "lookaside_registry_state", &synced);
    assert_eq!(synced, Some(1.0));
    let listings = value(&families, "lookaside_registry_listings_total", &[]);
    assert_eq!(listings, Some(3.0), "backends, settings, overrides");
    Ok(())
}

#[tokio::test]
async fn a_change_is_measured_on_all_its_way_and_every_stream_once() -> Result<()> {
    let mut world = World::new().await?;
    let mut second = Stream::open(world.balancer.addr, SERVICE).await?;
    second.list().await?;
    let before = world.until("two streams", |families| {
        value(families, "lookaside_streams", &[]) == Some(2.0)
    });
    let before = before.await;

    world
        .etcd
        .put_backend(SERVICE, "new", "127.0.0.1:9", 1)
        .await;
    let has_new = |list: &[lookaside_proto::lb::Server]| list.iter().any(|it| it.port == 9);
    world.stream.list_where(has_new).await?;
    second.list_where(has_new).await?;

    let complete = "lookaside_push_seconds_count";
    let was = value(&before, complete, &[]).unwrap_or_default();
    let after = world
        .until("the last stream has it", |families| {
            value(families, complete, &[]) == Some(was + 1.0)
        })
        .await;
    for (name, times) in [
        ("registry", 1.0),
        ("merge", 1.0),
        ("plan", 1.0),
        ("encode", 1.0),
        ("send", 2.0),
    ] {
        assert_eq!(stage(&after, name) - stage(&before, name), times, "{name}");
    }
    let grown = |name| value(&after, name, &[]) > value(&before, name, &[]);
    assert!(grown("lookaside_push_bytes_total"));
    assert!(grown("lookaside_registry_events_total"));
    assert!(grown("lookaside_registry_changes_total"));
    let sum = value(&after, "lookaside_push_seconds_sum", &[]).unwrap_or_default();
    assert!(sum > 0.0 && sum < BOUND.as_secs_f64(), "{sum}");
    Ok(())
}

#[tokio::test]
async fn a_streams_end_is_counted_by_its_reason() -> Result<()> {
    let mut world = World::new().await?;
    let ended = |families: &Families, reason| {
        value(
            families,
            "lookaside_streams_ended_total",
            &[("reason", reason)],
        )
    };
    world.stream.half_close();
    assert!(world.stream.next().await?.is_none());
    let half_closed = |families: &Families| ended(families, "half_closed") == Some(1.0);
    world.until("half-closed", half_closed).await;
    let mut other = Stream::open(world.balancer.addr, SERVICE).await?;
    other.list().await?;
    drop(other);
    let gone = |families: &Families| ended(families, "gone") == Some(1.0);
    world.until("gone", gone).await;
    Ok(())
}

#[tokio::test]
async fn two_balancers_that_serve_the_same_have_the_same_fingerprint() -> Result<()> {
    let world = World::new().await?;
    let fingerprint = |families: &Families| value(families, "lookaside_plans_fingerprint", &[]);
    let one = world.until("a list", |families| fingerprint(families) > Some(0.0));
    let one = fingerprint(&one.await);
    let World { etcd, .. } = &world;
    let replica = lookaside_tests::Balancer::on(&etcd.url()).await;
    let other = crate::world::scrape(replica.admin).await?;
    assert_eq!(fingerprint(&other), one);
    etcd.put_backend(SERVICE, "new", "127.0.0.1:9", 1).await;
    let differs = |families: &Families| fingerprint(families) != one;
    world.until("another fingerprint", differs).await;
    Ok(())
}

#[tokio::test]
async fn the_end_of_the_certificate_is_exported_where_there_is_one() -> Result<()> {
    let families = scrape_tls().await?;
    let ends = value(
        &families,
        "lookaside_certificate_expiry_timestamp_seconds",
        &[],
    );
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let left = ends.unwrap_or_default() - now.as_secs_f64();
    let hour = Duration::from_secs(3600).as_secs_f64();
    assert!(left > hour - 60.0 && left < hour + 60.0, "{left}");
    Ok(())
}
