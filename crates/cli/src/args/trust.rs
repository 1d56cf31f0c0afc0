//! Arguments of the commands that sign and verify.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::Judging;

pub(crate) const SIGN_EXAMPLES: &str = "\
The password of the key comes from SEAWALL_KEY_PASSWORD (or COSIGN_PASSWORD), else it is asked for.

Examples:
  seawall trust keygen --output release
  seawall sign --key release.key registry.example/app:1.2
  seawall sign --key release.key --legacy registry.example/app:1.2    # podman, skopeo and CRI-O read it too
  seawall sign --key release.key oci:layout
  seawall sign --key release.key --bundle app.tar.gz.sigstore.json app.tar.gz";

pub(crate) const ATTEST_EXAMPLES: &str = "\
Examples:
  seawall attest --key release.key --type cyclonedx --predicate app.cdx.json registry.example/app:1.2
  seawall attest --key release.key --type https://example.com/review/v1 --predicate review.json registry.example/app:1.2";

pub(crate) const VERIFY_EXAMPLES: &str = "\
What is required stands on the command line, or in the policy's section `trust`, whose first entry that matches counts:

  trust:
    - images: ['registry.example/app', 'ghcr.io/org/**']
      keys: [release.pub]
      signers: 1
      attestations: [slsaprovenance1]

Nothing but the image's registry is asked.

Examples:
  seawall verify --key release.pub registry.example/app:1.2
  seawall verify --key release.pub --attestation cyclonedx registry.example/app:1.2
  seawall verify --trusted-root trusted_root.json --certificate-identity 'https://github.com/org/app/**' --certificate-oidc-issuer https://token.actions.githubusercontent.com ghcr.io/org/app:1.2
  seawall verify --policy policy.yaml --wrap -- docker run --rm registry.example/app:1.2
  seawall verify --policy policy.yaml --format sarif --output trust.sarif registry.example/app:1.2";

pub(crate) const VERIFY_BUNDLE_EXAMPLES: &str = "\
Nothing is asked over the network. A certificate's issuer, the transparency logs and time-stamp authorities are
believed as the trusted root says (the public one: https://tuf-repo-cdn.sigstore.dev, target trusted_root.json).

Examples:
  seawall verify-bundle --bundle app.sigstore.json --key release.pub app.tar.gz
  seawall verify-bundle --bundle app.sigstore.json --trusted-root trusted_root.json --certificate-identity https://github.com/org/app/.github/workflows/release.yml@refs/heads/main --certificate-oidc-issuer https://token.actions.githubusercontent.com app.tar.gz
  seawall verify-bundle --bundle app.sigstore.json --signer-ca ca.pem --certificate-identity release@example.com app.tar.gz";

#[derive(Debug, Subcommand)]
pub(crate) enum Trust {
    /// Make a key pair: PREFIX.key, encrypted as cosign's are, and PREFIX.pub
    Keygen {
        /// Where the files go and what they are called
        #[arg(long, value_name = "PREFIX", value_hint = ValueHint::FilePath)]
        output: PathBuf,
        /// Kind of key
        #[arg(long, value_name = "KIND", default_value = "p256")]
        algorithm: NewKey,
    },
    /// Write what the policy requires for podman, skopeo, CRI-O and bootc; they read the signatures of `sign --legacy`
    Export {
        /// Policy file (YAML) with a section `trust`
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        policy: PathBuf,
        /// Which of their files
        #[arg(long, value_name = "FILE", default_value = "policy.json")]
        file: ContainersFile,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ContainersFile {
    /// /etc/containers/policy.json: who must have signed
    #[value(name = "policy.json")]
    Policy,
    /// A file for /etc/containers/registries.d: where signatures lie
    #[value(name = "registries.d")]
    Registries,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum NewKey {
    /// ECDSA over P-256, which every verifier knows
    P256,
    /// ECDSA over P-384
    P384,
    /// Ed25519
    Ed25519,
}

#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The image to sign, an OCI layout's (oci:DIR[:TAG]), or with --bundle a file
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) by: SigningArgs,
    /// Sign a file, and write the signature to this one as a sigstore bundle
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) bundle: Option<PathBuf>,
    /// Write the tag `.sig` too, which cosign before version 3, podman, skopeo and CRI-O read
    #[arg(long, conflicts_with_all = ["bundle", "certificate"])]
    pub(crate) legacy: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// Who signs.
#[derive(Debug, Args)]
pub(crate) struct SigningArgs {
    /// Private key: cosign's encrypted file, or PEM in the open
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key: PathBuf,
    /// Certificate (PEM) that a private authority gave for the key: it then says who signed
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) certificate: Option<PathBuf>,
}

/// How to reach an image's registry.
#[derive(Debug, Args)]
pub(crate) struct RegistryArgs {
    /// Talk plain http to this registry (loopback addresses may always)
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) insecure_registry: Vec<String>,
    /// Trust the certificates of this PEM file for registries
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) ca_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Attest {
    /// The image, or an OCI layout's (oci:DIR[:TAG])
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) by: SigningArgs,
    /// What is said of the image: a JSON document
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) predicate: PathBuf,
    /// What kind of thing that is: slsaprovenance1, cyclonedx, spdx, vuln, openvex, … or an address
    #[arg(long = "type", value_name = "TYPE", default_value = "custom")]
    pub(crate) kind: String,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The image, or an OCI layout's (oci:DIR[:TAG])
    #[arg(required_unless_present = "wrap", default_value = "", hide_default_value = true)]
    pub(crate) target: String,
    /// Verify the image of a `docker run`, `podman run` or `create`, and run that with the digest that was verified
    #[arg(long, requires = "command", conflicts_with = "target")]
    pub(crate) wrap: bool,
    /// With --wrap, the command
    #[arg(last = true, requires = "wrap", value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
    #[command(flatten)]
    pub(crate) signer: SignerArgs,
    /// How many different keys or identities must have signed
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) signers: std::num::NonZeroUsize,
    /// Require an attestation of this type too
    #[arg(long, value_name = "TYPE")]
    pub(crate) attestation: Vec<String>,
    /// Refuse signatures that are older
    #[arg(long, value_name = "DAYS")]
    pub(crate) age_days_max: Option<u32>,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) judging: Judging,
}

/// Who must have signed.
#[derive(Debug, Args)]
pub(crate) struct SignerArgs {
    /// Public key that must have signed; one of several is enough
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key: Vec<PathBuf>,
    /// Whom the signer's certificate must name; `*` stands for anything but `/`, `**` for anything
    #[arg(long, value_name = "IDENTITY", conflicts_with = "key")]
    pub(crate) certificate_identity: Vec<String>,
    /// Who must have vouched for that identity
    #[arg(long, value_name = "ADDRESS", requires = "certificate_identity")]
    pub(crate) certificate_oidc_issuer: Option<String>,
    /// Logs and authorities to believe: sigstore's trusted_root.json
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) trusted_root: Option<PathBuf>,
    /// Private authority to believe: PEM, the lowest certificate first and the root last
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["trusted_root", "key"])]
    pub(crate) signer_ca: Option<PathBuf>,
    /// Time-stamp authority of the private authority: PEM, the lowest certificate first and the root last
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "signer_ca")]
    pub(crate) timestamp_ca: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyBundle {
    /// The file, or for a bundle with a statement its digest, sha256:…
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) target: String,
    /// The bundle
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) bundle: PathBuf,
    #[command(flatten)]
    pub(crate) signer: SignerArgs,
}
