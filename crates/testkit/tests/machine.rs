//! A machine tells how its program ended, and when it did not.

use std::path::Path;

use seawall_testkit::{BpfLsm, Ended, Kernel, Machine};

/// What a shell script of a machine came to.
fn ended(kernel: Kernel, script: &str) -> Option<Result<Ended, String>> {
    let machine = Machine::new(kernel, BpfLsm::Off)?.with_programs(&["uname"]).with_module("overlay");
    Some(machine.run(Path::new("/bin/sh"), &["-c", script]))
}

#[test]
fn exit_code_and_output_are_the_programs() {
    let check = |kernel, release: &str| {
        let script =
            "uname -r; echo \"it's\" >&2; busybox grep -c overlay /proc/filesystems; busybox id -u; exit 3";
        let Some(ended) = ended(kernel, script) else { return };
        let ended = ended.unwrap();
        assert_eq!(ended.code, 3, "{}", ended.output);
        let lines: Vec<&str> = ended.output.lines().collect();
        assert!(lines[0].starts_with(release), "{lines:?}");
        assert_eq!(lines[1..], ["it's", "1", "0"]);
    };
    check(Kernel::Linux6_1, "6.1.");
    check(Kernel::Linux6_12, "6.12.");
}

#[test]
fn a_kernel_that_dies_is_an_error_with_its_last_words() {
    let Some(ended) = ended(Kernel::Linux6_1, "echo before; echo c > /proc/sysrq-trigger") else { return };
    let error = ended.unwrap_err();
    for expected in ["ended before the program", "sysrq triggered crash", "\nbefore"] {
        assert!(error.contains(expected), "{error}");
    }
}
