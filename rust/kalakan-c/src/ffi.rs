//! The C interface declared and documented in `include/kalakan.h`: converts arguments and errors, and catches panics.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::PathBuf;
use std::ptr::{null, null_mut};

use kalakan_text::normalize::{normalize, NormalizeOptions};
use kalakan_text::{format_units, G2pOptions, Tones, TwiG2p};

use crate::error::{Error, Result, Status};
use crate::options::Options;
use crate::voice::Voice;

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

/// An open voice.
pub struct KalakanVoice {
    voice: Voice,
    /// Names of the speakers as C strings.
    speakers: Vec<CString>,
}

/// Settings of a synthesis.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct KalakanOptions {
    size: usize,
    speaker: *const c_char,
    tones: *const c_char,
    speed: f64,
    pitch: f64,
    pitch_range: f64,
    volume: f64,
    energy: f64,
    sentence_pause: f64,
    paragraph_pause: f64,
    heading_pause: f64,
    scene_pause: f64,
    lead_in: f64,
    seed: u32,
    strict: c_int,
}

/// Audio.
#[repr(C)]
pub struct KalakanAudio {
    samples: *mut f32,
    length: usize,
    sample_rate: u32,
    unread: u32,
}

type KalakanSink = Option<unsafe extern "C" fn(*const f32, usize, *mut c_void) -> c_int>;

/// See the header.
#[no_mangle]
pub extern "C" fn kalakan_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// See the header.
#[no_mangle]
pub extern "C" fn kalakan_error() -> *const c_char {
    // The string is valid until this thread's next error.
    LAST.try_with(|last| last.borrow().as_ptr())
        .unwrap_or(c"".as_ptr())
}

/// See the header.
///
/// # Safety
/// As the header says of its arguments.
#[no_mangle]
pub unsafe extern "C" fn kalakan_open(
    folder: *const c_char,
    onnxruntime: *const c_char,
    threads: u32,
    voice: *mut *mut KalakanVoice,
) -> Status {
    guarded(|| {
        let place = writable(voice, "voice")?;
        *place = null_mut();
        // SAFETY: the header asks for strings that end in a zero.
        let (folder, onnxruntime) = unsafe {
            (
                path(folder, "folder")?,
                optional_text(onnxruntime, "onnxruntime")?,
            )
        };
        let voice = Voice::open(&folder, onnxruntime, threads)?;
        // Checked when the manifest was read: no name contains a zero byte.
        let names = voice
            .speakers()
            .iter()
            .map(|name| CString::new(name.as_str()));
        let speakers = names.collect::<std::result::Result<_, _>>();
        let speakers = speakers.map_err(|_| Error::voice("a speaker's name holds a zero byte"))?;
        *place = Box::into_raw(Box::new(KalakanVoice { voice, speakers }));
        Ok(())
    })
}

/// See the header.
///
/// # Safety
/// As the header says of its arguments.
#[no_mangle]
pub unsafe extern "C" fn kalakan_close(voice: *mut KalakanVoice) {
    if !voice.is_null() {
        // SAFETY: the pointer comes from `kalakan_open`, and the header requires that a voice is closed once.
        let voice = unsafe { Box::from_raw(voice) };
        let _ = catch_unwind(AssertUnwindSafe(|| drop(voice)));
    }
}

/// See the header.
///
/// # Safety
/// As the header says of its arguments.
#[no_mangle]
pub unsafe extern "C" fn kalakan_sample_rate(voice: *const KalakanVoice) -> u32 {
    // SAFETY: the pointer is null or an open voice.
    unsafe { voice.as_ref() }.map_or(0, |voice| voice.voice.sample_rate())
}

/// See the header.
///
/// # Safety
/// As the header says of its arguments.
#[no_mangle]
pub unsafe extern "C" fn kalakan_speaker_count(voice: *const KalakanVoice) -> usize {
    // SAFETY: the pointer is null or an open voice.
    unsafe { voice.as_ref() }.map_or(0, |voice| voice.speakers.len())
}

/// See the header.
///
/// # Safety
/// As the header says of its arguments.
#[no_mangle]
pub unsafe extern "C" fn kalakan_speaker(
    voice: *const KalakanVoice,
    index: usize,
) -> *const c_char {
    // SAFETY: the pointer is null or an open voice.
    let name = unsafe { voice.as_ref() }.and_then(|voice| voice.speakers.get(index));
    name.map_or(null(), |name| name.as_ptr())
}

/// See the header.
///
/// # Safety
/// As the header says of its arguments.
#[no_mangle]
pub unsafe extern "C" fn kalakan_options_init(options: *mut KalakanOptions) {
    let defaults = Options::default();
    let filled = KalakanOptions {
        size: size_of::<KalakanOptions>(),
        speaker: null(),
        tones: null(),
        speed: defaults.speed,
        pitch: defaults.pitch,
        pitch_range: defaults.pitch_range,
        volume: defaults.volume,
        energy: defaults.energy,
        sentence_pause: defaults.sentence_pause,
        paragraph_pause: defaults.paragraph_pause,
        heading_pause: defaults.heading_pause,
        scene_pause: defaults.scene_pause,
        lead_in: defaults.lead_in,
        seed: defaults.seed,
        strict: c_int::from(defaults.strict),
    };
    if !options.is_null() {
        // SAFETY: the header asks for a place that can be written to.
        unsafe { options.write(filled) }
    }
}

/// See the header.
///
/// # Safety
/// As the header says of its arguments.
#[no_mangle]
pub unsafe extern "C" fn kalakan_synthesize(
    voice: *const KalakanVoice,
    text: *const c_char,
    options: *const KalakanOptions,
    audio: *mut KalakanAudio,
) -> Status {
    guarded(|| {
        let place = writable(audio, "audio")?;
        *place = KalakanAudio {
            samples: null_mut(),
            length: 0,
            sample_rate: 0,
            unread: 0,
        };
        // SAFETY: as the header asks.
        let (voice, text, options) =
            unsafe { (opened(voice)?, given(text, "text")?, read(options)?) };
        let mut samples = Vec::new();
        let spoken = voice.synthesize(text, &options, |more| {
            samples.extend_from_slice(more);
            true
        })?;
        let samples = samples.into_boxed_slice();
        *place = KalakanAudio {
            length: samples.len(),
            samples: Box::into_raw(samples).cast(),
            sample_rate: voice.sample_rate(),
            unread: u32::try_from(spoken.unread).unwrap_or(u32::MAX),
        };
        Ok(())
    })
}

/// See the header.
///
/// # Safety
/// As the header says of its arguments.
#[no_mangle]
pub unsafe extern "C" fn kalakan_stream(
    voice: *const KalakanVoice,
    text: *const c_char,
    options: *const KalakanOptions,
    sink: KalakanSink,
    user: *mut c_void,
) -> Status {
    guarded(|| {
        let sink = sink.ok_or_else(|| Error::argument("sink is null; give a function"))?;
        // SAFETY: as the header asks.
        let (voice, text, options) =
            unsafe { (opened(voice)?, given(text, "text")?, read(options)?) };
        voice.synthesize(text, &options, |more| {
            // SAFETY: the function gets samples that live until it returns, and its own pointer.
            unsafe { sink(more.as_ptr(), more.len(), user) == 0 }
        })?;
        Ok(())
    })
}

/// See the header.
///
/// # Safety
/// As the header says of its arguments.
#[no_mangle]
pub unsafe extern "C" fn kalakan_audio_free(audio: *mut KalakanAudio) {
    // SAFETY: the pointer is null or an audio that `kalakan_synthesize` wrote.
    let Some(audio) = (unsafe { audio.as_mut() }) else {
        return;
    };
    if !audio.samples.is_null() {
        let samples = std::ptr::slice_from_raw_parts_mut(audio.samples, audio.length);
        // SAFETY: the samples come from a box of that length, and are forgotten below.
        drop(unsafe { Box::from_raw(samples) });
    }
    audio.samples = null_mut();
    audio.length = 0;
}

/// See the header.
///
/// # Safety
/// As the header says of its arguments.
#[no_mangle]
pub unsafe extern "C" fn kalakan_normalize(
    text: *const c_char,
    result: *mut *mut c_char,
) -> Status {
    guarded(|| {
        let place = writable(result, "result")?;
        *place = null_mut();
        // SAFETY: the header asks for a string that ends in a zero.
        let text = unsafe { given(text, "text")? };
        *place = owned(normalize(text, &NormalizeOptions::default()))?;
        Ok(())
    })
}

/// See the header.
///
/// # Safety
/// As the header says of its arguments.
#[no_mangle]
pub unsafe extern "C" fn kalakan_phonemize(
    text: *const c_char,
    tones: *const c_char,
    result: *mut *mut c_char,
) -> Status {
    guarded(|| {
        let place = writable(result, "result")?;
        *place = null_mut();
        // SAFETY: the header asks for strings that end in a zero.
        let (text, tones) = unsafe { (given(text, "text")?, tones_of(tones)?) };
        let reader = TwiG2p::new(G2pOptions::default());
        let tones = Some(tones.unwrap_or(Tones::Predicted));
        let ids = reader.read_ids(text, Some(&NormalizeOptions::default()), None, tones);
        *place = owned(format_units(&ids))?;
        Ok(())
    })
}

/// See the header.
///
/// # Safety
/// As the header says of its arguments.
#[no_mangle]
pub unsafe extern "C" fn kalakan_string_free(string: *mut c_char) {
    if !string.is_null() {
        // SAFETY: the string comes from `owned`.
        drop(unsafe { CString::from_raw(string) });
    }
}

/// Runs a call; its error or panic becomes a status and this thread's message.
fn guarded(call: impl FnOnce() -> Result<()>) -> Status {
    let result = catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let told = panic.downcast_ref::<String>().map(String::as_str);
        let told = told.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Error::new(
            Status::Internal,
            format!(
                "a fault of Kalakan: {}",
                told.unwrap_or("it gave no reason")
            ),
        ))
    });
    let (status, message) = match result {
        Ok(()) => return Status::Ok,
        Err(error) => (error.status, error.message.replace('\0', "\u{fffd}")),
    };
    let message = CString::new(message).unwrap_or_default();
    let _ = LAST.try_with(|last| last.replace(message));
    status
}

fn writable<'a, T>(place: *mut T, name: &str) -> Result<&'a mut T> {
    // SAFETY: the header asks for a place that can be written to; null is refused here.
    unsafe { place.as_mut() }
        .ok_or_else(|| Error::argument(format!("{name} is null; give a place for it")))
}

/// # Safety
/// `voice` is null or an open voice.
unsafe fn opened<'a>(voice: *const KalakanVoice) -> Result<&'a Voice> {
    // SAFETY: as the caller promises.
    let voice = unsafe { voice.as_ref() };
    let voice =
        voice.ok_or_else(|| Error::argument("voice is null; open one with kalakan_open"))?;
    Ok(&voice.voice)
}

/// # Safety
/// `value` is null or ends in a zero.
unsafe fn optional_text<'a>(value: *const c_char, name: &str) -> Result<Option<&'a str>> {
    if value.is_null() {
        return Ok(None);
    }
    // SAFETY: as the caller promises.
    let text = unsafe { CStr::from_ptr(value) }.to_str();
    text.map(Some).map_err(|error| {
        Error::argument(format!(
            "{name} is not UTF-8 from byte {} on",
            error.valid_up_to()
        ))
    })
}

/// # Safety
/// `value` is null or ends in a zero.
unsafe fn given<'a>(value: *const c_char, name: &str) -> Result<&'a str> {
    // SAFETY: as the caller promises.
    unsafe { optional_text(value, name)? }
        .ok_or_else(|| Error::argument(format!("{name} is null; give a string")))
}

/// # Safety
/// `value` is null or ends in a zero.
#[cfg(unix)]
unsafe fn path(value: *const c_char, name: &str) -> Result<PathBuf> {
    use std::os::unix::ffi::OsStrExt;

    if value.is_null() {
        return Err(Error::argument(format!("{name} is null; give a path")));
    }
    // SAFETY: as the caller promises. A path is bytes here, in any encoding.
    let bytes = unsafe { CStr::from_ptr(value) }.to_bytes();
    Ok(std::ffi::OsStr::from_bytes(bytes).into())
}

/// # Safety
/// `value` is null or ends in a zero.
#[cfg(not(unix))]
unsafe fn path(value: *const c_char, name: &str) -> Result<PathBuf> {
    // SAFETY: as the caller promises.
    Ok(unsafe { given(value, name)? }.into())
}

/// # Safety
/// `value` is null or ends in a zero.
unsafe fn tones_of(value: *const c_char) -> Result<Option<Tones>> {
    // SAFETY: as the caller promises.
    match unsafe { optional_text(value, "tones")? } {
        None => Ok(None),
        Some("predicted") => Ok(Some(Tones::Predicted)),
        Some("written") => Ok(Some(Tones::Written)),
        Some(other) => Err(Error::argument(format!(
            "tones is {other:?}; it must be predicted, written, or null"
        ))),
    }
}

/// The options of a call; null means the defaults.
///
/// # Safety
/// `options` is null or points to options whose strings end in a zero.
unsafe fn read(options: *const KalakanOptions) -> Result<Options> {
    if options.is_null() {
        return Ok(Options::default());
    }
    // SAFETY: every version of the options starts with their size.
    let size = unsafe { options.cast::<usize>().read() };
    if size != size_of::<KalakanOptions>() {
        return Err(Error::argument(format!(
            "the options have size {size} and this libkalakan's have {}; fill them with kalakan_options_init, and \
             compile with the header of this version",
            size_of::<KalakanOptions>()
        )));
    }
    // SAFETY: as the caller promises, and the size is right.
    let given = unsafe { *options };
    // SAFETY: as the caller promises.
    let (speaker, tones) = unsafe {
        (
            optional_text(given.speaker, "speaker")?,
            tones_of(given.tones)?,
        )
    };
    Ok(Options {
        speaker: speaker.map(str::to_owned),
        tones,
        speed: given.speed,
        pitch: given.pitch,
        pitch_range: given.pitch_range,
        volume: given.volume,
        energy: given.energy,
        sentence_pause: given.sentence_pause,
        paragraph_pause: given.paragraph_pause,
        heading_pause: given.heading_pause,
        scene_pause: given.scene_pause,
        lead_in: given.lead_in,
        seed: given.seed,
        strict: given.strict != 0,
    })
}

/// A string that C frees with `kalakan_string_free`.
fn owned(text: String) -> Result<*mut c_char> {
    let text =
        CString::new(text).map_err(|_| Error::new(Status::Internal, "a zero byte in a result"))?;
    Ok(text.into_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> String {
        // SAFETY: the message of this thread lives until its next error.
        unsafe { CStr::from_ptr(kalakan_error()) }
            .to_string_lossy()
            .into_owned()
    }

    #[test]
    fn a_panic_is_an_error_and_does_not_leave() {
        std::panic::set_hook(Box::new(|_| {}));
        let status = guarded(|| panic!("at place {}", 3));
        assert_eq!(status, Status::Internal);
        assert_eq!(message(), "a fault of Kalakan: at place 3");
        let _ = std::panic::take_hook();
    }

    #[test]
    fn messages_belong_to_threads() {
        assert_eq!(guarded(|| Err(Error::argument("mine"))), Status::Argument);
        let other = std::thread::spawn(|| {
            let before = message();
            guarded(|| Err(Error::argument("its\0own")));
            (before, message())
        });
        let other = other.join().expect("the thread");
        assert_eq!(other, (String::new(), "its\u{fffd}own".into()));
        assert_eq!(message(), "mine");
    }
}
