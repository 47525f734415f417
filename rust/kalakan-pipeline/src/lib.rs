//! Stages of work behind bounded queues, for requests that come from many threads.
//!
//! A [`Pipeline`] accepts [`Request`]s, sends each through its stages in order, and calls the request's reply once,
//! with a result or with the [`Failure`] that explains why there is none. Each stage has one queue per priority and
//! processes micro-batches of up to `max_batch` requests, waiting at most `max_wait` for a batch to fill up. Pools of
//! worker threads serve the stages; if several stages share a pool, the latest stage is served first.
//!
//! - **Backpressure.** A stage has a limited number of places. A worker takes a request only if the next stage has a
//!   place for its result, so a slow stage blocks the earlier ones and finally [`Pipeline::submit`], and memory is
//!   bounded. The last stage needs no place, so some worker can always proceed: stages that share a pool cannot
//!   deadlock.
//! - **Fairness.** Within a priority and a stage, requests are served in order of arrival; lower priorities wait for
//!   higher ones. Long work can return [`Step::Again`] to let other requests run in between.
//! - **Isolation.** If a stage fails or panics, only the requests of that call fail; the worker continues.
//! - **Termination.** A [`Ticket`] cancels a request, a deadline expires waiting requests, [`Pipeline::drain`] finishes
//!   all requests, and [`Pipeline::abort`] ends them. Every admitted request gets exactly one reply.
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
//! **Why these queues.** crossbeam's `ArrayQueue` is Vyukov's bounded queue: a push and a pop each take one
//! compare-and-swap on different cache lines, nothing is allocated after the start, and no thread waits for a lock. It
//! is not strictly lock-free, as no array queue without double-width atomics is: a thread preempted between claiming a
//! slot and filling it delays the next user of that slot. Channels (crossbeam, flume) would add a separate way to sleep
//! per queue, while a worker here sleeps for all its stages at once, and they have neither priorities nor reservations.
//! Unbounded and segmented queues allocate as they grow. The type `Signal` documents how threads sleep and wake; loom
//! explores it in `tests/loom.rs`.

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
