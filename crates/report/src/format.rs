//! The formats by name, and the one function that renders.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use crate::{
    Report, cyclonedx, github, gitlab, grype, html, json, junit, sarif, spdx, spdx_3, table, template, trivy,
};

/// An output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people, grouped by what to do.
    Table,
    /// Seawall's own JSON (`schema/report.v1.json`).
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit XML, for CI systems.
    Junit,
    /// One self-contained HTML page.
    Html,
    /// CycloneDX 1.6 JSON.
    CycloneDx,
    /// SPDX 2.3 JSON.
    Spdx,
    /// SPDX 3.0.1 JSON-LD.
    Spdx3,
    /// Trivy's JSON, schema version 2.
    Trivy,
    /// Grype's JSON.
    Grype,
    /// GitLab's container-scanning report.
    Gitlab,
    /// GitHub's dependency snapshot.
    Github,
    /// The user's own template.
    Template,
}

/// Why a text is not a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a format; use one of: {names}", names = Format::names())]
pub struct FormatError(String);

/// What a rendering may depend on besides the report.
#[derive(Debug, Clone, Default)]
pub struct RenderOptions {
    /// Columns of the terminal; `None` for a file or pipe.
    pub width: Option<usize>,
    /// Whether to colour.
    pub colour: Colour,
    /// The text of the user's template, for [`Format`] `template`.
    pub template: Option<String>,
}

/// Whether a rendering may use terminal colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colour {
    /// Never.
    #[default]
    Never,
    /// With ANSI sequences.
    Ansi,
}

/// Why a report could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The output does not take any more.
    #[error("cannot write the report")]
    Write(#[from] io::Error),
    /// The format `template` was asked for without one.
    #[error("the format `template` needs a template; give one with --template FILE")]
    NoTemplate,
    /// The user's template is wrong.
    #[error("cannot render the template: {0}")]
    Template(String),
}

impl Format {
    /// Every format with its name.
    pub const ALL: &[(&'static str, Format)] = &[
        ("table", Format::Table),
        ("json", Format::Json),
        ("sarif", Format::Sarif),
        ("junit", Format::Junit),
        ("html", Format::Html),
        ("cyclonedx", Format::CycloneDx),
        ("spdx", Format::Spdx),
        ("spdx3", Format::Spdx3),
        ("trivy", Format::Trivy),
        ("grype", Format::Grype),
        ("gitlab", Format::Gitlab),
        ("github", Format::Github),
        ("template", Format::Template),
    ];

    /// Whether the format has words for packages and their vulnerabilities only, so that a report of settings would
    /// look empty in it.
    pub fn is_for_packages(self) -> bool {
        match self {
            Format::CycloneDx
            | Format::Spdx
            | Format::Spdx3
            | Format::Grype
            | Format::Gitlab
            | Format::Github => true,
            Format::Table
            | Format::Json
            | Format::Sarif
            | Format::Junit
            | Format::Trivy
            | Format::Html
            | Format::Template => false,
        }
    }

    fn names() -> String {
        Format::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Format, FormatError> {
        let found = Format::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, format)| *format).ok_or_else(|| FormatError(text.to_owned()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Format::ALL.iter().find(|(_, format)| format == self);
        f.write_str(found.map_or("", |(name, _)| name))
    }
}

/// Writes one report in one format.
///
/// # Errors
/// The output does not take any more, or the user's template is wrong.
pub fn render(
    report: &Report,
    format: Format,
    options: &RenderOptions,
    out: &mut dyn Write,
) -> Result<(), RenderError> {
    match format {
        Format::Table => table::write(report, options, out),
        Format::Json => json::write(report, out),
        Format::Sarif => sarif::write(report, out),
        Format::Junit => junit::write(report, out),
        Format::Html => html::write(report, out),
        Format::CycloneDx => cyclonedx::write(report, out),
        Format::Spdx => spdx::write(report, out),
        Format::Spdx3 => spdx_3::write(report, out),
        Format::Trivy => trivy::write(report, out),
        Format::Grype => grype::write(report, out),
        Format::Gitlab => gitlab::write(report, out),
        Format::Github => github::write(report, out),
        Format::Template => template::write(report, options, out),
    }
}
