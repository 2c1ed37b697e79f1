//! The table of bugs: every public bug that the project was given stands in `scenarios/regress/README.md` once, with the scenario or the
//! test that shows it impossible or handled, or with the reason why it cannot apply; what a simulator can show has a break as well.

use super::breaks::Break;
use std::fs;
use std::path::Path;

/// The bugs, by number, and which of them a simulator must be able to show.
const BUGS: &[(&str, bool)] = &[
    ("L01", true),
    ("L02", true),
    ("L03", true),
    ("L05", true),
    ("L06", true),
    ("L07", true),
    ("L09", true),
    ("L10", true),
    ("L12", true),
    ("L13", true),
    ("L15", true),
    ("L16", false),
    ("L18", true),
    ("L19", true),
    ("L21", true),
    ("L22", true),
    ("L24", true),
    ("L25", true),
    ("L27", true),
    ("L28", true),
    ("L29", true),
    ("L30", true),
    ("L32", true),
    ("L34", false),
    ("L35", true),
    ("L37", true),
    ("L38", true),
    ("L40", true),
    ("L42", true),
    ("L44", true),
    ("L45", true),
    ("L46", true),
    ("L47", true),
    ("L49", true),
    ("L50", true),
    ("L52", true),
    ("L53", true),
    ("L54", true),
    ("L56", true),
    ("L58", false),
    ("L59", true),
    ("L61", true),
    ("L63", true),
    ("L64", true),
    ("L65", true),
    ("L66", true),
    ("L68", true),
    ("L69", true),
    ("L71", true),
    ("L72", true),
    ("L74", true),
    ("L75", true),
    ("L77", true),
    ("L78", true),
    ("L80", true),
    ("L81", true),
    ("L83", true),
    ("L85", true),
    ("L86", true),
    ("L88", true),
    ("L90", true),
    ("L91", true),
    ("L93", true),
    ("L95", true),
    ("L96", true),
    ("L98", true),
    ("L99", true),
    ("L101", true),
    ("L102", false),
    ("L104", true),
    ("L105", true),
    ("L107", true),
    ("L108", true),
    ("L110", true),
    ("L111", true),
    ("L113", true),
    ("L115", false),
    ("L116", true),
    ("L118", true),
    ("L119", true),
];

/// Checks the table; answers how many bugs stand in it.
///
/// # Errors
/// All that is wrong with it.
pub fn check(root: &Path, breaks: &[Break]) -> Result<usize, Vec<String>> {
    let path = root.join("scenarios/regress/README.md");
    let text = fs::read_to_string(&path).map_err(|error| vec![format!("{}: {error}", path.display())])?;
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| L"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let mut wrong = Vec::new();
    for (id, _) in BUGS {
        let count = rows.iter().filter(|row| row[0] == *id).count();
        if count != 1 {
            wrong.push(format!("{id} stands {count} times in the table"));
        }
    }
    for row in &rows {
        match row[..] {
            [id, _, shown, broken] => check_row(root, breaks, id, shown, broken, &mut wrong),
            _ => wrong.push(format!("{row:?} has not four columns")),
        }
    }
    let fresh = regressions(root).into_iter().filter(|name| !text.contains(&format!("regress/{name}")));
    wrong.extend(fresh.map(|name| format!("regress/{name} stands for no bug")));
    if wrong.is_empty() { Ok(rows.len()) } else { Err(wrong) }
}

/// `shown` names scenarios (`stop/ignores-term`) and tests (`file.rs: name`) in backquotes, or says in words why there are none.
fn check_row(root: &Path, breaks: &[Break], id: &str, shown: &str, broken: &str, wrong: &mut Vec<String>) {
    let Some((_, needs_break)) = BUGS.iter().find(|(known, _)| *known == id) else {
        return wrong.push(format!("{id} is no bug of the list"));
    };
    let names: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
    let mut scenarios = Vec::new();
    for name in &names {
        match name.split_once(": ") {
            Some((file, test)) if !contains(root, file, &format!("fn {test}(")) => {
                wrong.push(format!("{id}: {file} has no test {test}"))
            }
            Some(_) => {}
            None if root.join("scenarios").join(name).with_extension("toml").is_file() => scenarios.push(*name),
            None => wrong.push(format!("{id}: there is no scenario {name}")),
        }
    }
    if names.is_empty() && shown.len() < 20 {
        wrong.push(format!("{id} is not shown, and nobody says why"));
    }
    match breaks.iter().find(|this| broken == format!("`{}`", this.name)) {
        Some(this) if !this.reds.iter().any(|red| scenarios.contains(&red.as_str())) => {
            wrong.push(format!("{id}: the break {} turns none of its scenarios red", this.name));
        }
        Some(_) => {}
        None if broken.starts_with('`') => wrong.push(format!("{id}: there is no break {broken}")),
        None if *needs_break && !scenarios.is_empty() && broken.len() < 20 => {
            wrong.push(format!("{id} has a scenario and no break"));
        }
        None => {}
    }
}

fn contains(root: &Path, file: &str, what: &str) -> bool {
    fs::read_to_string(root.join(file)).is_ok_and(|text| text.contains(what))
}

fn regressions(root: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root.join("scenarios/regress")) else { return Vec::new() };
    let names =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|ext| ext == "toml"));
    let mut names: Vec<String> = names.filter_map(|path| Some(path.file_stem()?.to_str()?.to_string())).collect();
    names.sort();
    names
}
