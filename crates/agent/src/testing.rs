//! What the sensor would tell, for the tests of this crate.

use std::path::PathBuf;

use seawall_sensor::{Call, Caller, Capabilities, Child, Execution, File, Inside, Namespaces, SystemCall};

/// A process of root on the host, started at its number in seconds below process 1.
pub(crate) fn caller(process: u32) -> Caller {
    Caller {
        thread: process,
        process,
        start_boot_ns: u64::from(process) * 1_000_000_000,
        parent: 1,
        parent_start_boot_ns: 0,
        process_group: process,
        session: process,
        inside: Inside { thread: process, process, process_group: process, session: process },
        uid: 0,
        gid: 0,
        effective_uid: 0,
        effective_gid: 0,
        login_uid: None,
        audit_session: None,
        capabilities: Capabilities { inheritable: 0, permitted: 0, effective: 0 },
        namespaces: Namespaces { mount: 0, pid: 0, user: 0, network: 0 },
        network: 0,
        cgroup_id: 1,
        terminal: None,
        command: "x".into(),
    }
}

/// A regular file.
pub(crate) fn file(path: &str) -> File {
    File {
        path: PathBuf::from(path),
        inode: 7,
        device: 8,
        file_system: 0,
        mode: 0o100_644,
        uid: 0,
        gid: 0,
        links: 1,
        size_bytes: 0,
        modified_ns: 0,
        changed_ns: 0,
        open_flags: 0,
        is_read: true,
        is_written: false,
        is_created: false,
        is_on_overlay: false,
        is_in_upper_layer: false,
        is_deleted: false,
        is_path_cut: false,
    }
}

/// A call that returned 0.
pub(crate) fn call(name: &str, arguments: [u64; 6]) -> Call {
    Call {
        system_call: SystemCall::named(name).unwrap(),
        result: 0,
        arguments,
        object: None,
        names: Vec::new(),
        address: None,
        data: Vec::new(),
    }
}

/// A command line.
pub(crate) fn execution(line: &str) -> Execution {
    let arguments: Vec<_> = line.split(' ').map(Into::into).collect();
    Execution {
        file: Some(file(line.split(' ').next().unwrap())),
        name: PathBuf::new(),
        arguments,
        environment: Vec::new(),
        working_directory: PathBuf::from("/tmp"),
        cgroup: PathBuf::new(),
    }
}

/// A new process.
pub(crate) fn child(process: u32) -> Child {
    Child {
        process,
        process_inside: process,
        start_boot_ns: u64::from(process) * 1_000_000_000,
        namespaces: Namespaces { mount: 0, pid: 0, user: 0, network: 0 },
        cgroup: PathBuf::new(),
    }
}
