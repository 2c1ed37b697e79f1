//! Process groups and sessions: setpgid(2), setsid(2), credentials(7).
//! Membership lasts until a process is reaped, so a zombie keeps the numbers of its group and session in use.

use super::Kernel;
use super::list::Chain;
use shakedown_core::ids::ProcId;

impl Kernel {
    /// setpgid(0, 0): a group of its own. No effect for a session leader (EPERM) or where it leads a group already.
    pub(super) fn setpgid(&mut self, id: ProcId) {
        let process = self.entry(id);
        let (pid, pgid) = (process.pid, process.pgid);
        if process.sid == pid || pgid == pid {
            return;
        }
        self.leave_group(id);
        self.join_group(id, pid);
        self.lost_member(pgid);
    }

    /// setsid(2): a session and a group of its own. No effect where a group bears its number already (EPERM).
    pub(super) fn setsid(&mut self, id: ProcId) {
        let process = self.entry(id);
        let (pid, pgid, sid) = (process.pid, process.pgid, process.sid);
        if self.pids.at(pid).group.len > 0 {
            return;
        }
        self.leave_group(id);
        self.leave_session(id);
        self.join_group(id, pid);
        self.join_session(id, pid);
        self.entry_mut(id).inherited.tty = None;
        self.lost_member(pgid);
        self.lost_member(sid);
    }

    pub(super) fn join_group(&mut self, id: ProcId, pgid: i32) {
        self.entry_mut(id).pgid = pgid;
        let number = self.pids.at(pgid);
        number.group = number.group.push(&mut self.procs, Chain::Group, id);
        number.group_living += 1;
    }

    pub(super) fn join_session(&mut self, id: ProcId, sid: i32) {
        self.entry_mut(id).sid = sid;
        let number = self.pids.at(sid);
        number.session = number.session.push(&mut self.procs, Chain::Session, id);
        number.session_living += 1;
    }

    /// A living process goes elsewhere.
    fn leave_group(&mut self, id: ProcId) {
        let pgid = self.entry(id).pgid;
        let number = self.pids.at(pgid);
        number.group_living -= 1;
        number.group = number.group.remove(&mut self.procs, Chain::Group, id);
    }

    fn leave_session(&mut self, id: ProcId) {
        let sid = self.entry(id).sid;
        let number = self.pids.at(sid);
        number.session_living -= 1;
        number.session = number.session.remove(&mut self.procs, Chain::Session, id);
    }

    /// Somebody has left the group or session with this number: that may have emptied a unit's scope, and freed the number.
    fn lost_member(&mut self, number: i32) {
        if let Some(unit) = self.pids.at(number).unit {
            self.check_empty(unit);
        }
        self.pids.release(number);
    }
}

#[cfg(test)]
mod tests {
    use super::super::KernelConfig;
    use super::super::check::play_with;
    use shakedown_core::vocab::Scope;

    /// SEMANTICS C12, C13: group and session of main and of its helper, by whose pid they are.
    #[test]
    fn groups_and_sessions_are_those_of_the_man_pages() {
        for (scope, script, expected) in [
            (Scope::Group, "spawn helper { hang }; hang", ["main", "host", "main", "host"]),
            (Scope::Process, "spawn helper { hang }; hang", ["main", "host", "main", "host"]),
            (Scope::PosixSession, "spawn helper { hang }; hang", ["main", "main", "main", "main"]),
            // EPERM: a group leader cannot lead a session, and a session leader cannot change its group.
            (Scope::Group, "setsid; spawn helper { setsid; hang }; hang", ["main", "host", "helper", "helper"]),
            (Scope::PosixSession, "setpgid; spawn helper { setpgid; hang }; hang", ["main", "main", "helper", "main"]),
        ] {
            let mut check = play_with(KernelConfig::default(), scope, script);
            check.settle();
            let (main, helper) = (check.find("w/main"), check.find("w/helper"));
            let whose = |n| {
                if n == check.pid("w/main") {
                    "main"
                } else if n == check.pid("w/helper") {
                    "helper"
                } else {
                    "host"
                }
            };
            let (main, helper) = (check.kernel.entry(main), check.kernel.entry(helper));
            let found = [main.pgid, main.sid, helper.pgid, helper.sid].map(whose);
            assert_eq!(found, expected, "{scope:?} {script}");
        }
    }

    /// setsid(2) fails where a group bears the number, also when the process itself has left it.
    #[test]
    fn setpgid_twice_changes_nothing() {
        let mut check =
            play_with(KernelConfig::default(), Scope::Group, "spawn helper { setpgid; setpgid; setsid; hang }; hang");
        check.settle();
        let helper = check.kernel.entry(check.find("w/helper"));
        assert_eq!((helper.pgid, helper.sid != helper.pid), (helper.pid, true));
    }
}
