//! What is denied does not happen, what is nearly so does.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use seawall_sensor::{
    Action, ContainerIs, Decision, DenialClause, Denials, Denied, Denier, ExecutionDenial, Hook, OfText,
    Property,
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
    }
}

/// A program without a library, whose first instruction creates the file that is its first argument.
pub(crate) fn first_instruction(directory: &Path) -> PathBuf {
    const SOURCE: &str = r#"
#if defined(__x86_64__)
__asm__(".global _start\n_start:\n mov 16(%rsp),%rdi\n mov $2,%eax\n mov $0x41,%esi\n mov $0644,%edx\n syscall\n"
        " mov $60,%eax\n xor %edi,%edi\n syscall\n");
#else
__asm__(".global _start\n_start:\n mov x0,#-100\n ldr x1,[sp,#16]\n mov x2,#0x41\n mov x3,#0644\n mov x8,#56\n svc #0\n"
        " mov x8,#93\n mov x0,#0\n svc #0\n");
#endif
"#;
    let (source, program) = (directory.join("first.c"), directory.join("first"));
    std::fs::write(&source, SOURCE).unwrap();
    let built = Command::new("cc")
        .args(["-nostdlib", "-static", "-no-pie", "-o"])
        .arg(&program)
        .arg(&source)
        .status();
    assert!(built.unwrap().success());
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
    assert_eq!(
        datagram.connect(("127.0.0.1", port)).map_err(|error| error.kind()),
        Err(ErrorKind::PermissionDenied)
    );
    let told = denying.told(9);
    assert_eq!(told.len(), 9, "{told:?}");
    assert_eq!(told.iter().filter(|denied| denied.hook == Hook::Sending).count(), 1);
    let Action::Called(call) = &told[0].event.action else { panic!("{:?}", told[0]) };
    assert_eq!((call.system_call.name(), call.result), ("connect", -1));
    assert_eq!(
        format!("{:?}", call.address),
        format!("Some(Internet(Endpoint {{ address: 127.0.0.1, port: {port} }}))")
    );
}

/// Other ways to a connection than `connect`, each with the same to another port.
#[test]
fn no_other_way_to_a_connection_passes_by() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let ports = [&listener, &other].map(|listener| listener.local_addr().unwrap().port());
    let decision =
        Decision { clauses: vec![clause(1, 0)], ports: BTreeMap::from([(ports[0], 1)]), ..Decision::default() };
    let denials = Denials { decisions: [Decision::default(), decision, Decision::default()], ..Denials::default() };
    let Some(mut denying) = Denying::of(&denials) else { return };
    let fast_open = "s = socket.socket(); s.sendto(b'x', socket.MSG_FASTOPEN, ('127.0.0.1', port))";
    let multipath = "\ntry: s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)\nexcept OSError: sys.exit(77)\n\
        s.connect(('127.0.0.1', port))";
    let not_waiting = "s = socket.socket(); s.setblocking(False); e = s.connect_ex(('127.0.0.1', port)); \
        sys.exit(e if e != errno.EINPROGRESS else 0)";
    for (name, script) in [("fast open", fast_open), ("multipath", multipath), ("not waiting", not_waiting)] {
        let ends = ports.map(|port| {
            let script = format!("import errno, socket, sys; port = {port}; {script}");
            let ended = Command::new("python3").args(["-c", &script]).stderr(Stdio::null()).status().unwrap();
            ended.code()
        });
        match ends {
            // Neither is known to this kernel.
            [Some(77), Some(77)] => println!("skipped: {name}"),
            [Some(refused), Some(made)] => assert!(refused != 0 && made == 0, "{name}: {ends:?}"),
            ends => panic!("{name}: {ends:?}"),
        }
    }
    if let Some(results) = connected_by_io_uring(ports) {
        assert_eq!(results, [-libc::EPERM, 0]);
    }
    assert!(denying.told(2).len() >= 2);
}

/// The results of connections through io_uring; none, with a word, where it is not allowed.
fn connected_by_io_uring(ports: [u16; 2]) -> Option<[i32; 2]> {
    let Ok(mut ring) = io_uring::IoUring::new(4) else {
        println!("skipped: io_uring is not allowed");
        return None;
    };
    Some(ports.map(|port| {
        let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None);
        let socket = socket.unwrap();
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
        let result = ring.completion().next().unwrap().result();
        result
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
    let made = at("made");
    let root = directory.path().display().to_string();
    let python = |script: String| {
        let _ = std::fs::remove_file(&made);
        let script = format!("import os; made = '{}'; {script}", made.display());
        Command::new("python3").args(["-c", &script]).stderr(Stdio::null()).status().unwrap();
        made.exists()
    };
    for (script, expected) in [
        // In the new root the program and the file that it makes have other names.
        (format!("os.chroot('{root}/below'); os.execv('/evil', ['x', '/made'])"), false),
        (format!("os.chroot('{root}'); os.execv('/kept', ['x', '/made'])"), true),
        (format!("os.chdir('{root}/below'); os.execv('./evil', ['x', made])"), false),
        (format!("f = os.open('{root}/below/evil', os.O_RDONLY); os.execve(f, ['x', made], {{}})"), false),
        (format!("f = os.open('{root}/kept', os.O_RDONLY); os.execve(f, ['x', made], {{}})"), true),
        (format!("os.execv('{}', ['x', made])", deep.join("evil").display()), false),
        // Where the path cannot be followed and the rule may deny, it does.
        (format!("os.execv('{}', ['x', made])", deep_elsewhere.join("kept").display()), false),
    ] {
        assert_eq!(python(script.clone()), expected, "{script}");
    }
    // A path names a place: another name for the same file is another place.
    std::fs::hard_link(at("below/evil"), at("hard")).unwrap();
    assert!(runs(&denying, &at("hard")));
    assert_eq!(denying.told(5).len(), 5);
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
fn a_program_in_memory_and_one_in_a_container_are_told_apart() {
    let memfd = 1 << Property::Memfd as usize;
    let mut decision = Decision { clauses: vec![clause(memfd, 0)], ..Decision::default() };
    decision.properties[Property::Memfd as usize] = memfd;
    let Some(mut denying) = Denying::of(&of_execution(decision, &[])) else { return };
    let script = "import os, sys\nfd = os.memfd_create('x')\nos.write(fd, open('/bin/true', 'rb').read())\n\
        os.execv('/proc/self/fd/%d' % fd, ['x'])";
    let python =
        |script: &str| Command::new("python3").args(["-c", script]).stderr(Stdio::null()).status().unwrap();
    assert!(!python(script).success());
    assert!(python("import os\nos.execv('/bin/true', ['x'])").success());
    let told = denying.told(1);
    assert_eq!(told.len(), 1);
    denying.denier.describe(1, ContainerIs::Described([0; 3])).unwrap();
    denying.denier.forget(1);
}
