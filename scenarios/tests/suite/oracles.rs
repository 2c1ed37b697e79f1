//! Oracles and claims of one's own: what they reject fails, what they ask for must be seen.

use shakedown::core::oracle::Names;
use shakedown::core::vocab::ProcessWhat;
use shakedown::format::{Options, read_with};
use shakedown::oracle::{Oracle, Oracles};
use shakedown::prelude::*;
use shakedown::sim::Moment;
use shakedown::sweep::{Job, Mix, Progress, Seeds};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What the test says, if it fails.
fn told(test: impl FnOnce()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(test)).err()?;
    let told = panic.downcast_ref::<String>().expect("it says why");
    Some(told.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Nobody is told to end twice.
#[derive(Default)]
struct OneSignal(Vec<String>);

impl Oracle for OneSignal {
    fn see(&mut self, moment: &Moment, _: &dyn Names) -> Result<(), String> {
        match moment {
            Moment::Process(event) if matches!(event.what, ProcessWhat::Signalled(_)) => {
                let twice = self.0.contains(&event.name.to_string());
                self.0.push(event.name.to_string());
                if twice { Err(format!("{} is told to end twice", event.name)) } else { Ok(()) }
            }
            Moment::Process(_) | Moment::Fact(_) => Ok(()),
        }
    }

    fn end(&mut self, _: Instant) -> Result<(), String> {
        if self.0.is_empty() { Err("nobody is told to end".into()) } else { Ok(()) }
    }
}

async fn stop(cx: TaskCx, times: u32) {
    let spec = ProcessSpec::puppet("api", puppet("on TERM print told; sleep 30ms; exit 0"));
    let api = cx.process().start(spec).await.expect("it starts");
    for _ in 0..times {
        cx.sleep(Duration::from_millis(2)).await;
        api.signal(Signal::TERM);
    }
    api.wait().await;
}

#[test]
fn an_oracle_of_ones_own_rejects_a_run_and_the_failure_is_told_like_any_other() {
    let config = || Config::new("oracles::one").seeds(20).oracle("one-signal", OneSignal::default);
    assert_eq!(told(|| check(config(), |cx| stop(cx, 1))), None);
    let twice = told(|| check(config(), |cx| stop(cx, 2))).expect("it is rejected");
    assert!(twice.contains("one-signal main api/main is told to end twice"), "{twice}");
    let never = told(|| check(config(), |cx| stop(cx, 0))).expect("it is rejected");
    assert!(never.contains("nobody is told to end"), "{never}");
}

#[test]
fn a_scenario_file_calls_an_oracle_by_its_name() {
    let text = "schema = 1\n[workers.api]\npuppet = \"on TERM print told; hang\"\nstop = { grace = \"20ms\" }\n[[stimuli]]\nat = \"9ms\"\n\
                do = \"stop\"\n[[expect]]\ncheck = \"one-signal\"\n";
    let options = Options { oracles: Oracles::new().with("one-signal", OneSignal::default), ..Options::default() };
    let scenario = Arc::new(read_with("own.toml", text, &options).expect("no mistakes"));
    let jobs = Job::all(&[scenario], Seeds::First(10), Mix::default().first());
    let result = Mix::default().sweep(&jobs, 1, false, &Progress::default());
    let failures = &result.cases[0].failures;
    assert_eq!((result.cases[0].failed, failures.len()), (10, 1));
    assert_eq!(&*failures[0].finding.rule, "check = \"one-signal\"");
    assert_eq!(failures[0].finding.message, "api/main is told to end twice");
}

#[test]
fn what_is_claimed_always_holds_and_what_is_promised_comes() {
    let broken = told(|| {
        check(Config::new("oracles::always").seeds(50), |cx: TaskCx| async move {
            cx.always(cx.pick(3) != 2, "the third is never taken");
        })
    });
    assert!(
        broken.expect("it is taken").contains("main claims that always: the third is never taken; here it is not so")
    );
    let forgotten = told(|| {
        check(Config::new("oracles::eventually").seeds(50), |cx: TaskCx| async move {
            let answer = cx.eventually("the request is answered");
            if !cx.buggify() {
                answer.keep();
            }
        })
    });
    let forgotten = forgotten.expect("one in four is forgotten");
    assert!(forgotten.contains("main claims that eventually: the request is answered"), "{forgotten}");
    assert!(forgotten.contains("surprise 1 main does something rare: its first buggify point"), "{forgotten}");
}

#[test]
fn what_is_claimed_to_happen_sometimes_must_be_seen_in_some_run() {
    let claim = |cx: TaskCx, least: u32| async move {
        let drawn = cx.pick(100);
        cx.sometimes(drawn >= least, "a high number");
    };
    assert_eq!(told(|| check(Config::new("oracles::seen").seeds(200), |cx| claim(cx, 90))), None);
    let never = told(|| check(Config::new("oracles::unseen").seeds(200), |cx| claim(cx, 100))).expect("it never is");
    assert!(
        never.contains("inconclusive: oracles::unseen claims that sometimes: a high number; in 200 runs"),
        "{never}"
    );
    assert_eq!(
        told(|| check(Config::new("oracles::alone").seeds(1), |cx| claim(cx, 100))),
        None,
        "one run proves nothing"
    );
}
