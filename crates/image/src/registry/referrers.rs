//! What refers to an image (OCI distribution-spec, "Listing Referrers" and "Referrers Tag Schema").
//!
//! "There are none" is only said by a registry that was asked and answered: 401, 403, 429, a list that breaks off and a
//! dead connection are errors.

use seawall_inventory::{Digest, ImageName};
use serde::Deserialize;

use super::limits::{REFERRER_PAGES_MAX, REFERRERS_MAX};
use super::{Answer, Base, Client, Failure, Registry, RegistryError, accepted};
use crate::manifest::OCI_INDEX;

/// A manifest that refers to another.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Referrer {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes, as listed.
    #[serde(default)]
    pub size: u64,
    /// Its media type, as listed.
    #[serde(default)]
    pub media_type: String,
    /// What it is, as listed; some registries tell something else than the manifest does.
    pub artifact_type: Option<String>,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Referrer>,
}

impl Registry {
    /// Lists what refers to a digest: by the registry's own list, or where it has none by the fallback tag.
    ///
    /// # Errors
    /// The registry did not tell.
    pub fn referrers(&self, name: &ImageName, of: &Digest) -> Result<Vec<Referrer>, RegistryError> {
        let what = format!("the referrers of {}/{}@{of}", name.registry(), name.repository());
        self.client.at_home(name, &what, |base| match self.client.listed(base, name, of)? {
            Some(listed) => Ok(listed),
            None => self.client.fallback(base, name, of),
        })
    }
}

/// The tag under which clients list referrers where the registry does not.
pub fn fallback_tag(of: &Digest) -> String {
    format!("{}-{}", of.algorithm().name(), of.hex())
}

impl Client {
    /// By the registry's own list, page after page; `None` where it keeps none.
    fn listed(&self, base: &Base, name: &ImageName, of: &Digest) -> Result<Option<Vec<Referrer>>, Failure> {
        let mut path = format!("referrers/{of}");
        let mut referrers = Vec::new();
        for page in 0..REFERRER_PAGES_MAX {
            let accept = [("accept", OCI_INDEX.to_owned())];
            let bytes_max = self.options.limits.manifest_bytes_max;
            let answer = self.document(base, name.repository(), &path, &accept, bytes_max)?;
            if answer.status == 404 && page == 0 {
                return Ok(None);
            }
            let answer = accepted(answer)?;
            referrers.extend(read(&answer.body)?);
            if referrers.len() > REFERRERS_MAX {
                return Err(Failure::Protocol(format!("it lists more than {REFERRERS_MAX} referrers")));
            }
            match next_page(base, &answer)? {
                Some(next) => path = next,
                None => return Ok(Some(referrers)),
            }
        }
        Err(Failure::Protocol(format!("its list of referrers has more than {REFERRER_PAGES_MAX} pages")))
    }

    /// By the fallback tag; nobody pushed a referrer where there is none.
    fn fallback(&self, base: &Base, name: &ImageName, of: &Digest) -> Result<Vec<Referrer>, Failure> {
        let path = format!("manifests/{}", fallback_tag(of));
        match self.manifest_at(base, name.repository(), &path, None) {
            Ok(fetched) => read(&fetched.bytes),
            Err(Failure::NotFound(_)) => Ok(Vec::new()),
            Err(failure) => Err(failure),
        }
    }
}

fn read(body: &[u8]) -> Result<Vec<Referrer>, Failure> {
    let index: Index = serde_json::from_slice(body)
        .map_err(|error| Failure::Protocol(format!("its list of referrers cannot be read ({error})")))?;
    match index.manifests.len() > REFERRERS_MAX {
        true => Err(Failure::Protocol(format!("it lists more than {REFERRERS_MAX} referrers"))),
        false => Ok(index.manifests),
    }
}

/// `Link: <…>; rel="next"` of an answer, which must lead to the same registry.
fn next_page(base: &Base, answer: &Answer) -> Result<Option<String>, Failure> {
    let Some(link) = answer.headers.get("link") else { return Ok(None) };
    let bad = || Failure::Protocol("its list of referrers goes on at a place that cannot be read".to_owned());
    let link = link.to_str().map_err(|_| bad())?;
    let target = link.trim().strip_prefix('<').and_then(|rest| rest.split_once('>'));
    let url = target.and_then(|(target, _)| base.url.join(target)).ok_or_else(bad)?;
    match url.authority == base.url.authority {
        true => Ok(Some(url.path)),
        false => Err(bad()),
    }
}
