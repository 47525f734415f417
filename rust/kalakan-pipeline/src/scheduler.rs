//! The pipeline as its owner sees it: admission, closing, and the threads.

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

/// What a worker thread does around its work: it calls the function that it is given, once.
pub type Around = Arc<dyn Fn(&mut (dyn FnMut() + Send)) + Send + Sync>;

/// Describes a pipeline; [`Builder::build`] starts its threads.
pub struct Builder<T, E> {
    stages: Vec<(StageOptions, Work<T, E>)>,
    pools: Vec<usize>,
    around: Around,
}

impl<T: Send + 'static, E: Send + 'static> Builder<T, E> {
    /// A pipeline whose pools have this many worker threads each.
    ///
    /// One pool that serves every stage never runs more threads than it has, and finishes what is begun before it
    /// begins more. A stage with a pool of its own works beside the others, as the one that feeds a GPU should.
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

    /// Runs every worker inside `around`, for what a thread must hold for its life.
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
    /// [`BuildError::Options`] names what is out of range; [`BuildError::Thread`] where a thread cannot be had.
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

/// How long [`Pipeline::submit`] waits for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Not at all.
    Never,
    /// Until this moment.
    Until(Instant),
    /// Until there is one.
    Forever,
}

/// Stages in service. Dropping it aborts it and does not wait for its workers.
pub struct Pipeline<T, E> {
    shared: Arc<Shared<T, E>>,
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
}

impl<T: Send + 'static, E: Send + 'static> Pipeline<T, E> {
    fn start_worker(&self, pool: usize, number: usize, around: &Around) -> Result<(), BuildError> {
        let (gate, around) = (Arc::clone(&self.shared.gate), Arc::clone(around));
        // Let go inside `around`: with the last worker may go what the stages hold.
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

    /// Admits a request as soon as its stage has a place for it; `reply` is called with its outcome, exactly once.
    ///
    /// # Errors
    ///
    /// [`Refused`] holds the request and why it was not admitted; `reply` is dropped then.
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

    /// Waits until a stage has a place for a request of this priority, or the pipeline is closed; false where
    /// `deadline` comes first. Whoever comes before may take the place.
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

    /// Takes no more requests, and waits until those that are in have left and the workers have ended.
    ///
    /// False where `deadline` comes first; the pipeline goes on draining then. On a worker's own thread it does not
    /// wait, because that would be for itself.
    pub fn drain(&self, deadline: Option<Instant>) -> bool {
        self.shared.gate.close(DRAINING);
        self.shared.wake_everybody();
        self.join(deadline)
    }

    /// Takes no more requests, and ends those that are in as [`Failure::Aborted`](crate::Failure::Aborted): what
    /// waits at once, what a stage works on when the stage returns. [`Self::join`] waits for that.
    pub fn abort(&self) {
        self.shared.gate.close(ABORTING);
        self.shared.sweep();
        self.shared.wake_everybody();
    }

    /// Waits until a closed pipeline's workers have ended; false as for [`Self::drain`], and for one that is not closed.
    pub fn join(&self, deadline: Option<Instant>) -> bool {
        let gate = &self.shared.gate;
        let is_done = || gate.workers.load(Ordering::Acquire) == 0;
        if !gate.is_closed() || self.is_own_worker() || !gate.quiet.wait_until(deadline, is_done) {
            return false;
        }
        let threads = std::mem::take(&mut *lock(&self.threads));
        for thread in threads {
            // A worker catches what stages and replies do; a panic of its own was told about by the panic hook.
            drop(thread.join());
        }
        true
    }

    /// Whether this thread is one of its workers, and so in a stage or a reply.
    pub fn is_own_worker(&self) -> bool {
        let me = thread::current().id();
        let threads = lock(&self.threads);
        threads.iter().any(|worker| worker.thread().id() == me)
    }

    /// Whether it takes no more requests.
    pub fn is_closed(&self) -> bool {
        self.shared.gate.is_closed()
    }

    /// What it has counted so far.
    pub fn metrics(&self) -> Snapshot {
        let stages = &self.shared.stages;
        let stages = stages.iter().map(|stage| {
            let name = &stage.options.name;
            stage.metrics.snapshot(name, stage.lanes.len())
        });
        let open = self.shared.gate.open();
        self.shared.endings.snapshot(open, stages.collect())
    }

    /// Requests that are in it.
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

/// Counts a worker out however its thread ends.
struct Ending(Arc<Gate>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.worker_ended();
    }
}
