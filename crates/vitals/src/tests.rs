//! Workers that panic.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::*;

fn worker(vitals: &Vitals, name: &str) -> Worker {
    vitals.report().into_iter().find(|worker| worker.name == name).expect("known")
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_is_started_again_and_counted() {
    let (vitals, tries) = (Vitals::default(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&tries);
    let task = vitals.task(&Handle::current(), "sweep", move || {
        let counted = Arc::clone(&counted);
        async move {
            let before = counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            assert!(before >= 2, "on purpose");
            "done"
        }
    });
    assert_eq!(task.await.expect("no panic of ours"), Some("done"));
    assert_eq!(worker(&vitals, "sweep"), Worker { name: "sweep", panics: 2, down: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_task_is_down_until_it_is_started_again() {
    let vitals = Vitals::default();
    let (seen, begun) = (vitals.clone(), Arc::new(AtomicUsize::new(0)));
    let again = Arc::clone(&begun);
    let task = vitals.task(&Handle::current(), "sweep", move || {
        let first = again.fetch_add(1, Ordering::Relaxed) == 0;
        async move { assert!(!first, "on purpose") }
    });
    tokio::time::sleep(FIRST_PAUSE / 2).await;
    assert_eq!(worker(&seen, "sweep"), Worker { name: "sweep", panics: 1, down: 1 });
    task.await.expect("no panic of ours");
    assert_eq!(worker(&seen, "sweep").down, 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_panics_too_often_is_lost() {
    let vitals = Vitals::default();
    let task = vitals.task(&Handle::current(), "sweep", || async { panic!("on purpose") });
    // The clock of the test runs ahead while nothing else does.
    let lost = tokio::time::timeout(Duration::from_hours(1), vitals.lost()).await;
    assert_eq!(lost, Ok("sweep"), "it goes on");
    let came: Option<()> = task.await.expect("no panic of ours");
    assert_eq!((came, worker(&vitals, "sweep").panics, worker(&vitals, "sweep").down), (None, 5, 1));
}

#[tokio::test]
async fn a_thread_goes_on_with_what_is_queued() {
    let (vitals, (give, queue), (tell, told)) = (Vitals::default(), mpsc::channel(), mpsc::channel());
    let thread = vitals.thread("writer", move || {
        for job in &queue {
            assert_ne!(job, 2, "on purpose");
            if job == 3 {
                return Err("an error counts, too".into());
            }
            tell.send(job).expect("heard");
        }
        Ok(())
    });
    (1..=4).for_each(|job| give.send(job).expect("taken"));
    drop(give);
    thread.expect("a thread").join().expect("no panic of ours");
    assert_eq!(told.iter().collect::<Vec<_>>(), [1, 4]);
    assert_eq!(worker(&vitals, "writer"), Worker { name: "writer", panics: 2, down: 0 });
}

#[tokio::test]
async fn work_that_is_done_once_tells_its_owner() {
    let vitals = Vitals::default();
    let ended: Result<(), String> = vitals.once("agent", async { panic!("number {}", 7) }).await;
    assert_eq!((ended, worker(&vitals, "agent").panics), (Err("number 7".to_owned()), 1));
    assert_eq!(vitals.once("agent", async { 7 }).await, Ok(7));
    assert_eq!(worker(&vitals, "agent").down, 0);
}
