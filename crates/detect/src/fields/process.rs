//! Fields of who did it: `proc.*`, `thread.*`, `user.*`, `group.*`.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other fields are in the other files of this directory"
)]

use seawall_event::{Event, Leader, Process};

use super::{Argument, Field, FieldId};
use crate::value::{AncestorText, Value};

#[inline]
pub(super) fn value<'e>(field: &'e Field, event: &'e Event) -> Value<'e> {
    let Some(process) = event.process.as_deref() else { return Value::Absent };
    match field.id {
        FieldId::ProcName => Value::text(process.name.as_deref()),
        FieldId::ProcExe => Value::text(process.exe.as_deref()),
        FieldId::ProcExePath => Value::text(process.exe_path.as_deref()),
        FieldId::ProcArgs => Value::text(process.args_line()),
        FieldId::ProcCmdLine => Value::text(process.command_line()),
        FieldId::ProcExeLine => Value::text(process.exe_line()),
        FieldId::ProcCwd => Value::text(process.cwd.as_deref()),
        FieldId::ProcTty => Value::number(process.tty.map(i64::from)),
        FieldId::ProcEnv => environment(field, process),
        FieldId::ProcAname => ancestors(field, process, AncestorText::Name),
        FieldId::ProcAexe => ancestors(field, process, AncestorText::Exe),
        FieldId::ProcAexePath => ancestors(field, process, AncestorText::ExePath),
        FieldId::ProcAcmdLine => ancestors(field, process, AncestorText::CommandLine),
        FieldId::ProcAenv => ancestors(field, process, AncestorText::Environment),
        FieldId::ProcPid => Value::number(process.pid),
        FieldId::ProcVpid => Value::number(process.vpid),
        FieldId::ProcPgid => Value::number(process.pgid),
        FieldId::ProcVpgid => Value::number(process.vpgid),
        FieldId::ProcSid => Value::number(process.sid),
        FieldId::ProcApid => match field.argument {
            Argument::Index(steps) => Value::number(process.ancestor(steps).and_then(|up| up.pid)),
            Argument::None | Argument::Key(_) | Argument::Of(_) => {
                Value::number(parent(process).and_then(|up| up.pid))
            }
        },
        FieldId::ProcPname => Value::text(parent(process).and_then(|up| up.name.as_deref())),
        FieldId::ProcPexe => Value::text(parent(process).and_then(|up| up.exe.as_deref())),
        FieldId::ProcPexePath => Value::text(parent(process).and_then(|up| up.exe_path.as_deref())),
        FieldId::ProcPcmdLine => Value::text(parent(process).and_then(Process::command_line)),
        FieldId::ProcPpid => Value::number(parent(process).and_then(|up| up.pid)),
        FieldId::ProcPvpid => Value::number(parent(process).and_then(|up| up.vpid)),
        FieldId::ProcPpidTs => Value::unsigned(parent(process).and_then(|up| up.start_ns)),
        FieldId::ProcPpidDuration => since(event, parent(process).and_then(|up| up.start_ns)),
        FieldId::ProcPidTs => Value::unsigned(process.start_ns),
        FieldId::ProcDuration => since(event, process.start_ns),
        FieldId::ProcPidnsInitStart => Value::unsigned(process.pid_namespace_start_ns),
        FieldId::ProcSname => of_leader(process.session.as_ref(), |leader| &leader.name),
        FieldId::ProcSidExe => of_leader(process.session.as_ref(), |leader| &leader.exe),
        FieldId::ProcSidExePath => of_leader(process.session.as_ref(), |leader| &leader.exe_path),
        FieldId::ProcVpgidName => of_leader(process.process_group.as_ref(), |leader| &leader.name),
        FieldId::ProcVpgidExe => of_leader(process.process_group.as_ref(), |leader| &leader.exe),
        FieldId::ProcVpgidExePath => of_leader(process.process_group.as_ref(), |leader| &leader.exe_path),
        FieldId::ProcIsVpgidLeader => same(process.vpgid, process.vpid),
        FieldId::ProcIsPgidLeader => same(process.pgid, process.pid),
        FieldId::ProcIsSidLeader => same(process.sid, process.vpid),
        FieldId::ProcCmdNargs => Value::unsigned(process.args.as_ref().map(|args| args.len() as u64)),
        FieldId::ProcCmdLenArgs => {
            let length = |args: &Vec<String>| args.iter().map(|arg| arg.len() as u64).sum();
            Value::unsigned(process.args.as_ref().map(length))
        }
        id => of_file_or_user(id, process),
    }
}

fn of_file_or_user(id: FieldId, process: &Process) -> Value<'_> {
    let file = process.exe_file.as_ref();
    let changed = file.and_then(|file| file.changed_ns);
    match id {
        FieldId::ProcIsExeWritable => Value::bool(file.and_then(|file| file.is_writable)),
        FieldId::ProcIsExeUpperLayer => Value::bool(file.and_then(|file| file.is_upper_layer)),
        FieldId::ProcIsExeLowerLayer => Value::bool(file.and_then(|file| file.is_lower_layer)),
        FieldId::ProcIsExeFromMemfd => Value::bool(file.and_then(|file| file.is_from_memfd)),
        FieldId::ProcExeIno => Value::number(file.and_then(|file| file.inode)),
        FieldId::ProcExeInoCtime => Value::unsigned(changed),
        FieldId::ProcExeInoMtime => Value::unsigned(file.and_then(|file| file.modified_ns)),
        FieldId::ProcExeInoCtimeProc => between(changed, process.start_ns),
        FieldId::ProcExeInoCtimePidns => between(process.pid_namespace_start_ns, changed),
        FieldId::ThreadTid => Value::number(process.tid.or(process.pid)),
        FieldId::ThreadVtid => Value::number(process.vtid.or(process.vpid)),
        FieldId::ThreadIsMain => same(process.tid.or(process.pid), process.pid),
        FieldId::ThreadCapEffective => Value::text(process.effective_names()),
        FieldId::ThreadCapPermitted => Value::text(process.permitted_names()),
        FieldId::ThreadCapInheritable => Value::text(process.inheritable_names()),
        FieldId::UserUid => Value::number(process.user.as_ref().map(|user| user.uid)),
        FieldId::UserName => Value::text(process.user.as_ref().and_then(|user| user.name.as_deref())),
        FieldId::UserHome => Value::text(process.user.as_ref().and_then(|user| user.home.as_deref())),
        FieldId::UserShell => Value::text(process.user.as_ref().and_then(|user| user.shell.as_deref())),
        FieldId::UserLoginUid => Value::number(process.login.as_ref().map(|user| user.uid)),
        FieldId::UserLoginName => Value::text(process.login.as_ref().and_then(|user| user.name.as_deref())),
        FieldId::GroupGid => Value::number(process.group.as_ref().map(|group| group.gid)),
        FieldId::GroupName => Value::text(process.group.as_ref().and_then(|group| group.name.as_deref())),
        _ => Value::Absent,
    }
}

fn parent(process: &Process) -> Option<&Process> {
    process.parent.as_deref()
}

/// One ancestor, or all of them; 0 is the process itself.
fn ancestors<'e>(field: &Field, process: &'e Process, text: AncestorText) -> Value<'e> {
    match field.argument {
        Argument::Index(steps) => Value::text(process.ancestor(steps).and_then(|up| text.of(up))),
        Argument::None | Argument::Key(_) | Argument::Of(_) => {
            let is_known = process.ancestors().any(|up| text.of(up).is_some());
            if is_known { Value::Ancestors(process, text) } else { Value::Absent }
        }
    }
}

/// The whole environment, or one variable of it.
fn environment<'e>(field: &'e Field, process: &'e Process) -> Value<'e> {
    let Argument::Key(name) = &field.argument else { return Value::text(process.env_line()) };
    let variable = |line: &'e String| line.strip_prefix(name.as_ref())?.strip_prefix('=');
    Value::text(process.env.as_ref().and_then(|env| env.iter().find_map(variable)))
}

fn since<'e>(event: &Event, start_ns: Option<u64>) -> Value<'e> {
    between(start_ns, Some(event.time_ns))
}

fn between<'e>(start_ns: Option<u64>, end_ns: Option<u64>) -> Value<'e> {
    Value::unsigned(start_ns.zip(end_ns).map(|(start, end)| end.saturating_sub(start)))
}

fn same<'e>(left: Option<i64>, right: Option<i64>) -> Value<'e> {
    Value::bool(left.zip(right).map(|(left, right)| left == right))
}

fn of_leader(leader: Option<&Leader>, text: fn(&Leader) -> &Option<String>) -> Value<'_> {
    Value::text(leader.and_then(|leader| text(leader).as_deref()))
}
