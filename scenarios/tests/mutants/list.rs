//! The list of mutants, and that each of them can be applied to the tree as it is.

use serde::Deserialize;
use std::path::Path;

/// One break of the kernel.
#[derive(Clone, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// The rule that it breaks: `C17`.
    pub rule: String,
    /// How.
    pub breaks: String,
    /// In which file.
    pub file: String,
    /// The text that is replaced; it stands in the file once.
    pub find: String,
    /// What takes its place.
    pub replace: String,
}

#[derive(Deserialize)]
struct Document {
    mutant: Vec<Mutant>,
}

/// Rules that everything else rests on: each has at least one mutant.
const TIER_0: &[&str] = &[
    "C1", "C2", "C4", "C5", "C5b", "C6", "C7", "C8", "C9", "C10", "C11", "C12", "C13", "C16", "C17", "C18", "C19",
    "C20", "C21", "C23", "C25", "C28", "C31",
];
/// At least so many mutants.
const MUTANTS_MIN: usize = 25;

/// Reads the list.
///
/// # Errors
/// All that is wrong with it.
pub fn read(root: &Path) -> Result<Vec<Mutant>, Vec<String>> {
    let path = root.join("sim/mutants.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| vec![format!("{}: {error}", path.display())])?;
    let document: Document = toml::from_str(&text).map_err(|error| vec![error.to_string()])?;
    let mut wrong: Vec<String> = document.mutant.iter().filter_map(|mutant| mutant.apply(root).err()).collect();
    let missing = TIER_0.iter().filter(|rule| !document.mutant.iter().any(|mutant| mutant.rule == **rule));
    wrong.extend(missing.map(|rule| format!("no mutant breaks {rule}")));
    if document.mutant.len() < MUTANTS_MIN {
        wrong.push(format!("{} mutants, and {MUTANTS_MIN} were promised", document.mutant.len()));
    }
    if wrong.is_empty() { Ok(document.mutant) } else { Err(wrong) }
}

impl Mutant {
    /// The file as the mutant leaves it.
    ///
    /// # Errors
    /// Where the text to be replaced does not stand in the file exactly once.
    pub fn apply(&self, root: &Path) -> Result<String, String> {
        apply(root, &self.file, &self.find, &self.replace)
            .map_err(|error| format!("{} ({}): {error}", self.rule, self.breaks))
    }
}

/// A file with one text in the place of another.
///
/// # Errors
/// Where the text to be replaced does not stand in the file exactly once.
pub fn apply(root: &Path, file: &str, find: &str, replace: &str) -> Result<String, String> {
    let text = std::fs::read_to_string(root.join(file)).map_err(|error| format!("{file}: {error}"))?;
    match text.matches(find).count() {
        1 => Ok(text.replacen(find, replace, 1)),
        n => Err(format!("its text stands {n} times in {file}: {find:?}")),
    }
}
