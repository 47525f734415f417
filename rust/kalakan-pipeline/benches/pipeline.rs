//! cargo bench -p kalakan-pipeline: a request's way through three empty stages, beside channels between three threads.
//!
//! The peers do less: they have no priorities, deadlines, cancellation, batches or metrics.

use std::thread;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput};
use kalakan_pipeline::{Builder, Mailbox, Order, Patience, Pipeline, Request, StageOptions, Step};

const REQUESTS: u64 = 20_000;
const CAPACITY: usize = 256;
const STAGES: usize = 3;

fn pipeline(pools: &[usize], max_batch: usize) -> Pipeline<u64, String> {
    let mut builder = Builder::new(pools);
    for at in 0..STAGES {
        let options = StageOptions {
            capacity: CAPACITY,
            max_batch,
            pool: at % pools.len(),
            ..StageOptions::new(format!("stage {at}"))
        };
        builder = builder.stage(options, |batch| {
            batch.into_iter().map(|n| Ok(Step::Next(n))).collect()
        });
    }
    builder.build().expect("options in range")
}

/// Sends every request and takes every result, in this order of threads: a sender beside the taker.
fn through_pipeline(pipeline: &Pipeline<u64, String>) -> u64 {
    let mailbox = Mailbox::new(Order::FirstDone);
    thread::scope(|scope| {
        let replies = mailbox.clone();
        scope.spawn(move || {
            for n in 0..REQUESTS {
                let sent = pipeline.submit(Request::new(n), Patience::Forever, replies.reply(()));
                sent.expect("an open pipeline");
            }
        });
        (0..REQUESTS)
            .filter_map(|_| mailbox.take(None)?.1.ok())
            .sum()
    })
}

/// The same with channels: `make` gives the two ends of one.
fn through_channels<S, R>(
    make: impl Fn() -> (S, R),
    send: impl Fn(&S, u64) -> bool + Copy + Send + Sync,
    take: impl Fn(&R) -> Option<u64> + Copy + Send + Sync,
) -> u64
where
    S: Send,
    R: Send,
{
    thread::scope(|scope| {
        let (first, mut last) = make();
        for _ in 0..STAGES {
            let (sender, receiver) = make();
            let before = std::mem::replace(&mut last, receiver);
            scope.spawn(move || {
                while let Some(n) = take(&before) {
                    if !send(&sender, n) {
                        break;
                    }
                }
            });
        }
        scope.spawn(move || (0..REQUESTS).all(|n| send(&first, n)));
        (0..REQUESTS).filter_map(|_| take(&last)).sum()
    })
}

fn benches(criterion: &mut Criterion) {
    let expected = REQUESTS * (REQUESTS - 1) / 2;
    let mut group = criterion.benchmark_group("three empty stages");
    group
        .throughput(Throughput::Elements(REQUESTS))
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4));
    for (name, pools, max_batch) in [
        ("pipeline, one worker", vec![1], 1),
        ("pipeline, one pool of 2", vec![2], 1),
        ("pipeline, one pool of 2, batches of 16", vec![2], 16),
        ("pipeline, a worker a stage", vec![1, 1, 1], 1),
        (
            "pipeline, a worker a stage, batches of 16",
            vec![1, 1, 1],
            16,
        ),
    ] {
        group.bench_function(name, |bencher| {
            let make = || pipeline(&pools, max_batch);
            bencher.iter_batched_ref(
                make,
                |pipeline| assert_eq!(through_pipeline(pipeline), expected),
                BatchSize::PerIteration,
            );
        });
    }
    group.bench_function("crossbeam-channel, a thread a stage", |bencher| {
        bencher.iter(|| {
            let sum = through_channels(
                || crossbeam_channel::bounded::<u64>(CAPACITY),
                |sender, n| sender.send(n).is_ok(),
                |receiver| receiver.recv().ok(),
            );
            assert_eq!(sum, expected);
        });
    });
    group.bench_function("flume, a thread a stage", |bencher| {
        bencher.iter(|| {
            let sum = through_channels(
                || flume::bounded::<u64>(CAPACITY),
                |sender, n| sender.send(n).is_ok(),
                |receiver| receiver.recv().ok(),
            );
            assert_eq!(sum, expected);
        });
    });
    group.finish();

    // One request at a time: what a caller who waits pays for being handed from thread to thread.
    let mut group = criterion.benchmark_group("one request at a time");
    group.bench_function("pipeline, one pool of 2", |bencher| {
        let pipeline = pipeline(&[2], 1);
        let mailbox = Mailbox::new(Order::FirstDone);
        bencher.iter(|| {
            let sent = pipeline.submit(Request::new(7), Patience::Forever, mailbox.reply(()));
            sent.expect("an open pipeline");
            assert_eq!(
                mailbox.take(None).map(|(_key, outcome)| outcome),
                Some(Ok(7))
            );
        });
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    benches(&mut criterion);
    criterion.final_summary();
}
