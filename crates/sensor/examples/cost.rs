//! What watching costs: the same work bare and watched, in turns, in one table.
//! `cargo run --release -p seawall-sensor --example cost [SECONDS [ROUNDS]]`
#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::error::Error;
use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, OFlags, openat};
use seawall_sensor::{
    Access, Clause, Families, Interest, Kind, Options, Outcome, Paths, Place, Sensor, SystemCall,
};

const WORKS: &[&str] = &["getppid", "open", "exec", "connect", "udp"];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["work", name, seconds] = arguments[..] {
        return work(name, Duration::from_secs_f64(seconds.parse()?));
    }
    let seconds = arguments.first().unwrap_or(&"2");
    let rounds: usize = arguments.get(1).unwrap_or(&"5").parse()?;
    println!("work      interest   ns each     added     ratio  reader ns  events each  lost");
    for work in WORKS {
        for (name, interest) in [("rules", like_rules()), ("all", everything(work))] {
            let (mut bare, mut watched) = (Vec::new(), Vec::new());
            for _ in 0..rounds {
                bare.push(run(work, seconds, || Ok(()))?.1);
                let options = Options { interest: interest.clone(), ..Options::default() };
                watched.push(watch(work, seconds, &options)?);
            }
            report(work, name, bare, watched);
        }
    }
    println!("resident: {} KiB", resident());
    Ok(())
}

/// Interest as the official stable rules have it.
fn like_rules() -> Interest {
    let calls = |names: &str| {
        names.split_whitespace().filter_map(SystemCall::named).map(Kind::Called).collect::<Vec<_>>()
    };
    let opens = Clause { outcome: Outcome::Succeeded, ..Clause::all_of(calls("open openat openat2 creat")) };
    let paths = |below: &[&str], named: &[&str]| Paths::Some {
        below: below.iter().map(Into::into).collect(),
        named: named.iter().map(|name| (*name).to_owned()).collect(),
    };
    let reads = paths(
        &["/etc/pam.d", "/etc/sudoers.d", "/root/.ssh", "/home"],
        &["shadow", "sudoers", "pam.conf", "pwquality.conf", "environ", "id_rsa"],
    );
    let writes = paths(&["/etc", "/usr/bin", "/var/log", "/dev", "/root"], &["release_agent", ".bashrc"]);
    let others = "execve execveat ptrace finit_module init_module symlink symlinkat link linkat bpf setns \
        unshare setuid userfaultfd chmod fchmod fchmodat mkdir rename renameat renameat2 unlink unlinkat";
    Interest {
        clauses: vec![
            Clause::all_of([
                Kind::Executed,
                Kind::Forked,
                Kind::Exited,
                Kind::CgroupMade,
                Kind::CgroupRemoved,
            ]),
            Clause {
                paths: reads,
                access: Access { reads: true, writes: false, creates: false },
                ..opens.clone()
            },
            Clause { paths: writes, access: Access::WRITES, ..opens },
            Clause::all_of(calls(others)),
            Clause { place: Place::Container, ..Clause::all_of(calls("dup dup2 dup3 socket")) },
            Clause { families: Families::INTERNET, ..Clause::all_of(calls("connect sendto sendmsg")) },
        ],
        ..Interest::default()
    }
}

/// Every event of the work leaves the kernel.
fn everything(work: &str) -> Interest {
    let call = |name| SystemCall::named(name).map(Kind::Called).into_iter().collect::<Vec<_>>();
    let kinds = match work {
        "open" => call("openat"),
        "connect" => [call("connect"), call("accept4")].concat(),
        "exec" => vec![Kind::Executed, Kind::Forked, Kind::Exited],
        // None of its packets is the DNS's: what they pay for being looked at.
        "udp" => vec![Kind::Asked, Kind::Answered],
        _ => Kind::all().collect(),
    };
    Interest { clauses: vec![Clause::all_of(kinds)], ..Interest::default() }
}

/// One round, in CPU nanoseconds for each piece of work.
struct Round {
    work_ns: f64,
    reader_ns: f64,
    events: f64,
    lost: u64,
}

fn run(
    work: &str,
    seconds: &str,
    mut meanwhile: impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<(f64, Round), Box<dyn Error>> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["work", work, seconds])
        .stdout(Stdio::piped())
        .spawn()?;
    let before = cpu_ns()?;
    while child.try_wait()?.is_none() {
        meanwhile()?;
        std::thread::sleep(Duration::from_micros(100));
    }
    let spent = cpu_ns()? - before;
    let mut text = String::new();
    child.stdout.take().ok_or("no output")?.read_to_string(&mut text)?;
    let (count, ns) = text.trim().split_once(' ').ok_or("the worker failed")?;
    let (count, ns): (f64, f64) = (count.parse()?, ns.parse()?);
    Ok((count, Round { work_ns: ns / count, reader_ns: spent / count, events: 0.0, lost: 0 }))
}

fn watch(work: &str, seconds: &str, options: &Options) -> Result<Round, Box<dyn Error>> {
    let mut sensor = Sensor::open(options)?;
    let mut events = 0_u32;
    let (count, mut round) = run(work, seconds, || {
        sensor.poll(Duration::from_millis(20), |event| {
            std::hint::black_box(event);
            events += 1;
        })?;
        Ok(())
    })?;
    round.events = f64::from(events) / count;
    round.lost = sensor.lost().iter().map(|loss| loss.count).sum();
    Ok(round)
}

/// The cheapest of the bare rounds against the cheapest of the watched.
fn report(work: &str, interest: &str, bare: Vec<Round>, watched: Vec<Round>) {
    let lost: u64 = watched.iter().map(|round| round.lost).sum();
    let cheapest = |rounds: Vec<Round>| rounds.into_iter().min_by(|a, b| a.work_ns.total_cmp(&b.work_ns));
    let (Some(bare), Some(watched)) = (cheapest(bare), cheapest(watched)) else { return };
    println!("{work:<9} {:<9} {:>8.0}", "bare", bare.work_ns);
    println!(
        "{work:<9} {interest:<9} {:>8.0}  {:>8.0}  {:>8.3}  {:>9.0}  {:>11.3}  {lost}",
        watched.work_ns,
        watched.work_ns - bare.work_ns,
        bare.work_ns / watched.work_ns,
        watched.reader_ns - bare.reader_ns,
        watched.events,
    );
}

fn work(name: &str, time: Duration) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (sender, receiver) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    sender.connect(receiver.local_addr()?)?;
    let once = || -> Result<(), Box<dyn Error>> {
        match name {
            "getppid" => {
                let _ = std::hint::black_box(rustix::process::getppid());
            }
            "open" => drop(openat(CWD, "/etc/hostname", OFlags::RDONLY, Mode::empty())?),
            "udp" => {
                sender.send(&[0; 64])?;
                receiver.recv(&mut [0; 64])?;
            }
            "exec" => drop(Command::new("/bin/true").status()?),
            _ => {
                let client = TcpStream::connect(address)?;
                drop((listener.accept()?, client));
            }
        }
        Ok(())
    };
    let batch = if name == "exec" { 1 } else { 100 };
    let (start, mut done) = (Instant::now(), 0_u32);
    while start.elapsed() < time {
        for _ in 0..batch {
            once()?;
        }
        done += batch;
    }
    println!("{done} {}", cpu_ns()?);
    Ok(())
}

/// CPU time of this process and of the children that it has waited for, except for those that print a result.
fn cpu_ns() -> Result<f64, Box<dyn Error>> {
    let own = std::fs::read_to_string("/proc/self/schedstat")?;
    let own: f64 = own.split_whitespace().next().ok_or("no schedstat")?.parse()?;
    let is_worker = std::env::args().nth(1).is_some_and(|first| first == "work");
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // Behind the name in parentheses; the children's ticks are fields 16 and 17 of proc(5).
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    let ticks: f64 =
        fields.split_whitespace().skip(13).take(2).filter_map(|text| text.parse::<f64>().ok()).sum();
    Ok(own + if is_worker { ticks * 1e7 } else { 0.0 })
}

fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.unwrap_or_default().trim().trim_end_matches(" kB").to_owned()
}
