use super::*;
use crate::testing::{caller, child, execution};

/// A `/proc` with these processes: number, parent, name.
fn proc_with(processes: &[(u32, u32, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (number, parent, name) in processes {
        let at = root.path().join(number.to_string());
        std::fs::create_dir(&at).unwrap();
        let start = number * 100;
        let stat = format!(
            "{number} ({name}) S {parent} {number} {number} 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {start} 0"
        );
        std::fs::write(at.join("stat"), stat).unwrap();
        let status = format!(
            "Name:\tx\nUid:\t0\t1000\t0\t0\nGid:\t0\t1000\t0\t0\nNSpid:\t{number}\t7\nNSpgid:\t{number}\t7\nNSsid:\t{number}\t7\nCapEff:\t0000000000000003\n"
        );
        std::fs::write(at.join("status"), status).unwrap();
        std::fs::write(at.join("cmdline"), format!("/bin/{name}\0-x\0")).unwrap();
    }
    root
}

fn known(processes: &[(u32, u32, &str)]) -> (Processes, tempfile::TempDir) {
    let root = proc_with(processes);
    let clock = Clock::started_at(1_000);
    (Processes::found(root.path(), clock, Environments::NotWanted), root)
}

fn names(process: &Process) -> Vec<&str> {
    std::iter::once(process)
        .chain(process.ancestors())
        .filter_map(|process| process.name.as_deref())
        .collect()
}

#[test]
fn what_runs_at_the_start_is_found_with_its_ancestors() {
    // Names hold parentheses, blanks and what looks like a field.
    let (mut processes, _root) = known(&[(1, 0, "init"), (30, 1, "a) S 5 (b"), (40, 30, "sh")]);
    let found = processes.of(&Caller { parent: 30, parent_start_boot_ns: 30_000_000_000, ..caller(40) });
    assert_eq!(names(&found), ["sh", "a) S 5 (b", "init"]);
    assert_eq!((found.exe.as_deref(), found.args_line()), (Some("/bin/sh"), Some("-x")));
    assert_eq!(found.start_ns, Some(40_000_001_000));
    assert_eq!(found.session.as_ref().and_then(|leader| leader.name.as_deref()), Some("sh"));
}

#[test]
fn a_program_keeps_its_numbers_and_its_children_learn_of_it() {
    let (mut processes, _root) = known(&[(1, 0, "init")]);
    let shell = caller(10);
    processes.executed(&shell, &execution("/bin/sh -c x"));
    processes.forked(&shell, &child(11));
    let below =
        Caller { parent: 10, parent_start_boot_ns: 10_000_000_000, command: "x".into(), ..caller(11) };
    assert_eq!(names(&processes.of(&below)), ["x", "x", "init"]);
    // The parent becomes another program after it had a child.
    processes.executed(&Caller { command: "nginx".into(), ..caller(10) }, &execution("/bin/nginx"));
    let of_child = processes.of(&below);
    assert_eq!(names(&of_child), ["x", "nginx", "init"]);
    assert_eq!(of_child.args_line(), Some("-c x"), "a child that has not executed is its parent");
    // It ends, and the child belongs to the first process.
    processes.exited(&Caller { command: "nginx".into(), ..caller(10) });
    assert_eq!(names(&processes.of(&Caller { parent: 1, parent_start_boot_ns: 0, ..below })), ["x", "init"]);
}

#[test]
fn a_number_that_is_used_again_is_another_process() {
    let (mut processes, _root) = known(&[(1, 0, "init")]);
    processes.executed(&caller(10), &execution("/bin/old"));
    let again = Caller { start_boot_ns: 99_000_000_000, command: "new".into(), ..caller(10) };
    let process = processes.of(&again);
    assert_eq!((process.name.as_deref(), process.exe.as_deref()), (Some("new"), None));
}

#[test]
fn what_a_caller_says_of_itself_counts() {
    let (mut processes, _root) = known(&[(1, 0, "init")]);
    processes.executed(&caller(10), &execution("/bin/x"));
    let mut changed = Caller { effective_uid: 33, terminal: Some(34_816), login_uid: Some(5), ..caller(10) };
    changed.capabilities.effective = 1 << 21;
    let process = processes.of(&changed);
    assert_eq!(process.user.as_ref().map(|user| user.uid), Some(33));
    assert_eq!((process.tty, process.effective_names()), (Some(34_816), Some("CAP_SYS_ADMIN")));
    assert_eq!(process.login.as_ref().map(|user| user.uid), Some(5));
    let unchanged = processes.of(&changed);
    assert!(Arc::ptr_eq(&process, &unchanged), "nothing is made anew");
    let moved = {
        processes.moved(&changed, Path::new("/srv/data"));
        processes.of(&changed)
    };
    assert_eq!(moved.cwd.as_deref(), Some("/srv/data/"));
    assert_eq!(processes.of(&caller(10)).login.as_ref().map(|user| user.uid), Some(-1));
}

#[test]
fn threads_that_take_turns_are_not_made_anew() {
    let (mut processes, _root) = known(&[(1, 0, "init")]);
    processes.executed(&caller(10), &execution("/bin/x"));
    let other = Caller { thread: 11, ..caller(10) };
    let (main, second) = (processes.of(&caller(10)), processes.of(&other));
    assert_eq!((main.tid, second.tid), (Some(10), Some(11)));
    assert!(Arc::ptr_eq(&main, &processes.of(&caller(10))));
    assert!(Arc::ptr_eq(&second, &processes.of(&other)));
    // Neither says what is not so any more.
    processes.moved(&other, Path::new("/srv"));
    assert_eq!(processes.of(&caller(10)).cwd.as_deref(), Some("/srv/"));
    processes.follow_clock(Clock::started_at(5_000_000_000));
    assert_eq!(processes.of(&other).start_ns, Some(15_000_000_000));
    assert_eq!(processes.of(&caller(10)).start_ns, Some(15_000_000_000));
}

#[test]
fn a_fork_bomb_and_a_loop_of_parents_are_bounded() {
    let (mut processes, _root) = known(&[(1, 0, "init")]);
    let mut parent = caller(2);
    for number in 3..PROCESSES_MAX as u32 + 100 {
        processes.forked(&parent, &child(number));
        parent =
            Caller { parent: parent.process, parent_start_boot_ns: parent.start_boot_ns, ..caller(number) };
    }
    assert!(processes.len() <= PROCESSES_MAX);
    assert!(processes.turned_away() > 0);
    // The dead make room.
    for number in 3..3000 {
        processes.exited(&caller(number));
    }
    assert!(processes.len() <= PROCESSES_MAX);
    // Two that say that the other is their parent.
    let one = Caller { parent: 90_001, parent_start_boot_ns: 90_001_000_000_000, ..caller(90_000) };
    let other = Caller { parent: 90_000, parent_start_boot_ns: 90_000_000_000_000, ..caller(90_001) };
    for caller in [&one, &other, &one, &other] {
        assert!(processes.of(caller).ancestors().count() < 10);
    }
}
