//! Arguments of the commands that sign and verify.

use std::ffi::OsString;
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
  seawall sign --site site --identity build@example.com registry.example/app:1.2     # see `seawall trust init --help`
  seawall sign --key release.key --bundle app.tar.gz.sigstore.json app.tar.gz";

pub(crate) const SITE_EXAMPLES: &str = "\
Whoever has the directory and its password can sign as anybody: keep it where you build, and root.key, which only
`trust rotate` needs, elsewhere. Hand out trusted_root.json, and crl.pem after a revocation; cosign and sigstore-python
read the former too.

Examples:
  seawall trust init site --name 'Example Ltd'
  seawall sign --site site --identity build@example.com registry.example/app:1.2
  seawall verify --trusted-root site/trusted_root.json --crl site/crl.pem --certificate-identity build@example.com --certificate-oidc-issuer https://exampleltd.seawall.local registry.example/app:1.2
  seawall trust revoke site build@example.com
  seawall trust rotate site --part ca";

pub(crate) const ATTEST_EXAMPLES: &str = "\
Examples:
  seawall attest --key release.key --type cyclonedx --predicate app.cdx.json registry.example/app:1.2
  seawall attest --key release.key --provenance registry.example/app:1.2        # in GitHub Actions, GitLab CI, here
  seawall attest --key release.key --provenance --buildkit-metadata build.json registry.example/app:1.2
  seawall attest --key release.key --scan registry.example/app:1.2
  seawall attest --key release.key --type https://example.com/review/v1 --predicate review.json registry.example/app:1.2";

pub(crate) const COPY_EXAMPLES: &str = "\
Digests stay what they are, so every signature counts at the other end too; what is there already is not sent again.

Examples:
  seawall copy registry.example/app:1.2 mirror.example/app:1.2
  seawall copy registry.example/app:1.2 oci-archive:app.tar      # over an air gap, and from there:
  seawall copy oci-archive:app.tar registry.local/app:1.2
  seawall copy oci:layout:1.2 registry.example/app:1.2";

pub(crate) const PIN_EXAMPLES: &str = "\
Examples:
  seawall pin Dockerfile                                    # as a diff
  seawall pin --policy policy.yaml --apply .                # only images that the policy's section `trust` trusts";

pub(crate) const GATE_EXAMPLES: &str = "\
One report, one exit code. Without --fail-on, findings that are high or critical are denied. The image is pinned
before it is looked at, and signed and attested (scan, SBOM, provenance) only when the policy allows it.

Examples:
  seawall gate --files . --policy policy.yaml registry.example/app:1.2
  seawall gate --files . --policy policy.yaml --format sarif=gate.sarif --format table --key release.key --provenance registry.example/app:1.2
  seawall gate --site site --identity https://ci.example/app --format gitlab=gl-container-scanning-report.json registry.example/app:1.2";

pub(crate) const PUBLIC_KEY_EXAMPLES: &str = "\
A key need not be in a file. Where --key takes an address, these are known:

  pkcs11:token=T;object=O?module-path=/usr/lib/M.so&pin-source=FILE
        a key in a token (RFC 7512): token, manufacturer, model, serial, slot-id choose the token, object (the label) and
        id the key. SEAWALL_PKCS11_MODULE names the module otherwise, SEAWALL_PKCS11_PIN gives the PIN, or the terminal
        does. pin-value= is understood too, but other users of the host can read it while the command runs.
  hashivault://NAME[?version=N], openbao://NAME[?version=N]
        a key of the transit engine, at VAULT_ADDR with VAULT_TOKEN or ~/.vault-token; VAULT_CACERT and VAULT_NAMESPACE,
        and TRANSIT_SECRET_ENGINE_PATH where the engine is not at `transit`. For openbao, BAO_ADDR and so on come first.

A policy names public keys by file only: whoever writes it should not choose a module that is loaded, nor a host that
is asked. Write the file with this command.

Examples:
  seawall trust public-key --key 'pkcs11:token=release;object=signing?module-path=/usr/lib/softhsm/libsofthsm2.so'
  seawall trust public-key --key hashivault://release
  seawall sign --key 'pkcs11:token=release;object=signing?pin-source=/run/secrets/pin' registry.example/app:1.2";

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
  seawall verify --notation ~/.config/notation registry.example/app:1.2
  seawall verify --containers-policy /etc/containers/policy.json --registries-d /etc/containers/registries.d registry.example/app:1.2
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
    /// Write the public half of a key, which may be in a token or a service
    #[command(after_help = PUBLIC_KEY_EXAMPLES)]
    PublicKey {
        /// The key: a file, or an address
        #[arg(long, value_name = "FILE|ADDRESS", value_hint = ValueHint::FilePath)]
        key: KeyText,
    },
    /// Make a site's own trust without internet: an authority, logs and a time-stamp authority, in one directory
    #[command(after_help = SITE_EXAMPLES)]
    Init {
        /// A directory that is not there yet
        #[arg(value_hint = ValueHint::DirPath)]
        directory: PathBuf,
        /// What the site is called; stands in its certificates
        #[arg(long, value_name = "NAME", default_value = "Seawall site")]
        name: String,
    },
    /// Make a part of a site new; what the old one signed before counts on
    Rotate {
        /// The site's directory, with the root's key in it
        #[arg(value_hint = ValueHint::DirPath)]
        directory: PathBuf,
        /// Which part
        #[arg(long, value_name = "PART")]
        part: SitePart,
    },
    /// Take back what a site certified, and write its list of revoked certificates (crl.pem) anew
    Revoke {
        /// The site's directory
        #[arg(value_hint = ValueHint::DirPath)]
        directory: PathBuf,
        /// Identity or serial number; without it the list is only made new, as it must be once a year
        #[arg(value_name = "IDENTITY|SERIAL")]
        whom: Option<String>,
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
pub(crate) enum SitePart {
    /// The authority that certifies signers
    Ca,
    /// The time-stamp authority
    Tsa,
    /// The transparency log, which begins anew
    Log,
    /// The log of certificates
    CertificateLog,
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
    #[arg(long, conflicts_with_all = ["bundle", "certificate", "site"])]
    pub(crate) legacy: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// Where a key is: a file, or an address of another place. It does not print itself: an address may hold a PIN.
#[derive(Clone)]
pub(crate) struct KeyText(pub(crate) OsString);

impl From<OsString> for KeyText {
    fn from(text: OsString) -> KeyText {
        KeyText(text)
    }
}

impl std::fmt::Debug for KeyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyText(…)")
    }
}

/// Who signs.
#[derive(Debug, Args)]
pub(crate) struct SigningArgs {
    /// Private key: cosign's encrypted file, PEM in the open, or a key elsewhere (pkcs11:…, hashivault://NAME,
    /// openbao://NAME; see `seawall trust public-key --help`)
    #[arg(long, value_name = "FILE|ADDRESS", value_hint = ValueHint::FilePath)]
    pub(crate) key: Option<KeyText>,
    /// Sign with a certificate of some minutes by this site (`seawall trust init`), with log entry and time stamp
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, requires = "identity", conflicts_with_all = ["key", "certificate"])]
    pub(crate) site: Option<PathBuf>,
    /// Whom the site's certificate names: a mail address, or an address with ://
    #[arg(long, value_name = "IDENTITY", requires = "site")]
    pub(crate) identity: Option<String>,
    /// Certificate (PEM) that a private authority gave for the key: it then says who signed
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) certificate: Option<PathBuf>,
}

impl SigningArgs {
    /// Whether anybody is to sign.
    pub(crate) fn is_given(&self) -> bool {
        self.key.is_some() || self.site.is_some()
    }
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
pub(crate) struct Copy {
    /// The image: a name, oci:DIR[:TAG|@DIGEST], or oci-archive:FILE[:TAG]
    pub(crate) source: String,
    /// Where to: the same, or the same repository
    pub(crate) destination: String,
    /// Leave out signatures, attestations and whatever else is said of it
    #[arg(long)]
    pub(crate) image_only: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Pin {
    /// Build files, or directories with some below them
    #[arg(required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) path: Vec<PathBuf>,
    /// Make the changes that are shown
    #[arg(long)]
    pub(crate) apply: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) judging: Judging,
}

#[derive(Debug, Args)]
pub(crate) struct Gate {
    /// The image to ship: a name in a registry, or oci:DIR[:TAG]; all its platforms are looked at
    pub(crate) image: Option<String>,
    /// Build files and manifests, or directories with some; the base images of build files are verified by the
    /// policy's section `trust`
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) files: Vec<PathBuf>,
    /// Judge the image's settings too: its user, history, variables, setuid files (CIS Docker section 4)
    #[arg(long)]
    pub(crate) settings: bool,
    /// VEX document: OpenVEX, CSAF or CycloneDX
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) vex: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) by: SigningArgs,
    /// Attest where the image comes from too, by the environment of GitHub Actions, GitLab CI or this host
    #[arg(long)]
    pub(crate) provenance: bool,
    /// What `docker buildx build --metadata-file FILE` wrote, as the provenance
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "provenance")]
    pub(crate) buildkit_metadata: Option<PathBuf>,
    /// Tell on stderr what is denied in a pipeline's own words; auto does so where GITHUB_ACTIONS is set
    #[arg(long, value_name = "WHOSE", default_value = "auto")]
    pub(crate) annotate: Annotate,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) judging: Judging,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Annotate {
    /// GitHub's where GitHub runs us
    Auto,
    /// Workflow commands (::error file=…::)
    Github,
    /// Nobody's
    None,
}

#[derive(Debug, Args)]
pub(crate) struct Attest {
    /// The image, or an OCI layout's (oci:DIR[:TAG])
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) by: SigningArgs,
    /// What is said of the image: a JSON document
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present_any = ["provenance", "scan"])]
    pub(crate) predicate: Option<PathBuf>,
    /// Say where the image comes from (SLSA provenance), by the environment of GitHub Actions, GitLab CI or this host
    #[arg(long, conflicts_with_all = ["predicate", "kind"])]
    pub(crate) provenance: bool,
    /// Say what BuildKit recorded of the build instead: what `docker buildx build --metadata-file FILE` wrote
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "provenance")]
    pub(crate) buildkit_metadata: Option<PathBuf>,
    /// On a plain host, the checkout that the image was built from
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, default_value = ".")]
    pub(crate) source: PathBuf,
    /// Scan the image, and say what was found (cosign's type `vuln`)
    #[arg(long, conflicts_with_all = ["predicate", "kind", "provenance"])]
    pub(crate) scan: bool,
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
    #[arg(long, requires = "command", conflicts_with_all = [
        "target", "containers_policy", "format", "output", "template", "severity", "fail_on", "fail_on_gaps",
    ])]
    pub(crate) wrap: bool,
    /// With --wrap, the command
    #[arg(last = true, requires = "wrap", value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
    #[command(flatten)]
    pub(crate) signer: SignerArgs,
    /// Take what notation's trust policy trusts: its configuration directory, ~/.config/notation
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with_all = ["key", "certificate_identity"])]
    pub(crate) notation: Option<PathBuf>,
    /// Ask what podman's policy.json requires of the image; signatures are read from the tag `.sig`, as podman does
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["key", "certificate_identity", "notation"])]
    pub(crate) containers_policy: Option<PathBuf>,
    /// Look for signatures only where this directory lets podman do so: /etc/containers/registries.d
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, requires = "containers_policy")]
    pub(crate) registries_d: Option<PathBuf>,
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
    /// Public key that must have signed, or the address of a key elsewhere; one of several is enough
    #[arg(long, value_name = "FILE|ADDRESS", value_hint = ValueHint::FilePath)]
    pub(crate) key: Vec<KeyText>,
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
    /// List of certificates that an authority revoked (PEM or DER)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) crl: Vec<PathBuf>,
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
