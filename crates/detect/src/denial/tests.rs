use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use proptest::prelude::*;
use seawall_event::{Descriptor, ExeFile, Process, Protocol, Socket};

use super::*;
use crate::engine::Matching;
use crate::load::load;

fn engine(condition: &str, more: &str) -> Engine {
    let rule = format!(
        "- rule: r\n  desc: d\n  output: o\n  priority: NOTICE\n  respond: [deny]\n  condition: >\n    {condition}\n{more}"
    );
    let loaded = load(&[("r.yaml", &rule)]);
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    Engine::new(loaded, Matching::First)
}

/// What the kernel would say: the same tables, asked here.
fn decides(engine: &Engine, denied: &Denied, event: &Event) -> bool {
    let mut facts =
        event.container.as_deref().map_or(0, |container| engine.container_atoms(denied, container));
    for (index, atom) in denied.atoms.iter().enumerate() {
        facts |= u64::from(holds(atom, event)) << index;
    }
    denied.clauses.iter().any(|clause| facts & clause.must == clause.must && facts & clause.must_not == 0)
}

fn holds(atom: &Atom, event: &Event) -> bool {
    let process = event.process.as_deref();
    let path = process.and_then(|process| process.exe_path.as_deref()).unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let file = process.and_then(|process| process.exe_file.as_ref());
    let socket = event.fd.as_ref().and_then(|fd| fd.socket.as_ref());
    let remote = socket.and_then(|socket| socket.server);
    let protocol = socket.and_then(|socket| socket.protocol);
    match atom {
        Atom::Container(_) => false,
        Atom::Executable(beginnings) => beginnings.iter().any(|beginning| match beginning {
            Beginning::Path(text) => path.starts_with(text),
            Beginning::WholePath(text) => path == text,
            Beginning::Name(text) => name.starts_with(text),
            Beginning::WholeName(text) => name == text,
        }),
        Atom::Is(properties) => properties.iter().any(|property| match property {
            Property::UpperLayer => file.is_some_and(|file| file.is_upper_layer == Some(true)),
            Property::LowerLayer => file.is_some_and(|file| file.is_lower_layer == Some(true)),
            Property::Memfd => file.is_some_and(|file| file.is_from_memfd == Some(true)),
            Property::Ipv4 => remote.is_some_and(|remote| remote.is_ipv4()),
            Property::Ipv6 => remote.is_some_and(|remote| remote.is_ipv6()),
            Property::Tcp => protocol == Some(Protocol::Tcp),
            Property::Udp => protocol == Some(Protocol::Udp),
            Property::Icmp => protocol == Some(Protocol::Icmp),
            Property::Raw => protocol == Some(Protocol::Raw),
        }),
        Atom::Remote(networks) => remote.is_some_and(|remote| {
            let (family, of_remote) = bits_of(remote.ip().to_canonical());
            networks.iter().any(|(address, bits)| {
                let (of, digits) = bits_of(*address);
                of == family && digits[..usize::from(*bits)] == of_remote[..usize::from(*bits)]
            })
        }),
        Atom::Port(ports) => remote.is_some_and(|remote| ports.contains(&remote.port())),
    }
}

/// The family and each bit, the first one first; the kernel's tables take the address as it is.
fn bits_of(address: IpAddr) -> (u8, Vec<bool>) {
    let (family, octets) = match address {
        IpAddr::V4(address) => (4, address.octets().to_vec()),
        IpAddr::V6(address) => (6, address.octets().to_vec()),
    };
    let bits = octets.iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1 == 1));
    (family, bits.collect())
}

const PARTS: [&str; 14] = [
    "proc.exepath = /usr/bin/nc",
    "proc.exepath != /usr/bin/nc",
    "proc.exepath in (/usr/bin/nc, /tmp/x)",
    "proc.exepath startswith /tmp",
    "proc.exepath endswith /nc",
    "proc.exepath pmatch (/tmp, /usr/bin)",
    "basename(proc.exepath) in (nc, true)",
    "basename(proc.exepath) startswith n",
    "proc.is_exe_upper_layer = true",
    "proc.is_exe_lower_layer = false",
    "proc.is_exe_from_memfd = true",
    "container.id != host",
    "container.image.repository contains web",
    "evt.res = SUCCESS",
];
const REMOTE_PARTS: [&str; 18] = [
    "fd.rip = 10.0.0.1",
    "fd.sip != 10.0.0.1",
    "fd.rnet in (10.0.0.0/8, \"fd00::/8\")",
    "fd.rip in (\"::ffff:10.1.2.3\", 192.0.2.1)",
    "fd.rnet in (\"::ffff:192.168.0.0/113\")",
    "fd.rnet in (0.0.0.0/0)",
    "fd.rnet in (10.1.2.2/31, \"2001:db8::/127\", \"::/1\")",
    "fd.rnet in (\"::ffff:0:0/95\")",
    "fd.l4proto != icmp",
    "fd.snet in (192.168.0.0/16)",
    "fd.rport = 80",
    "fd.sport in (80, 443)",
    "fd.rport < 1024",
    "fd.rport >= 1024",
    "fd.l4proto = tcp",
    "fd.typechar = 4",
    "fd.type in (ipv4, ipv6)",
    "container.id = host",
];

/// A condition of these parts, as prefix notation from random numbers.
fn condition(parts: &[&str], choices: &mut impl Iterator<Item = u8>, depth: usize) -> String {
    let choice = choices.next().unwrap_or(0);
    let part = |choices: &mut dyn Iterator<Item = u8>| {
        parts[usize::from(choices.next().unwrap_or(0)) % parts.len()].to_owned()
    };
    if depth == 0 {
        return part(choices);
    }
    match choice % 4 {
        0 => part(choices),
        1 => format!("not ({})", condition(parts, choices, depth - 1)),
        2 => {
            format!("({} and {})", condition(parts, choices, depth - 1), condition(parts, choices, depth - 1))
        }
        _ => {
            format!("({} or {})", condition(parts, choices, depth - 1), condition(parts, choices, depth - 1))
        }
    }
}

fn container(choice: u8) -> Container {
    match choice % 3 {
        0 => Container::host(),
        1 => Container { id: Some("abc".to_owned()), ..Container::default() },
        _ => {
            let image =
                seawall_event::Image { repository: Some("team/web".to_owned()), ..Default::default() };
            Container { id: Some("def".to_owned()), image: Some(image), ..Container::default() }
        }
    }
}

fn execution(choices: [u8; 3]) -> Event {
    let paths = ["/usr/bin/nc", "/tmp/x", "/tmpfoo/nc", "/usr/bin/true", "/usr/bin/ncat", "memfd:nc"];
    let path = paths[usize::from(choices[0]) % paths.len()];
    let file = ExeFile {
        is_upper_layer: Some(choices[1] & 1 != 0),
        is_lower_layer: Some(choices[1] & 3 == 2),
        is_from_memfd: Some(path.starts_with("memfd:")),
        ..ExeFile::default()
    };
    let process = Process { exe_path: Some(path.to_owned()), exe_file: Some(file), ..Process::default() };
    Event {
        kind: EventType::EXECVE,
        result: Some(0),
        process: Some(Arc::new(process)),
        container: Some(Arc::new(container(choices[2]))),
        ..Event::default()
    }
}

fn connection(choices: [u8; 3]) -> Event {
    let addresses = ["10.0.0.1", "10.1.2.3", "192.168.1.1", "192.168.129.1", "fd00::1", "2001:db8::1"];
    let address: IpAddr = addresses[usize::from(choices[0]) % addresses.len()].parse().unwrap();
    let ports = [80, 443, 1023, 1024, 40000];
    let socket = Socket {
        protocol: [Some(Protocol::Tcp), Some(Protocol::Udp), None][usize::from(choices[1]) % 3],
        client: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 50000))),
        server: Some(SocketAddr::new(address, ports[usize::from(choices[1] / 3) % ports.len()])),
        ..Socket::default()
    };
    let kind = if address.is_ipv4() { DescriptorKind::Ipv4 } else { DescriptorKind::Ipv6 };
    let fd = Descriptor { kind: Some(kind), socket: Some(socket), ..Descriptor::default() };
    Event {
        kind: EventType::CONNECT,
        fd: Some(fd),
        container: Some(Arc::new(container(choices[2]))),
        ..Event::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_kernel_says_what_the_rules_say(
        shape in proptest::collection::vec(any::<u8>(), 1..40),
        events in proptest::collection::vec(any::<[u8; 3]>(), 1..24),
        is_execution: bool,
    ) {
        let (kind, parts, occasion) = match is_execution {
            true => ("evt.type = execve", &PARTS[..], Occasion::Execution),
            false => ("evt.type = connect", &REMOTE_PARTS[..], Occasion::Connection),
        };
        let condition = condition(parts, &mut shape.iter().copied(), 4);
        let mut engine = engine(&format!("{kind} and {condition}"), "");
        match engine.denials() {
            // What never holds is refused, and then holds for nothing.
            Err(problems) if problems[0].reason.contains("ever fits") => {
                for choices in events {
                    let event = if is_execution { execution(choices) } else { connection(choices) };
                    prop_assert_eq!(engine.matches(&event).count(), 0, "{}", condition);
                }
            }
            Err(problems) => prop_assert!(problems[0].reason.contains("alternatives"), "{problems:?}"),
            Ok(denials) => for choices in events {
                let event = if is_execution { execution(choices) } else { connection(choices) };
                let by_rule = engine.matches(&event).count() > 0;
                prop_assert_eq!(decides(&engine, &denials[occasion as usize], &event), by_rule, "{} of {:?}", condition, event);
            }
        }
    }
}

#[test]
fn what_the_kernel_cannot_decide_is_refused_with_the_part() {
    let check = |condition: &str, more: &str, expected: &str| {
        let problems = engine(condition, more).denials().unwrap_err();
        let text = problems[0].to_string();
        assert!(text.starts_with("r.yaml:1: the rule `r` responds with `deny`"), "{text}");
        assert!(text.contains(expected), "{condition}: {text}");
    };
    check("evt.type = execve and proc.name = nc", "", "`proc.name = nc`: who executes chooses it");
    check("evt.type = execve and not proc.pname = sh", "", "`proc.pname = sh`");
    check("evt.type = execve and proc.exepath contains miner", "", "`proc.exepath contains miner`");
    check("evt.type = execve and proc.exepath startswith tmp", "", "a path begins with a slash");
    check("evt.type = execve and proc.exepath endswith bin/nc", "", "`endswith /NAME`");
    check("evt.type = execve and proc.exepath pmatch (/tmp/*/x)", "", "patterns");
    check("evt.type = execve and tolower(proc.exepath) = /x", "", "`tolower(proc.exepath) = /x`");
    check("evt.type = execve and proc.exepath = val(proc.exe)", "", "second field");
    check("evt.type = execve and basename(proc.exepath) = /a/b", "", "has no slash");
    check("evt.type = execve and basename(proc.exepath) startswith /a", "", "has no slash");
    check("evt.type = execve and basename(proc.exepath) in (nc, a/b)", "", "has no slash");
    check("evt.type = connect and fd.l4proto = icmp", "", "no connection of ping and raw sockets");
    check("evt.type = connect and fd.l4proto in (tcp, raw)", "", "no connection of ping and raw sockets");
    check("evt.type = connect and fd.type in (ipv4, raw)", "", "raw sockets");
    check("evt.type = openat and fd.name = /etc/shadow", "", "`evt.type` openat");
    check("proc.exepath = /x", "", "begin the condition with");
    check("evt.type = execveat and proc.exepath = /x", "", "told as execve");
    check("evt.type = connect and fd.ip = 10.0.0.1", "", "`fd.ip in (…)`: it asks for either side");
    check("evt.type = connect and evt.res = EINPROGRESS", "", "no result before");
    check("evt.type = sendto and fd.rport = 53", "", "name sendto and sendmsg");
    check("evt.type = execve and evt.res = EPERM", "", "ever fits it");
    check("evt.type = execve and proc.exepath = /x", "  count: 2\n  within: 1m\n", "`count`");
    let long = format!("evt.type = execve and proc.exepath = /{}", "x".repeat(253));
    check(&long, "", "first 253 bytes");
    assert!(
        engine("evt.type = execve and proc.exepath = /x", "  enabled: false\n").denials().unwrap()[0]
            .clauses
            .is_empty()
    );
}

#[test]
fn too_many_alternatives_are_refused() {
    let either = |n: usize| format!("(proc.exepath = /a{n} or not proc.exepath startswith /b{n})");
    let parts: Vec<String> = (0..8).map(either).collect();
    let problems =
        engine(&format!("evt.type = execve and {}", parts.join(" and ")), "").denials().unwrap_err();
    assert!(problems[0].reason.contains("alternatives"), "{problems:?}");
    let parts: Vec<String> = (0..70).map(|n| format!("proc.exepath startswith /a{n}.")).collect();
    let problems =
        engine(&format!("evt.type = execve and ({})", parts.join(" or ")), "").denials().unwrap_err();
    assert!(problems[0].reason.contains("64 different questions"), "{problems:?}");
}

#[test]
fn what_would_find_no_room_beside_as_much_is_refused() {
    let of = |kinds: &str, field: &str, count: usize, one: &dyn Fn(usize) -> String| {
        let all: Vec<String> = (0..count).map(one).collect();
        engine(&format!("evt.type in ({kinds}) and {field} in ({})", all.join(", ")), "").denials()
    };
    let address = |n: usize| format!("10.1.{}.{}", n / 256, n % 256);
    let path = |n: usize| format!("/usr/bin/p{n}");
    let check = |kinds: &str, field: &str, one: &dyn Fn(usize) -> String, most: usize, expected: &str| {
        assert!(of(kinds, field, most, one).is_ok());
        let problems = of(kinds, field, most + 1, one).unwrap_err();
        assert!(problems[0].reason.contains(expected), "{problems:?}");
    };
    check("connect", "fd.rip", &address, DENIED_NETWORKS_MAX, "16384 addresses");
    check("connect, sendto, sendmsg", "fd.rip", &address, DENIED_NETWORKS_MAX / 2, "16384 addresses");
    check("execve", "proc.exepath", &path, DENIED_TEXTS_MAX, "7168 paths");
}

#[test]
fn whether_it_is_a_container_needs_no_more_than_that() {
    let engine = engine("evt.type = execve and container.id != host and container.image.repository = x", "");
    let denials = engine.denials().unwrap();
    let of_known = denials[0].atoms_of_known_containers();
    assert_eq!((denials[0].atoms.len(), of_known.count_ones()), (2, 1));
    let bare = Container { id: Some(String::new()), ..Container::default() };
    assert_eq!(engine.container_atoms(&denials[0], &bare) & of_known, 0);
    assert_eq!(engine.container_atoms(&denials[0], &Container::host()), 0);
}
