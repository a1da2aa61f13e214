use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use lookaside_proto::v1::{GetStatusResponse, Service, ServiceSummary};

use super::history::History;

/// More rows than any terminal shows need no details.
const MOST_DETAILS: usize = 60;

/// What a balancer said at one time.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// Since the view began.
    pub(super) at: Duration,
    pub(super) status: GetStatusResponse,
    pub(super) services: Vec<ServiceSummary>,
    /// Of those that were wanted and are there.
    pub(super) details: Vec<Service>,
}

/// What somebody pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Quit,
    Up,
    Down,
    First,
    Last,
    Enter,
    Back,
    Sort,
}

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Name,
    Calls,
    Drops,
    Streams,
    Backends,
}

impl Order {
    fn next(self) -> Self {
        match self {
            Self::Name => Self::Calls,
            Self::Calls => Self::Drops,
            Self::Drops => Self::Streams,
            Self::Streams => Self::Backends,
            Self::Backends => Self::Name,
        }
    }
}

/// How fast a service's counters grow.
#[derive(Clone, Debug, Default)]
struct Rates {
    calls: History,
    drops: History,
}

/// All that is shown.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) balancer: String,
    pub(super) sample: Option<Sample>,
    /// Since when there is no answer, and why.
    pub(super) lost: Option<(Duration, String)>,
    pub(super) order: Order,
    /// Which service has the mark; by name, so that it stays when rows move.
    selected: Option<String>,
    /// The service whose backends are shown.
    pub(super) open: Option<String>,
    /// The first backend that is shown.
    pub(super) scroll: usize,
    rates: BTreeMap<String, Rates>,
    pub(super) ended: bool,
}

/// A service as a row shows it.
#[derive(Clone, Debug)]
pub(super) struct ServiceRow<'a> {
    pub(super) service: &'a ServiceSummary,
    pub(super) calls: Option<f64>,
    pub(super) drops: Option<f64>,
}

impl View {
    pub(super) fn new(balancer: String) -> Self {
        Self {
            balancer,
            sample: None,
            lost: None,
            order: Order::default(),
            selected: None,
            open: None,
            scroll: 0,
            rates: BTreeMap::new(),
            ended: false,
        }
    }

    /// The balancer answered.
    pub(super) fn answered(&mut self, sample: Sample) {
        let names = sample.services.iter().map(|it| it.name.as_str());
        let names: std::collections::BTreeSet<_> = names.collect();
        // What is gone is forgotten, or this grows for ever.
        self.rates.retain(|name, _| names.contains(name.as_str()));
        for service in &sample.services {
            let rates = self.rates.entry(service.name.clone()).or_default();
            rates.calls.add(sample.at, service.calls_started);
        }
        for service in &sample.details {
            if let (Some(rates), Some(reported)) =
                (self.rates.get_mut(&service.name), &service.reported)
            {
                let dropped = reported.dropped.iter().map(|it| it.calls).sum();
                rates.drops.add(sample.at, dropped);
            }
        }
        self.lost = None;
        self.sample = Some(sample);
    }

    /// It did not. What it said last stays.
    pub(super) fn lost(&mut self, now: Duration, why: String) {
        let since = self.lost.as_ref().map_or(now, |(since, _)| *since);
        self.lost = Some((since, why));
    }

    pub(super) fn press(&mut self, key: Key) {
        match key {
            Key::Quit => self.ended = true,
            Key::Back if self.open.is_none() => {}
            Key::Back => self.open = None,
            Key::Enter if self.open.is_none() => {
                self.open = self.selected_name();
                self.scroll = 0;
            }
            Key::Enter => {}
            Key::Sort => self.order = self.order.next(),
            Key::Up | Key::Down | Key::First | Key::Last => self.go(key),
        }
    }

    fn go(&mut self, key: Key) {
        let to = |at: usize, count: usize| match key {
            Key::Up => at.saturating_sub(1),
            Key::First => 0,
            Key::Last => count.saturating_sub(1),
            _ => (at + 1).min(count.saturating_sub(1)),
        };
        if self.open.is_some() {
            let count = self.opened().map_or(0, |it| it.backends.len());
            self.scroll = to(self.scroll, count);
            return;
        }
        let at = to(self.selected(), self.rows().len());
        let name = self.rows().get(at).map(|it| it.service.name.clone());
        self.selected = name;
    }

    /// The row that has the mark.
    pub(super) fn selected(&self) -> usize {
        let rows = self.rows();
        let at = |name: &String| rows.iter().position(|it| it.service.name == *name);
        self.selected.as_ref().and_then(at).unwrap_or(0)
    }

    fn selected_name(&self) -> Option<String> {
        let rows = self.rows();
        Some(rows.get(self.selected())?.service.name.clone())
    }

    /// The services in the order that is asked for.
    pub(super) fn rows(&self) -> Vec<ServiceRow<'_>> {
        let services = self.sample.iter().flat_map(|it| &it.services);
        let mut rows: Vec<_> = services
            .map(|service| {
                let rates = self.rates.get(&service.name);
                ServiceRow {
                    service,
                    calls: rates.and_then(|it| it.calls.per_second()),
                    drops: rates.and_then(|it| it.drops.per_second()),
                }
            })
            .collect();
        // A rate in thousandths, so that it has an order.
        let rate = |rate: Option<f64>| Reverse((rate.unwrap_or(0.0) * 1000.0) as u64);
        rows.sort_by(|a, b| a.service.name.cmp(&b.service.name));
        match self.order {
            Order::Name => {}
            Order::Calls => rows.sort_by_key(|it| rate(it.calls)),
            Order::Drops => rows.sort_by_key(|it| rate(it.drops)),
            Order::Streams => rows.sort_by_key(|it| Reverse(it.service.streams)),
            Order::Backends => rows.sort_by_key(|it| Reverse(it.service.backends)),
        }
        rows
    }

    /// The service whose backends are shown, if it is there.
    pub(super) fn opened(&self) -> Option<&Service> {
        let (sample, open) = (self.sample.as_ref()?, self.open.as_ref()?);
        sample.details.iter().find(|it| it.name == *open)
    }

    /// The rates of one service.
    pub(super) fn rates_of(&self, name: &str) -> (Option<f64>, Option<f64>) {
        let rates = self.rates.get(name);
        let of = |history: fn(&Rates) -> &History| rates.and_then(|it| history(it).per_second());
        (of(|it| &it.calls), of(|it| &it.drops))
    }

    /// The services that details are wanted of: what is around the mark, and what is open.
    pub(super) fn wanted(&self) -> Vec<String> {
        let rows = self.rows();
        let from = self.selected().saturating_sub(MOST_DETAILS / 2);
        let around = rows.iter().skip(from).take(MOST_DETAILS);
        let mut wanted: Vec<_> = around
            // Only clients name it: there is nothing to say of it.
            .filter(|it| it.service.plan != "unknown")
            .map(|it| it.service.name.clone())
            .collect();
        if let Some(open) = self.open.as_ref().filter(|it| !wanted.contains(it)) {
            wanted.push(open.clone());
        }
        wanted
    }
}
