//! One action: its name, what it takes and needs, and its handler; and who asks for it.

use super::{Failure, Schema, Value};
use crate::task::TaskCx;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::future::Future;
use core::pin::Pin;

pub(super) type Answer = Pin<Box<dyn Future<Output = Result<Value, Failure>>>>;
type Handler = dyn Fn(Call) -> Answer;
/// Whether it takes what one task asks for.
type Taker = dyn Fn(&TaskCx) -> bool;

/// One call of an action, as its handler takes it.
pub struct Call {
    /// The hands of the task that asked.
    pub cx: TaskCx,
    /// Who asked.
    pub caller: Caller,
    /// What was given; it fits the schema.
    pub input: Value,
}

/// An action.
#[derive(Clone)]
pub struct Action {
    pub(super) name: Arc<str>,
    pub(super) about: String,
    pub(super) input: Schema,
    pub(super) needs: Option<Arc<str>>,
    pub(super) handler: Rc<Handler>,
    pub(super) present: Option<Rc<dyn Fn() -> bool>>,
    takes: Option<Rc<Taker>>,
}

impl Action {
    /// An action of this name. It is done by `handler`, an async function of a [`Call`]; it takes anything, and anybody may ask for it.
    pub fn new<F, Fut>(name: &str, handler: F) -> Action
    where
        F: Fn(Call) -> Fut + 'static,
        Fut: Future<Output = Result<Value, Failure>> + 'static,
    {
        Action {
            name: name.into(),
            about: String::new(),
            input: Schema::Any,
            needs: None,
            handler: Rc::new(move |call| Box::pin(handler(call))),
            present: None,
            takes: None,
        }
    }

    /// What it does, in a sentence.
    #[must_use]
    pub fn about(mut self, about: &str) -> Action {
        self.about = about.into();
        self
    }

    /// What it takes: other input does not reach the handler.
    #[must_use]
    pub fn input(mut self, schema: Schema) -> Action {
        self.input = schema;
        self
    }

    /// What a caller must be entitled to.
    #[must_use]
    pub fn needs(mut self, entitlement: &str) -> Action {
        self.needs = Some(entitlement.into());
        self
    }

    /// It is there while this holds: before and after, nobody can see or run it.
    #[must_use]
    pub fn present_while(mut self, holds: impl Fn() -> bool + 'static) -> Action {
        self.present = Some(Rc::new(holds));
        self
    }

    /// It takes new work of a task while this holds: after that a call is refused as one that came too late.
    #[must_use]
    pub fn taken_while(mut self, holds: impl Fn(&TaskCx) -> bool + 'static) -> Action {
        self.takes = Some(Rc::new(holds));
        self
    }

    pub(super) fn takes_work(&self, of: &TaskCx) -> bool {
        self.takes.as_ref().is_none_or(|holds| holds(of))
    }

    pub(super) fn is_present(&self) -> bool {
        self.present.as_ref().is_none_or(|holds| holds())
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Action { name, about, input, needs, .. } = self;
        f.debug_struct("Action")
            .field("name", name)
            .field("about", about)
            .field("input", input)
            .field("needs", needs)
            .finish_non_exhaustive()
    }
}

/// Who asks for an action, and what it is entitled to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    name: Arc<str>,
    entitled: Entitled,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Entitled {
    ToAll,
    To(BTreeSet<Arc<str>>),
}

impl Caller {
    /// Somebody who is entitled to nothing.
    pub fn new(name: &str) -> Caller {
        Caller { name: name.into(), entitled: Entitled::To(BTreeSet::new()) }
    }

    /// The program itself, which is entitled to everything.
    pub fn program() -> Caller {
        Caller { name: "the program".into(), entitled: Entitled::ToAll }
    }

    /// The same, entitled to this too.
    #[must_use]
    pub fn entitled_to(mut self, what: &str) -> Caller {
        match &mut self.entitled {
            Entitled::ToAll => {}
            Entitled::To(some) => {
                some.insert(what.into());
            }
        }
        self
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Whether it is entitled to this.
    pub fn has(&self, what: &str) -> bool {
        match &self.entitled {
            Entitled::ToAll => true,
            Entitled::To(some) => some.contains(what),
        }
    }
}
