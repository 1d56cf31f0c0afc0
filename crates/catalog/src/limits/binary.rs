//! Limits for programs, archives and software bills of materials.

/// An executable below this size holds no program with packages: the smallest Go and Rust programs have some 100 KB.
pub(crate) const EXECUTABLE_BYTES_MIN: u64 = 4 * 1024;

/// Sections or segments of one executable: linked files have some dozens; a lying count must not cost memory.
pub(crate) const EXECUTABLE_REGIONS_MAX: u64 = 4096;

/// The table of section names: a few hundred bytes in linked files.
pub(crate) const EXECUTABLE_NAMES_BYTES_MAX: u64 = 256 * 1024;

/// A section name; those we look for have 20 bytes at most.
pub(crate) const EXECUTABLE_NAME_BYTES_MAX: usize = 64;

/// Load commands of a Mach-O file: some kilobytes in practice.
pub(crate) const MACH_O_COMMANDS_BYTES_MAX: u64 = 1024 * 1024;

/// How far the first data segment is searched for Go's build information where no section names it: the linker puts
/// it near the start.
pub(crate) const GO_DATA_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Go's module text: Kubernetes has 50 KB.
pub(crate) const GO_BUILD_INFO_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Modules of one Go program: the largest known ones have about 2,000.
pub(crate) const GO_MODULES_MAX: usize = 20_000;

/// Where UPX leaves its mark: behind the program headers, in the first hundreds of bytes.
pub(crate) const PACKED_HEAD_BYTES: usize = 1024;

/// cargo-auditable's section as stored: some kilobytes in practice.
pub(crate) const RUST_AUDIT_COMPRESSED_BYTES_MAX: u64 = 1024 * 1024;

/// cargo-auditable's JSON: its own reader refuses more than this, too.
pub(crate) const RUST_AUDIT_JSON_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// String constants that are searched in a file that says it is Rust: large Rust programs have some 30 MB.
pub(crate) const RUST_STRINGS_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The same in a file that does not say so: enough for programs of the compilers that left no mark, and cheap for
/// the many that are C.
pub(crate) const RUST_STRINGS_UNMARKED_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Crates recovered from one file: the largest known programs have about 1,000.
pub(crate) const RUST_CRATES_MAX: usize = 10_000;

/// The smallest zip archive is an empty directory.
pub(crate) const JAR_BYTES_MIN: u64 = 22;

/// Entries of one archive: the largest known jars have some 100,000.
pub(crate) const JAR_ENTRIES_MAX: u64 = 1_000_000;

/// The directory of one archive: 100 bytes for each of the entries above.
pub(crate) const JAR_DIRECTORY_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// A path inside an archive; what is longer identifies nothing.
pub(crate) const JAR_ENTRY_NAME_BYTES_MAX: usize = 1024;

/// Archives in archives: war in ear, jar in war, shaded jar in jar are three; what is deeper is made to be.
pub(crate) const JAR_DEPTH_MAX: usize = 8;

/// Archives in one outermost file: the largest products ship some 2,000 jars in one ear.
pub(crate) const JAR_ARCHIVES_MAX: usize = 20_000;

/// Compressed archives inside one another, held in memory together: the largest known jars have 200 MB, and those
/// are stored.
pub(crate) const JAR_NESTED_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// All that is inflated of one outermost file together, which bounds the time that a single bomb can cost.
pub(crate) const JAR_INFLATED_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// `MANIFEST.MF`: signed jars list a digest for each class, some megabytes in the largest.
pub(crate) const JAR_MANIFEST_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Attributes of a manifest's main section: real ones have some dozens.
pub(crate) const JAR_MANIFEST_ATTRIBUTES_MAX: usize = 1000;

/// `pom.properties` or `pom.xml`: the largest real ones have 200 KB.
pub(crate) const JAR_POM_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// Maven projects shaded into one jar: some 500 in the largest.
pub(crate) const JAR_POMS_MAX: usize = 10_000;

/// Artifacts of one outermost file.
pub(crate) const JAR_PACKAGES_MAX: usize = 100_000;

/// Nesting of elements of a `pom.xml`: plugin configuration goes some 20 deep.
pub(crate) const POM_DEPTH_MAX: usize = 256;

/// Licences of one project: real ones name three at most.
pub(crate) const JAR_LICENSES_MAX: usize = 32;

/// How far a program is searched for its version: bun, deno and node, the largest known, have some 150 MB.
pub(crate) const RUNTIME_SEARCH_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The longest text that states a version, with what must stand around it.
pub(crate) const RUNTIME_TEXT_BYTES_MAX: u64 = 512;

/// A Java runtime's `release` file: some kilobytes, most of it the list of modules.
pub(crate) const JAVA_RELEASE_BYTES_MAX: u64 = 256 * 1024;

/// One SBOM as input: 10,000 components with all their properties have some 30 MB.
pub(crate) const SBOM_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// An SBOM inside an image describes one product; Bitnami's have some 100 KB.
pub(crate) const SBOM_IN_TREE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Envelope, statement and predicate are three wrappings; a bundle makes it four.
pub(crate) const SBOM_WRAPPINGS_MAX: usize = 4;

/// Nesting of XML elements: components within components go some 5 deep in practice, each being two elements.
pub(crate) const SBOM_XML_DEPTH_MAX: usize = 256;
