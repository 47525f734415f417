//! Stages of work behind bounded queues, for requests that come from many threads.
//!
//! A [`Pipeline`] takes [`Request`]s, leads each through its stages in order, and calls the request's reply once, with
//! a result or with the [`Failure`] that says why there is none. Each stage has a queue a priority, and works on
//! micro-batches: as many as wait, up to `max_batch`, after a wait of at most `max_wait` for more. Stages are served
//! by pools of worker threads; several stages may share a pool, and then the latest is served first.
//!
//! - **Backpressure.** A stage has places for requests. A worker takes nothing whose next stage has no place for what
//!   becomes of it, so a slow stage holds up those before it, at last [`Pipeline::submit`], and no memory grows.
//!   The last stage needs no place, so somebody can always work: stages that share a pool cannot lock each other up.
//! - **Fairness.** First come, first served within a priority and a stage; nothing of a lower priority is taken while
//!   a higher one waits. Long work may ask to be called [`Step::Again`] and lets others in between.
//! - **Isolation.** A stage that fails or panics costs the requests of that call; the worker goes on.
//! - **Ends.** A [`Ticket`] cancels, a deadline expires what waits, [`Pipeline::drain`] finishes all that is in,
//!   [`Pipeline::abort`] ends it. Every admitted request is replied to exactly once, whichever way it ends.
//!
//! ```
//! use kalakan_pipeline::{Builder, Mailbox, Order, Patience, Request, StageOptions, Step};
//!
//! let pipeline = Builder::<u32, String>::new([2])
//!     .stage(StageOptions::new("half"), |batch| {
//!         let half = |n: u32| if n % 2 == 0 { Ok(Step::Next(n / 2)) } else { Err(format!("{n} is odd")) };
//!         batch.into_iter().map(half).collect()
//!     })
//!     .stage(StageOptions::new("square"), |batch| {
//!         batch.into_iter().map(|n| Ok(Step::Next(n * n))).collect()
//!     })
//!     .build()?;
//! let results = Mailbox::new(Order::Submitted);
//! for n in [6, 7, 8] {
//!     pipeline.submit(Request::new(n), Patience::Forever, results.reply(n))?;
//! }
//! let found: Vec<_> = (0..3).filter_map(|_| results.take(None)).collect();
//! assert_eq!(found[0], (6, Ok(9)));
//! assert_eq!(found[1].1.as_ref().unwrap_err().to_string(), "7 is odd");
//! assert_eq!(found[2], (8, Ok(16)));
//! assert!(pipeline.drain(None));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Why these queues.** crossbeam's `ArrayQueue` is Vyukov's bounded queue: a push and a pop are one compare-and-swap
//! each on different cache lines, nothing is allocated after the start, and no thread waits for a lock. It is not
//! lock-free in the strictest sense, as no array queue without double-width atomics is: a thread that is preempted
//! between claiming a slot and filling it delays whoever comes for that slot. A channel (crossbeam's, flume) would
//! bring a second way to sleep for every queue, where a worker here sleeps for all its stages at once, and neither
//! has priorities or a place that is held before the work. Unbounded and segmented queues allocate as they grow.
//! How threads sleep and wake is told at the type `Signal`, and explored by loom: see `tests/loom.rs`.

mod delivery;
mod error;
mod gate;
mod metrics;
mod queue;
mod request;
mod scheduler;
mod signal;
mod stage;
mod sync;
mod worker;

pub use delivery::{Mailbox, Order};
pub use error::{BuildError, Failure};
pub use metrics::{Snapshot, StageSnapshot, Summary};
pub use request::{Outcome, Priority, Reason, Refused, Reply, Request, Ticket};
pub use scheduler::{Around, Builder, Patience, Pipeline};
pub use stage::{StageOptions, Step, Work};
