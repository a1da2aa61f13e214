use lookaside_core::ServiceName;
use lookaside_proto::v1;
use tonic::Status;

use super::count;
use crate::table::StreamId;

/// What fits in a terminal and in an answer.
const DEFAULT_LIMIT: usize = 100;

/// Some 300 bytes each.
const MAX_LIMIT: usize = 1000;

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    service: String,
    id: StreamId,
}

impl Cursor {
    /// # Errors
    /// INVALID_ARGUMENT for what [`Cursor::token`] did not make.
    pub(super) fn parse(token: &str) -> Result<Option<Self>, Status> {
        if token.is_empty() {
            return Ok(None);
        }
        let parsed = token.split_once('/').and_then(|(id, service)| {
            let id = StreamId(id.parse().ok()?);
            let service = service.to_owned();
            Some(Self { service, id })
        });
        let wrong = || {
            Status::invalid_argument(format!(
                "page_token {token:?} is no next_page_token of an earlier answer"
            ))
        };
        parsed.map(Some).ok_or_else(wrong)
    }

    /// Names have slashes, numbers have none.
    fn token(&self) -> String {
        format!("{}/{}", self.id.0, self.service)
    }
}

/// The streams of one answer, as they are come across.
#[derive(Debug)]
pub(super) struct Page {
    limit: usize,
    after: Option<Cursor>,
    streams: Vec<v1::Stream>,
    last: Option<Cursor>,
    has_more: bool,
    total: usize,
}

impl Page {
    /// 0: as many as are shown where nobody says how many.
    pub(super) fn new(limit: u32, after: Option<Cursor>) -> Self {
        let limit = match usize::try_from(limit) {
            Ok(0) => DEFAULT_LIMIT,
            Ok(limit) => limit.min(MAX_LIMIT),
            Err(_) => MAX_LIMIT,
        };
        Self {
            limit,
            after,
            streams: Vec::new(),
            last: None,
            has_more: false,
            total: 0,
        }
    }

    /// The next stream, by service and age.
    pub(super) fn offer(
        &mut self,
        service: &ServiceName,
        id: StreamId,
        describe: impl FnOnce() -> v1::Stream,
    ) {
        self.total += 1;
        let is_later = |after: &Cursor| (service.as_str(), id) > (after.service.as_str(), after.id);
        if !self.after.as_ref().is_none_or(is_later) {
            return;
        }
        if self.streams.len() == self.limit {
            self.has_more = true;
            return;
        }
        self.streams.push(describe());
        self.last = Some(Cursor {
            service: service.as_str().to_owned(),
            id,
        });
    }

    pub(super) fn finish(self) -> v1::ListStreamsResponse {
        let next = self.last.filter(|_| self.has_more);
        v1::ListStreamsResponse {
            streams: self.streams,
            total: count(self.total),
            next_page_token: next.map(|last| last.token()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests;
