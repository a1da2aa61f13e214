use std::time::Duration;

use lookaside_proto::v1::{self, registry::State};
use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
    style::Color,
};

use super::{
    draw::draw,
    history::History,
    keys::key,
    view::{Key, Order, Sample, View},
};

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn summary(name: &str, calls: u64, streams: u32) -> v1::ServiceSummary {
    v1::ServiceSummary {
        name: name.to_owned(),
        plan: "slots".to_owned(),
        backends: 2,
        slots: 3,
        streams,
        calls_started: calls,
        ..v1::ServiceSummary::default()
    }
}

fn backend(id: &str, weight: u32, state: &str, share_percent: f64) -> v1::Backend {
    v1::Backend {
        id: id.to_owned(),
        address: format!("10.0.0.1:{weight}"),
        weight,
        slots: weight,
        share_percent,
        state: state.to_owned(),
        ..v1::Backend::default()
    }
}

fn orders(dropped: u64) -> v1::Service {
    let ejected = v1::Backend {
        reason: "connection refused".to_owned(),
        ..backend("b", 1, "ejected", 25.0)
    };
    v1::Service {
        name: "orders".to_owned(),
        plan: "slots".to_owned(),
        plan_version: 2,
        revision: 7,
        slots: 4,
        streams: 5,
        backends: vec![backend("a", 3, "serving", 75.0), ejected],
        drops: vec![v1::Drop {
            category: "overload".to_owned(),
            percent: 20.0,
            slots: 1,
            actual_percent: 20.0,
        }],
        reported: Some(v1::LoadReport {
            dropped: vec![v1::DroppedCalls {
                category: "overload".to_owned(),
                calls: dropped,
            }],
            ..v1::LoadReport::default()
        }),
        ..v1::Service::default()
    }
}

fn sample(seconds: u64, calls: u64, dropped: u64) -> Sample {
    let mut fallback = summary("billing", 0, 1);
    fallback.plan = "fallback".to_owned();
    fallback.suspects = 1;
    Sample {
        at: at(seconds),
        status: v1::GetStatusResponse {
            version: "1.2.3".to_owned(),
            ready: true,
            open_streams: 6,
            registry: Some(v1::Registry {
                url: "etcd://a:1".to_owned(),
                state: State::Synced.into(),
                revision: 7,
                ..v1::Registry::default()
            }),
            ..v1::GetStatusResponse::default()
        },
        services: vec![summary("orders", calls, 5), fallback],
        details: vec![orders(dropped)],
    }
}

fn view() -> View {
    let mut view = View::new("lb:7400".to_owned());
    view.answered(sample(0, 1000, 10));
    view.answered(sample(10, 2000, 60));
    view
}

fn screen(view: &View, now: u64, colours: bool) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(100, 10)).unwrap();
    terminal
        .draw(|frame| draw(frame, view, at(now), colours))
        .unwrap();
    terminal
}

/// What is on the screen, without blanks at the ends of lines.
fn text(view: &View, now: u64) -> String {
    let terminal = screen(view, now, false);
    let buffer = terminal.backend().buffer();
    let line = |y| {
        let cells = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol());
        cells.collect::<String>().trim_end().to_owned() + "\n"
    };
    (0..buffer.area.height).map(line).collect()
}

/// A screen against the one that is kept in `tests/`. `LOOKASIDE_BLESS=1` keeps this one.
#[track_caller]
fn is_as_kept(name: &str, screen: &str) {
    let path = format!("{}/src/top/tests/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("LOOKASIDE_BLESS").is_some() {
        std::fs::write(&path, screen).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(
        screen == kept,
        "{path} has\n{kept}\nthe screen is\n{screen}"
    );
}

#[test]
fn a_registry_that_is_stale_is_told_on_a_terminal_of_80_columns_too() {
    let mut view = view();
    let mut stale = sample(20, 2000, 60);
    stale.status.registry = Some(v1::Registry {
        url: format!("etcd://{}", "etcd.example.com:2379,".repeat(3)),
        state: State::Stale.into(),
        age: Some(Duration::from_secs(22).try_into().unwrap()),
        error: "no answer".to_owned(),
        ..v1::Registry::default()
    });
    view.answered(stale);
    let mut terminal = Terminal::new(TestBackend::new(80, 10)).unwrap();
    terminal
        .draw(|frame| draw(frame, &view, at(20), false))
        .unwrap();
    let shown = terminal.backend().to_string();
    assert!(
        shown.contains("registry STALE for 22s: no answer"),
        "{shown}"
    );
}

#[test]
fn services_are_listed_with_what_happens_in_a_second() {
    is_as_kept("services", &text(&view(), 10));
}

#[test]
fn a_service_is_opened_and_left_again() {
    let mut view = view();
    view.press(Key::Down);
    assert!(view.wanted().contains(&"orders".to_owned()));
    view.press(Key::Enter);
    is_as_kept("service", &text(&view, 10));
    view.press(Key::Down);
    let scrolled = text(&view, 10);
    assert!(!scrolled.contains("10.0.0.1:3"), "{scrolled}");
    assert!(scrolled.contains("10.0.0.1:1"), "{scrolled}");
    view.press(Key::Back);
    assert_eq!(view.open, None);
    assert_eq!(view.selected(), 1);
}

#[test]
fn a_balancer_that_goes_away_is_said_and_what_it_had_stays() {
    let mut view = view();
    view.lost(at(12), "connection refused".to_owned());
    view.lost(at(14), "connection refused".to_owned());
    let shown = text(&view, 15);
    let said = "NO ANSWER for 3.0s, asking again: connection refused";
    assert!(shown.contains(said), "{shown}");
    assert!(shown.contains("orders"), "{shown}");
    view.answered(sample(16, 2100, 60));
    assert!(!text(&view, 16).contains("NO ANSWER"));
}

#[test]
fn before_the_first_answer_and_without_services_the_screen_says_so() {
    let mut view = View::new("lb:7400".to_owned());
    assert!(text(&view, 0).starts_with("lb:7400: asking\n"));
    let mut empty = sample(1, 0, 0);
    empty.services.clear();
    view.answered(empty);
    assert!(text(&view, 1).contains("no services"));
    // Keys with nothing to choose from.
    for key in [Key::Down, Key::Last, Key::Up, Key::Enter, Key::Back] {
        view.press(key);
    }
    assert_eq!(view.open, None);
}

#[test]
fn the_mark_stays_with_its_service_when_rows_move() {
    let mut view = view();
    assert_eq!(view.rows()[0].service.name, "billing");
    view.press(Key::Down);
    view.press(Key::Sort);
    assert_eq!(view.order, Order::Calls);
    assert_eq!(view.rows()[0].service.name, "orders");
    assert_eq!(view.selected(), 0);
    for _ in 0..4 {
        view.press(Key::Sort);
    }
    assert_eq!(view.order, Order::Name);
    view.press(Key::Quit);
    assert!(view.ended);
}

#[test]
fn rates_are_those_of_the_last_half_minute_and_begin_anew_after_a_restart() {
    let mut history = History::default();
    assert_eq!(history.per_second(), None);
    history.add(at(0), 0);
    assert_eq!(history.per_second(), None);
    // A report of 10 s, 3 s after the first look.
    history.add(at(3), 100);
    assert_eq!(history.per_second(), None);
    history.add(at(10), 100);
    assert_eq!(history.per_second(), Some(10.0));
    for seconds in 11..=60 {
        history.add(at(seconds), 100);
    }
    assert_eq!(history.per_second(), Some(0.0));
    history.add(at(61), 5);
    assert_eq!(history.per_second(), None);
    history.add(at(71), 205);
    assert_eq!(history.per_second(), Some(20.0));
}

#[test]
fn what_is_wrong_has_a_colour_where_colours_are_wanted() {
    let mut view = view();
    view.press(Key::Down);
    view.press(Key::Enter);
    let reds = |colours| {
        let terminal = screen(&view, 10, colours);
        let cells = terminal.backend().buffer().content().iter();
        cells.filter(|cell| cell.fg == Color::Red).count()
    };
    assert!(reds(true) >= "ejected".len());
    assert_eq!(reds(false), 0);
}

#[test]
fn keys_mean_what_the_last_line_says() {
    let press = |code, modifiers| key(KeyEvent::new(code, modifiers));
    let plain = |code| press(code, KeyModifiers::NONE);
    assert_eq!(plain(KeyCode::Char('q')), Some(Key::Quit));
    let control_c = press(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(control_c, Some(Key::Quit));
    assert_eq!(press(KeyCode::Char('q'), KeyModifiers::CONTROL), None);
    assert_eq!(plain(KeyCode::Char('j')), Some(Key::Down));
    assert_eq!(plain(KeyCode::Up), Some(Key::Up));
    assert_eq!(plain(KeyCode::Enter), Some(Key::Enter));
    assert_eq!(plain(KeyCode::Esc), Some(Key::Back));
    assert_eq!(plain(KeyCode::Char('s')), Some(Key::Sort));
    assert_eq!(plain(KeyCode::Char('x')), None);
}

#[test]
fn a_narrow_terminal_shows_names_rather_than_all_columns() {
    let shown = |width: u16, suspects: u32| {
        let mut view = View::new("lb:7400".to_owned());
        let mut sample = sample(0, 0, 0);
        sample.services[0].name = "orders.example.com".to_owned();
        sample.services[1].suspects = suspects;
        view.answered(sample);
        let mut terminal = Terminal::new(TestBackend::new(width, 8)).unwrap();
        let drawn = terminal.draw(|frame| draw(frame, &view, at(0), false));
        let buffer = drawn.unwrap().buffer;
        let row = |y| {
            (0..width)
                .map(|x| buffer[(x, y)].symbol())
                .collect::<String>()
        };
        (row(2), row(4))
    };
    for (width, suspects, gone) in [
        (100, 1, &[][..]),
        (80, 0, &[]),
        (80, 1, &["SLOTS", "BACKENDS"]),
        (60, 0, &["SLOTS", "BACKENDS", "PROBLEMS"]),
        (
            40,
            0,
            &["SLOTS", "BACKENDS", "PROBLEMS", "STREAMS", "DROPS/S"],
        ),
    ] {
        let (heading, row) = shown(width, suspects);
        assert!(row.starts_with("orders.example.c"), "{width}: {row}");
        for column in [
            "SLOTS", "BACKENDS", "PROBLEMS", "STREAMS", "DROPS/S", "CALLS/S", "PLAN",
        ] {
            let is_there = heading.contains(column);
            assert_eq!(
                is_there,
                !gone.contains(&column),
                "{width}: {column} in {heading}"
            );
        }
    }
    // What there is no room for is cut, and nothing fails.
    for width in [1, 5, 20] {
        shown(width, 1);
    }
}
