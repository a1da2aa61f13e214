use super::*;

fn names() -> [ServiceName; 2] {
    ["a/b", "orders"].map(|name| ServiceName::new(name).unwrap())
}

/// A page of five streams of each of two services.
fn page(limit: u32, token: &str) -> v1::ListStreamsResponse {
    let mut page = Page::new(limit, Cursor::parse(token).unwrap());
    for (service, ids) in names().iter().zip([[1, 3, 5, 7, 9], [0, 2, 4, 6, 8]]) {
        for id in ids {
            let stream = || v1::Stream {
                id,
                service: service.to_string(),
                ..v1::Stream::default()
            };
            page.offer(service, StreamId(id), stream);
        }
    }
    page.finish()
}

#[test]
fn pages_together_have_every_stream_once_and_each_says_how_many_there_are() {
    for limit in 1..=11 {
        let (mut all, mut token) = (Vec::new(), String::new());
        loop {
            let page = page(limit, &token);
            assert_eq!(page.total, 10);
            assert!(!page.streams.is_empty(), "{limit}");
            all.extend(page.streams.iter().map(|stream| stream.id));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(all, [1, 3, 5, 7, 9, 0, 2, 4, 6, 8], "{limit}");
    }
}

#[test]
fn a_page_that_ended_at_a_stream_which_is_gone_goes_on_behind_it() {
    let ids = |token| {
        page(2, token)
            .streams
            .iter()
            .map(|it| it.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("4/a/b"), [5, 7]);
    assert_eq!(ids("100/a/b"), [0, 2]);
    assert_eq!(ids("0/b"), [0, 2]);
    assert_eq!(ids("8/orders"), [0; 0]);
}

#[test]
fn a_limit_is_never_more_than_an_answer_should_have() {
    for (asked, limit) in [(0, DEFAULT_LIMIT), (7, 7), (u32::MAX, MAX_LIMIT)] {
        assert_eq!(Page::new(asked, None).limit, limit);
    }
}

#[test]
fn a_token_of_no_page_is_refused_by_its_name() {
    for token in ["x", "1", "x/orders", "-1/orders", "/"] {
        let status = Cursor::parse(token).unwrap_err();
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        assert!(status.message().contains(&format!("page_token {token:?}")));
    }
}
