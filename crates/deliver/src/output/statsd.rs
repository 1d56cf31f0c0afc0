//! Counts findings at a StatsD server: one counter, with the tags that DogStatsD and Telegraf understand.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::{SendError, send_each, stream};
use crate::Delivery;
use crate::limits::TIMEOUT;
use crate::text::cut;

/// Counts findings at a StatsD server.
#[derive(Debug)]
pub(crate) struct StatsdOutput {
    address: String,
    prefix: String,
    socket: Option<OwnedFd>,
}

impl StatsdOutput {
    /// For a server at `host:port`; names begin with the prefix.
    pub(crate) fn new(address: String, prefix: String) -> StatsdOutput {
        StatsdOutput { address, prefix, socket: None }
    }

    pub(crate) fn send(&mut self, deliveries: &[Arc<Delivery>]) -> Result<(), SendError> {
        let StatsdOutput { address, prefix, socket: open } = self;
        send_each(
            deliveries,
            || format!("statsd {address}"),
            |delivery| {
                let socket = match open.take() {
                    Some(socket) => socket,
                    None => stream::connect_udp(address)?,
                };
                stream::send_all(&socket, metric(prefix, delivery).as_bytes(), TIMEOUT)?;
                *open = Some(socket);
                Ok(())
            },
        )
    }
}

fn metric(prefix: &str, delivery: &Delivery) -> String {
    let count = delivery.repeats.map_or(1, |repeats| repeats.count);
    format!(
        "{prefix}findings:{count}|c|#rule:{},priority:{},source:{},verdict:{},host:{}",
        tag(delivery.rule()),
        tag(delivery.priority().name()),
        tag(delivery.source()),
        delivery.judged.verdict,
        tag(&delivery.host)
    )
}

/// A tag's value: what parts tags and lines becomes `_`.
fn tag(text: &str) -> String {
    const BYTES_MAX: usize = 200;
    let is_kept = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '/' | '_');
    let lower = cut(text, BYTES_MAX).to_lowercase();
    lower.chars().map(|c| if is_kept(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::delivery::tests::{delivery, hostile, judged};

    #[test]
    fn findings_are_counted() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = receiver.local_addr().unwrap().to_string();
        let mut output = StatsdOutput::new(address, "seawall.".to_owned());
        output.send(&[Arc::new(delivery(judged())), Arc::new(delivery(hostile()))]).unwrap();
        let mut buffer = [0; 2048];
        let length = receiver.recv(&mut buffer).unwrap();
        let expected = "seawall.findings:1|c|#rule:write_below_binary_dir,priority:error,source:syscall,verdict:deny,host:node-1";
        assert_eq!(std::str::from_utf8(&buffer[..length]), Ok(expected));
        let length = receiver.recv(&mut buffer).unwrap();
        let hostile = std::str::from_utf8(&buffer[..length]).unwrap();
        assert_eq!((hostile.matches('|').count(), hostile.matches(':').count()), (2, 6), "{hostile}");
    }
}
