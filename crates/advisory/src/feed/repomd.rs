//! `repomd.xml` of an rpm repository: where its `updateinfo` is.

use super::xml;

/// The path of the updateinfo document below the repository, and its SHA-256 where stated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpdateInfo {
    /// `repodata/…-updateinfo.xml.gz`.
    pub path: String,
    /// SHA-256 of the document as it is published, in hexadecimal digits.
    pub sha256: Option<String>,
}

/// Finds the updateinfo of a repository; `None` when it publishes none or the document is malformed.
pub fn updateinfo(repomd: &str) -> Option<UpdateInfo> {
    let mut reader = Reader::default();
    xml::walk(repomd, &mut reader).ok()?;
    Some(reader.found).filter(|found| !found.path.is_empty())
}

#[derive(Default)]
struct Reader {
    in_updateinfo: bool,
    is_sha256: bool,
    found: UpdateInfo,
}

impl xml::Handler for Reader {
    fn start(&mut self, name: &str, attributes: &xml::Attributes<'_>) {
        match name {
            "data" => self.in_updateinfo = attributes.get("type").as_deref() == Some("updateinfo"),
            "checksum" => self.is_sha256 = attributes.get("type").as_deref() == Some("sha256"),
            // A path that leaves the repository is nobody's.
            "location" if self.in_updateinfo => {
                let path = attributes.get("href").unwrap_or_default();
                if !path.starts_with('/')
                    && !path.split('/').any(|part| part == "..")
                    && !path.contains("://")
                {
                    self.found.path = path;
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str, text: &str) {
        match name {
            "checksum" if self.in_updateinfo && self.is_sha256 => self.found.sha256 = Some(text.to_owned()),
            "data" => self.in_updateinfo = false,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::testdata;

    #[test]
    fn samples() {
        let path = "fetch/amazon/testdata/fixtures/repomd_valid.xml";
        let Some(bytes) = testdata::file("feed-formats", path) else { return };
        let found = updateinfo(&String::from_utf8_lossy(&bytes)).unwrap();
        assert!(found.path.ends_with("updateinfo.xml.gz"), "{found:?}");
        assert_eq!(found.sha256.map(|digest| digest.len()), Some(64));
        assert_eq!(
            updateinfo("<repomd><data type=\"updateinfo\"><location href=\"../x\"/></data></repomd>"),
            None
        );
        assert_eq!(updateinfo("<repomd/>"), None);
        assert_eq!(updateinfo("<repomd>"), None);
    }
}
