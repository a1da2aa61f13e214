use std::time::{Duration, SystemTime};

use super::sample::{Sample, Stat, boot_time};

#[test]
fn a_program_with_blanks_and_parentheses_in_its_name_is_read() {
    let text = "7 (a (b) c) S 1 7 7 0 -1 4194560 100 0 0 0 30 12 0 0 20 0 9 0 777 1000000 2048 \
                18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0";
    let stat = Stat {
        cpu_ticks: 42,
        threads: 9,
        start_ticks: 777,
        resident_pages: 2048,
    };
    assert_eq!(Stat::parse(text), Some(stat));
    assert_eq!(Stat::parse("7 (cut off) S 1"), None);
    assert_eq!(Stat::parse(""), None);
}

#[test]
fn the_start_of_the_machine_is_one_line_of_many() {
    assert_eq!(
        boot_time("cpu 1 2 3\nbtime 1700000000\nprocesses 5\n"),
        Some(1_700_000_000)
    );
    assert_eq!(boot_time("cpu 1 2 3\n"), None);
}

#[test]
#[cfg(target_os = "linux")]
fn this_process_began_lately_and_has_files_and_memory() {
    let sample = Sample::read().unwrap();
    let began = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(sample.started_at.unwrap());
    // The clock of the machine's start has whole seconds.
    let age = SystemTime::now() + Duration::from_secs(2);
    let age = age.duration_since(began).unwrap();
    assert!(age < Duration::from_secs(3600), "{age:?}");
    assert!(sample.resident_bytes > 1 << 20, "{sample:?}");
    assert!(sample.open_fds.unwrap() >= 3, "{sample:?}");
    assert!(sample.threads >= 2, "{sample:?}");
}
