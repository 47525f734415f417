//! The text core of Kalakan for WebAssembly: `kalakan-text.mjs` is the module that JavaScript imports.
//!
//! Strings are passed as UTF-8. The caller writes a text into memory from [`allocate`]. A result is a block that starts
//! with its length in bytes as a little-endian 32-bit number, and is freed with [`release_result`].

use std::alloc::{alloc, dealloc, Layout};
use std::sync::LazyLock;

use kalakan_text::normalize::{normalize, NormalizeOptions};
use kalakan_text::sentence::split_sentences;
use kalakan_text::{format_units, G2pOptions, PhonemeId, Tones, TwiG2p};

/// Size in bytes of the length before a result.
const HEADER: usize = 4;

static READER: LazyLock<TwiG2p> = LazyLock::new(|| TwiG2p::new(G2pOptions::default()));

/// Allocates memory for a text of this many bytes; null if that fails.
#[no_mangle]
pub extern "C" fn allocate(size: usize) -> *mut u8 {
    match Layout::array::<u8>(size.max(1)) {
        // SAFETY: the layout is not empty.
        Ok(layout) => unsafe { alloc(layout) },
        Err(_) => std::ptr::null_mut(),
    }
}

/// Frees memory.
///
/// # Safety
/// `memory` comes from [`allocate`] with this `size`, and is freed once.
#[no_mangle]
pub unsafe extern "C" fn release(memory: *mut u8, size: usize) {
    if let (false, Ok(layout)) = (memory.is_null(), Layout::array::<u8>(size.max(1))) {
        // SAFETY: as the caller promises.
        unsafe { dealloc(memory, layout) }
    }
}

/// Frees a result.
///
/// # Safety
/// `result` comes from a function of this module, and is freed once.
#[no_mangle]
pub unsafe extern "C" fn release_result(result: *mut u8) {
    if result.is_null() {
        return;
    }
    let mut header = [0; HEADER];
    // SAFETY: a result starts with its header, and has as many bytes as the header says.
    unsafe {
        result.copy_to_nonoverlapping(header.as_mut_ptr(), HEADER);
        release(result, HEADER + u32::from_le_bytes(header) as usize);
    }
}

/// A text as words.
///
/// # Safety
/// `text` points to `size` bytes.
#[no_mangle]
pub unsafe extern "C" fn normalized(text: *const u8, size: usize) -> *mut u8 {
    // SAFETY: as the caller promises.
    let text = unsafe { given(text, size) };
    result(normalize(&text, &NormalizeOptions::default()).as_bytes())
}

/// A text as symbols of phonemes, with spaces between them.
///
/// # Safety
/// `text` points to `size` bytes.
#[no_mangle]
pub unsafe extern "C" fn phonemes(text: *const u8, size: usize, predicted: bool) -> *mut u8 {
    // SAFETY: as the caller promises.
    let ids = read(&unsafe { given(text, size) }, predicted);
    result(format_units(&ids).as_bytes())
}

/// A text as rows of the phoneme table, one byte each.
///
/// # Safety
/// `text` points to `size` bytes.
#[no_mangle]
pub unsafe extern "C" fn phoneme_ids(text: *const u8, size: usize, predicted: bool) -> *mut u8 {
    // SAFETY: as the caller promises.
    let ids = read(&unsafe { given(text, size) }, predicted);
    let bytes: Vec<u8> = ids.into_iter().map(PhonemeId::get).collect();
    result(&bytes)
}

/// The sentences of a text, each preceded by its length in bytes, like a result.
///
/// # Safety
/// `text` points to `size` bytes.
#[no_mangle]
pub unsafe extern "C" fn sentences(text: *const u8, size: usize) -> *mut u8 {
    // SAFETY: as the caller promises.
    let text = unsafe { given(text, size) };
    let mut found = Vec::with_capacity(text.len());
    for range in split_sentences(&text) {
        found.extend((range.len() as u32).to_le_bytes());
        found.extend(&text.as_bytes()[range]);
    }
    result(&found)
}

fn read(text: &str, predicted: bool) -> Vec<PhonemeId> {
    let tones = if predicted {
        Tones::Predicted
    } else {
        Tones::Written
    };
    READER.read_ids(text, Some(&NormalizeOptions::default()), None, Some(tones))
}

/// A copy of a text; JavaScript's encoder only writes UTF-8.
///
/// # Safety
/// `text` points to `size` bytes.
unsafe fn given(text: *const u8, size: usize) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as the caller promises.
    let bytes = unsafe { std::slice::from_raw_parts(text, size) };
    String::from_utf8_lossy(bytes).into_owned()
}

fn result(bytes: &[u8]) -> *mut u8 {
    let block = allocate(HEADER + bytes.len());
    if !block.is_null() {
        let header = (bytes.len() as u32).to_le_bytes();
        // SAFETY: the block is new, and has room for both.
        unsafe {
            block.copy_from_nonoverlapping(header.as_ptr(), HEADER);
            block
                .add(HEADER)
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
    }
    block
}
