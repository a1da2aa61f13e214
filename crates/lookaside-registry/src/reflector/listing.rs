use lookaside_core::Revision;
use tokio::time::Instant;

use super::{
    FIRST_PAGE, Header, KeyValue, Layout, PAGE_BYTES, PAGE_LIMIT, Page, PageRequest,
    store::{Keys, Store},
};

/// How much larger than the last one a page may be.
const GROWTH: u32 = 4;

/// A list being read, page after page, all at the revision of the first.
#[derive(Debug)]
pub(super) struct Listing<L: Layout> {
    gathered: Keys<L>,
    /// What the read at the start of the connection showed.
    read: Header,
    first: Option<First>,
    after: Option<Vec<u8>>,
    limit: u32,
}

/// Of the first page.
#[derive(Clone, Copy, Debug)]
pub(super) struct First {
    pub(super) header: Header,
    /// When it came: what is listed was the newest no earlier than its request.
    pub(super) at: Instant,
}

/// What a page leads to.
pub(super) enum Turned<L: Layout> {
    /// There is more to read.
    More(Listing<L>),
    /// It was the last one.
    Done(Keys<L>, First),
    /// It cannot belong to the list.
    Broken(&'static str),
}

impl<L: Layout> Listing<L> {
    pub(super) fn new(read: Header) -> Self {
        Self {
            gathered: Keys::default(),
            read,
            first: None,
            after: None,
            limit: FIRST_PAGE,
        }
    }

    pub(super) fn request(&self) -> PageRequest {
        PageRequest {
            after: self.after.clone(),
            revision: self.revision(),
            limit: self.limit,
        }
    }

    fn revision(&self) -> Option<Revision> {
        self.first.map(|first| first.header.revision)
    }

    pub(super) fn page(mut self, store: &Store<L>, page: Page, now: Instant) -> Turned<L> {
        let before = self.first.map_or(self.read, |first| first.header);
        if page.header.cluster != before.cluster {
            return Turned::Broken("the pages of a list came from two clusters");
        }
        // Connections come back by themselves: a store that was restored between two
        // pages has the same revision with another content. An election between them
        // looks the same, and costs a list.
        if page.header.term != before.term || page.header.revision < before.revision {
            return Turned::Broken("the store was restarted while it was listed");
        }
        let first = *self.first.get_or_insert(First {
            header: page.header,
            at: now,
        });
        self.limit = next_limit(self.limit, &page.keys);
        let last = page.keys.last().map(|last| last.key.clone());
        store.read_page(&mut self.gathered, page.keys);
        match last {
            _ if !page.more => Turned::Done(self.gathered, first),
            Some(last) => {
                self.after = Some(last);
                Turned::More(self)
            }
            None => Turned::Broken("a page of a list is empty, but not the last"),
        }
    }

    /// Asks for less at a time; `false` if that is not possible.
    pub(super) fn halve(&mut self) -> bool {
        let halved = self.limit / 2;
        self.limit = halved.max(1);
        halved > 0
    }
}

/// As many keys as have [`PAGE_BYTES`] together, going by the last page.
fn next_limit(limit: u32, page: &[KeyValue]) -> u32 {
    let bytes: usize = page.iter().map(|it| it.key.len() + it.value.len()).sum();
    let fitting = PAGE_BYTES.saturating_mul(page.len()) / bytes.max(1);
    let fitting = u32::try_from(fitting).unwrap_or(u32::MAX);
    fitting
        .min(limit.saturating_mul(GROWTH))
        .clamp(1, PAGE_LIMIT)
}
