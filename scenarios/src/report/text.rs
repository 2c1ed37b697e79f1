//! Text of a known width: what comes from outside (names, output, messages) is made visible, then cut, padded or wrapped by
//! columns. A terminal counts columns, not bytes, and a report that breaks its lines there cannot be read.

/// No line of a report is wider, but for a word that cannot be broken without harm.
pub const WIDTH: usize = 100;

/// Text in which every character is visible and one column wide: controls and newlines are escaped, and so is whatever is not
/// Latin, Greek, Cyrillic or a sign that reports use themselves.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' '..='~' => out.push(c),
            '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{2ff}' | '\u{370}'..='\u{373}' | '\u{37b}'..='\u{37d}' => out.push(c),
            '\u{391}'..='\u{3a1}' | '\u{3a3}'..='\u{3ff}' | '\u{400}'..='\u{482}' | '\u{48a}'..='\u{52f}' => {
                out.push(c)
            }
            '–' | '—' | '‘' | '’' | '“' | '”' | '…' | '→' | '▶' | '✗' | '⋮' | '│' | '─' | '≤' | '≥' => {
                out.push(c)
            }
            other => out.extend(other.escape_default()),
        }
    }
    out
}

/// Columns of text that [`visible`] has made.
pub(super) fn columns(text: &str) -> usize {
    text.chars().count()
}

/// At most `max` columns, with `…` in the place of what was cut.
pub(super) fn clip(text: &str, max: usize) -> String {
    if columns(text) <= max {
        return text.into();
    }
    let mut out: String = text.chars().take(max.saturating_sub(1)).collect();
    if max > 0 {
        out.push('…');
    }
    out
}

/// Exactly `width` columns, the text at the left.
pub(super) fn left(text: &str, width: usize) -> String {
    let text = clip(text, width);
    let gap = width - columns(&text);
    text + &" ".repeat(gap)
}

/// Exactly `width` columns, the text at the right.
pub(super) fn right(text: &str, width: usize) -> String {
    let text = clip(text, width);
    " ".repeat(width - columns(&text)) + &text
}

/// Lines of at most `width` columns, broken at spaces, and within words that are wider by themselves.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        let mut rest: Vec<char> = word.chars().collect();
        while !rest.is_empty() {
            let line = lines.last_mut().expect("there is always a line");
            let used = columns(line) + usize::from(!line.is_empty());
            if used + rest.len() <= width {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.extend(rest.drain(..));
            } else if line.is_empty() {
                line.extend(rest.drain(..width.max(1).min(rest.len())));
            } else {
                lines.push(String::new());
            }
        }
    }
    lines
}

/// A command in lines of at most `width` columns that a shell reads as one: broken only at spaces outside quotes, each line but
/// the last ending in a backslash. A word wider than that stays whole, because a cut command cannot be pasted.
pub(super) fn wrap_command(command: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in shell_words(command) {
        if !line.is_empty() && columns(&line) + 1 + columns(&word) + 2 > width {
            lines.push(std::mem::take(&mut line) + " \\");
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    lines.push(line);
    lines
}

/// The words of a command as they are written, quotes included.
fn shell_words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote: Option<char> = None;
    let mut escaped = false;
    for c in command.chars() {
        if c == ' ' && quote.is_none() && !escaped {
            words.push(String::new());
            continue;
        }
        match quote {
            _ if escaped => escaped = false,
            Some(open) if c == open => quote = None,
            Some('\'') => {}
            Some(_) | None if c == '\\' => escaped = true,
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(_) | None => {}
        }
        words.last_mut().expect("there is always a word").push(c);
    }
    words.retain(|w| !w.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_visible_or_not_one_column_wide_is_escaped() {
        assert_eq!(visible("naïve → done"), "naïve → done");
        assert_eq!(visible("a\tb\n"), "a\\tb\\n");
        assert_eq!(visible("漢\u{301}\u{1b}[31m"), "\\u{6f22}\\u{301}\\u{1b}[31m");
    }

    #[test]
    fn a_long_command_is_broken_where_a_shell_joins_it_again() {
        let command = "shakedown sim 'my checkout.toml' --set defaults.stop.grace=1s --case 4 --seed 42";
        assert_eq!(wrap_command(command, 100), [command]);
        let lines = wrap_command(command, 40);
        assert_eq!(
            lines,
            ["shakedown sim 'my checkout.toml' --set \\", "defaults.stop.grace=1s --case 4 --seed \\", "42"]
        );
    }

    proptest! {
        #[test]
        fn wrapped_text_keeps_every_character_and_no_line_is_too_wide(text in "\\PC{0,300}", width in 1usize..120) {
            let text = visible(&text);
            let lines = wrap(&text, width);
            prop_assert!(lines.iter().all(|l| columns(l) <= width));
            let kept = |t: &str| t.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(kept(&lines.concat()), kept(&text));
        }

        #[test]
        fn padded_text_has_exactly_its_width(text in "\\PC{0,60}", width in 0usize..60) {
            let text = visible(&text);
            prop_assert_eq!(columns(&left(&text, width)), width);
            prop_assert_eq!(columns(&right(&text, width)), width);
        }
    }
}
