//! Lines to a Unix socket: a stream of lines, or a datagram each. A receiver that went away is looked for again.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::SocketType;

use super::{SendError, send_each, stream};
use crate::{Delivery, Format};

/// Whether lines are parted by line breaks or by datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum SocketKind {
    #[default]
    Stream,
    Datagram,
}

#[derive(Debug, Clone)]
pub(crate) struct UnixSettings {
    pub(crate) path: PathBuf,
    pub(crate) kind: SocketKind,
    pub(crate) format: Format,
    pub(crate) line_bytes: usize,
    pub(crate) timeout: Duration,
}

/// Lines to a Unix socket.
#[derive(Debug)]
pub(crate) struct UnixOutput {
    settings: UnixSettings,
    socket: Option<OwnedFd>,
}

impl UnixOutput {
    pub(crate) fn new(settings: UnixSettings) -> UnixOutput {
        UnixOutput { settings, socket: None }
    }

    pub(crate) fn send(&mut self, deliveries: &[Arc<Delivery>]) -> Result<(), SendError> {
        let UnixOutput { settings, socket } = self;
        send_each(
            deliveries,
            || settings.path.display().to_string(),
            |delivery| send(settings, socket, delivery),
        )
    }
}

/// The socket is put back when it took the line, so that a broken one is not used again.
fn send(settings: &UnixSettings, open: &mut Option<OwnedFd>, delivery: &Delivery) -> io::Result<()> {
    let (kind, is_stream) = match settings.kind {
        SocketKind::Stream => (SocketType::STREAM, true),
        SocketKind::Datagram => (SocketType::DGRAM, false),
    };
    let mut line = settings.format.line(delivery, settings.line_bytes);
    if is_stream {
        line.push('\n');
    }
    let socket = match open.take() {
        Some(socket) if !is_stream || stream::is_alive(&socket) => socket,
        Some(_) | None => stream::connect_unix(&settings.path, kind, settings.timeout)?,
    };
    stream::send_all(&socket, line.as_bytes(), settings.timeout)?;
    *open = Some(socket);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::net::{UnixDatagram, UnixListener};
    use std::time::Instant;

    use super::*;
    use crate::delivery::tests::{delivery, hostile, judged};

    fn settings(path: PathBuf, kind: SocketKind) -> UnixSettings {
        UnixSettings {
            path,
            kind,
            format: Format::FalcoJson,
            line_bytes: 65536,
            timeout: Duration::from_millis(300),
        }
    }

    #[test]
    fn a_receiver_that_comes_back_gets_what_follows() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let mut output = UnixOutput::new(settings(path.clone(), SocketKind::Stream));
        let one = [Arc::new(delivery(judged()))];
        assert!(matches!(output.send(&one), Err(SendError::Later { taken: 0, .. })));
        for _ in 0..2 {
            let listener = UnixListener::bind(&path).unwrap();
            output.send(&one).unwrap();
            let mut line = String::new();
            BufReader::new(listener.accept().unwrap().0).read_line(&mut line).unwrap();
            assert!(line.contains("Write below binary dir") && line.ends_with("}\n"), "{line}");
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_datagram_is_a_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let receiver = UnixDatagram::bind(&path).unwrap();
        let mut output = UnixOutput::new(settings(path, SocketKind::Datagram));
        output.send(&[Arc::new(delivery(hostile())), Arc::new(delivery(judged()))]).unwrap();
        let mut buffer = vec![0; 65536];
        for _ in 0..2 {
            let length = receiver.recv(&mut buffer).unwrap();
            serde_json::from_slice::<serde_json::Value>(&buffer[..length]).unwrap();
        }
    }

    #[test]
    fn a_receiver_that_does_not_read_costs_a_bounded_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let _listener = UnixListener::bind(&path).unwrap();
        let mut output = UnixOutput::new(settings(path, SocketKind::Stream));
        let begin = Instant::now();
        let many: Vec<_> = (0..2000).map(|_| Arc::new(delivery(judged()))).collect();
        let error = output.send(&many).unwrap_err();
        let SendError::Later { taken, reason, .. } = error else { panic!("{error:?}") };
        assert!(taken > 0 && reason.contains("does not read"), "{reason}");
        assert!(begin.elapsed() < Duration::from_secs(5));
    }
}
