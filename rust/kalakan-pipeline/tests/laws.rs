//! Laws of scheduling, for pipelines and requests of every shape.

#![cfg(not(loom))]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use kalakan_pipeline::{
    Builder, Failure, Mailbox, Order, Patience, Pipeline, Priority, Reason, Request, StageOptions,
    Step,
};
use proptest::prelude::*;

/// What a request asks the stages to do with it, and where it has been.
#[derive(Debug, Clone)]
struct Trip {
    id: usize,
    fails_at: Option<usize>,
    panics_at: Option<usize>,
    again: usize,
    been: Vec<usize>,
}

impl Trip {
    fn simple(id: usize) -> Self {
        Self {
            id,
            fails_at: None,
            panics_at: None,
            again: 0,
            been: Vec::new(),
        }
    }
}

fn pass(stage: usize, mut trip: Trip) -> Result<Step<Trip>, String> {
    trip.been.push(stage);
    assert!(trip.panics_at != Some(stage), "trip {} panics", trip.id);
    if trip.fails_at == Some(stage) {
        return Err(format!("trip {} fails", trip.id));
    }
    if trip.again > 0 {
        trip.again -= 1;
        return Ok(Step::Again(trip));
    }
    Ok(Step::Next(trip))
}

/// Capacity, greatest batch, microseconds of wait for it, and pool of a stage.
type Shape = (usize, usize, u64, usize);

fn options(stage: usize, (capacity, max_batch, wait_us, pool): Shape) -> StageOptions {
    StageOptions {
        capacity,
        max_batch: max_batch.min(capacity),
        max_wait: Duration::from_micros(wait_us),
        pool,
        ..StageOptions::new(format!("stage {stage}"))
    }
}

prop_compose! {
    fn stage_shape(pools: usize)(
        capacity in 1usize..6, max_batch in 1usize..5, wait_us in prop::sample::select(vec![0u64, 0, 200]), pool in 0..pools
    ) -> Shape {
        (capacity, max_batch, wait_us, pool)
    }
}

fn shape() -> impl Strategy<Value = (Vec<usize>, Vec<Shape>)> {
    prop::collection::vec(1usize..4, 1..4).prop_flat_map(|pools| {
        let count = pools.len();
        (Just(pools), prop::collection::vec(stage_shape(count), 1..4))
    })
}

#[derive(Debug, Clone)]
struct Plan {
    fails_at: Option<usize>,
    panics_at: Option<usize>,
    again: usize,
    priority: Priority,
    is_cancelled: bool,
    is_late: bool,
}

fn plan() -> impl Strategy<Value = Plan> {
    (
        prop::option::weighted(0.1, 0usize..3),
        prop::option::weighted(0.03, 0usize..3),
        prop::sample::select(vec![0usize, 0, 0, 2]),
        prop::sample::select(Priority::ALL.to_vec()),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(fails_at, panics_at, again, priority, is_cancelled, is_late)| Plan {
                fails_at,
                panics_at,
                again,
                priority,
                is_cancelled,
                is_late,
            },
        )
}

/// Panics of stages are part of the plan; only those that are not are worth the noise.
fn quiet_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info
                .payload()
                .downcast_ref::<String>()
                .cloned()
                .unwrap_or_default();
            if !text.starts_with("trip ") {
                before(info);
            }
        }));
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn every_request_is_answered_once_and_goes_its_way_in_order(
        (pools, stages) in shape(), plans in prop::collection::vec(plan(), 1..120), ordered: bool
    ) {
        quiet_panics();
        let count = stages.len();
        let mut builder = Builder::new(pools);
        for (at, shape) in stages.iter().enumerate() {
            builder = builder.stage(options(at, *shape), move |batch: Vec<Trip>| {
                batch.into_iter().map(|trip| pass(at, trip)).collect()
            });
        }
        let pipeline = builder.build().expect("options in range");
        let order = if ordered { Order::Submitted } else { Order::FirstDone };
        let mailbox = Mailbox::new(order);
        let mut cancelled = HashMap::new();
        for (id, plan) in plans.iter().enumerate() {
            let trip = Trip { fails_at: plan.fails_at, panics_at: plan.panics_at, again: plan.again, ..Trip::simple(id) };
            let request = Request {
                priority: plan.priority,
                deadline: plan.is_late.then(Instant::now),
                ..Request::new(trip)
            };
            let ticket = pipeline.submit(request, Patience::Forever, mailbox.reply(id)).expect("an open pipeline");
            if plan.is_cancelled {
                cancelled.insert(id, ticket.cancel());
            }
        }
        prop_assert!(pipeline.drain(None));
        let mut seen = Vec::new();
        while !mailbox.is_empty() {
            seen.push(mailbox.take(Some(Instant::now())).expect("a drained pipeline owes nothing"));
        }
        if ordered {
            prop_assert!(seen.iter().map(|(id, _)| *id).eq(0..plans.len()));
        }
        seen.sort_by_key(|(id, _)| *id);
        prop_assert!(seen.iter().map(|(id, _)| *id).eq(0..plans.len()), "one answer each");
        for (id, outcome) in &seen {
            let plan = &plans[*id];
            let ends = |at: Option<usize>| at.filter(|at| *at < count);
            match outcome {
                Ok(trip) => {
                    prop_assert!(!plan.is_late);
                    prop_assert_eq!(ends(plan.fails_at), None);
                    prop_assert_eq!(ends(plan.panics_at), None);
                    let mut way = vec![0; plan.again];
                    way.extend(0..count);
                    prop_assert_eq!(&trip.been, &way);
                }
                Err(Failure::Stage(message)) => {
                    prop_assert!(ends(plan.fails_at).is_some());
                    prop_assert_eq!(message, &format!("trip {id} fails"));
                }
                Err(Failure::Panicked(message)) => {
                    prop_assert!(message.starts_with("trip ") && message.ends_with(" panics"), "{}", message);
                }
                Err(Failure::Cancelled) => prop_assert_eq!(cancelled.get(id), Some(&true)),
                Err(Failure::Expired) => prop_assert!(plan.is_late),
                Err(other) => prop_assert!(false, "{:?}", other),
            }
            if cancelled.get(id) == Some(&true) {
                prop_assert!(matches!(outcome, Err(Failure::Cancelled)));
            }
        }
        let metrics = pipeline.metrics();
        let all = metrics.done + metrics.failed + metrics.cancelled + metrics.expired + metrics.aborted;
        prop_assert_eq!((all, metrics.open), (plans.len() as u64, 0));
        for (stage, shape) in metrics.stages.iter().zip(&stages) {
            prop_assert_eq!((stage.depth, stage.in_work), (0, 0));
            prop_assert!(stage.batch.greatest <= shape.1.min(shape.0) as u64);
        }
    }

    #[test]
    fn an_abort_at_any_moment_answers_every_request_once(
        (pools, stages) in shape(), count in 1usize..200, before_abort in 0usize..200
    ) {
        let mut builder = Builder::new(pools);
        for (at, shape) in stages.iter().enumerate() {
            builder = builder.stage(options(at, *shape), move |batch: Vec<Trip>| {
                batch.into_iter().map(|trip| pass(at, trip)).collect()
            });
        }
        let pipeline = Arc::new(builder.build().expect("options in range"));
        let mailbox = Mailbox::new(Order::FirstDone);
        let submitted = Arc::new(AtomicUsize::new(0));
        let submitter = {
            let (pipeline, mailbox, submitted) = (pipeline.clone(), mailbox.clone(), submitted.clone());
            std::thread::spawn(move || {
                let send = |id| pipeline.submit(Request::new(Trip::simple(id)), Patience::Forever, mailbox.reply(id));
                (0..count).map(|id| {
                    let sent = send(id);
                    submitted.fetch_add(1, Ordering::SeqCst);
                    sent.map_err(|refused| refused.reason).map(drop)
                }).collect::<Vec<_>>()
            })
        };
        while submitted.load(Ordering::SeqCst) < before_abort.min(count) {
            std::thread::yield_now();
        }
        pipeline.abort();
        let sent = submitter.join().expect("a submitter that does not panic");
        prop_assert!(pipeline.join(None));
        let admitted = sent.iter().filter(|sent| sent.is_ok()).count();
        prop_assert!(sent.iter().all(|sent| matches!(sent, Ok(()) | Err(Reason::Closed))));
        let mut ids = Vec::new();
        while let Some((id, outcome)) = mailbox.take(Some(Instant::now())) {
            prop_assert!(matches!(outcome, Ok(_) | Err(Failure::Aborted)));
            ids.push(id);
        }
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), admitted);
        prop_assert!(mailbox.is_empty());
    }

    #[test]
    fn one_worker_serves_by_priority_and_then_by_arrival(priorities in prop::collection::vec(0usize..3, 1..40)) {
        let (served, gate) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Gate::default()));
        let pipeline = gated(&gate, &served, 64, 1);
        let mailbox = Mailbox::new(Order::FirstDone);
        block(&pipeline, &gate, &mailbox);
        for (id, priority) in priorities.iter().enumerate() {
            let request = Request { priority: Priority::ALL[*priority], ..Request::new(id) };
            pipeline.submit(request, Patience::Never, mailbox.reply(id)).expect("room");
        }
        gate.open();
        prop_assert!(pipeline.drain(None));
        let mut expected: Vec<usize> = (0..priorities.len()).collect();
        expected.sort_by_key(|id| priorities[*id]);
        let served = served.lock().expect("no panic");
        prop_assert_eq!(&served[1..], &expected);
    }
}

/// Holds a stage until it is opened, and tells when somebody stands before it.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    moved: Condvar,
    is_reached: AtomicBool,
}

impl Gate {
    fn pass(&self) {
        let mut is_open = self.is_open.lock().expect("no panic");
        self.is_reached.store(true, Ordering::SeqCst);
        self.moved.notify_all();
        while !*is_open {
            is_open = self.moved.wait(is_open).expect("no panic");
        }
    }

    fn wait_until_reached(&self) {
        let mut is_open = self.is_open.lock().expect("no panic");
        while !self.is_reached.load(Ordering::SeqCst) {
            is_open = self.moved.wait(is_open).expect("no panic");
        }
    }

    fn open(&self) {
        *self.is_open.lock().expect("no panic") = true;
        self.moved.notify_all();
    }
}

const BLOCKER: usize = usize::MAX;

/// One stage with one worker that stops at the gate for the blocker, and notes whom it served.
fn gated(
    gate: &Arc<Gate>,
    served: &Arc<Mutex<Vec<usize>>>,
    capacity: usize,
    max_batch: usize,
) -> Pipeline<usize, String> {
    let (gate, served) = (gate.clone(), served.clone());
    let options = StageOptions {
        capacity,
        max_batch,
        ..StageOptions::new("gated")
    };
    Builder::new([1])
        .stage(options, move |batch: Vec<usize>| {
            served.lock().expect("no panic").extend(&batch);
            if batch.contains(&BLOCKER) {
                gate.pass();
            }
            batch.into_iter().map(|id| Ok(Step::Next(id))).collect()
        })
        .build()
        .expect("options in range")
}

fn block(pipeline: &Pipeline<usize, String>, gate: &Gate, mailbox: &Mailbox<usize, usize, String>) {
    let reply = mailbox.reply(BLOCKER);
    pipeline
        .submit(Request::new(BLOCKER), Patience::Never, reply)
        .expect("an empty pipeline");
    gate.wait_until_reached();
}

#[test]
fn a_full_stage_refuses_gives_the_request_back_and_keeps_no_other_priority_out() {
    let (served, gate) = (Arc::default(), Arc::default());
    let pipeline = gated(&gate, &served, 2, 1);
    let mailbox = Mailbox::new(Order::Submitted);
    block(&pipeline, &gate, &mailbox);
    pipeline
        .submit(Request::new(1), Patience::Never, mailbox.reply(1))
        .expect("the second place");
    let refused = pipeline
        .submit(Request::new(2), Patience::Never, mailbox.reply(2))
        .expect_err("no third");
    assert_eq!((refused.reason, refused.request.payload), (Reason::Full, 2));
    assert_eq!(refused.to_string(), "the pipeline is full");
    let soon = Patience::Until(Instant::now() + Duration::from_millis(5));
    let refused = pipeline
        .submit(refused.request, soon, mailbox.reply(2))
        .expect_err("nor later");
    assert_eq!(refused.reason, Reason::Full);
    let urgent = Request {
        priority: Priority::High,
        ..Request::new(3)
    };
    pipeline
        .submit(urgent, Patience::Never, mailbox.reply(3))
        .expect("a place of its own");
    assert_eq!(pipeline.metrics().open, 3);
    gate.open();
    assert!(pipeline.drain(None));
    assert_eq!(*served.lock().expect("no panic"), [BLOCKER, 3, 1]);
    let ids: Vec<_> = std::iter::from_fn(|| mailbox.take(Some(Instant::now())))
        .map(|(id, _)| id)
        .collect();
    assert_eq!(ids, [BLOCKER, 1, 3], "refused requests leave no gap");
}

#[test]
fn what_is_cancelled_or_late_before_its_turn_is_never_worked_on() {
    let (served, gate) = (Arc::default(), Arc::default());
    let pipeline = gated(&gate, &served, 8, 1);
    let mailbox = Mailbox::new(Order::FirstDone);
    block(&pipeline, &gate, &mailbox);
    let ticket = pipeline
        .submit(Request::new(1), Patience::Never, mailbox.reply(1))
        .expect("room");
    let late = Request {
        deadline: Some(Instant::now()),
        ..Request::new(2)
    };
    pipeline
        .submit(late, Patience::Never, mailbox.reply(2))
        .expect("room");
    assert!(ticket.cancel());
    assert!(!ticket.cancel(), "only once");
    assert_eq!(
        mailbox.take(None),
        Some((1, Err(Failure::Cancelled))),
        "at once, not when its turn comes"
    );
    gate.open();
    assert!(pipeline.drain(None));
    assert_eq!(*served.lock().expect("no panic"), [BLOCKER]);
    assert_eq!(mailbox.take(None), Some((BLOCKER, Ok(BLOCKER))));
    assert_eq!(mailbox.take(None), Some((2, Err(Failure::Expired))));
    let metrics = pipeline.metrics();
    assert_eq!(
        (metrics.done, metrics.cancelled, metrics.expired),
        (1, 1, 1)
    );
}

#[test]
fn what_waits_is_worked_on_together_up_to_the_batch_size() {
    let (served, gate) = (Arc::default(), Arc::default());
    let pipeline = gated(&gate, &served, 16, 4);
    let mailbox = Mailbox::new(Order::Submitted);
    block(&pipeline, &gate, &mailbox);
    for id in 0..10 {
        pipeline
            .submit(Request::new(id), Patience::Never, mailbox.reply(id))
            .expect("room");
    }
    gate.open();
    assert!(pipeline.drain(None));
    let batch = pipeline.metrics().stages[0].batch;
    assert_eq!(
        (batch.count, batch.greatest),
        (4, 4),
        "1 + 4 + 4 + 2 requests"
    );
}

#[test]
fn a_batch_waits_for_more_and_is_filled_by_what_comes() {
    let options = StageOptions {
        max_batch: 3,
        max_wait: Duration::from_secs(60),
        ..StageOptions::new("patient")
    };
    let pipeline = Builder::<usize, String>::new([2])
        .stage(options, |batch| {
            let size = batch.len();
            batch.into_iter().map(|_| Ok(Step::Next(size))).collect()
        })
        .build()
        .expect("options in range");
    let mailbox = Mailbox::new(Order::FirstDone);
    for id in 0..3 {
        pipeline
            .submit(Request::new(id), Patience::Never, mailbox.reply(id))
            .expect("room");
    }
    for _ in 0..3 {
        assert_eq!(mailbox.take(None).map(|(_, size)| size), Some(Ok(3)));
    }
    // A drain does not sit out the wait.
    pipeline
        .submit(Request::new(3), Patience::Never, mailbox.reply(3))
        .expect("room");
    assert!(pipeline.drain(None));
    assert_eq!(mailbox.take(None), Some((3, Ok(1))));
}

#[test]
fn a_stage_that_returns_too_few_results_fails_its_batch_and_lives() {
    let pipeline = Builder::<usize, String>::new([1])
        .stage(StageOptions::new("lossy"), |batch| {
            batch
                .into_iter()
                .filter(|id| *id != 7)
                .map(|id| Ok(Step::Done(id)))
                .collect()
        })
        .stage(StageOptions::new("never"), |_| {
            unreachable!("what is done goes no further")
        })
        .build()
        .expect("options in range");
    let mailbox = Mailbox::new(Order::Submitted);
    for id in [7, 8] {
        pipeline
            .submit(Request::new(id), Patience::Never, mailbox.reply(id))
            .expect("room");
    }
    let (_, lost) = mailbox.take(None).expect("an answer");
    let text = "stage lossy returned 0 results for 1 payloads; it must return one for each";
    assert_eq!(lost.expect_err("no result").to_string(), text);
    assert_eq!(mailbox.take(None), Some((8, Ok(8))));
}

#[test]
fn a_reply_may_panic_submit_or_close_without_harm() {
    quiet_panics();
    let pipeline = Arc::new(
        Builder::<usize, String>::new([1])
            .stage(StageOptions::new("only"), |batch| {
                batch.into_iter().map(|id| Ok(Step::Next(id))).collect()
            })
            .build()
            .expect("options in range"),
    );
    let mailbox = Mailbox::new(Order::FirstDone);
    pipeline
        .submit(
            Request::new(0),
            Patience::Never,
            Box::new(|_| panic!("trip {} panics", 0)),
        )
        .expect("room");
    let (again, reply) = (pipeline.clone(), mailbox.reply(2));
    let closing = Box::new(move |_| {
        again
            .submit(Request::new(2), Patience::Never, reply)
            .expect("an open pipeline");
        assert!(!again.drain(None), "a worker does not wait for itself");
    });
    pipeline
        .submit(Request::new(1), Patience::Never, closing)
        .expect("room");
    assert_eq!(mailbox.take(None), Some((2, Ok(2))));
    assert!(pipeline.drain(None));
    let refused = pipeline
        .submit(Request::new(3), Patience::Forever, mailbox.reply(3))
        .expect_err("closed");
    assert_eq!(refused.reason, Reason::Closed);
}

#[test]
fn a_dropped_pipeline_answers_what_waits_in_it() {
    let (served, gate) = (Arc::default(), Arc::default());
    let pipeline = gated(&gate, &served, 8, 1);
    let mailbox = Mailbox::new(Order::FirstDone);
    block(&pipeline, &gate, &mailbox);
    pipeline
        .submit(Request::new(1), Patience::Never, mailbox.reply(1))
        .expect("room");
    drop(pipeline);
    assert_eq!(mailbox.take(None), Some((1, Err(Failure::Aborted))));
    gate.open();
    assert_eq!(mailbox.take(None), Some((BLOCKER, Err(Failure::Aborted))));
}

#[test]
fn options_out_of_range_are_refused_by_name() {
    let build = |pools: Vec<usize>, options: StageOptions| {
        let built = Builder::<usize, String>::new(pools)
            .stage(options, |_| Vec::new())
            .build();
        built.err().expect("out of range").to_string()
    };
    let stage = || StageOptions::new("mel");
    assert_eq!(
        build(vec![0], stage()),
        "pool 0 has 0 workers; it must have 1 to 1024"
    );
    let text = build(vec![1], StageOptions { pool: 1, ..stage() });
    assert_eq!(text, "stage mel: pool is 1; the pipeline has 1 of them");
    let text = build(
        vec![1],
        StageOptions {
            max_batch: 65,
            ..stage()
        },
    );
    assert!(
        text.starts_with("stage mel: capacity is 64 and max_batch 65;"),
        "{text}"
    );
    let text = build(
        vec![1],
        StageOptions {
            max_wait: Duration::from_secs(61),
            ..stage()
        },
    );
    assert_eq!(text, "stage mel: max_wait is 61s; it must be at most 60 s");
    let empty = Builder::<usize, String>::new([1])
        .build()
        .err()
        .expect("no stage");
    assert_eq!(
        empty.to_string(),
        "the pipeline has no stage; it must have at least one"
    );
}
