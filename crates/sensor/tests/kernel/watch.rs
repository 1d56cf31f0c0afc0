//! Watches while something is done, and gives back what was seen of it.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use seawall_sensor::{
    Action, Call, Clause, Execution, File, Interest, KernelEvent, Kind, Object, Options, Sensor, Socket,
    SystemCall,
};

/// One sensor at a time: the machine is small, and rings are large.
static ONE: Mutex<()> = Mutex::new(());

pub(crate) struct Watch {
    pub(crate) sensor: Sensor,
    _one: MutexGuard<'static, ()>,
}

impl Watch {
    /// Watches with this interest, our own process included; `None`, with a word, where it cannot be.
    #[expect(clippy::print_stderr, reason = "a test says why it looked at nothing")]
    pub(crate) fn with(interest: Interest) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: not root");
            return None;
        }
        if !std::path::Path::new("/sys/kernel/btf/vmlinux").exists() {
            eprintln!("skipped: no BTF");
            return None;
        }
        let one = ONE.lock().unwrap_or_else(|broken| broken.into_inner());
        let options = Options { interest, own_process: 0, ..Options::default() };
        Some(Self { sensor: Sensor::open(&options).unwrap(), _one: one })
    }

    pub(crate) fn of(kinds: impl IntoIterator<Item = Kind>) -> Option<Self> {
        Self::with(Interest { clauses: vec![Clause::all_of(kinds)], ..Interest::default() })
    }

    pub(crate) fn calls(names: &[&str]) -> Option<Self> {
        Self::of(names.iter().map(|name| Kind::Called(SystemCall::named(name).unwrap())))
    }

    /// Everything that is seen until nothing comes for a while.
    pub(crate) fn events(&mut self) -> Vec<KernelEvent> {
        let mut events = Vec::new();
        let end = Instant::now() + Duration::from_secs(20);
        while self.sensor.poll(Duration::from_millis(100), |event| events.push(event)).unwrap() > 0
            && Instant::now() < end
        {}
        assert_eq!(self.sensor.undecodable(), 0);
        events
    }

    /// The calls of this thread.
    pub(crate) fn own_calls(&mut self) -> Vec<Call> {
        let thread = u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
        self.events()
            .into_iter()
            .filter(|event| event.caller.thread == thread)
            .filter_map(|event| match event.action {
                Action::Called(call) => Some(*call),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn executions(&mut self) -> Vec<(KernelEvent, Execution)> {
        self.events()
            .into_iter()
            .filter_map(|event| match &event.action {
                Action::Executed(execution) => Some((event.clone(), (**execution).clone())),
                _ => None,
            })
            .collect()
    }
}

pub(crate) fn file(call: &Call) -> &File {
    match &call.object {
        Some(Object::File(file)) => file,
        other => panic!("not a file: {other:?}"),
    }
}

pub(crate) fn socket(call: &Call) -> &Socket {
    match &call.object {
        Some(Object::Socket(socket)) => socket,
        other => panic!("not a socket: {other:?}"),
    }
}
