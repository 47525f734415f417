//! English number words.

#[rustfmt::skip]
const SMALL: [&str; 20] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
];
const TENS: [&str; 10] = [
    "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];
const SCALES: [(u64, &str); 4] = [
    (1_000_000_000_000, "trillion"),
    (1_000_000_000, "billion"),
    (1_000_000, "million"),
    (1000, "thousand"),
];

/// Longer numbers are read digit by digit.
const LONGEST: usize = 15;

/// Digits one by one.
pub(super) fn spell(digits: &str) -> String {
    let words: Vec<&str> = digits
        .bytes()
        .map(|digit| SMALL[usize::from(digit - b'0')])
        .collect();
    words.join(" ")
}

/// The words of an integer; a year is read in pairs.
pub(super) fn integer(digits: &str, year: bool) -> String {
    let n = match digits.parse::<u64>() {
        Ok(n) if digits.len() <= LONGEST => n,
        _ => return spell(digits),
    };
    let (century, rest) = (n / 100, n % 100);
    if year && (11..=20).contains(&century) && century % 10 > 0 || year && century == 20 && rest > 9
    {
        let tail = match rest {
            0 => "hundred".to_owned(),
            1..=9 => format!("o {}", cardinal(rest)),
            _ => cardinal(rest),
        };
        return format!("{} {tail}", cardinal(century));
    }
    cardinal(n)
}

fn cardinal(n: u64) -> String {
    if n < 20 {
        return SMALL[n as usize].to_owned();
    }
    let joined = |head: String, rest: u64, link: &str| {
        if rest == 0 {
            head
        } else {
            format!("{head} {link}{}", cardinal(rest))
        }
    };
    if n < 100 {
        return joined(TENS[n as usize / 10].to_owned(), n % 10, "");
    }
    if n < 1000 {
        return joined(
            format!("{} hundred", SMALL[n as usize / 100]),
            n % 100,
            "and ",
        );
    }
    let (size, name) = SCALES
        .into_iter()
        .find(|(size, _)| n >= *size)
        .unwrap_or((1000, "thousand"));
    let link = if n % size < 100 { "and " } else { "" };
    joined(format!("{} {name}", cardinal(n / size)), n % size, link)
}

/// The words of a proper fraction whose parts are at most 100.
pub(super) fn fraction(over: &str, under: &str) -> Option<String> {
    let (over, under) = (over.parse::<u64>().ok()?, under.parse::<u64>().ok()?);
    if over == 0 || over >= under || under > 100 {
        return None;
    }
    let part = match under {
        2 => "half".to_owned(),
        4 => "quarter".to_owned(),
        _ => ordinal(&cardinal(under)),
    };
    let plural = if over > 1 { "s" } else { "" };
    Some(format!("{} {part}{plural}", cardinal(over)))
}

/// The ordinal of a number in words.
pub(super) fn ordinal(words: &str) -> String {
    let (head, last) = words
        .rsplit_once(' ')
        .map_or(("", words), |(head, last)| (head, last));
    let last = match last {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        tens if tens.ends_with('y') => format!("{}ieth", tens.trim_end_matches('y')),
        other => format!("{other}th"),
    };
    format!("{head} {last}").trim_start().to_owned()
}
