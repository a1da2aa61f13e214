use super::*;

fn table(names: &[(&str, &str)]) -> MethodTable {
    let mut table = MethodTable::default();
    for (index, (service, method)) in names.iter().enumerate() {
        table.add(MethodConfig {
            timeout: Some(Duration::from_secs(index as u64)),
            ..MethodConfig::default()
        });
        table.name(service, method).unwrap();
    }
    table
}

fn found(table: &MethodTable, path: &str) -> Option<u64> {
    let config = table.find(path)?;
    config.timeout.map(|timeout| timeout.as_secs())
}

#[test]
fn the_most_specific_name_counts() {
    let table = table(&[("", ""), ("shop.Orders", ""), ("shop.Orders", "Get")]);
    assert_eq!(found(&table, "/shop.Orders/Get"), Some(2));
    assert_eq!(found(&table, "/shop.Orders/List"), Some(1));
    assert_eq!(found(&table, "/shop.OrdersV2/Get"), Some(0));
    assert_eq!(found(&table, "/shop.Order/Get"), Some(0));
    assert_eq!(found(&table, "/"), Some(0));
    assert_eq!(found(&table, "nonsense"), Some(0));
}

#[test]
fn without_a_default_others_are_not_configured() {
    let table = table(&[("shop.Orders", "Get")]);
    assert_eq!(found(&table, "/shop.Orders/Get"), Some(0));
    assert_eq!(found(&table, "/shop.Orders/List"), None);
    assert_eq!(found(&MethodTable::default(), "/shop.Orders/Get"), None);
}

#[test]
fn a_name_is_taken_once() {
    let mut table = table(&[("", ""), ("shop.Orders", "")]);
    table.add(MethodConfig::default());
    table.name("shop.Orders", "").unwrap_err();
    table.name("", "").unwrap_err();
    table.name("shop.Orders", "Get").unwrap();
}

#[test]
fn a_look_allocates_nothing() {
    let table = table(&[("", ""), ("shop.Orders", ""), ("shop.Orders", "Get")]);
    let counted = allocation_counter::measure(|| {
        for path in ["/shop.Orders/Get", "/shop.Orders/List", "/a.B/C"] {
            assert!(table.find(path).is_some());
        }
    });
    assert_eq!(counted.count_total, 0);
}
