//! The public pipeline: admission, closing, and threads.

use std::sync::Arc;
use std::time::Instant;

use crate::error::BuildError;
use crate::gate::{Gate, ABORTING, DRAINING};
use crate::metrics::Snapshot;
use crate::request::{Priority, Reason, Refused, Reply, Request, Settlement, Ticket};
use crate::signal::Signal;
use crate::stage::{Stage, StageOptions, Work};
use crate::sync::{lock, thread, Mutex, Ordering};
use crate::worker::{Item, Pool, Shared};

/// Wraps the main loop of a worker thread; must call the given function once.
pub type Around = Arc<dyn Fn(&mut (dyn FnMut() + Send)) + Send + Sync>;

/// Describes a pipeline; [`Builder::build`] starts its threads.
pub struct Builder<T, E> {
    stages: Vec<(StageOptions, Work<T, E>)>,
    pools: Vec<usize>,
    around: Around,
}

impl<T: Send + 'static, E: Send + 'static> Builder<T, E> {
    /// A pipeline with these numbers of worker threads per pool.
    ///
    /// A single pool for all stages bounds the number of threads, and finishes started requests before it starts new
    /// ones. A stage with its own pool runs in parallel with the others, as a stage that feeds a GPU should.
    pub fn new(pools: impl Into<Vec<usize>>) -> Self {
        Self {
            stages: Vec::new(),
            pools: pools.into(),
            around: Arc::new(|body| body()),
        }
    }

    /// Appends a stage.
    #[must_use]
    pub fn stage(
        mut self,
        options: StageOptions,
        work: impl Fn(Vec<T>) -> Vec<Result<crate::Step<T>, E>> + Send + Sync + 'static,
    ) -> Self {
        self.stages.push((options, Box::new(work)));
        self
    }

    /// Runs every worker inside `around`, for resources that a thread must hold as long as it lives.
    #[must_use]
    pub fn around(
        mut self,
        around: impl Fn(&mut (dyn FnMut() + Send)) + Send + Sync + 'static,
    ) -> Self {
        self.around = Arc::new(around);
        self
    }

    fn fault(&self) -> Option<String> {
        if self.stages.is_empty() {
            return Some("the pipeline has no stage; it must have at least one".into());
        }
        if let Some(pool) = self
            .pools
            .iter()
            .position(|threads| !(1..=1024).contains(threads))
        {
            return Some(format!(
                "pool {pool} has {} workers; it must have 1 to 1024",
                self.pools[pool]
            ));
        }
        let stages = &self.stages;
        stages
            .iter()
            .find_map(|(options, _)| options.fault(self.pools.len()))
    }

    /// Starts the workers.
    ///
    /// # Errors
    ///
    /// [`BuildError::Options`] names the option that is out of range; [`BuildError::Thread`] if a thread cannot start.
    pub fn build(self) -> Result<Pipeline<T, E>, BuildError> {
        if let Some(fault) = self.fault() {
            return Err(BuildError::Options(fault));
        }
        let stages: Vec<Stage<T, E, Item<T, E>>> = self
            .stages
            .into_iter()
            .map(|(options, work)| Stage::new(options, work))
            .collect();
        let pool = |(pool, _)| Pool {
            stages: (0..stages.len())
                .rev()
                .filter(|at| stages[*at].options.pool == pool)
                .collect(),
            signal: Signal::default(),
        };
        let shared = Arc::new(Shared {
            pools: self.pools.iter().enumerate().map(pool).collect(),
            stages,
            gate: Arc::default(),
            endings: crate::metrics::Endings::default(),
        });
        let pipeline = Pipeline {
            shared,
            threads: Mutex::default(),
        };
        for (pool, count) in self.pools.into_iter().enumerate() {
            for number in 0..count {
                pipeline.start_worker(pool, number, &self.around)?;
            }
        }
        Ok(pipeline)
    }
}

/// How long [`Pipeline::submit`] waits for a free place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Not at all.
    Never,
    /// Until this moment.
    Until(Instant),
    /// Until there is one, without a limit.
    Forever,
}

/// A running pipeline. Dropping it aborts it without waiting for its workers.
pub struct Pipeline<T, E> {
    shared: Arc<Shared<T, E>>,
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
}

impl<T: Send + 'static, E: Send + 'static> Pipeline<T, E> {
    fn start_worker(&self, pool: usize, number: usize, around: &Around) -> Result<(), BuildError> {
        let (gate, around) = (Arc::clone(&self.shared.gate), Arc::clone(around));
        // Dropped inside `around`, because the last worker may drop what the stages hold.
        let mut shared = Some(Arc::clone(&self.shared));
        gate.workers.fetch_add(1, Ordering::AcqRel);
        let body = move || {
            let _ending = Ending(gate);
            around(&mut || {
                if let Some(shared) = shared.take() {
                    shared.work(pool);
                }
            });
        };
        let name = format!("kalakan-{pool}-{number}");
        match thread::Builder::new().name(name).spawn(body) {
            Ok(thread) => {
                lock(&self.threads).push(thread);
                Ok(())
            }
            Err(error) => {
                self.shared.gate.workers.fetch_sub(1, Ordering::AcqRel);
                Err(BuildError::Thread(error))
            }
        }
    }

    /// Admits a request as soon as its stage has a free place; `reply` is called exactly once, with the outcome.
    ///
    /// # Errors
    ///
    /// [`Refused`] holds the request and the reason why it was not admitted; `reply` is then dropped.
    pub fn submit(
        &self,
        request: Request<T>,
        patience: Patience,
        reply: Reply<T, E>,
    ) -> Result<Ticket<T, E>, Refused<T>> {
        let refuse = |reason, request| Err(Refused { reason, request });
        let shared = &self.shared;
        let Some(stage) = shared.stages.get(request.stage) else {
            return refuse(Reason::UnknownStage, request);
        };
        let lane = request.priority;
        loop {
            if shared.gate.is_closed() {
                return refuse(Reason::Closed, request);
            }
            if stage.lanes.take_place(lane) {
                break;
            }
            let deadline = match patience {
                Patience::Never => return refuse(Reason::Full, request),
                Patience::Until(at) => Some(at),
                Patience::Forever => None,
            };
            if !self.wait_for_place(request.stage, lane, deadline) {
                return refuse(Reason::Full, request);
            }
        }
        if !shared.gate.enter() {
            stage.lanes.free_place(lane);
            shared.leave();
            return refuse(Reason::Closed, request);
        }
        let settlement = Arc::new(Settlement::new(reply));
        let ticket = Ticket {
            settlement: Arc::clone(&settlement),
        };
        let at = request.stage;
        let item = Item {
            payload: request.payload,
            settlement,
            lane,
            deadline: request.deadline,
            since: Instant::now(),
        };
        shared.push(at, item, None);
        Ok(ticket)
    }

    /// Waits until a stage has a free place for a request of this priority, or the pipeline is closed; false if
    /// `deadline` comes first. Another caller may still take the place first.
    pub fn wait_for_place(
        &self,
        stage: usize,
        priority: Priority,
        deadline: Option<Instant>,
    ) -> bool {
        let gate = &self.shared.gate;
        let Some(stage) = self.shared.stages.get(stage) else {
            return false;
        };
        let may_go_on = || stage.lanes.has_place(priority) || gate.is_closed();
        stage.lanes.freed(priority).wait_until(deadline, may_go_on)
    }

    /// Stops accepting requests, and waits until all admitted requests have left and the workers have ended.
    ///
    /// False if `deadline` comes first; the pipeline then continues draining. On a worker's own thread it does not
    /// wait, because it would wait for itself.
    pub fn drain(&self, deadline: Option<Instant>) -> bool {
        self.shared.gate.close(DRAINING);
        self.shared.wake_everybody();
        self.join(deadline)
    }

    /// Stops accepting requests, and ends all admitted ones as [`Failure::Aborted`](crate::Failure::Aborted): waiting
    /// ones immediately, running ones when their stage returns. [`Self::join`] waits for that.
    pub fn abort(&self) {
        self.shared.gate.close(ABORTING);
        self.shared.sweep();
        self.shared.wake_everybody();
    }

    /// Waits until a closed pipeline's workers have ended; false as for [`Self::drain`], and if it is not closed.
    pub fn join(&self, deadline: Option<Instant>) -> bool {
        let gate = &self.shared.gate;
        let is_done = || gate.workers.load(Ordering::Acquire) == 0;
        if !gate.is_closed() || self.is_own_worker() || !gate.quiet.wait_until(deadline, is_done) {
            return false;
        }
        let threads = std::mem::take(&mut *lock(&self.threads));
        for thread in threads {
            // A worker catches panics of stages and replies; the panic hook has reported its own.
            drop(thread.join());
        }
        true
    }

    /// Whether this thread is one of its workers, running a stage or a reply.
    pub fn is_own_worker(&self) -> bool {
        let me = thread::current().id();
        let threads = lock(&self.threads);
        threads.iter().any(|worker| worker.thread().id() == me)
    }

    /// Whether it has stopped accepting requests.
    pub fn is_closed(&self) -> bool {
        self.shared.gate.is_closed()
    }

    /// Its current metrics.
    pub fn metrics(&self) -> Snapshot {
        let stages = &self.shared.stages;
        let stages = stages.iter().map(|stage| {
            let name = &stage.options.name;
            stage.metrics.snapshot(name, stage.lanes.len())
        });
        let open = self.shared.gate.open();
        self.shared.endings.snapshot(open, stages.collect())
    }

    /// Number of requests in the pipeline.
    pub fn open(&self) -> usize {
        self.shared.gate.open()
    }
}

impl<T, E> Drop for Pipeline<T, E> {
    fn drop(&mut self) {
        self.shared.gate.close(ABORTING);
        self.shared.sweep();
        self.shared.wake_everybody();
    }
}

/// Removes a worker from the count, however its thread ends.
struct Ending(Arc<Gate>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.worker_ended();
    }
}
