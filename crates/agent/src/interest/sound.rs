//! Generated conditions over generated calls: what a rule matches is never left in the kernel.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use seawall_detect::{Matching, load};
use seawall_event::{Container, Image, Process};
use seawall_sensor::{Call, Endpoint, File, Named, Object, Paths, Socket};

use super::*;
use crate::testing::caller;
use crate::translate::Translator;

const PATHS: [&str; 8] = [
    "/etc/shadow",
    "/etc/pam.d/x",
    "/etc/ssh/a/id_rsa",
    "/etc",
    "/",
    "/root/.ssh/id_rsa",
    "/home/a/.ssh/k",
    "/sys/x/release_agent",
];
const CALLS: [&str; 5] = ["openat", "creat", "connect", "socket", "dup2"];

/// What rules compare paths with.
const PATTERNS: [&str; 16] = [
    "/etc/shadow",
    "/etc",
    "/etc/",
    "/etc/pam.d",
    "/et",
    "/",
    "/root/*",
    "*/id_rsa",
    "/id_rsa",
    "_agent",
    "/.ssh/",
    "/home/*/.ssh/*",
    "../",
    "shadow",
    "id_rsa",
    "x",
];

/// One comparison of a text.
fn text(fields: &[&'static str], values: &[&'static str]) -> BoxedStrategy<String> {
    let fields = prop::sample::select(fields.to_vec());
    let operators = vec!["=", "!=", "startswith", "endswith", "contains", "glob", "iglob", "icontains"];
    let value = prop::sample::select(values.to_vec());
    let many = prop::collection::vec(prop::sample::select(values.to_vec()), 1..4);
    prop_oneof![
        5 => (fields.clone(), prop::sample::select(operators), value)
            .prop_map(|(field, operator, value)| format!("{field} {operator} \"{value}\"")),
        2 => (fields.clone(), prop::sample::select(vec!["in", "pmatch"]), many).prop_map(
            |(field, operator, values)| format!("{field} {operator} (\"{}\")", values.join("\", \""))
        ),
        1 => fields.prop_map(|field| format!("{field} exists")),
    ]
    .boxed()
}

fn path() -> BoxedStrategy<String> {
    text(&["fd.name", "fd.directory", "fd.filename", "fd.nameraw", "evt.arg.name"], &PATTERNS)
}

fn comparison() -> impl Strategy<Value = String> {
    let numbers = |field: &'static str, values: &[&'static str]| {
        let operators = prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]);
        (operators, prop::sample::select(values.to_vec()))
            .prop_map(move |(operator, value)| format!("{field} {operator} {value}"))
    };
    let yes = |fields: &[&'static str]| {
        (prop::sample::select(fields.to_vec()), any::<bool>())
            .prop_map(|(field, value)| format!("{field} = {value}"))
    };
    prop_oneof![
        4 => path(),
        2 => text(&["container.id", "container.name", "container.image.repository"], &["host", "web", "nginx", "h"]),
        2 => text(&["fd.typechar", "fd.type", "fd.sockfamily", "fd.l4proto"],
            &["f", "4", "6", "u", "n", "ipv4", "ipv6", "unix", "ip", "tcp", "d", "directory"]),
        1 => text(&["evt.res"], &["SUCCESS", "ENOENT", "E", "S", "EACCES"]),
        1 => text(&["evt.arg.domain"], &["AF_INET", "AF_PACKET", "AF_UNIX", "AF"]),
        1 => prop::sample::select(CALLS.to_vec()).prop_map(|call| format!("evt.type = {call}")),
        2 => numbers("evt.rawres", &["-13", "-2", "-1", "0", "3", "-4095"]),
        2 => numbers("fd.num", &["-1", "0", "3"]),
        1 => numbers("fd.sport", &["443", "0"]),
        2 => yes(&["evt.is_open_read", "evt.is_open_write", "evt.is_open_create", "evt.failed", "fd.connected",
            "container.privileged", "fd.is_server"]),
        1 => prop::sample::select(vec!["fd.sip = \"10.0.0.1\"", "fd.net != \"10.0.0.0/8\"", "proc.name = x",
            "container.id exists", "not container.image.tag exists", "val(fd.name) = /etc/shadow",
            "tolower(fd.name) = /etc/shadow", "basename(fd.name) = shadow"]).prop_map(str::to_owned),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    comparison().prop_recursive(4, 24, 3, |inner| {
        let joined = |word: &'static str, inner: BoxedStrategy<String>| {
            prop::collection::vec(inner, 2..4).prop_map(move |parts| format!("({})", parts.join(word)))
        };
        let inner = inner.boxed();
        prop_oneof![
            joined(" and ", inner.clone()),
            joined(" or ", inner.clone()),
            inner.prop_map(|inner| format!("not ({inner})")),
        ]
    })
}

/// A call, and whether it was done in a container.
fn call() -> impl Strategy<Value = (Call, bool)> {
    let which = prop::sample::select(CALLS.to_vec());
    let result = prop::sample::select(vec![3_i64, 0, -2, -13, -115]);
    let path = prop::sample::select(PATHS.to_vec());
    let flags = prop::sample::select(vec![0_u64, 1, 2, 3, 0o101, 0o10_000_001, 0o1002]);
    let family = prop::sample::select(vec![1_u16, 2, 10, 16, 17]);
    let mapped = prop::sample::select(vec!["::ffff:10.0.0.1", "fd00::1"]);
    (which, result, path, flags, family, mapped, any::<bool>()).prop_map(
        |(name, result, path, flags, family, mapped, inside)| {
            let call = match name {
                "openat" | "creat" => opening(name, result, path, flags),
                _ => of_socket(name, result, family, mapped),
            };
            (call, inside)
        },
    )
}

fn opening(name: &str, result: i64, path: &str, flags: u64) -> Call {
    let flags = if name == "creat" { 0o1101 } else { flags };
    let is_path_only = flags & 0o10_000_000 != 0;
    let access = if is_path_only { 3 } else { flags & 3 };
    let file = File {
        is_read: matches!(access, 0 | 2),
        is_written: matches!(access, 1 | 2),
        is_created: flags & 0o100 != 0,
        mode: if path.len() < 5 { 0o040_755 } else { 0o100_644 },
        ..crate::testing::file(path)
    };
    Call {
        result,
        object: (result >= 0).then_some(Object::File(file)),
        names: vec![Named {
            directory: None,
            name: PathBuf::from(if result > 0 { format!("/proc/..{path}") } else { path.to_owned() }),
        }],
        ..crate::testing::call(name, [0, 0, flags, 0o644, 0, 0])
    }
}

fn of_socket(name: &str, result: i64, family: u16, mapped: &str) -> Call {
    let address = if family == 2 { "10.0.0.1" } else { mapped };
    let endpoint = Endpoint { address: address.parse().unwrap(), port: 443 };
    let is_internet = matches!(family, 2 | 10);
    let socket = Socket {
        family,
        kind: 1,
        protocol: 0,
        state: 1,
        local: is_internet.then_some(Endpoint { port: 40_000, ..endpoint }),
        remote: is_internet.then_some(endpoint),
        unix_name: None,
    };
    let is_made = name != "socket" || result >= 0;
    Call {
        result,
        object: is_made.then_some(Object::Socket(socket)),
        ..crate::testing::call(name, [u64::from(family), 1, 0, 0, 0, 0])
    }
}

/// What `bpf/interest.h` decides.
fn leaves_the_kernel(interest: &Interest, call: &Call, inside: bool) -> bool {
    let opened = match &call.object {
        Some(Object::File(file)) if matches!(call.system_call.name(), "openat" | "creat") => Some(file),
        _ => None,
    };
    interest.clauses.iter().any(|clause| {
        let access = clause.access;
        clause.kinds.contains(&Kind::Called(call.system_call))
            && match clause.outcome {
                Outcome::Any => true,
                Outcome::Succeeded => call.result >= 0,
                Outcome::Failed => call.result < 0,
            }
            && (clause.naming == Naming::Any
                || call.names.iter().any(|named| named.name.to_string_lossy().contains("..")))
            && match clause.place {
                Place::Any => true,
                Place::Host => !inside,
                Place::Container => inside,
            }
            && opened.is_none_or(|file| {
                (access.reads && (file.is_read || !file.is_written)
                    || access.writes && file.is_written
                    || access.creates && file.is_created)
                    && wants_path(&clause.paths, &file.path)
            })
            && match &call.object {
                Some(Object::Socket(socket)) => match socket.family {
                    1 => clause.families.unix,
                    2 => clause.families.inet,
                    10 => clause.families.inet6,
                    _ => clause.families.others,
                },
                _ => true,
            }
    })
}

fn wants_path(paths: &Paths, path: &Path) -> bool {
    match paths {
        Paths::Any => true,
        Paths::Some { below, named } => {
            below.iter().any(|directory| path.starts_with(directory))
                || named.iter().any(|name| path.file_name().is_some_and(|last| last == name.as_str()))
        }
    }
}

/// Asks one condition of calls, and holds what it matches against what leaves the kernel. None where the condition is
/// a mistake.
fn check(condition: &str, calls: impl IntoIterator<Item = (Call, bool)>) -> Option<()> {
    let rule = serde_json::json!([{
        "rule": "r", "desc": "d", "output": "o", "priority": "INFO", "condition": condition,
    }]);
    let loaded = load(&[("r.yaml", &rule.to_string())]);
    if loaded.has_errors() {
        return None;
    }
    let mut engine = Engine::new(loaded, Matching::All);
    let interest = of(&engine).interest;
    let translator = Translator::new();
    let image = Image { repository: Some("nginx".to_owned()), ..Image::default() };
    let web = Container {
        id: Some("web".to_owned()),
        image: Some(image),
        privileged: Some(true),
        ..Container::default()
    };
    for (call, inside) in calls {
        let process = Arc::new(Process { name: Some("x".to_owned()), ..Process::default() });
        let mut event = translator.call(&caller(1), process, call.clone()).unwrap();
        event.number = 1;
        event.container = Some(Arc::new(if inside { web.clone() } else { Container::host() }));
        let is_matched = engine.matches(&event).next().is_some();
        assert!(
            !is_matched || leaves_the_kernel(&interest, &call, inside),
            "{condition}\n{event:#?}\n{interest:#?}"
        );
    }
    Some(())
}

#[test]
fn no_file_that_one_comparison_matches_is_left_in_the_kernel() {
    let operators =
        ["=", "!=", "startswith", "endswith", "contains", "glob", "iglob", "icontains", "in", "pmatch"];
    for field in ["fd.name", "fd.directory", "fd.filename", "fd.nameraw", "evt.arg.name"] {
        for (operator, pattern) in
            operators.iter().flat_map(|operator| PATTERNS.map(|pattern| (operator, pattern)))
        {
            let value = if matches!(*operator, "in" | "pmatch") {
                format!("(\"{pattern}\")")
            } else {
                format!("\"{pattern}\"")
            };
            for not in ["", "not "] {
                let calls = PATHS.map(|path| (opening("openat", 3, path, 0), false));
                let condition = format!("evt.type = openat and {not}{field} {operator} {value}");
                check(&condition, calls).unwrap_or_else(|| panic!("{condition} is a mistake"));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn no_event_that_a_rule_matches_is_left_in_the_kernel(
        condition in prop_oneof![comparison(), condition()],
        calls in prop::collection::vec(call(), 12),
    ) {
        prop_assume!(check(&condition, calls).is_some());
    }
}
