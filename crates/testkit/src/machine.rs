//! A virtual machine with another kernel, for the time of one program: QEMU without hardware's help, a kernel of
//! Debian, and everything else in an initial file system made of this machine's own files. What it writes goes with it.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it skips"
)]

mod files;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use files::Files;

const QEMU: &str = "qemu-system-x86_64";
const BUSYBOX: &str = "/bin/busybox";
/// The program, in the machine.
const PROGRAM: &str = "/program";
/// It starts in 3 s and tests take a minute; a machine that others load takes several times that.
const TIMEOUT: Duration = Duration::from_secs(400);
const TRY_EVERY: Duration = Duration::from_millis(50);
/// Before the exit code, on the line that the program's output goes to.
const MARK: &str = "seawall-machine: exit ";
/// Lines of the console and of the output that an error quotes: the last words of a kernel are about 60.
const QUOTED_MAX: usize = 100;

/// Which kernel: one of those that `scripts/setup test` unpacks below `target/kernels`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    /// Linux 6.1, of Debian 12.
    Linux6_1,
    /// Linux 6.12, of Debian 13 and in the updates of 12.
    Linux6_12,
}

impl Kernel {
    /// Its directory below `target/kernels`.
    fn name(self) -> &'static str {
        match self {
            Kernel::Linux6_1 => "6.1",
            Kernel::Linux6_12 => "6.12",
        }
    }

    fn directory(self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/kernels").join(self.name())
    }

    fn image(self) -> Option<PathBuf> {
        let mut found = std::fs::read_dir(self.directory().join("boot")).ok()?.filter_map(Result::ok);
        found
            .find(|entry| entry.file_name().as_encoded_bytes().starts_with(b"vmlinuz-"))
            .map(|entry| entry.path())
    }
}

/// Whether programs at the hooks of security modules are heeded (`bpf` among them).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BpfLsm {
    /// They are.
    On,
    /// The kernel has the code and does not use it, as most distributions start it.
    Off,
}

impl BpfLsm {
    fn modules(self) -> &'static str {
        match self {
            BpfLsm::On => "landlock,lockdown,yama,bpf",
            BpfLsm::Off => "landlock,lockdown,yama",
        }
    }
}

/// What is started and what it has.
#[derive(Debug)]
pub struct Machine {
    kernel: Kernel,
    image: PathBuf,
    bpf_lsm: BpfLsm,
    files: Files,
    modules: Vec<String>,
}

/// How the program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; as in a shell 128 + the number of the signal that killed it.
    pub code: i32,
    /// What it said on both outputs.
    pub output: String,
    /// From the start of the machine to its end.
    pub took: Duration,
}

impl Machine {
    /// One with a shell and little more; `None`, with a word, where none can run.
    pub fn new(kernel: Kernel, bpf_lsm: BpfLsm) -> Option<Machine> {
        let is_there = |program: &str| Command::new(program).arg("--help").output().is_ok();
        let missing: Vec<&str> =
            [QEMU, BUSYBOX, "ldd", "setpriv"].into_iter().filter(|name| !is_there(name)).collect();
        let Some(image) = kernel.image().filter(|_| missing.is_empty()) else {
            let kernel = format!("{}/boot/vmlinuz-*", kernel.directory().display());
            println!("skipped: it takes {QEMU}, {BUSYBOX}, ldd, setpriv and {kernel} (scripts/setup test)");
            return None;
        };
        let mut files = Files::default();
        files.add(Path::new(BUSYBOX));
        for (path, text) in [
            ("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/false\n"),
            ("/etc/shadow", "root:*:1::::::\n"),
            ("/etc/group", "root:x:0:\n"),
            ("/etc/hostname", "machine\n"),
            ("/etc/hosts", "127.0.0.1 localhost\n"),
        ] {
            files.write(path, text.as_bytes(), 0o644);
        }
        for path in ["/proc", "/sys", "/dev", "/tmp", "/root", "/run", "/var/log", "/var/tmp"] {
            files.directory(path);
        }
        Some(Machine { kernel, image, bpf_lsm, files, modules: Vec::new() })
    }

    /// Adds programs of this machine by name or path, each with the libraries that it loads.
    ///
    /// # Panics
    /// One is not there.
    #[must_use]
    pub fn with_programs(mut self, names: &[&str]) -> Machine {
        for name in names {
            self.files.add_program(&found(name));
        }
        self
    }

    /// Adds a file of this machine at its own path; one that is not there is missed there as here.
    #[must_use]
    pub fn with_file(mut self, path: &Path) -> Machine {
        if path.exists() {
            self.files.add(path);
        }
        self
    }

    /// Loads a module of the kernel before the program runs, say `overlay`. What it depends on comes first by
    /// another call.
    ///
    /// # Panics
    /// The kernel has no such module.
    #[must_use]
    pub fn with_module(mut self, name: &str) -> Machine {
        let to = format!("/modules/{name}.ko");
        self.files.write(&to, &module(&self.kernel.directory(), name), 0o644);
        self.modules.push(to);
        self
    }

    /// Runs this very test program there, with these arguments, one test at a time. The test that asks for it must be
    /// left out (`--skip`).
    ///
    /// # Errors
    /// As `run`.
    ///
    /// # Panics
    /// This program's file cannot be read.
    pub fn test_again(self, arguments: &[&str]) -> Result<Ended, String> {
        let itself = std::env::current_exe().unwrap();
        self.run(&itself, &[&["--test-threads=1", "--nocapture"], arguments].concat())
    }

    /// Starts the machine, runs a program of this one with these arguments in it as root, and waits until both have
    /// ended.
    ///
    /// # Errors
    /// The machine does not start, does not end in time or dies: the last lines of its console and of the program.
    ///
    /// # Panics
    /// The program cannot be read or no temporary directory be had.
    pub fn run(mut self, program: &Path, arguments: &[&str]) -> Result<Ended, String> {
        self.files.add_libraries(program);
        self.files.copy(program, PROGRAM);
        self.files.write("/init", self.init(arguments).as_bytes(), 0o755);
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let mut archive = std::io::BufWriter::new(std::fs::File::create(at("initrd")).unwrap());
        self.files.write_archive(&mut archive).unwrap();
        drop(archive);
        let begun = Instant::now();
        let ended = self.start_and_wait(directory.path());
        let text = |name: &str| {
            let bytes = std::fs::read(at(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).replace('\r', "")
        };
        let (console, output) = (text("console"), text("output"));
        let told =
            output.rsplit_once(MARK).and_then(|(before, code)| Some((before, code.trim().parse().ok()?)));
        match (ended, told) {
            (Ok(()), Some((before, code))) => {
                Ok(Ended { code, output: before.to_owned(), took: begun.elapsed() })
            }
            (ended, _) => Err(format!(
                "the machine with Linux {} {}\nits console:\n{}\nthe program:\n{}",
                self.kernel.name(),
                ended.err().unwrap_or_else(|| "ended before the program".to_owned()),
                last_lines(&console),
                last_lines(&output)
            )),
        }
    }

    fn start_and_wait(&self, directory: &Path) -> Result<(), String> {
        let at = |name: &str| directory.join(name);
        let to_file = |name: &str| format!("file:{}", at(name).display());
        // A test that is killed cannot end anything; the kernel does it for the thread that ran it.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", QEMU]);
        command.args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024"]);
        command.args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"]);
        command.arg("-kernel").arg(&self.image).arg("-initrd").arg(at("initrd"));
        let modules = self.bpf_lsm.modules();
        command.args(["-append", &format!("console=ttyS0 panic=-1 loglevel=4 lsm={modules}")]);
        command.args(["-serial", &to_file("console"), "-serial", &to_file("output")]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().map_err(|error| format!("does not start: {error}"))?;
        let end = Instant::now() + TIMEOUT;
        let status = loop {
            match process.try_wait() {
                Ok(None) if Instant::now() < end => std::thread::sleep(TRY_EVERY),
                Ok(Some(status)) => break Some(status),
                Ok(None) | Err(_) => break None,
            }
        };
        let Some(status) = status else {
            let _ = process.kill();
            let _ = process.wait();
            return Err(format!("has not ended after {} s", TIMEOUT.as_secs()));
        };
        if status.success() {
            return Ok(());
        }
        let said = process.wait_with_output().map(|output| output.stderr).unwrap_or_default();
        Err(format!("cannot run ({status}): {}", String::from_utf8_lossy(&said).trim()))
    }

    /// What process 1 does.
    fn init(&self, arguments: &[&str]) -> String {
        let mounts = [
            ("proc", "/proc"),
            ("sysfs", "/sys"),
            ("devtmpfs", "/dev"),
            ("tmpfs", "/dev/shm"),
            ("tmpfs", "/tmp"),
            ("tmpfs", "/run"),
            ("cgroup2", "/sys/fs/cgroup"),
            ("bpf", "/sys/fs/bpf"),
            ("tracefs", "/sys/kernel/tracing"),
            ("securityfs", "/sys/kernel/security"),
        ];
        let mut script = format!("#!{BUSYBOX} sh\nexport PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root\n");
        for (kind, at) in mounts {
            script += &format!("{BUSYBOX} mkdir -p {at}\n{BUSYBOX} mount -t {kind} {kind} {at}\n");
        }
        for module in &self.modules {
            script += &format!("{BUSYBOX} insmod {module}\n");
        }
        script += &format!("{BUSYBOX} hostname machine\n{BUSYBOX} ip link set lo up\n");
        let quoted: Vec<String> =
            arguments.iter().map(|argument| format!("'{}'", argument.replace('\'', "'\\''"))).collect();
        script += &format!("{PROGRAM} {} >/dev/ttyS1 2>&1 </dev/null\n", quoted.join(" "));
        script + &format!("echo \"{MARK}$?\" >/dev/ttyS1\n{BUSYBOX} poweroff -f\n")
    }
}

/// Where a program is; a path is where it says.
fn found(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).map(|directory| directory.join(name));
    let found = places.chain([Path::new("/usr/sbin").join(name)]).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not on this machine"))
}

/// The bytes of a module, unpacked.
fn module(kernel: &Path, name: &str) -> Vec<u8> {
    let names = [format!("{name}.ko"), format!("{name}.ko.xz")];
    let mut directories = vec![kernel.join("lib/modules")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                directories.push(entry.path());
            } else if entry.file_name() == *names[0] {
                return std::fs::read(entry.path()).unwrap();
            } else if entry.file_name() == *names[1] {
                return super::output(Command::new("xz").args([OsStr::new("-dc"), entry.path().as_os_str()]))
                    .unwrap();
            }
        }
    }
    panic!("{} has no module {name}", kernel.display())
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(QUOTED_MAX)..].join("\n")
}
