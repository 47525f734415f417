//! Counts the characters that rules examine, to test that time is linear in the text. Outside of the tests of this
//! crate it does nothing.

#[cfg(test)]
std::thread_local! {
    static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Counts `n` characters that are examined.
#[inline]
pub(crate) fn step(n: usize) {
    #[cfg(test)]
    STEPS.with(|steps| steps.set(steps.get() + n as u64));
    #[cfg(not(test))]
    let _ = n;
}

#[cfg(test)]
mod tests {
    use crate::clean::clean;
    use crate::normalize::{normalize, NormalizeOptions};
    use crate::sentence::split_sentences;

    fn steps_of(work: impl FnOnce()) -> u64 {
        super::STEPS.with(|steps| steps.set(0));
        work();
        super::STEPS.with(std::cell::Cell::get)
    }

    /// Stretches that rules may scan repeatedly.
    const SHAPES: [&str; 66] = [
        "a.", "A.", "a. ", "1*", "*1", "#1", "1#", ")", "(", "k) ", "(1) ", "1,", "1.", "1 ",
        "1 000 ", "1'000'", "1:", "1-", "-", "- ", " ", "I, ", "A, ", "II ", "<", "<a ", "<!--",
        "&", "&amp;", "[1", "[[", "{", "%1$", "\\n", "!", "?! ", "h1 ", "ab1-", "GHS ", "Kofi ",
        "*", "**", "* ", "*\t", "\t", "\t ", " \t", "#", "##", "=", "/", "A.A", "K. ", "k ", "a/",
        "a'", "-a", "\r\n", "Mon.-", "Mon/", "9am/", "<=", "<3", "2³", "S3 ", "a\n",
    ];

    #[test]
    fn twice_the_text_takes_twice_the_steps() {
        let options = NormalizeOptions::default();
        for shape in SHAPES {
            for work in [
                |text: &str, options: &NormalizeOptions| drop(normalize(text, options)),
                |text: &str, options: &NormalizeOptions| drop(clean(text, options)),
                |text: &str, _: &NormalizeOptions| drop(split_sentences(text)),
            ] {
                let [once, twice] = [500, 1_000].map(|count| {
                    let text = shape.repeat(count);
                    steps_of(|| work(&text, &options))
                });
                assert!(
                    twice <= once * 5 / 2 + 1_000,
                    "{shape:?}: {once}, then {twice}"
                );
            }
        }
    }
}
