//! The format as a JSON Schema, for editors that complete and complain while one types. It is made of the very tables by which files are
//! read, so a key or a word that is added there is in it.
//!
//! An editor takes it from the first line of a file: `#:schema ./shakedown.schema.json` (Taplo, Even Better TOML).

use super::reader::Keys;
use super::{actions, expect, faults, proxy, read, relations, restart, session, stimuli, sweep, worker};
use serde_json::{Map, Value, json};

/// The schema of scenario files, draft 2020-12, as text with a newline at its end.
pub fn schema() -> String {
    let mut schema = table(&read::DOCUMENT, &document());
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "A scenario of Shakedown".into();
    schema["required"] = json!(["schema", "workers"]);
    serde_json::to_string_pretty(&schema).expect("a schema is plain JSON") + "\n"
}

/// What a key takes, and what it is for.
type Shapes = Vec<(&'static str, &'static str, Value)>;

/// A table of these keys. A key of which nothing is said here takes anything: what it may be, the reader says.
fn table(keys: &Keys, shapes: &Shapes) -> Value {
    let mut properties = Map::new();
    for key in keys.known {
        let (about, shape) = shapes
            .iter()
            .find(|(of, ..)| of == key)
            .map_or(("", json!({})), |(_, about, shape)| (*about, shape.clone()));
        let mut shape = shape;
        if !about.is_empty() {
            shape["description"] = about.into();
        }
        properties.insert((*key).into(), shape);
    }
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

fn words<T>(choices: &[(&'static str, Option<T>)]) -> Value {
    let built: Vec<&str> = choices.iter().filter(|(_, built)| built.is_some()).map(|(word, _)| *word).collect();
    json!({ "enum": built })
}

fn text() -> Value {
    json!({ "type": "string" })
}

/// A duration, or a range of them: how it is written, the reader says better than a pattern can.
fn span() -> Value {
    json!({ "type": "string", "examples": ["500ms", "3s", "0ms..400ms"] })
}

fn flag() -> Value {
    json!({ "type": "boolean" })
}

fn whole(least: u64) -> Value {
    json!({ "type": "integer", "minimum": least })
}

fn share() -> Value {
    json!({ "type": ["number", "string"] })
}

fn list(of: &Value) -> Value {
    json!({ "type": "array", "items": of })
}

fn map(of: &Value) -> Value {
    json!({ "type": "object", "additionalProperties": of })
}

fn either(one: &Value, other: &Value) -> Value {
    json!({ "anyOf": [one, other] })
}

fn document() -> Shapes {
    let worker = table(&worker::WORKER, &worker());
    let mut workers = map(&worker);
    workers["minProperties"] = 1.into();
    let sweep = table(
        &sweep::SWEEP,
        &vec![
            ("seeds", "runs of each case", whole(1)),
            ("axes", "lists of values by dotted keys: each combination is a case", map(&json!({ "type": "array" }))),
        ],
    );
    let limits = table(
        &read::LIMITS,
        &vec![
            ("time", "virtual time after which a run is given up as `hang`", span()),
            ("steps", "steps after which a run is given up as `livelock`", whole(1)),
        ],
    );
    vec![
        ("schema", "the version of the format", json!({ "const": 1 })),
        ("name", "as reports call it; the file's stem where there is none", text()),
        ("about", "what it claims, in a sentence", text()),
        ("real", "whether it can be played on a real machine", flag()),
        ("real-reason", "why it cannot", text()),
        ("session", "the whole of it", table(&session::SESSION, &session())),
        ("defaults", "keys of any worker; the worker's own value wins", worker),
        ("workers", "what is run, by name", workers),
        (
            "actions",
            "what others may do by name: a process is started, and waited for",
            map(&table(&actions::ACTION, &action())),
        ),
        ("stimuli", "what the outside world does", list(&table(&stimuli::STIMULUS, &stimulus()))),
        ("faults", "what goes wrong in the simulator", list(&table(&faults::FAULT, &fault()))),
        ("expect", "what must happen", list(&table(&expect::EXPECT, &expectation()))),
        ("limits", "where a run is given up", limits),
        ("sweep", "how many runs of which cases", sweep),
    ]
}

fn session() -> Shapes {
    vec![
        ("stop-budget", "one absolute deadline for the whole stop", span()),
        ("order", "in which workers are stopped", words(session::ORDERS)),
        ("second-stop", "what a second stop does", words(session::SECOND_STOPS)),
        ("journal", "whether it keeps one, and what a full one does", words(&session::policies())),
        ("status", "whether it keeps a status file", flag()),
    ]
}

fn worker() -> Shapes {
    let exec = table(&worker::SIM, &vec![("exec-fails", "the error of execve(2)", words(worker::EXEC_ERRORS))]);
    let sim = either(&text(), &exec);
    let hook = table(
        &restart::PRE_STOP,
        &vec![
            ("command", "what is run before the gentle signal", list(&text())),
            ("sim", "what stands for it in the simulator", sim.clone()),
            ("within", "how long it may take", span()),
        ],
    );
    let stop = table(
        &worker::STOP,
        &vec![
            ("signal", "the gentle signal", text()),
            ("signal-to", "to whom it goes", words(worker::RECEIVERS)),
            ("grace", "from the signal to KILL", span()),
            ("scope", "how far a kill reaches", words(worker::SCOPES)),
            ("drain", "how long the rest of its output is read", span()),
            ("proxy-drain", "how long a proxy lets exchanges under way come to their end", span()),
            (
                "proxy-lag",
                "how long a proxy goes on to accept before it drains, for those who lead clients to it",
                span(),
            ),
            ("pre-stop", "a command before the gentle signal", hook),
        ],
    );
    vec![
        ("kind", "what it is", words(worker::KINDS)),
        ("command", "a real program and its arguments", list(&text())),
        ("sim", "what stands for the command in the simulator: a puppet script", sim.clone()),
        ("puppet", "a script, played by both backends", text()),
        ("stop", "how it is stopped", stop),
        ("restart", "whether and how it is started again", either(&words(restart::WHENS), &restart_table())),
        ("ready", "what shows that it is ready", ready(sim)),
        (
            "after",
            "what its start waits for: a worker and how far it must have come",
            map(&words(relations::CONDITIONS)),
        ),
        ("stop-after", "whom its stop waits for, beside those who depend on it", list(&text())),
        ("strategy", "who is restarted when a child is", words(relations::STRATEGIES)),
        ("children", "the workers that this supervisor keeps", list(&text())),
        ("escalate", "whether a child that fails for good takes the supervisor with it", flag()),
        ("role", "of a proxy: before one worker, or before whomever its users name", words(proxy::ROLES)),
        ("listen", "where a proxy listens: 127.0.0.1:0 takes a free port", text()),
        ("upstream", "the worker that a reverse proxy stands before", text()),
        ("upstream-address", "where that worker listens", text()),
        ("limits", "how much a proxy takes on; whoever comes beyond that is refused", proxy_limits()),
        ("env", "set beside the inherited environment", map(&text())),
        ("detached", "whether it outlives a supervisor that is killed; the next one goes on with it", flag()),
        ("tags", "for filters and reports", map(&text())),
    ]
}

fn action() -> Shapes {
    let exec = table(&worker::SIM, &vec![("exec-fails", "the error of execve(2)", words(worker::EXEC_ERRORS))]);
    vec![
        ("command", "a real program and its arguments", list(&text())),
        ("sim", "what stands for the command in the simulator: a puppet script", either(&text(), &exec)),
        ("puppet", "a script, played by both backends", text()),
        ("env", "set beside the inherited environment", map(&text())),
        ("enabled", "whether it may be run from the beginning", flag()),
    ]
}

fn proxy_limits() -> Value {
    let shapes = vec![
        ("connections", "at once", whole(1)),
        ("header-bytes", "of the head of a request", whole(1)),
        ("pending", "connections that have come and were not accepted yet", whole(1)),
        ("untold", "facts about requests that nobody has fetched yet", whole(1)),
    ];
    table(&proxy::LIMITS, &shapes)
}

fn restart_table() -> Value {
    let shapes = vec![
        ("policy", "when it is started again", words(restart::WHENS)),
        ("initial", "the first wait", span()),
        ("factor", "by which the wait grows", share()),
        ("max", "the longest wait", span()),
        ("jitter", "a share that chance adds to the wait", share()),
        ("budget", "restarts within `window` before it fails for good", whole(0)),
        ("window", "in which restarts are counted", span()),
        ("reset-after", "a life as long as this makes the wait short again", span()),
        ("success", "exit codes that count as success", list(&whole(0))),
    ];
    table(&restart::RESTART, &shapes)
}

fn ready(sim: Value) -> Value {
    let shapes = vec![
        ("log", "a line of its output has this in it", text()),
        ("tcp", "HOST:PORT accepts a connection", text()),
        ("http", "a GET of http://HOST:PORT/PATH is answered with 2xx or 3xx", text()),
        ("notify", "it says READY=1 on NOTIFY_SOCKET", flag()),
        ("newline-fd", "it writes a newline to this descriptor", whole(3)),
        ("exec", "this command exits with 0", list(&text())),
        ("delay", "it is ready so long after its start", span()),
        ("sim", "what stands for the command of `exec` in the simulator", sim),
        ("every", "how long after an attempt that failed the next is made", span()),
        ("timeout", "when it has failed to start", span()),
    ];
    table(&restart::READY, &shapes)
}

fn stimulus() -> Shapes {
    vec![
        ("at", "when, from the session's start or from `when`: a duration or a range", span()),
        ("when", "the event that `at` counts from: `server ready`", text()),
        ("do", "what happens", words(stimuli::DOS)),
        ("on", "to whom; the session where nobody is named", text()),
        ("signal", "which, for `do = \"signal\"`", text()),
        ("text", "what is written, for `do = \"stdin\"`", text()),
        ("action", "which, for `do = \"run-action\"`, `enable-action` and `disable-action`", text()),
        ("count", "how often", whole(1)),
        ("every", "how far apart", span()),
    ]
}

fn fault() -> Shapes {
    vec![
        ("on", "whom it strikes: a worker, a process `server/helper`, a glob; everybody where nobody is named", text()),
        ("kind", "what goes wrong", words(&faults::kinds())),
        ("errno", "the error, where the kind has one", text()),
        ("by", "how long or how far, where the kind has one", span()),
        ("chance", "asked once for each opportunity", json!({ "type": "number", "minimum": 0, "maximum": 1 })),
    ]
}

fn expectation() -> Shapes {
    let built: Vec<&str> = expect::ORACLES.iter().filter(|(_, built)| *built).map(|(name, _)| *name).collect();
    let count = table(
        &expect::COUNT,
        &vec![
            ("event", "what is counted", text()),
            ("exactly", "so often", whole(0)),
            ("at-least", "so often or more", whole(0)),
            ("at-most", "so often or less", whole(0)),
        ],
    );
    let journal = table(
        &super::journal::JOURNAL,
        &vec![
            ("holds", "a record that is there, as in `api failed`", text()),
            ("lacks", "a record that is not there", text()),
            ("with", "details that it has, as in `{ status = \"unknown\" }`; of output the `text`", map(&text())),
        ],
    );
    vec![
        ("final", "how workers and processes end: `stopped|killed`, `exited(0)`, `absent`", map(&text())),
        ("always", "a sentence that holds whenever its first event happens", text()),
        ("never", "a sentence that holds in no run", text()),
        ("sometimes", "a sentence that holds in some run of the sweep", text()),
        ("order", "events in the order of their first occurrences", list(&text())),
        ("count", "how often an event happens", count),
        ("journal", "what the journal holds at the end", journal),
        ("allow", "a built-in oracle that is switched off", json!({ "enum": built })),
        ("check", "a Rust oracle of this name", text()),
        ("on", "for whom `allow` is", text()),
        ("reason", "why it is allowed", text()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_every_key_and_word_of_the_tables() {
        let schema: Value = serde_json::from_str(&schema()).expect("JSON");
        let keys = |at: &str| -> Vec<String> {
            let table = schema.pointer(at).unwrap_or_else(|| panic!("{at}"));
            table["properties"].as_object().expect("a table").keys().cloned().collect()
        };
        let sorted = |keys: &Keys| {
            let mut all: Vec<String> = keys.known.iter().map(|key| (*key).into()).collect();
            all.sort();
            all
        };
        let worker = "/properties/workers/additionalProperties";
        for (at, table) in [
            ("", &read::DOCUMENT),
            ("/properties/session", &session::SESSION),
            (worker, &worker::WORKER),
            (&format!("{worker}/properties/stop"), &worker::STOP),
            (&format!("{worker}/properties/ready"), &restart::READY),
            ("/properties/stimuli/items", &stimuli::STIMULUS),
            ("/properties/faults/items", &faults::FAULT),
            ("/properties/expect/items", &expect::EXPECT),
        ] {
            let mut found = keys(at);
            found.sort();
            assert_eq!(found, sorted(table), "{at}");
        }
        insta::assert_snapshot!(super::schema());
    }
}
