//! Repairs code points and drops unpronounceable characters: stage A of the front-end.

mod chat;
mod codepoint;
mod downstep;
mod drawn;
mod entities;
mod lines;
pub(crate) mod markup;
mod mojibake;
mod tidy;

use crate::alphabet::DOWNSTEP;
use crate::currency;
use crate::options::{ChatSpelling, NormalizeOptions};
use crate::traced::Traced;

/// Repairs that uncover another repair are rare and shallow; text nested deeper than this is noise.
const MAX_PASSES: usize = 8;

/// Returns `text` without unpronounceable characters; letters keep their case, digits and signs are kept.
///
/// Leaves normalized text and its own output unchanged.
pub fn clean(text: &str, options: &NormalizeOptions) -> String {
    let pass = |text: &str| tidy::tidy(repair(Traced::plain(text), options).text());
    let mut cleaned = pass(text);
    for _ in 0..MAX_PASSES {
        let again = pass(&cleaned);
        if again == cleaned {
            break;
        }
        cleaned = again;
    }
    cleaned
}

/// Returns `text` in NFC with Twi letters, ASCII digits and known signs; everything else is a space.
pub(crate) fn repair<'t>(mut text: Traced<'t>, options: &NormalizeOptions) -> Traced<'t> {
    if text.text().contains('&') {
        text = text.rewrite(entities::decode);
    }
    if lines::is_suspect(text.text()) {
        text = text.rewrite(lines::join);
    }
    if !text.text().chars().all(is_settled) {
        text = code_points(text);
    }
    if drawn::is_suspect(text.text()) {
        text = text.rewrite(drawn::shorten);
    }
    if text
        .text()
        .contains(['<', ':', ';', '=', '[', '\\', '%', '{'])
    {
        text = text.rewrite(markup::strip);
    }
    let wide = options.chat == ChatSpelling::Wide;
    let playful = |c: char| matches!(c, '3' | ')') || wide && c == '0';
    let is_played = text.text().contains(playful) || has_chat_letters(text.text(), options.chat);
    if options.chat != ChatSpelling::Off && is_played {
        text = text.rewrite(|text, writer| chat::spell(text, options.chat, writer));
    }
    text
}

/// Returns whether cleaning may replace letters of the alphabet by others.
pub(crate) fn has_chat_letters(text: &str, chat: ChatSpelling) -> bool {
    chat::has_letters(text, chat)
}

/// Returns whether a letter of `text` may be repeated more often than it is read.
pub(crate) fn may_be_drawn(text: &str) -> bool {
    drawn::is_suspect(text)
}

/// Returns whether `c` is kept in any context.
fn is_settled(c: char) -> bool {
    matches!(c, ' '..='_' | 'a'..='~' | '\n' | 'ɛ' | 'ɔ' | 'Ɛ' | 'Ɔ' | '…') || currency::is_sign(c)
}

/// Folding a code point can complete a broken sequence, so both run until neither changes anything.
fn code_points(text: Traced) -> Traced {
    let mut text = codepoint::fold(unbroken(text));
    for _ in 0..MAX_PASSES {
        if !mojibake::is_suspect(text.text()) {
            break;
        }
        let again = codepoint::fold(unbroken(text.fresh()));
        if again.text() == text.text() {
            break;
        }
        text = text.then(again);
    }
    if text.text().contains(['!', DOWNSTEP]) {
        text = text.rewrite(downstep::mark);
    }
    text
}

/// Text broken twice needs two passes.
fn unbroken(mut text: Traced) -> Traced {
    for _ in 0..MAX_PASSES {
        if !mojibake::is_suspect(text.text()) {
            break;
        }
        let again = text.fresh().rewrite(mojibake::repair);
        if again.text() == text.text() {
            break;
        }
        text = text.then(again);
    }
    text
}
