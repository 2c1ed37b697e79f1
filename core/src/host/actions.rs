//! The actions of a session's plan: each starts a process, as a worker of the session, and waits for its end; so it is stopped with the
//! session, and refused when that stops.

use super::Host;
use crate::actions::{Action, ActionUse, Caller, Failure, Schema, Value};
use crate::actor::Actor;
use crate::ids::ActorId;
use crate::machine::Machine;
use crate::runner::{Runner, TaskSpec};
use crate::vocab::{ActionSpec, ProcessSpec, SessionSpec, WorkerState};
use crate::world::World;
use alloc::sync::Arc;

impl<W: World> Host<W, Actor> {
    /// Registers what the plan lets others do by name.
    pub(super) fn offer_actions(&mut self, session: ActorId, plan: &SessionSpec) {
        let runner = self.runner(session);
        let actions = self.reactor.actions();
        for ActionSpec { name, process, enabled } in &plan.actions {
            let registered = actions.register(action(name, process.clone(), runner.clone()));
            debug_assert!(registered.is_ok(), "nobody has sealed the registry yet, and a plan is shorter than it");
            if !enabled {
                let disabled = actions.disable(name);
                debug_assert!(disabled.is_ok(), "it was registered just now");
            }
        }
    }
}

impl<W: World, A: Machine> Host<W, A> {
    /// The outside uses an action.
    #[cold]
    pub(super) fn use_action(&mut self, how: ActionUse, name: Arc<str>) {
        // That it is sealed, or not there, is an answer to whoever switches, and nobody waits for one here.
        match how {
            ActionUse::Enable => drop(self.reactor.actions().enable(&name)),
            ActionUse::Disable => drop(self.reactor.actions().disable(&name)),
            ActionUse::Run => {
                self.spawn("action", |cx| async move {
                    drop(cx.actions().run(&cx, &Caller::new("outside"), &name, Value::Null).await);
                });
            }
        }
    }
}

fn action(name: &str, process: Arc<ProcessSpec>, runner: Runner) -> Action {
    let open = runner.clone();
    let handler = move |_| {
        let started = runner.start(TaskSpec::process(ProcessSpec::clone(&process)));
        async move {
            let outcome = started.map_err(Failure::because)?.wait().await.map_err(Failure::because)?;
            match outcome.state {
                WorkerState::Finished => Ok(Value::Null),
                ended => Err(Failure::because(alloc::format!("its process is {}: {}", ended.word(), outcome.status))),
            }
        }
    };
    Action::new(name, handler).input(Schema::Null).taken_while(move |_| open.takes_work())
}
