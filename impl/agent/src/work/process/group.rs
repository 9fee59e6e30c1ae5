//! The processes of one command as a whole.

use tokio::process::{Child, Command};

/// Makes the command the leader of a process group of its own, where the system has such groups.
pub(super) fn lead(command: &mut Command) {
    #[cfg(unix)]
    command.process_group(0);
    #[cfg(not(unix))]
    let _ = command;
}

/// The group that a running command leads. Dropped before the command has ended, it kills them all.
pub(super) struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

impl Group {
    /// The group that `child` was started to lead.
    pub(super) fn of(child: &Child) -> Self {
        #[cfg(not(unix))]
        let _ = child;
        Self {
            #[cfg(unix)]
            leader: child
                .id()
                .and_then(|id| i32::try_from(id).ok())
                .and_then(rustix::process::Pid::from_raw),
        }
    }

    /// The command has ended by itself: nothing is killed, and its number may belong to another.
    #[cfg_attr(not(unix), expect(unused_mut, reason = "there is no group to forget"))]
    pub(super) fn ended(mut self) {
        #[cfg(unix)]
        {
            self.leader = None;
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(leader) = self.leader {
            // The only error is that no process of the group is left.
            rustix::process::kill_process_group(leader, rustix::process::Signal::KILL).ok();
        }
    }
}
