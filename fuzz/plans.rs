//! Scenarios out of bytes: some workers of every kind of temper, and what is done to them. For the fuzz target `host_events` and for the
//! stable test that replays its corpus.

use arbitrary::{Result, Unstructured};
use std::fmt::Write as _;

/// The text of a scenario that has no mistakes, and ends: whatever else happens, it is stopped.
pub fn scenario(drawn: &mut Unstructured<'_>) -> Result<String> {
    let mut text = String::from("schema = 1\n[session]\nstop-budget = \"2s\"\n");
    let second = *drawn.choose(&["kill", "join"])?;
    let order = *drawn.choose(&["reverse-dependency", "parallel"])?;
    let _ = writeln!(text, "second-stop = \"{second}\"\norder = \"{order}\"");
    let count = drawn.int_in_range(1..=4)?;
    for n in 0..count {
        worker(n, drawn, &mut text)?;
    }
    for _ in 0..drawn.int_in_range(0..=8)? {
        stimulus(count, drawn, &mut text)?;
    }
    text.push_str("[[stimuli]]\nat = \"3s\"\ndo = \"stop\"\n");
    Ok(text)
}

fn worker(n: u32, drawn: &mut Unstructured<'_>, text: &mut String) -> Result<()> {
    let script = drawn.choose(SCRIPTS)?;
    let _ = writeln!(text, "[workers.w{n}]\npuppet = \"{script}\"");
    let grace = drawn.choose(&["0ms", "1ms", "20ms", "300ms"])?;
    let to = drawn.choose(&["scope", "leader"])?;
    let _ =
        writeln!(text, "stop = {{ grace = \"{grace}\", signal-to = \"{to}\", scope = \"tree\", drain = \"50ms\" }}");
    let policy = drawn.choose(&["never", "on-failure", "always"])?;
    let _ = writeln!(text, "restart = {{ policy = \"{policy}\", initial = \"5ms\", budget = 2 }}");
    if n > 0 && drawn.arbitrary()? {
        let (on, until) = (drawn.int_in_range(0..=n - 1)?, drawn.choose(&["started", "ready"])?);
        let _ = writeln!(text, "after = {{ w{on} = \"{until}\" }}");
    }
    Ok(())
}

fn stimulus(count: u32, drawn: &mut Unstructured<'_>, text: &mut String) -> Result<()> {
    let at = drawn.int_in_range(0..=500)?;
    let of_session = ["stop", "kill", "interrupt", "hangup"];
    let of_worker = ["stop", "kill", "restart", "signal", "stdin"];
    if drawn.ratio(1, 4)? {
        let act = drawn.choose(&of_session)?;
        let _ = writeln!(text, "[[stimuli]]\nat = \"{at}ms\"\ndo = \"{act}\"");
        return Ok(());
    }
    let (on, act) = (drawn.int_in_range(0..=count - 1)?, *drawn.choose(&of_worker)?);
    let more = match act {
        "signal" => "signal = \"USR1\"\n",
        "stdin" => "text = \"x\"\n",
        _ => "",
    };
    let _ = write!(text, "[[stimuli]]\nat = \"{at}ms\"\ndo = \"{act}\"\non = \"w{on}\"\n{more}");
    Ok(())
}

const SCRIPTS: &[&str] = &[
    "exit 0",
    "sleep 0ms..40ms; exit 1",
    "on TERM exit 0 after 0ms..40ms; print up; hang",
    "on TERM ignore; on USR1 print usr1; hang",
    "on TERM exit 3; spawn helper { on TERM ignore; hang }; hang",
    "spawn helper { on TERM exit 0 after 1ms..30ms; hang }; sleep 0ms..40ms; exit 0",
    "read line; print got; hang",
    "on TERM exit 0; repeat 20 { print line; sleep 1ms }; die SEGV",
];
