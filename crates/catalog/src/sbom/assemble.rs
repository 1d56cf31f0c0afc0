//! Components → packages and distribution, by the package URL first and the extension fields of Seawall, Trivy and Syft
//! where a URL says less than matching needs.

use std::collections::BTreeMap;

use seawall_finding::{Gap, GapKind};
use seawall_inventory::{
    Digest, Distro, Ecosystem, Inventory, Package, Place, PlaceLayer, Presence, Purl, SourcePackage, Target,
    TargetKind, sbom_property as property,
};
use serde_json::Value;

use super::component::{Component, Document, Kind};
use crate::go_binary;

const EXAMPLES_MAX: usize = 3;

pub(super) fn inventory(document: Document) -> (Inventory, Vec<Gap>) {
    let mut left_out = LeftOut::default();
    let mut packages = Vec::new();
    let mut distro = document.distro;
    let mut of_urls = None;
    for component in &document.components {
        match component.kind {
            Kind::Other => {}
            Kind::OperatingSystem => distro = distro.or_else(|| distribution(component)),
            Kind::Package => match package(component, &document.layers) {
                Ok((package, purl)) => {
                    of_urls = of_urls.or_else(|| purl.distro());
                    packages.push(package);
                }
                Err(reason) => left_out.add(reason, component),
            },
        }
    }
    let place = |package: &Package| package.places.first().and_then(|place| place.path.clone());
    packages.sort_by_cached_key(|package| {
        (package.ecosystem, package.name.clone(), package.version.clone(), place(package))
    });
    packages.dedup();
    let inventory = Inventory {
        target: target(document.subject.as_ref()),
        distro: distro.or(of_urls).map(named_as_in_os_release),
        packages,
        ..Inventory::default()
    };
    let mut gaps = left_out.gaps();
    gaps.extend(document.unknown_version.map(|version| {
        let version: String = version.chars().take(NAME_SHOWN_CHARS).collect();
        let reason =
            format!("the document is of {version}, which is not known; it was read as the latest known");
        Gap::of_target(GapKind::Unsupported, reason)
    }));
    (inventory, gaps)
}

/// A version is a few characters; what is longer is somebody's joke.
const NAME_SHOWN_CHARS: usize = 40;

/// Why a component is no package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    NoUrl,
    BadUrl,
    UnknownType(String),
    /// An image inside an image: its packages are components of their own.
    Image,
}

/// Components left out, counted by reason: one gap each, not one per component.
#[derive(Default)]
struct LeftOut {
    counts: BTreeMap<Reason, (usize, Vec<String>)>,
}

impl LeftOut {
    fn add(&mut self, reason: Reason, component: &Component) {
        let (count, examples) = self.counts.entry(reason).or_default();
        *count += 1;
        if examples.len() < EXAMPLES_MAX {
            examples.push(component.name.chars().take(100).collect());
        }
    }

    fn gaps(self) -> Vec<Gap> {
        let gap = |(reason, (count, examples)): (Reason, (usize, Vec<String>))| {
            let (kind, why) = match reason {
                Reason::Image => return None,
                Reason::NoUrl => (GapKind::Undetermined, "have no package URL".to_owned()),
                Reason::BadUrl => (GapKind::Malformed, "have a package URL that cannot be read".to_owned()),
                Reason::UnknownType(name) => (
                    GapKind::Unsupported,
                    format!("are of the package-URL type `{name}`, which is not supported"),
                ),
            };
            let more = if count > examples.len() { ", …" } else { "" };
            Some(Gap::of_target(
                kind,
                format!("components that {why}: {count} ({}{more})", examples.join(", ")),
            ))
        };
        self.counts.into_iter().filter_map(gap).collect()
    }
}

fn package(component: &Component, layers: &[Digest]) -> Result<(Package, Purl), Reason> {
    let text = component.purl.as_deref().filter(|purl| !purl.is_empty()).ok_or(Reason::NoUrl)?;
    let purl: Purl = text.parse().map_err(|_| Reason::BadUrl)?;
    let Some(mut package) = purl.to_package() else {
        let is_image = matches!(purl.purl_type.as_str(), "oci" | "docker");
        return Err(if is_image {
            Reason::Image
        } else {
            Reason::UnknownType(purl.purl_type.chars().take(50).collect())
        });
    };
    if component.property(property::PRESENCE).is_some() {
        restore(component, &mut package);
    } else {
        adapt(component, &purl, &mut package);
    }
    package.licenses.clone_from(&component.licenses);
    package.places = places(component, layers);
    Ok((package, purl))
}

/// What Seawall itself wrote is taken as it is.
fn restore(component: &Component, package: &mut Package) {
    let text = |name: &str| component.property(name).map(str::to_owned);
    if let Some(name) = text(property::NAME) {
        package.name = name;
    }
    package.version.clone_from(&component.version);
    package.source = text(property::SOURCE_NAME)
        .map(|name| SourcePackage { name, version: text(property::SOURCE_VERSION).unwrap_or_default() });
    package.module = text(property::MODULE);
    package.vendor = text(property::VENDOR);
    package.owner = text(property::OWNER).and_then(|owner| owner.parse().ok());
    package.presence = text(property::PRESENCE)
        .and_then(|presence| serde_json::from_value(Value::String(presence)).ok())
        .unwrap_or_default();
}

/// What other tools wrote, in Seawall's terms.
fn adapt(component: &Component, purl: &Purl, package: &mut Package) {
    // Trivy moves the epoch of a Debian version into the URL, where only rpm has it by the specification.
    if package.ecosystem == Ecosystem::Deb
        && let Some(epoch) = purl.qualifiers.get("epoch")
        && !package.version.contains(':')
    {
        package.version = format!("{epoch}:{}", package.version);
    }
    if package.ecosystem == Ecosystem::Rpm && package.version.starts_with("0:") {
        package.version.drain(..2);
    }
    if package.ecosystem == Ecosystem::Golang {
        go_module(component, purl, package);
    }
    if package.version == "UNKNOWN" {
        package.version.clear();
    }
    if package.ecosystem == Ecosystem::Golang && package.name == "stdlib" {
        let number = package.version.trim_start_matches("go").trim_start_matches('v');
        package.version = go_binary::standard_library(&format!("go{number}"));
    }
    if package.ecosystem == Ecosystem::Pypi {
        package.name = package.name.to_ascii_lowercase().replace(['_', '.'], "-");
    }
    if package.ecosystem == Ecosystem::Bitnami {
        package.version = without_revision(&package.version).to_owned();
    }
    if package.ecosystem.is_distribution()
        && let Some(source) = source(component, package)
    {
        package.source = Some(source);
    }
    let module = ["aquasecurity:trivy:Modularitylabel", "syft:metadata:modularityLabel"];
    if let Some(label) = module.into_iter().find_map(|name| component.property(name)) {
        package.module = Some(label.to_owned());
    }
    let vendor = ["syft:metadata:vendor", "syft:metadata:maintainer"];
    package.vendor = vendor.into_iter().find_map(|name| component.property(name)).map(str::to_owned);
    if component.is_excluded {
        package.presence = Presence::LockedForDevelopment;
    }
}

/// Syft cuts a module's path behind the third component and makes the rest a subpath; the component keeps its name.
/// `(devel)` is no version.
fn go_module(component: &Component, purl: &Purl, package: &mut Package) {
    if let Some(subpath) = &purl.subpath
        && component.name == format!("{}/{subpath}", package.name)
    {
        package.name.clone_from(&component.name);
    }
    if package.version == "(devel)" {
        package.version.clear();
    }
}

/// `16.1.0-3` → `16.1.0`: Bitnami counts its builds behind the upstream version, and advisories name the latter.
fn without_revision(version: &str) -> &str {
    match version.rsplit_once('-') {
        Some((upstream, revision)) if revision.bytes().all(|b| b.is_ascii_digit()) => upstream,
        _ => version,
    }
}

/// The source package from Trivy's and Syft's fields; `None` leaves what the URL says.
fn source(component: &Component, package: &Package) -> Option<SourcePackage> {
    let named = |name: &str| component.property(name).map(str::to_owned);
    if let Some(name) = named("aquasecurity:trivy:SrcName") {
        let mut version = named("aquasecurity:trivy:SrcVersion").unwrap_or_default();
        if let Some(release) = named("aquasecurity:trivy:SrcRelease") {
            version = format!("{version}-{release}");
        }
        let epoch = named("aquasecurity:trivy:SrcEpoch").filter(|epoch| epoch != "0");
        // A source rpm has no epoch; Trivy copies that of the binary.
        if let Some(epoch) = epoch.filter(|_| package.ecosystem != Ecosystem::Rpm) {
            version = format!("{epoch}:{version}");
        }
        let version = if version.is_empty() { package.version.clone() } else { version };
        return Some(SourcePackage { name, version });
    }
    if let Some(built) =
        named("sourceInfo").and_then(|text| text.strip_prefix("built package from: ").map(str::to_owned))
    {
        let (name, version) = built.split_once(' ').unwrap_or((&built, &package.version));
        return Some(SourcePackage { name: name.to_owned(), version: version.to_owned() });
    }
    let name = named("syft:metadata:source").or_else(|| named("syft:metadata:originPackage"))?;
    let version = named("syft:metadata:sourceVersion").unwrap_or_else(|| package.version.clone());
    Some(SourcePackage { name, version })
}

fn places(component: &Component, layers: &[Digest]) -> Vec<Place> {
    let own = component.property(property::PATH);
    let trivy = component.property("aquasecurity:trivy:FilePath");
    let first = own.or(trivy).map(str::to_owned);
    let others = component.paths.iter().map(|path| path.trim_start_matches('/').to_owned());
    let mut places: Vec<Place> = Vec::new();
    for path in first.into_iter().chain(others) {
        if !path.is_empty() && !places.iter().any(|place| place.path.as_deref() == Some(&path)) {
            places.push(Place::path(path));
        }
    }
    if let Some(layer) = layer(component, layers) {
        match places.first_mut() {
            Some(place) => place.layer = Some(layer),
            None => places.push(Place { layer: Some(layer), ..Place::default() }),
        }
    }
    places
}

fn layer(component: &Component, layers: &[Digest]) -> Option<PlaceLayer> {
    if let Some(diff_id) = component.property(property::LAYER_DIFF_ID) {
        return Some(PlaceLayer {
            index: component.property(property::LAYER_INDEX)?.parse().ok()?,
            diff_id: diff_id.parse().ok()?,
            instruction: component.property(property::LAYER_INSTRUCTION).map(str::to_owned),
        });
    }
    let names = ["aquasecurity:trivy:LayerDiffID", "syft:location:0:layerID"];
    let diff_id: Digest = names.into_iter().find_map(|name| component.property(name))?.parse().ok()?;
    let index = layers.iter().position(|layer| *layer == diff_id)?;
    Some(PlaceLayer { index: u32::try_from(index).ok()?, diff_id, instruction: None })
}

fn target(subject: Option<&Component>) -> Target {
    let own = subject.and_then(|subject| subject.property(property::TARGET));
    if let Some(target) = own.and_then(|text| serde_json::from_str::<Target>(text).ok()) {
        return Target { kind: TargetKind::Sbom, ..target };
    }
    let digest = subject.and_then(|subject| subject.version.parse().ok());
    Target {
        kind: TargetKind::Sbom,
        name: subject.map(|subject| subject.name.clone()).unwrap_or_default(),
        digest,
    }
}

fn distribution(component: &Component) -> Option<Distro> {
    if let Some(text) = component.property(property::DISTRO) {
        return serde_json::from_str(text).ok();
    }
    let named = |name: &str| component.property(name).map(str::to_owned);
    let id = named("syft:distro:id")
        .or_else(|| named("aquasecurity:trivy:Type"))
        .unwrap_or_else(|| component.name.to_ascii_lowercase());
    if id.is_empty() {
        return None;
    }
    let stated = |name: &str| named(name).filter(|text| !text.is_empty());
    let version = stated("syft:distro:versionID").or_else(|| Some(component.version.clone()));
    Some(Distro {
        id,
        version: version.filter(|version| !version.is_empty()),
        codename: stated("syft:distro:versionCodename"),
        name: stated("syft:distro:prettyName").unwrap_or_default(),
        id_like: stated("syft:distro:idLike:0").into_iter().collect(),
        ..Distro::default()
    })
}

/// Trivy has names of its own for some distributions, and Syft's package URLs, too.
fn named_as_in_os_release(mut distro: Distro) -> Distro {
    let id = match distro.id.as_str() {
        "redhat" => "rhel",
        "amazon" => "amzn",
        "oracle" => "ol",
        "alma" => "almalinux",
        "cbl-mariner" => "mariner",
        "opensuse.leap" => "opensuse-leap",
        "opensuse.tumbleweed" => "opensuse-tumbleweed",
        "suse linux enterprise server" | "suse" => "sles",
        _ => return distro,
    };
    distro.id = id.to_owned();
    distro
}
