//! Every interleaving of submitting, working, waking and closing, up to a number of preemptions:
//!
//! ```text
//! RUSTFLAGS='--cfg loom' cargo test --release -p kalakan-pipeline --test loom
//! ```
//!
//! A lost wake-up shows as a deadlock, which loom reports; a lost or doubled request as a failed assertion.

#![cfg(loom)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use kalakan_pipeline::{Builder, Outcome, Patience, Pipeline, Request, StageOptions, Step};

fn pipeline(pools: Vec<usize>, stages: usize, batch: usize, wait: u64) -> Pipeline<usize, usize> {
    let count = pools.len();
    let mut builder = Builder::new(pools);
    for at in 0..stages {
        let options = StageOptions {
            capacity: batch,
            max_batch: batch,
            max_wait: Duration::from_secs(wait),
            pool: at % count,
            ..StageOptions::new("stage")
        };
        builder = builder.stage(options, |batch: Vec<usize>| {
            batch.into_iter().map(|n| Ok(Step::Next(n))).collect()
        });
    }
    builder.build().expect("options in range")
}

/// Explores what may happen where threads are interrupted at most this often, besides where they wait.
fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

type Counter = Arc<AtomicUsize>;

fn submit(pipeline: &Pipeline<usize, usize>, answered: &Counter) -> bool {
    let answered = answered.clone();
    let reply = move |outcome: Outcome<usize, usize>| {
        drop(outcome);
        answered.fetch_add(1, Ordering::SeqCst);
    };
    pipeline
        .submit(Request::new(1), Patience::Forever, Box::new(reply))
        .is_ok()
}

#[test]
fn a_request_to_a_sleeping_worker_and_a_drain() {
    explore(2, || {
        let answered = Counter::default();
        let pipeline = pipeline(vec![1], 1, 1, 0);
        assert!(submit(&pipeline, &answered));
        assert!(pipeline.drain(None));
        assert_eq!(answered.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn two_requests_for_one_place() {
    explore(2, || {
        let answered = Counter::default();
        let pipeline = pipeline(vec![1], 1, 1, 0);
        assert!(submit(&pipeline, &answered));
        assert!(submit(&pipeline, &answered));
        assert!(pipeline.drain(None));
        assert_eq!(answered.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn two_stages_with_a_worker_each_hand_on_requests_and_places() {
    explore(1, || {
        let answered = Counter::default();
        let pipeline = pipeline(vec![1, 1], 2, 1, 0);
        assert!(submit(&pipeline, &answered));
        assert!(submit(&pipeline, &answered));
        assert!(pipeline.drain(None));
        assert_eq!(answered.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn two_workers_of_one_pool_wake_each_other() {
    explore(1, || {
        let answered = Counter::default();
        let pipeline = pipeline(vec![2], 1, 2, 0);
        assert!(submit(&pipeline, &answered));
        assert!(submit(&pipeline, &answered));
        assert!(pipeline.drain(None));
        assert_eq!(answered.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn a_batch_that_gathers_gets_what_arrives() {
    // loom's clock stands still, so that a worker that missed an arrival would wait for ever.
    explore(1, || {
        let answered = Counter::default();
        let pipeline = pipeline(vec![2], 1, 2, 1);
        assert!(submit(&pipeline, &answered));
        assert!(submit(&pipeline, &answered));
        while answered.load(Ordering::SeqCst) < 2 {
            loom::thread::yield_now();
        }
        assert!(pipeline.drain(None));
    });
}

#[test]
fn a_request_races_an_abort() {
    explore(2, || {
        let answered = Counter::default();
        let pipeline = Arc::new(pipeline(vec![1], 1, 1, 0));
        let closer = {
            let pipeline = pipeline.clone();
            loom::thread::spawn(move || pipeline.abort())
        };
        let admitted = usize::from(submit(&pipeline, &answered));
        closer.join().expect("no panic");
        assert!(pipeline.join(None));
        assert_eq!(answered.load(Ordering::SeqCst), admitted);
    });
}
