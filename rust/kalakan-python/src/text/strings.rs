//! Conversion of strings and offsets between Python and the core.

use std::borrow::Cow;
use std::ops::Range;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// A Python string as UTF-8. A lone surrogate has no UTF-8 form and becomes U+FFFD, one for one, so that
/// character offsets are unchanged and no text raises.
pub(super) fn read<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, str>> {
    if let Ok(text) = text.to_str() {
        return Ok(Cow::Borrowed(text));
    }
    let encoded = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
    let mut bytes = encoded.cast_into::<PyBytes>()?.as_bytes().to_vec();
    for at in 0..bytes.len().saturating_sub(2) {
        // ED A0..BF xx is a surrogate; EF BF BD is U+FFFD. Both take three bytes.
        if bytes[at] == 0xED && bytes[at + 1] >= 0xA0 {
            bytes[at..at + 3].copy_from_slice(&[0xEF, 0xBF, 0xBD]);
        }
    }
    Ok(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Byte ranges, in order, as character offsets: one pass over the text.
pub(super) fn characters(text: &str, ranges: &[Range<usize>]) -> Vec<(usize, usize)> {
    let (mut byte, mut character) = (0, 0);
    let mut offset = |to: usize| {
        character += text[byte..to].chars().count();
        byte = to;
        character
    };
    ranges
        .iter()
        .map(|range| (offset(range.start), offset(range.end)))
        .collect()
}
