//! The kernel's events → events as rules ask them: Falco's argument names, flag texts and fields.
//!
//! Owns the meaning of registers and names. Refuses processes (that is `processes`) and containers: both come in.
//! Whatever the kernel gives as text is bytes; what is no UTF-8 is replaced, so that an event is always text.

mod descriptor;
mod schema;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use seawall_event::{
    Argument, ArgumentName, ArgumentValue, Descriptor, DescriptorKind, Event, EventType, FlagKind, Process,
    open,
};
use seawall_sensor::{Address, Call, Caller, Child, File, Named, Object, SystemCall};

use schema::{Origin, Schema};

const O_PATH: u64 = 0o10_000_000;
const O_ACCMODE: u64 = 3;
const AT_FDCWD: i64 = -100;

/// The text of bytes.
pub(crate) fn text(bytes: &OsStr) -> String {
    String::from_utf8_lossy(bytes.as_bytes()).into_owned()
}

/// The type of the events of a system call. The kernel's tables have another name for `umount2`.
pub(crate) fn event_type(call: SystemCall) -> Option<EventType> {
    EventType::named(if call.name() == "umount" { "umount2" } else { call.name() })
}

/// Knows every system call's arguments.
pub(crate) struct Translator {
    known: HashMap<SystemCall, Known>,
}

#[derive(Clone, Copy)]
struct Known {
    kind: EventType,
    schema: Schema,
    /// The descriptor is the result; otherwise the register that holds it.
    descriptor: Option<u8>,
    opens: bool,
}

impl Translator {
    pub(crate) fn new() -> Self {
        let known = SystemCall::all().filter_map(|call| {
            let kind = event_type(call)?;
            let opens = kind.opens() || kind == EventType::CREAT;
            let schema = schema::of(call.name());
            Some((call, Known { kind, schema, descriptor: register_of_descriptor(call.name()), opens }))
        });
        Self { known: known.collect() }
    }

    /// A system call that returned. The event has neither number nor time nor container yet. None for a call that no
    /// rule can name.
    pub(crate) fn call(&self, caller: &Caller, process: Arc<Process>, call: Call) -> Option<Event> {
        let known = *self.known.get(&call.system_call)?;
        let number = match known.descriptor {
            None => call.result.max(-1),
            Some(register) => signed(call.arguments[usize::from(register)]),
        };
        let fd = descriptor::of_call(&call, Some(number), known.opens);
        let fd = if known.opens { Some(opened(fd, &call)) } else { fd };
        let made = Made { caller, call: &call, fd: fd.as_ref() };
        let arguments = known
            .schema
            .iter()
            .filter_map(|(name, from)| Some(Argument { name: *name, value: made.value(*from)? }));
        let arguments = arguments.collect();
        Some(Event {
            kind: known.kind,
            result: Some(call.result),
            process: Some(process),
            fd,
            arguments,
            data: (!call.data.is_empty()).then_some(call.data),
            ..Event::default()
        })
    }
}

/// A program that was started.
pub(crate) fn executed(process: Arc<Process>, caller: &Caller, cgroup: &OsStr) -> Event {
    Event {
        kind: EventType::EXECVE,
        result: Some(0),
        arguments: execution_arguments(&process, caller, cgroup),
        process: Some(process),
        ..Event::default()
    }
}

fn execution_arguments(process: &Process, caller: &Caller, cgroup: &OsStr) -> Vec<Argument> {
    let file = process.exe_file.clone().unwrap_or_default();
    let number = |number: i64| Some(ArgumentValue::Number(number));
    let nanoseconds = |time: Option<u64>| i64::try_from(time?).ok().map(ArgumentValue::Number);
    let words = |text: Option<&str>| text.map(ArgumentValue::from);
    let capabilities = |set: Option<&str>| set.map(ArgumentValue::from);
    let flags =
        [(file.is_writable, 1), (file.is_upper_layer, 2), (file.is_from_memfd, 4), (file.is_lower_layer, 8)];
    let bits = flags.iter().filter(|(is_set, _)| *is_set == Some(true)).fold(0, |bits, (_, bit)| bits | bit);
    let all = [
        (ArgumentName::Res, number(0)),
        (ArgumentName::Exe, words(process.exe.as_deref())),
        (ArgumentName::Args, words(process.args_line())),
        (ArgumentName::Tid, number(i64::from(caller.thread))),
        (ArgumentName::Pid, number(i64::from(caller.process))),
        (ArgumentName::Ptid, number(i64::from(caller.parent))),
        (ArgumentName::Cwd, words(process.cwd.as_deref())),
        (ArgumentName::Comm, words(process.name.as_deref())),
        (ArgumentName::Cgroups, (!cgroup.is_empty()).then(|| ArgumentValue::Text(text(cgroup)))),
        (ArgumentName::Env, words(process.env_line())),
        (ArgumentName::Tty, process.tty.map(|tty| ArgumentValue::Number(i64::from(tty)))),
        (ArgumentName::Vpgid, number(i64::from(caller.inside.process_group))),
        (ArgumentName::Loginuid, number(caller.login_uid.map_or(-1, i64::from))),
        (ArgumentName::Flags, Some(ArgumentValue::Flags { flags: FlagKind::Execute, bits })),
        (ArgumentName::CapInheritable, capabilities(process.inheritable_names())),
        (ArgumentName::CapPermitted, capabilities(process.permitted_names())),
        (ArgumentName::CapEffective, capabilities(process.effective_names())),
        (ArgumentName::ExeIno, file.inode.map(ArgumentValue::Number)),
        (ArgumentName::ExeInoCtime, nanoseconds(file.changed_ns)),
        (ArgumentName::ExeInoMtime, nanoseconds(file.modified_ns)),
        (ArgumentName::Uid, Some(ArgumentValue::User { uid: caller.effective_uid, name: user(process) })),
        (ArgumentName::TrustedExepath, words(process.exe_path.as_deref())),
        (ArgumentName::Pgid, number(i64::from(caller.process_group))),
        (ArgumentName::Gid, Some(ArgumentValue::User { uid: caller.effective_gid, name: group(process) })),
    ];
    all.into_iter().filter_map(|(name, value)| Some(Argument { name, value: value? })).collect()
}

fn user(process: &Process) -> Option<String> {
    process.user.as_ref().and_then(|user| user.name.clone())
}

fn group(process: &Process) -> Option<String> {
    process.group.as_ref().and_then(|group| group.name.clone())
}

/// A process that was made; rules know it as the `clone` of its parent.
pub(crate) fn forked(process: Arc<Process>, child: &Child) -> Option<Event> {
    let result = i64::from(child.process);
    Some(Event {
        kind: EventType::named("clone")?,
        result: Some(result),
        process: Some(process),
        arguments: vec![Argument { name: ArgumentName::Res, value: ArgumentValue::Number(result) }],
        ..Event::default()
    })
}

/// A process that ended.
pub(crate) fn exited(process: Arc<Process>, status: i32) -> Option<Event> {
    let status = ArgumentValue::Number(i64::from(status));
    Some(Event {
        kind: EventType::named("procexit")?,
        process: Some(process),
        arguments: vec![Argument { name: ArgumentName::Status, value: status }],
        ..Event::default()
    })
}

/// A request that went to io_uring.
pub(crate) fn submitted(process: Arc<Process>, operation: u8, object: Option<&Object>) -> Option<Event> {
    let fd = match object {
        Some(Object::File(file)) => Some(descriptor::of_file(file, None, false)),
        Some(Object::Socket(_)) | None => None,
    };
    let op = ArgumentValue::Number(i64::from(operation));
    Some(Event {
        kind: EventType::named("io_uring")?,
        process: Some(process),
        fd,
        arguments: vec![Argument { name: ArgumentName::Op, value: op }],
        ..Event::default()
    })
}

/// The socket that a message of the DNS was sent or received by.
pub(crate) fn datagram(socket: &seawall_sensor::Socket) -> Descriptor {
    descriptor::of_message(socket)
}

/// Which register has the descriptor that the event is about; none: the result.
fn register_of_descriptor(call: &str) -> Option<u8> {
    let is_result = matches!(
        call,
        "open"
            | "openat"
            | "openat2"
            | "creat"
            | "open_by_handle_at"
            | "memfd_create"
            | "socket"
            | "accept"
            | "accept4"
            | "pidfd_getfd"
            | "open_tree"
            | "fsopen"
            | "fsmount"
            | "perf_event_open"
            | "userfaultfd"
            | "io_uring_setup"
            | "bpf"
    );
    (!is_result).then_some(0)
}

/// The descriptor of an open: with the name as it was written, and of one that failed with what was asked for.
fn opened(fd: Option<Descriptor>, call: &Call) -> Descriptor {
    let named = call.names.first();
    let fd = fd.unwrap_or_else(|| Descriptor {
        number: Some(call.result.max(-1)),
        kind: Some(DescriptorKind::File),
        path: named.map(|named| whole_path(named).into_owned()),
        ..Descriptor::default()
    });
    Descriptor { raw_path: named.map(|named| text(named.name.as_os_str())), ..fd }
}

/// Where the process is after a call that has moved it.
pub(crate) fn working_directory(call: &Call) -> Option<&std::path::Path> {
    if call.result != 0 {
        return None;
    }
    match (call.system_call.name(), call.object.as_ref()) {
        ("chdir", _) => call.names.first()?.directory.as_deref(),
        ("fchdir", Some(Object::File(file))) => Some(&file.path),
        _ => None,
    }
}

/// The low half of a register, as the kernel reads a descriptor or a flag word.
fn signed(register: u64) -> i64 {
    i64::from(register as u32 as i32)
}

/// A name as a whole path without `.` and `..`, as if there were no links.
fn whole_path(named: &Named) -> Cow<'static, str> {
    Cow::Owned(normal(&text(named.path().as_os_str())))
}

/// Without `.`, `..` and doubled slashes; a slash at the end goes too.
fn normal(path: &str) -> String {
    if !path.starts_with('/') {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// What arguments are made of.
struct Made<'c> {
    caller: &'c Caller,
    call: &'c Call,
    fd: Option<&'c Descriptor>,
}

impl Made<'_> {
    fn register(&self, index: u8) -> u64 {
        self.call.arguments.get(usize::from(index)).copied().unwrap_or(0)
    }

    fn name(&self, index: u8) -> Option<&Named> {
        self.call.names.get(usize::from(index))
    }

    fn value(&self, from: Origin) -> Option<ArgumentValue> {
        let call = self.call;
        let capabilities = |set: u64| Some(ArgumentValue::Text(seawall_event::Capabilities::text(set)));
        match from {
            Origin::Result => Some(ArgumentValue::Number(call.result)),
            Origin::Descriptor => {
                let path = self.fd.and_then(Descriptor::name).map(Cow::into_owned);
                let fd = self.fd.and_then(|fd| fd.number);
                Some(ArgumentValue::Descriptor {
                    fd: fd.unwrap_or_else(|| self.number_of_descriptor()),
                    path,
                })
            }
            Origin::Number(register) => Some(ArgumentValue::Number(signed(self.register(register)))),
            Origin::Long(register) => Some(ArgumentValue::Number(self.register(register) as i64)),
            Origin::Flags(flags, register) => {
                Some(ArgumentValue::Flags { flags, bits: u64::from(self.register(register) as u32) })
            }
            Origin::OpenFlags(register) => self.open_flags(register),
            Origin::CreatFlags => {
                let bits = self.layer_bits() | open::CREAT | open::TRUNC | 1;
                Some(ArgumentValue::Flags { flags: FlagKind::Open, bits })
            }
            Origin::User(register) | Origin::Group(register) => {
                Some(ArgumentValue::User { uid: self.register(register) as u32, name: None })
            }
            Origin::Path(index) => Some(ArgumentValue::Text(whole_path(self.name(index)?).into_owned())),
            Origin::WorkingDirectory => {
                working_directory(call).map(|path| ArgumentValue::Text(text(path.as_os_str())))
            }
            Origin::Text(index) => Some(ArgumentValue::Text(text(self.name(index)?.name.as_os_str()))),
            Origin::Directory(register, name) => {
                let fd = signed(self.register(register));
                let directory = self.name(name).and_then(|named| named.directory.as_ref());
                let path = directory.filter(|_| fd != AT_FDCWD).map(|directory| text(directory.as_os_str()));
                Some(ArgumentValue::Descriptor { fd, path })
            }
            Origin::Device => Some(ArgumentValue::Number(self.fd?.device?)),
            Origin::Inode => Some(ArgumentValue::Number(self.fd?.inode?)),
            Origin::Tuple => {
                self.fd.and_then(Descriptor::name).map(|name| ArgumentValue::Text(name.into_owned()))
            }
            Origin::Address => self.address(),
            Origin::Data => (!call.data.is_empty())
                .then(|| ArgumentValue::Text(String::from_utf8_lossy(&call.data).into_owned())),
            Origin::Inheritable => capabilities(self.caller.capabilities.inheritable),
            Origin::Permitted => capabilities(self.caller.capabilities.permitted),
            Origin::Effective => capabilities(self.caller.capabilities.effective),
        }
    }

    fn number_of_descriptor(&self) -> i64 {
        match register_of_descriptor(self.call.system_call.name()) {
            Some(register) => signed(self.register(register)),
            None => self.call.result,
        }
    }

    fn address(&self) -> Option<ArgumentValue> {
        match self.call.address.as_ref()? {
            Address::Internet(endpoint) => {
                let address = descriptor::address(*endpoint);
                Some(ArgumentValue::Text(format!("{}:{}", address.ip(), address.port())))
            }
            Address::Unix(name) => Some(ArgumentValue::Text(text(name))),
            Address::Other { .. } => None,
        }
    }

    /// Flags as they were passed. With `O_PATH` the kernel ignores for what the file is opened.
    fn open_flags(&self, register: u8) -> Option<ArgumentValue> {
        let mut bits = u64::from(self.register(register) as u32);
        if bits & O_PATH != 0 {
            bits &= !(O_ACCMODE | open::CREAT | open::TRUNC);
        }
        // Those of `openat2` are what the caller says they were.
        if let Some(file) = self.file() {
            bits = bits & !O_ACCMODE | if file.is_written { 1 + u64::from(file.is_read) } else { 0 };
        }
        Some(ArgumentValue::Flags { flags: FlagKind::Open, bits: bits | self.layer_bits() })
    }

    fn file(&self) -> Option<&File> {
        match self.call.object.as_ref()? {
            Object::File(file) => Some(file),
            Object::Socket(_) => None,
        }
    }

    fn layer_bits(&self) -> u64 {
        let Some(file) = self.file() else { return 0 };
        let of_layer = match (file.is_in_upper_layer, file.is_on_overlay) {
            (true, _) => open::UPPER_LAYER,
            (false, true) => open::LOWER_LAYER,
            (false, false) => 0,
        };
        of_layer | if file.is_created { open::CREATED } else { 0 }
    }
}

#[cfg(test)]
mod tests;
