//! Arguments of the commands that sign and verify.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

pub(crate) const SIGN_EXAMPLES: &str = "\
The password of the key comes from SEAWALL_KEY_PASSWORD (or COSIGN_PASSWORD), else it is asked for.

Examples:
  seawall trust keygen --output release
  seawall sign --key release.key --bundle app.tar.gz.sigstore.json app.tar.gz";

pub(crate) const VERIFY_BUNDLE_EXAMPLES: &str = "\
Nothing is asked over the network. A certificate's issuer, the transparency logs and time-stamp authorities are
believed as the trusted root says (the public one: https://tuf-repo-cdn.sigstore.dev, target trusted_root.json).

Examples:
  seawall verify-bundle --bundle app.sigstore.json --key release.pub app.tar.gz
  seawall verify-bundle --bundle app.sigstore.json --trusted-root trusted_root.json --certificate-identity https://github.com/org/app/.github/workflows/release.yml@refs/heads/main --certificate-oidc-issuer https://token.actions.githubusercontent.com app.tar.gz
  seawall verify-bundle --bundle app.sigstore.json --ca ca.pem --certificate-identity release@example.com app.tar.gz";

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
    /// The file to sign
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) target: String,
    /// Private key: cosign's encrypted file, or PEM in the open
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key: PathBuf,
    /// Write the signature to this file, as a sigstore bundle
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) bundle: PathBuf,
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
    pub(crate) ca: Option<PathBuf>,
    /// Time-stamp authority of the private authority: PEM, the lowest certificate first and the root last
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "ca")]
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
