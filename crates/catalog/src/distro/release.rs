//! The files that name a distribution: os-release(5) and what was there before it.

use std::collections::HashMap;

use seawall_inventory::Distro;

/// `etc/os-release`: `KEY=value` lines with the quotes of a shell.
pub(super) fn os_release(text: &str) -> Result<Option<Distro>, String> {
    let values = assignments(text);
    let get = |key: &str| values.get(key).filter(|value| !value.is_empty()).cloned();
    let Some(id) = get("ID") else { return Ok(None) };
    let mut distro = Distro {
        id: id.to_ascii_lowercase(),
        version: get("VERSION_ID"),
        codename: get("VERSION_CODENAME").or_else(|| get("UBUNTU_CODENAME")),
        name: get("PRETTY_NAME").or_else(|| get("NAME")).unwrap_or(id),
        id_like: get("ID_LIKE").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        ..Distro::default()
    };
    settle_alpine(&mut distro);
    Ok(Some(distro))
}

/// A snapshot of Alpine's development branch numbers itself like the release it will become: `3.21.0_alpha20240606`.
fn settle_alpine(distro: &mut Distro) {
    let is_snapshot = distro.version.as_ref().is_some_and(|version| version.contains("_alpha"));
    if distro.id == "alpine" && is_snapshot {
        distro.version = None;
        distro.codename = Some("edge".to_owned());
    }
}

/// `etc/lsb-release` of Ubuntu and its relatives. Other distributions keep other things under this name.
pub(super) fn lsb_release(text: &str) -> Result<Option<Distro>, String> {
    let values = assignments(text);
    let get = |key: &str| values.get(key).filter(|value| !value.is_empty()).cloned();
    let (Some(id), Some(version)) = (get("DISTRIB_ID"), get("DISTRIB_RELEASE")) else { return Ok(None) };
    Ok(Some(Distro {
        name: get("DISTRIB_DESCRIPTION").unwrap_or_else(|| format!("{id} {version}")),
        id: id.to_ascii_lowercase(),
        version: Some(version),
        codename: get("DISTRIB_CODENAME"),
        ..Distro::default()
    }))
}

/// `etc/alpine-release`: `3.20.3`.
pub(super) fn alpine_release(text: &str) -> Result<Option<Distro>, String> {
    let Some(version) = first_word(text) else { return Ok(None) };
    let name = format!("Alpine Linux v{version}");
    let mut distro = Distro { id: "alpine".to_owned(), version: Some(version), name, ..Distro::default() };
    settle_alpine(&mut distro);
    Ok(Some(distro))
}

/// `etc/debian_version`: `12.15`, or `trixie/sid` before the release.
pub(super) fn debian_version(text: &str) -> Result<Option<Distro>, String> {
    let Some(word) = first_word(text) else { return Ok(None) };
    let is_number = word.starts_with(|c: char| c.is_ascii_digit());
    let codename = word.split('/').next().unwrap_or_default().to_owned();
    Ok(Some(Distro {
        id: "debian".to_owned(),
        name: format!("Debian GNU/Linux {word}"),
        version: is_number.then_some(word),
        codename: (!is_number).then_some(codename),
        ..Distro::default()
    }))
}

/// `etc/arch-release`: empty, its presence says all.
pub(super) fn arch_release(_text: &str) -> Result<Option<Distro>, String> {
    Ok(Some(Distro { id: "arch".to_owned(), name: "Arch Linux".to_owned(), ..Distro::default() }))
}

/// How the one-line release files begin, and the id that os-release has for them.
const RED_HAT_NAMES: &[(&str, &str)] = &[
    ("Red Hat Enterprise Linux", "rhel"),
    ("CentOS", "centos"),
    ("Rocky Linux", "rocky"),
    ("AlmaLinux", "almalinux"),
    ("Oracle Linux", "ol"),
    ("Enterprise Linux Enterprise Linux", "ol"),
    ("Fedora", "fedora"),
    ("Amazon Linux", "amzn"),
    ("Scientific Linux", "scientific"),
    ("CloudLinux", "cloudlinux"),
];

/// `etc/redhat-release` and its relatives: `CentOS release 6.10 (Final)`.
pub(super) fn red_hat_release(text: &str) -> Result<Option<Distro>, String> {
    let line = text.lines().next().unwrap_or_default().trim();
    let Some((name, rest)) = line.split_once(" release ") else { return Ok(None) };
    let Some((_, id)) = RED_HAT_NAMES.iter().find(|(start, _)| name.starts_with(start)) else {
        return Ok(None);
    };
    Ok(Some(Distro {
        id: (*id).to_owned(),
        version: first_word(rest),
        name: line.to_owned(),
        ..Distro::default()
    }))
}

fn first_word(text: &str) -> Option<String> {
    text.split_whitespace().next().map(str::to_owned)
}

/// The assignments of a shell-like file; of a key that is there twice the last counts, as in a shell.
fn assignments(text: &str) -> HashMap<&str, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim(), unquoted(value.trim())))
        .collect()
}

/// The value without its quotes and escapes; what follows the closing quote is dropped.
fn unquoted(value: &str) -> String {
    let mut characters = value.chars();
    let quote = characters.clone().next().filter(|c| matches!(c, '"' | '\''));
    if quote.is_some() {
        characters.next();
    }
    let mut plain = String::new();
    while let Some(character) = characters.next() {
        match character {
            '\\' if quote != Some('\'') => plain.extend(characters.next()),
            _ if Some(character) == quote => break,
            _ => plain.push(character),
        }
    }
    plain
}
