use std::sync::Mutex;

use super::*;

struct Log(Mutex<Vec<String>>);

impl Observer for Log {
    fn observe(&self, event: &Event<'_>) {
        self.0.lock().unwrap().push(format!("{event:?}"));
    }
}

#[test]
fn all_observers_are_told_in_the_order_they_were_given() {
    let logs = [(); 2].map(|()| Arc::new(Log(Mutex::default())));
    let mut observers = Observers::default();
    for log in &logs {
        observers = observers.with(Arc::clone(log) as Arc<dyn Observer>);
    }
    observers.tell(&Event::Queued);
    observers.tell(&Event::StreamOpened);
    for log in logs {
        assert_eq!(*log.0.lock().unwrap(), ["Queued", "StreamOpened"]);
    }
}
