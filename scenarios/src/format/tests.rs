//! Claims about the format: what it reads into what, what it refuses and where, and that nothing makes it panic.

use super::*;
use shakedown_core::ids::WorkerId;
use shakedown_core::signal::Signal;
use shakedown_core::time::Duration;
use shakedown_core::vocab::{
    Act, Body, Errno, Grace, Program, Scope, SecondStop, SignalTo, StandIn, StopOrder, StopPolicy, TriggerSubject,
};
use std::path::PathBuf;

mod mistakes;
mod random;

const SMALL: &str = "schema = 1\n[workers.a]\npuppet = \"hang\"\n";

fn good(text: &str) -> Scenario {
    read("dir/small.toml", text).unwrap_or_else(|errors| panic!("{}", render_all(&errors, false)))
}

#[test]
fn faults_read_as_what_they_say() {
    use shakedown_core::vocab::{Errno, Fault, FaultKind};
    let range = |text: &str| shakedown_core::puppet::parse_range(text).expect("a range");
    for (text, expected) in [
        ("kind = \"crash\"\nchance = 1", Fault::new(FaultKind::Crash, 1.0)),
        ("kind = \"spawn-fails\"\nchance = 0.05", Fault::new(FaultKind::SpawnFails { errno: Errno::EAGAIN }, 0.05)),
        (
            "kind = \"exec-fails\"\nerrno = \"ETXTBSY\"\non = \"a\"\nchance = 0.5",
            Fault::new(FaultKind::ExecFails { errno: Errno::ETXTBSY }, 0.5).on("a"),
        ),
        (
            "kind = \"unkillable\"\non = \"a/*\"\nchance = 0.5",
            Fault::new(FaultKind::Unkillable { by: None }, 0.5).on("a/main"),
        ),
        (
            "kind = \"late-notify\"\nby = \"1ms..9ms\"\nchance = 0.5",
            Fault::new(FaultKind::LateNotify { by: range("1ms..9ms") }, 0.5),
        ),
    ] {
        let scenario = good(&format!("{SMALL}[[faults]]\n{text}\n"));
        assert_eq!(&*scenario.cases()[0].faults, &[expected], "{text}");
    }
    for (text, message) in [
        ("kind = \"crash\"", "this fault has no `chance`"),
        ("chance = 0.5", "this fault has no `kind`"),
        ("kind = \"crash\"\nchance = 1.5", "a chance is a number from 0 to 1"),
        ("kind = \"crahs\"\nchance = 1", "unknown fault `crahs`"),
        ("kind = \"crash\"\nchance = 1\nby = \"1s\"", "`by` does nothing here"),
        ("kind = \"slow-exit\"\nchance = 1\nerrno = \"EAGAIN\"", "`errno` does nothing here"),
        ("kind = \"spawn-fails\"\nchance = 1\nerrno = \"ENOENT\"", "unknown error of fork `ENOENT`"),
        ("kind = \"crash\"\nchance = 1\non = \"b\"", "unknown subject `b`"),
    ] {
        let errors = read("x.toml", &format!("{SMALL}[[faults]]\n{text}\n")).expect_err(text);
        assert_eq!((errors.len(), errors[0].message.as_str()), (1, message), "{text}: {errors:#?}");
    }
}

#[test]
fn everything_but_schema_and_one_worker_has_a_default() {
    let scenario = good(SMALL);
    assert_eq!((&*scenario.name, scenario.about.as_str(), scenario.real, scenario.seeds), ("small", "", true, 100));
    let cases = scenario.cases();
    assert_eq!(cases.len(), 1);
    assert_eq!((cases[0].index, &*cases[0].label), (1, ""));
    assert_eq!(cases[0].limits, Limits { time: Duration::from_secs(60), steps: 1_000_000 });
    let session = &cases[0].session;
    assert_eq!(session.stop_budget, Duration::from_secs(30));
    assert_eq!((session.order, session.second_stop), (StopOrder::ReverseDependency, SecondStop::Kill));
    assert_eq!(session.workers[0].stop, StopPolicy::default());
    assert!(matches!(session.workers[0].body, Body::Process(_)));
}

#[test]
fn every_key_lands_where_it_belongs() {
    let scenario = good(include_str!("tests/full.toml.txt"));
    assert_eq!((&*scenario.name, scenario.about.as_str(), scenario.seeds), ("full", "all that is built", 7));
    assert_eq!((scenario.real, scenario.real_reason.as_deref()), (false, Some("it waits for ever")));
    let case = &scenario.cases()[0];
    let session = &case.session;
    assert_eq!(session.stop_budget, Duration::from_secs(20));
    assert_eq!((session.order, session.second_stop), (StopOrder::Parallel, SecondStop::Join));
    let names: Vec<&str> = session.workers.iter().map(|worker| &*worker.name).collect();
    assert_eq!(names, ["db", "server", "a"]);
    let [db, server, a] = &session.workers[..] else { panic!("three workers") };
    assert_eq!(db.stop.signal, Signal::INT);
    assert_eq!((db.stop.grace, db.stop.signal_to), (Grace::After(Duration::from_secs(3)), SignalTo::Leader));
    let Body::Process(spec) = &db.body else { panic!("a process") };
    let Program::Command { argv, sim: StandIn::Script(sim) } = &spec.program else {
        panic!("a command with a stand-in")
    };
    assert_eq!((argv.len(), sim.len(), spec.scope), (3, 4, Scope::Tree));
    assert_eq!((server.stop.grace, server.stop.drain), (Grace::Never, Duration::from_millis(5)));
    let Body::Process(spec) = &server.body else { panic!("a process") };
    assert_eq!(spec.env.get("RUST_LOG").map(String::as_str), Some("info"));
    assert_eq!(server.tags.get("project").map(String::as_str), Some("demo"));
    assert!(matches!(&a.body, Body::PuppetTask(script) if script.len() == 2));
    let [stop, usr1, text] = &case.stimuli[..] else { panic!("three stimuli") };
    assert_eq!((stop.at.max, &stop.act, stop.on), (Duration::from_millis(400), &Act::Stop, None));
    assert_eq!((&usr1.act, usr1.on), (&Act::Signal(Signal::USR1), Some(WorkerId(1))));
    let trigger = usr1.when.as_ref().expect("it waits");
    assert_eq!((&trigger.subject, &*trigger.event), (&TriggerSubject::Process("server/helper".into()), "started"));
    assert_eq!(text.act, Act::Stdin(b"hello\n"[..].into()));
    assert_eq!(text.when.as_ref().map(|trigger| &trigger.subject), Some(&TriggerSubject::Worker(WorkerId(0))));
    assert_eq!(case.expectations.list.len(), 8);
    assert_eq!(case.expectations.sometimes().count(), 1);
    assert!(case.allows[0].covers("no-orphan", "server/helper") && !case.allows[0].covers("no-orphan", "server"));
    assert_eq!(case.limits, Limits { time: Duration::from_secs(5), steps: 10_000 });
}

#[test]
fn a_command_may_fail_to_execute_in_the_simulator_too() {
    let command = "schema = 1\n[workers.a]\ncommand = [\"/no/such/program\"]\n";
    let lacks = |text: &str| good(text).cases()[0].without_sim().is_some();
    assert!(lacks(command));
    for (name, errno) in [("ENOENT", Errno::ENOENT), ("EACCES", Errno::EACCES), ("ENOEXEC", Errno::ENOEXEC)] {
        let fails = format!("{command}sim = {{ exec-fails = \"{name}\" }}\n");
        assert!(!lacks(&fails));
        let case = &good(&fails).cases()[0];
        let Body::Process(spec) = &case.session.workers[0].body else { panic!("a process") };
        assert!(matches!(&spec.program, Program::Command { sim: StandIn::ExecFails(_), .. }));
        assert_eq!((spec.exec(), spec.script()), (Err(errno), None));
    }
    for (sim, kind, says) in [
        ("{ exec-fails = \"ENOET\" }", DiagnosticKind::Mistake, "unknown error of exec `ENOET`"),
        ("{ exec-fail = \"ENOENT\" }", DiagnosticKind::Mistake, "unknown key `exec-fail` of `sim`"),
        ("{}", DiagnosticKind::Mistake, "`sim` says nothing"),
    ] {
        let errors = read("x.toml", &format!("{command}sim = {sim}\n")).expect_err(sim);
        assert_eq!((errors.len(), errors[0].kind, errors[0].message.as_str()), (1, kind, says));
    }
}

#[test]
fn line_ends_and_byte_order_marks_change_nothing() {
    let text = include_str!("tests/full.toml.txt");
    let unix = good(text).cases();
    assert_eq!(good(&text.replace('\n', "\r\n")).cases(), unix);
    assert_eq!(good(&format!("\u{feff}{text}")).cases(), unix);
}

#[test]
fn axes_make_numbered_and_labelled_cases() {
    let text = format!(
        "{SMALL}[[stimuli]]\ndo = \"stop\"\n[sweep.axes]\n\"defaults.stop.grace\" = [\"100ms\", \"3s\"]\n\
         \"workers.a.stop.scope\" = [\"group\", \"tree\", \"process\"]\n\"stimuli.0.at\" = [\"5ms\"]\n"
    );
    let cases = good(&text).cases();
    let labels: Vec<(u32, &str)> = cases.iter().map(|case| (case.index, &*case.label)).collect();
    assert_eq!(labels.len(), 6);
    assert_eq!(labels[0], (1, "grace=100ms, scope=group, at=5ms"));
    assert_eq!(labels[1], (2, "grace=100ms, scope=tree, at=5ms"));
    assert_eq!(labels[3], (4, "grace=3s, scope=group, at=5ms"));
    let worker = &cases[4].session.workers[0];
    assert_eq!((worker.stop.grace, worker.stop.scope), (Grace::After(Duration::from_secs(3)), Scope::Tree));
    assert_eq!(cases[4].stimuli[0].at.min, Duration::from_millis(5));
    let same =
        format!("{SMALL}[sweep.axes]\n\"defaults.stop.grace\" = [\"1s\"]\n\"workers.a.stop.grace\" = [\"2s\"]\n");
    assert_eq!(&*good(&same).cases()[0].label, "defaults.stop.grace=1s, a.stop.grace=2s");
}

#[test]
fn the_contract_s_own_example_has_no_mistake() {
    let text = include_str!("tests/contract.toml.txt");
    let scenario = read("stubborn-child.toml", text).unwrap_or_else(|wrong| panic!("{}", render_all(&wrong, false)));
    assert_eq!(scenario.cases()[0].session.workers.len(), 5);
}

#[test]
fn a_check_is_an_oracle_that_somebody_registered() {
    let text = format!("{SMALL}[[expect]]\ncheck = \"mine\"\n");
    struct Content;
    impl crate::oracle::Oracle for Content {
        fn see(&mut self, _: &shakedown_sim::Moment, _: &dyn shakedown_core::oracle::Names) -> Result<(), String> {
            Ok(())
        }
    }
    let options = Options { oracles: crate::oracle::Oracles::new().with("mine", || Content), ..Options::default() };
    let scenario = read_with("x.toml", &text, &options).expect("it is registered");
    assert_eq!(&**scenario.cases()[0].checks[0].name(), "mine");
    assert!(read("x.toml", &text).unwrap_err()[0].message.contains("no Rust oracle `mine`"));
}

/// A folder of its own, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("shakedown-format-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _best_effort = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn folders_are_searched_for_scenarios_only() {
    let folder = Folder::new("find");
    let b = folder.file("b.toml", SMALL.as_bytes());
    let a = folder.file("a/x.toml", SMALL.as_bytes());
    folder.file("Cargo.toml", b"[package]\nname = \"x\"\n");
    folder.file("notes.txt", b"schema = 1");
    folder.file("empty.toml", b"");
    folder.file(".hidden/x.toml", b"schema =");
    folder.file("a/target/x.toml", b"schema =");
    std::os::unix::fs::symlink(&folder.0, folder.0.join("a/again")).unwrap();
    assert_eq!(find(std::slice::from_ref(&folder.0)), (vec![a.clone(), b.clone()], Vec::new()));
    assert_eq!(find(&[b.clone(), folder.0.clone()]), (vec![b.clone(), a.clone()], Vec::new()));
    folder.file("c.toml", b"schema = \n");
    let (found, errors) = find(std::slice::from_ref(&folder.0));
    assert_eq!(found, [a, b], "one bad file hides no other");
    assert!(errors.len() == 1 && errors[0].message.starts_with("this is not TOML"), "{errors:?}");
    assert!(find(&[folder.0.join("nowhere")]).1[0].message.contains("cannot be read"));
}

#[test]
fn files_that_are_no_text_are_refused_with_a_reason() {
    let folder = Folder::new("load");
    let big = [SMALL.as_bytes(), &vec![b'#'; FILE_MAX as usize]].concat();
    for (name, content, message) in [
        ("empty.toml", &b""[..], "is empty"),
        ("blank.toml", b" \n\t\n", "is empty"),
        ("binary.toml", b"\x7fELF\x00\xff\x01", "is binary, not text"),
        ("zero.toml", b"schema = 1\x00", "is binary, not text"),
        ("latin.toml", b"schema = 1\nname = \"\xe4\"", "is not UTF-8: line 2 has byte 0xe4"),
        ("big.toml", &big, "a scenario at most 1048576"),
    ] {
        let path = folder.file(name, content);
        let errors = load(&path).unwrap_err();
        assert!(errors.len() == 1 && errors[0].message.contains(message), "{name}: {errors:?}");
    }
    let none = load(std::path::Path::new("/nowhere.toml")).unwrap_err();
    assert!(none[0].render(false).starts_with("error: /nowhere.toml cannot be read: "), "{}", none[0].render(false));
    assert!(load(&folder.0).unwrap_err()[0].message.contains("is not a file"));
    assert!(load(&folder.0.join("none.toml")).unwrap_err()[0].message.contains("cannot be read"));
    assert!(load(std::path::Path::new("/dev/zero")).unwrap_err()[0].message.contains("is not a file"));
    let path = folder.file("good.toml", SMALL.as_bytes());
    assert_eq!(&*load(&path).expect("it is good").name, "good");
}
