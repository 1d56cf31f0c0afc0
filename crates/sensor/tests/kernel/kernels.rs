//! All of this once more in machines with other kernels.

use seawall_testkit::{BpfLsm, Kernel, Machine};

/// What the tests of this program run.
const PROGRAMS: [&str; 3] = ["sh", "true", "unshare"];

/// A machine emulated in software takes minutes for so many processes.
const LEFT_OUT: [&str; 4] =
    ["--skip", "kernels::", "--skip", "processes::ten_thousand_short_lived_processes_are_all_told"];

#[expect(clippy::print_stdout, reason = "a test says what it found")]
fn check(kernel: Kernel, which: &[&str]) {
    let Some(machine) = Machine::new(kernel, BpfLsm::On) else { return };
    let machine = machine.with_programs(&PROGRAMS).with_module("overlay");
    let ended = machine.test_again(&[&LEFT_OUT, which].concat()).unwrap();
    println!("{}\n{kernel:?} took {:?}", ended.output, ended.took);
    assert_eq!(ended.code, 0);
    assert!(!ended.output.contains("skipped:"));
}

#[test]
fn linux_6_1_tells_what_ours_does() {
    check(Kernel::Linux6_1, &[]);
}

/// Between the oldest and ours: what reads the kernel's structures, which is what differs.
#[test]
fn linux_6_12_tells_what_ours_does() {
    check(Kernel::Linux6_12, &["files::", "network::", "processes::who"]);
}
