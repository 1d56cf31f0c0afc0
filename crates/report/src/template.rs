//! The user's own template, in Jinja's language over the JSON report (`target`, `findings`, `gaps`, …).

use std::io::Write;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use crate::{RenderError, RenderOptions, Report, json};

/// Steps a template may take: some seconds; an endless loop ends in an error.
const FUEL: u64 = 50_000_000;

pub(crate) fn write(
    report: &Report,
    options: &RenderOptions,
    out: &mut dyn Write,
) -> Result<(), RenderError> {
    let Some(text) = &options.template else { return Err(RenderError::NoTemplate) };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.map_err(|error| RenderError::Template(error.to_string()))?);
    let rendered = environment.render_str(text, Serde(json::document(report)));
    let rendered = rendered.map_err(|error| RenderError::Template(error.to_string()))?;
    out.write_all(rendered.as_bytes())?;
    Ok(())
}
