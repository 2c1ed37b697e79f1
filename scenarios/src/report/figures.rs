//! Durations, counts and shares, as reports print them. One place, so that the same figure never has two faces.

use shakedown_core::time::{Duration, nanos};

/// A whole number in groups of three: `12 345`. Four digits stay together.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    if digits.len() <= 4 {
        return digits;
    }
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 run`, `12 runs`.
pub fn plural(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A duration with the two figures that matter, rounded down: `40 ns`, `1.9 s`, `2 min 05 s`, `3 h 12 min`, `41 d 02 h`.
pub fn duration(d: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns")];
    let ns = nanos(d);
    let seconds = ns / 1_000_000_000;
    if seconds >= 86_400 {
        return format!("{} d {:02} h", count(seconds / 86_400), seconds / 3_600 % 24);
    }
    if seconds >= 3_600 {
        return format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60);
    }
    if seconds >= 60 {
        return format!("{} min {:02} s", seconds / 60, seconds % 60);
    }
    for (size, unit) in UNITS {
        if ns >= size {
            let tenths = if size == 1 { 0 } else { ns * 10 / size % 10 };
            return if ns / size >= 10 || tenths == 0 {
                format!("{} {unit}", ns / size)
            } else {
                format!("{}.{tenths} {unit}", ns / size)
            };
        }
    }
    "0 s".into()
}

/// A share in whole percent, rounded to the nearest; what is neither none nor all is never shown as if it were.
pub fn percent(part: u64, of: u64) -> String {
    if of == 0 {
        return "–".into();
    }
    let part = part.min(of);
    let rounded = (u128::from(part) * 200 + u128::from(of)) / (u128::from(of) * 2);
    match (part, rounded) {
        (0, _) => "0 %".into(),
        (_, 0) => "< 1 %".into(),
        (_, 100..) if part < of => "> 99 %".into(),
        (_, share) => format!("{share} %"),
    }
}

/// Bytes: `512 B`, `64 KiB`, `1.5 MiB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    for (size, unit) in UNITS {
        if n >= size {
            let tenths = n % size * 10 / size;
            return if n / size >= 10 || tenths == 0 {
                format!("{} {unit}", count(n / size))
            } else {
                format!("{}.{tenths} {unit}", n / size)
            };
        }
    }
    format!("{n} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_printed_with_what_matters_and_rounded_down() {
        let d = |ns| duration(Duration::from_nanos(ns));
        let rows = [
            (0, "0 s"),
            (40, "40 ns"),
            (1_900, "1.9 µs"),
            (39_000_000, "39 ms"),
            (1_951_000_000, "1.9 s"),
            (2_000_000_000, "2 s"),
            (59_999_999_999, "59 s"),
            (125_000_000_000, "2 min 05 s"),
            (11_520_000_000_000, "3 h 12 min"),
            (3_550_000_000_000_000, "41 d 02 h"),
        ];
        for (ns, text) in rows {
            assert_eq!(d(ns), text);
        }
        assert_eq!((count(0), count(1100), count(12_345)), ("0".into(), "1100".into(), "12 345".into()));
        assert_eq!(count(1_234_567), "1 234 567");
        assert_eq!((plural(1, "run"), plural(2, "run")), ("1 run".into(), "2 runs".into()));
        assert_eq!((bytes(512), bytes(65_536), bytes(1_572_864)), ("512 B".into(), "64 KiB".into(), "1.5 MiB".into()));
    }

    #[test]
    fn a_share_is_never_rounded_to_none_or_all() {
        assert_eq!(percent(371, 1100), "34 %");
        assert_eq!((percent(0, 9), percent(9, 9)), ("0 %".into(), "100 %".into()));
        assert_eq!((percent(1, 100_000), percent(99_999, 100_000)), ("< 1 %".into(), "> 99 %".into()));
        assert_eq!(percent(0, 0), "–");
    }
}
