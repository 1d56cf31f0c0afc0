//! Bytes of one record → a [`KernelEvent`]. The layout is `bpf/record.h`; nothing of it is trusted.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use crate::event::{
    Action, Address, Call, Caller, Capabilities, Child, Endpoint, Execution, File, Inside, KernelEvent,
    Message, Named, Namespaces, Object, Socket, SystemCall,
};
use crate::interest::Kind;
use crate::limits::{FIELDS_MAX, RECORD_BYTES_MAX};

const VERSION: u16 = 2;
const UNKNOWN_ID: u32 = u32::MAX;

/// Why bytes are not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Shorter than what it says or needs.
    #[error("record ends early")]
    Short,
    /// More than a record can be.
    #[error("record is longer than any that is written")]
    Long,
    /// Of another sensor.
    #[error("record has version {0}")]
    Version(u16),
    /// No such kind.
    #[error("record is of kind {0}, which does not exist")]
    Kind(u16),
    /// More fields than any record has.
    #[error("record has too many fields")]
    TooManyFields,
}

/// Reads one record.
///
/// # Errors
/// When the bytes are not a record of this version. Fields that are not known are passed over.
pub fn decode(record: &[u8]) -> Result<KernelEvent, DecodeError> {
    decode_marked(record).map(|(event, _)| event)
}

/// The same, with the number that stands above the flags.
pub(crate) fn decode_marked(record: &[u8]) -> Result<(KernelEvent, u16), DecodeError> {
    if record.len() > RECORD_BYTES_MAX {
        return Err(DecodeError::Long);
    }
    let size = usize::try_from(Bytes(record).u32()?).map_err(|_| DecodeError::Long)?;
    let mut bytes = Bytes(record.get(4..size).ok_or(DecodeError::Short)?);
    let version = bytes.u16()?;
    if version != VERSION {
        return Err(DecodeError::Version(version));
    }
    let number = bytes.u16()?;
    let kind = Kind::of_number(number).ok_or(DecodeError::Kind(number))?;
    let boot_ns = bytes.u64()?;
    let (caller, facts) = read_header(&mut bytes)?;
    let fields = Fields::read(bytes)?;
    let is_cut = facts.flags & 1 != 0 || fields.is_cut;
    let mark = (facts.flags >> 16) as u16;
    let event = KernelEvent { boot_ns, cpu: facts.cpu, caller, action: action(kind, &facts, fields), is_cut };
    Ok((event, mark))
}

/// What the header has beside the caller.
struct Facts {
    result: i64,
    arguments: [u64; 6],
    flags: u32,
    cpu: u32,
}

fn read_header(bytes: &mut Bytes<'_>) -> Result<(Caller, Facts), DecodeError> {
    let start_boot_ns = bytes.u64()?;
    let parent_start_boot_ns = bytes.u64()?;
    let cgroup_id = bytes.u64()?;
    let capabilities =
        Capabilities { inheritable: bytes.u64()?, permitted: bytes.u64()?, effective: bytes.u64()? };
    let network = bytes.u64()?;
    let result = bytes.i64()?;
    let mut arguments = [0; 6];
    for argument in &mut arguments {
        *argument = bytes.u64()?;
    }
    let (thread, process, parent) = (bytes.u32()?, bytes.u32()?, bytes.u32()?);
    let (process_group, session) = (bytes.u32()?, bytes.u32()?);
    let inside = Inside {
        thread: bytes.u32()?,
        process: bytes.u32()?,
        process_group: bytes.u32()?,
        session: bytes.u32()?,
    };
    let (uid, gid, effective_uid, effective_gid) = (bytes.u32()?, bytes.u32()?, bytes.u32()?, bytes.u32()?);
    let (login_uid, audit_session) = (bytes.u32()?, bytes.u32()?);
    let namespaces = bytes.namespaces()?;
    let (terminal, flags, cpu) = (bytes.u32()?, bytes.u32()?, bytes.u32()?);
    let command = bytes.take::<16>()?;
    let command = command.split(|byte| *byte == 0).next().unwrap_or_default();
    let caller = Caller {
        thread,
        process,
        start_boot_ns,
        parent,
        parent_start_boot_ns,
        process_group,
        session,
        inside,
        uid,
        gid,
        effective_uid,
        effective_gid,
        login_uid: (login_uid != UNKNOWN_ID).then_some(login_uid),
        audit_session: (audit_session != UNKNOWN_ID).then_some(audit_session),
        capabilities,
        namespaces,
        network,
        cgroup_id,
        terminal: (terminal != 0).then_some(terminal),
        command: OsString::from_vec(command.to_vec()),
    };
    Ok((caller, Facts { result, arguments, flags, cpu }))
}

fn action(kind: Kind, facts: &Facts, fields: Fields) -> Action {
    let first = facts.arguments[0];
    match kind {
        Kind::Executed => Action::Executed(Box::new(Execution {
            file: fields.object.and_then(Object::into_file),
            name: fields.interpreted,
            arguments: fields.arguments,
            environment: fields.environment,
            working_directory: fields.working_directory,
            cgroup: fields.cgroup,
        })),
        Kind::Forked => {
            let child = fields.child.unwrap_or(Child {
                process: 0,
                process_inside: 0,
                start_boot_ns: 0,
                namespaces: Namespaces { mount: 0, pid: 0, user: 0, network: 0 },
                cgroup: PathBuf::new(),
            });
            Action::Forked(Child { cgroup: fields.cgroup, ..child })
        }
        Kind::Exited => Action::Exited { status: i32::try_from(facts.result).unwrap_or(i32::MAX) },
        Kind::CgroupMade => Action::CgroupMade { id: first, path: fields.cgroup },
        Kind::CgroupRemoved => Action::CgroupRemoved { id: first, path: fields.cgroup },
        Kind::Submitted => {
            Action::Submitted { operation: u8::try_from(first).unwrap_or(u8::MAX), object: fields.object }
        }
        Kind::Asked => Action::Asked(Box::new(message(facts, fields))),
        Kind::Answered => Action::Answered(Box::new(message(facts, fields))),
        Kind::Called(system_call) => Action::Called(Box::new(call(system_call, facts, fields))),
    }
}

fn call(system_call: SystemCall, facts: &Facts, fields: Fields) -> Call {
    Call {
        system_call,
        result: facts.result,
        arguments: facts.arguments,
        object: fields.object,
        names: fields.names,
        address: fields.address,
        data: fields.data,
    }
}

fn message(facts: &Facts, fields: Fields) -> Message {
    let [cookie, whole_bytes, segments, ..] = facts.arguments;
    let nothing =
        Socket { family: 0, kind: 0, protocol: 0, state: 0, local: None, remote: None, unix_name: None };
    let socket = fields.object.and_then(Object::into_socket).unwrap_or(nothing);
    Message { cookie, socket, data: fields.data, whole_bytes, has_more: segments > 1 }
}

impl Object {
    fn into_socket(self) -> Option<Socket> {
        match self {
            Self::Socket(socket) => Some(socket),
            Self::File(_) => None,
        }
    }

    fn into_file(self) -> Option<File> {
        match self {
            Self::File(file) => Some(file),
            Self::Socket(_) => None,
        }
    }
}

/// The fields of a record by their tags.
#[derive(Default)]
struct Fields {
    object: Option<Object>,
    directory: Option<PathBuf>,
    names: Vec<Named>,
    address: Option<Address>,
    data: Vec<u8>,
    arguments: Vec<OsString>,
    environment: Vec<OsString>,
    cgroup: PathBuf,
    child: Option<Child>,
    working_directory: PathBuf,
    interpreted: PathBuf,
    is_cut: bool,
}

impl Fields {
    fn read(mut bytes: Bytes<'_>) -> Result<Self, DecodeError> {
        let mut fields = Self::default();
        for _ in 0..FIELDS_MAX {
            if bytes.0.is_empty() {
                return Ok(fields);
            }
            let (tag, length) = (bytes.u16()?, bytes.u16()?);
            let content = bytes.slice(usize::from(length))?;
            fields.add(tag, content)?;
        }
        Err(DecodeError::TooManyFields)
    }

    fn add(&mut self, tag: u16, content: &[u8]) -> Result<(), DecodeError> {
        match tag {
            1 => {
                let file = read_file(Bytes(content))?;
                self.is_cut |= file.is_path_cut;
                self.object = Some(Object::File(file));
            }
            2 => self.directory = Some(path_of(content, Root::Reached)),
            3 => self.names.push(Named { directory: self.directory.take(), name: path(content) }),
            4 => self.object = Some(Object::Socket(read_socket(Bytes(content))?)),
            5 => self.address = address(content),
            6 => self.data = content.to_vec(),
            7 => self.arguments = strings(content),
            8 => self.environment = strings(content),
            9 => self.cgroup = path_of(content, Root::Reached),
            10 => self.child = Some(read_child(Bytes(content))?),
            11 => self.working_directory = path_of(content, Root::Reached),
            12 => self.interpreted = path(content),
            _ => {}
        }
        Ok(())
    }
}

fn read_file(mut bytes: Bytes<'_>) -> Result<File, DecodeError> {
    let inode = bytes.u64()?;
    let size_bytes = u64::try_from(bytes.i64()?).unwrap_or(0);
    let (modified_s, changed_s) = (bytes.i64()?, bytes.i64()?);
    let (modified_ns, changed_ns) = (bytes.u32()?, bytes.u32()?);
    let (device, file_system, mode) = (bytes.u32()?, bytes.u32()?, bytes.u32()?);
    let (uid, gid, links) = (bytes.u32()?, bytes.u32()?, bytes.u32()?);
    let (open_flags, open_mode, flags, _reserved) = (bytes.u32()?, bytes.u32()?, bytes.u32()?, bytes.u32()?);
    let has = |flag: u32| flags & flag != 0;
    let root = if has(8 | 16) { Root::NotReached } else { Root::Reached };
    Ok(File {
        path: path_of(bytes.0, root),
        inode,
        device,
        file_system,
        mode,
        uid,
        gid,
        links,
        size_bytes,
        modified_ns: nanoseconds(modified_s, modified_ns),
        changed_ns: nanoseconds(changed_s, changed_ns),
        open_flags,
        is_read: open_mode & 1 != 0,
        is_written: open_mode & 2 != 0,
        is_created: open_mode & (1 << 20) != 0,
        is_on_overlay: has(1),
        is_in_upper_layer: has(2),
        is_deleted: has(4),
        is_path_cut: has(16),
    })
}

fn nanoseconds(seconds: i64, rest: u32) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(rest))
}

fn read_socket(mut bytes: Bytes<'_>) -> Result<Socket, DecodeError> {
    let (family, kind, protocol, state) = (bytes.u16()?, bytes.u16()?, bytes.u16()?, bytes.u16()?);
    let (local_port, remote_port) = (bytes.u16()?, bytes.u16()?);
    let (local, remote) = (bytes.take::<16>()?, bytes.take::<16>()?);
    let endpoint = |raw: [u8; 16], port: u16| {
        let address = match i32::from(family) {
            libc::AF_INET => IpAddr::V4(Ipv4Addr::new(raw[0], raw[1], raw[2], raw[3])),
            libc::AF_INET6 => IpAddr::V6(Ipv6Addr::from(raw)),
            _ => return None,
        };
        Some(Endpoint { address, port })
    };
    let is_unix = i32::from(family) == libc::AF_UNIX;
    Ok(Socket {
        family,
        kind,
        protocol,
        state,
        local: endpoint(local, local_port),
        remote: endpoint(remote, remote_port)
            .filter(|remote| remote.port != 0 || !remote.address.is_unspecified()),
        unix_name: (is_unix && !bytes.0.is_empty()).then(|| unix_name(bytes.0)),
    })
}

/// A name that begins with a zero byte is abstract and may hold more of them; any other ends at the first.
fn unix_name(bytes: &[u8]) -> OsString {
    let end = match bytes.first() {
        Some(0) | None => bytes.len(),
        Some(_) => bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()),
    };
    OsString::from_vec(bytes[..end].to_vec())
}

/// `struct sockaddr`: a family in the machine's order, what follows in the network's.
fn address(bytes: &[u8]) -> Option<Address> {
    let (family, rest) = bytes.split_first_chunk::<2>()?;
    let family = u16::from_ne_bytes(*family);
    let known = match i32::from(family) {
        libc::AF_INET => internet::<4>(rest, 2).map(|(port, raw)| (port, IpAddr::from(raw))),
        // Between port and address stands the flow label.
        libc::AF_INET6 => internet::<16>(rest, 6).map(|(port, raw)| (port, IpAddr::from(raw))),
        libc::AF_UNIX => return Some(Address::Unix(unix_name(rest))),
        _ => None,
    };
    Some(match known {
        Some((port, address)) => Address::Internet(Endpoint { address, port }),
        None => Address::Other { family, bytes: rest.to_vec() },
    })
}

/// A port, and the address that begins at `at`.
fn internet<const N: usize>(rest: &[u8], at: usize) -> Option<(u16, [u8; N])> {
    let port = u16::from_be_bytes(*rest.first_chunk()?);
    Some((port, *rest.get(at..)?.first_chunk()?))
}

fn read_child(mut bytes: Bytes<'_>) -> Result<Child, DecodeError> {
    let start_boot_ns = bytes.u64()?;
    let (_thread, process, process_inside) = (bytes.u32()?, bytes.u32()?, bytes.u32()?);
    let namespaces = bytes.namespaces()?;
    Ok(Child { process, process_inside, start_boot_ns, namespaces, cgroup: PathBuf::new() })
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

/// Did the walk to the root of the process arrive there?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Root {
    Reached,
    NotReached,
}

/// Turns `shadow/etc/` into `/etc/shadow`.
fn path_of(bytes: &[u8], root: Root) -> PathBuf {
    let bytes = bytes.strip_suffix(b"/").unwrap_or(bytes);
    let mut path = Vec::with_capacity(bytes.len() + 1);
    for component in bytes.rsplit(|byte| *byte == b'/') {
        if root == Root::Reached || !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(component);
    }
    PathBuf::from(OsString::from_vec(path))
}

/// Strings that each end with a zero byte; the last one may have been cut.
fn strings(bytes: &[u8]) -> Vec<OsString> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    bytes.split(|byte| *byte == 0).map(|text| OsString::from_vec(text.to_vec())).collect()
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn slice(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.0.split_at_checked(length).ok_or(DecodeError::Short)?;
        self.0 = rest;
        Ok(head)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(DecodeError::Short)?;
        self.0 = rest;
        Ok(*head)
    }

    fn u16(&mut self) -> Result<u16, DecodeError> {
        self.take().map(u16::from_ne_bytes)
    }

    fn u32(&mut self) -> Result<u32, DecodeError> {
        self.take().map(u32::from_ne_bytes)
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        self.take().map(u64::from_ne_bytes)
    }

    fn i64(&mut self) -> Result<i64, DecodeError> {
        self.take().map(i64::from_ne_bytes)
    }

    fn namespaces(&mut self) -> Result<Namespaces, DecodeError> {
        Ok(Namespaces { mount: self.u32()?, pid: self.u32()?, user: self.u32()?, network: self.u32()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `struct header`.
    const HEADER_BYTES: usize = 232;

    /// A record as the kernel writes it.
    fn record(kind: u16, fields: &[(u16, &[u8])]) -> Vec<u8> {
        let mut record = vec![0; HEADER_BYTES];
        record[4..6].copy_from_slice(&VERSION.to_ne_bytes());
        record[6..8].copy_from_slice(&kind.to_ne_bytes());
        for (tag, content) in fields {
            record.extend(tag.to_ne_bytes());
            record.extend(u16::try_from(content.len()).unwrap().to_ne_bytes());
            record.extend(*content);
        }
        let size = u32::try_from(record.len()).unwrap();
        record[..4].copy_from_slice(&size.to_ne_bytes());
        record
    }

    fn openat() -> u16 {
        SystemCall::named("openat").unwrap().kind()
    }

    #[test]
    fn paths_are_turned_round() {
        let check = |bytes: &[u8], root, expected: &str| {
            assert_eq!(path_of(bytes, root), PathBuf::from(expected));
        };
        check(b"shadow/etc/", Root::Reached, "/etc/shadow");
        check(b"", Root::Reached, "/");
        check(b"memfd:x/", Root::NotReached, "memfd:x");
        check(b"/", Root::NotReached, "");
        check(b"c/b/", Root::NotReached, "b/c");
    }

    #[test]
    fn a_name_belongs_to_the_directory_before_it() {
        let fields: [(u16, &[u8]); 3] = [(2, b"etc/"), (3, b"passwd"), (3, b"/abs")];
        let Action::Called(call) = decode(&record(openat(), &fields)).unwrap().action else { panic!() };
        assert_eq!(call.names[0].path(), PathBuf::from("/etc/passwd"));
        assert_eq!(call.names[1].path(), PathBuf::from("/abs"));
    }

    #[test]
    fn addresses_are_read_by_family() {
        let check = |bytes: &[u8], expected: Option<Address>| assert_eq!(address(bytes), expected);
        let internet =
            |text: &str, port| Some(Address::Internet(Endpoint { address: text.parse().unwrap(), port }));
        check(&[2, 0, 1, 187, 10, 0, 0, 1, 0, 0], internet("10.0.0.1", 443));
        let mut v6 = vec![10, 0, 0, 53, 0, 0, 0, 0];
        v6.extend([0; 15].into_iter().chain([1]));
        check(&v6, internet("::1", 53));
        check(&[1, 0, b'/', b'x', 0, 9], Some(Address::Unix("/x".into())));
        check(&[1, 0, 0, b'x', 0], Some(Address::Unix("\0x\0".into())));
        check(&[2, 0, 1], Some(Address::Other { family: 2, bytes: vec![1] }));
        check(&[2], None);
    }

    #[test]
    fn what_is_no_record_is_refused_with_its_reason() {
        let whole = record(openat(), &[(3, b"name")]);
        for length in 0..whole.len() {
            assert_eq!(decode(&whole[..length]), Err(DecodeError::Short), "{length}");
        }
        let check = |change: &dyn Fn(&mut Vec<u8>), expected| {
            let mut record = whole.clone();
            change(&mut record);
            assert_eq!(decode(&record), Err(expected));
        };
        check(&|record| record[4] = 9, DecodeError::Version(9));
        check(&|record| record[6..8].fill(255), DecodeError::Kind(u16::MAX));
        check(&|record| record[0..4].fill(255), DecodeError::Short);
        check(&|record| record[HEADER_BYTES + 2] = 200, DecodeError::Short);
        check(&|record| record.resize(RECORD_BYTES_MAX + 1, 0), DecodeError::Long);
        let many = record(openat(), &[(99, [].as_slice()); FIELDS_MAX + 1]);
        assert_eq!(decode(&many), Err(DecodeError::TooManyFields));
    }

    proptest! {
        #[test]
        fn no_fields_make_it_panic(kind in 0..200_u16, tag in 0..16_u16, content in any::<Vec<u8>>()) {
            let _ = decode(&record(kind, &[(tag, &content), (tag, &content)]));
        }
    }
}
