//! How results are told: on stdout for people, programs and GitHub, and in files beside it. One sweep, told in any of these forms, is the
//! same data: what a shard has written is merged and told as if one machine had played it all.

use crate::exit::Exit;
use crate::formats::{github, html, junit};
use clap::{Args, ValueEnum};
use shakedown::report::{
    CaseLine, FailureLine, FailureReport, SummaryLine, SweepReport, UnsteadyLine, by_kind, case_line, failure_block,
    sweep_summary,
};
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// How results are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Human,
    /// One JSON object a line on stdout, all talk on stderr
    Json,
    /// For people, in foldable groups, with one annotation for each kind of failure
    Github,
}

/// In which forms a sweep is told.
#[derive(Args, Clone, Debug)]
pub(crate) struct Output {
    /// How results are printed
    #[arg(long, env = "SHAKEDOWN_FORMAT", default_value = "human")]
    pub(crate) format: Format,
    /// Also write a report: junit=FILE, html=FOLDER with a page for each failure, json=FILE for `shakedown merge`
    #[arg(long, env = "SHAKEDOWN_REPORT", value_name = "KIND=PATH", value_delimiter = ',')]
    pub(crate) report: Vec<ReportTo>,
}

/// A report beside what is printed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ReportTo {
    Junit(PathBuf),
    Html(PathBuf),
    Json(PathBuf),
}

/// A report that nobody knows.
#[derive(Debug)]
pub(crate) struct UnknownReport(String);

impl fmt::Display for UnknownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no report: try junit=report.xml, html=report or json=report.json", self.0)
    }
}

impl std::error::Error for UnknownReport {}

impl FromStr for ReportTo {
    type Err = UnknownReport;

    fn from_str(text: &str) -> Result<ReportTo, UnknownReport> {
        match text.split_once('=').map(|(kind, path)| (kind, PathBuf::from(path))) {
            Some(("junit", path)) if !path.as_os_str().is_empty() => Ok(ReportTo::Junit(path)),
            Some(("html", path)) if !path.as_os_str().is_empty() => Ok(ReportTo::Html(path)),
            Some(("json", path)) if !path.as_os_str().is_empty() => Ok(ReportTo::Json(path)),
            Some(_) | None => Err(UnknownReport(text.into())),
        }
    }
}

/// Tells of a sweep that ends with this exit code, and writes its reports.
pub(crate) fn tell(output: &Output, report: &SweepReport, exit: Exit) -> Exit {
    report.unsteady.iter().for_each(|told| eprintln!("not deterministic: {told}"));
    match output.format {
        Format::Human => human(report),
        Format::Json => json(report, exit),
        Format::Github => {
            human_in_groups(report);
            emit!("{}", github::annotations(report));
        }
    }
    write_all(&output.report, report, exit)
}

/// Writes reports beside what is printed.
pub(crate) fn write_all(reports: &[ReportTo], report: &SweepReport, exit: Exit) -> Exit {
    reports.iter().fold(exit, |exit, to| match write(to, report) {
        Ok(()) => exit,
        Err(error) => {
            let (ReportTo::Junit(path) | ReportTo::Html(path) | ReportTo::Json(path)) = to;
            eprintln!("error: {} cannot be written: {error}", path.display());
            exit.worst(Exit::Usage)
        }
    })
}

fn human(report: &SweepReport) {
    report.cases.iter().for_each(|case| say!("{}", case_line(case)));
    for block in by_kind(&report.failures) {
        emit!("\n{}", failure_block(&block));
    }
    emit!("\n{}", sweep_summary(&report.summary));
}

fn human_in_groups(report: &SweepReport) {
    say!("::group::{} cases", report.cases.len());
    report.cases.iter().for_each(|case| say!("{}", case_line(case)));
    say!("::endgroup::");
    for failure in by_kind(&report.failures) {
        let block = failure_block(&failure);
        let (first, rest) = block.split_once('\n').unwrap_or((&block, ""));
        emit!("::group::{first}\n{rest}");
        say!("::endgroup::");
    }
    emit!("{}", sweep_summary(&report.summary));
}

/// Recorded failures first, then each case with its own.
fn json(report: &SweepReport, exit: Exit) {
    let line = |failure: &FailureReport| say!("{}", FailureLine::from(failure).line());
    let (swept, recorded): (Vec<&FailureReport>, Vec<&FailureReport>) =
        report.failures.iter().partition(|failure| failure.run.seed().is_some());
    recorded.into_iter().for_each(line);
    for case in &report.cases {
        say!("{}", CaseLine::from(case).line());
        let of_case = |failure: &&&FailureReport| (&failure.file, failure.case_index) == (&case.file, case.case_index);
        swept.iter().filter(of_case).for_each(|failure| line(failure));
    }
    report.unsteady.iter().for_each(|told| say!("{}", UnsteadyLine::new(told).line()));
    say!("{}", SummaryLine::new(&report.summary, i32::from(exit.code())).line());
}

fn write(to: &ReportTo, report: &SweepReport) -> io::Result<()> {
    match to {
        ReportTo::Junit(file) => write_file(file, &junit::xml(report)?),
        ReportTo::Json(file) => write_file(file, &report.text()),
        ReportTo::Html(folder) => html::folder(folder, report),
    }
}

/// Writes to stdout. A pipe that nobody reads any more, as behind `| head`, is no reason to fail, nor to lose the reports.
pub(crate) fn to_stdout(text: fmt::Arguments<'_>) {
    let mut stdout = io::stdout().lock();
    let _closed = stdout.write_fmt(text).and_then(|()| stdout.flush());
}

/// Writes a file, and makes the folders on the way.
pub(crate) fn write_file(file: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, text)
}
