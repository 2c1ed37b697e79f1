//! A snapshot as a diagram of Mermaid (<https://mermaid.js.org>): the tree of a session, and the states of one worker.
//! Names are anybody's bytes: what is not plain ASCII is written as a character code, so that no name breaks a diagram.

use super::states::{STATES, TRANSITIONS};
use super::{Kind, Snapshot};
use crate::vocab::WorkerState;
use alloc::format;
use alloc::string::String;

/// The tree as a `graph TD`: ids `root`, `root_0`, `root_0_1`, …, the shape by kind, the class by status.
pub fn mermaid_tree(snapshot: &Snapshot) -> String {
    let mut out = String::from("graph TD\n");
    mermaid_fragment(&mut out, snapshot, "root");
    out.push_str(CLASSES);
    out
}

/// The nodes and edges of the tree alone, with this id for its root: several of them make one graph.
///
/// # Panics
/// If the id is not one of Mermaid's: ASCII letters, digits and `_`.
pub fn mermaid_fragment(out: &mut String, snapshot: &Snapshot, root_id: &str) {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    assert!(!root_id.is_empty() && root_id.chars().all(is_plain), "`{root_id}` is no id for a node");
    add_node(out, snapshot, root_id);
}

fn add_node(out: &mut String, node: &Snapshot, id: &str) {
    let (open, close) = shape(node.kind);
    let label = label(node);
    *out += &format!("    {id}{open}\"{label}\"{close}:::{}\n", node.status.word());
    for (at, child) in node.children.iter().enumerate() {
        let below = format!("{id}_{at}");
        add_node(out, child, &below);
        *out += &format!("    {id} --> {below}\n");
    }
}

/// Its name, what it is and how it is, and what went wrong: one a line.
fn label(node: &Snapshot) -> String {
    let mut label = format!("{}<br/>{}, {}", escaped(&node.name), node.kind.word(), node.status.word());
    if let Some(pid) = node.pid {
        label += &format!(", pid {pid}");
    }
    if let Some(exit) = node.exit {
        label += &format!("<br/>{}", escaped(&format!("{exit}")));
    }
    if let Some(error) = &node.error {
        label += &format!("<br/>{}", escaped(error));
    }
    label
}

const fn shape(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Session => ("[[", "]]"),
        Kind::Supervisor => ("{{", "}}"),
        Kind::Process => ("[", "]"),
        Kind::Task => ("(", ")"),
        Kind::Function => ("([", "])"),
        Kind::Proxy => ("[/", "/]"),
    }
}

/// One class a status, the colour by how it folds, and the three ways of ending apart from running.
const CLASSES: &str = "    classDef pending,backoff fill:#eceff1,stroke:#607d8b
    classDef starting,running,ready fill:#e8f5e9,stroke:#2e7d32
    classDef stopping,killing,draining fill:#fff8e1,stroke:#f9a825
    classDef finished,stopped fill:#e3f2fd,stroke:#1565c0
    classDef killed,failed fill:#ffebee,stroke:#c62828
";

/// The public states of a worker and every way between them, generated from the machine's own table ([`TRANSITIONS`]).
pub fn mermaid_machine() -> String {
    let mut out = String::from("stateDiagram-v2\n    [*] --> Pending\n");
    for arrow in TRANSITIONS {
        out += &format!("    {:?} --> {:?}: {}\n", arrow.from, arrow.to, arrow.on);
    }
    for end in STATES.into_iter().filter(|state| state.is_terminal()) {
        out += &format!("    {end:?} --> [*]\n");
    }
    out
}

/// The same, with the state marked in which this one is.
pub fn mermaid_state(snapshot: &Snapshot) -> String {
    let mut out = mermaid_machine();
    let state: WorkerState = snapshot.status;
    out += &format!("    note right of {state:?}: {}\n", escaped(&snapshot.name));
    out += "    classDef current fill:#fff8e1,stroke:#f9a825,stroke-width:3px\n";
    out += &format!("    class {state:?} current\n");
    out
}

/// Text for a label: all but plain words as character codes, `#35;` for `#`.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || " .,_-/()=+@".contains(c) {
            out.push(c);
        } else {
            out += &format!("#{};", u32::from(c));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_breaks_a_diagram() {
        let rows = [
            ("api", "api"),
            ("say \"hi\"", "say #34;hi#34;"),
            ("two\nlines", "two#10;lines"),
            ("a;b --> c", "a#59;b --#62; c"),
            ("naïve #1 日", "na#239;ve #35;1 #26085;"),
            ("`x`<b>%%", "#96;x#96;#60;b#62;#37;#37;"),
        ];
        for (name, expected) in rows {
            assert_eq!(escaped(name), expected);
            let mut node = Snapshot::new(name, Kind::Process, WorkerState::Ready);
            node.error = Some(name.into());
            let tree = mermaid_tree(&node);
            assert_eq!(tree.lines().count(), 2 + CLASSES.lines().count(), "{tree}");
            assert!(tree.is_ascii() && mermaid_state(&node).is_ascii(), "{tree}");
        }
    }

    #[test]
    fn the_ids_follow_the_tree() {
        let mut root = Snapshot::new("s", Kind::Session, WorkerState::Running);
        let mut group = Snapshot::new("g", Kind::Supervisor, WorkerState::Ready);
        group.children = [Kind::Task, Kind::Function].map(|kind| Snapshot::new("w", kind, WorkerState::Ready)).into();
        root.children = [group, Snapshot::new("w", Kind::Process, WorkerState::Failed)].into();
        let mut out = String::new();
        mermaid_fragment(&mut out, &root, "left");
        let edges: alloc::vec::Vec<&str> = out.lines().filter(|line| line.contains("-->")).map(str::trim).collect();
        assert_eq!(edges, ["left_0 --> left_0_0", "left_0 --> left_0_1", "left --> left_0", "left --> left_1"]);
    }
}
