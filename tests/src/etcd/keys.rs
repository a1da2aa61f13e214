//! What registrants and operators write.

use etcd_client::{Client, CompactionOptions, Permission, PutOptions, Txn, TxnOp};

/// A backend's value, as etcd's own naming package writes it.
pub fn value(address: &str, weight: u32) -> String {
    format!(r#"{{"Addr":"{address}","Metadata":{{"weight":{weight}}}}}"#)
}

/// Writes and reads over one connection.
#[derive(Clone)]
pub struct Keys(pub Client);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// Writes a key.
    pub async fn put(&mut self, key: &str, value: &str) {
        self.0.put(key, value, None).await.expect("a put");
    }

    /// Writes a key that lives for `ttl` seconds; gives the lease.
    pub async fn put_leased(&mut self, key: &str, value: &str, ttl: i64) -> i64 {
        let lease = self.0.lease_grant(ttl, None).await.expect("a lease").id();
        let options = PutOptions::new().with_lease(lease);
        self.0.put(key, value, Some(options)).await.expect("a put");
        lease
    }

    /// Removes a key.
    pub async fn delete(&mut self, key: &str) {
        self.0.delete(key, None).await.expect("a delete");
    }

    /// Writes several keys in one revision.
    pub async fn put_all(&mut self, puts: impl IntoIterator<Item = (String, String)>) {
        let puts: Vec<_> = puts
            .into_iter()
            .map(|(key, value)| TxnOp::put(key, value, None))
            .collect();
        let txn = Txn::new().and_then(puts);
        self.0.txn(txn).await.expect("a transaction");
    }

    /// Records a backend that nobody dials.
    pub async fn put_backend(&mut self, service: &str, id: &str, weight: u32) {
        let key = format!("services/{service}/{id}");
        self.put(&key, &value("10.0.0.1:80", weight)).await;
    }

    /// What a key says.
    pub async fn value(&mut self, key: &str) -> Option<String> {
        let answer = self.0.get(key, None).await.expect("a get");
        let first = answer.kvs().first()?;
        Some(first.value_str().expect("text").to_owned())
    }

    /// The newest revision.
    pub async fn revision(&mut self) -> i64 {
        let answer = self.0.get("up", None).await.expect("a get");
        answer.header().expect("a header").revision()
    }

    /// Forgets all revisions before `revision`.
    pub async fn compact_to(&mut self, revision: i64) {
        let options = CompactionOptions::new().with_physical();
        self.0
            .compact(revision, Some(options))
            .await
            .expect("a compaction");
    }

    /// Forgets all revisions before the newest.
    pub async fn compact(&mut self) {
        let newest = self.revision().await;
        self.compact_to(newest).await;
    }

    /// From now on only `root` with password `root` may do everything, and `reader`
    /// with password `secret` may read what a balancer reads.
    pub async fn protect(&mut self) {
        let client = &mut self.0;
        client.role_add("reader").await.expect("a role");
        for prefix in ["services/", "lookaside/config/", "lookaside/overrides/"] {
            let permission = Permission::read(prefix).with_prefix();
            client
                .role_grant_permission("reader", permission)
                .await
                .expect("a grant");
        }
        client.role_add("root").await.expect("a role");
        for (user, password) in [("root", "root"), ("reader", "secret")] {
            client.user_add(user, password, None).await.expect("a user");
            client.user_grant_role(user, user).await.expect("a grant");
        }
        client.auth_enable().await.expect("authentication");
    }
}
