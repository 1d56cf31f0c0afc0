//! Requests to a service, as a template makes them.

mod answer;
mod tls;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ureq::http::{HeaderMap, Request};

use super::SendError;
use crate::limits::{ANSWER_BYTES_MAX, ANSWER_SHOWN_BYTES};
use crate::redact::redacted;
use crate::template::{Answer, Compiled, Rendered, Template};
use crate::{Delivery, Secret};

/// What the configuration says of a service.
#[derive(Debug, Clone)]
pub(crate) struct HttpSettings {
    pub(crate) template: Template,
    pub(crate) method: Option<String>,
    /// Beside those of the template, or instead.
    pub(crate) headers: Vec<(String, Secret)>,
    /// What the template wants to know.
    pub(crate) settings: BTreeMap<String, Secret>,
    pub(crate) batch: Option<usize>,
    pub(crate) tls: TlsFiles,
    /// Only what is given here: the environment's proxies are for other programs.
    pub(crate) proxy: Option<Secret>,
    pub(crate) timeout: Duration,
}

/// Files of certificates.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsFiles {
    /// Whom to trust instead of the system's authorities.
    pub(crate) ca: Option<PathBuf>,
    /// A certificate of ours with its key.
    pub(crate) client: Option<(PathBuf, PathBuf)>,
}

/// Requests to a service.
#[derive(Debug)]
pub(crate) struct HttpOutput {
    agent: ureq::Agent,
    template: Compiled,
    answer: Answer,
    method: String,
    headers: Vec<(String, Secret)>,
    batch: usize,
    secrets: Vec<Secret>,
}

impl HttpOutput {
    /// The error completes "output …: ".
    pub(crate) fn new(settings: HttpSettings) -> Result<HttpOutput, String> {
        let proxy = match &settings.proxy {
            Some(address) => Some(
                ureq::Proxy::new(address.expose())
                    .map_err(|_| "its proxy is not an address of one".to_owned())?,
            ),
            None => None,
        };
        let agent = ureq::Agent::config_builder()
            .proxy(proxy)
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!("seawall/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(settings.timeout))
            .tls_config(tls::config(&settings.tls)?)
            .build()
            .new_agent();
        let headers = settings.headers.iter().map(|(_, value)| value.clone());
        let secrets = settings.settings.values().cloned().chain(headers).chain(settings.proxy).collect();
        let method = settings.method.unwrap_or_else(|| settings.template.method.clone());
        let output = HttpOutput {
            agent,
            template: settings.template.compile(&settings.settings)?,
            answer: settings.template.answer,
            method,
            headers: settings.headers,
            batch: settings.batch.unwrap_or_else(|| settings.template.batch()),
            secrets,
        };
        // Method and headers show now whether they are any.
        let blank =
            Rendered { address: "http://localhost/".to_owned(), headers: Vec::new(), body: String::new() };
        output.request(blank)?;
        Ok(output)
    }

    pub(crate) fn batch_max(&self) -> usize {
        self.batch
    }

    pub(crate) fn send(&mut self, deliveries: &[Arc<Delivery>]) -> Result<(), SendError> {
        let rendered = self.template.render(deliveries);
        let never = |reason: String| SendError::Never { reason: self.shown(&reason) };
        let rendered = rendered.map_err(|error| never(format!("cannot render the template: {error}")))?;
        let request = self.request(rendered).map_err(never)?;
        let mut response = match self.agent.run(request) {
            Ok(response) => response,
            Err(error) => return Err(SendError::later(self.shown(&failure(&error)))),
        };
        let status = response.status().as_u16();
        let after = retry_after(response.headers());
        let mut text = Vec::new();
        // The status counts, also where the rest of the answer does not come.
        let _ = response.body_mut().as_reader().take(ANSWER_BYTES_MAX).read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text);
        let reason = || self.shown(&format!("HTTP {status}: {text}"));
        match status {
            200..=299 => answer::check(self.answer, &text, deliveries.len()).map_err(|error| match error {
                SendError::Later { taken, reason, after } => {
                    SendError::Later { taken, reason: self.shown(&reason), after }
                }
                SendError::Never { reason } => SendError::Never { reason: self.shown(&reason) },
                SendError::Partly { later, never, reason } => {
                    SendError::Partly { later, never, reason: self.shown(&reason) }
                }
            }),
            // The request itself is wrong, and would be wrong again.
            400 | 406 | 411 | 413 | 414 | 415 | 422 | 431 => Err(SendError::Never { reason: reason() }),
            // Anything else may be mended on the other side, also a token that is not valid yet.
            _ => Err(SendError::Later { taken: 0, reason: reason(), after }),
        }
    }

    fn request(&self, rendered: Rendered) -> Result<Request<String>, String> {
        let mut request = Request::builder().method(self.method.as_str()).uri(&rendered.address);
        let is_given = |name: &str| self.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        for (name, value) in
            rendered.headers.iter().filter(|(name, value)| !is_given(name) && !value.is_empty())
        {
            request = request.header(name, value);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value.expose());
        }
        // The error would show the address, which may be a secret.
        request.body(rendered.body).map_err(|_| "its method, address or headers are not valid".to_owned())
    }

    fn shown(&self, text: &str) -> String {
        redacted(text, &self.secrets, ANSWER_SHOWN_BYTES)
    }
}

/// What went wrong before there was an answer, without the address.
#[expect(clippy::wildcard_enum_match_arm, reason = "ureq's errors are open")]
fn failure(error: &ureq::Error) -> String {
    match error {
        ureq::Error::BadUri(_) => "the address is not valid".to_owned(),
        ureq::Error::RequireHttpsOnly(_) => "the address is not of HTTPS".to_owned(),
        other => other.to_string(),
    }
}

/// How long the service asks to be left alone: seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?;
    if let Ok(seconds) = text.trim().parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    // By the service's own clock, so that ours does not matter.
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp());
    let now = date(headers.get("date")?.to_str().ok()?)?;
    Duration::try_from(date(text)?.duration_since(now)).ok()
}

#[cfg(test)]
mod tests;
