//! Decimal digits of every script, so that no written number is lost.

/// Code points of the zeros of all decimal digit runs outside ASCII; the nine digits follow each.
const ZEROS: [u32; 65] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90,
    0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
    0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650,
    0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x16A60, 0x16AC0, 0x16B50,
    0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E950, 0x1FBF0,
];

/// Runs of other digit signs (superscript, circled, ...): first code point, first value, length.
const SIGNS: [(u32, u8, u8); 21] = [
    (0x00B2, 2, 2),
    (0x00B9, 1, 1),
    (0x1369, 1, 9),
    (0x19DA, 1, 1),
    (0x2070, 0, 1),
    (0x2074, 4, 6),
    (0x2080, 0, 10),
    (0x2460, 1, 9),
    (0x2474, 1, 9),
    (0x2488, 1, 9),
    (0x24EA, 0, 1),
    (0x24F5, 1, 9),
    (0x24FF, 0, 1),
    (0x2776, 1, 9),
    (0x2780, 1, 9),
    (0x278A, 1, 9),
    (0x10A40, 1, 4),
    (0x10E60, 1, 9),
    (0x11052, 1, 9),
    (0x1F100, 0, 1),
    (0x1F101, 0, 10),
];

/// Returns the ASCII digit that `c` stands for when it is a decimal digit of any script.
pub(crate) fn decimal(c: char) -> Option<char> {
    let code = c as u32;
    if c.is_ascii_digit() {
        return Some(c);
    }
    let run = ZEROS.partition_point(|zero| *zero <= code).checked_sub(1)?;
    let value = code - ZEROS[run];
    (value < 10).then(|| ascii(value as u8))
}

/// Returns the ASCII digit that `c` stands for when it is a superscript, circled or otherwise styled digit.
pub(crate) fn sign(c: char) -> Option<char> {
    let code = c as u32;
    let run = SIGNS
        .partition_point(|(first, ..)| *first <= code)
        .checked_sub(1)?;
    let (first, value, length) = SIGNS[run];
    (code - first < u32::from(length)).then(|| ascii(value + (code - first) as u8))
}

fn ascii(value: u8) -> char {
    char::from(b'0' + value)
}
