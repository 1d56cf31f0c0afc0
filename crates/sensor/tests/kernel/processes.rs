//! Processes: every one is told, with what it was given.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use seawall_sensor::{Action, Clause, Interest, Kind, Place};

use crate::watch::Watch;

#[test]
fn arguments_come_whole_up_to_a_limit_and_say_when_they_are_cut() {
    let Some(mut watch) = Watch::of([Kind::Executed]) else { return };
    let long = "a".repeat(9_000);
    Command::new("/bin/true").args(["one", "", &long, "\u{1b}[2J"]).status().unwrap();
    Command::new("/bin/true").args(vec!["b".repeat(100_000); 10]).status().unwrap();

    let own: Vec<_> = watch
        .executions()
        .into_iter()
        .filter(|(event, _)| event.caller.parent == std::process::id())
        .collect();
    let [whole, cut] = own.as_slice() else { panic!("{}", own.len()) };
    assert_eq!(whole.1.arguments, ["/bin/true", "one", "", &long, "\u{1b}[2J"]);
    assert_eq!((whole.0.is_cut, cut.0.is_cut), (false, true));
    assert_eq!(cut.1.arguments.len(), 2);
    assert!(cut.1.arguments[1].len() > 16_000);
    assert_eq!(whole.1.file.as_ref().unwrap().path, fs::canonicalize("/bin/true").unwrap());
    assert_eq!(whole.1.working_directory, std::env::current_dir().unwrap());
}

#[test]
fn a_script_is_told_from_its_interpreter() {
    let Some(mut watch) = Watch::of([Kind::Executed]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("script");
    fs::write(&script, "#!/bin/sh\nexit 3\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(Command::new(&script).arg("x").status().unwrap().code(), Some(3));

    let (_, execution) =
        watch.executions().into_iter().find(|(_, execution)| execution.name == script).unwrap();
    assert_eq!(execution.file.unwrap().path, fs::canonicalize("/bin/sh").unwrap());
    assert_eq!(execution.arguments.last().unwrap(), "x");
}

#[test]
fn who_it_was_is_told_by_the_kernel() {
    let interest = Interest {
        clauses: vec![Clause::all_of([Kind::Executed])],
        with_environment: true,
        ..Interest::default()
    };
    let Some(mut watch) = Watch::with(interest) else { return };
    let mut command = Command::new("/bin/true");
    command.uid(65_534).gid(65_533).env_clear().env("MARK", "é").process_group(0);
    let mut child = command.spawn().unwrap();
    let process = child.id();
    child.wait().unwrap();

    let (event, execution) =
        watch.executions().into_iter().find(|(event, _)| event.caller.process == process).unwrap();
    let caller = &event.caller;
    assert_eq!((caller.uid, caller.gid), (65_534, 65_533));
    assert_eq!((caller.effective_uid, caller.effective_gid), (65_534, 65_533));
    assert_eq!(caller.capabilities.effective, 0);
    assert_eq!((caller.process_group, caller.inside.process), (process, process));
    assert_eq!(caller.command, "true");
    assert_eq!(execution.environment, ["MARK=é"]);
    let own = fs::read_link("/proc/self/ns/mnt").unwrap();
    assert_eq!(own, Path::new(&format!("mnt:[{}]", caller.namespaces.mount)));
    let cgroups = fs::read_to_string("/proc/self/cgroup").unwrap();
    let path = execution.cgroup.display().to_string();
    assert!(cgroups.lines().any(|line| line.ends_with(&format!(":{path}"))), "{path} {cgroups}");
}

#[test]
fn a_process_in_namespaces_of_its_own_may_be_a_container_and_has_its_own_numbers() {
    let clause = Clause { place: Place::Container, ..Clause::all_of([Kind::Executed]) };
    let Some(mut watch) = Watch::with(Interest { clauses: vec![clause], ..Interest::default() }) else {
        return;
    };
    let mark = format!("contained-{}", std::process::id());
    Command::new("/bin/true").arg(&mark).status().unwrap();
    let unshare = ["--pid", "--fork", "--mount", "--net", "--", "/bin/true", &mark];
    match Command::new("unshare").args(unshare).status() {
        Ok(status) if status.success() => {}
        other => return eprintln!("skipped: no namespaces here: {other:?}"),
    }

    let seen: Vec<_> = watch
        .executions()
        .into_iter()
        .filter(|(_, execution)| {
            execution.name == Path::new("/bin/true") && execution.arguments.contains(&mark.clone().into())
        })
        .collect();
    let [(event, _)] = seen.as_slice() else { panic!("{seen:?}") };
    let caller = &event.caller;
    assert_eq!((caller.inside.process, caller.inside.thread), (1, 1));
    assert_ne!(caller.process, 1);
    for (name, number) in
        [("mnt", caller.namespaces.mount), ("pid", caller.namespaces.pid), ("net", caller.namespaces.network)]
    {
        let own = fs::metadata(format!("/proc/self/ns/{name}")).unwrap().ino();
        assert_ne!(u64::from(number), own, "{name}");
    }
    let own = fs::metadata("/proc/self/ns/user").unwrap().ino();
    assert_eq!(u64::from(caller.namespaces.user), own);
}

#[test]
fn a_failed_execution_is_told_too() {
    let Some(mut watch) = Watch::calls(&["execve"]) else { return };
    let error = Command::new("/nowhere/at/all").exec();
    assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
    let calls = watch.own_calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].result, -i64::from(libc::ENOENT));
    assert_eq!(calls[0].names[0].name, Path::new("/nowhere/at/all"));
}

#[test]
fn ten_thousand_short_lived_processes_are_all_told() {
    const COUNT: usize = 10_000;
    let Some(mut watch) = Watch::of([Kind::Executed, Kind::Forked, Kind::Exited]) else { return };
    let work = std::thread::spawn(|| {
        let run = |number: usize| {
            let status = Command::new("/bin/true").arg(format!("short life {number}")).status().unwrap();
            assert!(status.success());
        };
        std::thread::scope(|scope| {
            scope.spawn(move || (0..COUNT / 2).for_each(run));
            (COUNT / 2..COUNT).for_each(run);
        });
    });
    let mut events = Vec::new();
    while !work.is_finished() {
        events.extend(watch.events());
    }
    work.join().unwrap();
    events.extend(watch.events());

    assert_eq!(watch.sensor.lost(), []);
    let mut lives: BTreeMap<(u32, u64), Vec<&str>> = BTreeMap::new();
    for event in &events {
        let key = (event.caller.process, event.caller.start_boot_ns);
        match &event.action {
            Action::Forked(child) => {
                lives.entry((child.process, child.start_boot_ns)).or_default().push("forked");
            }
            Action::Executed(execution) => {
                let is_ours = execution
                    .arguments
                    .last()
                    .is_some_and(|last| last.to_str().unwrap_or("").starts_with("short life "));
                lives.entry(key).or_default().push(if is_ours { "ours" } else { "other" });
            }
            Action::Exited { .. } => lives.entry(key).or_default().push("exited"),
            _ => {}
        }
    }
    let whole = lives.values().filter(|life| **life == ["forked", "ours", "exited"]).count();
    assert_eq!(whole, COUNT);
}

#[test]
fn a_cgroup_is_known_before_its_first_process() {
    let roots = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup", "/sys/fs/cgroup/pids"].map(Path::new);
    let is_mine = |root: &Path| root.join("cgroup.procs").exists();
    let Some(root) = roots.into_iter().find(|root| is_mine(root)) else {
        return eprintln!("skipped: no cgroups here");
    };
    let Some(mut watch) = Watch::of([Kind::CgroupMade, Kind::CgroupRemoved, Kind::Executed]) else { return };
    let name = format!("seawall-test-{}", std::process::id());
    let cgroup = root.join(&name);
    if fs::create_dir(&cgroup).is_err() {
        return eprintln!("skipped: cgroups cannot be made here");
    }
    let enter = format!("echo $$ > {}/cgroup.procs && exec /bin/true", cgroup.display());
    assert!(Command::new("/bin/sh").args(["-c", &enter]).status().unwrap().success());
    // The process is waited for, but its cgroup may still think of it.
    while fs::remove_dir(&cgroup).is_err() {
        std::thread::yield_now();
    }

    let path = Path::new("/").join(&name);
    let events = watch.events();
    let own: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.action {
            Action::CgroupMade { id, path: made } if *made == path => Some(("made", *id)),
            Action::CgroupRemoved { id, path: removed } if *removed == path => Some(("removed", *id)),
            Action::Executed(execution) if execution.cgroup == path => {
                Some(("executed", event.caller.cgroup_id))
            }
            _ => None,
        })
        .collect();
    let id = own.first().map_or(0, |(_, id)| *id);
    assert_eq!(own, [("made", id), ("executed", id), ("removed", id)]);
}
