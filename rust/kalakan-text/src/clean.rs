//! Repairs code points and drops what cannot be spoken: stage A of the front-end.

mod chat;
mod codepoint;
mod downstep;
mod markup;
mod mojibake;
mod tidy;

use std::borrow::Cow;

use crate::alphabet::DOWNSTEP;
use crate::normalize::{ChatSpelling, NormalizeOptions};
use crate::origin::Origin;

/// Repairs that uncover another repair are rare and shallow; text nested deeper than this is noise.
const MAX_PASSES: usize = 8;

/// Returns `text` without what cannot be spoken; letters keep their case, digits and signs stay.
///
/// Changes nothing on normalized text, nor on its own output.
pub fn clean(text: &str, options: &NormalizeOptions) -> String {
    let mut cleaned = tidy::tidy(&repair(text, options, &mut Origin::Off));
    for _ in 0..MAX_PASSES {
        let again = tidy::tidy(&repair(&cleaned, options, &mut Origin::Off));
        if again == cleaned {
            break;
        }
        cleaned = again;
    }
    cleaned
}

/// Returns `text` in NFC with Twi letters, ASCII digits and known signs; everything else is a space.
///
/// What `text` comes from is in `origin`, and so is then what the result comes from.
pub(crate) fn repair<'t>(
    text: &'t str,
    options: &NormalizeOptions,
    origin: &mut Origin,
) -> Cow<'t, str> {
    let mut text = Cow::Borrowed(text);
    if !text.chars().all(is_settled) {
        text = Cow::Owned(code_points(&text, origin));
    }
    if text.contains(['<', '&', ':', ';', '=', '[']) {
        text = Cow::Owned(markup::strip(&text, origin));
    }
    let wide = options.chat == ChatSpelling::Wide;
    let playful =
        |c: char| matches!(c, '3' | ')') || wide && matches!(c, '0' | 'c' | 'q' | 'C' | 'Q');
    if options.chat != ChatSpelling::Off && text.contains(playful) {
        text = Cow::Owned(chat::spell(&text, options, origin));
    }
    text
}

/// Tells whether `c` stays as it is whatever stands beside it.
fn is_settled(c: char) -> bool {
    matches!(c, ' '..='_' | 'a'..='~' | '\n' | 'ɛ' | 'ɔ' | 'Ɛ' | 'Ɔ' | '…' | '₵')
}

/// Folding a code point can complete a broken sequence, so both run until neither finds anything.
fn code_points(text: &str, origin: &mut Origin) -> String {
    let mut text = codepoint::fold(&unbroken(text, origin), origin);
    for _ in 0..MAX_PASSES {
        if !mojibake::is_suspect(&text) {
            break;
        }
        let again = codepoint::fold(&unbroken(&text, origin), origin);
        if again == text {
            break;
        }
        text = again;
    }
    if text.contains(['!', DOWNSTEP]) {
        text = downstep::mark(&text, origin);
    }
    text
}

/// Text broken twice needs two passes.
fn unbroken<'t>(text: &'t str, origin: &mut Origin) -> Cow<'t, str> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..MAX_PASSES {
        if !mojibake::is_suspect(&text) {
            break;
        }
        let again = mojibake::repair(&text, origin);
        if again == text {
            break;
        }
        text = Cow::Owned(again);
    }
    text
}
