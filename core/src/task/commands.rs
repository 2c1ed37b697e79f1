//! Commands by name: `run`, `launch`, `kill`, `list`, `get` as sugar over the actions `process.run`, `process.start` and so on. What an action
//! would refuse, these refuse.

use super::Processes;
use crate::actions::{ActionError, Caller, Managed, ManagedId, Output, Value};
use crate::task::TaskCx;
use alloc::vec::Vec;

impl Processes<'_> {
    /// Runs a command to its end and gives what it wrote, however it ended. Dropped before, the command is killed.
    ///
    /// # Errors
    /// [`ActionError`]: of a command that does not start, and where the action is missing, disabled or refused because the session stops.
    ///
    /// ```
    /// # async fn example(cx: shakedown_core::task::TaskCx) -> Result<(), shakedown_core::actions::ActionError> {
    /// let log = cx.process().run("git", &["log", "--oneline"]).await?;
    /// # let _ = log; Ok(())
    /// # }
    /// ```
    pub async fn run(&self, program: &str, args: &[&str]) -> Result<Output, ActionError> {
        self.run_with(program, args, []).await
    }

    /// The same in this directory.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_in(&self, dir: &str, program: &str, args: &[&str]) -> Result<Output, ActionError> {
        self.run_with(program, args, [("dir", dir.into())]).await
    }

    /// The same with these variables beside those that are inherited.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_with_env(
        &self,
        env: &[(&str, &str)],
        program: &str,
        args: &[&str],
    ) -> Result<Output, ActionError> {
        let env = env.iter().map(|(name, value)| ((*name).into(), Value::from(*value))).collect();
        self.run_with(program, args, [("env", Value::Map(env))]).await
    }

    /// Starts a process that is kept: by the session, whose worker it becomes, or else by this task.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn launch(&self, program: &str, args: &[&str]) -> Result<ManagedId, ActionError> {
        let input = Value::map([("program", program.into()), ("args", Value::texts(args))]);
        let started = self.ask("process.start", input).await?;
        let id = started.get("id").and_then(Value::as_int).and_then(|id| u32::try_from(id).ok());
        id.map(ManagedId).ok_or_else(|| strange("process.start", started))
    }

    /// Kills a process that is kept, with its whole scope.
    ///
    /// # Errors
    /// As [`run`](Self::run); for one that is not kept.
    pub async fn kill(&self, id: ManagedId) -> Result<(), ActionError> {
        self.ask("process.kill", Value::map([("id", id.0.into())])).await.map(drop)
    }

    /// The same by the pid of one that runs. A number of anybody else is refused.
    ///
    /// # Errors
    /// As [`kill`](Self::kill).
    pub async fn kill_pid(&self, pid: i32) -> Result<(), ActionError> {
        self.ask("process.kill", Value::map([("pid", pid.into())])).await.map(drop)
    }

    /// All processes that are kept.
    ///
    /// # Errors
    /// [`ActionError`].
    pub async fn list(&self) -> Result<Vec<Managed>, ActionError> {
        let listed = self.ask("process.list", Value::Null).await?;
        let Value::List(values) = &listed else { return Err(strange("process.list", listed)) };
        values
            .iter()
            .map(Managed::from_value)
            .collect::<Option<_>>()
            .ok_or_else(|| strange("process.list", listed.clone()))
    }

    /// One process that is kept.
    ///
    /// # Errors
    /// As [`kill`](Self::kill).
    pub async fn get(&self, id: ManagedId) -> Result<Managed, ActionError> {
        let found = self.ask("process.get", Value::map([("id", id.0.into())])).await?;
        Managed::from_value(&found).ok_or_else(|| strange("process.get", found))
    }

    async fn run_with<const N: usize>(
        &self,
        program: &str,
        args: &[&str],
        more: [(&str, Value); N],
    ) -> Result<Output, ActionError> {
        let mut input = Value::map(more);
        if let Value::Map(fields) = &mut input {
            fields.extend([("program".into(), program.into()), ("args".into(), Value::texts(args))]);
        }
        let output = self.ask("process.run", input).await?;
        Output::from_value(output.clone()).ok_or_else(|| strange("process.run", output))
    }

    async fn ask(&self, name: &str, input: Value) -> Result<Value, ActionError> {
        let cx: &TaskCx = self.0;
        cx.actions().run(cx, &Caller::program(), name, input).await
    }
}

/// Somebody has replaced a built-in action by one that gives something else.
fn strange(name: &str, output: Value) -> ActionError {
    ActionError::Failed { name: name.into(), message: "it gives something else than the built-in one".into(), output }
}
