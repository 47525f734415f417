//! Words that are known to be Twi: a Bloom filter of a word list (data/README.md).

/// False-positive rate: three in a thousand other words.
const BITS: &[u8] = include_bytes!("../../data/twi_words.bin");

/// Bits set per word.
const HASHES: u32 = 8;

/// Returns whether the list has a word of small letters, its tone marks left out.
pub(crate) fn is_twi_word(word: &str) -> bool {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = word.bytes().fold(0xcbf2_9ce4_8422_2325, mix);
    // Double hashing: the halves of one hash, the upper one made odd, give all bit positions.
    #[expect(clippy::cast_possible_truncation)]
    let (first, step) = (hash as u32, (hash >> 32) as u32 | 1);
    (0..HASHES).all(|row| {
        let place = first.wrapping_add(step.wrapping_mul(row)) as usize % (8 * BITS.len());
        BITS[place / 8] >> (place % 8) & 1 == 1
    })
}

#[cfg(test)]
mod tests {
    use super::is_twi_word;

    #[test]
    fn twi_words_are_known_and_english_ones_are_not() {
        for word in ["wo", "sɛ", "team", "adwene", "n'adwuma", "wɔbɛtumi"] {
            assert!(is_twi_word(word), "{word}");
        }
        for word in ["operation", "nigeria", "league", "foundation", "europe", ""] {
            assert!(!is_twi_word(word), "{word}");
        }
    }
}
