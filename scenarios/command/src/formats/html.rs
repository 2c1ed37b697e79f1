//! A failure as one page that needs nothing else: no network, no folder beside it, no server. It can be mailed, kept with a build, and
//! shown to somebody who has none of this installed.

use crate::output::write_file;
use shakedown::report::{
    CaseSummary, FailureReport, Lane, LaneKind, RunOf, SweepReport, count, failure_block, percent, plural,
    sweep_summary,
};
use std::fmt::Write;
use std::io;
use std::path::Path;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page of a failure.
pub(crate) fn page(failure: &FailureReport) -> String {
    let title = format!("{} {} {}", failure.scenario, failure.oracle, failure.subject);
    let mut out = head(&title);
    out += &header(failure);
    out += "<main><div class=\"chart\">";
    out += TOOLS;
    out += "<div id=\"chart\" tabindex=\"0\" role=\"region\" aria-label=\"What happened, lane by lane\"><div id=\"heads\"></div>\
            <div id=\"body\"><svg id=\"gutter\" aria-hidden=\"true\"></svg><svg id=\"lanes\" aria-hidden=\"true\"></svg></div></div>";
    out += LEGEND;
    let _ = write!(
        out,
        "<details><summary>The same as text</summary><pre>{}</pre></details></div>",
        escape(&failure_block(failure))
    );
    out += &aside(failure);
    out += "</main><div id=\"detail\" role=\"status\" aria-live=\"polite\"></div>";
    out += KEYS;
    let _ = write!(out, "<script type=\"application/json\" id=\"run\">{}</script>", data(failure));
    let _ = write!(out, "<script>{SCRIPT}</script>");
    out += "<noscript><style>#detail,.tools,#chart,.legend{display:none}</style></noscript></body></html>\n";
    out
}

/// Writes a page for each failure, and one that leads to them.
///
/// # Errors
/// Those of the file system.
pub(crate) fn folder(folder: &Path, report: &SweepReport) -> io::Result<()> {
    for (n, failure) in report.failures.iter().enumerate() {
        write_file(&folder.join(page_name(n, failure)), &page(failure))?;
    }
    write_file(&folder.join("index.html"), &index(report))
}

/// Numbered, so that two of a name are two files.
fn page_name(n: usize, failure: &FailureReport) -> String {
    let words = failure.scenario.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let slug: String = words.collect::<Vec<&str>>().join("-").chars().take(60).collect();
    format!("{}-{slug}.html", n + 1)
}

fn index(report: &SweepReport) -> String {
    let mut out = head("shakedown");
    let verdict = if report.failures.is_empty() { "" } else { "<span class=\"fail\">FAIL</span>" };
    let _ = write!(
        out,
        "<header><h1>{verdict}{}</h1><pre>{}</pre></header>",
        plural(report.cases.len() as u64, "case"),
        escape(&sweep_summary(&report.summary))
    );
    out += "<main class=\"wide\">";
    if !report.failures.is_empty() {
        out += "<section><h2>Failures</h2><table><tr><th>scenario<th>promise<th>what is wrong<th class=\"n\">how common</tr>";
        for (n, failure) in report.failures.iter().enumerate() {
            let common = failure.how_common.map_or(String::new(), |common| percent(common.failed, common.runs));
            let _ = write!(
                out,
                "<tr><td><a href=\"{}\">{}</a> {}<td class=\"promise\">{} {}<td>{}<td class=\"n\">{common}</tr>",
                page_name(n, failure),
                escape(&failure.scenario),
                escape(&failure.case_label),
                escape(&failure.oracle),
                escape(&failure.subject),
                escape(&failure.message)
            );
        }
        out += "</table></section>";
    }
    out += "<section><h2>Cases</h2><table><tr><th>scenario<th class=\"n\">runs<th class=\"n\">distinct<th class=\"n\">failed</tr>";
    for CaseSummary { scenario, case_label, runs, distinct, failed, .. } in &report.cases {
        let label = escape(case_label);
        let _ = write!(
            out,
            "<tr><td>{} {label}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}</tr>",
            escape(scenario),
            count(*runs),
            count(*distinct),
            count(*failed)
        );
    }
    out + "</table></section></main></body></html>\n"
}

/// Nothing may be fetched, whatever a name or a line of output says.
fn head(title: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\
         <title>{}</title><style>{STYLE}</style></head><body>",
        escape(title)
    )
}

fn header(failure: &FailureReport) -> String {
    let case = match failure.case_label.as_str() {
        "" => String::new(),
        label => format!("case {} ({label}) · ", failure.case_index),
    };
    let run = match &failure.run {
        RunOf::Seed(seed) => format!("seed {seed}"),
        RunOf::Machine => "on a real machine".to_owned(),
        RunOf::Schedule => "a smallest schedule".to_owned(),
        RunOf::File(file) => format!("replay of {file}"),
    };
    format!(
        "<header><div class=\"what\"><h1><span class=\"fail\">FAIL</span>{}</h1><span class=\"run\">{}</span>\
         <span class=\"promise\">{} {}</span></div><p class=\"message\">{}</p>\
         <div class=\"again\"><code id=\"command\">{}</code><button id=\"copy\">copy</button></div></header>",
        escape(&failure.scenario),
        escape(&(case + &run)),
        escape(&failure.oracle),
        escape(&failure.subject),
        escape(&failure.message),
        escape(&failure.rerun),
    )
}

/// What is known beside the timeline: the story first.
fn aside(failure: &FailureReport) -> String {
    let mut story = String::new();
    if let Some(why) = &failure.why {
        let steps: String = why.split(" → ").map(|step| format!("<li>{}</li>", escape(step))).collect();
        let _ = write!(story, "<section class=\"story\"><h2>Why</h2><ol class=\"chain\">{steps}</ol></section>");
    }
    if !failure.told_surprises.is_empty() {
        let one = |(n, words): (usize, &String)| {
            format!("<li><button data-surprise=\"{}\">{}</button></li>", n + 1, escape(words))
        };
        let all: String = failure.told_surprises.iter().enumerate().map(one).collect();
        let _ = write!(story, "<section class=\"story surprises\"><h2>Surprises</h2><ol>{all}</ol></section>");
    }
    let mut facts: Vec<(&str, String)> = Vec::new();
    facts.extend(failure.tipping_point.clone().map(|point| ("tipping point", point)));
    facts.extend(failure.how_common.map(|common| {
        let share = percent(common.failed, common.runs);
        ("how common", format!("{} of {} ({share})", count(common.failed), plural(common.runs, "run")))
    }));
    let (decisions, surprises) = match failure.minimised {
        Some(small) => (small.decisions, small.surprises),
        None => (failure.decisions, failure.surprises),
    };
    facts.push((
        "size",
        format!("{}, {}", plural(u64::from(decisions), "decision"), plural(surprises.total(), "surprise")),
    ));
    facts.extend(
        failure.reproduced.map(|again| ("reproduced", format!("{} of {} identical", again.identical, again.of))),
    );
    facts.extend(failure.needs.iter().map(|need| ("needs", need.clone())));
    facts.extend(failure.also.iter().map(|(case, _)| ("also in", case.clone())));
    let rows: String = facts.iter().map(|(label, text)| format!("<dt>{label}</dt><dd>{}</dd>", escape(text))).collect();
    format!(
        "<aside>{story}<section><h2>Who took part</h2>{}</section><section><h2>Known of it</h2><dl>{rows}</dl></section></aside>",
        tree(&failure.record.lanes, None)
    )
}

/// The lanes below one, as a list of lists; their states are those of the moment that is looked at.
fn tree(lanes: &[Lane], parent: Option<usize>) -> String {
    let mut items = String::new();
    for (n, lane) in lanes.iter().enumerate().filter(|(_, lane)| lane.parent == parent) {
        let name = match lane.kind {
            LaneKind::Session | LaneKind::Worker => lane.name.as_str(),
            LaneKind::Process => lane.name.split_once('/').map_or(lane.name.as_str(), |(_, process)| process),
        };
        let _ = write!(
            items,
            "<li><label data-lane=\"{n}\"><input type=\"checkbox\" checked><span class=\"name\">{}</span><span class=\"state\"></span></label>{}</li>",
            escape(name),
            tree(lanes, Some(n))
        );
    }
    match (items.is_empty(), parent) {
        (true, _) => String::new(),
        (false, None) => format!("<ul class=\"tree\">{items}</ul>"),
        (false, Some(_)) => format!("<ul>{items}</ul>"),
    }
}

const TOOLS: &str = "<div class=\"tools\"><input type=\"search\" id=\"filter\" placeholder=\"filter ( / )\" aria-label=\"filter events\">\
    <label><input type=\"checkbox\" checked data-kind=\"signal delivered\">signals</label>\
    <label><input type=\"checkbox\" checked data-kind=\"output\">output</label>\
    <label><input type=\"checkbox\" checked data-kind=\"handler\">handlers</label>\
    <label><input type=\"checkbox\" checked data-kind=\"start ready end backoff\">lives</label>\
    <span class=\"right\"><button id=\"theme\" title=\"dark or light ( t )\">◐</button><button id=\"help\" title=\"keys ( ? )\">?</button></span></div>";

const LEGEND: &str = "<div class=\"legend\"><span><i style=\"background:var(--starting)\"></i>starting</span>\
    <span><i style=\"background:var(--running)\"></i>running</span><span><i style=\"background:var(--ready)\"></i>ready</span>\
    <span><i style=\"background:var(--stopping)\"></i>asked to end, its grace runs</span>\
    <span><i style=\"background:var(--killing)\"></i>killed</span><span><i style=\"background:var(--draining)\"></i>ended, output is read</span>\
    <span><i style=\"background:var(--backoff)\"></i>waits to start again</span></div>";

const KEYS: &str = "<dialog id=\"keys\"><h2>Keys</h2><dl><dt><kbd>↓</kbd> <kbd>j</kbd></dt><dd>next event</dd>\
    <dt><kbd>↑</kbd> <kbd>k</kbd></dt><dd>the one before</dd><dt><kbd>n</kbd> <kbd>p</kbd></dt><dd>next surprise or failure, the one before</dd>\
    <dt><kbd>Home</kbd> <kbd>End</kbd></dt><dd>first, last</dd><dt><kbd>/</kbd></dt><dd>filter; <kbd>Esc</kbd> clears it</dd>\
    <dt><kbd>t</kbd></dt><dd>dark or light</dd><dt><kbd>?</kbd></dt><dd>these keys</dd></dl><form method=\"dialog\"><button>close</button></form></dialog>";

/// Text as HTML shows it, within quotes too.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The failure as JSON that no script element can be left with: `<` never stands in it as itself.
fn data(failure: &FailureReport) -> String {
    let json = serde_json::to_string(failure).expect("numbers and strings always serialise");
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_page_needs_nothing_else_and_nothing_that_was_said_becomes_markup() {
        let page = page(&sample::failure());
        // Where markup ends and scripts begin is fixed; what was printed appears only escaped.
        assert_eq!(page.matches("<script").count(), 2, "one of data, one of ours");
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(!page.contains("<b>escape") && page.contains("&lt;b&gt;escape"));
        for outside in ["src=", "@import", "url(", "href=\"http", "<link"] {
            assert!(!page.contains(outside), "{outside}");
        }
        let data = page.split("id=\"run\">").nth(1).and_then(|rest| rest.split("</script>").next()).expect("the data");
        let read: FailureReport = serde_json::from_str(data).expect("JSON");
        assert_eq!(read, sample::failure());
    }

    #[test]
    fn the_index_leads_to_each_page() {
        let report = sample::sweep();
        let index = index(&report);
        for (n, failure) in report.failures.iter().enumerate() {
            assert!(index.contains(&format!("href=\"{}\"", page_name(n, failure))), "{index}");
        }
        insta::assert_snapshot!(index.replace(STYLE, ""));
    }
}
