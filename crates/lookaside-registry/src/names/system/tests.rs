use tokio::time::advance;

use super::*;

struct Fixture {
    directory: tempfile::TempDir,
    lookup: SystemLookup,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let lookup = SystemLookup::with_files(&path("hosts"), &path("resolv.conf"));
        Self { directory, lookup }
    }

    fn write(&self, file: &str, content: &str) {
        fs::write(self.directory.path().join(file), content).unwrap();
    }

    async fn find(&self, host: &str) -> Result<Vec<String>, LookupError> {
        let answer = self.lookup.lookup(host).await?;
        // The two families come in any order.
        let addresses = answer.addresses.iter();
        let mut addresses: Vec<_> = addresses.map(ToString::to_string).collect();
        addresses.sort();
        Ok(addresses)
    }
}

#[tokio::test(start_paused = true)]
async fn names_in_the_hosts_file_need_no_name_server() {
    let it = Fixture::new();
    // One that would never answer.
    it.write("resolv.conf", "nameserver 127.0.0.1\n");
    it.write(
        "hosts",
        "127.0.0.1 localhost\n10.0.0.1 Orders orders.lan # ours\n10.0.0.2 orders\n\
         fd00::1 orders v6only\n",
    );
    let orders = ["10.0.0.1", "10.0.0.2", "fd00::1"].map(String::from);
    assert_eq!(it.find("orders").await.unwrap(), orders);
    assert_eq!(it.find("ORDERS.").await.unwrap(), orders);
    assert_eq!(it.find("orders.lan").await.unwrap(), ["10.0.0.1"]);
    assert_eq!(it.find("v6only").await.unwrap(), ["fd00::1"]);
    assert_eq!(it.find("localhost").await.unwrap(), ["127.0.0.1"]);
}

#[tokio::test(start_paused = true)]
async fn localhost_needs_no_file_of_hosts() {
    let it = Fixture::new();
    it.write("resolv.conf", "nameserver 127.0.0.1\n");
    assert_eq!(it.find("localhost").await.unwrap(), ["127.0.0.1", "::1"]);
}

#[tokio::test(start_paused = true)]
async fn an_edited_file_is_read_again() {
    let it = Fixture::new();
    it.write("hosts", "10.0.0.1 orders\n");
    assert_eq!(it.find("orders").await.unwrap(), ["10.0.0.1"]);
    it.write("hosts", "10.0.0.2 orders\n");
    advance(RELOAD).await;
    assert_eq!(it.find("orders").await.unwrap(), ["10.0.0.2"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_name_server_other_names_fail_with_the_reason() {
    let it = Fixture::new();
    let error = it.find("orders").await.unwrap_err().to_string();
    assert!(
        error.contains("resolv.conf") && error.contains("No such file"),
        "{error}"
    );

    it.write("resolv.conf", "# nothing\n");
    advance(RELOAD).await;
    let error = it.find("orders").await.unwrap_err().to_string();
    assert!(error.contains("no name"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn name_servers_are_kept_until_their_file_changes() {
    let it = Fixture::new();
    let dns = async || {
        advance(RELOAD).await;
        it.lookup.config().await.unwrap().dns.clone().unwrap()
    };
    it.write("resolv.conf", "nameserver 127.0.0.1\n");
    let first = dns().await;
    assert!(Arc::ptr_eq(&first, &dns().await));
    it.write("resolv.conf", "nameserver 127.0.0.2\n");
    assert!(!Arc::ptr_eq(&first, &dns().await));
}

#[tokio::test]
async fn this_machine_knows_localhost() {
    let found = SystemLookup::new().lookup("localhost").await.unwrap();
    assert!(found.addresses.iter().all(IpAddr::is_loopback), "{found:?}");
    assert!(!found.addresses.is_empty());
}
