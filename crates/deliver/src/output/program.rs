//! Lines to the standard input of a program, without a shell: kept running, or started for each finding.

use std::io;
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use super::{SendError, send_each, stream};
use crate::{Delivery, Format, Secret};

/// Where programs are looked for: this process's own variables may hold secrets and are not handed on.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How long a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Lifetime {
    /// It reads line after line, as Falco's `keep_alive: true`.
    #[default]
    Kept,
    /// It is started for each finding and has a bounded time for it.
    EachFinding,
}

#[derive(Debug, Clone)]
pub(crate) struct ProgramSettings {
    /// The program and its arguments.
    pub(crate) command: Vec<String>,
    pub(crate) environment: Vec<(String, Secret)>,
    pub(crate) lifetime: Lifetime,
    pub(crate) format: Format,
    pub(crate) line_bytes: usize,
    pub(crate) timeout: Duration,
}

/// Lines to a program.
#[derive(Debug)]
pub(crate) struct ProgramOutput {
    settings: ProgramSettings,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    /// `None` when it was closed.
    input: Option<ChildStdin>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has its end of input already; what does not end by itself is ended, so that none is left behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl ProgramOutput {
    pub(crate) fn new(settings: ProgramSettings) -> ProgramOutput {
        ProgramOutput { settings, running: None }
    }

    pub(crate) fn send(&mut self, deliveries: &[Arc<Delivery>]) -> Result<(), SendError> {
        let ProgramOutput { settings, running } = self;
        let name = || settings.command.first().cloned().unwrap_or_default();
        send_each(deliveries, name, |delivery| send(settings, running, delivery))
    }
}

/// The program is put back when it took the line, so that a broken one is not used again.
fn send(settings: &ProgramSettings, kept: &mut Option<Running>, delivery: &Delivery) -> io::Result<()> {
    let mut line = settings.format.line(delivery, settings.line_bytes);
    line.push('\n');
    let mut running = match kept.take() {
        Some(mut running) => match running.child.try_wait()? {
            None => running,
            Some(_) => start(settings)?,
        },
        None => start(settings)?,
    };
    if let Some(input) = &running.input {
        stream::pipe_all(input, line.as_bytes(), settings.timeout)?;
    }
    match settings.lifetime {
        Lifetime::Kept => *kept = Some(running),
        Lifetime::EachFinding => finish(&mut running, settings.timeout)?,
    }
    Ok(())
}

impl Drop for ProgramOutput {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            // It may finish what it read. What it says then is of no use any more.
            let _ = finish(&mut running, self.settings.timeout);
        }
    }
}

fn start(settings: &ProgramSettings) -> io::Result<Running> {
    let mut words = settings.command.iter();
    let mut child = Command::new(words.next().map_or("", String::as_str))
        .args(words)
        .env_clear()
        .env("PATH", PATH)
        .envs(settings.environment.iter().map(|(name, value)| (name, value.expose())))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let Some(input) = child.stdin.take() else {
        return Err(io::Error::other("it has no standard input"));
    };
    rustix::fs::fcntl_setfl(input.as_fd(), OFlags::NONBLOCK)?;
    Ok(Running { child, input: Some(input) })
}

/// Ends a program's input and waits a bounded time for its end.
fn finish(running: &mut Running, time: Duration) -> io::Result<()> {
    const LOOK_EVERY: Duration = Duration::from_millis(5);
    running.input = None;
    let until = Instant::now() + time;
    loop {
        if let Some(status) = running.child.try_wait()? {
            return match status.success() {
                true => Ok(()),
                false => Err(io::Error::other(format!("it ended with {status}"))),
            };
        }
        if Instant::now() >= until {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it does not end"));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::delivery::tests::{delivery, hostile, judged};

    fn settings(script: &str, lifetime: Lifetime) -> ProgramSettings {
        ProgramSettings {
            command: ["sh", "-c", script].map(str::to_owned).to_vec(),
            environment: vec![("TOKEN".to_owned(), Secret::new("t0ken"))],
            lifetime,
            format: Format::Falco,
            line_bytes: 65536,
            timeout: Duration::from_secs(2),
        }
    }

    fn lines(path: &Path) -> Vec<String> {
        std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_program_gets_lines_and_no_secrets_of_ours() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        let script = format!("env >{0}.env; echo started >>{0}; cat >>{0}", path.display());
        let mut output = ProgramOutput::new(settings(&script, Lifetime::Kept));
        output.send(&[Arc::new(delivery(judged())), Arc::new(delivery(hostile()))]).unwrap();
        drop(output);
        let lines = lines(&path);
        assert_eq!((lines.len(), lines[0].as_str()), (3, "started"));
        assert!(lines[1].contains("/bin/hack") && !lines[2].contains('\u{1b}'));
        let environment = std::fs::read_to_string(path.with_extension("env")).unwrap();
        let mut names: Vec<&str> = environment.lines().filter_map(|line| line.split('=').next()).collect();
        names.retain(|name| !["PWD", "SHLVL", "_", "OLDPWD"].contains(name));
        names.sort_unstable();
        assert_eq!(names, ["PATH", "TOKEN"]);
    }

    #[test]
    fn one_that_ended_is_started_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        let script = format!("read line; echo \"$line\" >>{}", path.display());
        let mut output = ProgramOutput::new(settings(&script, Lifetime::EachFinding));
        output.send(&[Arc::new(delivery(judged())), Arc::new(delivery(judged()))]).unwrap();
        assert_eq!(lines(&path).len(), 2);
        let mut output = ProgramOutput::new(settings("exit 3", Lifetime::EachFinding));
        let error = output.send(&[Arc::new(delivery(judged()))]).unwrap_err();
        assert!(matches!(error, SendError::Later { taken: 0, .. }), "{error:?}");
    }

    #[test]
    fn one_that_does_not_read_costs_a_bounded_time() {
        let begin = Instant::now();
        let timeout = Duration::from_millis(200);
        let mut output =
            ProgramOutput::new(ProgramSettings { timeout, ..settings("sleep 60", Lifetime::Kept) });
        let many: Vec<_> = (0..2000).map(|_| Arc::new(delivery(judged()))).collect();
        let error = output.send(&many).unwrap_err();
        assert!(
            matches!(&error, SendError::Later { reason, .. } if reason.contains("does not read")),
            "{error:?}"
        );
        assert!(begin.elapsed() < Duration::from_secs(5));
        let mut output = ProgramOutput::new(ProgramSettings {
            command: vec!["/no/such".to_owned()],
            ..settings("", Lifetime::Kept)
        });
        assert!(output.send(&many[..1]).is_err());
    }
}
