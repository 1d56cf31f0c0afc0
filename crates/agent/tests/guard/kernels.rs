//! The tests that need no engine once more, in machines with other kernels.

use std::path::Path;

use seawall_testkit::{BpfLsm, Kernel, Machine};

use crate::running::OFFICIAL;

/// What the tests of this program run.
const PROGRAMS: [&str; 12] =
    ["sh", "true", "find", "getent", "grep", "ip", "mount", "perl", "seq", "setpriv", "sleep", "unshare"];

fn check(kernel: Kernel, bpf_lsm: BpfLsm, which: &[&str]) {
    let Some(machine) = Machine::new(kernel, bpf_lsm) else { return };
    let machine = machine.with_programs(&PROGRAMS).with_file(Path::new(OFFICIAL));
    let ended =
        machine.test_again(&[&["--skip", "kernels::", "--skip", "containers::"], which].concat()).unwrap();
    println!("{}\n{kernel:?} {bpf_lsm:?} took {:?}", ended.output, ended.took);
    assert_eq!(ended.code, 0);
    let skipped = ended.output.matches("skipped:").count();
    // Of the rules that Falco publishes; where they are not, all has been said.
    let without_rules = ended.output.matches(&format!("skipped: {OFFICIAL}")).count();
    assert_eq!(skipped, without_rules);
}

#[test]
fn linux_6_1_is_guarded() {
    check(Kernel::Linux6_1, BpfLsm::On, &["--skip", "denial::"]);
}

#[test]
#[ignore = "half a minute; what watches asks nothing of security modules"]
fn linux_6_1_is_guarded_without_security_modules() {
    check(Kernel::Linux6_1, BpfLsm::Off, &["--skip", "denial::"]);
}

/// As security modules do it, which this machine may not have.
#[test]
fn linux_6_1_denies_what_rules_deny() {
    check(Kernel::Linux6_1, BpfLsm::On, &["denial::an_execution"]);
}
