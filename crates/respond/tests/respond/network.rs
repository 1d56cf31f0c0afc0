//! Cutting a network off: processes in a namespace of their own, joined to the host's by a pair of interfaces.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use seawall_finding::ContainerIdentity;
use seawall_policy::Response;
use seawall_respond::{Mode, Outcome, Receipts, Standing, undo};
use seawall_testkit::Kind;

use crate::place::{Place, container, endpoint, engine, is_root};

fn command(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let done = Command::new(words.next().unwrap()).args(words).output();
    done.is_ok_and(|output| output.status.success())
}

/// Addresses of a pair of interfaces: the host's and the container's.
struct Pair {
    host: String,
    container: String,
    pid: u32,
}

impl Pair {
    /// Joins a container's network to the host's; `None`, with a word, where that cannot be done.
    fn join(pid: u32, number: u8) -> Option<Pair> {
        let (ours, theirs) = (format!("swr{number}a"), format!("swr{number}b"));
        let pair = Pair { host: format!("10.213.{number}.1"), container: format!("10.213.{number}.2"), pid };
        let inside = format!("nsenter --net=/proc/{pid}/ns/net ip");
        let done = command(&format!("ip link add {ours} type veth peer name {theirs} netns {pid}"))
            && command(&format!("ip addr add {}/24 dev {ours}", pair.host))
            && command(&format!("ip link set {ours} up"))
            && command(&format!("{inside} addr add {}/24 dev {theirs}", pair.container))
            && command(&format!("{inside} link set {theirs} up"))
            && command(&format!("{inside} link set lo up"));
        if !done {
            println!("skipped: no interfaces can be made (it takes ip and nsenter)");
            return None;
        }
        Some(pair)
    }

    /// Whether the container reaches this address of the host.
    fn reaches(&self, address: &str, port: u16) -> bool {
        let connect = format!("exec 3<>/dev/tcp/{address}/{port}");
        let network = format!("--net=/proc/{}/ns/net", self.pid);
        let words = [&network[..], "timeout", "1", "bash", "-c", &connect];
        Command::new("nsenter").args(words).output().unwrap().status.success()
    }

    /// Whether a frame of a raw socket comes out of the container.
    fn sends_frames(&self) -> bool {
        let network = format!("--net=/proc/{}/ns/net", self.pid);
        // `arping` and the like are seldom there; the kernel's own question for an address is such a frame as well.
        let ping = [&network[..], "ip", "neigh", "flush", "all"];
        Command::new("nsenter").args(ping).output().unwrap();
        let before = self.received();
        let probe = format!("exec 3<>/dev/udp/{}/9; echo x >&3", self.host);
        Command::new("nsenter").args([&network[..], "bash", "-c", &probe]).output().unwrap();
        std::thread::sleep(Duration::from_millis(300));
        self.received() > before
    }

    /// Whether a frame that a raw socket makes itself comes out; `None`, with a word, where there is no Python.
    fn sends_raw_frames(&self) -> Option<bool> {
        if !command("python3 --version") {
            println!("skipped in part: there is no Python to make raw frames");
            return None;
        }
        let network = format!("--net=/proc/{}/ns/net", self.pid);
        let number = self.host.split('.').nth(2).unwrap();
        let bypass = "import socket as s; r = s.socket(s.AF_PACKET, s.SOCK_RAW); r.setsockopt(263, 20, BYPASS); \
            r.bind(('swrNUMBERb', 0)); [r.send(b'\\xff' * 12 + b'\\x88\\xb5' + b'x' * 50) for _ in range(20)]";
        let before = self.received();
        for kernel_queue in ["0", "1"] {
            let program = bypass.replace("BYPASS", kernel_queue).replace("NUMBER", number);
            Command::new("nsenter").args([&network[..], "python3", "-c", &program]).output().unwrap();
        }
        std::thread::sleep(Duration::from_millis(200));
        Some(self.received() >= before + 20)
    }

    /// Frames that came to the host's side.
    fn received(&self) -> u64 {
        let number = self.host.split('.').nth(2).unwrap();
        let file = format!("/sys/class/net/swr{number}a/statistics/rx_packets");
        std::fs::read_to_string(file).unwrap().trim().parse().unwrap()
    }

    /// Whether the container reaches itself.
    fn reaches_itself(&self) -> bool {
        let network = format!("--net=/proc/{}/ns/net", self.pid);
        let probe = "exec 3<>/dev/udp/127.0.0.1/9 && echo x >&3";
        Command::new("nsenter").args([&network[..], "bash", "-c", probe]).output().unwrap().status.success()
    }
}

fn check(kind: Kind, number: u8) {
    if !is_root() {
        return;
    }
    let Some(daemon) = engine(kind) else { return };
    let Some((identity, pid)) = container(&daemon, "seawall-isolated", &["--cap-add=NET_ADMIN"]) else {
        return;
    };
    let Some(pair) = Pair::join(pid, number) else { return };
    let place = Place::new(vec![endpoint(&daemon)]);
    let listener = TcpListener::bind((&pair.host[..], 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    // Interfaces need a moment on a loaded machine.
    crate::place::eventually("a network", || {
        pair.reaches(&pair.host, port) && pair.sends_frames() && pair.reaches_itself()
    });
    assert_ne!(pair.sends_raw_frames(), Some(false));
    cut(&place, &identity, &pair, port);
    excepted(&place, &identity, &pair, port);
    lasting(&place, &identity, &pair, port);
    drop(listener);
    daemon.ask(&["rm", "-f", "seawall-isolated"]).unwrap();
}

fn cut(place: &Place, identity: &ContainerIdentity, pair: &Pair, port: u16) {
    let mut acting = place.responder(Mode::Enforced, "{repeat-after: 1ms}");
    let isolated = acting.respond(Response::Isolate, None, Some(identity.clone()));
    assert_eq!((isolated.outcome, isolated.steps.len()), (Outcome::Done, 1), "{isolated:?}");
    assert!(!pair.reaches(&pair.host, port));
    assert!(!pair.sends_frames());
    assert_ne!(pair.sends_raw_frames(), Some(true));
    assert!(pair.reaches_itself());
    // Root in the container cannot take it away.
    let network = format!("--net=/proc/{}/ns/net", pair.pid);
    if command("nft --version") {
        Command::new("nsenter").args([&network[..], "nft", "flush", "ruleset"]).output().unwrap();
        assert!(!pair.reaches(&pair.host, port));
        let listed = Command::new("nsenter").args([&network[..], "nft", "list", "tables"]).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert!(listed.contains(&format!("table inet seawall-{}", isolated.id)), "{listed}");
        assert!(listed.contains(&format!("table netdev seawall-{}", isolated.id)), "{listed}");
    }
    let undone = undo(&Receipts::at(place.receipts()), &isolated.id, &place.roots).unwrap();
    assert!(matches!(undone.standing, Standing::Undone { .. }), "{undone:?}");
    assert!(pair.reaches(&pair.host, port));
    std::thread::sleep(Duration::from_millis(5));
    let released = acting.respond(Response::Isolate, None, Some(identity.clone()));
    assert_eq!(released.outcome, Outcome::Done, "{released:?}");
    assert!(!pair.reaches(&pair.host, port));
    drop(acting);
    assert!(pair.reaches(&pair.host, port));
}

/// Whoever examines it still reaches it.
fn excepted(place: &Place, identity: &ContainerIdentity, pair: &Pair, port: u16) {
    // As many as a policy may have.
    let more: Vec<String> = (0..62).map(|number| format!("203.0.113.{number}")).collect();
    let policy = format!("{{reachable: ['{}/32', 'fd00::/8', {}], hold: 2s}}", pair.host, more.join(", "));
    let mut acting = place.responder(Mode::Enforced, &policy);
    let other = "198.51.100.7";
    assert!(command(&format!("ip addr add {other}/32 dev lo")));
    let inside = format!("nsenter --net=/proc/{}/ns/net ip route add {other}/32 via {}", pair.pid, pair.host);
    assert!(command(&inside));
    let elsewhere = TcpListener::bind((other, 0)).unwrap();
    let other_port = elsewhere.local_addr().unwrap().port();
    assert!(pair.reaches(other, other_port));
    let isolated = acting.respond(Response::Isolate, None, Some(identity.clone()));
    assert_eq!(isolated.outcome, Outcome::Done, "{isolated:?}");
    assert!(pair.reaches(&pair.host, port));
    assert!(!pair.reaches(other, other_port));
    assert!(command(&format!("ip addr del {other}/32 dev lo")));
    // It ends by itself.
    let receipts = Receipts::at(place.receipts());
    crate::place::eventually("the end of its time", || !receipts.read(&isolated.id).unwrap().holds());
    let over = receipts.read(&isolated.id).unwrap();
    assert!(matches!(&over.standing, Standing::Undone { why, .. } if why == "its time was over"), "{over:?}");
    drop(elsewhere);
}

/// What the policy keeps outlives the responder, and whoever comes undoes it.
fn lasting(place: &Place, identity: &ContainerIdentity, pair: &Pair, port: u16) {
    let mut acting = place.responder(Mode::Enforced, "{after-death: keep}");
    let isolated = acting.respond(Response::Isolate, None, Some(identity.clone()));
    assert_eq!(isolated.outcome, Outcome::Done, "{isolated:?}");
    drop(acting);
    assert!(!pair.reaches(&pair.host, port));
    let undone = undo(&Receipts::at(place.receipts()), &isolated.id, &place.roots).unwrap();
    let Standing::Undone { steps, .. } = undone.standing else { panic!("{undone:?}") };
    assert!(steps[0].starts_with("removed nf_tables tables"), "{steps:?}");
    assert!(pair.reaches(&pair.host, port));
}

#[test]
fn docker_s_container_is_cut_off_and_connected_again() {
    check(Kind::Docker, 1);
}

#[test]
fn podman_s_container_is_cut_off_and_connected_again() {
    check(Kind::Podman, 2);
}

#[test]
fn the_host_s_network_is_not_cut_off() {
    if !is_root() {
        return;
    }
    let Some(daemon) = engine(Kind::Docker) else { return };
    let run = ["run", "-d", "--network=host", "--cgroupns=host", "docker.io/library/seawall-respond:1"];
    let id = match daemon.ask(&run) {
        Ok(id) => String::from_utf8(id).unwrap().trim().to_owned(),
        Err(error) => return println!("skipped: Docker cannot run containers here: {error}"),
    };
    let place = Place::new(vec![endpoint(&daemon)]);
    let identity = ContainerIdentity { id: id.clone(), ..ContainerIdentity::default() };
    let mut acting = place.responder(Mode::Enforced, "");
    let receipt = acting.respond(Response::Isolate, None, Some(identity));
    assert_eq!(receipt.outcome, Outcome::Refused, "{receipt:?}");
    assert!(receipt.reason.contains("shares the host's network"), "{receipt:?}");
    daemon.ask(&["rm", "-f", &id]).unwrap();
}
