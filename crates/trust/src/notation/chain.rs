//! notation's rules for a chain of certificates (signature-specification.md, "Certificate Requirements"): whole, in order,
//! from a leaf for code signing to a root. Which of them are trusted and when they hold are other questions.

use crate::certificate::{CODE_SIGNING, Certificate, chain};

const KEY_USAGE_DIGITAL_SIGNATURE: u8 = 0;
const KEY_USAGE_CERTIFICATE_SIGNATURE: u8 = 5;
/// Enciphering, agreeing on keys, signing certificates and lists: what a signer's key is not for.
const KEY_USAGES_OF_OTHERS: std::ops::RangeInclusive<u8> = 2..=8;

/// That the certificates are such a chain.
pub(super) fn check(certificates: &[Certificate]) -> Result<(), String> {
    let (Some(leaf), Some(root)) = (certificates.first(), certificates.last()) else {
        return Err("it has no certificates".to_owned());
    };
    check_leaf(leaf)?;
    if !root.is_self_signed() {
        return Err("its certificates do not end at a root".to_owned());
    }
    for (between, pair) in certificates.windows(2).enumerate() {
        let [below, issuer] = pair else { break };
        if !below.is_issued_by(issuer) {
            return Err(format!(
                "the certificate of `{}` is followed by another than its issuer's",
                below.label()
            ));
        }
        // Else whoever has a root's certificate could make a chain of any length of it.
        if below.is_self_signed() {
            return Err(format!("the certificate of `{}` signs itself and is not the last", below.label()));
        }
        chain::check_issuer(below, issuer, between, CODE_SIGNING)?;
        check_authority(issuer)?;
    }
    Ok(())
}

/// RFC 5280 lets an authority's certificate be silent of its key; notation does not.
fn check_authority(issuer: &Certificate) -> Result<(), String> {
    let may_certify = issuer.key_usage(KEY_USAGE_CERTIFICATE_SIGNATURE).map_err(|error| error.to_string())?;
    match may_certify == Some(true) && issuer.is_key_usage_critical() {
        true => Ok(()),
        false => Err(format!(
            "the authority `{}` cannot be used: it does not say that it is for signing certificates",
            issuer.label()
        )),
    }
}

fn check_leaf(leaf: &Certificate) -> Result<(), String> {
    let refused = |why: &str| Err(format!("the certificate of `{}` cannot be used: {why}", leaf.label()));
    if let Some(obstacle) = leaf.obstacle() {
        return refused(&obstacle);
    }
    let text = |error: crate::der::DerError| error.to_string();
    if leaf.authority().map_err(text)?.is_some() {
        return refused("it is an authority's");
    }
    let usage = |bit: u8| leaf.key_usage(bit).map_err(text);
    if usage(KEY_USAGE_DIGITAL_SIGNATURE)? != Some(true) || !leaf.is_key_usage_critical() {
        return refused("it does not say that it is for digital signatures");
    }
    for bit in KEY_USAGES_OF_OTHERS {
        if usage(bit)? == Some(true) {
            return refused("its key is for other things too");
        }
    }
    match leaf.purposes().map_err(text)? {
        None => Ok(()),
        Some(purposes) if !purposes.contains(&CODE_SIGNING) => refused("it is not for code signing"),
        Some(purposes) if purposes.iter().any(|purpose| *purpose != CODE_SIGNING) => {
            refused("it is for other purposes than code signing too")
        }
        Some(_) => Ok(()),
    }
}
