//! Named actions: who may run what, and that a disabled one never begins; and the process primitive as actions.

use shakedown_core::actions::{
    Action, ActionError, Caller, Denied, Failure, Field, Given, ManagedId, Mode, Registry, Schema, Steps, Value,
};
use shakedown_core::puppet::parse;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::time::{Duration, DurationRange};
use shakedown_core::vocab::{Body, Errno, ExitStatus, ProcessSpec, SessionSpec, WorkerSpec};
use shakedown_sim::choose::Seeded;
use shakedown_sim::{Limits, Programs, Run, Simulator, WorldConfig};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

fn play_with<F, Fut>(seeds: u64, programs: &Programs, test: F)
where
    F: Fn(TaskCx) -> Fut,
    Fut: Future<Output = ()> + 'static,
{
    let mut simulator: Simulator<Seeded> = Simulator::new(WorldConfig::default(), Limits::default(), Seeded::new(0));
    simulator.host().world().borrow_mut().install(programs.clone());
    for seed in 0..seeds {
        let run: Run = simulator.run(Seeded::new(seed), None, |host| {
            host.serve_processes();
            host.spawn("main", &test);
        });
        assert!(run.is_ok(), "seed {seed}: {run:?}");
    }
}

fn play<F, Fut>(test: F)
where
    F: Fn(TaskCx) -> Fut,
    Fut: Future<Output = ()> + 'static,
{
    play_with(20, &Programs::default(), test);
}

fn names(actions: &Registry, pattern: &str) -> Vec<String> {
    actions.list(pattern).iter().map(|info| info.name.to_string()).collect()
}

fn echo(name: &str) -> Action {
    Action::new(name, |call| async move { Ok(call.input) })
}

#[test]
fn actions_are_listed_in_the_order_of_their_registration_and_keep_their_place() {
    play(|cx| async move {
        let actions = cx.actions();
        for name in ["b.one", "a.two", "b.three"] {
            actions.register(echo(name)).unwrap();
        }
        assert_eq!(names(&actions, "b.*"), ["b.one", "b.three"]);
        actions.disable("b.one").unwrap();
        actions.register(echo("b.one").about("another")).unwrap();
        let info = actions.get("b.one").unwrap();
        assert!(info.about == "another" && !info.enabled, "what is replaced keeps its switch: {info:?}");
        assert_eq!(names(&actions, "b.*"), ["b.one", "b.three"]);
        actions.remove("b.one").unwrap();
        assert_eq!(names(&actions, "b.*"), ["b.three"]);
        assert_eq!(actions.remove("b.one"), Err(Denied::Unknown("b.one".into())));
    });
}

#[test]
fn a_call_is_refused_by_the_first_reason_that_applies() {
    play(|cx| async move {
        let actions = cx.actions();
        let schema = Schema::Map(vec![Field::required("to", Schema::Text, "where it goes")]);
        actions.register(echo("deploy").input(schema).needs("ops")).unwrap();
        let (user, ops) = (Caller::new("user"), Caller::new("ops").entitled_to("ops"));
        let good = || Value::map([("to", "production".into())]);
        let said = |error: Result<Value, ActionError>| error.unwrap_err().to_string();
        assert_eq!(
            said(actions.run(&cx, &ops, "deplay", good()).await),
            "there is no action `deplay`, did you mean `deploy`?"
        );
        assert_eq!(
            said(actions.run(&cx, &user, "deploy", Value::Null).await),
            "`deploy` needs `ops`, which user has not"
        );
        assert_eq!(
            said(actions.run(&cx, &ops, "deploy", Value::Null).await),
            "`deploy`: the input is nothing, and a map is wanted"
        );
        assert_eq!(actions.run(&cx, &ops, "deploy", good()).await, Ok(good()));
        actions.disable("deploy").unwrap();
        assert_eq!(said(actions.run(&cx, &user, "deploy", Value::Null).await), "`deploy` is disabled");
    });
}

#[test]
fn a_registry_that_is_sealed_or_locked_never_opens_again() {
    play(|cx| async move {
        let actions = cx.actions();
        actions.register(echo("a")).unwrap();
        actions.seal();
        assert_eq!(actions.register(echo("a")), Err(Denied::Sealed));
        assert_eq!(actions.remove("a"), Err(Denied::Sealed));
        assert_eq!((actions.disable("a"), actions.enable("a")), (Ok(()), Ok(())));
        actions.lock();
        actions.seal();
        assert_eq!(actions.mode(), Mode::Locked);
        let all = [actions.register(echo("b")), actions.remove("a"), actions.disable("a"), actions.enable("a")];
        assert!(all.iter().all(|denied| *denied == Err(Denied::Locked)), "{all:?}");
        assert_eq!(actions.run(&cx, &Caller::new("user"), "a", Value::Int(1)).await, Ok(Value::Int(1)));
    });
}

#[test]
fn a_panic_of_a_handler_is_the_error_of_its_call_and_of_nothing_else() {
    play(|cx| async move {
        let actions = cx.actions();
        let slow = Action::new("slow", |call| async move {
            call.cx.sleep(Duration::from_millis(1)).await;
            panic!("no disk")
        });
        actions.register(slow).unwrap();
        actions.register(Action::new("at once", |_| -> std::future::Ready<_> { panic!("no memory") })).unwrap();
        for (name, expected) in [("slow", "no disk"), ("at once", "no memory")] {
            match actions.run(&cx, &Caller::program(), name, Value::Null).await {
                Err(ActionError::Panicked { message, .. }) => assert_eq!(message, expected),
                other => panic!("{name}: {other:?}"),
            }
            assert_eq!(actions.get(name).unwrap().running, 0);
        }
        cx.sleep(Duration::from_millis(1)).await;
    });
}

/// Enable, disable and run at the same time: no call begins while the switch is off, and who has waited for the calls that were under
/// way finds none.
#[test]
fn a_disabled_action_never_begins_whoever_switches_and_runs_it_meanwhile() {
    let (began, refused) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let counts = (began.clone(), refused.clone());
    play_with(10_000, &Programs::default(), move |cx| {
        let (began, refused) = counts.clone();
        async move {
            let actions = cx.actions();
            let seen = actions.clone();
            actions
                .register(Action::new("work", move |call| {
                    assert!(seen.get("work").is_some_and(|info| info.enabled), "it is off, and yet it begins");
                    began.set(began.get() + 1);
                    async move {
                        call.cx.sleep(Duration::from_millis(2)).await;
                        Ok(Value::Null)
                    }
                }))
                .unwrap();
            let jitter =
                DurationRange { min: Duration::ZERO, max: Duration::from_millis(9), grid: Duration::from_millis(1) };
            let mut users = Vec::new();
            for _ in 0..3 {
                let (actions, refused) = (actions.clone(), refused.clone());
                users.push(cx.spawn("user", move |cx| async move {
                    let steps = Steps::new().action("work", Given::Previous).action("work", Given::Previous);
                    cx.sleep(cx.draw(jitter)).await;
                    match steps.run(&cx, &actions, &Caller::new("user"), Value::Null).await {
                        Ok(_) => {}
                        Err(error) => {
                            assert!(matches!(error.error, ActionError::Disabled(_)), "{error}");
                            refused.set(refused.get() + 1);
                        }
                    }
                }));
            }
            cx.sleep(cx.draw(jitter)).await;
            actions.disable("work").unwrap();
            actions.idle("work").await;
            assert_eq!(actions.get("work").unwrap().running, 0);
            cx.sleep(cx.draw(jitter)).await;
            assert_eq!(actions.get("work").unwrap().running, 0, "nobody can begin while it is off");
            actions.enable("work").unwrap();
            for user in users {
                user.await.unwrap();
            }
        }
    });
    assert!(began.get() > 10_000 && refused.get() > 1_000, "{began:?} began, {refused:?} were refused");
}

#[test]
fn steps_hand_on_what_they_give_and_the_first_that_fails_is_named() {
    play(|cx| async move {
        let actions = cx.actions();
        let add = Action::new("add", |call| async move { Ok(Value::Int(call.input.as_int().unwrap_or_default() + 1)) });
        actions.register(add).unwrap();
        let steps = Steps::new()
            .action("add", Given::Previous)
            .function("double", |cx, value| async move {
                cx.sleep(Duration::from_millis(1)).await;
                Ok(Value::Int(value.as_int().unwrap_or_default() * 2))
            })
            .action("add", Given::Previous);
        let user = Caller::new("user");
        assert_eq!(steps.run(&cx, &actions, &user, Value::Int(4)).await, Ok(Value::Int(11)));
        let fails = steps.clone().function("check", |_, _| async { Err(Failure::because("too much")) });
        let error = fails.run(&cx, &actions, &user, Value::Int(4)).await.unwrap_err();
        assert_eq!(error.to_string(), "step 4: `check` failed: too much");
        assert_eq!(
            steps
                .clone()
                .action("ad", Given::Previous)
                .run(&cx, &actions, &user, Value::Int(4))
                .await
                .unwrap_err()
                .number,
            4
        );
    });
}

fn programs() -> Programs {
    let script = |text| parse(text).expect("it is a script");
    Programs::default()
        .with("git", script("read eof; print log; eprint warning; exit 3"))
        .with("server", script("spawn helper { hang }; hang"))
        .with("slow", script("sleep 1s; exit 0"))
        .with("steady", script("on TERM exit 0 after 50ms..90ms; hang"))
}

#[test]
fn a_command_gives_its_output_however_it_ends() {
    play_with(200, &programs(), |cx| async move {
        let output = cx.process().run_in("repository", "/usr/bin/git", &["log"]).await.unwrap();
        assert_eq!(
            (output.status, &*output.stdout, &*output.stderr),
            (ExitStatus::Exited(3), &b"log\n"[..], &b"warning\n"[..])
        );
        let error = cx.process().run("nobody", &[]).await.unwrap_err().to_string();
        assert!(error.starts_with("`process.run` failed: `nobody` did not start: exec: ENOENT"), "{error}");
        let input = Value::map([("program", "git".into()), ("stdin", "x".into())]);
        let by_name = cx.actions().run(&cx, &Caller::program(), "process.run", input).await.unwrap();
        assert_eq!((by_name.get("code"), by_name.get("signal")), (Some(&Value::Int(3)), Some(&Value::Null)));
    });
}

#[test]
fn a_command_that_nobody_waits_for_any_more_is_killed() {
    play_with(200, &programs(), |cx| async move {
        let began = cx.now();
        assert!(cx.timeout(Duration::from_millis(10), cx.process().run("server", &[])).await.is_err());
        cx.sleep(Duration::from_millis(10)).await;
        assert!(cx.now().since(began) < Duration::from_secs(1));
    });
}

#[test]
fn what_is_started_is_listed_and_killed_by_its_id_or_its_pid_and_no_other() {
    play_with(200, &programs(), |cx| async move {
        let process = cx.process();
        let (one, two) = (process.launch("server", &[]).await.unwrap(), process.launch("slow", &[]).await.unwrap());
        let listed = process.list().await.unwrap();
        let running: Vec<_> = listed.iter().map(|managed| (managed.id, &*managed.name, managed.running)).collect();
        assert_eq!(running, [(one, "server", true), (two, "slow", true)]);
        let pid = process.get(one).await.unwrap().pid.unwrap();
        assert!(process.kill_pid(pid + 1_000).await.unwrap_err().to_string().contains("no such process is kept here"));
        assert!(process.kill(ManagedId(7)).await.is_err());
        process.kill_pid(pid).await.unwrap();
        cx.sleep(Duration::from_secs(2)).await;
        let ends: Vec<_> =
            process.list().await.unwrap().iter().map(|managed| (managed.running, managed.exit)).collect();
        let killed = ExitStatus::Signalled { signal: Signal::KILL, core: false };
        assert_eq!(ends, [(false, Some(killed)), (false, Some(ExitStatus::Exited(0)))]);
        // Its number may be another's by now: it names nobody.
        assert!(process.kill_pid(pid).await.is_err());
        process.kill(one).await.unwrap();
    });
}

#[test]
fn a_disabled_start_leaves_no_way_to_start() {
    play_with(50, &programs(), |cx| async move {
        cx.actions().disable("process.start").unwrap();
        assert!(matches!(cx.process().launch("slow", &[]).await, Err(ActionError::Disabled(_))));
        let spec = ProcessSpec::command("slow", &["slow"], None);
        assert_eq!(cx.process().start(spec).await.err().map(|error| error.failure.errno), Some(Errno::EPERM));
        assert!(cx.process().run("slow", &[]).await.is_ok(), "another action");
        cx.actions().disable("process.run").unwrap();
        assert!(matches!(cx.process().run("slow", &[]).await, Err(ActionError::Disabled(_))));
    });
}

#[test]
fn without_the_service_there_is_no_such_capability() {
    let seen = Rc::new(RefCell::new(None));
    let told = seen.clone();
    let mut simulator: Simulator<Seeded> = Simulator::new(WorldConfig::default(), Limits::default(), Seeded::new(0));
    let run = simulator.run(Seeded::new(1), None, |host| {
        host.spawn("main", |cx| async move {
            *told.borrow_mut() = Some((cx.actions().list("*").len(), cx.process().run("git", &[]).await));
        });
    });
    assert!(run.is_ok());
    let Some((0, Err(ActionError::Unknown { name, near: None }))) = seen.take() else { panic!("it is known") };
    assert_eq!(name, "process.run");
}

/// In a session the process actions are the session's: there before its first worker starts, refused once it stops, gone when it is over.
#[test]
fn a_session_has_them_until_it_stops_and_what_they_start_is_stopped_with_it() {
    let mut plan = SessionSpec::new("s");
    plan.stays = true;
    plan.workers =
        vec![WorkerSpec::new("server", Body::Process(Arc::new(ProcessSpec::command("server", &["steady"], None))))];
    let plan = Arc::new(plan);
    let config = WorldConfig { history: true, ..WorldConfig::default() };
    let mut simulator: Simulator<Seeded> = Simulator::new(config, Limits::default(), Seeded::new(0));
    simulator.host().world().borrow_mut().install(programs());
    let seen = Rc::new(RefCell::new(None));
    for seed in 0..500 {
        let told = seen.clone();
        let run = simulator.run(Seeded::new(seed), Some(plan.clone()), |host| {
            let session = host.start_session(&plan, &Arc::from([]));
            let runner = host.runner(session);
            host.spawn("script", move |cx| async move {
                assert_eq!(names(&cx.actions(), "process.*").len(), 5, "before the first worker starts");
                cx.sleep(Duration::from_millis(1)).await;
                let id = cx.process().launch("/bin/steady", &["--now"]).await.unwrap();
                let late = cx.spawn("late", |cx| async move {
                    cx.sleep(cx.draw(DurationRange {
                        min: Duration::ZERO,
                        max: Duration::from_millis(40),
                        grid: Duration::from_millis(1),
                    }))
                    .await;
                    cx.process().launch("slow", &[]).await
                });
                cx.sleep(Duration::from_millis(20)).await;
                assert!(cx.process().get(id).await.unwrap().running);
                runner.stop_session();
                cx.sleep(Duration::from_millis(25)).await;
                // The worker of the plan takes longer than that.
                let refused = matches!(cx.process().run("git", &[]).await, Err(ActionError::Stopping(_)));
                assert!(refused, "a stop has begun");
                match late.await.unwrap() {
                    Ok(_) | Err(ActionError::Stopping(_)) | Err(ActionError::Unknown { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
                *told.borrow_mut() = Some(cx.actions());
            });
        });
        assert!(run.is_ok(), "seed {seed}: {run:?}");
        let actions = seen.take().expect("the script came to its end");
        assert!(names(&actions, "*").is_empty(), "the session is over, and they with it");
    }
}
