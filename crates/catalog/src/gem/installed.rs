//! `specifications/NAME-VERSION[-PLATFORM].gemspec` of RubyGems, and `specifications/default/` for the gems that come
//! with Ruby.
//!
//! RubyGems writes them itself, one assignment of literals a line, with a line `# stub: NAME VERSION PLATFORM …` for
//! readers that do not run Ruby. A `.gemspec` elsewhere is a program that its author wrote, and is not read.

use seawall_finding::GapKind;
use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};

use crate::document;
use crate::limits::{LICENSE_NAME_BYTES_MAX, LICENSES_PER_FILE_MAX};
use crate::project;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "gem-installed", interest, read };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::whole_if(project::ends(entry, ".gemspec") && is_installed(entry.parent()))
}

fn is_installed(directory: &str) -> bool {
    let directory = directory.strip_suffix("/default").unwrap_or(directory);
    directory.rsplit('/').next() == Some("specifications")
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(text) = document::text(entry, content, catalog) else {
        return;
    };
    let specification = Specification::of(&text);
    let (named, versioned) = file_name(entry.name());
    let name = specification.name.or(specification.stub.map(|(name, _)| name)).or(named);
    let version = specification.version.or(specification.stub.map(|(_, version)| version)).or(versioned);
    let (Some(name), Some(version)) = (name, version) else {
        return document::gap(
            entry,
            catalog,
            GapKind::Malformed,
            "the gem specification states no name and version",
        );
    };
    let mut package = Package::new(Ecosystem::Gem, name, version);
    package.licenses = specification.licenses;
    catalog.declare(entry.path, package);
}

/// What a specification says.
#[derive(Debug, Default)]
struct Specification<'a> {
    name: Option<&'a str>,
    version: Option<&'a str>,
    stub: Option<(&'a str, &'a str)>,
    licenses: Vec<String>,
}

impl<'a> Specification<'a> {
    fn of(text: &'a str) -> Specification<'a> {
        let mut specification = Specification::default();
        for line in text.lines().map(str::trim) {
            if let Some(stub) = line.strip_prefix("# stub: ") {
                let mut words = stub.split(' ');
                if let (None, Some(name), Some(version)) = (specification.stub, words.next(), words.next()) {
                    specification.stub = Some((name, version))
                        .filter(|(name, version)| !name.is_empty() && is_version(version));
                }
            } else if let Some((attribute, value)) = assignment(line) {
                specification.take(attribute, value);
            }
        }
        specification
    }

    fn take(&mut self, attribute: &str, value: &'a str) {
        match attribute {
            "name" if self.name.is_none() => self.name = literals(value).next().filter(|_| is_literal(value)),
            // An expression like `Foo::VERSION` or `Gem::Version.new("1")` is not a literal.
            "version" if self.version.is_none() => {
                self.version =
                    literals(value).next().filter(|version| is_literal(value) && is_version(version));
            }
            "license" | "licenses" if self.licenses.is_empty() => {
                let names =
                    literals(value).filter(|name| !name.is_empty() && name.len() <= LICENSE_NAME_BYTES_MAX);
                self.licenses = names.take(LICENSES_PER_FILE_MAX).map(str::to_owned).collect();
            }
            _ => {}
        }
    }
}

/// `s.version = "1.0"` → `version` and `"1.0"`.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (target, value) = line.split_once('=')?;
    let (variable, attribute) = target.trim_end().split_once('.')?;
    let is_word =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_word(variable) && is_word(attribute)).then_some((attribute, value.trim()))
}

fn is_literal(value: &str) -> bool {
    value.starts_with(['"', '\''])
}

/// The quoted texts of a line: `["MIT".freeze, 'Ruby']`.
fn literals(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = value;
    std::iter::from_fn(move || {
        let at = rest.find(['"', '\''])?;
        let quote = rest.get(at..=at)?;
        let (literal, after) = rest.get(at + 1..)?.split_once(quote)?;
        rest = after;
        Some(literal)
    })
}

/// RubyGems' own `Gem::Version::VERSION_PATTERN`, without the part after a dash.
fn is_version(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
}

/// `nokogiri-1.16.0-x86_64-linux.gemspec` → `nokogiri` and `1.16.0`.
fn file_name(file: &str) -> (Option<&str>, Option<&str>) {
    let stem = file.strip_suffix(".gemspec").unwrap_or(file);
    for (at, _) in stem.match_indices('-') {
        let version = stem.get(at + 1..).and_then(|rest| rest.split('-').next());
        if let Some(version) = version.filter(|version| is_version(version)) {
            return (stem.get(..at).filter(|name| !name.is_empty()), Some(version));
        }
    }
    (None, None)
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    const RACK: &str = r#"# -*- encoding: utf-8 -*-
# stub: rack 2.2.8 ruby lib

Gem::Specification.new do |s|
  s.name = "rack".freeze
  s.version = "2.2.8"

  s.required_rubygems_version = Gem::Requirement.new(">= 0".freeze) if s.respond_to? :required_rubygems_version=
  s.metadata = { "version" => "9" } if s.respond_to? :metadata=
  s.licenses = ["MIT".freeze, 'Ruby'.freeze]
  s.rubygems_version = "3.3.5".freeze
end
"#;

    #[test]
    fn what_rubygems_installed_is_read() {
        for path in [
            "usr/local/bundle/specifications/rack-2.2.8.gemspec",
            "usr/lib/ruby/gems/3.1.0/specifications/default/rack-2.2.8.gemspec",
            "specifications/rack-2.2.8.gemspec",
        ] {
            check(path, RACK, &["gem rack 2.2.8 installed MIT, Ruby"]);
        }
        for path in [
            "app/rack.gemspec",
            "usr/local/bundle/gems/rack-2.2.8/rack.gemspec",
            "xspecifications/rack.gemspec",
        ] {
            check(path, RACK, &[]);
        }
    }

    #[test]
    fn the_stub_and_the_file_name_tell_what_ruby_would_compute() {
        check(
            "specifications/nokogiri-1.16.0-x86_64-linux.gemspec",
            "# stub: nokogiri 1.16.0 x86_64-linux lib\ns.name = NAME\ns.version = Nokogiri::VERSION\n",
            &["gem nokogiri 1.16.0 installed"],
        );
        check(
            "specifications/net-http-0.3.0-java.gemspec",
            "s.version = Gem::Version.new(\"9\")",
            &["gem net-http 0.3.0 installed"],
        );
        check(
            "specifications/x.gemspec",
            "s.name = \"x\ns.version = '\n\u{0}= = .",
            &["gap malformed: the gem specification states no name and version"],
        );
    }
}
