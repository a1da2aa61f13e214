//! Inside doors for the fuzz targets; no part of the API.

use lookaside_registry::{
    Owner, Registration,
    reflector::{KeyValue, Layout},
};

use crate::layout::{Endpoints, OverrideKeys, SettingsKeys, encode, key_of, name_of, owner_of};

const PREFIX: &str = "prefix/";

/// Reads a key and its value as each of the three layouts does, and checks that what a
/// backend was understood to say is written and read again.
///
/// # Panics
/// When it is not.
#[expect(clippy::panic, reason = "a fuzz target fails by panicking")]
pub fn layouts(key: &[u8], value: &[u8]) {
    let it = KeyValue {
        key: [PREFIX.as_bytes(), key].concat(),
        value: value.to_vec(),
        mod_revision: 7,
    };
    let endpoints = Endpoints {
        prefix: PREFIX.into(),
    };
    read(&endpoints, &it);
    read(
        &SettingsKeys {
            prefix: PREFIX.into(),
        },
        &it,
    );
    read(
        &OverrideKeys {
            prefix: PREFIX.into(),
        },
        &it,
    );
    if let Some((service, id)) = name_of(PREFIX, &it.key) {
        assert_eq!(key_of(PREFIX, &service, &id).as_bytes(), it.key);
        let assembled = endpoints.assemble([&endpoints.entry(&it, None)].into_iter());
        let Some(backend) = assembled.backends.first() else {
            return;
        };
        let registration = Registration {
            service,
            id,
            address: backend.address.clone(),
            weight: backend.weight,
            zone: backend.zone.clone(),
            state: backend.state,
        };
        if let Err(error) = registration.check() {
            panic!("read, but not to be written: {error}: {registration:?}");
        }
        let nobody = || Owner::parse("00000000000000000000000000000000", None);
        let Some(owner) = owner_of(&it.value).or_else(nobody) else {
            panic!("32 digits are an owner");
        };
        let again = KeyValue {
            value: encode(&registration, &owner),
            ..it
        };
        let again = endpoints.assemble([&endpoints.entry(&again, None)].into_iter());
        assert_eq!(again, assembled);
    }
}

fn read<L: Layout>(layout: &L, it: &KeyValue) {
    if layout.service(&it.key).is_ok() {
        let entry = layout.entry(it, None);
        let next = layout.entry(it, Some(&entry));
        layout.assemble([&entry, &next].into_iter());
    }
}
