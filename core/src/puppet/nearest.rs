//! The word that was probably meant: edit distance over a list of known words. Every "did you mean" of scripts and scenario
//! files comes from here.

use alloc::vec;
use alloc::vec::Vec;

/// The nearest of `known` to `word`, where one is near enough to be a typing mistake: a third of its letters, at least one.
/// Of equally near words the first wins.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters: Vec<char> = word.chars().take(WORD_MAX + 1).map(|c| c.to_ascii_lowercase()).collect();
    if letters.len() > WORD_MAX {
        return None;
    }
    let bound = (letters.len() / 3).max(1);
    let mut best: Option<(usize, &'a str)> = None;
    for candidate in known {
        let distance = distance(&letters, candidate);
        if distance <= bound && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, word)| word)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other (optimal string alignment).
fn distance(a: &[char], b: &str) -> usize {
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut older = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                row[j] = row[j].min(older[j - 2] + 1);
            }
        }
        older = core::mem::replace(&mut above, row);
    }
    above[b.len()]
}

/// Longer words are not compared.
const WORD_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_mistakes_are_found_and_strangers_are_not() {
        let known = ["grace", "scope", "signal", "signal-to", "drain"];
        for (word, expected) in [
            ("grce", Some("grace")),
            ("garce", Some("grace")),
            ("Grace", Some("grace")),
            ("signal_to", Some("signal-to")),
            ("signals", Some("signal")),
            ("restart", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
