//! Durations and ranges of them as people write them: `10ms`, `1.5s`, `2m`, `10ms..50ms`. Scripts and scenario files share
//! this one reader, so that a duration means the same wherever it stands.

use crate::time::{Duration, DurationRange, nanos};
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::ops::Range;

/// The longest duration that may be written: a typing mistake, not a wait, is longer.
pub const DURATION_MAX: Duration = Duration::from_secs(100_000 * 3600);

/// Why a text is no duration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DurationError {
    /// The bytes of the text that are at fault.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Reads one duration: a decimal number and a unit (`ns`, `us`, `ms`, `s`, `m`, `h`), nothing between or around them.
///
/// # Errors
/// Where the number or the unit is missing or unknown, where it is finer than a nanosecond, or beyond [`DURATION_MAX`].
///
/// ```
/// use shakedown_core::puppet::parse_duration;
/// assert_eq!(parse_duration("1.5s").unwrap().as_millis(), 1500);
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    written(text, 0).map(|(duration, _)| duration)
}

/// Reads a duration or a range `a..b`, both ends included. Its grid is the smaller of the two units written.
///
/// # Errors
/// As [`parse_duration`], and where `b` is shorter than `a`.
///
/// ```
/// use shakedown_core::puppet::parse_range;
/// assert_eq!(parse_range("10ms..50ms").unwrap().steps(), 40);
/// ```
pub fn parse_range(text: &str) -> Result<DurationRange, DurationError> {
    let Some((low, high)) = text.split_once("..") else {
        return parse_duration(text).map(DurationRange::fixed);
    };
    let (min, unit_min) = written(low, 0)?;
    let (max, unit_max) = written(high, low.len() + 2)?;
    if max < min {
        return Err(DurationError {
            at: 0..text.len(),
            message: format!("the range `{text}` ends before it begins"),
            hint: Some(format!("write `{high}..{low}`")),
        });
    }
    if min == max {
        return Ok(DurationRange::fixed(min));
    }
    Ok(DurationRange { min, max, grid: unit_min.min(unit_max) })
}

/// A duration or range as text that reads back as the same.
#[derive(Clone, Copy, Debug)]
pub struct Written(pub DurationRange);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Written(DurationRange { min, max, grid }) = *self;
        if min == max {
            let ns = nanos(min);
            let unit = UNITS.iter().rev().find(|(_, unit)| ns != 0 && ns.is_multiple_of(*unit)).unwrap_or(&SECOND);
            return decimal(f, ns, *unit);
        }
        let mut unit = *UNITS.iter().rev().find(|(_, unit)| *unit <= nanos(grid)).unwrap_or(&UNITS[0]);
        if places(nanos(min), unit.1).is_none() || places(nanos(max), unit.1).is_none() {
            unit = UNITS[0];
        }
        decimal(f, nanos(min), unit)?;
        f.write_str("..")?;
        decimal(f, nanos(max), unit)
    }
}

/// The duration that a text writes, and the unit that it is written in.
fn written(text: &str, base: usize) -> Result<(Duration, Duration), DurationError> {
    let fail = |message: String, hint: Option<String>| DurationError { at: base..base + text.len(), message, hint };
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    if number.is_empty() {
        let hint = "a number and a unit, as in `10ms`, `1.5s`, `2m`";
        return Err(fail(format!("`{text}` is not a duration"), Some(hint.into())));
    }
    if unit.is_empty() {
        return Err(fail(format!("`{text}` has no unit"), Some(format!("write `{number}ms` or `{number}s`"))));
    }
    if UNITS.iter().any(|(name, _)| *name == unit.trim()) && unit != unit.trim() {
        let hint = format!("write `{number}{}`", unit.trim());
        return Err(fail(format!("`{text}` has a blank in it"), Some(hint)));
    }
    let Some(&(_, unit_ns)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        let hint = "the units are ns, us, ms, s, m and h";
        return Err(fail(format!("`{unit}` is not a unit of time"), Some(hint.into())));
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let dotted = number.contains('.');
    if whole.is_empty() || fraction.contains('.') || (dotted && fraction.is_empty()) {
        return Err(fail(format!("`{number}` is not a number"), Some("write it as in `1.5s`".into())));
    }
    let too_long = || fail(format!("`{text}` is longer than {} hours", DURATION_MAX.as_secs() / 3600), None);
    if whole.trim_start_matches('0').len() > DIGITS_MAX {
        return Err(too_long());
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > DIGITS_MAX {
        return Err(fail(format!("`{text}` is finer than a nanosecond"), None));
    }
    let scale = 10u128.pow(fraction.len() as u32);
    let scaled = (digits(whole) * scale + digits(fraction)) * u128::from(unit_ns);
    if !scaled.is_multiple_of(scale) {
        return Err(fail(format!("`{text}` is finer than a nanosecond"), None));
    }
    match u64::try_from(scaled / scale) {
        Ok(ns) if ns <= nanos(DURATION_MAX) => Ok((Duration::from_nanos(ns), Duration::from_nanos(unit_ns))),
        Ok(_) | Err(_) => Err(too_long()),
    }
}

/// At most [`DIGITS_MAX`] digits beyond leading zeros, so it cannot overflow.
fn digits(text: &str) -> u128 {
    text.bytes().fold(0, |n, digit| n * 10 + u128::from(digit - b'0'))
}

fn decimal(f: &mut fmt::Formatter<'_>, ns: u64, (name, unit): (&str, u64)) -> fmt::Result {
    write!(f, "{}", ns / unit)?;
    match places(ns, unit) {
        Some(0) | None => {}
        Some(places) => {
            let fraction = u128::from(ns % unit) * 10u128.pow(places) / u128::from(unit);
            write!(f, ".{fraction:0width$}", width = places as usize)?;
        }
    }
    f.write_str(name)
}

/// How many decimals write this exactly in the unit; `None` where none do (a second is no decimal part of an hour).
fn places(ns: u64, unit: u64) -> Option<u32> {
    let rest = u128::from(ns % unit);
    (0..=DIGITS_MAX as u32).find(|places| (rest * 10u128.pow(*places)).is_multiple_of(u128::from(unit)))
}

const SECOND: (&str, u64) = ("s", 1_000_000_000);
const UNITS: [(&str, u64); 6] =
    [("ns", 1), ("us", 1_000), ("ms", 1_000_000), SECOND, ("m", 60_000_000_000), ("h", 3_600_000_000_000)];
const DIGITS_MAX: usize = 13;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn durations_read_and_write() {
        let ns = Duration::from_nanos;
        for (text, expected, again) in [
            ("10ms", 10_000_000, "10ms"),
            ("1.5s", 1_500_000_000, "1500ms"),
            ("2m", 120_000_000_000, "2m"),
            ("60s", 60_000_000_000, "1m"),
            ("100us", 100_000, "100us"),
            ("50ns", 50, "50ns"),
            ("1h", 3_600_000_000_000, "1h"),
            ("0ms", 0, "0s"),
            ("0.000000001s", 1, "1ns"),
            ("00000000000000000001.50000000000000000000s", 1_500_000_000, "1500ms"),
        ] {
            assert_eq!(parse_duration(text), Ok(ns(expected)), "{text}");
            assert_eq!(Written(DurationRange::fixed(ns(expected))).to_string(), again);
        }
    }

    #[test]
    fn ranges_keep_their_grid() {
        for (text, grid, again) in [
            ("10ms..50ms", 1_000_000, "10ms..50ms"),
            ("200ms..2s", 1_000_000, "200ms..2000ms"),
            ("1.5s..3s", 1_000_000_000, "1.5s..3s"),
            ("0.5m..2h", 60_000_000_000, "0.5m..120m"),
            ("0s..1us", 1_000, "0us..1us"),
            ("5ms..5ms", 1, "5ms"),
        ] {
            let range = parse_range(text).unwrap();
            assert_eq!(nanos(range.grid), grid, "{text}");
            assert_eq!(Written(range).to_string(), again);
            assert_eq!(parse_range(again), Ok(range));
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        for (text, at, part) in [
            ("", 0..0, "is not a duration"),
            ("ms", 0..2, "is not a duration"),
            ("10", 0..2, "has no unit"),
            ("10 ms", 0..5, "has a blank in it"),
            ("10MS", 0..4, "is not a unit"),
            ("1.5.2s", 0..6, "is not a number"),
            (".5s", 0..3, "is not a number"),
            ("1.s", 0..3, "is not a number"),
            ("1.5ns", 0..5, "finer than a nanosecond"),
            ("99999999999999999999999999h", 0..27, "longer than"),
            ("100001h", 0..7, "longer than"),
            ("2s..1s", 0..6, "ends before it begins"),
            ("1s..x", 4..5, "is not a duration"),
            ("1s..2s..3s", 4..10, "is not a unit"),
            ("-1s", 0..3, "is not a duration"),
            ("١s", 0..3, "is not a duration"),
        ] {
            let error = parse_range(text).unwrap_err();
            assert!(error.message.contains(part), "{text}: {error}");
            assert_eq!(error.at, at, "{text}: {error}");
        }
    }
}
