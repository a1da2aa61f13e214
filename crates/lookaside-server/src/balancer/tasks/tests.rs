use std::{future::pending, time::Duration};

use tokio::{sync::oneshot, time::timeout};

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

fn readiness() -> (watch::Sender<Readiness>, watch::Receiver<Readiness>) {
    watch::channel(Readiness::Ready)
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_is_named_and_the_others_go_on() {
    let (to, mut seen) = readiness();
    let (ask, asked) = oneshot::channel::<()>();
    let (answer, answered) = oneshot::channel();
    let mut tasks = Tasks::default();
    tasks.spawn("returning", async {});
    tasks.spawn("planner", async { panic!("a bug") });
    tasks.spawn("health", async {
        let _ = asked.await;
        let _ = answer.send(());
    });
    let supervisor = tokio::spawn(tasks.supervise(to.clone()));
    let failed = seen.wait_for(|now| !now.is_ready());
    let failed = timeout(PATIENCE, failed).await.unwrap().unwrap().clone();
    let Readiness::Failed(reason) = failed else {
        panic!("{failed:?}")
    };
    assert!(
        reason.contains("the planner task has failed") && reason.contains("a bug"),
        "{reason}"
    );
    Readiness::Ready.report(&to);
    assert!(!seen.borrow().is_ready(), "no port that opens mends it");
    ask.send(()).unwrap();
    timeout(PATIENCE, answered).await.unwrap().unwrap();
    timeout(PATIENCE, supervisor).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn tasks_that_return_are_no_failure() {
    let (to, seen) = readiness();
    let mut tasks = Tasks::default();
    tasks.spawn("port", async {});
    timeout(PATIENCE, tasks.supervise(to)).await.unwrap();
    assert!(seen.borrow().is_ready());
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_supervisor_ends_all() {
    let (held, released) = oneshot::channel::<()>();
    let (began, beginning) = oneshot::channel();
    let mut tasks = Tasks::default();
    tasks.spawn("planner", async move {
        let _held = held;
        let _ = began.send(());
        pending::<()>().await;
    });
    let mut supervisor = JoinSet::new();
    supervisor.spawn(tasks.supervise(readiness().0));
    beginning.await.unwrap();
    drop(supervisor);
    assert!(timeout(PATIENCE, released).await.unwrap().is_err());
}
