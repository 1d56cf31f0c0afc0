//! A table of conditions, events and answers.

use seawall_detect::{Engine, Level, Matching, load};
use seawall_event::{DescriptorKind, Dns, Event, FlagKind};

use crate::made::{Made, accept, call, connect, exec, open};

/// Whether a condition holds for an event; `prelude` holds lists and macros.
pub(crate) fn holds_with(prelude: &str, condition: &str, event: &Event) -> bool {
    let indented = condition.replace('\n', "\n    ");
    let text = format!(
        "{prelude}\n- rule: r\n  desc: d\n  output: o\n  priority: INFO\n  condition: >-\n    {indented}\n"
    );
    let loaded = load(&[("rules.yaml", &text)]);
    let errors: Vec<String> = loaded
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.level == Level::Error)
        .map(|diagnostic| diagnostic.to_string())
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    Engine::new(loaded, Matching::All).matches(event).next().is_some()
}

fn check(made: Made, table: &[(&str, bool)]) {
    let event = made.event();
    let wrong: Vec<&str> = table
        .iter()
        .filter(|(condition, expected)| holds_with("", condition, &event) != *expected)
        .map(|(condition, _)| *condition)
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn texts_are_compared_by_bytes() {
    let made = exec("/usr/bin/Python3 -c import os").below(&["sh", "sshd -D"]);
    check(
        made,
        &[
            ("proc.name = Python3", true),
            ("proc.name == Python3", true),
            ("proc.name = python3", false),
            ("proc.name != python3", true),
            ("proc.name != Python3", false),
            ("proc.name = \"Python3\"", true),
            ("proc.name='Python3'", true),
            ("proc.name contains yth", true),
            ("proc.name contains YTH", false),
            ("proc.name contains \"\"", true),
            ("proc.name icontains YTH", true),
            ("proc.name icontains python3", true),
            ("proc.name icontains python33", false),
            ("proc.name startswith Pyt", true),
            ("proc.name startswith pyt", false),
            ("proc.name startswith Python33", false),
            ("proc.name endswith on3", true),
            ("proc.name endswith ON3", false),
            ("proc.name glob P*3", true),
            ("proc.name glob P?thon3", true),
            ("proc.name glob p*3", false),
            ("proc.name glob [A-Q]ython[0-9]", true),
            ("proc.name iglob p*3", true),
            ("proc.name iglob [A-Q]YTHON?", true),
            ("proc.exe glob /usr/*3", true),
            ("proc.name regex 'P.*3'", true),
            ("proc.name regex 'P.*'", true),
            ("proc.name regex 'ython'", false),
            ("proc.name regex '.*ython.*'", true),
            ("proc.name regex 'a|Python3'", true),
            ("proc.name regex 'Python'", false),
            ("proc.name regex '(?i)python3'", true),
            ("proc.name regex '\\\\w+'", true),
            ("proc.name < Q", true),
            ("proc.name > Q", false),
            ("proc.name <= Python3", true),
            ("proc.name >= Python4", false),
            ("proc.name in (Python3)", true),
            ("proc.name in (a, b, Python3)", true),
            ("proc.name in (a, b)", false),
            ("proc.name in ()", false),
            ("not proc.name in ()", true),
            ("proc.name intersects (a, Python3)", true),
            ("proc.name intersects (a)", false),
            ("proc.args = \"-c import os\"", true),
            ("proc.cmdline = \"Python3 -c import os\"", true),
            ("proc.exeline startswith /usr/bin/Python3", true),
            ("proc.cmdnargs = 3", true),
            ("proc.cmdlenargs = 10", true),
        ],
    );
}

#[test]
fn an_absent_field_compares_false_with_everything() {
    check(
        exec("sh").without_process(),
        &[
            ("proc.name = sh", false),
            ("proc.name != sh", false),
            ("not proc.name = sh", true),
            ("not proc.name != sh", true),
            ("proc.name exists", false),
            ("not proc.name exists", true),
            ("proc.name in (sh)", false),
            ("not proc.name in (\"<NA>\", \"N/A\")", true),
            ("proc.name contains \"\"", false),
            ("proc.pname != sh", false),
            ("proc.pname exists", false),
            ("proc.aname = sh", false),
            ("proc.aname != sh", false),
            ("proc.tty = 0", false),
            ("proc.tty != 0", false),
            ("proc.tty >= 0", false),
            ("proc.is_exe_upper_layer = false", false),
            ("proc.is_exe_upper_layer != true", false),
            ("fd.name != x", false),
            ("fd.ip != \"0.0.0.0\"", false),
            ("not fd.net = \"10.0.0.0/8\"", true),
            ("user.uid = 0", false),
            ("user.name != root", false),
            ("container.image.repository != x", false),
            ("evt.arg.flags != x", false),
            ("proc.name = val(proc.pname)", false),
            ("proc.name != val(proc.pname)", false),
            ("tolower(proc.name) != x", false),
            ("len(proc.name) >= 0", false),
        ],
    );
    check(exec("sh"), &[("proc.name != val(fd.name)", false), ("not proc.name = val(fd.name)", true)]);
}

#[test]
fn ancestors_are_counted_from_the_process_and_searched_from_the_parent() {
    let made = exec("sh -c x").below(&["bash", "nginx -g x", "systemd"]);
    check(
        made,
        &[
            ("proc.pname = bash", true),
            ("proc.aname[0] = sh", true),
            ("proc.aname[1] = bash", true),
            ("proc.aname[2] = nginx", true),
            ("proc.aname[3] = systemd", true),
            ("proc.aname[4] exists", false),
            ("proc.aname[4] != x", false),
            ("proc.aname = sh", false),
            ("proc.aname = bash", true),
            ("proc.aname = systemd", true),
            ("proc.aname in (a, nginx)", true),
            ("proc.aname in (a, sh)", false),
            ("not proc.aname in (a, sh)", true),
            ("proc.aname startswith ngi", true),
            ("proc.aname != bash", true),
            ("proc.aname exists", true),
            ("proc.acmdline contains \"-g x\"", true),
            ("proc.acmdline[2] = \"nginx -g x\"", true),
            ("proc.pcmdline = bash", true),
            ("proc.aexe[2] endswith inx", true),
        ],
    );
}

#[test]
fn numbers_and_flags() {
    check(
        open("/tmp/x", "O_CREAT|O_TRUNC|O_WRONLY").number("ino", 77).result(3).tty(34816).user(1000, "alice"),
        &[
            ("fd.num = 3", true),
            ("fd.num >= 0", true),
            ("fd.num>=0", true),
            ("fd.num > 3", false),
            ("fd.num < 0x10", true),
            ("fd.num <= 3", true),
            ("fd.num != 4", true),
            ("fd.num in (1, 2, 3)", true),
            ("fd.num in (0x3)", true),
            ("fd.num intersects (3)", true),
            ("fd.num in (-1)", false),
            ("proc.tty != 0", true),
            ("proc.duration <= 5000000000", true),
            ("proc.duration > 18446744073709551615", false),
            ("evt.is_open_write = true", true),
            ("evt.is_open_write=true", true),
            ("evt.is_open_write != false", true),
            ("evt.is_open_read = true", false),
            ("evt.is_open_read = false", true),
            ("evt.is_open_create = true", true),
            ("evt.is_open_exec = true", false),
            ("evt.arg.flags contains O_TRUNC", true),
            ("evt.arg[flags] contains O_TRUNC", true),
            ("evt.arg[1] contains O_TRUNC", true),
            ("evt.arg[0] = /tmp/x", true),
            ("evt.arg[9] exists", false),
            ("evt.arg.flags contains O_APPEND", false),
            ("evt.arg.ino = 77", true),
            ("evt.rawarg.ino = 77", true),
            ("evt.rawarg.ino > 76", true),
            ("evt.args contains \"name=/tmp/x\"", true),
            ("evt.rawres >= 0", true),
            ("evt.rawres in (0, 1, 2)", false),
            ("evt.res = SUCCESS", true),
            ("evt.failed = false", true),
            ("evt.num = 0", false),
            ("evt.num = 7", true),
            ("evt.num > 0", true),
            ("evt.dir = <", true),
            ("evt.count = 1", true),
            ("evt.source = syscall", true),
            ("user.uid = 1000", true),
            ("user.uid != 0", true),
            ("user.name = alice", true),
            ("user.loginuid exists", false),
        ],
    );
    check(
        open("/tmp/x", "O_RDWR").result(-13).fd_number(-1),
        &[
            ("evt.res = EACCES", true),
            ("evt.res startswith E", true),
            ("evt.res != -1", true),
            ("evt.rawres < 0", true),
            ("evt.failed = true", true),
            ("fd.num = -1", true),
            ("fd.num=-1", true),
            ("evt.is_open_read = true and evt.is_open_write = true", true),
        ],
    );
    check(
        call("bpf").flags("cmd", FlagKind::BpfCommand, "BPF_PROG_LOAD"),
        &[
            ("evt.arg.cmd = BPF_PROG_LOAD", true),
            ("evt.rawarg.cmd = 5", true),
            ("evt.is_open_read = true", false),
        ],
    );
}

#[test]
fn event_types_decide_which_rules_are_asked() {
    check(
        call("execveat"),
        &[
            ("evt.type = execveat", true),
            ("evt.type in (execve, execveat)", true),
            ("evt.type in (open, openat)", false),
            ("evt.type != open", true),
            ("not evt.type = open", true),
            ("not evt.type in (execve, execveat)", false),
            ("not not evt.type = execveat", true),
            ("evt.type = open or proc.name = x", true),
            ("evt.type = open or proc.name = y", false),
            ("(evt.type = open and proc.name = x) or (evt.type = execveat and proc.name = x)", true),
            ("not (evt.type = open and proc.name = x)", true),
            ("not (evt.type = execveat and proc.name = x)", false),
            ("syscall.type = execveat", true),
            ("evt.type exists", true),
            ("evt.type = val(evt.type)", true),
            ("proc.name = x", true),
        ],
    );
    check(
        call("getppid"),
        &[("evt.type != open", true), ("evt.type = getppid", true), ("proc.name = x", true)],
    );
}

#[test]
fn words_bind_as_in_falco() {
    check(
        exec("sh"),
        &[
            ("proc.name = sh or proc.name = a and proc.name = b", true),
            ("(proc.name = sh or proc.name = a) and proc.name = b", false),
            ("not proc.name = a and proc.name = sh", true),
            ("not proc.name = a or proc.name = b", true),
            ("not(proc.name = a)and(proc.name = sh)", true),
            ("not not not proc.name = a", true),
            ("not (proc.name = sh or proc.name = a)", false),
            ("proc.name = a or\nproc.name = sh", true),
            ("proc.name\n=\nsh", true),
            ("((((proc.name = sh))))", true),
            ("proc.name in(sh)", true),
            ("proc.name in ( sh , bash )", true),
            ("proc.name exists and proc.name=sh", true),
            ("proc.name = sh and (proc.name = a or (proc.name = b or proc.name = sh))", true),
        ],
    );
}

#[test]
fn files_have_paths_directories_and_names() {
    let made = open("/etc/apt/sources.list.d/x.list", "O_RDONLY").raw("../x.list");
    check(
        made,
        &[
            ("fd.name = /etc/apt/sources.list.d/x.list", true),
            ("fd.nameraw = ../x.list", true),
            ("fd.directory = /etc/apt/sources.list.d", true),
            ("fd.filename = x.list", true),
            ("fd.type = file", true),
            ("fd.typechar = 'f'", true),
            ("fd.typechar='f'", true),
            ("fd.type in (file, directory)", true),
            ("fd.name pmatch (/etc/apt)", true),
            ("fd.name pmatch (/etc/ap)", false),
            ("fd.name pmatch (/etc/apt/)", true),
            ("fd.name pmatch (/etc/apt/sources.list.d/x.list)", true),
            ("fd.name pmatch (/etc/apt/sources.list.d/x.list/y)", false),
            ("fd.name pmatch (/var, /etc)", true),
            ("fd.name pmatch (/etc/*/sources.list.d)", true),
            ("fd.name pmatch (/etc/a?t)", true),
            ("fd.name pmatch (/)", true),
            ("fd.name pmatch ()", false),
            ("fd.name glob /etc/*/x.list", true),
            ("fd.name startswith /etc/", true),
            ("fs.path.name = /etc/apt/sources.list.d/x.list", true),
            ("fd.ip exists", false),
            ("fd.sport exists", false),
        ],
    );
    check(open("/shadow", "O_RDONLY"), &[("fd.directory = /", true), ("fd.nameraw = /shadow", true)]);
}

#[test]
fn connections_have_two_sides() {
    check(
        connect("203.0.113.9:443").server_name("example.org"),
        &[
            ("fd.type = ipv4", true),
            ("fd.typechar = 4", true),
            ("fd.sockfamily = ip", true),
            ("fd.l4proto = tcp", true),
            ("fd.l4proto != tcp", false),
            ("fd.ip = 10.0.0.2", true),
            ("fd.ip = 203.0.113.9", true),
            ("fd.ip = 203.0.113.8", false),
            ("fd.ip != 203.0.113.9", false),
            ("fd.ip != 10.0.0.2", false),
            ("fd.ip != 0.0.0.0", true),
            ("fd.ip in (1.1.1.1, 203.0.113.9)", true),
            ("fd.ip in (203.0.113.0/24)", true),
            ("fd.cip = 10.0.0.2", true),
            ("fd.sip = 203.0.113.9", true),
            ("fd.lip = 10.0.0.2", true),
            ("fd.rip = 203.0.113.9", true),
            ("fd.rip != 203.0.113.9", false),
            ("fd.net = 10.0.0.0/8", true),
            ("fd.net = \"203.0.113.0/24\"", true),
            ("fd.net = 192.168.0.0/16", false),
            ("fd.net != 127.0.0.0/8", true),
            ("fd.net != 10.0.0.0/8", false),
            ("fd.net in (192.168.0.0/16, 10.0.0.0/8)", true),
            ("fd.snet in (10.0.0.0/8)", false),
            ("fd.cnet in (10.0.0.0/8)", true),
            ("fd.rnet = 203.0.113.9", true),
            ("fd.net = 0.0.0.0/0", true),
            ("fd.sip = ::1", false),
            ("fd.port = 443", true),
            ("fd.port = 40000", true),
            ("fd.port != 443", false),
            ("fd.port != 22", true),
            ("fd.port in (22, 443)", true),
            ("fd.sport = 443", true),
            ("fd.sport=\"443\"", true),
            ("fd.cport = 40000", true),
            ("fd.lport = 40000", true),
            ("fd.rport = 443", true),
            ("fd.sport >= 400 and fd.sport <= 500", true),
            ("fd.name = 10.0.0.2:40000->203.0.113.9:443", true),
            ("fd.sip.name = example.org", true),
            ("fd.rip.name = example.org", true),
            ("fd.sip.name != example.org", false),
            ("fd.sip.name in (a, example.org)", true),
            ("fd.sip.name endswith .org", true),
            ("tolower(fd.sip.name) = example.org", true),
            // A client whose name nobody knows has an address all the same.
            ("fd.cip.name exists", false),
            ("fd.cip.name = x", false),
            ("fd.cip.name != x", true),
            ("not fd.cip.name = x", true),
            ("fd.is_server = false", true),
            ("fd.connected exists", false),
            ("fd.directory exists", false),
        ],
    );
    check(
        accept("[2001:db8::1]:5000").socket(
            "[2001:db8::1]:5000",
            "[2001:db8::2]:80",
            seawall_event::Protocol::Tcp,
            true,
        ),
        &[
            ("fd.type = ipv6", true),
            ("fd.typechar = 6", true),
            ("fd.cip = 2001:db8::1", true),
            ("fd.rip = 2001:db8::1", true),
            ("fd.lip = 2001:db8::2", true),
            ("fd.cnet in (2001:db8::/32)", true),
            ("fd.cnet in (2001:db9::/32)", false),
            ("fd.net = 10.0.0.0/8", false),
            ("fd.net != 10.0.0.0/8", true),
            ("fd.lport = 80", true),
        ],
    );
}

#[test]
fn containers_and_pods() {
    check(
        exec("sh").inside().namespace("prod").label("team", "pay").mount("/etc", "/host/etc").privileged(),
        &[
            ("container.id != host", true),
            ("container.id = 3ad7b26ded6d", true),
            ("container.name = web-1", true),
            ("container.type = docker", true),
            ("container.image.repository = registry.example/web", true),
            ("container.image.repository endswith /web", true),
            ("container.image.tag = \"1.2\"", true),
            ("container.image.digest exists", false),
            ("container.privileged = true", true),
            ("k8s.ns.name = prod", true),
            ("k8s.pod.name exists", false),
            ("container.label.team = pay", true),
            ("container.label[team] = pay", true),
            ("container.label.other exists", false),
            ("container.labels = team:pay", true),
            ("container.mount.dest[/etc] = /host/etc", true),
            ("container.mount.dest[/e*] = /host/etc", true),
            ("container.mount.dest[/var] exists", false),
            ("container.mount.dest[0] = /host/etc", true),
            ("container.mount.dest[1] exists", false),
            ("container.mount.source[/host/*] = /etc", true),
            ("container.mount.rdwr[0] = true", true),
            ("container.mounts contains /etc:/host/etc", true),
        ],
    );
    check(
        exec("sh"),
        &[
            ("container.id = host", true),
            ("container.id != host", false),
            ("container.privileged = false", false),
            ("container.image.repository exists", false),
        ],
    );
    check(
        exec("sh").inside_unknown(),
        &[
            ("container.id != host", true),
            ("container.name exists", false),
            ("container.privileged = true", false),
        ],
    );
}

#[test]
fn values_can_be_changed_before_they_are_compared() {
    check(
        open("/etc/Shadow", "O_RDONLY").by("/bin/CAT aGVsbG8= x").below(&["cat"]).env(&["A=1", "HOME=/root"]),
        &[
            ("tolower(proc.name) = cat", true),
            ("toupper(proc.pname) = CAT", true),
            ("tolower(proc.name) in (cat, dog)", true),
            ("proc.pname = tolower(proc.name)", true),
            ("proc.pname != tolower(proc.name)", false),
            ("tolower(proc.name) = val(proc.pname)", true),
            ("proc.name = val(proc.pname)", false),
            ("fd.name contains val(fd.filename)", true),
            ("fd.name startswith val(fd.directory)", true),
            ("basename(fd.name) = Shadow", true),
            ("tolower(basename(fd.name)) = shadow", true),
            ("len(proc.name) = 3", true),
            ("len(fd.name) > 10", true),
            ("toupper( proc.pname ) = CAT", true),
            ("concat(proc.name, \"-\", proc.pname) = CAT-cat", true),
            ("join(\",\", (proc.name, proc.pname)) = \"CAT,cat\"", true),
            ("join(\"\", (proc.name, \"x\")) = CATx", true),
            ("b64(proc.args) exists", false),
            ("proc.env[HOME] = /root", true),
            ("proc.env[OTHER] exists", false),
            ("proc.env contains \"HOME=/root\"", true),
            ("fd.num = val(evt.rawres)", true),
        ],
    );
    check(exec("x aGVsbG8="), &[("b64(proc.args) = hello", true), ("len(b64(proc.args)) = 5", true)]);
}

#[test]
fn one_of_several_values() {
    check(
        exec("curl -o x"),
        &[
            ("proc.name = anyof (curl, wget)", true),
            ("proc.name = anyof (wget)", false),
            ("proc.cmdline contains anyof (\"-o\", \"-q\")", true),
            ("proc.cmdline contains allof (\"-o\", \"-q\")", false),
            ("proc.cmdline contains allof (curl, \"-o\")", true),
            ("proc.cmdline contains oneof (curl, \"-q\")", true),
            ("proc.cmdline contains oneof (curl, \"-o\")", false),
            ("proc.cmdline contains oneof ()", false),
            ("proc.name startswith oneof(cu, wg)", true),
            ("not proc.name endswith anyof (x, y)", true),
        ],
    );
}

#[test]
fn bytes_are_compared_with_hexadecimal_digits() {
    check(
        connect("203.0.113.9:80").named("recvfrom").data(&[0x1f, 0x8b, 0xca, 0xfe, b'a']),
        &[
            ("evt.buffer bcontains cafe", true),
            ("evt.buffer bcontains CAFE", true),
            ("evt.buffer bcontains fefe", false),
            ("evt.buffer bstartswith 1f8b", true),
            ("evt.buffer bstartswith 8b", false),
            ("evt.buffer endswith a", true),
            ("evt.buffer contains a", true),
            ("evt.buffer startswith a", false),
            ("evt.buffer exists", true),
            ("evt.buflen = 5", true),
        ],
    );
}

#[test]
fn lists_stand_for_their_items_wherever_a_word_can_stand() {
    let check = |prelude: &str, condition: &str, made: Made, expected: bool| {
        assert_eq!(holds_with(prelude, condition, &made.event()), expected, "{condition}");
    };
    let lists = "
- list: shells
  items: [sh, bash]
- list: more
  items: [shells, zsh, '\"75-x\"', 'a b']
- list: one
  items: [zsh]
- list: none
  items: []
- list: names
  items: ['\"(systemd)\"', \"runc:[0:PARENT]\"]
";
    check(lists, "proc.name in (shells)", exec("sh"), true);
    check(lists, "proc.name in shells", exec("bash"), true);
    check(lists, "proc.name in (more)", exec("sh"), true);
    check(lists, "proc.name in (more)", exec("75-x"), true);
    check(lists, "proc.name in (\"more\")", exec("sh"), false);
    check(lists, "proc.name in (\"more\")", exec("more"), true);
    check(lists, "proc.name in (none)", exec("sh"), false);
    check(lists, "proc.name in (none, sh)", exec("sh"), true);
    check(lists, "proc.name in (x, none, sh)", exec("sh"), true);
    check(lists, "proc.name = one", exec("zsh"), true);
    check(lists, "proc.name startswith one", exec("zsh-5"), true);
    check(lists, "proc.name in (names)", exec("runc:[0:PARENT]"), true);
    check(lists, "proc.name in (names)", exec("(systemd)"), true);
    check(lists, "proc.name in (runc:[0:PARENT], x)", exec("runc:[0:PARENT]"), true);
    check(lists, "proc.cmdline in (\"sh -c x\")", exec("sh -c x"), true);
}

#[test]
fn macros_see_what_was_defined_before_them_and_rules_see_all() {
    let check = |prelude: &str, condition: &str, made: Made, expected: bool| {
        assert_eq!(holds_with(prelude, condition, &made.event()), expected, "{prelude} {condition}");
    };
    let early = "
- macro: m
  condition: proc.name in (later)
- list: later
  items: [sh]
";
    // The list is defined behind the macro, so the macro means the word.
    check(early, "m", exec("sh"), false);
    check(early, "m", exec("later"), true);
    check(early, "proc.name in (later)", exec("sh"), true);
    let late = format!(
        "{early}
- macro: m
  condition: or proc.name = zsh
  override: {{condition: append}}
"
    );
    // Appending makes it see the list, and keeps its place.
    check(&late, "m", exec("sh"), true);
    check(&late, "m", exec("zsh"), true);
    let replaced = format!(
        "{early}
- list: later
  items: [bash]
- macro: m
  condition: proc.name in (later)
"
    );
    check(&replaced, "m", exec("bash"), true);
    check(&replaced, "m", exec("sh"), false);
    let nested = "
- macro: a
  condition: proc.name = sh or proc.name = bash
- macro: b
  condition: not a
";
    check(nested, "a and user.uid = 0", exec("bash"), true);
    check(nested, "b", exec("bash"), false);
    check(nested, "not b", exec("bash"), true);
}

#[test]
fn escapes_are_those_of_falco() {
    check(
        exec("sh \\ 'a\" b\tc"),
        &[
            ("proc.args contains '\\'a'", true),
            ("proc.args contains \"a\\\"\"", true),
            ("proc.args contains \"b\\tc\"", true),
            ("proc.args contains \"\\\\\"", true),
            // An old rule writes a backslash before a blank and means the backslash.
            ("proc.args startswith \"\\ \"", true),
            ("proc.args startswith \\", true),
        ],
    );
}

#[test]
fn kinds_of_descriptors_have_names_and_letters() {
    let check = |kind: DescriptorKind, name: &str, letter: &str| {
        let mut event = call("read").file("x").event();
        event.fd.as_mut().unwrap().kind = Some(kind);
        let condition = format!("fd.type = {name} and fd.typechar = {letter}");
        assert!(holds_with("", &condition, &event), "{condition}");
    };
    check(DescriptorKind::Directory, "directory", "d");
    check(DescriptorKind::Unix, "unix", "u");
    check(DescriptorKind::Pipe, "pipe", "p");
    check(DescriptorKind::Event, "event", "e");
    check(DescriptorKind::Bpf, "bpf", "b");
    check(DescriptorKind::Memory, "memfd", "m");
}

#[test]
fn messages_of_the_dns_say_what_was_asked_and_answered() {
    let asked = |is_answer: bool| {
        connect("10.96.0.10:53").udp().named("dns").dns(Dns {
            question: "a.b.example.org".to_owned(),
            kind: Some("TXT".to_owned()),
            is_answer,
            rcode: is_answer.then(|| "NOERROR".to_owned()),
            answers: if is_answer { vec!["v=1".to_owned(), "10.0.0.1".to_owned()] } else { Vec::new() },
        })
    };
    check(
        asked(false),
        &[
            ("evt.type = dns", true),
            ("dns.question = a.b.example.org", true),
            ("dns.question endswith .example.org", true),
            ("len(dns.question) = 15", true),
            ("dns.domain = example.org", true),
            ("dns.type in (A, TXT)", true),
            ("dns.is_answer = false", true),
            ("dns.rcode exists", false),
            ("dns.rcode != NOERROR", false),
            ("dns.answers exists", false),
            ("fd.sport = 53", true),
        ],
    );
    check(
        asked(true),
        &[
            ("dns.is_answer = true", true),
            ("dns.rcode = NOERROR", true),
            ("dns.answers intersects (x, 10.0.0.1)", true),
            ("dns.answers in (x, 10.0.0.1)", false),
            ("dns.answers exists", true),
        ],
    );
    check(open("/etc/x", "O_RDONLY"), &[("dns.question exists", false), ("not dns.question = x", true)]);
}
