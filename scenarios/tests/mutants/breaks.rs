//! Breaks of the machines: each has the shape of a bug that others have shipped, and scenarios that must turn red.

use super::copy::{cargo, copy_tree};
use super::list::apply;
use serde::Deserialize;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Instant;

/// One break.
#[derive(Clone, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Break {
    /// What it is called by.
    pub name: String,
    /// What goes wrong.
    pub breaks: String,
    /// In which file.
    pub file: String,
    /// The text that is replaced; it stands in the file once.
    pub find: String,
    /// What takes its place.
    pub replace: String,
    /// A second edit, in another file, where two walls stand and each alone keeps the bug out.
    pub also: Option<Edit>,
    /// The scenarios that must turn red, without folder and ending: `stop/ignores-term`.
    pub reds: Vec<String>,
    /// One of them of which `shakedown explore` must print a smallest failure.
    pub explored: Option<String>,
}

/// A text in the place of another.
#[derive(Clone, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    file: String,
    find: String,
    replace: String,
}

impl Break {
    /// All that is edited, each in a file of its own.
    fn edits(&self) -> Vec<Edit> {
        let first = Edit { file: self.file.clone(), find: self.find.clone(), replace: self.replace.clone() };
        [first].into_iter().chain(self.also.clone()).collect()
    }
}

impl Edit {
    /// The file as the break leaves it.
    fn apply(&self, root: &Path) -> Result<String, String> {
        apply(root, &self.file, &self.find, &self.replace)
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "break")]
    breaks: Vec<Break>,
}

/// Seeds of each scenario. A bug that more than these miss is no longer caught by the corpus.
const SEEDS: &str = "300";

/// Reads the list.
///
/// # Errors
/// All that is wrong with it.
pub fn read(root: &Path) -> Result<Vec<Break>, Vec<String>> {
    let path = root.join("core/breaks.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| vec![format!("{}: {error}", path.display())])?;
    let document: Document = toml::from_str(&text).map_err(|error| vec![error.to_string()])?;
    let mut wrong = Vec::new();
    for this in &document.breaks {
        let errors = this.edits().into_iter().filter_map(|edit| edit.apply(root).err());
        wrong.extend(errors.map(|error| format!("{}: {error}", this.name)));
        if this.reds.is_empty() {
            wrong.push(format!("{} turns nothing red", this.name));
        }
        let missing = this.reds.iter().chain(&this.explored).filter(|red| !scenario(root, red).is_file());
        wrong.extend(missing.map(|red| format!("{}: there is no scenario {red}", this.name)));
    }
    if wrong.is_empty() { Ok(document.breaks) } else { Err(wrong) }
}

fn scenario(root: &Path, name: &str) -> std::path::PathBuf {
    root.join("scenarios").join(name).with_extension("toml")
}

/// Applies them all, or those whose name or description contains one of the words, and plays their scenarios.
pub fn all(root: &Path, breaks: &[Break], words: &[String]) -> ExitCode {
    let is_asked = |this: &&Break| {
        words.is_empty()
            || words.iter().any(|word| this.name.contains(word.as_str()) || this.breaks.contains(word.as_str()))
    };
    let copy = match copy_tree(root) {
        Ok(copy) => copy,
        Err(error) => {
            eprintln!("error: the tree cannot be copied: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (mut asked, mut missed) = (0, 0);
    for this in breaks.iter().filter(is_asked) {
        let began = Instant::now();
        let verdicts = one(root, &copy, this);
        for (red, verdict) in this.reds.iter().chain(&this.explored).zip(verdicts) {
            println!("{:<30} {:<9} {:>4} s  {red}", this.name, verdict, began.elapsed().as_secs());
            (asked, missed) = (asked + 1, missed + usize::from(verdict != "red"));
        }
    }
    println!("\n{asked} scenarios against breaks, {} red, {missed} not", asked - missed);
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What each scenario says of one break. The files are put back whatever happens.
fn one(root: &Path, copy: &Path, this: &Break) -> Vec<&'static str> {
    let edits = this.edits();
    let written = edits
        .iter()
        .all(|edit| edit.apply(root).is_ok_and(|broken| std::fs::write(copy.join(&edit.file), broken).is_ok()));
    let built = written && {
        let mut build = cargo(copy);
        let output = build.args(["build", "-q"]).output();
        let built = output.as_ref().is_ok_and(|output| output.status.success());
        if !built {
            // A break that no longer compiles, or a build that was killed: only the compiler's words tell which.
            let said = output.map_or_else(|error| error.to_string(), |it| String::from_utf8_lossy(&it.stderr).into());
            eprintln!("{}: {said}", this.name);
        }
        built
    };
    let played = this.reds.iter().map(|red| if built { play(root, copy, red) } else { "no build" });
    let explored = this.explored.iter().map(|red| if built { explore(root, copy, red) } else { "no build" });
    let verdicts = played.chain(explored).collect();
    for Edit { file, .. } in &edits {
        let restored = std::fs::copy(root.join(file), copy.join(file));
        assert!(restored.is_ok(), "{file} cannot be put back: {restored:?}");
    }
    verdicts
}

/// Red is an expectation or an oracle that failed, and nothing else.
fn play(root: &Path, copy: &Path, red: &str) -> &'static str {
    let mut command = std::process::Command::new(copy.join("target/debug/shakedown"));
    // One failure is enough, as it was found: to shrink what a break has slowed down took minutes.
    command.arg("sim").arg(scenario(root, red)).args(["--seeds", SEEDS, "--max-fail", "1", "--no-shrink"]);
    match command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().map(|status| status.code())
    {
        Ok(Some(1)) => "red",
        Ok(Some(0 | 5)) => "green",
        Ok(_) | Err(_) => "broken",
    }
}

/// Red is a smallest failure, which is printed: whoever reads it should see at once what was broken.
fn explore(root: &Path, copy: &Path, red: &str) -> &'static str {
    let mut command = std::process::Command::new(copy.join("target/debug/shakedown"));
    let output = command.arg("explore").arg(scenario(root, red)).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let Ok(output) = output else { return "broken" };
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}");
    match output.status.code() {
        Some(1) if told.contains("a smallest schedule") => "red",
        Some(0) => "green",
        Some(_) | None => "broken",
    }
}
