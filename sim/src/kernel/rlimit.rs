//! What a process may have of the machine: RLIMIT_NPROC, NOFILE, CORE, CPU and SIGPENDING of getrlimit(2), and pids.max of control
//! groups. The errors are those that a supervisor meets on a full machine, where EAGAIN is worth another try. RLIMIT_FSIZE is not among
//! them: no script writes into a file, and what a journal meets is the fault `disk-full`.

use super::cgroup::CgroupId;
use super::process::Life;
use super::user::UserId;
use super::{HOST, INIT, Kernel};
use shakedown_core::ids::ProcId;
use shakedown_core::signal::{DefaultAction, Signal};
use shakedown_core::vocab::Errno;

/// A limit that a process has from its parent; exec keeps it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Resource {
    /// Tasks of its user, threads and zombies included (RLIMIT_NPROC): a fork beyond them fails with EAGAIN. It does not hold for root.
    Nproc,
    /// Descriptors (RLIMIT_NOFILE): a spawn by the host, which needs three pipes, fails with EMFILE.
    Nofile,
    /// Bytes of a core (RLIMIT_CORE): at 0, as at boot, none is dumped, and nobody's status says so.
    Core,
    /// Seconds of processor time (RLIMIT_CPU, the soft one): SIGXCPU then, and again after each further second.
    Cpu,
    /// The same, the hard one: KILL then.
    CpuMax,
    /// Pending signals of its user (RLIMIT_SIGPENDING): beyond them real-time signals of kill(2) no longer queue.
    Sigpending,
}

/// The limits of a process, and whose it is; `None` is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(super) struct Limits {
    pub(super) user: UserId,
    cpu: Option<u64>,
    cpu_max: Option<u64>,
    sigpending: Option<u64>,
    nproc: Option<u64>,
    nofile: Option<u64>,
    /// No core at boot: whether one may be dumped.
    core: bool,
}

impl Limits {
    /// RLIMIT_CPU, soft and hard.
    pub(super) const fn processor(&self) -> (Option<u64>, Option<u64>) {
        (self.cpu, self.cpu_max)
    }
}

/// One set of limits, shared by all who have inherited it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(super) struct LimitsId(u32);

/// Every set of limits that somebody has ever had, but for those of boot, and how many tasks there are.
#[derive(Default, Hash)]
pub(super) struct LimitTable {
    sets: Vec<Limits>,
    /// Processes, zombies and further threads, without init and the host.
    tasks: u32,
    /// Somebody has a limit on births: before that nobody asks.
    pub(super) on_births: bool,
    /// Somebody has a limit on pending signals.
    pub(super) on_signals: bool,
    /// Not everybody is of one user any more.
    pub(super) several_users: bool,
}

impl LimitTable {
    pub(super) fn reset(&mut self) {
        self.sets.clear();
        self.tasks = 0;
        (self.on_births, self.on_signals, self.several_users) = (false, false, false);
    }

    fn get(&self, id: LimitsId) -> Limits {
        (id.0 as usize).checked_sub(1).map_or(Limits::default(), |at| self.sets[at])
    }

    fn id_of(&mut self, limits: Limits) -> LimitsId {
        let at = self.sets.iter().position(|known| *known == limits).unwrap_or_else(|| {
            self.sets.push(limits);
            self.sets.len() - 1
        });
        LimitsId(at as u32 + 1)
    }
}

impl Kernel {
    /// Sets a limit of a process, for itself and for who is born of it from now on (prlimit(2)); `None` takes it away.
    pub fn set_limit(&mut self, proc: ProcId, resource: Resource, limit: Option<u64>) {
        self.change_limits(proc, |limits| match resource {
            Resource::Nproc => limits.nproc = limit,
            Resource::Nofile => limits.nofile = limit,
            Resource::Core => limits.core = limit != Some(0),
            Resource::Cpu => limits.cpu = limit,
            Resource::CpuMax => limits.cpu_max = limit,
            Resource::Sigpending => limits.sigpending = limit,
        });
        let limits = self.limits_of(proc);
        self.limits.on_births |= limits.nproc.is_some();
        self.limits.on_signals |= limits.sigpending.is_some();
        self.processor.is_limited |= limits.cpu.or(limits.cpu_max).is_some();
    }

    pub(super) fn change_limits(&mut self, proc: ProcId, change: impl FnOnce(&mut Limits)) {
        let mut limits = self.limits_of(proc);
        change(&mut limits);
        self.entry_mut(proc).inherited.limits = self.limits.id_of(limits);
    }

    pub(super) fn limits_of(&self, proc: ProcId) -> Limits {
        self.limits.get(self.entry(proc).inherited.limits)
    }

    /// Whether another instance of a real-time signal queues for a process, which its user's limit decides.
    #[inline]
    pub(super) fn queues(&self, to: ProcId, signal: Signal) -> bool {
        !self.limits.on_signals || !signal.is_real_time() || self.has_room_for_signal(to)
    }

    #[cold]
    fn has_room_for_signal(&self, to: ProcId) -> bool {
        let Some(max) = self.limits_of(to).sigpending else { return true };
        let user = self.user_of(to);
        let pending = |id: ProcId| self.entry(id).signals.pending_count() + self.entry(id).mask.own.len();
        self.tasks_of(user).map(pending).sum::<u64>() < max
    }

    /// Tasks of a user, threads and zombies included, without init and the host.
    fn tasks_of(&self, user: UserId) -> impl Iterator<Item = ProcId> {
        let all = (0..self.born as u32).map(ProcId).filter(|id| *id != INIT && *id != HOST);
        all.filter(move |id| {
            // A first thread that has ended is there until its process is reaped; a further one is gone.
            let of = self.entry(*id);
            let is_gone = matches!(of.life, Life::Reaped(_)) || (of.over && of.is_thread(*id));
            !is_gone && self.user_of(self.process_of(*id)) == user
        })
    }

    /// How many tasks there may be in a control group and below, threads and zombies included (pids.max); `None` is no limit. There may
    /// be more already, and moves into it do not fail.
    ///
    /// # Errors
    /// ENOENT for the root, and where the group was removed.
    pub fn set_pids_max(&mut self, id: CgroupId, max: Option<u32>) -> Result<(), Errno> {
        self.cgroups.existing(id)?.pids_max = max;
        self.limits.on_births = true;
        Ok(())
    }

    /// How many tasks are in a control group and below (pids.current); not kept for the root.
    pub fn cgroup_pids(&self, id: CgroupId) -> u32 {
        self.cgroups.get(id).map_or(0, |group| group.pids)
    }

    /// The number of a task that is about to be born of `parent`.
    ///
    /// # Errors
    /// EAGAIN where RLIMIT_NPROC or pids.max is reached, and where no number is free (fork(2)). As on Linux the number is spent where
    /// pids.max says no, and not where RLIMIT_NPROC does. ENOMEM after the end of the host, or of anybody's init (pid_namespaces(7)).
    #[inline]
    pub(super) fn number_for_child(&mut self, parent: ProcId) -> Result<i32, Errno> {
        if self.limits.on_births {
            self.number_within_limits(parent)
        } else {
            self.pids.allocate().ok_or(Errno::EAGAIN)
        }
    }

    #[cold]
    fn number_within_limits(&mut self, parent: ProcId) -> Result<i32, Errno> {
        if self.host_has_ended() && (parent == HOST || self.config.host_is_init) {
            return Err(Errno::ENOMEM);
        }
        let inherited = self.entry(parent).inherited;
        let limits = self.limits.get(inherited.limits);
        let tasks = match self.limits.several_users {
            // The host is of the same user as everybody.
            false => u64::from(self.limits.tasks) + 1,
            true => self.tasks_of(limits.user).count() as u64 + u64::from(self.user_of(HOST) == limits.user),
        };
        if limits.user != UserId::ROOT && limits.nproc.is_some_and(|max| tasks >= max) {
            return Err(Errno::EAGAIN);
        }
        let pid = self.pids.allocate().ok_or(Errno::EAGAIN)?;
        let mut path = self.cgroups.path(inherited.cgroup).filter_map(|id| self.cgroups.get(id));
        if path.any(|group| group.pids_max.is_some_and(|max| group.pids >= max)) {
            return Err(Errno::EAGAIN);
        }
        Ok(pid)
    }

    /// Whether the host can open the three pipes of a spawn, both ends of each (pipe(2)).
    ///
    /// # Errors
    /// EMFILE.
    #[inline]
    pub(super) fn room_for_pipes(&self) -> Result<(), Errno> {
        if self.limits.sets.is_empty() {
            return Ok(());
        }
        let limits = self.entry(HOST).inherited.limits;
        match self.limits.get(limits).nofile {
            Some(max) if u64::from(STANDARD + self.units.open_host_ends() + PIPES) > max => Err(Errno::EMFILE),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether this signal's default action dumps a core of the process.
    #[inline]
    pub(super) fn dumps_core(&self, process: ProcId, signal: Signal) -> bool {
        !self.limits.sets.is_empty()
            && signal.default_action() == DefaultAction::Core
            && self.limits.get(self.entry(process).inherited.limits).core
    }

    /// A task was born into this process, or with it.
    #[inline]
    pub(super) fn count_task(&mut self, process: ProcId) {
        self.limits.tasks += 1;
        if !self.cgroups.is_empty() {
            let cgroup = self.entry(process).inherited.cgroup;
            self.cgroups.upwards(cgroup, |group| group.pids += 1);
        }
    }

    /// A further thread has ended, or a zombie was reaped.
    #[inline]
    pub(super) fn discount_task(&mut self, process: ProcId) {
        self.limits.tasks -= 1;
        if !self.cgroups.is_empty() {
            let cgroup = self.entry(process).inherited.cgroup;
            self.cgroups.upwards(cgroup, |group| group.pids -= 1);
        }
    }
}

/// Descriptors that the host has before it starts anything.
const STANDARD: u32 = 3;
/// Descriptors that three pipes take, until the child's ends are closed.
const PIPES: u32 = 6;

#[cfg(test)]
mod tests {
    use super::super::KernelConfig;
    use super::super::check::{Check, U, play, play_block, play_with, signalled};
    use super::*;
    use shakedown_core::ids::UnitId;
    use shakedown_core::puppet::Verb;
    use shakedown_core::vocab::{ExitStatus, Scope, SpawnFailure, Truth};

    fn spawn(check: &mut Check, unit: u32, scope: Scope) -> Result<(), SpawnFailure> {
        let spawned = check.spawn(UnitId(unit), scope, "hang").map(drop);
        check.settle();
        spawned
    }

    const fn refused(errno: Errno) -> Result<(), SpawnFailure> {
        Err(SpawnFailure { errno, at_exec: false })
    }

    /// SEMANTICS C2, C32: a fork of a script has no child, one of the host fails; zombies and threads count until they are gone.
    /// Probed but for the threads.
    #[test]
    fn nproc_counts_zombies_and_threads_of_the_user() {
        for (script, born) in [
            ("repeat 9 { spawn a { exit 0 } }", 3),
            ("thread { leader-exit }; sleep 1ms; repeat 9 { spawn a { hang } }", 3),
            ("thread { hang }; sleep 1ms; repeat 9 { spawn a { hang } }", 2),
        ] {
            let mut check = play(&format!("sleep 1ms; {script}; print done; read eof"));
            check.settle().kernel.set_limit(HOST, Resource::Nproc, Some(5));
            check.kernel.set_limit(check.find("w/main"), Resource::Nproc, Some(5));
            check.pass(9);
            assert_eq!(check.stdout(), "done\n", "the script goes on without the children");
            assert_eq!(
                check.count(|deed| matches!(deed, shakedown_core::vocab::Deed::Born { .. })),
                1 + born,
                "{script}"
            );
            assert_eq!(spawn(&mut check, 1, Scope::Group), refused(Errno::EAGAIN));
            check.kernel.close_input(U);
            check.settle().kernel.reap(U);
            check.kernel.reap_adopted();
            assert_eq!(spawn(&mut check, 1, Scope::Group), Ok(()));
        }
    }

    /// SEMANTICS C32: inherited at fork, and so not by those who were born before.
    #[test]
    fn a_limit_is_inherited_by_those_who_are_born_later() {
        let mut check = play(
            "spawn early { sleep 5ms; spawn x { hang }; hang }; sleep 2ms; spawn late { sleep 5ms; spawn y { hang }; hang }; hang",
        );
        check.pass(1);
        check.kernel.set_limit(check.find("w/main"), Resource::Nproc, Some(4));
        check.pass(20);
        let mut names = Vec::new();
        check.kernel.every(&mut |view| names.push(view.name.to_string()));
        assert_eq!(names, ["w/main", "w/early", "w/late", "w/x"], "early is not limited, late is");
    }

    /// SEMANTICS C2, C32, pipe(2): 3 descriptors, and 3 for each unit of which nothing is closed. Probed with pipes alone.
    #[test]
    fn a_spawn_needs_room_for_three_pipes() {
        let mut check = play("hang");
        check.kernel.set_limit(HOST, Resource::Nofile, Some(15));
        assert_eq!(spawn(&mut check, 1, Scope::Group), Ok(()));
        assert_eq!(spawn(&mut check, 2, Scope::Group), Ok(()), "12 and 3 of 15");
        assert_eq!(spawn(&mut check, 3, Scope::Group), refused(Errno::EMFILE));
        let pid = check.pid("v/main");
        for stream in shakedown_core::vocab::Stream::BOTH {
            check.kernel.close_output(U, stream);
            check.kernel.close_output(UnitId(1), stream);
        }
        assert_eq!(spawn(&mut check, 3, Scope::Group), Ok(()));
        assert_eq!(check.pid("v/main"), pid + 1, "no number was spent on the failure");
    }

    /// SEMANTICS C29, C2, cgroup-v2.rst.
    #[test]
    fn pids_max_holds_for_all_below_and_counts_zombies() {
        let script = "sleep 1ms; repeat 9 { spawn a { exit 0 } }; sleep 1ms; wait a; spawn b { hang }; hang";
        let mut check = play_with(KernelConfig::DEFAULT, Scope::Cgroup, script);
        let id = check.settle().kernel.cgroup_of_unit(U).expect("its scope is one");
        let below = check.kernel.create_cgroup(id).expect("it exists");
        check.kernel.move_to_cgroup(check.find("w/main"), below).expect("both exist");
        check.kernel.set_pids_max(id, Some(4)).expect("it exists");
        check.pass(1);
        assert_eq!(check.count(|deed| matches!(deed, shakedown_core::vocab::Deed::Born { .. })), 4);
        assert_eq!([id, below].map(|id| check.kernel.cgroup_pids(id)), [4, 4], "three of them are zombies");
        let spent = check.pid("w/a");
        check.pass(1);
        assert_eq!(check.pid("w/b"), spent + 7, "six forks have failed, and each has spent a number");
        check.kernel.kill_cgroup(id).expect("it exists");
        check.settle().kernel.reap(U);
        check.kernel.reap_adopted();
        assert_eq!(check.kernel.cgroup_pids(id), 0);
    }

    /// A move is not held back, and the host's own group holds for its units' groups below.
    #[test]
    fn a_group_that_is_over_its_limit_has_no_further_births() {
        let mut check = play("hang");
        let id = check.kernel.create_cgroup(CgroupId::ROOT).expect("the root exists");
        check.kernel.set_pids_max(id, Some(1)).expect("it exists");
        check.kernel.move_to_cgroup(HOST, id).expect("both exist");
        check.kernel.move_to_cgroup(check.find("w/main"), id).expect("both exist");
        assert_eq!(check.kernel.cgroup_pids(id), 2);
        for (unit, scope) in [(1, Scope::Group), (2, Scope::Cgroup)] {
            assert_eq!(spawn(&mut check, unit, scope), refused(Errno::EAGAIN));
        }
        check.kernel.set_pids_max(id, None).expect("it exists");
        assert_eq!(spawn(&mut check, 3, Scope::Cgroup), Ok(()));
        assert_eq!(check.kernel.set_pids_max(CgroupId::ROOT, None), Err(Errno::ENOENT));
    }

    /// SEMANTICS C32, C17: what is pending of all kinds counts, and a standard signal is never refused. Probed.
    #[test]
    fn beyond_its_users_pending_signals_real_time_ones_coalesce() {
        let real_time = Signal::from_number(35).expect("there are 64");
        for (before, queued) in [(&[][..], 3), (&[Signal::USR1, Signal::USR2], 1), (&[Signal::USR1; 9], 2)] {
            let blocked = [Signal::USR1, Signal::USR2, real_time].map(Verb::Block);
            let script = blocked.into_iter().chain([Verb::Hang]).collect();
            let mut check = play_block(KernelConfig::default(), Scope::Group, script);
            let main = check.settle().find("w/main");
            check.kernel.set_limit(main, Resource::Sigpending, Some(3));
            for signal in before.iter().copied().chain([real_time; 6]) {
                check.kill("w/main", signal);
            }
            let mut kinds = before.to_vec();
            kinds.dedup();
            let pending = check.kernel.entry(main).signals.pending_count();
            assert_eq!(pending, kinds.len() as u64 + queued, "{before:?}");
        }
    }

    /// SEMANTICS C6, C32. Probed.
    #[test]
    fn a_status_tells_of_a_core_only_where_one_may_be_dumped() {
        for (limit, signal, core) in [
            (None, Signal::QUIT, true),
            (Some(4096), Signal::SEGV, true),
            (Some(0), Signal::QUIT, false),
            (None, Signal::KILL, false),
            (None, Signal::TERM, false),
        ] {
            let mut check = play("hang");
            check.settle();
            check.kernel.set_limit(check.find("w/main"), Resource::Core, limit);
            check.kill("w/main", signal);
            assert_eq!(check.status("w/main"), Some(ExitStatus::Signalled { signal, core }), "{limit:?}");
        }
        assert_eq!(play("die QUIT").settle().status("w/main"), signalled(Signal::QUIT), "none at boot");
    }
}
