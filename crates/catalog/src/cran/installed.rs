//! Installed R packages: `DESCRIPTION` of a package below a library.
//!
//! Format: <https://cran.r-project.org/doc/manuals/r-release/R-exts.html#The-DESCRIPTION-file>, fields as in Debian's
//! control files. R writes a line `Built:` when it installs one; a file without is a source. Refused: the packages that
//! are part of R itself (`Priority: base`), which CRAN does not have.

use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};

use crate::document;
use crate::limits::LICENSE_NAME_BYTES_MAX;
use crate::project;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "r-installed", interest, read };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::whole_if(project::ends(entry, "/DESCRIPTION"))
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(text) = document::text(entry, content, catalog) else {
        return;
    };
    let field = |name: &str| {
        text.lines().find_map(|line| {
            Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()).filter(|value| !value.is_empty())
        })
    };
    let (Some(name), Some(version), Some(_)) = (field("Package"), field("Version"), field("Built")) else {
        return;
    };
    if field("Priority") == Some("base") {
        return;
    }
    let mut package = Package::new(Ecosystem::Cran, name, version);
    let license = field("License").filter(|license| license.len() <= LICENSE_NAME_BYTES_MAX);
    package.licenses = license.map(str::to_owned).into_iter().collect();
    catalog.declare(entry.path, package);
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn installed_packages_are_read() {
        let text = "Package: jsonlite\nType: Package\nVersion: 1.8.4\nLicense: MIT + file LICENSE\nDescription: A\n    Package: no\n";
        let built = format!("{text}Built: R 4.2.2; x86_64; 2023-01-01; unix\n");
        check(
            "usr/lib/R/site-library/jsonlite/DESCRIPTION",
            &built,
            &["cran jsonlite 1.8.4 installed MIT + file LICENSE"],
        );
        check("usr/lib/R/library/stats/DESCRIPTION", format!("{built}Priority: base\n"), &[]);
        check("src/jsonlite/DESCRIPTION", text, &[]);
        check("a/DESCRIPTION", "\u{0}:::\n", &[]);
    }
}
