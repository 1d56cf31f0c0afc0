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
