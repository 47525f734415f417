//! Many threads at everything at once. Meant for `ThreadSanitizer` too:
//!
//! ```text
//! RUSTFLAGS='-Zsanitizer=thread' TSAN_OPTIONS=halt_on_error=1 cargo +nightly test -Zbuild-std \
//!     --target x86_64-unknown-linux-gnu -p kalakan-pipeline --test stress
//! ```
//!
//! The standard library must be built with it (`rustup component add rust-src --toolchain nightly`): the sanitizer does
//! not see the locks of the one that comes compiled, and reports everything that a mutex guards.

#![cfg(not(loom))]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use kalakan_pipeline::{
    Builder, Failure, Mailbox, Order, Patience, Pipeline, Priority, Request, StageOptions, Step,
};

fn three_stages(pools: Vec<usize>, batch: usize, wait_us: u64) -> Pipeline<u64, u64> {
    let count = pools.len();
    let mut builder = Builder::new(pools);
    for at in 0..3 {
        let options = StageOptions {
            capacity: 32,
            max_batch: batch,
            max_wait: Duration::from_micros(wait_us),
            pool: at % count,
            ..StageOptions::new(format!("stage {at}"))
        };
        builder = builder.stage(options, move |batch: Vec<u64>| {
            let step = |n: u64| {
                if n % 97 == 13 && at == 1 {
                    Err(n)
                } else {
                    Ok(Step::Next(n))
                }
            };
            batch.into_iter().map(step).collect()
        });
    }
    builder.build().expect("options in range")
}

fn hammer(pools: Vec<usize>, batch: usize, wait_us: u64, threads: u64, each: u64) {
    let pipeline = Arc::new(three_stages(pools, batch, wait_us));
    let mailbox = Mailbox::new(Order::Submitted);
    let cancelled = Arc::new(AtomicU64::new(0));
    let senders: Vec<_> = (0..threads)
        .map(|thread| {
            let (pipeline, mailbox, cancelled) =
                (pipeline.clone(), mailbox.clone(), cancelled.clone());
            std::thread::spawn(move || {
                for n in (0..each).map(|n| n * threads + thread) {
                    let priority = Priority::ALL[(n % 3) as usize];
                    let request = Request {
                        priority,
                        ..Request::new(n)
                    };
                    let ticket = pipeline
                        .submit(request, Patience::Forever, mailbox.reply(n))
                        .expect("open");
                    if n % 31 == 0 && ticket.cancel() {
                        cancelled.fetch_add(1, Ordering::Relaxed);
                    }
                    if n % 1000 == 0 {
                        pipeline.metrics();
                    }
                }
            })
        })
        .collect();
    let total = threads * each;
    let mut seen = vec![false; total as usize];
    let mut dropped = 0;
    for _ in 0..total {
        let (key, outcome) = mailbox.take(None).expect("one outcome each");
        assert!(
            !std::mem::replace(&mut seen[key as usize], true),
            "{key} came twice"
        );
        match outcome {
            Ok(n) => assert_eq!(n, key),
            Err(Failure::Stage(n)) => assert_eq!((n, n % 97), (key, 13)),
            Err(Failure::Cancelled) => dropped += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    for sender in senders {
        sender.join().expect("no panic");
    }
    assert_eq!(dropped, cancelled.load(Ordering::Relaxed));
    assert!(mailbox.is_empty());
    assert!(pipeline.drain(None));
    assert_eq!(pipeline.metrics().open, 0);
}

#[test]
fn one_pool_for_all_stages() {
    hammer(vec![4], 1, 0, 4, 5_000);
}

#[test]
fn a_pool_for_each_stage() {
    hammer(vec![2, 1, 2], 8, 0, 4, 5_000);
}

#[test]
fn batches_that_wait_for_more() {
    hammer(vec![2, 2], 8, 100, 4, 2_000);
}

#[test]
fn pipelines_that_come_and_go() {
    for round in 0..50 {
        let pipeline = three_stages(vec![2, 1], 4, round % 2 * 50);
        let mailbox = Mailbox::new(Order::FirstDone);
        for n in 0..20 {
            pipeline
                .submit(Request::new(n), Patience::Forever, mailbox.reply(n))
                .expect("open");
        }
        match round % 3 {
            0 => assert!(pipeline.drain(None)),
            1 => pipeline.abort(),
            _ => drop(pipeline),
        }
        for _ in 0..20 {
            assert!(mailbox.take(None).is_some());
        }
    }
}

#[test]
#[ignore = "takes a minute; cargo test --release -p kalakan-pipeline --test stress -- --ignored"]
fn ten_million_requests_through_three_stages_lose_none() {
    for pools in [vec![2], vec![1, 1, 1]] {
        hammer(pools, 16, 0, 2, 5_000_000);
    }
}
