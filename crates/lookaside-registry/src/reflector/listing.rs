use lookaside_core::Revision;
use tokio::time::Instant;

use super::{
    Header, Layout, PAGE_LIMIT, Page, PageRequest,
    store::{Keys, Store},
};

/// A list being read, page after page, all at the revision of the first.
#[derive(Debug)]
pub(super) struct Listing<L: Layout> {
    gathered: Keys<L>,
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
    pub(super) fn new() -> Self {
        Self {
            gathered: Keys::default(),
            first: None,
            after: None,
            limit: PAGE_LIMIT,
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
        let first = *self.first.get_or_insert(First {
            header: page.header,
            at: now,
        });
        if page.header.cluster != first.header.cluster {
            return Turned::Broken("the pages of a list came from two clusters");
        }
        // Connections come back by themselves: a store that was restored between two
        // pages has the same revision with another content. An election between them
        // looks the same, and costs a list.
        if page.header.term != first.header.term || page.header.revision < first.header.revision {
            return Turned::Broken("the store was restarted between the pages of a list");
        }
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
