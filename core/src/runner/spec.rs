//! What is to be started while a session runs: a process or a function, and all that surrounds it.

use crate::host::Function;
use crate::task::{ExitCode, Registered, Stdio, TaskCx};
use crate::vocab::{Body, ExitStatus, ProcessSpec, ReadyPolicy, RestartPolicy, StopPolicy, WorkerSpec};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt::Display;
use core::future::Future;

/// A task to start: a name, a body, and policies.
#[derive(Clone)]
pub struct TaskSpec {
    name: Arc<str>,
    body: TaskBody,
    env: BTreeMap<String, String>,
    dir: Option<String>,
    proxy: Option<Arc<str>>,
    tags: BTreeMap<String, String>,
    restart: RestartPolicy,
    stop: StopPolicy,
    ready: Option<Arc<ReadyPolicy>>,
}

#[derive(Clone)]
enum TaskBody {
    Process(Box<ProcessSpec>),
    Function(Function),
}

impl TaskSpec {
    /// A process; the task bears its name.
    pub fn process(spec: ProcessSpec) -> TaskSpec {
        TaskSpec::new(spec.name.clone(), TaskBody::Process(Box::new(spec)))
    }

    /// A function of its hands and its standard streams, that returns an exit code. It is called anew for each incarnation.
    pub fn function<F, Fut>(name: &str, function: F) -> TaskSpec
    where
        F: Fn(TaskCx, Stdio) -> Fut + 'static,
        Fut: Future<Output = ExitCode> + 'static,
    {
        let function: Function = Rc::new(move |cx, stdio| {
            let code = function(cx, stdio);
            Box::pin(async move { ExitStatus::Exited(code.await.0) })
        });
        TaskSpec::new(name.into(), TaskBody::Function(function))
    }

    fn new(name: Arc<str>, body: TaskBody) -> TaskSpec {
        TaskSpec {
            name,
            body,
            env: BTreeMap::new(),
            dir: None,
            proxy: None,
            tags: BTreeMap::new(),
            restart: RestartPolicy::default(),
            stop: StopPolicy::default(),
            ready: None,
        }
    }

    /// The same with one more variable: of its process, or to be read with [`TaskCx::env`].
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> TaskSpec {
        self.env.insert(name.into(), value.into());
        self
    }

    /// The same in this directory: that of its process, or to be read with [`TaskCx::dir`].
    #[must_use]
    pub fn dir(mut self, dir: &str) -> TaskSpec {
        self.dir = Some(dir.into());
        self
    }

    /// The same, that is to go through the forward proxy of this name: where that listens is told in its environment, as
    /// [`ProxySpec::environment`](crate::proxy::ProxySpec::environment) has it, unless it sets these variables itself. A function reads them
    /// with [`TaskCx::env`].
    #[must_use]
    pub fn through(mut self, proxy: &str) -> TaskSpec {
        self.proxy = Some(proxy.into());
        self
    }

    /// The same with one more tag.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> TaskSpec {
        self.tags.insert(key.into(), value.into());
        self
    }

    /// The same, restarted by this policy.
    #[must_use]
    pub fn restart(mut self, policy: RestartPolicy) -> TaskSpec {
        self.restart = policy;
        self
    }

    /// The same, stopped by this policy.
    #[must_use]
    pub fn stop(mut self, policy: StopPolicy) -> TaskSpec {
        self.stop = policy;
        self
    }

    /// The same, ready when this probe says so.
    #[must_use]
    pub fn ready(mut self, policy: ReadyPolicy) -> TaskSpec {
        self.ready = Some(Arc::new(policy));
        self
    }

    /// The spec of its worker; a function gets its place in the host's table by `register`.
    pub(super) fn into_worker(self, register: impl FnOnce(Registered) -> u32) -> WorkerSpec {
        let TaskSpec { name, body, env, dir, proxy, tags, restart, stop, ready } = self;
        let body = match body {
            TaskBody::Process(mut spec) => {
                spec.env.extend(env);
                spec.dir = dir.or(spec.dir);
                spec.proxy = proxy.or(spec.proxy);
                spec.scope = stop.scope;
                Body::Process(Arc::from(spec))
            }
            TaskBody::Function(function) => Body::Function(register(Registered { function, env, dir, proxy })),
        };
        WorkerSpec { tags, restart, stop, ready, ..WorkerSpec::new(&name, body) }
    }
}

/// A function that succeeds or fails: its error is written to its standard error, and its exit code is 1.
///
/// ```
/// use shakedown_core::runner::from_fn;
/// # #[derive(Debug)] struct NoPort;
/// # impl core::fmt::Display for NoPort { fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result { f.write_str("no port") } }
/// let task = from_fn("listen", |cx| async move {
///     let _port = cx.env("PORT").ok_or(NoPort)?;
///     Ok::<(), NoPort>(())
/// })
/// .env("PORT", "8080");
/// ```
pub fn from_fn<F, Fut, E>(name: &str, function: F) -> TaskSpec
where
    F: Fn(TaskCx) -> Fut + 'static,
    Fut: Future<Output = Result<(), E>> + 'static,
    E: Display,
{
    TaskSpec::function(name, move |cx, stdio| {
        let done = function(cx);
        async move {
            match done.await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    // Nobody reading the reason does not change it.
                    let _ = stdio.stderr.write_all(format!("{error}\n").as_bytes()).await;
                    ExitCode(1)
                }
            }
        }
    })
}
