//! Kubernetes' admission webhook: the API server asks before it stores a pod or what makes pods.
//!
//! One handler mutates: it makes names digests. One validates: what has no digest by then is refused. Reads a request,
//! answers it, and asks nobody but the images' registries; nothing is stored for a rehearsal (`dryRun`).

mod manifest;
mod pods;
mod review;
mod tls;

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::decide::Admission;
use crate::http::{Answer, Bodies, Request};
use crate::limits::{DECIDE_WITHIN, PATIENCE_MAX, PATIENCE_PERCENT};
use crate::server::{Answering, Server};

pub use manifest::{Authority, manifest};
pub use review::{Handler, answer};
pub use tls::{Certificates, TlsError};

/// Who is told of each decision: a line for a log.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// How often images that are remembered and in use are verified again before they would be forgotten.
const REFRESH_EVERY: Duration = Duration::from_secs(30);

/// The webhook.
#[derive(Clone)]
pub struct Webhook {
    admission: Admission,
    log: Log,
}

impl Webhook {
    /// One that decides so and tells this log.
    pub fn new(admission: Admission, log: Log) -> Webhook {
        Webhook { admission, log }
    }

    /// Answers at this listener for ever, with the certificate that is in its file at the time.
    pub fn listen(&self, listener: &TcpListener, certificates: &Arc<Certificates>) -> ! {
        let refreshing = self.admission.clone();
        // A thread that cannot be started leaves images to be verified when they are asked for.
        let _ = thread::Builder::new().name("refresh".to_owned()).spawn(move || {
            loop {
                thread::sleep(REFRESH_EVERY);
                refreshing.refresh();
            }
        });
        let (webhook, log) = (self.clone(), Arc::clone(&self.log));
        let server = Server::over_tls(Arc::clone(certificates), Bodies::default(), log);
        server.listen(listener, &(Arc::new(move |request: &Request| webhook.answer(request)) as Answering))
    }

    fn answer(&self, request: &Request) -> Answer {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let handler = match (request.method.as_str(), path) {
            ("POST", "/validate") => Handler::Validate,
            ("POST", "/mutate") => Handler::Mutate,
            ("GET", "/healthz" | "/readyz") => return Answer::text(200, "ok"),
            _ => return Answer::text(404, "there is /validate, /mutate and /healthz"),
        };
        match answer(&self.admission, handler, &request.body, within(query)) {
            Ok(answered) => {
                answered.log.iter().for_each(|line| (self.log)(line));
                Answer::json(&answered.review)
            }
            Err(reason) => Answer::text(400, &reason),
        }
    }
}

/// How long a decision may take: most of what the API server waits, which it says itself.
fn within(query: &str) -> Duration {
    let told = query.split('&').find_map(|pair| pair.strip_prefix("timeout=")).and_then(duration);
    told.map_or(DECIDE_WITHIN, |told| told.min(PATIENCE_MAX) * PATIENCE_PERCENT / 100)
}

/// A duration as Go writes it: `10s`, `1m0s`, `500ms`.
fn duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = rest.split_at_checked(digits).filter(|(number, _)| number.len() <= 6)?;
        let number: u32 = number.parse().ok()?;
        let letters = behind.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, behind) = behind.split_at_checked(letters)?;
        let unit = match unit {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            _ => return None,
        };
        total = total.checked_add(unit.checked_mul(number)?)?;
        rest = behind;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests;
