//! onnxruntime through its C interface, loaded at run time.
//!
//! Functions are looked up in the table `OrtApi` by index; indices never change, because new functions are appended
//! (<https://github.com/microsoft/onnxruntime/blob/main/include/onnxruntime/core/session/onnxruntime_c_api.h>).

#![allow(unsafe_code)]

use std::collections::HashMap;
use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::{Mutex, PoisonError};

use libloading::Library;

use crate::error::{Error, Result};

/// Requested version of the table: that of onnxruntime 1.16, which all later versions provide.
const API_VERSION: u32 = 16;
/// `ORT_LOGGING_LEVEL_ERROR`.
const ONLY_ERRORS: c_int = 3;
/// `OrtArenaAllocator` and `OrtMemTypeDefault`.
const ARENA: c_int = 1;
const DEFAULT_MEMORY: c_int = 0;

const FLOAT: c_int = 1;
const INT64: c_int = 7;
const BOOL: c_int = 9;

type Handle = *mut c_void;
/// An `OrtStatus`; null on success.
type Fault = *mut c_void;

macro_rules! api {
    ($($name:ident = $place:literal: ($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions used from onnxruntime's table.
        struct Api {
            $($name: unsafe extern "system" fn($($argument),*) $(-> $result)?,)*
        }

        impl Api {
            /// # Safety
            /// `table` is a table of at least version `API_VERSION`.
            unsafe fn new(table: *const *const c_void) -> Self {
                // SAFETY: the function with that name is at that index, with that signature.
                unsafe {
                    Self {
                        $($name: std::mem::transmute::<
                            *const c_void,
                            unsafe extern "system" fn($($argument),*) $(-> $result)?,
                        >(*table.add($place)),)*
                    }
                }
            }
        }
    };
}

api! {
    get_error_message = 2: (Fault) -> *const c_char;
    create_env = 3: (c_int, *const c_char, *mut Handle) -> Fault;
    disable_telemetry_events = 6: (Handle) -> Fault;
    create_session = 7: (Handle, *const OsChar, Handle, *mut Handle) -> Fault;
    run = 9: (Handle, Handle, *const *const c_char, *const Handle, usize, *const *const c_char, usize, *mut Handle) -> Fault;
    create_session_options = 10: (*mut Handle) -> Fault;
    set_session_execution_mode = 13: (Handle, c_int) -> Fault;
    disable_mem_pattern = 17: (Handle) -> Fault;
    set_session_log_severity_level = 22: (Handle, c_int) -> Fault;
    set_intra_op_num_threads = 24: (Handle, c_int) -> Fault;
    set_inter_op_num_threads = 25: (Handle, c_int) -> Fault;
    session_get_input_count = 30: (Handle, *mut usize) -> Fault;
    session_get_output_count = 31: (Handle, *mut usize) -> Fault;
    session_get_overridable_initializer_count = 32: (Handle, *mut usize) -> Fault;
    session_get_input_name = 36: (Handle, usize, Handle, *mut *mut c_char) -> Fault;
    session_get_output_name = 37: (Handle, usize, Handle, *mut *mut c_char) -> Fault;
    session_get_overridable_initializer_name = 38: (Handle, usize, Handle, *mut *mut c_char) -> Fault;
    create_tensor_with_data_as_ort_value = 49: (Handle, *mut c_void, usize, *const i64, usize, c_int, *mut Handle) -> Fault;
    get_tensor_mutable_data = 51: (Handle, *mut *mut c_void) -> Fault;
    get_tensor_element_type = 60: (Handle, *mut c_int) -> Fault;
    get_dimensions_count = 61: (Handle, *mut usize) -> Fault;
    get_dimensions = 62: (Handle, *mut i64, usize) -> Fault;
    get_tensor_type_and_shape = 65: (Handle, *mut Handle) -> Fault;
    create_cpu_memory_info = 69: (c_int, c_int, *mut Handle) -> Fault;
    allocator_free = 76: (Handle, *mut c_void) -> Fault;
    get_allocator_with_default_options = 78: (*mut Handle) -> Fault;
    release_status = 93: (Fault);
    release_session = 95: (Handle);
    release_value = 96: (Handle);
    release_tensor_type_and_shape_info = 99: (Handle);
    release_session_options = 100: (Handle);
    add_session_config_entry = 130: (Handle, *const c_char, *const c_char) -> Fault;
}

/// Beginning of `OrtApiBase`.
#[repr(C)]
struct ApiBase {
    get_api: unsafe extern "system" fn(u32) -> *const *const c_void,
    get_version: unsafe extern "system" fn() -> *const c_char,
}

/// A loaded onnxruntime; it stays loaded, because its threads may outlive any session.
pub(crate) struct Runtime {
    api: Api,
    environment: Handle,
    memory: Handle,
    allocator: Handle,
    _library: Library,
}

// SAFETY: onnxruntime's environment, memory description and default allocator are thread-safe.
unsafe impl Send for Runtime {}
// SAFETY: as above.
unsafe impl Sync for Runtime {}

static LOADED: Mutex<Option<HashMap<String, &'static Runtime>>> = Mutex::new(None);

/// Environment variable with the library's path, for callers who give none.
pub(crate) const VARIABLE: &str = "KALAKAN_ONNXRUNTIME";
const FILE: &str = if cfg!(windows) {
    "onnxruntime.dll"
} else if cfg!(target_vendor = "apple") {
    "libonnxruntime.dylib"
} else {
    "libonnxruntime.so"
};
/// onnxruntime reads this when it is loaded; Kalakan works offline.
const TELEMETRY: &str = "ORT_DISABLE_TELEMETRY";

impl Runtime {
    /// Loads onnxruntime from a path; by default from the environment's `VARIABLE`, otherwise the system's.
    ///
    /// # Errors
    /// `Status::Runtime` if it cannot be loaded, or is older than version 1.16.
    pub fn load(path: Option<&str>) -> Result<&'static Self> {
        let given = path
            .map(str::to_owned)
            .or_else(|| std::env::var(VARIABLE).ok());
        let path = given.unwrap_or_else(|| FILE.to_owned());
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = loaded.get_or_insert_with(HashMap::new);
        if let Some(runtime) = loaded.get(&path) {
            return Ok(runtime);
        }
        let runtime: &'static Self = Box::leak(Box::new(Self::open(&path)?));
        loaded.insert(path, runtime);
        Ok(runtime)
    }

    fn open(path: &str) -> Result<Self> {
        if std::env::var_os(TELEMETRY).is_none() {
            std::env::set_var(TELEMETRY, "1");
        }
        let refuse = |reason: &str| {
            Error::runtime(format!(
                "{path}: is no onnxruntime that can be used ({reason}); give the path of the shared library of \
                 onnxruntime 1.16 or newer, or set {VARIABLE}"
            ))
        };
        // SAFETY: loading runs the library's start-up code, which the caller requests by naming the library.
        let library = unsafe { Library::new(path) }.map_err(|error| refuse(&error.to_string()))?;
        // SAFETY: every version of onnxruntime has this function with this signature.
        let base = unsafe {
            library.get::<unsafe extern "system" fn() -> *const ApiBase>(b"OrtGetApiBase\0")
        };
        let base = base.map_err(|error| refuse(&error.to_string()))?;
        // SAFETY: the base is a constant of the library, which stays loaded.
        let (table, version) = unsafe {
            let base = base();
            if base.is_null() {
                return Err(refuse("it has no interface"));
            }
            (
                ((*base).get_api)(API_VERSION),
                text(((*base).get_version)()),
            )
        };
        if table.is_null() {
            return Err(refuse(&format!("it is version {version}")));
        }
        // SAFETY: the library has a table of the requested version.
        let api = unsafe { Api::new(table) };
        let mut runtime = Self {
            api,
            environment: null_mut(),
            memory: null_mut(),
            allocator: null_mut(),
            _library: library,
        };
        let (mut environment, mut memory, mut allocator) = (null_mut(), null_mut(), null_mut());
        // SAFETY: each function gets valid pointers to write a handle to, and handles that it created.
        unsafe {
            let api = &runtime.api;
            runtime.check((api.create_env)(
                ONLY_ERRORS,
                c"kalakan".as_ptr(),
                &raw mut environment,
            ))?;
            runtime.check((api.disable_telemetry_events)(environment))?;
            runtime.check((api.create_cpu_memory_info)(
                ARENA,
                DEFAULT_MEMORY,
                &raw mut memory,
            ))?;
            runtime.check((api.get_allocator_with_default_options)(&raw mut allocator))?;
        }
        runtime.environment = environment;
        runtime.memory = memory;
        runtime.allocator = allocator;
        Ok(runtime)
    }

    /// The error in a status.
    ///
    /// # Safety
    /// `fault` is null or an unreleased status of this library.
    unsafe fn check(&self, fault: Fault) -> Result<()> {
        if fault.is_null() {
            return Ok(());
        }
        // SAFETY: a status has a message, which lives until it is released.
        let message = unsafe {
            let message = text((self.api.get_error_message)(fault));
            (self.api.release_status)(fault);
            message
        };
        let line = message.lines().next().unwrap_or_default();
        Err(Error::runtime(format!("onnxruntime: {line}")))
    }
}

/// # Safety
/// `message` is null or a zero-terminated string.
unsafe fn text(message: *const c_char) -> String {
    if message.is_null() {
        return String::new();
    }
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(message) }
        .to_string_lossy()
        .into_owned()
}

/// An input tensor of a graph; its shape is stored separately.
#[derive(Clone, Copy)]
pub(crate) enum Tensor<'a> {
    /// 32-bit floats.
    Floats(&'a [f32], &'a [i64]),
    /// 64-bit integers.
    Ints(&'a [i64], &'a [i64]),
    /// One boolean.
    Flag(&'a bool),
}

/// An output tensor of a graph.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found<T> {
    /// Its values in row-major order.
    pub values: Vec<T>,
    /// Its sizes.
    pub shape: Vec<usize>,
}

/// An output of a graph.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Output {
    Floats(Found<f32>),
    Ints(Found<i64>),
}

impl Output {
    /// Floats with a given number of axes.
    pub fn floats(self, axes: usize) -> Result<Found<f32>> {
        match self {
            Self::Floats(found) if found.shape.len() == axes => Ok(found),
            _ => Err(Error::voice(
                "a graph of the voice has an output of an unexpected type or shape",
            )),
        }
    }

    /// Integers with a given number of axes.
    pub fn ints(self, axes: usize) -> Result<Found<i64>> {
        match self {
            Self::Ints(found) if found.shape.len() == axes => Ok(found),
            _ => Err(Error::voice(
                "a graph of the voice has an output of an unexpected type or shape",
            )),
        }
    }
}

/// A graph on the CPU; any number of threads can run it at the same time.
pub(crate) struct Session {
    runtime: &'static Runtime,
    raw: Handle,
    /// Names of its inputs, including those with a default.
    pub inputs: Vec<String>,
    /// Names of its outputs.
    pub outputs: Vec<String>,
}

// SAFETY: a session's `Run` may be called by several threads at once.
unsafe impl Send for Session {}
// SAFETY: as above.
unsafe impl Sync for Session {}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: this value owns the session, and nothing can run it anymore.
        unsafe { (self.runtime.api.release_session)(self.raw) }
    }
}

impl Session {
    /// Loads a graph, with the options that Python's Kalakan sets (`kalakan.synthesis.engines.sessions`).
    pub fn open(runtime: &'static Runtime, path: &Path, threads: u32) -> Result<Self> {
        let api = &runtime.api;
        let name = os_string(path)?;
        let threads = c_int::try_from(threads).unwrap_or(c_int::MAX);
        let (mut options, mut raw) = (null_mut(), null_mut());
        // SAFETY: onnxruntime created the handles, strings are zero-terminated, and the options are released once.
        unsafe {
            runtime.check((api.create_session_options)(&raw mut options))?;
            let set = || -> Result<()> {
                runtime.check((api.set_intra_op_num_threads)(options, threads))?;
                runtime.check((api.set_inter_op_num_threads)(options, 1))?;
                runtime.check((api.set_session_execution_mode)(options, 0))?;
                runtime.check((api.set_session_log_severity_level)(options, ONLY_ERRORS))?;
                let spinning = c"session.intra_op.allow_spinning".as_ptr();
                runtime.check((api.add_session_config_entry)(
                    options,
                    spinning,
                    c"0".as_ptr(),
                ))?;
                // Sentences differ in length, so the memory pattern would be planned again for each.
                runtime.check((api.disable_mem_pattern)(options))
            };
            let made = set().and_then(|()| {
                let environment = runtime.environment;
                runtime.check((api.create_session)(
                    environment,
                    name.as_ptr(),
                    options,
                    &raw mut raw,
                ))
            });
            (api.release_session_options)(options);
            made?;
        }
        let mut session = Self {
            runtime,
            raw,
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        session.inputs = session.names(api.session_get_input_count, api.session_get_input_name)?;
        session.inputs.extend(session.names(
            api.session_get_overridable_initializer_count,
            api.session_get_overridable_initializer_name,
        )?);
        session.outputs =
            session.names(api.session_get_output_count, api.session_get_output_name)?;
        Ok(session)
    }

    fn names(
        &self,
        count: unsafe extern "system" fn(Handle, *mut usize) -> Fault,
        name: unsafe extern "system" fn(Handle, usize, Handle, *mut *mut c_char) -> Fault,
    ) -> Result<Vec<String>> {
        let runtime = self.runtime;
        let mut total = 0;
        // SAFETY: the session is alive, and each name is freed by the allocator that created it.
        unsafe {
            runtime.check(count(self.raw, &raw mut total))?;
            (0..total)
                .map(|index| {
                    let mut found = null_mut();
                    runtime.check(name(self.raw, index, runtime.allocator, &raw mut found))?;
                    let copy = text(found);
                    runtime.check((runtime.api.allocator_free)(
                        runtime.allocator,
                        found.cast(),
                    ))?;
                    Ok(copy)
                })
                .collect()
        }
    }

    /// Runs the graph and returns the outputs with these names, in order.
    pub fn run(&self, inputs: &[(&str, Tensor<'_>)], outputs: &[&str]) -> Result<Vec<Output>> {
        let api = &self.runtime.api;
        let (in_names, out_names) = (
            c_strings(inputs.iter().map(|(name, _)| *name))?,
            c_strings(outputs.iter().copied())?,
        );
        let values: Vec<Value> = inputs
            .iter()
            .map(|(_, tensor)| Value::new(self.runtime, *tensor))
            .collect::<Result<_>>()?;
        let handles: Vec<Handle> = values.iter().map(|value| value.raw).collect();
        let mut found = vec![null_mut(); outputs.len()];
        // SAFETY: every list has the given length, and inputs live until the call returns.
        let ran = unsafe {
            self.runtime.check((api.run)(
                self.raw,
                null_mut(),
                pointers(&in_names).as_ptr(),
                handles.as_ptr(),
                handles.len(),
                pointers(&out_names).as_ptr(),
                found.len(),
                found.as_mut_ptr(),
            ))
        };
        let found: Vec<Value> = found
            .into_iter()
            .map(|raw| Value {
                runtime: self.runtime,
                raw,
            })
            .collect();
        ran?;
        found.iter().map(Value::read).collect()
    }
}

/// An `OrtValue`.
struct Value {
    runtime: &'static Runtime,
    raw: Handle,
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: this value owns it; null, which a failed run leaves, may be released.
        unsafe { (self.runtime.api.release_value)(self.raw) }
    }
}

impl Value {
    /// A value over borrowed data, which must outlive it and is only read.
    fn new(runtime: &'static Runtime, tensor: Tensor<'_>) -> Result<Self> {
        let (data, bytes, shape, kind) = match tensor {
            Tensor::Floats(values, shape) => {
                (values.as_ptr().cast(), size_of_val(values), shape, FLOAT)
            }
            Tensor::Ints(values, shape) => {
                (values.as_ptr().cast(), size_of_val(values), shape, INT64)
            }
            Tensor::Flag(value) => (std::ptr::from_ref(value).cast(), 1, &[][..], BOOL),
        };
        let data: *const c_void = data;
        let mut raw = null_mut();
        // SAFETY: onnxruntime reads `bytes` bytes of inputs and never writes to them.
        unsafe {
            runtime.check((runtime.api.create_tensor_with_data_as_ort_value)(
                runtime.memory,
                data.cast_mut(),
                bytes,
                shape.as_ptr(),
                shape.len(),
                kind,
                &raw mut raw,
            ))?;
        }
        Ok(Self { runtime, raw })
    }

    fn read(&self) -> Result<Output> {
        let api = &self.runtime.api;
        let (mut info, mut kind, mut axes) = (null_mut(), 0, 0);
        let mut data = null_mut();
        let mut shape: Vec<i64> = Vec::new();
        // SAFETY: the value is a tensor that a run has filled; the description is released once.
        unsafe {
            self.runtime
                .check((api.get_tensor_type_and_shape)(self.raw, &raw mut info))?;
            let described = self
                .runtime
                .check((api.get_tensor_element_type)(info, &raw mut kind))
                .and_then(|()| {
                    self.runtime
                        .check((api.get_dimensions_count)(info, &raw mut axes))
                })
                .and_then(|()| {
                    shape.resize(axes, 0);
                    self.runtime
                        .check((api.get_dimensions)(info, shape.as_mut_ptr(), axes))
                });
            (api.release_tensor_type_and_shape_info)(info);
            described?;
            self.runtime
                .check((api.get_tensor_mutable_data)(self.raw, &raw mut data))?;
        }
        let shape: Vec<usize> = shape.iter().map(|size| *size as usize).collect();
        let count = shape.iter().product();
        let data: *const c_void = data;
        // SAFETY: the tensor has that many values of that type, correctly aligned.
        match kind {
            FLOAT => Ok(Output::Floats(Found {
                values: unsafe { copied(data.cast(), count) },
                shape,
            })),
            INT64 => Ok(Output::Ints(Found {
                values: unsafe { copied(data.cast(), count) },
                shape,
            })),
            _ => Err(Error::voice(
                "a graph of the voice has an output of an unexpected type",
            )),
        }
    }
}

/// # Safety
/// `data` points to `count` values, or `count` is 0.
unsafe fn copied<T: Copy>(data: *const T, count: usize) -> Vec<T> {
    if count == 0 || data.is_null() {
        return Vec::new();
    }
    // SAFETY: as the caller promises.
    unsafe { std::slice::from_raw_parts(data, count) }.to_vec()
}

fn c_strings<'a>(names: impl Iterator<Item = &'a str>) -> Result<Vec<CString>> {
    names
        .map(|name| {
            CString::new(name).map_err(|_| Error::voice("a name of a graph holds a zero byte"))
        })
        .collect()
}

fn pointers(names: &[CString]) -> Vec<*const c_char> {
    names
        .iter()
        .map(|name| name.as_ptr())
        .chain([null()])
        .collect()
}

#[cfg(not(windows))]
type OsChar = c_char;
#[cfg(windows)]
type OsChar = u16;

/// A path as onnxruntime takes it.
#[cfg(not(windows))]
fn os_string(path: &Path) -> Result<CString> {
    use std::os::unix::ffi::OsStrExt;

    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| Error::argument("the path of the voice holds a zero byte"))
}

/// A path as onnxruntime takes it.
#[cfg(windows)]
fn os_string(path: &Path) -> Result<Vec<u16>> {
    use std::os::windows::ffi::OsStrExt;

    Ok(path.as_os_str().encode_wide().chain([0]).collect())
}
