use http::{HeaderMap, header::USER_AGENT};

/// How much of it is kept, for each stream: a stock client's has some 30 characters.
const MAX_BYTES: usize = 120;

/// What a client says it is, as far as it is printable.
pub(crate) fn user_agent(headers: &HeaderMap) -> Option<Box<str>> {
    let value = headers.get(USER_AGENT)?;
    // Not as it came: people see it in terminals.
    let printable = |byte: &u8| match byte {
        b' '..=b'~' => char::from(*byte),
        _ => '?',
    };
    let text: String = value
        .as_bytes()
        .iter()
        .take(MAX_BYTES)
        .map(printable)
        .collect();
    (!text.is_empty()).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(value: &[u8]) -> Option<String> {
        let value = HeaderValue::from_bytes(value).unwrap();
        let headers = HeaderMap::from_iter([(USER_AGENT, value)]);
        user_agent(&headers).map(String::from)
    }

    #[test]
    fn a_user_agent_is_kept_as_it_was_sent() {
        let agent = "grpc-go/1.65.0";
        assert_eq!(read(agent.as_bytes()).as_deref(), Some(agent));
        assert_eq!(user_agent(&HeaderMap::new()), None);
        assert_eq!(read(b""), None);
    }

    #[test]
    fn a_hostile_one_is_short_and_printable() {
        assert_eq!(read(&[b'x'; 10_000]).unwrap().len(), MAX_BYTES);
        assert_eq!(read(b"a\tb\xffc").as_deref(), Some("a?b?c"));
    }
}
