//! Patterns over names: `*` is any part of one, `?` any letter; neither crosses a slash.

/// Whether a name fits a glob: `*` stands for any letters but `/`, `?` for one.
pub fn glob(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        let fits = p < pattern.len() && (pattern[p] == name[n] || (pattern[p] == b'?' && name[n] != b'/'));
        if p < pattern.len() && pattern[p] == b'*' {
            retry = Some((p + 1, n));
            p += 1;
        } else if fits {
            (p, n) = (p + 1, n + 1);
        } else {
            // Let the last star take one letter more.
            match retry {
                Some((after, from)) if name[from] != b'/' => {
                    retry = Some((after, from + 1));
                    (p, n) = (after, from + 1);
                }
                Some(_) | None => return false,
            }
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_part_and_does_not_cross_a_slash() {
        for (pattern, name, fits) in [
            ("process.*", "process.run", true),
            ("*", "", true),
            ("*.run", "process.run", true),
            ("p?ocess.*", "process.run", true),
            ("process.*", "process", false),
            ("*", "a/b", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
        ] {
            assert_eq!(glob(pattern, name), fits, "{pattern} {name}");
        }
    }
}
