//! The only module that writes to stdout and stderr.
//!
//! stdout holds the result and nothing else; everything for people goes to stderr, in plain text when it
//! is not a terminal, and not at all with `--quiet` (errors excepted).

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result};
use seawall_report::{log_line, printable};
use seawall_trust::Secret;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A line of a log: some hundred images with their digests.
const LINE_BYTES_MAX: usize = 32 * 1024;
/// Who types more has pasted something else.
const PASSWORD_BYTES_MAX: usize = 1024;

/// How much is said on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Talk {
    /// Notes and, on a terminal, progress.
    Normal,
    /// Errors only.
    Quiet,
}

/// Stdout and stderr as one place to write to.
pub(crate) struct Terminal {
    talk: Talk,
    colour: bool,
    bar: Mutex<Option<ProgressBar>>,
}

/// Says notes on stderr.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice(Talk);

impl Voice {
    /// A note for people.
    pub(crate) fn note(self, text: impl Display) {
        if self.0 == Talk::Normal {
            say(printable(&text.to_string()).into_owned());
        }
    }
}

/// Writes to stderr at once, so that lines of several threads stay whole. Nobody may be there to read it any more, which
/// is no reason to stop the work, as `eprintln!` would.
fn say(mut text: String) {
    text.push('\n');
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

impl Terminal {
    pub(crate) fn new(talk: Talk, no_color: bool) -> Terminal {
        Terminal { talk, colour: io::stdout().is_terminal() && !no_color, bar: Mutex::new(None) }
    }

    /// Whether the result may have colours.
    pub(crate) fn colour(&self) -> bool {
        self.colour
    }

    /// Columns of stdout, where it is a terminal.
    pub(crate) fn width(&self) -> Option<usize> {
        if !io::stdout().is_terminal() {
            return None;
        }
        terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
    }

    /// A note for people.
    pub(crate) fn note(&self, text: impl Display) {
        if self.talk == Talk::Normal {
            self.clear_progress();
        }
        self.voice().note(text);
    }

    /// A line of a log, whatever strangers have put into it.
    pub(crate) fn log(&self, text: impl Display) {
        self.note(log_line(&text.to_string(), LINE_BYTES_MAX));
    }

    /// Notes for people from other threads, where nothing shows progress.
    pub(crate) fn voice(&self) -> Voice {
        Voice(self.talk)
    }

    /// An error, with its causes.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        self.clear_progress();
        let told: Vec<String> = error.chain().map(ToString::to_string).collect();
        say(format!("seawall: {}", printable(&told.join(": "))));
    }

    /// A denial, which is an error in one line, whatever strangers have put into it.
    pub(crate) fn denial(&self, reasons: &[String]) {
        self.clear_progress();
        say(format!("seawall: {}", log_line(&reasons.join(" "), LINE_BYTES_MAX)));
    }

    /// A result for people, which may hold names from hostile images.
    pub(crate) fn text(&self, text: &str) -> Result<()> {
        let text = printable(text);
        self.result(|out| Ok(out.write_all(text.as_bytes())?))
    }

    /// The result as it is. A reader that has gone away (`| head`) is not an error.
    pub(crate) fn result(&self, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
        self.clear_progress();
        let mut out = io::BufWriter::with_capacity(64 * 1024, io::stdout().lock());
        let written = write(&mut out).and_then(|()| Ok(out.flush()?));
        // What is left in the buffer would be written, and fail, once more.
        let (stdout, _) = out.into_parts();
        drop(stdout);
        let is_gone = |error: &anyhow::Error| {
            let causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
            causes.into_iter().any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
        };
        match written {
            Err(error) if is_gone(&error) => Ok(()),
            done => done.context("cannot write to stdout"),
        }
    }

    /// A line of a result that goes on, at once; a reader that has gone away is an error here: nobody would listen.
    pub(crate) fn live(&self, line: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(line)?;
        out.flush()
    }

    /// Shows what is being done and how far it is; nothing in a pipe.
    pub(crate) fn progress(&self, what: &str, done: u64, of: u64) {
        if self.talk == Talk::Quiet || !io::stderr().is_terminal() {
            return;
        }
        let Ok(mut bar) = self.bar.lock() else { return };
        let bar = bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        if of > 0 && bar.length() != Some(of) {
            let style = ProgressStyle::with_template("{spinner} {msg} {wide_bar} {bytes}/{total_bytes}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_length(of);
        }
        // An image says itself of which platform it is.
        bar.set_message(printable(what).into_owned());
        bar.set_position(done);
    }

    /// Asks for a password on the user's terminal, which may be another than stdin and stderr are.
    pub(crate) fn password(&self, prompt: &str) -> io::Result<Secret> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        self.clear_progress();
        let mut tty = std::fs::OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        write!(tty, "{prompt}: ")?;
        tty.flush()?;
        let shown = tcgetattr(&tty)?;
        let mut hidden = shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&tty, OptionalActions::Flush, &hidden)?;
        let read = Self::line(&mut tty);
        tcsetattr(&tty, OptionalActions::Flush, &shown)?;
        writeln!(tty)?;
        read
    }

    /// One line, byte by byte into one buffer, so that no other copy of it stays behind.
    fn line(tty: &mut std::fs::File) -> io::Result<Secret> {
        let mut line = Vec::with_capacity(PASSWORD_BYTES_MAX);
        let mut byte = [0];
        while io::Read::read(tty, &mut byte)? == 1 && byte != *b"\n" {
            if line.len() == PASSWORD_BYTES_MAX {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "a password of this length is a mistake",
                ));
            }
            line.extend_from_slice(&byte);
        }
        Ok(Secret::new(line))
    }

    fn clear_progress(&self) {
        if let Ok(mut bar) = self.bar.lock()
            && let Some(bar) = bar.take()
        {
            bar.finish_and_clear();
        }
    }
}

/// What the user asked for with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// To end.
    End,
    /// Another order.
    Sort,
}

/// The whole terminal for pictures that replace one another. As it was before, once this is dropped.
pub(crate) struct Screen {
    before: rustix::termios::Termios,
}

impl Screen {
    /// Takes the terminal, where stdin and stdout are one.
    pub(crate) fn open() -> Option<Screen> {
        use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
        let stdin = io::stdin();
        if !stdin.is_terminal() || !io::stdout().is_terminal() {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let mut keys = before.clone();
        // Keys one by one, unseen and without waiting; signals stay.
        keys.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        keys.special_codes[SpecialCodeIndex::VMIN] = 0;
        keys.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&stdin, OptionalActions::Now, &keys).ok()?;
        let screen = Screen { before };
        // The other screen, no cursor, and lines that are too long end at the edge.
        screen.write("\x1b[?1049h\x1b[?25l\x1b[?7l").ok()?;
        Some(screen)
    }

    /// The next key that means something.
    pub(crate) fn key(&mut self) -> Option<Key> {
        let mut byte = [0];
        while rustix::io::read(io::stdin(), &mut byte).is_ok_and(|read| read == 1) {
            match byte[0] {
                b'q' | b'Q' => return Some(Key::End),
                b's' | b'S' => return Some(Key::Sort),
                _ => {}
            }
        }
        None
    }

    /// Shows these lines, as many as there is room for. They hold nothing that a terminal obeys but colours.
    pub(crate) fn show(&self, lines: &[String]) -> io::Result<()> {
        let rows = terminal_size::terminal_size().map_or(24, |(_, height)| usize::from(height.0));
        let mut picture = "\x1b[H".to_owned();
        let shown = if lines.len() > rows { rows.saturating_sub(1) } else { lines.len() };
        for (index, line) in lines.iter().take(shown).enumerate() {
            picture.push_str(if index > 0 { "\r\n" } else { "" });
            picture.push_str(line);
            picture.push_str("\x1b[K");
        }
        if shown < lines.len() {
            picture.push_str(&format!("\r\nand {} more\x1b[K", lines.len() - shown));
        }
        picture.push_str("\x1b[J");
        self.write(&picture)
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        // Whoever ends has no other terminal to tell of it.
        let _ = self.write("\x1b[?7h\x1b[?25h\x1b[?1049l");
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}
