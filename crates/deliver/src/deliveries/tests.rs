//! Runs with outputs that hang, flap, restart, and a storm.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;
use crate::delivery::tests::happened;

fn config(yaml: &str) -> Config {
    Config::parse(yaml, &|_| Err("no secrets here".to_owned())).unwrap()
}

fn start(yaml: &str) -> Deliveries {
    let clock: Arc<dyn Fn() -> Timestamp + Send + Sync> = Arc::new(|| Timestamp::UNIX_EPOCH);
    Deliveries::start(config(yaml), Surroundings { host: "node-1".to_owned(), clock }).unwrap()
}

fn event(number: usize) -> Judged {
    happened("Rule", &format!("event {number}"), Priority::Warning)
}

/// The numbers in what was delivered, in their order.
fn numbers(text: &str) -> Vec<usize> {
    let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>();
    text.split("Warning event ").skip(1).map(|rest| digits(rest).parse().unwrap()).collect()
}

fn wait_until(what: impl Fn() -> bool) -> bool {
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        if what() {
            return true;
        }
        thread::sleep(Duration::from_millis(5));
    }
    what()
}

/// A service that takes requests while it is well, and keeps their bodies.
#[derive(Clone)]
struct Service {
    address: SocketAddr,
    bodies: Arc<Mutex<String>>,
    is_well: Arc<AtomicBool>,
    requests: Arc<AtomicU64>,
}

use std::net::SocketAddr;

impl Service {
    fn start() -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let service = Service {
            address: listener.local_addr().unwrap(),
            bodies: Arc::default(),
            is_well: Arc::new(AtomicBool::new(true)),
            requests: Arc::default(),
        };
        let own = service.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, own) = (stream.unwrap(), own.clone());
                thread::spawn(move || while own.answer(&mut stream).is_some() {});
            }
        });
        service
    }

    fn answer(&self, stream: &mut std::net::TcpStream) -> Option<()> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 65536];
        let (head, length) = loop {
            let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
            bytes.extend_from_slice(&buffer[..read]);
            let Some(end) = bytes.windows(4).position(|end| end == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            break (end + 4, length.parse::<usize>().unwrap());
        };
        while bytes.len() < head + length {
            let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
            bytes.extend_from_slice(&buffer[..read]);
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        let is_well = self.is_well.load(Ordering::Relaxed);
        if is_well {
            self.bodies.lock().unwrap().push_str(std::str::from_utf8(&bytes[head..]).unwrap());
        }
        let status = if is_well { "200 OK" } else { "503 Busy\r\nRetry-After: 0.05" };
        stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).ok()
    }

    fn numbers(&self) -> Vec<usize> {
        numbers(&self.bodies.lock().unwrap())
    }
}

fn each_once(count: usize) -> Vec<usize> {
    (0..count).collect()
}

#[test]
fn an_output_that_hangs_delays_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.log");
    // It accepts and says nothing.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut deliveries = start(&format!(
        "version: 1\noutputs:\n  - {{name: hangs, http: {{template: json-lines, url: 'http://{}'}}, queue: {{count: 10}}}}\n  - {{name: file, file: {{path: {}, format: falco}}}}\n",
        hanging.local_addr().unwrap(),
        path.display()
    ));
    let begin = Instant::now();
    for number in 0..100 {
        deliveries.take(&event(number)).unwrap();
    }
    assert!(begin.elapsed() < Duration::from_secs(1));
    assert!(wait_until(|| numbers(&fs::read_to_string(&path).unwrap_or_default()) == each_once(100)));
    let status = deliveries.watch().outputs();
    assert_eq!((status[0].queued, status[0].dropped, status[1].sent), (10, 90, 100));
    assert!(status[0].lost_ago.is_some() && status[1].lost_ago.is_none());
    let begin = Instant::now();
    let gaps = deliveries.shut_down(Duration::from_millis(100));
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert_eq!(gaps.len(), 1);
    let expected = "output `hangs`: 100 findings were dropped, because its queue was full";
    assert_eq!((gaps[0].kind, gaps[0].reason.as_str()), (GapKind::Limit, expected));
}

#[test]
fn a_service_that_comes_back_gets_everything_in_order() {
    let service = Service::start();
    service.is_well.store(false, Ordering::Relaxed);
    let mut deliveries = start(&format!(
        "version: 1\noutputs:\n  - {{http: {{template: json-lines, url: 'http://{}', batch: 7}}}}\n",
        service.address
    ));
    for number in 0..100 {
        deliveries.take(&event(number)).unwrap();
    }
    assert!(wait_until(|| deliveries.watch().outputs()[0].failed >= 2));
    assert!(
        deliveries.watch().outputs()[0].problem.as_deref().is_some_and(|problem| problem.contains("503"))
    );
    service.is_well.store(true, Ordering::Relaxed);
    assert!(wait_until(|| service.numbers().len() >= 100));
    assert_eq!(service.numbers(), each_once(100));
    assert_eq!(deliveries.shut_down(Duration::from_secs(5)), []);
}

#[test]
fn what_a_run_could_not_deliver_the_next_one_does() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start();
    service.is_well.store(false, Ordering::Relaxed);
    let yaml = format!(
        "version: 1\nspool: {{directory: {}}}\noutputs:\n  - {{name: web, http: {{template: json-lines, url: 'http://{}', batch: 5}}}}\n",
        directory.path().join("spool").display(),
        service.address
    );
    let mut deliveries = start(&yaml);
    for number in 0..50 {
        deliveries.take(&event(number)).unwrap();
    }
    let gaps = deliveries.shut_down(Duration::from_millis(300));
    assert_eq!(gaps, [], "nothing is lost: it is on disk");
    assert!(service.numbers().is_empty());

    service.is_well.store(true, Ordering::Relaxed);
    let deliveries = wait_for_spool(&yaml);
    let arrived = || service.numbers().into_iter().collect::<std::collections::BTreeSet<_>>();
    assert!(wait_until(|| arrived().into_iter().eq(0..50)), "{:?}", service.numbers());
    assert!(wait_until(|| deliveries.watch().outputs()[0].spooled_bytes == 0));
    assert_eq!(deliveries.shut_down(Duration::from_secs(5)), []);
}

/// The run before may hold the spool while a request of it ends.
fn wait_for_spool(yaml: &str) -> Deliveries {
    assert!(wait_until(|| {
        let directory = Path::new(yaml.split("directory: ").nth(1).unwrap().split('}').next().unwrap());
        crate::spool::Spool::open(&directory.join("web"), 1 << 20).is_ok()
    }));
    start(yaml)
}

/// This test again in a process of its own, which kills itself.
#[test]
fn a_run_that_is_killed_loses_nothing_that_reached_the_disk() {
    const ROLE: &str = "SEAWALL_TEST_KILLED_YAML";
    if let Ok(yaml) = std::env::var(ROLE) {
        let mut deliveries = start(&yaml);
        for number in 0..200 {
            deliveries.take(&event(number)).unwrap();
        }
        assert!(wait_until(|| deliveries.watch().outputs()[0].queued == 0));
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start();
    service.is_well.store(false, Ordering::Relaxed);
    let yaml = format!(
        "version: 1\nspool: {{directory: {}}}\noutputs:\n  - {{name: web, http: {{template: json-lines, url: 'http://{}', batch: 5}}}}\n",
        directory.path().join("spool").display(),
        service.address
    );
    let ended = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "deliveries::tests::a_run_that_is_killed_loses_nothing_that_reached_the_disk"])
        .env(ROLE, &yaml)
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), None, "{}", String::from_utf8_lossy(&ended.stdout));
    service.is_well.store(true, Ordering::Relaxed);
    let deliveries = wait_for_spool(&yaml);
    // At least once: a request that was under way comes again.
    let arrived = || service.numbers().into_iter().collect::<std::collections::BTreeSet<_>>();
    assert!(wait_until(|| arrived().into_iter().eq(0..200)), "{:?}", service.numbers());
    assert_eq!(deliveries.shut_down(Duration::from_secs(5)), []);
}

#[test]
fn a_storm_loses_nothing_in_a_file() {
    const COUNT: usize = 10_000;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.log");
    let service = Service::start();
    let mut deliveries = start(&format!(
        "version: 1\nspool: {{directory: {}}}\noutputs:\n  - {{name: file, file: {{path: {}, format: falco}}}}\n  - {{name: web, http: {{template: json-lines, url: 'http://{}'}}}}\n",
        directory.path().join("spool").display(),
        path.display(),
        service.address
    ));
    let begin = Instant::now();
    let mut judged = event(0);
    for number in 0..COUNT {
        // Ten a millisecond: 10,000 a second.
        if number % 10 == 0 {
            let due = Duration::from_millis(number as u64 / 10);
            thread::sleep(due.saturating_sub(begin.elapsed()));
        }
        if let seawall_finding::Evidence::Happened(happened) = &mut judged.finding.evidence {
            happened.output = format!("event {number}");
        }
        deliveries.take(&judged).unwrap();
    }
    let taken = begin.elapsed();
    assert!(wait_until(|| deliveries.watch().outputs().iter().all(|output| output.sent == COUNT as u64)));
    assert_eq!(numbers(&fs::read_to_string(&path).unwrap()), each_once(COUNT));
    assert_eq!(service.numbers(), each_once(COUNT));
    assert!(taken < Duration::from_secs(5), "{taken:?}");
    assert_eq!(deliveries.shut_down(Duration::from_secs(5)), []);
}

#[test]
fn a_service_that_flaps_gets_everything() {
    let service = Service::start();
    let mut deliveries = start(&format!(
        "version: 1\noutputs:\n  - {{http: {{template: json-lines, url: 'http://{}', batch: 20}}}}\n",
        service.address
    ));
    for number in 0..600 {
        if number % 50 == 0 {
            service.is_well.store(number % 100 == 0, Ordering::Relaxed);
        }
        deliveries.take(&event(number)).unwrap();
        thread::sleep(Duration::from_micros(500));
    }
    service.is_well.store(true, Ordering::Relaxed);
    assert_eq!(deliveries.shut_down(Duration::from_secs(10)), []);
    assert_eq!(service.numbers(), each_once(600));
}

/// Needs root, for a small file system of its own.
#[test]
fn full_disks_are_waited_for_and_what_has_no_room_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
        .arg(directory.path())
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        println!("skipped: no tmpfs can be mounted here");
        return;
    }
    let (path, filler) = (directory.path().join("alerts.log"), directory.path().join("filler"));
    let service = Service::start();
    let mut deliveries = start(&format!(
        "version: 1\nspool: {{directory: {}}}\noutputs:\n  - {{name: file, file: {{path: {}, format: falco}}, queue: {{count: 50}}}}\n  - {{name: web, http: {{template: json-lines, url: 'http://{}'}}, queue: {{count: 80}}}}\n",
        directory.path().join("spool").display(),
        path.display(),
        service.address
    ));
    let _ = fs::write(&filler, vec![0; 2 << 20]);
    for number in 0..100 {
        deliveries.take(&event(number)).unwrap();
    }
    let status = || deliveries.watch().outputs();
    assert!(wait_until(|| status()[0].problem.is_some() && status()[1].problem.is_some()));
    assert_eq!((status()[0].dropped, status()[1].dropped), (50, 20));
    let gaps: Vec<String> = deliveries.gaps().into_iter().map(|gap| gap.reason).collect();
    assert!(
        gaps[0].starts_with("output `file`: 50 findings were dropped") && gaps[0].contains("No space left"),
        "{gaps:?}"
    );
    assert!(gaps[1].starts_with("output `web`: 20 findings were dropped"), "{gaps:?}");
    fs::remove_file(&filler).unwrap();
    assert!(wait_until(|| status().iter().all(|output| output.queued == 0 && output.spooled_bytes == 0)));
    assert_eq!(deliveries.gaps(), []);
    deliveries.shut_down(Duration::from_secs(5));
    let lines = numbers(&fs::read_to_string(&path).unwrap());
    std::process::Command::new("umount").arg("--lazy").arg(directory.path()).status().unwrap();
    assert_eq!((lines, service.numbers()), (each_once(50), each_once(80)));
}

#[test]
fn one_that_is_refused_spoils_it_for_no_other() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let taken = Arc::new(Mutex::new(String::new()));
    let own = Arc::clone(&taken);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = vec![0; 1 << 20];
            let mut length = 0;
            // The whole request comes in one or two pieces on this machine.
            stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            while let Ok(read @ 1..) = stream.read(&mut buffer[length..]) {
                length += read;
            }
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let is_bad = text.contains("event 3");
            if !is_bad {
                own.lock().unwrap().push_str(&text);
            }
            let status = if is_bad { "422 Bad" } else { "200 OK" };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let mut deliveries = start(&format!(
        "version: 1\noutputs:\n  - {{http: {{template: json-lines, url: 'http://{address}'}}}}\n"
    ));
    for number in 0..6 {
        deliveries.take(&event(number)).unwrap();
    }
    assert!(wait_until(|| {
        let status = &deliveries.watch().outputs()[0];
        (status.sent, status.refused) == (5, 1)
    }));
    assert_eq!(numbers(&taken.lock().unwrap()), [0, 1, 2, 4, 5]);
    let gaps = deliveries.shut_down(Duration::from_secs(5));
    assert_eq!(gaps[0].kind, GapKind::Unsupported);
    assert!(
        gaps[0].reason.contains("1 findings were refused by the other side (HTTP 422"),
        "{}",
        gaps[0].reason
    );
}

#[test]
fn repeats_are_folded_for_people_and_not_for_files() {
    let directory = tempfile::tempdir().unwrap();
    let (path, folded) = (directory.path().join("all.log"), directory.path().join("folded.log"));
    let mut deliveries = start(&format!(
        "version: 1\noutputs:\n  - {{file: {{path: {}, format: falco}}}}\n  - {{file: {{path: {}, format: falco}}, fold: 400ms}}\n",
        path.display(),
        folded.display()
    ));
    for _ in 0..5 {
        deliveries.take(&event(1)).unwrap();
    }
    deliveries.take(&event(2)).unwrap();
    let lines = |path: &Path| fs::read_to_string(path).unwrap_or_default().lines().count();
    assert!(wait_until(|| lines(&path) == 6 && lines(&folded) == 3));
    let text = fs::read_to_string(&folded).unwrap();
    assert!(text.lines().last().unwrap().ends_with("event 1 (and 4 more like it in 0 s)"), "{text}");
    // Summaries do not get lost at the end.
    deliveries.take(&event(1)).unwrap();
    let status = deliveries.watch().outputs();
    assert_eq!((status[0].folded, status[1].folded), (0, 5));
    deliveries.shut_down(Duration::from_secs(5));
    assert_eq!(lines(&folded), 4);
}

#[test]
fn findings_are_counted_by_rule() {
    let mut deliveries = start("version: 1\noutputs: []\n");
    deliveries.take(&happened("B", "x", Priority::Critical)).unwrap();
    deliveries.take(&happened("B", "x", Priority::Critical)).unwrap();
    deliveries.take(&crate::delivery::tests::outdated()).unwrap();
    let expected = [("B".to_owned(), Priority::Critical, 2), ("end-of-life".to_owned(), Priority::Error, 1)];
    assert_eq!(deliveries.watch().counted(), expected);
    for number in 0..2 * COUNTED_RULES_MAX {
        deliveries.take(&happened(&format!("R{number}"), "x", Priority::Notice)).unwrap();
    }
    let counted = deliveries.watch().counted();
    assert!(counted.len() <= COUNTED_RULES_MAX + 1);
    assert_eq!(counted.iter().map(|(_, _, count)| count).sum::<u64>(), 3 + 2 * COUNTED_RULES_MAX as u64);
}
