//! The sensor: what processes do, told by the kernel itself.
//!
//! eBPF programs in C (`bpf/`) watch the exits of system calls, the scheduler, cgroups, io_uring and the DNS, and
//! deny; this crate loads them, says which events are wanted ([`Interest`]) and turns their records into [`KernelEvent`]s. It
//! trusts no pointer of a process after the fact: files are named by the kernel's own dentries, addresses
//! come from the socket, arguments from the new program's memory. What only the caller said is a [`Named`]
//! or an [`Address`] and is marked so by its type.
//!
//! Refused here: containers, images, rules, wall-clock time, and any decision but "no rule can match this" and what
//! the tables of [`Denier`] say.

mod attach;
mod denial;
mod doctor;
mod event;
mod heap;
mod interest;
mod limits;
mod record;
mod sensor;
mod syscalls;

pub use denial::{
    ContainerIs, Decision, DenialClause, Denials, Denied, Denier, Described, ExecutionDenial, Hook, OfText,
    Property, Undone,
};
pub use doctor::{Ability, Need, Report, doctor};
pub use event::{
    Action, Address, Call, Caller, Capabilities, Child, Endpoint, Execution, File, Inside, KernelEvent,
    Message, Named, Namespaces, Object, Socket, SystemCall,
};
pub use interest::{Access, Clause, Families, Interest, Kind, Naming, Outcome, Paths, Place};
pub use record::{DecodeError, decode};
pub use sensor::{Loss, OpenError, Options, PollError, Sensor};
