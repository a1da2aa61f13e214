/// A value, or that the order is to end.
#[derive(Clone, Copy, Debug)]
pub(super) enum OrClear<T> {
    Value(T),
    Clear,
}

/// Reads a value, or `clear`.
pub(super) fn or_clear<T: std::str::FromStr<Err: std::fmt::Display>>(
    text: &str,
) -> Result<OrClear<T>, String> {
    match text {
        "clear" => Ok(OrClear::Clear),
        text => text
            .parse()
            .map(OrClear::Value)
            .map_err(|error: T::Err| error.to_string()),
    }
}
