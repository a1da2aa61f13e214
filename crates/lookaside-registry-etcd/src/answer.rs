//! etcd-client's answers as the reflector's plain data.

use etcd_client::{
    GetResponse, KeyValue as EtcdKeyValue, ResponseHeader, WatchResponse as EtcdWatchResponse,
};
use lookaside_registry::reflector::{
    Canceled, Event, Failure, FailureKind, Header, KeyValue, Page, WatchResponse,
};

/// An answer that no etcd gives. Whatever it was about has to be read again.
fn broken(what: &str) -> Failure {
    Failure {
        kind: FailureKind::Revision,
        reason: format!("etcd's answer has no {what}").into(),
    }
}

pub(crate) fn header(header: Option<&ResponseHeader>) -> Result<Header, Failure> {
    let header = header.ok_or_else(|| broken("header"))?;
    Ok(Header {
        cluster: header.cluster_id(),
        term: header.raft_term(),
        revision: header.revision(),
    })
}

pub(crate) fn page(mut answer: GetResponse) -> Result<Page, Failure> {
    Ok(Page {
        header: header(answer.header())?,
        more: answer.more(),
        keys: answer.take_kvs().into_iter().map(key_value).collect(),
    })
}

pub(crate) fn watch(answer: &EtcdWatchResponse) -> Result<WatchResponse, Failure> {
    let events = answer.events().iter().map(|event| {
        let key_value = event.kv().ok_or_else(|| broken("key"))?;
        // Not `event_type()`, which panics on a kind it does not know. A version counts
        // the writes since the key was created; a deletion has none.
        Ok(if key_value.version() == 0 {
            Event::Delete {
                key: key_value.key().to_vec(),
                mod_revision: key_value.mod_revision(),
            }
        } else {
            Event::Put(self::key_value(key_value.clone()))
        })
    });
    Ok(WatchResponse {
        header: header(answer.header())?,
        created: answer.created(),
        canceled: answer.canceled().then(|| Canceled {
            reason: answer.cancel_reason().into(),
            compact_revision: answer.compact_revision(),
        }),
        events: events.collect::<Result<_, Failure>>()?,
    })
}

fn key_value(it: EtcdKeyValue) -> KeyValue {
    let mod_revision = it.mod_revision();
    let (key, value) = it.into_key_value();
    KeyValue {
        key,
        value,
        mod_revision,
    }
}
