//! What a document may make us hold and compute, with the reasons.

/// Key files: an RSA key of 4096 bits, encrypted and encoded twice, has 7 kB.
pub const KEY_BYTES_MAX: u64 = 64 * 1024;
/// A bundle with an SBOM as its predicate has some megabytes; cosign stops at 128 MiB.
pub const BUNDLE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// What is said of an image: an SBOM has some megabytes, and a bundle holds it as base64.
pub const PREDICATE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// The public trusted root has 10 kB, one of an organisation with many logs a few hundred.
pub const TRUSTED_ROOT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// A file is signed and verified in memory, because the keys' library wants its message in one piece.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// JSON deeper than that is no predicate.
pub(crate) const JSON_DEPTH_MAX: usize = 100;
/// Blocks of a PEM file: a bundle of authorities has some hundred.
pub(crate) const PEM_BLOCKS_MAX: usize = 1000;
/// Certificates: the largest public ones have some kilobytes.
pub(crate) const CERTIFICATE_BYTES_MAX: usize = 64 * 1024;
/// Certificates that a bundle may carry: a leaf, intermediates, a root.
pub(crate) const CHAIN_LENGTH_MAX: usize = 8;
/// Signatures that the search for a path may verify, so that many like-named authorities cost a bounded time.
pub(crate) const CHAIN_TRIES_MAX: usize = 64;
/// Extensions of a certificate: Fulcio's have thirty.
pub(crate) const EXTENSIONS_MAX: usize = 100;
/// Log entries of a bundle: one per log, of which there are a few.
pub(crate) const LOG_ENTRIES_MAX: usize = 16;
/// Time stamps of a bundle.
pub(crate) const TIMESTAMPS_MAX: usize = 16;
/// Hashes of an inclusion proof: the height of a tree of 2^64 leaves.
pub(crate) const PROOF_HASHES_MAX: usize = 64;
/// Signatures of a checkpoint: the log and its witnesses.
pub(crate) const CHECKPOINT_SIGNATURES_MAX: usize = 32;
/// Signed certificate timestamps in one certificate.
pub(crate) const SCTS_MAX: usize = 16;
/// Artifacts of one in-toto statement: a release has some hundred files.
pub(crate) const SUBJECTS_MAX: usize = 10_000;
/// All signatures of one image together: whoever can push could else keep a verifier busy for hours.
pub(crate) const EVIDENCE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Manifests and indexes, as registries bound them.
pub(crate) const MANIFEST_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Signatures of one manifest.
pub(crate) const ARTIFACTS_MAX: usize = 100;
/// Images of one index: Debian's has some ten, those with many system versions a hundred.
pub(crate) const INDEX_IMAGES_MAX: usize = 500;
/// Indexes in indexes.
pub(crate) const INDEX_DEPTH_MAX: usize = 3;
/// Times that the fallback tag is written anew because others write it too.
pub(crate) const FALLBACK_TRIES_MAX: usize = 5;
/// Items in items of a COSE envelope: headers, an array in them, certificates in it.
pub(crate) const CBOR_DEPTH_MAX: usize = 16;
/// Items of a COSE envelope: some ten headers and a chain of certificates.
pub(crate) const CBOR_ITEMS_MAX: usize = 1000;
/// Files of a named trust store: an organisation's authorities, old and new.
pub(crate) const STORE_FILES_MAX: usize = 200;
/// Statements of a notation trust policy: one per repository of a large site.
pub(crate) const NOTATION_POLICIES_MAX: usize = 10_000;
/// A list of revoked certificates: those of large public authorities have a few megabytes.
pub const CRL_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Revoked certificates of one list.
pub(crate) const REVOKED_MAX: usize = 500_000;
/// Files of `registries.d`: one per registry of a site.
pub(crate) const REGISTRIES_D_FILES_MAX: usize = 1000;
/// One of them.
pub(crate) const REGISTRIES_D_BYTES_MAX: u64 = 1024 * 1024;
/// A site's own log: a million entries of 1 kB.
pub(crate) const SITE_LOG_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// The small files of a site: certificates, the trusted root, the list of what was revoked.
pub(crate) const SITE_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Manifests of one copy: an index of five hundred images, each with some statements and those with signatures.
pub(crate) const COPY_MANIFESTS_MAX: usize = 10_000;
/// Indexes in indexes, and statements of statements.
pub(crate) const COPY_DEPTH_MAX: usize = 10;
