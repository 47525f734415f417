//! The worker loop: choose a stage, gather a batch, run it, pass the results on.

use std::any::Any;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::Instant;

use crate::error::Failure;
use crate::gate::Gate;
use crate::metrics::{micros, Endings};
use crate::request::{Outcome, Priority, Settlement};
use crate::signal::Signal;
use crate::stage::{Stage, Step};

/// A request inside the pipeline.
pub(crate) struct Item<T, E> {
    pub(crate) payload: T,
    pub(crate) settlement: Arc<Settlement<T, E>>,
    pub(crate) lane: Priority,
    pub(crate) deadline: Option<Instant>,
    /// When it arrived at its current stage.
    pub(crate) since: Instant,
}

/// Workers that serve the same stages.
pub(crate) struct Pool {
    /// Stages, last one first, so that started requests are finished before new ones are started.
    pub(crate) stages: Vec<usize>,
    /// Signal on which its workers sleep.
    pub(crate) signal: Signal,
}

/// State shared by the workers and the owner of a pipeline.
pub(crate) struct Shared<T, E> {
    pub(crate) stages: Vec<Stage<T, E, Item<T, E>>>,
    pub(crate) pools: Vec<Pool>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) endings: Endings,
}

impl<T, E> Shared<T, E> {
    /// The main loop of a worker.
    pub(crate) fn work(&self, pool: usize) {
        let signal = &self.pools[pool].signal;
        loop {
            if let Some((at, batch)) = self.choose(pool) {
                // A thread that wakes one worker for several items relies on that worker to wake the next.
                signal.wake_one_if(|| self.has_work(pool));
                self.serve(at, batch);
                continue;
            }
            signal.wait_until(None, || self.has_work(pool) || self.gate.is_over());
            if self.gate.is_over() {
                return;
            }
        }
    }

    /// The next batch for a worker of a pool: highest priority first, then latest stage.
    fn choose(&self, pool: usize) -> Option<(usize, Vec<Item<T, E>>)> {
        for lane in Priority::ALL {
            for &at in &self.pools[pool].stages {
                if !self.can_take(at, lane) {
                    continue;
                }
                let batch = self.take_batch(at);
                if !batch.is_empty() {
                    return Some((at, batch));
                }
            }
        }
        None
    }

    fn has_work(&self, pool: usize) -> bool {
        let stages = &self.pools[pool].stages;
        stages
            .iter()
            .any(|&at| Priority::ALL.iter().any(|&lane| self.can_take(at, lane)))
    }

    /// Whether an item is waiting and there is room for its result.
    fn can_take(&self, at: usize, lane: Priority) -> bool {
        let stage = &self.stages[at];
        if stage.lanes.is_empty(lane) || stage.is_gathering() {
            return false;
        }
        let next = self.stages.get(at + 1);
        next.is_none_or(|next| next.lanes.has_place(lane))
    }

    fn take_batch(&self, at: usize) -> Vec<Item<T, E>> {
        let stage = &self.stages[at];
        let mut batch = Vec::with_capacity(stage.options.max_batch.min(64));
        if !stage.gathers() {
            self.fill(at, &mut batch);
            return batch;
        }
        if !stage.begin_gathering() {
            return batch;
        }
        self.fill(at, &mut batch);
        let until = Instant::now() + stage.options.max_wait;
        while !batch.is_empty() && batch.len() < stage.options.max_batch {
            let has_more = || stage.has_waiting() && self.has_room_for_any(at);
            let is_enough = || has_more() || self.gate.is_closed();
            if !stage.arrival.wait_until(Some(until), is_enough) {
                break;
            }
            let before = batch.len();
            self.fill(at, &mut batch);
            if batch.len() == before && self.gate.is_closed() {
                break;
            }
        }
        // Later arrivals wake the pool; `work` wakes for earlier ones that did not fit into the batch.
        stage.end_gathering();
        batch
    }

    fn has_room_for_any(&self, at: usize) -> bool {
        let mut lanes = Priority::ALL.iter();
        lanes.any(|&lane| {
            let next = self.stages.get(at + 1);
            !self.stages[at].lanes.is_empty(lane)
                && next.is_none_or(|next| next.lanes.has_place(lane))
        })
    }

    /// Adds waiting items to a batch, highest priority first, each with a reserved place in the next stage.
    fn fill(&self, at: usize, batch: &mut Vec<Item<T, E>>) {
        let lanes = &self.stages[at].lanes;
        let from = Some(self.stages[at].options.pool);
        for lane in Priority::ALL {
            while batch.len() < self.stages[at].options.max_batch && !lanes.is_empty(lane) {
                let next = self.stages.get(at + 1);
                if !next.is_none_or(|next| next.lanes.take_place(lane)) {
                    break;
                }
                let Some(item) = lanes.pop(lane) else {
                    self.free_next(at, lane, from);
                    break;
                };
                match self.verdict(&item) {
                    None => batch.push(item),
                    Some(failure) => {
                        self.free_next(at, lane, from);
                        self.finish(at, item.lane, &item.settlement, Err(failure), from);
                    }
                }
            }
        }
    }

    /// Why a request should not be processed.
    fn verdict(&self, item: &Item<T, E>) -> Option<Failure<E>> {
        if self.gate.is_aborted() {
            return Some(Failure::Aborted);
        }
        if item.settlement.is_settled() {
            return Some(Failure::Cancelled);
        }
        let is_late = item
            .deadline
            .is_some_and(|deadline| deadline <= Instant::now());
        is_late.then_some(Failure::Expired)
    }

    /// Runs a batch and passes each request on.
    fn serve(&self, at: usize, batch: Vec<Item<T, E>>) {
        let stage = &self.stages[at];
        let metrics = &stage.metrics;
        let started = Instant::now();
        metrics.batch.record(batch.len() as u64);
        metrics.in_work.fetch_add(batch.len(), Relaxed);
        let mut owners = Vec::with_capacity(batch.len());
        let mut payloads = Vec::with_capacity(batch.len());
        for item in batch {
            metrics
                .wait
                .record(micros(started.saturating_duration_since(item.since)));
            payloads.push(item.payload);
            owners.push((item.settlement, item.lane, item.deadline));
        }
        let results = results_of(stage, payloads);
        let now = Instant::now();
        metrics
            .service
            .record(micros(now.saturating_duration_since(started)));
        metrics.in_work.fetch_sub(owners.len(), Relaxed);
        for ((settlement, lane, deadline), result) in owners.into_iter().zip(results) {
            let step = result.map(|step| {
                step.map(|payload| Item {
                    payload,
                    settlement: Arc::clone(&settlement),
                    lane,
                    deadline,
                    since: now,
                })
            });
            self.send_on(at, lane, &settlement, step);
        }
    }

    fn send_on(
        &self,
        at: usize,
        lane: Priority,
        settlement: &Settlement<T, E>,
        step: Result<Step<Item<T, E>>, Failure<E>>,
    ) {
        let stage = &self.stages[at];
        let from = Some(stage.options.pool);
        let outcome = match step {
            Ok(Step::Next(item)) if at + 1 < self.stages.len() => {
                stage.lanes.free_place(lane);
                self.wake_before(at, from);
                return self.push(at + 1, item, from);
            }
            Ok(Step::Again(item)) => {
                self.free_next(at, lane, from);
                return self.push(at, item, from);
            }
            Ok(Step::Next(item) | Step::Done(item)) if !self.gate.is_aborted() => Ok(item.payload),
            Ok(_) => Err(Failure::Aborted),
            Err(failure) => Err(failure),
        };
        self.free_next(at, lane, from);
        self.finish(at, lane, settlement, outcome, from);
    }

    /// Queues an item with a reserved place, and ensures that a worker takes it. `from` is the pool of the calling
    /// worker, which looks for work next and wakes another worker if it leaves some.
    pub(crate) fn push(&self, at: usize, item: Item<T, E>, from: Option<usize>) {
        let stage = &self.stages[at];
        stage.lanes.push(item.lane, item);
        crate::sync::fence(crate::sync::Ordering::SeqCst);
        if stage.is_gathering() {
            stage.arrival.wake_one();
        } else if from != Some(stage.options.pool) {
            self.pools[stage.options.pool].signal.wake_one();
        }
    }

    /// Releases the place reserved in the next stage.
    fn free_next(&self, at: usize, lane: Priority, from: Option<usize>) {
        if let Some(next) = self.stages.get(at + 1) {
            next.lanes.free_place(lane);
            self.wake_before(at + 1, from);
        }
    }

    /// Wakes workers that may be waiting for a place in this stage: those of the previous stage, unless the caller is
    /// one of them (pool `from`).
    fn wake_before(&self, at: usize, from: Option<usize>) {
        let Some(before) = at.checked_sub(1).map(|before| &self.stages[before]) else {
            return;
        };
        if before.is_gathering() {
            before.arrival.wake_one();
        } else if from != Some(before.options.pool) {
            self.pools[before.options.pool].signal.wake_one();
        }
    }

    /// Settles a request that leaves from this stage.
    fn finish(
        &self,
        at: usize,
        lane: Priority,
        settlement: &Settlement<T, E>,
        outcome: Outcome<T, E>,
        from: Option<usize>,
    ) {
        let ending = match &outcome {
            Ok(_) => &self.endings.done,
            Err(Failure::Stage(_) | Failure::Panicked(_) | Failure::Count { .. }) => {
                &self.endings.failed
            }
            Err(Failure::Cancelled) => &self.endings.cancelled,
            Err(Failure::Expired) => &self.endings.expired,
            Err(Failure::Aborted) => &self.endings.aborted,
        };
        let was_open = settlement.settle(outcome);
        let ending = if was_open {
            ending
        } else {
            &self.endings.cancelled
        };
        ending.fetch_add(1, Relaxed);
        self.stages[at].lanes.free_place(lane);
        self.wake_before(at, from);
        self.leave();
    }

    /// Removes a request from the count, and stops the workers after the last one.
    pub(crate) fn leave(&self) {
        if self.gate.leave() {
            self.wake_everybody();
        }
    }

    /// Ends all waiting requests.
    pub(crate) fn sweep(&self) {
        for (at, stage) in self.stages.iter().enumerate() {
            for lane in Priority::ALL {
                while let Some(item) = stage.lanes.pop(lane) {
                    self.finish(at, lane, &item.settlement, Err(Failure::Aborted), None);
                }
            }
        }
    }

    pub(crate) fn wake_everybody(&self) {
        for pool in &self.pools {
            pool.signal.wake_all();
        }
        for stage in &self.stages {
            stage.arrival.wake_all();
            stage.lanes.wake_all();
        }
        self.gate.quiet.wake_all();
    }
}

/// Runs a stage on payloads; always returns as many results as payloads.
fn results_of<T, E, Q>(
    stage: &Stage<T, E, Q>,
    payloads: Vec<T>,
) -> Vec<Result<Step<T>, Failure<E>>> {
    let expected = payloads.len();
    let failures = |make: &dyn Fn() -> Failure<E>| (0..expected).map(|_| Err(make())).collect();
    match catch_unwind(AssertUnwindSafe(|| (stage.work)(payloads))) {
        Ok(results) if results.len() == expected => results
            .into_iter()
            .map(|result| result.map_err(Failure::Stage))
            .collect(),
        Ok(results) => failures(&|| Failure::Count {
            stage: stage.options.name.clone(),
            expected,
            got: results.len(),
        }),
        Err(panic) => {
            let message = message_of(&*panic);
            failures(&|| Failure::Panicked(message.clone()))
        }
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a value that is no text".into())
}
