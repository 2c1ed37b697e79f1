//! The process primitive as actions: `process.run`, `process.start`, `process.kill`, `process.list`, `process.get`. They are there while a
//! session, or a host of tasks, takes work; a host that serves nobody has no such capability.

use super::{Action, Call, Failure, Field, Registry, Schema, Value};
use crate::ids::WorkerId;
use crate::runner::{Listing, Refused, Runner, TaskSpec, Which};
use crate::signal::Signal;
use crate::task::{CancelSource, Cause, Process, TaskCx, select2};
use crate::vocab::{ExitStatus, ProcessSpec, Program, StandIn, StopPolicy, Stream};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::future::Future;

/// What a command came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to descriptor 1.
    pub stdout: Vec<u8>,
    /// What it wrote to descriptor 2.
    pub stderr: Vec<u8>,
}

/// What names a managed process; never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ManagedId(pub u32);

/// A process that was started by `process.start`, or a worker of the session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Managed {
    /// Its id.
    pub id: ManagedId,
    /// Its name.
    pub name: String,
    /// The pid of its leader, where it is known: to print.
    pub pid: Option<i32>,
    /// Whether its leader runs, or is being started.
    pub running: bool,
    /// How it ended, where it has.
    pub exit: Option<ExitStatus>,
}

/// Who keeps the processes that are started.
#[derive(Clone)]
pub(crate) enum Processes {
    /// A session: they are its workers, and are stopped with it.
    Session(Runner),
    /// The task that starts them.
    Tasks(Rc<RefCell<Vec<Kept>>>),
}

pub(crate) struct Kept {
    name: Arc<str>,
    process: Process,
    exit: Rc<Cell<Option<ExitStatus>>>,
}

impl Processes {
    /// Those of whichever tasks start them.
    pub(crate) fn of_tasks() -> Processes {
        Processes::Tasks(Rc::default())
    }

    pub(crate) fn install(&self, registry: &Registry) {
        let text = || Schema::Text;
        let command = vec![
            Field::required("program", text(), "what is run, looked up in PATH where it has no slash"),
            Field::optional("args", Schema::List(Box::new(Schema::Text)), "its arguments"),
            Field::optional("dir", text(), "its working directory"),
            Field::optional(
                "env",
                Schema::Dictionary(Box::new(Schema::Text)),
                "variables beside those that are inherited",
            ),
            Field::optional("name", text(), "what it is called in facts and reports"),
        ];
        let mut with_input = command.clone();
        with_input.push(Field::optional("stdin", Schema::Bytes, "what it reads"));
        let which = vec![
            Field::optional("id", Schema::Int, "its id"),
            Field::optional("pid", Schema::Int, "the pid of a managed process"),
        ];
        let run = self.action("process.run", with_input, |service, call| async move { service.run(&call).await });
        self.put_work(registry, run.about("runs a command to its end; gives its code or signal and its output"));
        let start = self.action("process.start", command, |service, call| async move { service.start(&call).await });
        self.put_work(registry, start.about("starts a process that is kept; gives its id"));
        let kill = self.action("process.kill", which.clone(), |service, call| async move { service.kill(&call) });
        self.put(registry, kill.about("kills a process that is kept, with its whole scope"));
        let get = self
            .action("process.get", which, |service, call| async move { Ok(service.find(&call.input)?.into_value()) });
        self.put(registry, get.about("tells of one process that is kept"));
        let service = self.clone();
        let list = Action::new("process.list", move |_| {
            let all = service.all().into_iter().map(Managed::into_value).collect::<Vec<Value>>();
            async move { Ok(Value::List(all)) }
        });
        self.put(registry, list.about("tells of all processes that are kept").input(Schema::Null));
    }

    fn action<Fut>(&self, name: &str, fields: Vec<Field>, work: impl Fn(Processes, Call) -> Fut + 'static) -> Action
    where
        Fut: Future<Output = Result<Value, Failure>> + 'static,
    {
        let service = self.clone();
        Action::new(name, move |call| work(service.clone(), call)).input(Schema::Map(fields))
    }

    /// What is new work, and refused once a stop has begun.
    fn put_work(&self, registry: &Registry, action: Action) {
        let service = self.clone();
        self.put(registry, action.taken_while(move |cx| service.takes_work(cx)));
    }

    fn put(&self, registry: &Registry, action: Action) {
        let service = self.clone();
        let placed = registry.register(action.present_while(move || service.is_there()));
        debug_assert!(placed.is_ok(), "the service comes before anybody can seal or fill the registry");
    }

    /// Whether there is anything to be asked.
    fn is_there(&self) -> bool {
        match self {
            Processes::Session(runner) => !runner.is_closed(),
            Processes::Tasks(_) => true,
        }
    }

    /// Whether neither the session, nor the task itself, was asked to end.
    fn takes_work(&self, of: &TaskCx) -> bool {
        match self {
            Processes::Session(runner) => runner.takes_work(),
            Processes::Tasks(_) => of.cancel_cause().is_none(),
        }
    }

    async fn run(&self, call: &Call) -> Result<Value, Failure> {
        let stdin = match call.input.get("stdin") {
            Some(Value::Bytes(bytes)) => bytes.clone(),
            Some(Value::Text(text)) => text.clone().into_bytes(),
            Some(_) | None => Vec::new(),
        };
        let output = run(&call.cx, spec(&call.input), stdin).await?;
        let mut fields = exit_fields(Some(output.status));
        fields.insert("stdout".into(), output.stdout.into());
        fields.insert("stderr".into(), output.stderr.into());
        Ok(Value::Map(fields))
    }

    async fn start(&self, call: &Call) -> Result<Value, Failure> {
        let spec = spec(&call.input);
        match self {
            Processes::Session(runner) => {
                let handle = runner.start(TaskSpec::process(spec)).map_err(refused)?;
                Ok(Value::map([("id", handle.id().0.into()), ("pid", Value::Null)]))
            }
            Processes::Tasks(kept) => {
                let process = call.cx.process().start_unasked(spec).await.map_err(Failure::because)?;
                let exit: Rc<Cell<Option<ExitStatus>>> = Rc::default();
                let (told, waited, name) = (exit.clone(), process.clone(), Arc::from(process.name()));
                drop(call.cx.spawn("keep", |_| async move { told.set(Some(waited.wait().await)) }));
                let pid = process.pid().as_raw();
                let mut kept = kept.borrow_mut();
                kept.push(Kept { name, process, exit });
                Ok(Value::map([("id", (kept.len() as u32 - 1).into()), ("pid", pid.into())]))
            }
        }
    }

    fn kill(&self, call: &Call) -> Result<Value, Failure> {
        let found = self.find(&call.input)?;
        match self {
            Processes::Session(runner) => runner.kill(WorkerId(found.id.0)).map_err(refused)?,
            Processes::Tasks(kept) => {
                if found.running {
                    kept.borrow()[found.id.0 as usize].process.kill();
                }
            }
        }
        Ok(Value::Null)
    }

    fn all(&self) -> Vec<Managed> {
        match self {
            Processes::Session(runner) => runner.list(Which::Retained).into_iter().map(Managed::of).collect(),
            Processes::Tasks(kept) => kept.borrow().iter().enumerate().map(|(id, kept)| kept.told(id as u32)).collect(),
        }
    }

    /// By id, or by the pid of one that runs: a number of one that has ended is nobody's name.
    fn find(&self, which: &Value) -> Result<Managed, Failure> {
        let (id, pid) = (which.get("id").and_then(Value::as_int), which.get("pid").and_then(Value::as_int));
        let found = match (id, pid) {
            (Some(id), None) => self.all().into_iter().find(|managed| i64::from(managed.id.0) == id),
            (None, Some(pid)) => {
                let is_it = |managed: &Managed| managed.running && managed.pid.map(i64::from) == Some(pid);
                self.all().into_iter().find(is_it)
            }
            (Some(_), Some(_)) | (None, None) => return Err(Failure::because("one of `id` and `pid` is wanted")),
        };
        found.ok_or_else(|| Failure::because("no such process is kept here"))
    }
}

impl Kept {
    fn told(&self, id: u32) -> Managed {
        let (exit, pid) = (self.exit.get(), self.process.pid().as_raw());
        Managed { id: ManagedId(id), name: (*self.name).into(), pid: Some(pid), running: exit.is_none(), exit }
    }
}

impl Managed {
    fn of(listing: Listing) -> Managed {
        Managed {
            id: ManagedId(listing.id.0),
            name: (*listing.name).into(),
            pid: listing.pid.map(|pid| pid.as_raw()),
            running: !listing.is_over,
            exit: listing.exit,
        }
    }

    fn into_value(self) -> Value {
        let mut fields = exit_fields(self.exit);
        fields.insert("id".into(), self.id.0.into());
        fields.insert("name".into(), self.name.into());
        fields.insert("pid".into(), self.pid.map_or(Value::Null, Value::from));
        fields.insert("running".into(), self.running.into());
        Value::Map(fields)
    }

    /// What `process.get` gives.
    pub(crate) fn from_value(value: &Value) -> Option<Managed> {
        Some(Managed {
            id: ManagedId(u32::try_from(value.get("id")?.as_int()?).ok()?),
            name: value.get("name")?.as_text()?.into(),
            pid: value.get("pid").and_then(Value::as_int).and_then(|pid| i32::try_from(pid).ok()),
            running: value.get("running") == Some(&Value::Bool(true)),
            exit: exit_of(value),
        })
    }
}

impl Output {
    /// What `process.run` gives.
    pub(crate) fn from_value(value: Value) -> Option<Output> {
        let status = exit_of(&value).unwrap_or(ExitStatus::Unknown);
        let Value::Map(mut fields) = value else { return None };
        let mut bytes = |name| match fields.remove(name) {
            Some(Value::Bytes(bytes)) => Some(bytes),
            Some(_) | None => None,
        };
        Some(Output { status, stdout: bytes("stdout")?, stderr: bytes("stderr")? })
    }
}

fn exit_fields(exit: Option<ExitStatus>) -> BTreeMap<String, Value> {
    let (code, signal) = match exit {
        Some(ExitStatus::Exited(code)) => (Value::Int(code.into()), Value::Null),
        Some(ExitStatus::Signalled { signal, .. }) => (Value::Null, Value::Text(alloc::format!("{signal}"))),
        Some(ExitStatus::Unknown) | None => (Value::Null, Value::Null),
    };
    BTreeMap::from([("code".into(), code), ("signal".into(), signal)])
}

fn exit_of(value: &Value) -> Option<ExitStatus> {
    let code = value.get("code").and_then(Value::as_int).and_then(|code| u8::try_from(code).ok());
    let signal = value.get("signal").and_then(Value::as_text).and_then(Signal::from_display);
    let signalled = signal.map(|signal| ExitStatus::Signalled { signal, core: false });
    code.map(ExitStatus::Exited).or(signalled)
}

fn refused(refused: Refused) -> Failure {
    match refused {
        Refused::Stopping => Failure::Stopping,
        Refused::Unknown(_) | Refused::NotRunning(_) | Refused::Running(_) | Refused::NoMessage(_) => {
            Failure::because(refused)
        }
        Refused::NoSignal(_) | Refused::NoEnvironment(_) | Refused::Planned(_) => Failure::because(refused),
    }
}

/// The command of an input that fits the schema.
fn spec(input: &Value) -> ProcessSpec {
    let program = input.get("program").and_then(Value::as_text).unwrap_or_default();
    let mut argv = vec![String::from(program)];
    if let Some(Value::List(args)) = input.get("args") {
        argv.extend(args.iter().filter_map(Value::as_text).map(String::from));
    }
    let last = program.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("command");
    let name = input.get("name").and_then(Value::as_text).unwrap_or(last);
    let mut spec = ProcessSpec::new(name, Program::Command { argv, sim: StandIn::Unknown });
    spec.dir = input.get("dir").and_then(Value::as_text).map(String::from);
    if let Some(Value::Map(variables)) = input.get("env") {
        spec.env.extend(variables.iter().filter_map(|(name, value)| Some((name.clone(), value.as_text()?.into()))));
    }
    spec
}

/// Asks a command to end when nobody waits for it any more.
struct Asking(CancelSource);

impl Drop for Asking {
    /// Bookkeeping: a command that is over hears nothing of it.
    fn drop(&mut self) {
        self.0.cancel(Cause::Parent);
    }
}

/// Runs a command to its end. Dropped, it is killed.
async fn run(cx: &TaskCx, spec: ProcessSpec, stdin: Vec<u8>) -> Result<Output, Failure> {
    let (inner, cancel) = cx.cancellable();
    let _asking = Asking(cancel);
    let name = spec.name.clone();
    let task = inner.spawn_named(&name, |cx| async move { command(&cx, spec, stdin).await });
    task.await.map_err(Failure::because)?
}

async fn command(cx: &TaskCx, spec: ProcessSpec, stdin: Vec<u8>) -> Result<Output, Failure> {
    let process = cx.process().start_unasked(spec).await.map_err(Failure::because)?;
    let outputs = Stream::BOTH.map(|stream| {
        let process = process.clone();
        cx.spawn(stream.word(), move |_| read(process, stream))
    });
    let input = {
        let process = process.clone();
        cx.spawn("stdin", move |_| feed(process, stdin))
    };
    select2(cx, process.exited(), cx.cancelled()).await;
    // Whoever it has left behind goes with it, as with a command line that is over.
    process.signal_scope(Signal::KILL);
    let _ = cx.bound(StopPolicy::EMPTY_WITHIN, process.scope_empty()).await;
    let status = process.wait().await;
    input.abort();
    let by = cx.now().after(StopPolicy::default().drain);
    let mut read = [Vec::new(), Vec::new()];
    for ((mut output, stream), read) in outputs.into_iter().zip(Stream::BOTH).zip(&mut read) {
        match cx.bound(by.since(cx.now()), &mut output).await {
            Ok(bytes) => *read = bytes.unwrap_or_default(),
            // Somebody outside of its scope holds it.
            Err(_) => {
                process.close_output(stream);
                *read = output.await.unwrap_or_default();
            }
        }
    }
    let [stdout, stderr] = read;
    match cx.cancel_cause() {
        None => Ok(Output { status, stdout, stderr }),
        Some(_) => {
            let output = Value::map([("stdout", stdout.into()), ("stderr", stderr.into())]);
            Err(Failure::Because {
                message: "it was killed, because the task that ran it was asked to end".into(),
                output,
            })
        }
    }
}

async fn read(process: Process, stream: Stream) -> Vec<u8> {
    let mut all = Vec::new();
    while process.read(stream, &mut all).await > 0 {}
    all
}

async fn feed(process: Process, stdin: Vec<u8>) {
    // Who does not read to the end has what it wanted.
    let _ = process.write_all(&stdin).await;
    process.close_input();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_reads_back_as_it_is_given() {
        let signalled = |signal| ExitStatus::Signalled { signal, core: false };
        let ends = (0..=u8::MAX).map(ExitStatus::Exited);
        for end in ends.chain((1..=64).filter_map(Signal::from_number).map(signalled)) {
            assert_eq!(exit_of(&Value::Map(exit_fields(Some(end)))), Some(end));
        }
        assert_eq!(exit_of(&Value::Map(exit_fields(Some(ExitStatus::Unknown)))), None);
    }
}
