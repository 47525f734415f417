//! Bindings of `kalakan-pipeline`: stages are Python functions, on threads that hold the GIL only while calling them.

use std::process;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use kalakan_pipeline::{
    Builder, Failure, Mailbox, Order, Outcome, Patience, Priority, Reason, Reply, Request,
    StageOptions, StageSnapshot, Step, Summary, Ticket,
};
use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::error::kalakan_error;

/// Interval at which a wait checks for Ctrl-C.
const SLICE: Duration = Duration::from_millis(50);
/// How long an exiting process waits for calls in progress.
const LAST_WAIT: Duration = Duration::from_secs(5);
/// A timeout of this length or more means no timeout.
const LONGEST_S: f64 = 1e9;

type Payload = Py<PyAny>;
type Results = Mailbox<Py<PyAny>, Payload, PyErr>;

/// Key, value and error of a request.
type Letter = (Payload, Option<Payload>, Option<PyErr>);

/// Adds this module's classes to `kalakan._rust`.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PipelineStage>()?;
    module.add_class::<Again>()?;
    module.add_class::<Done>()?;
    module.add_class::<PipelineTicket>()?;
    module.add_class::<Pipeline>()
}

fn pipeline_error(message: impl Into<String>) -> PyErr {
    kalakan_error("PipelineError", message.into())
}

/// Return value of a stage that requeues this payload behind the waiting ones.
#[pyclass(frozen, module = "kalakan._rust")]
struct Again {
    #[pyo3(get)]
    payload: Payload,
}

#[pymethods]
impl Again {
    #[new]
    #[pyo3(signature = (payload, /))]
    fn new(payload: Payload) -> Self {
        Self { payload }
    }
}

/// Return value of a stage for a payload that is the final result, so that later stages are skipped.
#[pyclass(frozen, module = "kalakan._rust")]
struct Done {
    #[pyo3(get)]
    payload: Payload,
}

#[pymethods]
impl Done {
    #[new]
    #[pyo3(signature = (payload, /))]
    fn new(payload: Payload) -> Self {
        Self { payload }
    }
}

/// A stage: a function from a list of payloads to a list of the same number of results.
#[pyclass(frozen, module = "kalakan._rust")]
struct PipelineStage {
    options: StageOptions,
    work: Payload,
}

#[pymethods]
impl PipelineStage {
    #[new]
    #[pyo3(signature = (name, work, *, capacity=64, max_batch=1, max_wait=0.0, pool=0))]
    fn new(
        name: String,
        work: Payload,
        capacity: usize,
        max_batch: usize,
        max_wait: f64,
        pool: usize,
    ) -> PyResult<Self> {
        let options = StageOptions {
            name,
            capacity,
            max_batch,
            max_wait: seconds("max_wait", max_wait)?,
            pool,
        };
        Ok(Self { options, work })
    }
}

/// A stage's function as the pipeline calls it. After an exception in a batch it is called for each payload alone, so
/// that only the requests that cause it fail.
struct Function {
    name: String,
    work: Payload,
}

impl Function {
    fn results(&self, payloads: Vec<Payload>) -> Vec<Result<Step<Payload>, PyErr>> {
        let count = payloads.len();
        let ended = || pipeline_error("Python has ended");
        let called = Python::try_attach(|py| match self.call(py, &payloads) {
            Err(_) if count > 1 => {
                let alone = |payload: &Payload| {
                    let results = self.call(py, std::slice::from_ref(payload))?;
                    results.into_iter().next().unwrap_or_else(|| Err(ended()))
                };
                payloads.iter().map(alone).collect()
            }
            Err(error) => vec![Err(error)],
            Ok(results) => results,
        });
        // The GIL is not held here: dropped objects are released by the next thread that holds it.
        called.unwrap_or_else(|| (0..count).map(|_| Err(ended())).collect())
    }

    fn call(
        &self,
        py: Python<'_>,
        payloads: &[Payload],
    ) -> PyResult<Vec<Result<Step<Payload>, PyErr>>> {
        let given = PyList::new(py, payloads.iter().map(|payload| payload.bind(py)))?;
        let returned = self.work.bind(py).call1((given,))?;
        let Ok(results) = returned.extract::<Vec<Bound<'_, PyAny>>>() else {
            return Err(pipeline_error(format!(
                "stage {} returned a {}; it must return a list",
                self.name,
                returned.get_type().name()?
            )));
        };
        if results.len() != payloads.len() {
            return Err(pipeline_error(format!(
                "stage {} returned {} results for {} payloads; it must return one for each",
                self.name,
                results.len(),
                payloads.len()
            )));
        }
        Ok(results.into_iter().map(step).collect())
    }
}

fn step(result: Bound<'_, PyAny>) -> Result<Step<Payload>, PyErr> {
    let py = result.py();
    if let Ok(again) = result.cast::<Again>() {
        return Ok(Step::Again(again.get().payload.clone_ref(py)));
    }
    if let Ok(done) = result.cast::<Done>() {
        return Ok(Step::Done(done.get().payload.clone_ref(py)));
    }
    if result.is_instance_of::<PyBaseException>() {
        return Err(PyErr::from_value(result));
    }
    Ok(Step::Next(result.unbind()))
}

/// The value of an outcome, or the exception.
fn parts(outcome: Outcome<Payload, PyErr>) -> (Option<Payload>, Option<PyErr>) {
    let failure = match outcome {
        Ok(payload) => return (Some(payload), None),
        Err(Failure::Stage(error)) => return (None, Some(error)),
        Err(failure) => failure,
    };
    let class = match failure {
        Failure::Cancelled => "RequestCancelled",
        Failure::Expired => "DeadlineExceeded",
        Failure::Aborted => "PipelineClosed",
        _ => "PipelineError",
    };
    (None, Some(kalakan_error(class, failure.to_string())))
}

/// A pipeline and the process that its threads belong to.
struct Home {
    pipeline: kalakan_pipeline::Pipeline<Payload, PyErr>,
    results: Results,
    process: u32,
}

impl Home {
    fn check_process(&self) -> PyResult<&Self> {
        check_process(self.process).map(|()| self)
    }
}

/// A fork copies no threads, and a lock held by one of them stays locked: the child must not use the pipeline.
fn check_process(made_in: u32) -> PyResult<()> {
    let here = process::id();
    if made_in == here {
        return Ok(());
    }
    Err(pipeline_error(format!(
        "this pipeline was made in process {made_in} and has no workers in process {here}; make one after the fork"
    )))
}

/// Pipelines that may have threads when the interpreter ends; only accessed with the GIL, so never locked in a fork.
static HOMES: Mutex<Vec<Weak<Home>>> = Mutex::new(Vec::new());

/// Registers a pipeline and shuts it down before the interpreter exits.
fn remember(py: Python<'_>, home: &Arc<Home>) -> PyResult<()> {
    let mut homes = HOMES.lock().unwrap_or_else(PoisonError::into_inner);
    homes.retain(|home| home.strong_count() > 0);
    let is_first = homes.is_empty();
    homes.push(Arc::downgrade(home));
    drop(homes);
    if is_first {
        let close = wrap_pyfunction!(close_pipelines, py)?;
        let atexit = py.import("atexit")?;
        atexit.call_method1("unregister", (&close,))?;
        atexit.call_method1("register", (close,))?;
    }
    Ok(())
}

#[pyfunction]
fn close_pipelines(py: Python<'_>) {
    let homes = std::mem::take(&mut *HOMES.lock().unwrap_or_else(PoisonError::into_inner));
    let here = process::id();
    let homes: Vec<Arc<Home>> = homes
        .iter()
        .filter_map(Weak::upgrade)
        .filter(|home| home.process == here)
        .collect();
    let until = Instant::now() + LAST_WAIT;
    py.detach(|| {
        for home in &homes {
            home.pipeline.abort();
        }
        for home in &homes {
            home.pipeline.join(Some(until));
        }
    });
}

/// A pipeline of stages on worker threads; see `kalakan._rust.pyi`.
#[pyclass(frozen, weakref, module = "kalakan._rust")]
struct Pipeline {
    home: Arc<Home>,
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        if self.home.check_process().is_err() {
            // Never to be dropped: see `check_process`.
            std::mem::forget(Arc::clone(&self.home));
        }
    }
}

#[pymethods]
impl Pipeline {
    #[new]
    #[pyo3(signature = (stages, workers, *, ordered=false))]
    fn new(
        py: Python<'_>,
        stages: Vec<PyRef<'_, PipelineStage>>,
        workers: Vec<usize>,
        ordered: bool,
    ) -> PyResult<Self> {
        // A Python thread state for the worker's lifetime: attaching to it is cheaper than creating one for each call.
        let mut builder = Builder::new(workers).around(|body| {
            match Python::try_attach(|py| py.detach(&mut *body)) {
                Some(()) => {}
                None => body(),
            }
        });
        for stage in stages {
            let function = Function {
                name: stage.options.name.clone(),
                work: stage.work.clone_ref(py),
            };
            builder = builder.stage(stage.options.clone(), move |payloads| {
                function.results(payloads)
            });
        }
        let order = if ordered {
            Order::Submitted
        } else {
            Order::FirstDone
        };
        let pipeline = builder
            .build()
            .map_err(|error| kalakan_error("ConfigError", error.to_string()))?;
        let home = Arc::new(Home {
            pipeline,
            results: Mailbox::new(order),
            process: process::id(),
        });
        remember(py, &home)?;
        Ok(Self { home })
    }

    #[pyo3(signature = (payload, *, key=None, reply=None, priority=1, deadline=None, stage=0, timeout=None))]
    #[expect(clippy::too_many_arguments, reason = "keywords, on the side of Python")]
    fn submit(
        &self,
        py: Python<'_>,
        payload: Payload,
        key: Option<Payload>,
        reply: Option<Payload>,
        priority: usize,
        deadline: Option<f64>,
        stage: usize,
        timeout: Option<f64>,
    ) -> PyResult<PipelineTicket> {
        let home = self.home.check_process()?;
        let Some(priority) = Priority::ALL.get(priority).copied() else {
            return Err(kalakan_error(
                "ConfigError",
                format!("priority is {priority}; it must be 0 (first), 1 or 2"),
            ));
        };
        let key = key.unwrap_or_else(|| py.None());
        let until = moment("timeout", timeout)?;
        let mut request = Request {
            priority,
            stage,
            deadline: moment("deadline", deadline)?,
            ..Request::new(payload)
        };
        loop {
            let reply: Reply<Payload, PyErr> = match &reply {
                None => home.results.reply(key.clone_ref(py)),
                Some(function) => callback(function.clone_ref(py)),
            };
            // The first try does not block: if there is room, the GIL is not released.
            let (slice, is_last) = slice_until(until);
            let sent = home.pipeline.submit(request, Patience::Never, reply);
            let refused = match sent {
                Ok(ticket) => {
                    let process = home.process;
                    return Ok(PipelineTicket { ticket, process });
                }
                Err(refused) => refused,
            };
            match refused.reason {
                Reason::Full if !is_last => {
                    let (stage, priority) = (refused.request.stage, refused.request.priority);
                    py.detach(|| home.pipeline.wait_for_place(stage, priority, Some(slice)));
                    py.check_signals()?;
                }
                reason => {
                    let class = match reason {
                        Reason::Full => "PipelineFull",
                        Reason::Closed => "PipelineClosed",
                        Reason::UnknownStage => "ConfigError",
                    };
                    return Err(kalakan_error(class, refused.to_string()));
                }
            }
            request = refused.request;
        }
    }

    /// Key, value and error of the next request that has no `reply`; None after the timeout.
    #[pyo3(signature = (timeout=None))]
    fn result(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<Letter>> {
        let home = self.home.check_process()?;
        let until = moment("timeout", timeout)?;
        loop {
            let (slice, is_last) = slice_until(until);
            if let Some((key, outcome)) = py.detach(|| home.results.take(Some(slice))) {
                let (value, error) = parts(outcome);
                return Ok(Some((key, value, error)));
            }
            py.check_signals()?;
            if is_last {
                return Ok(None);
            }
        }
    }

    /// Requests without a `reply` whose result was not collected.
    #[getter]
    fn pending(&self) -> PyResult<usize> {
        Ok(self.home.check_process()?.results.len())
    }

    #[getter]
    fn is_closed(&self) -> PyResult<bool> {
        Ok(self.home.check_process()?.pipeline.is_closed())
    }

    fn metrics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let found = self.home.check_process()?.pipeline.metrics();
        let metrics = PyDict::new(py);
        metrics.set_item("open", found.open)?;
        metrics.set_item("done", found.done)?;
        metrics.set_item("failed", found.failed)?;
        metrics.set_item("cancelled", found.cancelled)?;
        metrics.set_item("expired", found.expired)?;
        metrics.set_item("aborted", found.aborted)?;
        let stages = found.stages.iter().map(|stage| stage_metrics(py, stage));
        metrics.set_item("stages", stages.collect::<PyResult<Vec<_>>>()?)?;
        Ok(metrics)
    }

    #[pyo3(signature = (timeout=None))]
    fn drain(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let home = self.home.check_process()?;
        self.wait(py, timeout, |slice| home.pipeline.drain(Some(slice)))
    }

    fn abort(&self, py: Python<'_>) -> PyResult<()> {
        let home = self.home.check_process()?;
        py.detach(|| home.pipeline.abort());
        Ok(())
    }

    #[pyo3(signature = (timeout=None))]
    fn join(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let home = self.home.check_process()?;
        if !home.pipeline.is_closed() {
            return Err(pipeline_error(
                "the pipeline is not closed; drain or abort it, then wait for its end",
            ));
        }
        self.wait(py, timeout, |slice| home.pipeline.join(Some(slice)))
    }
}

impl Pipeline {
    /// Waits in slices until `has_come` returns true or the timeout expires.
    fn wait(
        &self,
        py: Python<'_>,
        timeout: Option<f64>,
        has_come: impl Fn(Instant) -> bool + Send + Sync,
    ) -> PyResult<bool> {
        let until = moment("timeout", timeout)?;
        loop {
            let (slice, is_last) = slice_until(until);
            if py.detach(|| has_come(slice)) {
                return Ok(true);
            }
            py.check_signals()?;
            if is_last || self.home.pipeline.is_own_worker() {
                return Ok(false);
            }
        }
    }
}

/// The caller's handle on a request.
#[pyclass(frozen, module = "kalakan._rust")]
struct PipelineTicket {
    ticket: Ticket<Payload, PyErr>,
    process: u32,
}

#[pymethods]
impl PipelineTicket {
    /// Ends the request with `RequestCancelled`; False if it had already ended.
    fn cancel(&self, py: Python<'_>) -> PyResult<bool> {
        check_process(self.process)?;
        Ok(py.detach(|| self.ticket.cancel()))
    }

    #[getter]
    fn is_settled(&self) -> PyResult<bool> {
        check_process(self.process)?;
        Ok(self.ticket.is_settled())
    }
}

/// A reply that calls a Python function with the value and the error of an outcome.
fn callback(function: Payload) -> Reply<Payload, PyErr> {
    Box::new(move |outcome| {
        Python::try_attach(|py| {
            let (value, error) = parts(outcome);
            if let Err(raised) = function.call1(py, (value, error)) {
                raised.write_unraisable(py, Some(function.bind(py)));
            }
        });
    })
}

/// The end of the next slice of a wait, and whether it is the last one.
fn slice_until(until: Option<Instant>) -> (Instant, bool) {
    let slice = Instant::now() + SLICE;
    match until {
        Some(until) if until <= slice => (until, true),
        _ => (slice, false),
    }
}

fn seconds(option: &str, value: f64) -> PyResult<Duration> {
    if !(0.0..=LONGEST_S).contains(&value) {
        return Err(kalakan_error(
            "ConfigError",
            format!("{option} is {value}; it must be 0 to {LONGEST_S} seconds"),
        ));
    }
    Ok(Duration::from_secs_f64(value))
}

/// The instant this many seconds from now.
fn moment(option: &str, value: Option<f64>) -> PyResult<Option<Instant>> {
    value
        .map(|value| Ok(Instant::now() + seconds(option, value)?))
        .transpose()
}

fn stage_metrics<'py>(py: Python<'py>, stage: &StageSnapshot) -> PyResult<Bound<'py, PyDict>> {
    let metrics = PyDict::new(py);
    metrics.set_item("name", &stage.name)?;
    metrics.set_item("depth", stage.depth)?;
    metrics.set_item("in_work", stage.in_work)?;
    metrics.set_item("wait_s", summary(py, &stage.wait_us, 1e-6)?)?;
    metrics.set_item("service_s", summary(py, &stage.service_us, 1e-6)?)?;
    metrics.set_item("batch", summary(py, &stage.batch, 1.0)?)?;
    Ok(metrics)
}

fn summary<'py>(py: Python<'py>, values: &Summary, unit: f64) -> PyResult<Bound<'py, PyDict>> {
    let summary = PyDict::new(py);
    summary.set_item("count", values.count)?;
    summary.set_item("mean", values.mean * unit)?;
    summary.set_item("p50", values.p50 as f64 * unit)?;
    summary.set_item("p99", values.p99 as f64 * unit)?;
    summary.set_item("greatest", values.greatest as f64 * unit)?;
    Ok(summary)
}
