//! All of this once more in machines with other kernels, and what the doctor says there.

use seawall_testkit::{BpfLsm, Ended, Kernel, Machine};

/// What the tests of this program run.
const PROGRAMS: [&str; 4] = ["sh", "/bin/sh", "/bin/true", "unshare"];

/// A machine emulated in software is too slow for a contest with somebody who opens files without a pause.
const LEFT_OUT: [&str; 6] = [
    "--skip",
    "kernels::",
    "--skip",
    "interest::a_new_interest_loses_nothing_that_both_want",
    "--skip",
    "processes::ten_thousand_short_lived_processes_are_all_told",
];

#[expect(clippy::print_stdout, reason = "a test says what it found")]
fn tests_in(kernel: Kernel, bpf_lsm: BpfLsm, which: &[&str]) -> Option<Ended> {
    let machine = Machine::new(kernel, bpf_lsm)?.with_programs(&PROGRAMS).with_module("overlay");
    let ended = machine.test_again(&[&LEFT_OUT, which].concat()).unwrap();
    println!("{}\n{kernel:?} {bpf_lsm:?} took {:?}", ended.output, ended.took);
    assert_eq!(ended.code, 0);
    assert!(!ended.output.contains("skipped:"));
    Some(ended)
}

/// These kernels have all that the doctor asks for; `lacks` is what they were told not to use.
fn doctor_says(ended: &Ended, lacks: &[&str]) {
    let said = |name: &str| ended.output.lines().find(|line| line.contains(&format!("{name:<20} "))).unwrap();
    for name in
        ["sensor", "io_uring requests", "bpf_send_signal", "BPF LSM", "cgroup programs", "kprobes", "fentry"]
    {
        assert_eq!(said(name).contains(": Ok(()) — "), !lacks.contains(&name), "{}", said(name));
    }
}

#[test]
fn linux_6_1_tells_all_that_ours_does() {
    let Some(ended) = tests_in(Kernel::Linux6_1, BpfLsm::On, &[]) else { return };
    doctor_says(&ended, &[]);
}

#[test]
fn linux_6_12_tells_all_that_ours_does() {
    let Some(ended) = tests_in(Kernel::Linux6_12, BpfLsm::On, &[]) else { return };
    doctor_says(&ended, &[]);
}

#[test]
fn security_modules_that_are_not_heeded_are_told() {
    let Some(ended) = tests_in(Kernel::Linux6_1, BpfLsm::Off, &["doctor::"]) else { return };
    doctor_says(&ended, &["BPF LSM"]);
}
