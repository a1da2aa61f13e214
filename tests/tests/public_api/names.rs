//! Names that need no import.

/// Whether everybody has it: the standard library's crates, its prelude, primitive types.
pub(crate) fn is_known(name: &str) -> bool {
    const CRATES: [&str; 3] = ["alloc", "core", "std"];
    const PRELUDE: [&str; 34] = [
        "AsMut",
        "AsRef",
        "AsyncFn",
        "AsyncFnMut",
        "AsyncFnOnce",
        "Box",
        "Clone",
        "Copy",
        "Default",
        "DoubleEndedIterator",
        "Drop",
        "Eq",
        "ExactSizeIterator",
        "Extend",
        "Fn",
        "FnMut",
        "FnOnce",
        "From",
        "FromIterator",
        "Future",
        "Into",
        "IntoFuture",
        "IntoIterator",
        "Iterator",
        "Option",
        "Ord",
        "PartialEq",
        "PartialOrd",
        "Result",
        "Send",
        "Sized",
        "String",
        "Sync",
        "Vec",
    ];
    const OTHERS: [&str; 21] = [
        "Self", "ToOwned", "ToString", "TryFrom", "TryInto", "Unpin", "bool", "char", "f32", "f64",
        "i128", "i16", "i32", "i64", "i8", "isize", "str", "u128", "u16", "u32", "u64",
    ];
    CRATES.contains(&name)
        || PRELUDE.contains(&name)
        || OTHERS.contains(&name)
        || ["u8", "usize", "'static"].contains(&name)
}
