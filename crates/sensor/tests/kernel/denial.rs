//! What is denied does not happen, what is nearly so does.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Protocol, SendFlags, SocketFlags, SocketType, connect, sendto, socket, socket_with,
};
use seawall_sensor::{
    Action, ContainerIs, Decision, DenialClause, Denials, Denied, Denier, Described, ExecutionDenial, Hook,
    OfText, Property,
};

static ONE: Mutex<()> = Mutex::new(());

struct Denying {
    denier: Denier,
    _one: MutexGuard<'static, ()>,
}

impl Denying {
    /// `None`, with a word, where nothing can be denied.
    #[expect(clippy::print_stderr, reason = "a test says why it looked at nothing")]
    fn of(denials: &Denials) -> Option<Self> {
        if !rustix::process::geteuid().is_root() || !Path::new("/sys/kernel/btf/vmlinux").exists() {
            eprintln!("skipped: not root, or no BTF");
            return None;
        }
        let one = ONE.lock().unwrap_or_else(|broken| broken.into_inner());
        // Not this process, whose children are to be denied.
        let mut denier = Denier::open(0).unwrap();
        denier.set(denials, std::iter::empty()).unwrap();
        denier.attach(&Hook::ALL).unwrap();
        Some(Self { denier, _one: one })
    }

    /// What was denied, after it was waited for.
    fn told(&mut self, at_least: usize) -> Vec<Denied> {
        let end = Instant::now() + Duration::from_secs(5);
        let mut told = Vec::new();
        while told.len() < at_least && Instant::now() < end {
            self.denier.drain(|denied| told.push(denied));
            std::thread::sleep(Duration::from_millis(2));
        }
        told
    }
}

fn clause(must: u64, must_not: u64) -> DenialClause {
    DenialClause { must, must_not, rule: 7 }
}

fn of_execution(decision: Decision, texts: &[(&str, u64)]) -> Denials {
    let of = |(text, atoms): &(&str, u64)| {
        (text.as_bytes().to_vec(), OfText { atoms: *atoms, ..OfText::default() })
    };
    Denials {
        decisions: [decision, Decision::default(), Decision::default()],
        texts: texts.iter().map(of).collect(),
        ..Denials::default()
    }
}

/// A program of a few instructions, the first of which creates the file that is its first argument.
fn first_instruction(directory: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    // open(argv[1], O_CREAT | O_WRONLY, 0644); exit(0)
    #[cfg(target_arch = "x86_64")]
    const CODE: &[u8] = b"\x48\x8b\x7c\x24\x10\xb8\x02\0\0\0\xbe\x41\0\0\0\xba\xa4\x01\0\0\x0f\x05\xb8\x3c\0\0\0\x31\xff\x0f\x05";
    #[cfg(target_arch = "aarch64")]
    const CODE: &[u8] =
        b"\x60\x0c\x80\x92\xe1\x0b\x40\xf9\x22\x08\x80\xd2\x83\x34\x80\xd2\x08\x07\x80\xd2\x01\0\0\xd4\
        \xa8\x0b\x80\xd2\0\0\x80\xd2\x01\0\0\xd4";
    const BASE: u64 = 0x40_0000;
    const HEADERS: u64 = 64 + 56;
    let machine: u16 = if cfg!(target_arch = "x86_64") { 62 } else { 183 };
    let size = HEADERS + CODE.len() as u64;
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let halves =
        |elf: &mut Vec<u8>, words: &[u16]| words.iter().for_each(|word| elf.extend(word.to_le_bytes()));
    let words =
        |elf: &mut Vec<u8>, words: &[u32]| words.iter().for_each(|word| elf.extend(word.to_le_bytes()));
    let longs =
        |elf: &mut Vec<u8>, words: &[u64]| words.iter().for_each(|word| elf.extend(word.to_le_bytes()));
    halves(&mut elf, &[2, machine]);
    words(&mut elf, &[1]);
    longs(&mut elf, &[BASE + HEADERS, 64, 0]);
    words(&mut elf, &[0]);
    halves(&mut elf, &[64, 56, 1, 0, 0, 0]);
    words(&mut elf, &[1, 5]);
    longs(&mut elf, &[0, BASE, BASE, size, size, 0x1000]);
    elf.extend(CODE);
    let program = directory.join("first");
    std::fs::write(&program, elf).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// Whether a program runs up to its first instruction.
fn runs(denying: &Denying, program: &Path) -> bool {
    let mark = tempfile::tempdir().unwrap();
    let mark = mark.path().join("made");
    let ended = Command::new(program).arg(&mark).stdin(Stdio::null()).status();
    match (denying.denier.execution(), &ended) {
        (_, Ok(status)) if status.success() => assert!(mark.exists()),
        (ExecutionDenial::Killed, Ok(status)) => assert_eq!(status.signal(), Some(9)),
        (ExecutionDenial::Refused, Err(error)) => assert_eq!(error.kind(), ErrorKind::PermissionDenied),
        other => panic!("{other:?}"),
    }
    mark.exists()
}

#[test]
fn an_execution_is_denied_before_its_first_instruction() {
    let directory = tempfile::tempdir().unwrap();
    let program = first_instruction(directory.path());
    let at = |name: &str| directory.path().join(name);
    std::fs::create_dir(at("deep")).unwrap();
    for name in ["evil", "evil2", "good", "deep/evil", "deep/kept"] {
        std::fs::copy(&program, at(name)).unwrap();
    }
    std::os::unix::fs::symlink(at("evil"), at("link-to-evil")).unwrap();
    std::os::unix::fs::symlink(at("good"), at("link-to-good")).unwrap();
    let whole = |name: &str| format!("{}\0", at(name).display());
    let deep = format!("{}/", at("deep").display());
    let decision = Decision {
        // This path; or below that directory and not this one.
        clauses: vec![clause(1, 0), clause(2, 4)],
        of_paths: 7,
        ..Decision::default()
    };
    let texts = [(whole("evil"), 1), (deep, 2), (whole("deep/kept"), 4)];
    let texts: Vec<(&str, u64)> = texts.iter().map(|(text, atoms)| (text.as_str(), *atoms)).collect();
    let Some(mut denying) = Denying::of(&of_execution(decision, &texts)) else { return };
    for (name, expected) in [
        ("evil", false),
        ("evil2", true),
        ("good", true),
        ("deep/evil", false),
        ("deep/kept", true),
        ("link-to-evil", false),
        ("link-to-good", true),
    ] {
        assert_eq!(runs(&denying, &at(name)), expected, "{name}");
    }
    let told = denying.told(3);
    assert_eq!(told.len(), 3, "{told:?}");
    for denied in told {
        assert_eq!((denied.hook, denied.rule), (Hook::Execution, 7));
        let Action::Executed(execution) = denied.event.action else { panic!("{:?}", denied.event) };
        assert_eq!(execution.arguments.len(), 2, "{execution:?}");
        assert!(execution.arguments[1].to_str().unwrap().ends_with("/made"));
        assert!(execution.file.unwrap().path.ends_with("evil"));
    }
    let undone = denying.denier.undone();
    assert_eq!((undone.undecided, undone.untold), (0, 0));
}

fn tcp(to: &str) -> Result<TcpStream, ErrorKind> {
    TcpStream::connect(to).map_err(|error| error.kind())
}

#[test]
fn a_connection_is_denied_by_its_address_and_port_in_any_form() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let other_port = other.local_addr().unwrap().port();
    let decision = Decision {
        clauses: vec![clause(1 | 2, 0)],
        networks: vec![
            ("127.0.0.0".parse().unwrap(), 8, 1),
            ("::1".parse().unwrap(), 128, 1),
            (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1)), 32, 4),
        ],
        ports: BTreeMap::from([(port, 2)]),
        ..Decision::default()
    };
    let denials =
        Denials { decisions: [Decision::default(), decision.clone(), decision], ..Denials::default() };
    let Some(mut denying) = Denying::of(&denials) else { return };
    let refused = Err(ErrorKind::PermissionDenied);
    let check = |to: &str, port: u16| tcp(&format!("{to}:{port}")).map(|_| ());
    for to in ["127.0.0.1", "127.1.2.3", "0.0.0.0", "[::ffff:127.0.0.1]", "[::ffff:0.0.0.0]", "[::1]", "[::]"]
    {
        assert_eq!(check(to, port), refused, "{to}");
    }
    assert_eq!(check("127.0.0.1", other_port), Ok(()));
    assert_eq!(check("[::ffff:127.0.0.1]", other_port), Ok(()));
    let datagram = UdpSocket::bind("127.0.0.1:0").unwrap();
    let kind = |result: std::io::Result<usize>| result.map_err(|error| error.kind());
    assert_eq!(kind(datagram.send_to(b"x", ("127.0.0.1", port))), Err(ErrorKind::PermissionDenied));
    assert_eq!(kind(datagram.send_to(b"x", ("127.0.0.1", other_port))), Ok(1));
    let mapped = UdpSocket::bind("[::]:0").unwrap();
    assert_eq!(kind(mapped.send_to(b"x", ("::ffff:127.0.0.1", port))), Err(ErrorKind::PermissionDenied));
    assert_eq!(kind(mapped.send_to(b"x", ("::ffff:127.0.0.1", other_port))), Ok(1));
    assert_eq!(
        datagram.connect(("127.0.0.1", port)).map_err(|error| error.kind()),
        Err(ErrorKind::PermissionDenied)
    );
    let told = denying.told(10);
    assert_eq!(told.len(), 10, "{told:?}");
    assert_eq!(told.iter().filter(|denied| denied.hook == Hook::Sending).count(), 2);
    let Action::Called(call) = &told[0].event.action else { panic!("{:?}", told[0]) };
    assert_eq!((call.system_call.name(), call.result), ("connect", -1));
    assert_eq!(
        format!("{:?}", call.address),
        format!("Some(Internet(Endpoint {{ address: 127.0.0.1, port: {port} }}))")
    );
}

/// Where no address is said, it is the socket's own, or that of loopback.
#[test]
fn nothing_as_an_address_is_judged_as_all_that_it_may_reach() {
    let listener = TcpListener::bind("[::]:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let Some(mut denying) = Denying::of(&Denials::default()) else { return };
    let mut check = |own: &str, to: &str, denied: &str, expected: bool| {
        let address: IpAddr = denied.parse().unwrap();
        let decision = Decision {
            clauses: vec![clause(1, 0)],
            of_paths: 1,
            networks: vec![(address, if address.is_ipv4() { 32 } else { 128 }, 1)],
            ..Decision::default()
        };
        let denials =
            Denials { decisions: [Decision::default(), decision.clone(), decision], ..Denials::default() };
        denying.denier.set(&denials, std::iter::empty()).unwrap();
        let (own, to): (IpAddr, IpAddr) = (own.parse().unwrap(), to.parse().unwrap());
        let to = std::net::SocketAddr::new(to, port);
        let family = if own.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let own = std::net::SocketAddr::new(own, 0);
        let of = |kind| {
            let socket = socket(family, kind, None).unwrap();
            rustix::net::bind(&socket, &own).unwrap();
            socket
        };
        let result = |result: rustix::io::Result<()>| match result {
            Ok(()) => true,
            Err(Errno::PERM) => false,
            Err(error) => panic!("{own} to {to}: {error}"),
        };
        let of_all = [
            result(connect(of(SocketType::STREAM), &to)),
            result(connect(of(SocketType::DGRAM), &to)),
            result(sendto(of(SocketType::DGRAM), b"x", SendFlags::empty(), &to).map(drop)),
        ];
        // Where a device may choose, what may be denied is.
        let is_chosen = to.ip().to_canonical().is_unspecified();
        assert_eq!(of_all, [!expected, !expected, !expected && !is_chosen], "{own} to {to}, {denied} denied");
        let of_device = of(SocketType::DGRAM);
        bind_to_loopback_device(&of_device);
        assert_eq!(result(connect(of_device, &to)), !expected && !is_chosen, "{own} to {to} on lo");
    };
    check("::ffff:127.0.0.1", "::", "127.0.0.1", true);
    check("::ffff:127.0.0.9", "::", "127.0.0.1", true);
    check("127.0.0.9", "0.0.0.0", "127.0.0.9", true);
    check("127.0.0.9", "0.0.0.0", "127.0.0.8", false);
    check("127.0.0.9", "127.0.0.1", "127.0.0.9", false);
    check("0.0.0.0", "0.0.0.0", "127.0.0.1", true);
    check("::", "::", "::1", true);
    check("::", "::ffff:0.0.0.0", "127.0.0.1", true);
    check("::", "::", "2001:db8::1", false);
}

fn bind_to_loopback_device(socket: &OwnedFd) {
    let name = b"lo";
    // SAFETY: the kernel reads the two bytes that are there.
    #[expect(unsafe_code, reason = "no safe binding knows this option")]
    let result = unsafe {
        let name = name.as_ptr().cast();
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_BINDTODEVICE, name, 2)
    };
    assert_eq!(result, 0);
}

/// Other ways to a connection than `connect`, each with the same to another port.
#[test]
fn no_other_way_to_a_connection_passes_by() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let ports = [&listener, &other].map(|listener| listener.local_addr().unwrap().port());
    let decision = Decision {
        clauses: vec![clause(1, 0)],
        ports: BTreeMap::from([(ports[0], 1)]),
        ..Decision::default()
    };
    let denials =
        Denials { decisions: [Decision::default(), decision, Decision::default()], ..Denials::default() };
    let Some(mut denying) = Denying::of(&denials) else { return };
    let ways: [(&str, Way); 3] = [
        ("fast open", |port| {
            let fast_open = SendFlags::from_bits_retain(libc::MSG_FASTOPEN as u32);
            sendto(stream(None)?, b"x", fast_open, &loopback(port)).map(drop)
        }),
        ("multipath", |port| connect(stream(Some(multipath()))?, &loopback(port))),
        ("not waiting", |port| {
            let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::NONBLOCK, None)?;
            connect(socket, &loopback(port))
                .or_else(|error| if error == Errno::INPROGRESS { Ok(()) } else { Err(error) })
        }),
    ];
    for (name, way) in ways {
        let ends = ports.map(|port| in_time(name, move || way(port)));
        // Not every kernel has the multipath kind.
        if ends != [Err(Errno::PROTONOSUPPORT); 2] {
            assert_eq!(ends, [Err(Errno::PERM), Ok(())], "{name}");
        }
    }
    if let Some(results) = in_time("io_uring", move || connected_by_io_uring(ports)) {
        assert_eq!(results, [-libc::EPERM, 0]);
    }
    assert!(denying.told(2).len() >= 2);
}

/// Connects to a port.
type Way = fn(u16) -> rustix::io::Result<()>;

/// What is done in a moment, or not at all.
fn in_time<T: Send + 'static>(name: &str, done: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(done()));
    receiver.recv_timeout(Duration::from_secs(30)).unwrap_or_else(|_| panic!("{name} does not end"))
}

fn stream(protocol: Option<Protocol>) -> rustix::io::Result<OwnedFd> {
    socket(AddressFamily::INET, SocketType::STREAM, protocol)
}

fn multipath() -> Protocol {
    Protocol::from_raw(262.try_into().unwrap())
}

fn loopback(port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
}

/// The results of connections through io_uring; none, with a word, where it is not allowed.
#[expect(clippy::print_stderr, reason = "a test says why it looked at nothing")]
fn connected_by_io_uring(ports: [u16; 2]) -> Option<[i32; 2]> {
    let Ok(mut ring) = io_uring::IoUring::new(4) else {
        eprintln!("skipped: io_uring is not allowed");
        return None;
    };
    Some(ports.map(|port| {
        let socket = stream(None).unwrap();
        let mut address = [0_u8; 16];
        address[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
        address[2..4].copy_from_slice(&port.to_be_bytes());
        address[4..8].copy_from_slice(&[127, 0, 0, 1]);
        let descriptor = io_uring::types::Fd(std::os::fd::AsRawFd::as_raw_fd(&socket));
        let entry = io_uring::opcode::Connect::new(descriptor, address.as_ptr().cast(), 16).build();
        // SAFETY: the address outlives the completion that is waited for.
        #[expect(unsafe_code, reason = "the ring holds raw pointers")]
        unsafe { ring.submission().push(&entry) }.unwrap();
        ring.submit_and_wait(1).unwrap();
        ring.completion().next().unwrap().result()
    }))
}

#[test]
fn a_path_is_that_from_the_beginning_of_the_mount_namespace_however_the_program_is_reached() {
    let directory = tempfile::tempdir().unwrap();
    let program = first_instruction(directory.path());
    let at = |name: &str| directory.path().join(name);
    std::fs::create_dir(at("below")).unwrap();
    std::fs::copy(&program, at("below/evil")).unwrap();
    std::fs::copy(&program, at("kept")).unwrap();
    // Deeper than any path that is followed; nobody's honest program.
    let deep = at("below").join("d/".repeat(80));
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::copy(&program, deep.join("evil")).unwrap();
    let deep_elsewhere = at("elsewhere").join("d/".repeat(80));
    std::fs::create_dir_all(&deep_elsewhere).unwrap();
    std::fs::copy(&program, deep_elsewhere.join("kept")).unwrap();
    let below = format!("{}/", at("below").display());
    let decision = Decision { clauses: vec![clause(1, 0)], of_paths: 1, ..Decision::default() };
    let Some(mut denying) = Denying::of(&of_execution(decision, &[(&below, 1)])) else { return };
    let by_descriptor = |name: &str| {
        let file = File::open(at(name)).unwrap();
        let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
        (file, path)
    };
    let (_evil, evil) = by_descriptor("below/evil");
    let (_kept, kept) = by_descriptor("kept");
    let path = |path: &Path| path.display().to_string();
    let (deep, deep_elsewhere) = (path(&deep.join("evil")), path(&deep_elsewhere.join("kept")));
    let (below, root) = (path(&at("below")), path(directory.path()));
    for (line, made, expected) in [
        // In the new root the program and the file that it makes have other names.
        (["unshare", "--root", &below, "/evil", "/made"], at("below/made"), false),
        (["unshare", "--root", &root, "/kept", "/made"], at("made"), true),
        (["unshare", "--wd", &below, "./evil", "made"], at("below/made"), false),
        (["unshare", "--mount", "--", &format!("{below}/evil"), &format!("{root}/made")], at("made"), false),
        (["unshare", "--mount", "--", &format!("{root}/kept"), &format!("{root}/made")], at("made"), true),
        (["unshare", "--wd", &root, &evil, "made"], at("made"), false),
        (["unshare", "--wd", &root, &kept, "made"], at("made"), true),
        (["unshare", "--wd", &root, &deep, "made"], at("made"), false),
        // Where the path cannot be followed and the rule may deny, it does.
        (["unshare", "--wd", &root, &deep_elsewhere, "made"], at("made"), false),
    ] {
        let _ = std::fs::remove_file(&made);
        let _ = Command::new(line[0]).args(&line[1..]).stderr(Stdio::null()).status().unwrap();
        assert_eq!(made.exists(), expected, "{line:?}");
    }
    // A path names a place: another name for the same file is another place.
    std::fs::hard_link(at("below/evil"), at("hard")).unwrap();
    assert!(runs(&denying, &at("hard")));
    assert_eq!(denying.told(6).len(), 6);
}

#[test]
fn a_killed_owner_leaves_nothing_denied() {
    let directory = tempfile::tempdir().unwrap();
    let program = first_instruction(directory.path());
    let text = format!("{}\0", program.display());
    let decision = Decision { clauses: vec![clause(1, 0)], of_paths: 1, ..Decision::default() };
    let Some(denying) = Denying::of(&of_execution(decision, &[(&text, 1)])) else { return };
    drop(denying);
    // The same once more in a process of its own: this test, told to wait.
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "denial::owner", "--ignored", "--nocapture"])
        .env("SEAWALL_TEST_DENIES", &text[..text.len() - 1])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let made = directory.path().join("made");
    let is_run = || {
        let _ = std::fs::remove_file(&made);
        let _ = Command::new(&program).arg(&made).status();
        made.exists()
    };
    let until = |expected: bool| {
        let end = Instant::now() + Duration::from_secs(10);
        while is_run() != expected {
            assert!(Instant::now() < end, "never {expected}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    until(false);
    owner.kill().unwrap();
    owner.wait().unwrap();
    until(true);
}

/// Denies until it is killed, for [`a_killed_owner_leaves_nothing_denied`].
#[test]
#[ignore = "started by another test"]
fn owner() {
    let Ok(program) = std::env::var("SEAWALL_TEST_DENIES") else { return };
    let decision = Decision { clauses: vec![clause(1, 0)], of_paths: 1, ..Decision::default() };
    let _denying = Denying::of(&of_execution(decision, &[(&format!("{program}\0"), 1)]));
    std::thread::sleep(Duration::from_secs(30));
}

#[test]
fn what_denies_is_exchanged_at_once_and_ends_with_its_owner() {
    let directory = tempfile::tempdir().unwrap();
    let program = first_instruction(directory.path());
    let text = format!("{}\0", program.display());
    let by_path = |rule| {
        let decision =
            Decision { clauses: vec![DenialClause { rule, ..clause(1, 0) }], ..Decision::default() };
        of_execution(decision, &[(&text, 1)])
    };
    let Some(mut denying) = Denying::of(&by_path(1)) else { return };
    assert!(!runs(&denying, &program));
    denying.denier.set(&Denials::default(), std::iter::empty()).unwrap();
    assert!(runs(&denying, &program));
    for rule in 2..6 {
        denying.denier.set(&by_path(rule), std::iter::empty()).unwrap();
        assert!(!runs(&denying, &program));
    }
    let rules: Vec<u16> = denying.told(5).iter().map(|denied| denied.rule).collect();
    assert_eq!(rules, [1, 2, 3, 4, 5]);
    let Denying { denier, _one } = denying;
    drop(denier);
    assert!(Command::new(&program).arg(directory.path().join("made")).status().unwrap().success());
}

#[test]
fn a_program_in_memory_is_not_one_that_is_named_so() {
    let memfd = 1 << Property::Memfd as usize;
    let mut decision = Decision { clauses: vec![clause(memfd, 0)], ..Decision::default() };
    decision.properties[Property::Memfd as usize] = memfd;
    let Some(mut denying) = Denying::of(&of_execution(decision, &[])) else { return };
    let program = std::fs::read("/bin/true").unwrap();
    let in_memory = rustix::fs::memfd_create("x", rustix::fs::MemfdFlags::empty()).unwrap();
    rustix::io::write(&in_memory, &program).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let named_so = directory.path().join("memfd:x");
    std::fs::copy("/bin/true", &named_so).unwrap();
    let is_run = |path: &Path| Command::new(path).status().is_ok_and(|status| status.success());
    assert!(!is_run(Path::new(&format!("/proc/{}/fd/{}", std::process::id(), in_memory.as_raw_fd()))));
    assert!(is_run(&named_so));
    let told = denying.told(1);
    assert_eq!(told.len(), 1);
}

/// A cgroup that the test takes away again.
struct Cgroup(PathBuf);

impl Cgroup {
    /// Below the root of the unified hierarchy; `None`, with a word, where there is none.
    #[expect(clippy::print_stderr, reason = "a test says why it looked at nothing")]
    fn make(name: &str) -> Option<Self> {
        let root = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
        let Some(root) = root.into_iter().find(|root| root.join("cgroup.controllers").exists()) else {
            eprintln!("skipped: no unified hierarchy");
            return None;
        };
        Some(Self::at(root.join(name)))
    }

    fn at(path: PathBuf) -> Self {
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn id(&self) -> u64 {
        std::fs::metadata(&self.0).unwrap().ino()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

fn id_of_container(number: u32) -> String {
    format!("{:032x}{number:032x}", std::process::id())
}

#[test]
fn what_is_told_of_a_cgroup_that_is_gone_is_not_kept() {
    let Some(mut denying) = Denying::of(&Denials::default()) else { return };
    let before = denying.denier.places();
    for number in 0..20 {
        let Some(cgroup) = Cgroup::make(&id_of_container(number)) else { return };
        let id = cgroup.id();
        assert_eq!(denying.denier.places(), before + 1);
        if number % 2 == 0 {
            assert_eq!(denying.denier.describe(id, ContainerIs::New).unwrap(), Described::Told);
        }
        drop(cgroup);
        assert_eq!(denying.denier.describe(id, ContainerIs::New).unwrap(), Described::Gone);
        denying.denier.set(&Denials::default(), [(id, ContainerIs::New)].into_iter()).unwrap();
    }
    assert_eq!(denying.denier.places(), before);
}

#[test]
fn a_user_of_the_host_makes_no_container_by_a_name() {
    let Some(denying) = Denying::of(&Denials::default()) else { return };
    let before = denying.denier.places();
    let user = format!("user-{}.slice", std::process::id());
    for (above, expected) in [(user.as_str(), 0), ("user@1000.service", 0), ("users", 1), ("usr", 1)] {
        let Some(above) = Cgroup::make(above) else { return };
        let between = Cgroup::at(above.0.join("app"));
        let made = Cgroup::at(between.0.join(id_of_container(0)));
        assert_eq!(denying.denier.places() - before, expected, "{}", made.0.display());
    }
}

#[test]
fn programs_of_the_host_are_spared_only_where_its_administrator_has_mounted() {
    let directory = tempfile::tempdir().unwrap();
    let program = first_instruction(directory.path());
    let kept = directory.path().join("kept");
    std::fs::copy(&program, &kept).unwrap();
    // The paths as well as the host: whoever works on this machine while it is tested is none of it.
    let decision =
        Decision { clauses: vec![clause(1 | 2, 0)], of_host: 2, of_paths: 1, ..Decision::default() };
    let mut denials = of_execution(decision, &[(&format!("{}\0", program.display()), 1)]);
    let spared = OfText { atoms: 1, is_protected_on_host: true };
    denials.texts.insert(format!("{}\0", kept.display()).into_bytes(), spared);
    let Some(_denying) = Denying::of(&denials) else { return };
    let made = directory.path().join("made");
    for (arguments, program, expected) in [
        (&["--mount"][..], &kept, true),
        (&["--mount"][..], &program, false),
        (&["--user", "--map-root-user"][..], &kept, true),
        (&["--user", "--map-root-user", "--mount"][..], &kept, false),
    ] {
        let _ = std::fs::remove_file(&made);
        let _ = Command::new("unshare")
            .args(arguments)
            .args(["--", &program.display().to_string(), &made.display().to_string()])
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(made.exists(), expected, "{arguments:?} {}", program.display());
    }
}

#[test]
fn where_containers_find_no_room_they_are_not_taken_for_the_host() {
    let directory = tempfile::tempdir().unwrap();
    let program = first_instruction(directory.path());
    let text = format!("{}\0", program.display());
    // In a container and not on the host; the other rule is about the host.
    let check = |rule: DenialClause, is_full: bool, expected: [bool; 2]| {
        let decision =
            Decision { clauses: vec![rule], of_host: 2, of_container: 4, of_paths: 1, ..Decision::default() };
        let Some(mut denying) = Denying::of(&of_execution(decision, &[(&text, 1)])) else { return };
        if is_full {
            // Numbers of an old hierarchy, higher than any: nobody looks whether they are there.
            let mut number = 1_u64 << 63 | 1 << 62;
            while denying.denier.describe(number, ContainerIs::New).is_ok() {
                number += 1;
            }
            let Some(_cgroup) = Cgroup::make(&id_of_container(7)) else { return };
            assert_eq!(denying.denier.undone().unknown_places, 1);
        }
        let made = directory.path().join("made");
        let of = |process: &str| std::fs::metadata(format!("/proc/{process}/ns/mnt")).map(|of| of.ino());
        // Where that of process 1 may not be looked at, ours is taken for it.
        let has_mounts_of_host = of("1").map_or(true, |first| first == of("self").unwrap());
        for (arguments, expected) in [&["--ipc"][..], &["--mount"]].into_iter().zip(expected) {
            if !has_mounts_of_host && arguments[0] == "--ipc" {
                continue;
            }
            let _ = std::fs::remove_file(&made);
            let _ = Command::new("unshare")
                .args(arguments)
                .args(["--".as_ref(), program.as_os_str(), made.as_os_str()])
                .stderr(Stdio::null())
                .status()
                .unwrap();
            assert_eq!(made.exists(), expected, "{rule:?} {is_full} {arguments:?}");
        }
    };
    check(clause(1 | 4, 2), false, [true, true]);
    check(clause(1 | 4, 2), true, [true, false]);
    check(clause(1 | 2, 4), false, [false, false]);
    check(clause(1 | 2, 4), true, [false, false]);
}
