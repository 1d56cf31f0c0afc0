//! Names of users and groups by a process's own `/etc/passwd` and `/etc/group`: those of its container.
//!
//! Reads them through `/proc/PID/root`, once for each mount namespace, in a thread of its own: a container may have
//! put a file system there that never answers.

mod reader;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use seawall_event::{Group, User};

pub(crate) use reader::entry;
use reader::{Reader, Tables};

/// Mount namespaces whose tables are kept: each container has one, and so has each unit of systemd that asks for it.
/// A table of 40 users has 4 KB.
const NAMESPACES_MAX: usize = 4096;

/// How long an event waits for the names of a namespace that is new. Reading takes a tenth of a millisecond.
const WAIT_MAX: Duration = Duration::from_millis(20);

/// A table is read again when it is older: users are added to running containers.
const AGE_MAX: Duration = Duration::from_secs(30);

/// A table that does not have a user is read again when it is older than this: it may just have been added.
const AGE_MAX_OF_UNKNOWN: Duration = Duration::from_secs(1);

/// Questions that wait for the reader.
const QUEUE_MAX: usize = 64;

/// Whose tables are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Question {
    pid: u32,
    mount_namespace: u32,
}

#[derive(Debug)]
struct Kept {
    /// None where there was none to read.
    tables: Option<Arc<Tables>>,
    asked: Instant,
}

/// The names of one host's processes.
#[derive(Debug)]
pub struct Users {
    kept: HashMap<u32, Kept>,
    questions: SyncSender<Question>,
    answers: Receiver<(Question, Option<Tables>)>,
    /// Questions without an answer yet.
    waiting: usize,
}

impl Users {
    /// Names by the processes below `proc_root` (`/proc`).
    pub fn new(proc_root: &Path) -> Users {
        let (questions, asked) = sync_channel::<Question>(QUEUE_MAX);
        // As many answers as questions, so that the reader never waits for somebody who does not listen.
        let (answered, answers) = sync_channel(2 * QUEUE_MAX);
        let reader = Reader::new(proc_root);
        std::thread::spawn(move || {
            for question in asked {
                let tables = reader.read(question.pid, question.mount_namespace);
                if answered.send((question, tables)).is_err() {
                    return;
                }
            }
        });
        Users { kept: HashMap::new(), questions, answers, waiting: 0 }
    }

    /// The user of this number in the mount namespace of a process. Without a name where the process has ended before
    /// its namespace was seen, or its tables do not have it. `uid` is the host's.
    pub fn user(&mut self, pid: u32, mount_namespace: u32, uid: u32) -> User {
        let tables = self.tables(pid, mount_namespace, |tables| tables.user(uid).is_some());
        let found = tables.as_ref().and_then(|tables| tables.user(uid));
        match found {
            Some(known) => User { uid: i64::from(uid), ..known.clone() },
            None => User { uid: i64::from(uid), ..User::default() },
        }
    }

    /// The group of this number, likewise.
    pub fn group(&mut self, pid: u32, mount_namespace: u32, gid: u32) -> Group {
        let tables = self.tables(pid, mount_namespace, |tables| tables.group(gid).is_some());
        let name = tables.as_ref().and_then(|tables| tables.group(gid)).map(str::to_owned);
        Group { gid: i64::from(gid), name }
    }

    fn tables(
        &mut self,
        pid: u32,
        mount_namespace: u32,
        has: impl Fn(&Tables) -> bool,
    ) -> Option<Arc<Tables>> {
        // A dying process has left its namespaces.
        if mount_namespace == 0 {
            return None;
        }
        self.take_answers();
        let now = Instant::now();
        let kept = self.kept.get(&mount_namespace);
        let (is_old, is_new) = match kept {
            None => (true, true),
            Some(Kept { tables, asked }) => {
                let age = now.saturating_duration_since(*asked);
                let knows = tables.as_ref().is_some_and(|tables| has(tables));
                (age > if knows { AGE_MAX } else { AGE_MAX_OF_UNKNOWN }, tables.is_none())
            }
        };
        if is_old {
            self.ask(Question { pid, mount_namespace }, now);
            if is_new {
                self.wait(mount_namespace, now);
            }
        }
        self.kept.get(&mount_namespace).and_then(|kept| kept.tables.clone())
    }

    fn ask(&mut self, question: Question, now: Instant) {
        match self.questions.try_send(question) {
            Ok(()) => self.waiting += 1,
            // The reader hangs: what is known goes on being used.
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => return,
        }
        if self.kept.len() >= NAMESPACES_MAX && !self.kept.contains_key(&question.mount_namespace) {
            self.forget();
        }
        let kept = self.kept.entry(question.mount_namespace).or_insert(Kept { tables: None, asked: now });
        kept.asked = now;
    }

    /// The older half: those of processes that still run are read again.
    fn forget(&mut self) {
        let mut times: Vec<Instant> = self.kept.values().map(|kept| kept.asked).collect();
        times.sort_unstable();
        if let Some(middle) = times.get(times.len() / 2).copied() {
            self.kept.retain(|_, kept| kept.asked > middle);
        }
    }

    /// Waits for the answer, unless the reader is busy with something that takes long already.
    fn wait(&mut self, mount_namespace: u32, asked: Instant) {
        if self.waiting > 1 {
            return;
        }
        while self.waiting > 0 {
            let left = WAIT_MAX.saturating_sub(asked.elapsed());
            match self.answers.recv_timeout(left) {
                Ok(answer) => {
                    let is_this = answer.0.mount_namespace == mount_namespace;
                    self.take(answer);
                    if is_this {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn take_answers(&mut self) {
        while let Ok(answer) = self.answers.try_recv() {
            self.take(answer);
        }
    }

    fn take(&mut self, (question, tables): (Question, Option<Tables>)) {
        self.waiting -= 1;
        let Some(kept) = self.kept.get_mut(&question.mount_namespace) else { return };
        match tables {
            Some(tables) => kept.tables = Some(Arc::new(tables)),
            // The process has ended. The next one of the namespace is asked again, without delay.
            None if kept.tables.is_none() => {
                self.kept.remove(&question.mount_namespace);
            }
            None => {}
        }
    }
}
