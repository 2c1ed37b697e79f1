//! The oracles by name, and what `shakedown explain` tells about each: the promise, why it breaks in practice, what to do.
//! A failure report gives only the name; whoever meets it for the first time needs the paragraph behind it.

use core::fmt;

macro_rules! oracles {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $text:literal;)*) => {
        /// A built-in oracle. Its [`name`](OracleName::name) is the word of scenario files and reports.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum OracleName {
            $($(#[$doc])* $variant,)*
        }

        impl OracleName {
            /// Every oracle, in the order in which they are documented.
            pub const ALL: &'static [OracleName] = &[$(OracleName::$variant),*];

            /// The contract's word: `no-orphan`.
            pub const fn name(self) -> &'static str {
                match self { $(OracleName::$variant => $name,)* }
            }

            /// A paragraph for people: the promise, why it breaks in practice (with the ids of `BUGS.md`), what to do.
            pub const fn explain(self) -> &'static str {
                match self { $(OracleName::$variant => $text,)* }
            }
        }
    };
}

oracles! {
    /// Nobody outlives the worker it descends from, unless the outcome names it.
    NoOrphan = "no-orphan", "\
When a worker has ended, no process that descends from it is alive, whatever group, session or parent it has now; when the \
session has stopped or the run is over, nobody at all is. Only processes that the outcome names as survivors, or as holders of \
its output, are excepted. It breaks because a stop waits for the leader instead of for an empty scope (L37, L38), because a \
descendant called setsid or forked twice and so left the group (L42), because a supervisor died or let go of its children \
before it had told them (L71, L116), or because an init leaves with its main child (L52). Wait for the scope to be empty, keep \
the KILL armed until it is, widen `scope` to `tree` or `cgroup` where descendants leave the group, and name in the outcome \
whom you could not end.";
    /// No child of the supervisor stays unreaped.
    NoZombie = "no-zombie", "\
Every dead child of the supervisor has been reaped when the task that started it has ended, when the session has stopped, and \
when the run is over. A zombie keeps its pid and counts against the process limit. It breaks because the handle of a child was \
dropped before its end was seen (L19), because one wake-up was taken for one exit while several children had ended (L24), or \
because two reapers compete and each trusts the other (L25). Reap each child you started exactly once, by its handle; reap \
adopted descendants too where the supervisor is a subreaper.";
    /// A signal reaches only whom it was meant for.
    NoForeignSignal = "no-foreign-signal", "\
A signal that the supervisor sends for a unit reaches only processes that descend from that unit; a signal sent by a bare \
number reaches only descendants of units, and never the new holder of a number whose old holder, of another unit, was already \
reaped. It breaks because a pid or a group number is kept after its holder was reaped and is given out again (L27, L28, L30), \
because it is read back from a file after a restart (L29), because a loop kills pid after pid while they are recycled (L44), \
or because an error value such as -1 or 0 flows into kill and means everybody (L40). Signal through a pidfd or another handle \
that you own, signal before you reap, and check the identity again right before each signal.";
    /// Every incarnation ends exactly once, and so does the session.
    OneTerminalEvent = "one-terminal-event", "\
Every incarnation of a worker that was spawned has exactly one terminal fact (finished, stopped, killed or failed), and a \
session that started has exactly one `stopped`. Waiters resolve on it, restarts are decided by it, so a second one restarts \
twice and a missing one waits for ever. It breaks because two timers each believe that they own the stop (L119), because the \
process that watched is gone and nobody speaks for it (L83), because a result is dropped before its reader came (L85), or \
because an exit overtakes the start it belongs to (L81). Let one state machine own the end, and give it a terminal state also \
for what cannot be known.";
    /// Facts come in the order in which things happen.
    EventOrder = "event-order", "\
Facts of one incarnation come in the order spawn, started, ready, exited, terminal; `output-closed` or `drain-abandoned` comes \
before the terminal fact of a unit that started; nothing follows the terminal fact but a restart; the session's `stopped` is \
the last fact of all; sequence numbers grow and time does not run backwards. It breaks because an exit is told before the \
start (L81), because `started` is told after fork although exec failed (L61), because exit is taken for the end of output \
(L09, L104), or because of a clock that can be set back (L99). Tell a fact in the turn in which it becomes true, and tell exit, \
end of output and the terminal fact as three events.";
    /// A stop is over at its deadline.
    StopDeadline = "stop-deadline", "\
A stop has one absolute deadline, told with `stop-requested`. The terminal fact of the worker, or the session's `stopped`, \
comes at or before it, also when somebody cannot be killed; a later request may bring the deadline forward, nothing extends it. \
It breaks because a wait reads until end of file while a descendant holds the pipe (L01, L02, L03), because grace is checked \
only by a slow tick (L101), because units are mixed up (L102), because each step of the stop starts a clock of its own (L119), \
or because a connection never goes idle (L108). Compute every step's time from the one deadline, bound the drain, and when \
time is up end with an outcome that names who is left.";
    /// The outcome says what the kernel says.
    TruthfulOutcome = "truthful-outcome", "\
The outcome's status, and the one told with `exited`, is the kernel's status of the unit's leader; reason and state follow from \
it, from the signals that were really sent, and from when the stop was asked for; `start_failed` means that nothing was ever \
executed, and nothing else does; a named survivor is really alive. It breaks because intent overwrites the result (L75, L98), \
because a stop that gave up looks like one that succeeded (L35), because exit code 127 is taken for a failed start (L63), or \
because the status was lost and a guess put in its place (L83). Keep what was asked apart from what happened, and say \
`unknown` where you do not know.";
    /// Every byte that was written is delivered, or its loss declared.
    NoLostOutput = "no-lost-output", "\
Every byte that a unit's processes wrote to their outputs has been read and delivered as `output` facts when the terminal fact \
comes; if the drain was abandoned the outcome says so, and what had been read is delivered all the same. It breaks because exit \
is taken for the end of output while the pipe still holds bytes (L09), because one failed write ends the pump (L10), because \
the last bytes of a terminal come with an error (L15), or because lines are attributed by a pid that has gone (L104). Read \
each pipe to its end after the exit, for a bounded time, and count what you deliver.";
    /// Nothing is left running at the end.
    QuiescentEnd = "quiescent-end", "\
When the session has stopped, or the root task has returned, no task, timer or machine is left, and nobody holds the write end \
of a unit's output, unless the outcome names survivors or holders; once `stopped` is told, no timer makes time go on. What is \
left keeps a runtime, a port or a log file busy and acts on a world that believes itself at rest. It breaks because a watcher, \
a probe or an output pump was started and never joined (L05, L18), because a grandchild holds a pipe (L01), or because an \
inherited descriptor keeps a resource open (L66). Give every task an owner who awaits it, cancel probes, pumps and kill timers \
before the terminal fact, and close what you opened.";
    /// Every state has an answer for every event it can meet.
    NoUnexpected = "no-unexpected", "\
No machine meets an event that its state has no answer for. Such pairs are impossible by design, so one that occurs means \
that the design forgot a race. It breaks because a child can end before, between and after any two steps (L21, L32), because \
a wake-up can be spurious (L22), or because a second request arrives during the first (L74, L78). Match the state, then the \
event, every variant by name, and ask of each pair how it could come about.";
    /// Whoever was asked to end starts nobody any more.
    NoSpawnAfterStop = "no-spawn-after-stop", "\
Once the session is asked to stop no worker is started, and none is announced to be; a supervisor that is asked to stop starts \
none of its children; what its parent has stopped comes back only when that parent is started again itself; what a user has \
stopped is not brought back by its policy. It breaks because the timer of a restart fires while the stop is under way (L72), \
because the exit that a stop has caused looks like a failure to be mended (L75), or because a restart and a stop overtake each \
other (L77, L78). Keep what is intended apart from what has happened, let a stop cancel the restart that is on its way, and ask \
after every wait whether it is still wanted.";
    /// A worker is brought back within its budget, and not before its backoff is over.
    RestartBudget = "restart-budget", "\
Within any window of its policy a worker is brought back at most as often as its budget says, never before its backoff is over, \
and never where its policy does not provide for it; its circuit breaker has tripped exactly where the budget was used up. A \
restart counts at the end that it follows, and one that a user asked for does not count. It breaks because the count begins anew \
with each window instead of sliding (L96), because starts by hand are counted with the rest (L95), because a failed start is not \
counted and is tried again at once (L63, L96), or because the last word of the budget is overwritten (L98). Keep the instants of \
the restarts within the window, decide at the end of an incarnation, and let manual starts pass by the count.";
    /// Dependents start after what they depend on, and stop before it.
    StopOrder = "stop-order", "\
A worker is asked to stop only when everybody who depends on it, and everybody whom its `stop-after` names, is over, unless the \
plan stops all in parallel, unless it is made to end by force, or unless a user stops it alone; and a worker is spawned only when \
what its `after` names has come true. Siblings that a supervisor stops for the sake of one are held to it as well. It breaks \
because the order of the start is used for the stop, because an edge of a diamond is lost or only the first of several \
dependents is waited for, or because a dependent counts as over when it was only told to end (L91, L93). Derive both orders from \
one graph, and count down dependents at their terminal facts.";
    /// No wait is left when it is over.
    AllWaitsResolve = "all-waits-resolve", "\
When a run is over every operation that a machine has opened was answered or withdrawn; and when nothing can ever happen again \
no task is parked on an operation, a channel or a result. Whoever waits for an end gets it, also after the fact. It breaks \
because a child ends between its start and the moment at which somebody listens (L21), because a notice is given before its \
reader has come (L85), because the one who would have answered was killed (L83), or because a wait that lost its race was never \
withdrawn. Look at the state again after you have begun to listen, keep results instead of only announcing them, and withdraw \
what you no longer wait for.";
    /// A stop is never taken back.
    MonotoneStop = "monotone-stop", "\
Who was asked to end does not become ready any more in that incarnation, is not frozen, and gets no gentler signal once KILL was \
sent to all of it; a session that was asked to stop does not begin anew. It breaks because the answer to a start or to a probe \
comes during the stop and overwrites it (L110), because a reload is obeyed during a shutdown and cancels it (L74), or because a \
second stop begins the first steps again (L119). Let the state of a stop only go forward, and look at it before you act on an \
answer that was asked for earlier.";
    /// Nobody ever reads half a status.
    StatusNeverTorn = "status-never-torn", "\
Whoever reads the session's status file finds a whole one, once it was written: at every moment, and after a crash at every moment, \
whatever that loses of what was not synced. It breaks because the file is written in place, because it is renamed before its \
content is synced, or because it is removed before the new one is there; and then a reader takes what it cannot read for a session \
of which nothing runs, and leaves orphans (L113). Write beside it, sync, rename, and sync the folder.";
    /// After a crash nothing runs twice.
    RecoveryConverges = "recovery-converges", "\
When a supervisor was killed, whoever takes over starts no second copy of a worker while a process of the first one lives, however \
that was started, and whatever group, session or parent it has now. It breaks because the one that takes over knows only what it \
started itself (L116), because it takes a record for the truth that was written before, or not yet, or is spoiled (L29, L113), \
because it trusts that children die with their parent, which their own children do not (L56), or because it has asked for an end and \
does not wait for it. Look for what is left by a mark that it has inherited, end it by its identity, look again, and start only when \
nobody is found.";
    /// A log that is slow or fails stops no pump.
    SinkNeverBlocks = "sink-never-blocks", "\
While something that is written to a file takes its time, and after it has failed, output is still read: time does not pass while a \
full pipe has a writer and nobody waits to read it, unless the session's journal says `block`. It breaks because the pump itself \
writes the log and waits for it, or ends with the first write that fails, and 64 KiB later the workload freezes for ever (L10). \
Put a bounded queue between the two, drop the oldest line where it is full, count what is dropped, and try again.";
    /// No life of a worker leaves a descriptor behind.
    NoFdLeak = "no-fd-leak", "\
When a process is started again, the supervisor has no pipe of an earlier life of it open any more: what was written to it was read to \
its end, or it was closed. A pipe costs a descriptor, and whoever restarts for long enough has none left (EMFILE) for anybody. It breaks \
because the exit is waited for and nobody reads (L06), because a read that lost a race was not begun again, or because exit is taken for \
the end of output (L09). Read each pipe to its end after the exit, for a bounded time, and close it where nobody wants to know.";
}

impl OracleName {
    /// The oracle of this name, as scenario files write it.
    pub fn parse(name: &str) -> Option<OracleName> {
        Self::ALL.iter().copied().find(|o| o.name() == name)
    }
}

impl fmt::Display for OracleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_every_oracle_explains_itself() {
        for &oracle in OracleName::ALL {
            assert_eq!(OracleName::parse(oracle.name()), Some(oracle));
            let text = oracle.explain();
            assert!(text.contains("It breaks because") && text.contains("(L"), "{oracle}: {text}");
        }
        assert_eq!(OracleName::parse("no_orphan"), None);
    }
}
