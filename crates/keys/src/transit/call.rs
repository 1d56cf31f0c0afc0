//! One call of the service: bounded in time and size, and with an error for each thing that can be wrong.

use std::fs::File;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::Path;

use seawall_trust::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{Response, Uri};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use ureq::{Body, RequestBuilder};

use super::{Service, TransitError};
use crate::limits::{ANSWER_BYTES_MAX, CA_BYTES_MAX, CALL_TIMEOUT, CONNECT_TIMEOUT, SHOWN_CHARS_MAX};
use crate::shown;

pub(super) struct Client {
    agent: ureq::Agent,
    /// Without a slash at its end.
    address: String,
    mount: String,
    token: Secret,
    namespace: Option<String>,
}

/// What every answer is wrapped in.
#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

impl Client {
    pub(super) fn new(service: &Service) -> Result<Client, TransitError> {
        let address = service.address.trim_end_matches('/').to_owned();
        check_address(&address).map_err(|reason| wrong("address", reason))?;
        let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(is_plain);
        if !service.mount.split('/').all(is_part) {
            return Err(wrong("mount", "it is no path of letters, digits, `_`, `-` and `.`"));
        }
        let mut tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
        if let Some(path) = &service.ca {
            tls = tls.root_certs(RootCerts::new_with_certs(&authorities(path)?));
        }
        let agent = ureq::Agent::config_builder()
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!("seawall/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(CALL_TIMEOUT))
            .tls_config(tls.build())
            .build()
            .new_agent();
        let (mount, token) = (service.mount.clone(), service.token.clone());
        Ok(Client { agent, address, mount, token, namespace: service.namespace.clone() })
    }

    pub(super) fn get<T: DeserializeOwned>(&self, path: &str, operation: &str) -> Result<T, TransitError> {
        let request = self.known(self.agent.get(self.at(path)))?;
        self.answer(operation, request.call())
    }

    pub(super) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
        operation: &str,
    ) -> Result<T, TransitError> {
        let request = self.known(self.agent.post(self.at(path)))?;
        self.answer(operation, request.content_type("application/json").send(body.to_string()))
    }

    fn at(&self, path: &str) -> String {
        format!("{}/v1/{}/{path}", self.address, self.mount)
    }

    fn known<B>(&self, request: RequestBuilder<B>) -> Result<RequestBuilder<B>, TransitError> {
        let header = |bytes: &[u8]| ureq::http::HeaderValue::from_bytes(bytes);
        let mut token = header(self.token.expose()).map_err(|_| wrong("token", "it is none"))?;
        token.set_sensitive(true);
        let mut request = request.header("X-Vault-Token", token).header("X-Vault-Request", "true");
        if let Some(namespace) = &self.namespace {
            let namespace = header(namespace.as_bytes()).map_err(|_| wrong("namespace", "it is none"))?;
            request = request.header("X-Vault-Namespace", namespace);
        }
        Ok(request)
    }

    fn answer<T: DeserializeOwned>(
        &self,
        operation: &str,
        answered: Result<Response<Body>, ureq::Error>,
    ) -> Result<T, TransitError> {
        let unreachable = |error: ureq::Error| TransitError::Unreachable {
            operation: operation.to_owned(),
            address: self.address.clone(),
            source: Box::new(error),
        };
        let response = answered.map_err(unreachable)?;
        let status = response.status().as_u16();
        let body = response.into_body().into_with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let (operation, address) = (operation.to_owned(), self.address.clone());
        // The status counts, also where the rest of a refusal does not come.
        let said = self.tame(said(body.as_deref().unwrap_or_default()));
        match status {
            200..=299 => {
                let bytes = body.map_err(unreachable)?;
                let read = serde_json::from_slice::<Answer<T>>(&bytes);
                read.map(|answer| answer.data).map_err(|error| self.unusable(&operation, error))
            }
            300..=399 => Err(TransitError::Elsewhere { operation, address }),
            401 | 403 => Err(TransitError::Denied { operation, address, said }),
            404 => Err(TransitError::Missing { operation, address, said }),
            500.. => {
                let hint = if status == 503 { ": sealed, or in maintenance" } else { "" };
                Err(TransitError::Trouble { operation, address, status, hint, said })
            }
            _ => Err(TransitError::Refused { operation, address, status, said }),
        }
    }

    pub(super) fn unusable(&self, operation: &str, reason: impl ToString) -> TransitError {
        let (operation, address) = (operation.to_owned(), self.address.clone());
        TransitError::Answer { operation, address, reason: self.tame(reason.to_string()) }
    }

    /// A service may say the token back.
    fn tame(&self, text: String) -> String {
        match self.token.expose() {
            [] => text,
            token => text.replace(&*String::from_utf8_lossy(token), "[the token]"),
        }
    }
}

fn wrong(what: &'static str, reason: impl ToString) -> TransitError {
    TransitError::Settings { what, reason: reason.to_string() }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-.".contains(c)
}

/// Scheme, host and port, and no more; plain http for this machine only.
fn check_address(address: &str) -> Result<(), &'static str> {
    let uri: Uri = address.parse().map_err(|_| "it is no address")?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err("it does not begin with `https://` and a host");
    };
    if authority.as_str().contains('@') || !["", "/"].contains(&uri.path()) || uri.query().is_some() {
        return Err("it has more than scheme, host and port");
    }
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match scheme {
        "https" => Ok(()),
        "http" if is_here => Ok(()),
        "http" => Err("over plain http the token could be read on its way; only this machine is reached so"),
        _ => Err("it does not begin with `https://`"),
    }
}

fn authorities(path: &Path) -> Result<Vec<Certificate<'static>>, TransitError> {
    let cannot = |reason: String| wrong("list of authorities", format!("{}: {reason}", path.display()));
    if std::fs::metadata(path).is_ok_and(|about| !about.is_file()) {
        return Err(cannot("it is not a regular file".to_owned()));
    }
    let mut pem = Vec::new();
    let file = File::open(path).map_err(|error| cannot(error.to_string()))?;
    file.take(CA_BYTES_MAX).read_to_end(&mut pem).map_err(|error| cannot(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| cannot(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() { Err(cannot("it holds no certificate".to_owned())) } else { Ok(certificates) }
}

/// The words of `{"errors": ["…"]}`, for the end of an error.
fn said(body: &[u8]) -> String {
    let errors = serde_json::from_slice::<Value>(body).map(|body| body["errors"].clone()).unwrap_or_default();
    let words: Vec<&str> = errors.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let words: String = shown(&words.join("; ")).chars().take(SHOWN_CHARS_MAX).collect();
    if words.is_empty() { words } else { format!(": {words}") }
}
