//! A port at which an API server asks: over TLS, or in plain text where nobody but this machine can hear it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::http::{self, Answer, Bodies, Hosts, Open, Refused, Request, Terms, Timed};
use crate::kubernetes::{Certificates, Log};
use crate::limits::TRANSFER;

/// The pause after a connection that could not be taken: out of descriptors, the next one fails as well.
const FAILED_PAUSE: Duration = Duration::from_millis(50);

/// What answers each request.
pub type Answering = Arc<dyn Fn(&Request) -> Answer + Send + Sync>;

/// How a port is served.
#[derive(Clone)]
pub struct Server {
    certificates: Option<Arc<Certificates>>,
    terms: Terms,
    log: Log,
}

impl Server {
    /// One that shows this certificate, as it is in its file at the time. It tells the log what is wrong with it.
    pub fn over_tls(certificates: Arc<Certificates>, bodies: Bodies, log: Log) -> Server {
        Server { certificates: Some(certificates), terms: Terms::new(bodies), log }
    }

    /// One in plain text, for this machine only, and not for the web pages that are shown here.
    pub fn plain(bodies: Bodies, log: Log) -> Server {
        let terms = Terms { hosts: Hosts::Loopback, ..Terms::new(bodies) };
        Server { certificates: None, terms, log }
    }

    /// The same, which tells of the requests that it refuses before they are read.
    #[must_use]
    pub fn telling(mut self, refused: Refused) -> Server {
        self.terms.refused = refused;
        self
    }

    /// Answers at this listener for ever. Each connection has a thread; there is a bounded number of them, and whoever is
    /// slow is cut.
    pub fn listen(&self, listener: &TcpListener, answering: &Answering) -> ! {
        let open = Open::default();
        loop {
            // One connection that fails is no reason to leave the others.
            let Ok((stream, _)) = listener.accept() else {
                thread::sleep(FAILED_PAUSE);
                continue;
            };
            let (server, answering) = (self.clone(), Arc::clone(answering));
            let started = open.run(move || {
                let answer = |request: &Request| answering(request);
                let Some(certificates) = &server.certificates else {
                    http::serve(&mut Timed::new(stream, TRANSFER), &server.terms, &answer);
                    return;
                };
                // Whoever does not shake hands is not the API server.
                if let Ok(mut stream) = certificates.accept(stream) {
                    http::serve(&mut stream, &server.terms, &answer);
                }
                if let Some(problem) = certificates.problem() {
                    (server.log)(&problem);
                }
            });
            if started.is_err() {
                (self.terms.refused)(503, "there are too many connections");
            }
        }
    }
}

/// Opens the port.
///
/// # Errors
/// It cannot be had.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address)
}
