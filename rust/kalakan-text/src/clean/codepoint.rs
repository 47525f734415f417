//! Folds every code point into the small set that later rules handle.

use unicode_normalization::char::{compose, decompose_canonical, decompose_compatible};

use crate::alphabet::{
    carries, confusable, cyrillic_twin, digits, is_base_letter, is_combining, is_operator,
    latin_fold, DOWNSTEP, FRACTIONS, PI, TILDE,
};
use crate::currency;
use crate::steps::step;
use crate::traced::{Traced, Writer};

/// Returns `text` in NFC with Latin letters, ASCII digits and known signs only; the rest is a space.
pub(super) fn fold(text: Traced) -> Traced {
    let mut contextual = false;
    let folded = text.rewrite(|text, writer| contextual = fold_each(text, writer));
    if contextual {
        folded.rewrite(in_words)
    } else {
        folded
    }
}

/// Writes `text` folded; returns whether it has characters that depend on the rest of their word.
fn fold_each(text: &str, writer: &mut Writer) -> bool {
    let mut folder = Folder {
        writer,
        at: 0,
        source: None,
        base: None,
        tone: false,
        tilde: false,
        contextual: false,
        lowered: usize::MAX,
    };
    for (at, c) in text.char_indices() {
        folder.at = at;
        folder.source = Some(c);
        if is_raised(c) && folder.ends_noted() {
            // The number of a note: "nokware.¹".
            folder.flush();
            continue;
        }
        if is_fixed_space(c) && folder.ends_group() && starts_group(&text[at + c.len_utf8()..]) {
            folder.sign('\'');
            continue;
        }
        // ≠ would decompose into = and a stroke.
        if c.is_ascii() || is_operator(c) {
            folder.push(c);
        } else {
            decompose_canonical(c, |part| folder.push(part));
        }
    }
    folder.at = text.len();
    folder.flush();
    folder.contextual
}

/// Letters are held in `base` until their marks follow, so that one pass yields NFC.
struct Folder<'w> {
    writer: &'w mut Writer,
    /// Position of the current character.
    at: usize,
    /// The current character, until it is counted as one without a reading.
    source: Option<char>,
    base: Option<char>,
    tone: bool,
    tilde: bool,
    contextual: bool,
    /// Length of the text up to the last lowered figure, as in SO₄.
    lowered: usize,
}

impl Folder<'_> {
    /// Returns whether a raised figure here is a footnote number: after a word of more than two letters, or the mark
    /// or bracket behind one. x², m² and km² are not.
    fn ends_noted(&self) -> bool {
        let mut before = self.base.into_iter().chain(self.writer.text.chars().rev());
        let mut next = before.next();
        if next.is_some_and(|c| {
            matches!(
                c,
                '.' | ',' | ';' | ':' | '!' | '?' | '…' | '"' | '\'' | ')' | ']'
            )
        }) {
            return before.next().is_some_and(char::is_alphanumeric);
        }
        let mut letters = 0;
        while letters < 3 && next.is_some_and(|c| is_base_letter(c) || is_combining(c)) {
            letters += 1;
            next = before.next();
        }
        letters == 3
    }

    /// Returns whether one to three digits end here that may be the first or a middle group of a number.
    fn ends_group(&self) -> bool {
        let text = &self.writer.text;
        let digits = text.len() - text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (before, group) = text.split_at(text.len() - digits);
        let open = !before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '+' | '.' | ','));
        self.base.is_none() && (1..=3).contains(&digits) && open && !group.starts_with('0')
            || before.ends_with('\'') && digits == 3
    }

    /// Returns whether one to three figures end here, which a raised figure raises: 10⁶. After a year it is a note.
    fn ends_base(&self) -> bool {
        let text = self.writer.text.as_bytes();
        let digits = text
            .iter()
            .rev()
            .take(4)
            .take_while(|b| b.is_ascii_digit())
            .count();
        self.base.is_none() && (1..4).contains(&digits)
    }

    /// Writes a raised figure after another one, or a raised minus: 10¹² has the exponent 12, 10⁻³ the exponent -3.
    fn exponent(&mut self, c: char) -> bool {
        if self.base.is_some() {
            return false;
        }
        let text = &mut self.writer.text;
        if c == '⁻' {
            let opens = self.ends_base();
            if opens {
                self.sign('^');
                self.sign('−');
            }
            return opens;
        }
        let figures = text.bytes().rev().take(EXPONENT);
        let figures = figures.take_while(u8::is_ascii_digit).count();
        let before = &text[..text.len() - figures];
        if before.ends_with('^') || before.ends_with("^−") {
            self.sign(digits::sign(c).unwrap_or(c));
            return true;
        }
        let Some((first, base)) = [('²', "^2"), ('³', "^3")]
            .iter()
            .find_map(|(sign, power)| Some((power, text.strip_suffix(*sign)?)))
        else {
            return false;
        };
        if figures > 0 || !base.ends_with(|c: char| c.is_ascii_digit()) {
            return false;
        }
        // The same number of bytes, so that the places of the source stay right.
        let length = base.len();
        text.truncate(length);
        text.push_str(first);
        self.sign(digits::sign(c).unwrap_or(c));
        true
    }

    fn flush(&mut self) {
        if let Some(c) = self.base.take() {
            self.writer.text.push(c);
        }
        self.tone = false;
        self.tilde = false;
        self.writer.cut(self.at);
    }

    fn letter(&mut self, c: char) {
        self.flush();
        self.base = Some(c);
    }

    /// Separates cells and items by `|`; not a tab that indents a line, nor a raised dot inside a word.
    fn cell_end(&mut self, c: char) {
        self.flush();
        let text = self.writer.text.as_bytes();
        let spaces = text
            .iter()
            .rev()
            .take(INDENT)
            .take_while(|b| **b == b' ')
            .count();
        step(spaces);
        let line = &text[..text.len() - spaces];
        // Tabs at the start of a line become spaces, so that a longer run of them is not looked through for every tab.
        let indents = line.is_empty() || line.ends_with(b"\n") || spaces == INDENT;
        let inside = spaces == 0 && !indents;
        let is_space = c == '\t' && indents || c == '·' && inside;
        self.sign(if is_space { ' ' } else { '|' });
    }

    fn sign(&mut self, c: char) {
        self.flush();
        self.writer.text.push(c);
    }

    fn mark(&mut self, mark: char) {
        let Some(base) = self.base else { return };
        let mut letter = base;
        decompose_canonical(base, |part| {
            if !is_combining(part) {
                letter = part;
            }
        });
        let seen = if mark == TILDE {
            &mut self.tilde
        } else {
            &mut self.tone
        };
        // After an uncomposable pair the held base is itself a combining mark.
        let host = if is_combining(base) {
            self.writer.text.chars().next_back().unwrap_or(' ')
        } else {
            letter
        };
        if *seen || !carries(host, mark) {
            return;
        }
        *seen = true;
        if let Some(both) = compose(base, mark) {
            self.base = Some(both);
        } else {
            self.writer.text.push(base);
            self.base = Some(mark);
        }
    }

    fn push(&mut self, c: char) {
        if is_base_letter(c) {
            self.letter(c);
        } else if is_combining(c) {
            self.mark(c);
        } else if let Some(letter) = confusable(c) {
            self.letter(letter);
        } else if is_cell_end(c) {
            self.cell_end(c);
        } else if (is_raised(c) || c == '⁻') && self.exponent(c) {
        } else if let Some(sign) = sign(c) {
            // The charge of SO₄²⁻ raises no figure.
            if is_raised(c) && self.base.is_none() && self.writer.text.len() == self.lowered {
                self.sign(' ');
            }
            self.sign(sign);
        } else if is_invisible(c) {
        } else if let Some(digit) = digits::decimal(c) {
            self.sign(digit);
        } else if cyrillic_twin(c).is_some() || c == '⊃' {
            self.contextual = true;
            self.letter(c);
        } else if let Some(letters) = latin_fold(c) {
            letters.chars().for_each(|l| self.letter(l));
        } else if let Some(digit) = digits::sign(c) {
            // A superscript digit is not part of the number before it: 10⁶ is not 106.
            let power = is_raised(c) && self.ends_base();
            self.sign(if power { '^' } else { ' ' });
            self.sign(digit);
            if !is_raised(c) {
                self.lowered = self.writer.text.len();
            }
        } else if is_dressed(c) {
            decompose_compatible(c, |part| {
                if part != c {
                    self.push(part);
                }
            });
        } else {
            if let Some(c) = self.source.take() {
                self.writer.lose(c);
            }
            self.sign(' ');
        }
    }
}

/// Most figures of an exponent.
const EXPONENT: usize = 8;

/// Most spaces before a cell; more of them are an indent.
const INDENT: usize = 64;

/// Returns whether `c` separates the cells of a table or the items of a list.
fn is_cell_end(c: char) -> bool {
    matches!(
        c,
        '\t' | '·'
            | '•'
            | '‣'
            | '◦'
            | '▪'
            | '▫'
            | '■'
            | '□'
            | '●'
            | '○'
            | '◆'
            | '◇'
            | '❖'
            | '➢'
            | '➤'
            | '◉'
            | '⦿'
            | '│'
            | '┃'
            | '｜'
    )
}

/// Returns whether `c` is a raised digit.
fn is_raised(c: char) -> bool {
    matches!(c, '¹' | '²' | '³' | '⁰' | '⁴'..='⁹')
}

/// Returns whether `c` is a no-break space, as between the groups of a number.
fn is_fixed_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{2007}'..='\u{200a}' | '\u{202f}')
}

/// Returns whether `text` starts with exactly three digits.
fn starts_group(text: &str) -> bool {
    let digits = text.bytes().take(4).take_while(u8::is_ascii_digit).count();
    digits == 3
}

/// Returns the one sign that stands for `c` and its look-alikes.
fn sign(c: char) -> Option<char> {
    Some(match c {
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
        // Spaces, and what has no sound: the marks before a sentence, of a note and of a paragraph, corners of tables.
        '\u{a0}'
        | '\u{1680}'
        | '\u{2000}'..='\u{200a}'
        | '\u{202f}'
        | '\u{205f}'
        | '\u{3000}'
        | '¡'
        | '¿'
        | '†'
        | '‡'
        | '※'
        | '¶'
        | '⁋'
        | '┄'..='╏'
        | '╒'..='╿' => ' ',
        '\'' | '`' | '´' | 'ʼ' | 'ʻ' | 'ʹ' | '’' | '‘' | '‛' | '′' | 'ꞌ' | 'Ꞌ' | '＇' => {
            '\''
        }
        '“'
        | '”'
        | '„'
        | '‚'
        | '‟'
        | '«'
        | '»'
        | '‹'
        | '›'
        | '″'
        | '〝'..='〟'
        | '＂'
        | '〈'..='】'
        | '〔'..='〛'
        | '⁅'
        | '⁆'
        | '⟦'..='⟯'
        | '❛'..='❞'
        | '❨'..='❵' => '"',
        '‐' | '‑' | '﹣' | '－' | '⁃' | '‧' => '-',
        '−' | '⁻' | '₋' => '−',
        '⁺' | '₊' | '＋' => '+',
        '‒' | '–' => '–',
        '—' | '―' | '⸺' | '⸻' | '─' | '━' | '═' => '—',
        // Lines of tables and boxes.
        '¦' | '‖' | '│' | '┃' | '║' => '|',
        '‗' => '_',
        '⁓' | '〜' => '~',
        '⁎' | '⁑' | '⁕' => '*',
        '…' | '‥' => '…',
        'ꜜ' | 'ꜝ' => DOWNSTEP,
        '。' | '．' | '․' | '।' | '॥' | '۔' | '።' => '.',
        '、' | '，' | '،' => ',',
        '؟' | '？' | '⁇' | '⁈' | '⁉' | '‽' => '?',
        '；' | '؛' => ';',
        '！' | '‼' => '!',
        '：' => ':',
        '⁄' | '∕' => '/',
        '°' | 'º' | '˚' => '°',
        '⩾' | '≧' => '≥',
        '⩽' | '≦' => '≤',
        '≅' | '≃' | '∼' => '≈',
        '⋅' | '∙' => '×',
        'µ' | 'μ' => 'µ',
        'π' => PI,
        '→' | '⇒' | '➔' | '➜' | '➝' | '➞' | '➡' | '⟶' | '⟹' => '→',
        ' '..='&' | '('..='_' | '{'..='~' | '²' | '³' => c,
        _ if is_operator(c) || c == '‰' => c,
        _ if FRACTIONS.iter().any(|(f, ..)| *f == c) => c,
        _ => return currency::sign_of(c),
    })
}

/// Returns whether `c` is dropped without a space: controls, joiners, marks of other alphabets.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{fffe}' | 'ꜛ'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
        || unicode_normalization::char::is_combining_mark(c)
}

/// Returns whether `c` is a compatibility form of a plain letter or digit: full width, mathematical, Roman numeral.
fn is_dressed(c: char) -> bool {
    matches!(c, '\u{ff01}'..='\u{ff5e}' | '\u{1d400}'..='\u{1d7ff}' | '\u{fb00}'..='\u{fb06}'
        | '\u{2160}'..='\u{217f}' | '\u{2460}'..='\u{24ff}' | '\u{2100}'..='\u{214f}'
        | '\u{3380}'..='\u{33df}' | '\u{1f100}'..='\u{1f10a}' | '\u{215f}' | 'ſ' | 'ŉ'
        | 'ĳ' | 'Ĳ' | 'ŀ' | 'Ŀ' | '\u{1c4}'..='\u{1cc}' | '\u{1f1}'..='\u{1f3}')
        && !matches!(c, '\u{2120}'..='\u{2122}')
}

/// Resolves what depends on the word: Cyrillic letters used as Latin ones, and ⊃ for ɔ.
fn in_words(text: &str, writer: &mut Writer) {
    let mut rest = text;
    while !rest.is_empty() {
        writer.cut(text.len() - rest.len());
        let end = rest.find(|c: char| !is_wordlike(c)).unwrap_or(rest.len());
        let latin = rest[..end]
            .contains(|c: char| is_wordlike(c) && c != '⊃' && cyrillic_twin(c).is_none());
        for c in rest[..end].chars() {
            if !latin {
                writer.lose(c);
            }
            writer.text.push(match cyrillic_twin(c) {
                _ if !latin => ' ',
                Some(twin) => twin,
                None if c == '⊃' => 'ɔ',
                None => c,
            });
        }
        writer.cut(text.len() - rest.len() + end);
        let step = rest[end..].chars().next();
        writer.text.extend(step);
        rest = &rest[end + step.map_or(0, char::len_utf8)..];
    }
}

fn is_wordlike(c: char) -> bool {
    c == '⊃' || is_combining(c) || c.is_alphabetic()
}
