//! The sandbox of a pod, as containerd's CRI plugin records it in an extension of the sandbox's container
//! (`pkg/store/sandbox/metadata.go`).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Containerd, message};
use crate::{EngineError, Failure};

const EXTENSION: &str = "io.cri-containerd.sandbox.metadata";

/// What the kubelet and the network plugin have said of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sandbox {
    /// The pod's labels.
    pub labels: BTreeMap<String, String>,
    /// The pod's first address; none on the host's network.
    pub address: Option<String>,
    /// The network plugin's answer, JSON.
    pub network: Option<String>,
}

impl Containerd {
    /// A pod's sandbox by its whole id.
    ///
    /// # Errors
    /// [`Failure::NotFound`] when there is none.
    pub fn sandbox(&self, namespace: &str, id: &str) -> Result<Sandbox, EngineError> {
        let record = self.record(namespace, id)?;
        let packed = record.extensions.get(EXTENSION).map(|packed| packed.value.as_slice());
        let metadata = packed.map(metadata).transpose().map_err(|error| {
            self.error(&format!("read sandbox {id}"), Failure::Malformed(Box::new(error)))
        })?;
        Ok(Sandbox { labels: record.labels.into_iter().collect(), ..metadata.unwrap_or_default() })
    }

    pub(super) fn record(&self, namespace: &str, id: &str) -> Result<message::Container, EngineError> {
        let operation = format!("find container {id}");
        let method = "containerd.services.containers.v1.Containers/Get";
        let question = message::ContainerRequest { id: id.to_owned() };
        let answer: message::ContainerResponse = self.ask(&operation, namespace, method, &question)?;
        let missing = || self.error(&operation, Failure::NotFound("the answer is empty".to_owned()));
        answer.container.ok_or_else(missing)
    }
}

fn metadata(json: &[u8]) -> Result<Sandbox, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Versioned {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    struct Metadata {
        #[serde(rename = "IP", default)]
        address: String,
        #[serde(rename = "CNIResult", default)]
        network: Option<Value>,
    }
    let Versioned { metadata } = serde_json::from_slice(json)?;
    Ok(Sandbox {
        labels: BTreeMap::new(),
        address: Some(metadata.address).filter(|address| !address.is_empty()),
        network: metadata.network.map(|network| network.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_of_the_plugin() {
        let host = br#"{"Version":"v1","Metadata":{"ID":"5d","NetNSPath":"","IP":"","CNIResult":null}}"#;
        assert_eq!(metadata(host).unwrap_or_else(|error| panic!("{error}")), Sandbox::default());
        let pod = br#"{"Version":"v1","Metadata":{"IP":"10.0.0.7","CNIResult":{"Interfaces":{}}}}"#;
        let Sandbox { address, network, .. } = metadata(pod).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(address.as_deref(), Some("10.0.0.7"));
        assert_eq!(network.as_deref(), Some(r#"{"Interfaces":{}}"#));
        assert!(metadata(b"{}").is_err());
    }
}
