use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use seawall_sensor::{Endpoint, Socket};

use super::*;
use crate::testing::{call, caller, file};

fn named(directory: Option<&str>, name: &str) -> Named {
    Named { directory: directory.map(PathBuf::from), name: PathBuf::from(name) }
}

fn event(call: Call) -> Event {
    Translator::new().call(&caller(5), Arc::new(Process::default()), call).unwrap()
}

/// All arguments as rules read them.
fn shown(event: &Event) -> String {
    let one = |argument: &Argument| format!("{}={}", argument.name.name(), argument.value.text());
    event.arguments.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn calls_have_the_arguments_that_rules_name() {
    let check = |call: Call, expected: &str| assert_eq!(shown(&event(call)), expected);
    let here = u64::from(-100_i32 as u32);
    let of = |name, arguments, names: Vec<Named>| Call { names, ..call(name, arguments) };
    check(
        Call {
            result: 3,
            object: Some(Object::File(file("/etc/shadow"))),
            ..of("openat", [here, 0, 0o2000000, 0, 0, 0], vec![named(Some("/etc"), "../etc/./shadow")])
        },
        "fd=/etc/shadow dirfd=-100 name=/etc/shadow flags=O_CLOEXEC|O_RDONLY mode=0 dev=8 ino=7",
    );
    check(
        Call { result: -2, ..of("open", [0, 0o1101, 0o644, 0, 0, 0], vec![named(None, "/none")]) },
        "fd=/none name=/none flags=O_TRUNC|O_CREAT|O_WRONLY mode=420",
    );
    check(
        of(
            "symlinkat",
            [0, here, 0, 0, 0, 0],
            vec![named(Some("/tmp"), "../etc/shadow"), named(Some("/tmp"), "x")],
        ),
        "res=0 target=../etc/shadow linkdirfd=-100 linkpath=/tmp/x",
    );
    check(
        of("renameat2", [4, 0, here, 0, 1, 0], vec![named(Some("/a"), "b"), named(None, "/c")]),
        "res=0 olddirfd=/a oldpath=/a/b newdirfd=-100 newpath=/c flags=RENAME_NOREPLACE",
    );
    check(
        of("chmod", [0, 0o4755, 0, 0, 0, 0], vec![named(None, "/bin/x")]),
        "res=0 filename=/bin/x mode=S_IXOTH|S_IROTH|S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID",
    );
    check(
        of("ptrace", [16, 77, 0x7fff_ffff_ffff, 0, 0, 0], vec![]),
        "res=0 addr=140737488355327 data=0 request=PTRACE_ATTACH pid=77",
    );
    check(of("unshare", [0x1000_0000, 0, 0, 0, 0, 0], vec![]), "res=0 flags=CLONE_NEWUSER");
    check(of("setuid", [1000, 0, 0, 0, 0, 0], vec![]), "res=0 uid=1000");
    check(Call { result: 4, ..of("bpf", [5, 0, 0, 0, 0, 0], vec![]) }, "fd=4 cmd=BPF_PROG_LOAD");
}

#[test]
fn an_open_says_what_the_kernel_has_opened() {
    let upper = File {
        is_on_overlay: true,
        is_in_upper_layer: true,
        is_created: true,
        is_written: true,
        is_read: false,
        ..file("/x")
    };
    let opened = event(Call {
        result: 3,
        object: Some(Object::File(upper)),
        names: vec![named(None, "/y/../x")],
        ..call("openat2", [0, 0, 0o100, 0o755, 0, 0])
    });
    let fd = opened.fd.as_ref().unwrap();
    assert_eq!((fd.path.as_deref(), fd.raw_path.as_deref()), (Some("/x"), Some("/y/../x")));
    assert_eq!((fd.number, fd.is_upper_layer), (Some(3), Some(true)));
    // What the caller says of `openat2` is that it reads; the kernel knows that it writes.
    assert!(opened.opens_for_writing() && !opened.opens_for_reading() && opened.opens_executable());
    assert!(shown(&opened).contains("O_CREAT|O_WRONLY|O_F_CREATED|FD_UPPER_LAYER"));
    let path_only = event(Call {
        result: 3,
        object: Some(Object::File(File { is_read: false, ..file("/x") })),
        ..call("open", [0, 0o10_000_102, 0, 0, 0, 0])
    });
    assert!(!path_only.opens_for_writing() && !path_only.opens_to_create());
    let failed =
        event(Call { result: -13, names: vec![named(None, "/etc/../etc/shadow")], ..call("open", [0; 6]) });
    let fd = failed.fd.as_ref().unwrap();
    assert_eq!(
        (fd.number, fd.kind, fd.path.as_deref()),
        (Some(-1), Some(DescriptorKind::File), Some("/etc/shadow"))
    );
}

#[test]
fn sockets_have_a_client_and_a_server() {
    let end = |text: &str| {
        let address: std::net::SocketAddr = text.parse().unwrap();
        Some(Endpoint { address: address.ip(), port: address.port() })
    };
    let check = |name: &str, local: &str, remote: &str, expected: &str, is_server: bool| {
        let family = if local.starts_with('[') { 10 } else { 2 };
        let socket = Socket {
            family,
            kind: 1,
            protocol: 6,
            state: 1,
            local: end(local),
            remote: if remote.is_empty() { None } else { end(remote) },
            unix_name: None,
        };
        let event = event(Call { object: Some(Object::Socket(socket)), ..call(name, [4, 1, 0, 0, 0, 0]) });
        let fd = event.fd.unwrap();
        assert_eq!(fd.name().unwrap(), expected, "{name}");
        assert_eq!(fd.socket.unwrap().is_server, is_server, "{name}");
    };
    check("connect", "10.0.0.1:40000", "10.0.0.2:443", "10.0.0.1:40000->10.0.0.2:443", false);
    check("accept4", "10.0.0.2:443", "10.0.0.1:40000", "10.0.0.1:40000->10.0.0.2:443", true);
    check("dup2", "10.0.0.2:443", "10.0.0.1:40000", "10.0.0.1:40000->10.0.0.2:443", true);
    check("dup2", "10.0.0.1:40000", "10.0.0.2:443", "10.0.0.1:40000->10.0.0.2:443", false);
    check("connect", "[::ffff:10.0.0.1]:4000", "[::ffff:10.0.0.2]:9", "10.0.0.1:4000->10.0.0.2:9", false);
    check("listen", "10.0.0.2:443", "", "10.0.0.2:443", true);
}

#[test]
fn any_bytes_become_text() {
    let bytes = PathBuf::from(std::ffi::OsString::from_vec(vec![b'/', 0xff, 0x1b, b'[']));
    let event = event(Call {
        names: vec![Named { directory: None, name: bytes }],
        data: vec![0xff; 3],
        ..call("unlink", [u64::MAX; 6])
    });
    assert_eq!(shown(&event), "res=0 path=/\u{fffd}\u{1b}[");
}
