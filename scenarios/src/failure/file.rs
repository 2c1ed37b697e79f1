//! A failure as a file: what failed, where, and the surprises that lead to it. It holds nothing calm, and each surprise is keyed by whom
//! it is about, so that it replays after unrelated edits of the scenario or the program; where it does not fit any more, that is said.

use super::{Finding, Investigated};
use serde::{Deserialize, Serialize};
use shakedown_core::site::{Kind, Label, Site};
use shakedown_core::time::Instant;
use shakedown_sim::choose::Answer;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

/// A failure that can be replayed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureFile {
    /// The version of this format.
    pub failure: u32,
    /// The scenario's file, as it was named; for a test its name.
    pub of: String,
    /// The values of the case's axes; empty where it has none.
    #[serde(default)]
    pub case: String,
    /// The oracle, or the expectation's sentence.
    pub rule: String,
    /// Whether the rule is an expectation of the file.
    #[serde(default)]
    pub expected: bool,
    /// Whom it is about.
    pub subject: String,
    /// In words.
    pub message: String,
    /// How it was found.
    pub found: String,
    /// Whether it takes a crash that the scenario itself does not have: as `explore --crashes` plays it, any process may crash at any step,
    /// or the supervisor before any step of the time in which the file kills it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub crashes: bool,
    /// What must go another way than in the calm run.
    #[serde(default)]
    pub surprises: Vec<Entry>,
}

/// One surprise.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// For people.
    pub words: String,
    /// What kind of question it answers.
    pub kind: String,
    /// Whom it is about: the hash of a name and those of its ancestors, in hexadecimal.
    pub label: String,
    /// Which of the questions of this kind about them.
    pub nth: u32,
    /// The answer; 0 would be calm.
    pub answer: u32,
}

/// Why a failure file cannot be used.
#[derive(Debug)]
pub struct FileError {
    file: PathBuf,
    why: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.why)
    }
}

impl std::error::Error for FileError {}

/// The version that is written and read.
const VERSION: u32 = 1;

/// A failure file is some hundred lines long; what is longer is none.
const LENGTH_MAX: u64 = 4 << 20;

impl FailureFile {
    /// Of a failure that was looked into. Where it could not be shrunk there is nothing to write down that would lead to it again.
    pub fn of(investigated: &Investigated, of: &str, case: &str, found: &str) -> Option<FailureFile> {
        investigated.minimised?;
        let finding = &investigated.finding;
        let entry = |surprise: &super::Surprise| {
            let Answer { site, answer } = surprise.answer;
            let label = format!("{:016x}", site.label.0);
            Entry { words: surprise.words.clone(), kind: site.kind.name().into(), label, nth: site.nth, answer }
        };
        Some(FailureFile {
            failure: VERSION,
            of: of.into(),
            case: case.into(),
            rule: finding.rule.to_string(),
            expected: finding.expected,
            subject: finding.subject.clone(),
            message: finding.message.clone(),
            found: found.into(),
            crashes: false,
            surprises: investigated.surprises.iter().map(entry).collect(),
        })
    }

    /// What it accuses the run of.
    pub fn finding(&self) -> Finding {
        Finding {
            rule: self.rule.as_str().into(),
            expected: self.expected,
            subject: self.subject.clone(),
            at: Instant::ZERO,
            message: self.message.clone(),
        }
    }

    /// The choices that lead to it.
    ///
    /// # Errors
    /// Names the entry that is none.
    pub fn answers(&self) -> Result<Vec<Answer>, String> {
        let answer = |(n, entry): (usize, &Entry)| {
            let wrong = |what: &str| format!("surprise {}: {what}", n + 1);
            let kind = Kind::parse(&entry.kind).ok_or_else(|| wrong(&format!("there is no kind `{}`", entry.kind)))?;
            let label = u64::from_str_radix(&entry.label, 16)
                .map_err(|_| wrong(&format!("`{}` is no label: 16 hexadecimal digits", entry.label)))?;
            Ok(Answer { site: Site { kind, label: Label(label), nth: entry.nth }, answer: entry.answer })
        };
        self.surprises.iter().enumerate().map(answer).collect()
    }

    /// Reads one.
    ///
    /// # Errors
    /// Where there is no such file, where it is too long, or where it is not a failure file of this version.
    pub fn read(path: &Path) -> Result<FailureFile, FileError> {
        let wrong = |why: String| FileError { file: path.to_owned(), why };
        let meta = fs::metadata(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        if !meta.is_file() || meta.len() > LENGTH_MAX {
            return Err(wrong("is not a failure file: too long, or no file at all".into()));
        }
        let text = fs::read_to_string(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let file = FailureFile::parse(&text).map_err(wrong)?;
        Ok(file)
    }

    /// The failure files of a folder, in the order of their names; none where there is no such folder.
    ///
    /// # Errors
    /// Where the folder cannot be read: what failed before must not go unplayed without a word.
    pub fn kept_in(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
        let read = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>();
        let mut paths = match read() {
            Ok(paths) => paths,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(FileError { file: folder.into(), why: format!("cannot be searched: {error}") }),
        };
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        paths.sort();
        Ok(paths)
    }

    /// Reads the text of one.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<FailureFile, String> {
        let file: FailureFile = toml::from_str(text).map_err(|error| format!("is not a failure file: {error}"))?;
        if file.failure != VERSION {
            return Err(format!("is a failure file of version {}, this program reads {VERSION}", file.failure));
        }
        file.answers()?;
        Ok(file)
    }

    /// Its text.
    pub fn text(&self) -> String {
        let mut text = String::from("# A failure, to be replayed: `shakedown replay FILE`. Written by Shakedown.\n");
        let body = toml::to_string(self).expect("strings and numbers can always be written");
        let _ = write!(text, "{body}");
        text
    }

    /// A name for the file, made of what failed.
    pub fn name(&self) -> String {
        let stem =
            Path::new(&self.of).file_stem().map_or_else(|| self.of.clone(), |stem| stem.to_string_lossy().into());
        let parts = [stem, self.case.clone(), self.rule.clone(), self.subject.clone()];
        let slug = |part: &String| {
            let words = part.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
            words.collect::<Vec<&str>>().join("-").chars().take(SLUG_MAX).collect::<String>()
        };
        let slugs: Vec<String> = parts.iter().map(slug).filter(|slug| !slug.is_empty()).collect();
        format!("{}.toml", slugs.join("."))
    }

    /// Writes it into a folder, which is made if it is not there, and says where.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn save(&self, folder: &Path) -> io::Result<PathBuf> {
        fs::create_dir_all(folder)?;
        let path = folder.join(self.name());
        fs::write(&path, self.text())?;
        Ok(path)
    }
}

/// Parts of a name are cut there.
const SLUG_MAX: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> FailureFile {
        let entry = Entry {
            words: "api takes 500ms of 10ms..900ms".into(),
            kind: "span".into(),
            label: "5a170edc0ffee000".into(),
            nth: 3,
            answer: 490,
        };
        FailureFile {
            failure: 1,
            of: "stop/checkout.toml".into(),
            case: "grace=1s".into(),
            rule: "no-orphan".into(),
            expected: false,
            subject: "api/helper".into(),
            message: "it \"still\" runs".into(),
            found: "seed 42".into(),
            crashes: false,
            surprises: vec![entry],
        }
    }

    #[test]
    fn a_failure_file_reads_as_it_was_written() {
        insta::assert_snapshot!(sample().text());
        assert_eq!(FailureFile::parse(&sample().text()), Ok(sample()));
        assert_eq!(sample().name(), "checkout.grace-1s.no-orphan.api-helper.toml");
    }

    #[test]
    fn what_is_no_failure_file_is_told_by_what_is_wrong_with_it() {
        let text = sample().text();
        for (from, to, told) in [
            ("failure = 1", "failure = 2", "is a failure file of version 2"),
            ("kind = \"span\"", "kind = \"spam\"", "surprise 1: there is no kind `spam`"),
            ("5a170edc0ffee000", "here", "surprise 1: `here` is no label"),
            ("subject", "suject", "is not a failure file"),
        ] {
            let error = FailureFile::parse(&text.replace(from, to)).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,200}", from in 0usize..400, junk in "\\PC{0,9}") {
            let _refused = FailureFile::parse(&text);
            let mut sample = sample().text();
            let at = (0..=from.min(sample.len())).rev().find(|at| sample.is_char_boundary(*at)).unwrap_or(0);
            sample.insert_str(at, &junk);
            let _either = FailureFile::parse(&sample);
        }

        #[test]
        fn whatever_it_says_reads_as_it_was_written(words in "\\PC{0,99}", message in any::<String>(), nth: u32, answer: u32) {
            let mut file = sample();
            file.message = message;
            file.surprises[0] = Entry { words, nth, answer, ..file.surprises[0].clone() };
            prop_assert_eq!(FailureFile::parse(&file.text()), Ok(file));
        }
    }
}
