//! Arguments of `seawall admit`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::trust::RegistryArgs;

pub(crate) const EXAMPLES: &str = "\
Who must have signed stands in the policy's section `trust` (see `seawall verify --help`); where that is enforced, and
what else Docker's API may be used for, in its section `admission`:

  admission:
    mode: enforce                 # or warn, audit
    scopes:
      - {engines: [kubernetes], namespaces: ['dev-*'], mode: warn}
    docker: {build: allow}

Examples:
  seawall admit docker-plugin --policy /etc/seawall/policy.yaml
  seawall admit image-verifier --policy /etc/seawall/policy.yaml --wrapper > /opt/containerd/image-verifier/bin/seawall
  seawall admit oci-hook --policy /etc/seawall/policy.yaml --definition > /etc/containers/oci/hooks.d/seawall.json
  seawall admit webhook --policy policy.yaml --listen 0.0.0.0:8443 --tls-cert tls.crt --tls-key tls.key
  seawall admit webhook --manifest --ca ca.pem --image registry.example/seawall@sha256:… | kubectl apply -f -";

#[derive(Debug, Subcommand)]
pub(crate) enum Admit {
    /// Docker's authorization plugin: refuse containers of images that are not trusted, by whatever name
    DockerPlugin(DockerPlugin),
    /// containerd's image verifier: exit 0 if the image may be pulled
    ImageVerifier(ImageVerifier),
    /// podman's hook: exit 0 if the container may start
    OciHook(OciHook),
    /// Kubernetes' admission webhook: refuse what is not trusted, and pin the rest by digest
    Webhook(Box<Webhook>),
}

/// By what it is decided.
#[derive(Debug, Args)]
pub(crate) struct DecidingArgs {
    /// Policy file (YAML) with the sections `trust` and `admission`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) policy: PathBuf,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DockerPlugin {
    #[command(flatten)]
    pub(crate) deciding: DecidingArgs,
    /// The socket at which dockerd looks for the plugin `seawall`; `-` is a listening socket on standard input, which
    /// systemd keeps while the plugin is replaced
    #[arg(long, value_name = "PATH", default_value = "/run/docker/plugins/seawall.sock")]
    pub(crate) socket: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ImageVerifier {
    #[command(flatten)]
    pub(crate) deciding: DecidingArgs,
    /// Print the program for containerd's directory of verifiers
    #[arg(long)]
    pub(crate) wrapper: bool,
    /// What containerd says: -name NAME -digest DIGEST -stdin-media-type TYPE
    #[arg(last = true)]
    pub(crate) arguments: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct OciHook {
    #[command(flatten)]
    pub(crate) deciding: DecidingArgs,
    /// Print the file for podman's directory of hooks
    #[arg(long)]
    pub(crate) definition: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Webhook {
    /// Policy file (YAML) with the sections `trust` and `admission`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present = "manifest")]
    pub(crate) policy: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:8443")]
    pub(crate) listen: SocketAddr,
    /// Certificate chain (PEM); read again when the file changes
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present = "manifest")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key (PEM)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present = "manifest")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Let in only clients with a certificate of these authorities (PEM): the API server. Others hold no room
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) tls_client_ca: Option<PathBuf>,
    /// Print what the cluster needs, for `kubectl apply`
    #[arg(long)]
    pub(crate) manifest: bool,
    /// With --manifest, the image of Seawall
    #[arg(long, value_name = "IMAGE", requires = "manifest", default_value = "seawall:latest")]
    pub(crate) image: String,
    /// With --manifest, the namespace
    #[arg(long, value_name = "NAME", requires = "manifest", default_value = "seawall")]
    pub(crate) namespace: String,
    /// With --manifest, the authority (PEM) that issued the certificate [default: cert-manager says]
    #[arg(long, value_name = "FILE", requires = "manifest", value_hint = ValueHint::FilePath)]
    pub(crate) ca: Option<PathBuf>,
}
