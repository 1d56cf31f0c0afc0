//! How long the rules take to load and to judge an event, with all official rules (and with a rule of our own where
//! those are absent).
//!
//! `cargo bench -p seawall-detect`

use std::fs;
use std::path::Path;
use std::sync::Arc;

use divan::Bencher;
use seawall_detect::{Engine, Loaded, Matching, load};
use seawall_event::{
    Argument, ArgumentName, ArgumentValue, Container, Descriptor, DescriptorKind, Event, EventType, FlagKind,
    Lineage, Process, Protocol, Socket, User,
};

fn main() {
    divan::main();
}

/// All official rules, switched off ones included.
fn loaded() -> Loaded {
    let names = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directory =
        here.ancestors().map(|above| above.join("shared/data/falco-rules")).find(|path| path.is_dir());
    let mut files: Vec<(String, String)> = Vec::new();
    for name in names {
        let text = directory.as_ref().and_then(|directory| fs::read_to_string(directory.join(name)).ok());
        files.extend(text.map(|text| (name.to_owned(), text)));
    }
    if files.is_empty() {
        let rule = "- rule: r\n  desc: d\n  output: o\n  priority: INFO\n  condition: evt.type in (openat, execve, connect) and fd.name startswith /etc\n";
        files.push(("own.yaml".to_owned(), rule.to_owned()));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let mut loaded = load(&files);
    loaded.rules.iter_mut().for_each(|rule| rule.enabled = true);
    loaded
}

fn process(name: &str, args: &[&str]) -> Process {
    Process {
        name: Some(name.to_owned()),
        exe: Some(format!("/usr/bin/{name}")),
        exe_path: Some(format!("/usr/bin/{name}")),
        args: Some(args.iter().map(|arg| (*arg).to_owned()).collect()),
        env: Some(vec!["PATH=/usr/bin:/bin".to_owned(), "HOME=/root".to_owned(), "LANG=C.UTF-8".to_owned()]),
        user: Some(User { uid: 1000, name: Some("app".to_owned()), ..User::default() }),
        tty: Some(0),
        vpid: Some(77),
        start_ns: Some(1),
        ..Process::default()
    }
}

fn event(kind: EventType) -> Event {
    let mut parent = process("supervisord", &["-c", "/etc/supervisord.conf"]);
    parent.parent = Lineage::below(process("containerd-shim", &["-namespace", "moby"]));
    let mut process = process("node", &["server.js", "--port", "8080"]);
    process.parent = Lineage::below(parent);
    let container = Container {
        id: Some("3ad7b26ded6d".to_owned()),
        name: Some("web-1".to_owned()),
        privileged: Some(false),
        ..Container::default()
    };
    Event {
        number: 1,
        kind,
        time_ns: 10_000_000_000,
        result: Some(3),
        process: Some(Arc::new(process)),
        container: Some(Arc::new(container)),
        ..Event::default()
    }
}

fn open(path: &str, bits: u64) -> Event {
    let flags = ArgumentValue::Flags { flags: FlagKind::Open, bits };
    Event {
        fd: Some(Descriptor {
            number: Some(3),
            kind: Some(DescriptorKind::File),
            path: Some(path.to_owned()),
            ..Descriptor::default()
        }),
        arguments: vec![
            Argument { name: ArgumentName::Fd, value: ArgumentValue::Number(3) },
            Argument { name: ArgumentName::Name, value: ArgumentValue::Text(path.to_owned()) },
            Argument { name: ArgumentName::Flags, value: flags },
        ],
        ..event(EventType::OPENAT)
    }
}

fn connect() -> Event {
    let socket = Socket {
        protocol: Some(Protocol::Tcp),
        client: "10.0.0.2:40000".parse().ok(),
        server: "10.0.0.3:5432".parse().ok(),
        ..Socket::default()
    };
    let fd = Descriptor { kind: Some(DescriptorKind::Ipv4), socket: Some(socket), ..Descriptor::default() };
    Event { fd: Some(fd), ..event(EventType::CONNECT) }
}

fn judge(bencher: Bencher<'_, '_>, event: Event) {
    let mut engine = Engine::new(loaded(), Matching::First);
    bencher.bench_local(|| engine.matches(divan::black_box(&event)).next());
}

#[divan::bench]
fn load_the_official_files(bencher: Bencher<'_, '_>) {
    bencher.bench_local(loaded);
}

#[divan::bench(sample_size = 500)]
fn an_open_for_reading(bencher: Bencher<'_, '_>) {
    judge(bencher, open("/usr/lib/node_modules/express/index.js", 0));
}

#[divan::bench(sample_size = 500)]
fn an_open_for_writing(bencher: Bencher<'_, '_>) {
    judge(bencher, open("/var/lib/app/data/0001.log", 0o1101));
}

#[divan::bench(sample_size = 500)]
fn an_execution(bencher: Bencher<'_, '_>) {
    judge(bencher, event(EventType::EXECVE));
}

#[divan::bench(sample_size = 500)]
fn a_connection(bencher: Bencher<'_, '_>) {
    judge(bencher, connect());
}

#[divan::bench(sample_size = 500)]
fn a_call_that_no_rule_wants(bencher: Bencher<'_, '_>) {
    judge(bencher, event(EventType::default()));
}
