//! Reports beside what is printed, each read back by something that nobody here wrote.

use crate::{SLOW, folder_with, shakedown};
use std::fs;
use xmloxide::Document;
use xmloxide::validation::xsd::{parse_xsd, validate_xsd};

/// The rules that Jenkins and GitLab hold JUnit's XML to.
const XSD: &str = include_str!("junit.xsd");

fn complaints(xml: &str) -> Vec<String> {
    let schema = parse_xsd(XSD).expect("the schema is one");
    let document = Document::parse_str(xml).expect("the report is XML");
    validate_xsd(&document, &schema).errors.iter().map(|error| format!("{error:?}")).collect()
}

#[test]
fn the_junit_report_keeps_the_schema_and_names_each_case() {
    let folder = folder_with("junit", "slow.toml", SLOW);
    let red = shakedown(&folder, &["sim", "slow.toml", "--seeds", "100", "--report", "junit=out/report.xml"]);
    assert_eq!(red.code, Some(1), "{red:?}");
    let xml = fs::read_to_string(folder.join("out/report.xml")).expect("written");
    assert_eq!(complaints(&xml), Vec::<String>::new(), "{xml}");
    for part in ["failures=\"2\"", "name=\"case 1 (grace=200ms)\"", "classname=\"slow.toml\"", "run again"] {
        assert!(xml.contains(part), "{part}: {xml}");
    }
    // A schema that lets everything pass would prove nothing.
    for (from, to) in [("<testcase ", "<testcas "), ("name=\"slow\"", "nam=\"slow\""), ("tests=\"", "tests=\"x")] {
        let broken =
            xml.replace(from, to).replace("</testcase>", if to == "<testcas " { "</testcas>" } else { "</testcase>" });
        assert!(broken != xml && !complaints(&broken).is_empty(), "{from} as {to}");
    }
}

#[test]
fn github_sees_one_annotation_a_kind_and_everybody_the_blocks() {
    let folder = folder_with("github", "slow.toml", SLOW);
    let red = shakedown(&folder, &["sim", "slow.toml", "--seeds", "100", "--format", "github"]);
    assert_eq!(red.code, Some(1), "{red:?}");
    let errors: Vec<&str> = red.out.lines().filter(|line| line.starts_with("::error ")).collect();
    assert_eq!(errors.len(), 1, "{}", red.out);
    assert!(errors[0].contains("file=slow.toml,line=1") && errors[0].contains("2 failures"), "{}", errors[0]);
    assert_eq!(red.out.matches("::group::").count(), red.out.matches("::endgroup::").count());
}

#[test]
fn a_bug_that_fails_in_several_cases_is_one_block() {
    let folder = folder_with("kinds", "slow.toml", SLOW);
    let red = shakedown(&folder, &["sim", "slow.toml", "--seeds", "100"]);
    assert_eq!(red.out.matches("\nFAIL slow").count(), 1, "{}", red.out);
    assert!(red.out.contains("\n  Also in        case 2 (grace=500ms): "), "{}", red.out);
}

#[test]
fn a_page_is_written_for_each_failure_and_one_that_leads_to_them() {
    let folder = folder_with("pages", "slow.toml", SLOW);
    let red = shakedown(&folder, &["sim", "slow.toml", "--seeds", "100", "--report", "html=site,json=all.json"]);
    assert_eq!(red.code, Some(1), "{red:?}");
    let index = fs::read_to_string(folder.join("site/index.html")).expect("written");
    for page in ["1-slow.html", "2-slow.html"] {
        assert!(index.contains(&format!("href=\"{page}\"")), "{index}");
        assert!(folder.join("site").join(page).is_file(), "{page}");
    }
    let unwritable = shakedown(&folder, &["sim", "slow.toml", "--report", "json=slow.toml/x.json"]);
    assert!(unwritable.code == Some(2) && unwritable.err.contains("cannot be written"), "{unwritable:?}");
    let unknown = shakedown(&folder, &["sim", "slow.toml", "--report", "pdf=x"]);
    assert!(unknown.code == Some(2) && unknown.err.contains("try junit=report.xml"), "{unknown:?}");
}
