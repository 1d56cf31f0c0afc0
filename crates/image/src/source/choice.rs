//! Which image of a place that holds several: by name, tag or digest, as the user gives it behind the path.

use seawall_inventory::{Digest, ImageName, Platform};

/// Names told in an error.
const NAMES_SHOWN: usize = 20;
/// Characters of a name told in an error.
const NAME_SHOWN: usize = 200;
/// As few digits of a digest as engines take for one.
const DIGEST_DIGITS_MIN: usize = 7;

/// Why none of the images can be taken.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// There are several and nothing says which.
    #[error("it holds several images; add the name of one, as in PATH:NAME: {}", list(names))]
    Several {
        /// Their names.
        names: Vec<String>,
    },
    /// There is none of that name.
    #[error("it holds no image {wanted}; there is: {}", list(names))]
    Absent {
        /// Asked for.
        wanted: String,
        /// The names of those that there are.
        names: Vec<String>,
    },
    /// There is no image at all.
    #[error("it holds no image")]
    Empty,
}

fn list(names: &[String]) -> String {
    let shown =
        |name: &String| -> String { name.chars().filter(|c| !c.is_control()).take(NAME_SHOWN).collect() };
    let mut text = names.iter().take(NAMES_SHOWN).map(shown).collect::<Vec<_>>().join(", ");
    if names.len() > NAMES_SHOWN {
        text.push_str(&format!(" and {} more", names.len() - NAMES_SHOWN));
    }
    text
}

/// An image on offer.
#[derive(Debug, Clone, Default)]
pub(super) struct Offer {
    pub(super) names: Vec<String>,
    /// Any digest that identifies it: of its manifest, its index or its configuration.
    pub(super) digest: Option<Digest>,
    pub(super) platform: Option<Platform>,
}

impl Offer {
    fn shown(&self) -> String {
        match (self.names.is_empty(), &self.digest) {
            (false, _) => self.names.join(", "),
            (true, Some(digest)) => format!("@{digest}"),
            (true, None) => "one without a name".to_owned(),
        }
    }

    fn is_named(&self, wanted: &str) -> bool {
        let full = wanted.parse::<ImageName>().ok().map(|name| name.to_string());
        self.names.iter().any(|name| {
            name == wanted
                || name.strip_suffix(wanted).is_some_and(|rest| rest.ends_with(':'))
                || full.is_some() && name.parse::<ImageName>().ok().map(|name| name.to_string()) == full
        })
    }

    fn has_digest(&self, wanted: &str) -> bool {
        let digits = wanted.strip_prefix("sha256:").unwrap_or(wanted);
        self.digest.as_ref().is_some_and(|digest| {
            digest.to_string() == wanted
                || digits.len() >= DIGEST_DIGITS_MIN && digest.hex().starts_with(digits)
        })
    }
}

/// The positions of the offers that `reference` means, one image for one or more platforms.
pub(super) fn select(offers: &[Offer], reference: Option<&str>) -> Result<Vec<usize>, ChoiceError> {
    let names = || offers.iter().map(Offer::shown).collect();
    let all: Vec<usize> = (0..offers.len()).collect();
    let Some(reference) = reference else {
        return match (offers.is_empty(), is_one_image(offers)) {
            (true, _) => Err(ChoiceError::Empty),
            (false, true) => Ok(all),
            (false, false) => Err(ChoiceError::Several { names: names() }),
        };
    };
    // `name@sha256:…`: the digest says it all.
    let digest = reference.rsplit_once('@').map(|(_, digest)| digest);
    let those = |fits: &dyn Fn(&Offer) -> bool| -> Vec<usize> {
        offers.iter().zip(&all).filter(|(offer, _)| fits(offer)).map(|(_, at)| *at).collect()
    };
    let mut found = match digest {
        Some(digest) => those(&|offer| offer.has_digest(digest)),
        None => those(&|offer| offer.is_named(reference)),
    };
    if found.is_empty() && digest.is_none() {
        found = those(&|offer| offer.has_digest(reference));
    }
    if found.is_empty() {
        let wanted = reference.chars().filter(|c| !c.is_control()).take(NAME_SHOWN).collect();
        return Err(ChoiceError::Absent { wanted, names: names() });
    }
    let chosen: Vec<Offer> = found.iter().filter_map(|&at| offers.get(at).cloned()).collect();
    match is_one_image(&chosen) {
        true => Ok(found),
        false => Err(ChoiceError::Several { names: chosen.iter().map(Offer::shown).collect() }),
    }
}

/// Whether all are the same image, if for several platforms. Windows has many images for one platform, which differ
/// in the version of the system.
fn is_one_image(offers: &[Offer]) -> bool {
    let [first, rest @ ..] = offers else { return true };
    if rest.iter().all(|offer| offer.digest.is_some() && offer.digest == first.digest) {
        return true;
    }
    offers.iter().enumerate().all(|(at, offer)| {
        let is_new = |platform: &Platform| {
            platform.os == "windows"
                || !offers.iter().skip(at + 1).any(|other| other.platform.as_ref() == Some(platform))
        };
        offer.names == first.names && offer.platform.as_ref().is_some_and(is_new)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::digest_of;
    use seawall_inventory::Algorithm;

    /// `name,name@platform`; the digest is of the position, or of what follows `=`.
    fn offers(text: &str) -> Vec<Offer> {
        let one = |(position, text): (usize, &str)| {
            let (text, digest) = text.split_once('=').unwrap_or((text, ""));
            let digest = if digest.is_empty() { position.to_string() } else { digest.to_owned() };
            let (names, platform) = text.split_once('@').unwrap_or((text, ""));
            Offer {
                names: names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
                digest: Some(digest_of(Algorithm::Sha256, digest.as_bytes())),
                platform: platform.parse().ok(),
            }
        };
        text.split_whitespace().enumerate().map(one).collect()
    }

    fn check(text: &str, reference: &str, expected: &str) {
        let offers = offers(text);
        let found = match select(&offers, Some(reference).filter(|text| !text.is_empty())) {
            Ok(found) => format!("{found:?}"),
            Err(error) => error.to_string(),
        };
        assert!(found.contains(expected), "{text} {reference}: `{found}` lacks `{expected}`");
    }

    #[test]
    fn images_are_chosen_by_name_and_digest() {
        check("", "", "holds no image");
        check("a:1", "", "[0]");
        check("a:1 a:2", "", "it holds several images; add the name of one, as in PATH:NAME: a:1, a:2");
        check("a:1 a:2", "a:2", "[1]");
        check("a:1 a:2", "2", "[1]");
        check("a:1 b:1", "1", "several images");
        check("a:1 b:1", "b", "it holds no image b; there is: a:1, b:1");
        check("docker.io/library/a:1 b:1", "a:1", "[0]");
        check("a:1 docker.io/library/b:latest", "b", "[1]");
        check("@linux/amd64 @linux/arm64", "", "[0, 1]");
        check("1@linux/amd64 1@linux/arm64 2@linux/arm64", "1", "[0, 1]");
        check("@linux/amd64 @linux/amd64", "", "several images");
        check("@windows/amd64 @windows/amd64", "", "[0, 1]");
        check("a@linux/amd64 b@linux/arm64", "", "several images");
        check("a=x b=x", "", "[0, 1]");
        let digest = digest_of(Algorithm::Sha256, b"1");
        check("a b", &format!("@{digest}"), "[1]");
        check("a b", &format!("c@{digest}"), "[1]");
        check("a b", &digest.hex()[..12], "[1]");
        check("a b", &digest.hex()[..2], "holds no image");
    }
}
