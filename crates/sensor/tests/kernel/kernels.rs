//! All of this once more in machines with other kernels.

use seawall_testkit::{BpfLsm, Ended, Kernel, Machine};

/// What the tests of this program run.
const PROGRAMS: [&str; 5] = ["sh", "/bin/sh", "/bin/true", "true", "unshare"];

/// A machine emulated in software takes minutes for so many processes. Denials, and the doctor who tries them, have
/// machines of their own.
const LEFT_OUT: [&str; 8] = [
    "--skip",
    "kernels::",
    "--skip",
    "denial::",
    "--skip",
    "doctor::",
    "--skip",
    "processes::ten_thousand_short_lived_processes_are_all_told",
];

#[expect(clippy::print_stdout, reason = "a test says what it found")]
fn check(kernel: Kernel, bpf_lsm: BpfLsm, which: &[&str]) -> Option<Ended> {
    let machine = Machine::new(kernel, bpf_lsm)?.with_programs(&PROGRAMS).with_module("overlay");
    let ended = machine.test_again(which).unwrap();
    println!("{}\n{kernel:?} {bpf_lsm:?} took {:?}", ended.output, ended.took);
    assert_eq!(ended.code, 0);
    assert!(!ended.output.contains("skipped:"));
    Some(ended)
}

#[test]
fn linux_6_1_tells_what_ours_does() {
    check(Kernel::Linux6_1, BpfLsm::On, &LEFT_OUT);
}

/// Between the oldest and ours: what reads the kernel's structures, which is what differs.
#[test]
fn linux_6_12_tells_what_ours_does() {
    check(
        Kernel::Linux6_12,
        BpfLsm::On,
        &[&LEFT_OUT[..], &["files::", "network::", "processes::who"]].concat(),
    );
}

/// Where security modules are heeded they refuse; where not, programs are killed. Not all of what is tested here: to load
/// the programs takes an emulated machine half a minute each time.
fn denies(kernel: Kernel, bpf_lsm: BpfLsm, how: &str) {
    let which = ["denial::an_execution", "doctor::where"];
    let Some(ended) = check(kernel, bpf_lsm, &which) else { return };
    let said = ended.output.lines().find(|line| line.contains("denied executions ")).unwrap();
    assert!(said.contains(": Ok(()) — ") && said.contains(how), "{said}");
}

#[test]
fn linux_6_1_refuses() {
    denies(Kernel::Linux6_1, BpfLsm::On, "BPF LSM refuses");
}

#[test]
#[ignore = "takes minutes; this machine kills too"]
fn linux_6_1_kills_where_it_cannot_refuse() {
    denies(Kernel::Linux6_1, BpfLsm::Off, "is killed before its first instruction");
}

#[test]
#[ignore = "takes minutes; 6.1 refuses too"]
fn linux_6_12_refuses() {
    denies(Kernel::Linux6_12, BpfLsm::On, "BPF LSM refuses");
}
