//! Tasks of ordered steps: each an action or an async function, each after the other, each with what the one before has given, if it wants it.

use super::{ActionError, Caller, Failure, Registry, Value};
use crate::task::TaskCx;
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::future::Future;
use core::pin::Pin;

/// What a step is given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Given {
    /// This.
    Input(Value),
    /// What the step before it has given; of the first step, what the task was given.
    Previous,
}

type Function = dyn Fn(TaskCx, Value) -> Pin<Box<dyn Future<Output = Result<Value, Failure>>>>;

#[derive(Clone)]
enum Work {
    Action(Given),
    Function(Rc<Function>),
}

/// Steps, in order.
///
/// ```
/// use shakedown_core::actions::{Caller, Given, Steps, Value};
/// # async fn example(cx: shakedown_core::task::TaskCx) {
/// let release = Steps::new()
///     .action("process.run", Given::Input(Value::map([("program", "git".into()), ("args", Value::texts(&["describe"]))])))
///     .function("name it", async |_cx, described| Ok(described.get("stdout").cloned().unwrap_or_default()));
/// let name = release.run(&cx, &cx.actions(), &Caller::program(), Value::Null).await;
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Steps(Vec<(String, Work)>);

/// A step did not do it. Those after it were not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepError {
    /// Which, from 1.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// Why.
    pub error: ActionError,
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}: {}", self.number, self.error)
    }
}

impl core::error::Error for StepError {}

impl Steps {
    /// None.
    pub fn new() -> Steps {
        Steps::default()
    }

    /// The same, and then the action of this name.
    #[must_use]
    pub fn action(mut self, name: &str, given: Given) -> Steps {
        self.0.push((name.into(), Work::Action(given)));
        self
    }

    /// The same, and then this function of what the step before it has given.
    #[must_use]
    pub fn function<F, Fut>(mut self, name: &str, function: F) -> Steps
    where
        F: Fn(TaskCx, Value) -> Fut + 'static,
        Fut: Future<Output = Result<Value, Failure>> + 'static,
    {
        self.0.push((name.into(), Work::Function(Rc::new(move |cx, value| Box::pin(function(cx, value))))));
        self
    }

    /// Takes them, one after the other; gives what the last one has given.
    ///
    /// # Errors
    /// [`StepError`] of the first that did not do it.
    pub async fn run(
        &self,
        cx: &TaskCx,
        actions: &Registry,
        caller: &Caller,
        input: Value,
    ) -> Result<Value, StepError> {
        let mut previous = input;
        for (number, (name, work)) in self.0.iter().enumerate() {
            let done = match work {
                Work::Action(Given::Input(input)) => actions.run(cx, caller, name, input.clone()).await,
                Work::Action(Given::Previous) => actions.run(cx, caller, name, previous).await,
                Work::Function(function) => {
                    function(cx.clone(), previous).await.map_err(|failure| failure.of(&name.as_str().into()))
                }
            };
            previous = done.map_err(|error| StepError { number: number + 1, name: name.clone(), error })?;
        }
        Ok(previous)
    }
}
