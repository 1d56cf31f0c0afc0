//! Where reports go: stdout, or files that appear whole or not at all.

use std::fs;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use seawall_report::{Colour, Format, RenderOptions, Report, render};

use crate::args::Output;
use crate::terminal::Terminal;

/// The largest templates that people publish for Trivy have some 20 kB.
const TEMPLATE_BYTES_MAX: u64 = 1024 * 1024;

/// The formats of one run and where each goes.
#[derive(Debug)]
pub(crate) struct Outputs {
    outputs: Vec<Output>,
    template: Option<String>,
}

impl Outputs {
    /// The formats as given, `--output` for the one that names no file; the table where none is given.
    pub(crate) fn new(given: &[Output], file: Option<&Path>, template: Option<&Path>) -> Result<Outputs> {
        let mut outputs = given.to_vec();
        if outputs.is_empty() {
            outputs.push(Output { format: Format::Table, file: None });
        }
        let mut to_stdout: Vec<&mut Output> = outputs.iter_mut().filter(|one| one.file.is_none()).collect();
        match (to_stdout.as_mut_slice(), file) {
            ([one], Some(file)) => one.file = Some(file.to_owned()),
            ([], Some(_)) => bail!("--output has no format left to write: each --format names its own file"),
            ([], None) | ([_], None) => {}
            ([_, _, ..], _) => {
                bail!("only one format can go to stdout; give the others a file: --format json=report.json")
            }
        }
        let template = template
            .map(|path| text_of(path).with_context(|| format!("cannot read the template {}", path.display())))
            .transpose()?;
        let wants_template = outputs.iter().any(|one| one.format == Format::Template);
        match (wants_template, &template) {
            (true, None) => bail!("--format template needs --template FILE"),
            (false, Some(_)) => bail!("--template needs --format template"),
            _ => {}
        }
        Ok(Outputs { outputs, template })
    }

    /// For reports without packages.
    pub(crate) fn refuse_formats_of_packages(&self) -> Result<()> {
        match self.outputs.iter().find(|output| output.format.is_for_packages()) {
            Some(output) => bail!(
                "`{}` has no words for settings; use table, json, sarif, junit, html, trivy or template",
                output.format
            ),
            None => Ok(()),
        }
    }

    /// Only the table and stdout take several reports.
    pub(crate) fn check_count(&self, reports: usize) -> Result<()> {
        let is_one = |output: &Output| output.format == Format::Table && output.file.is_none();
        if reports > 1 && !self.outputs.iter().all(is_one) {
            bail!(
                "the target has {reports} images; a file or {} report takes one: choose with --platform",
                self.outputs.first().map_or_else(String::new, |output| output.format.to_string())
            );
        }
        Ok(())
    }

    /// Writes one report in every format.
    pub(crate) fn write(&self, report: &Report, terminal: &Terminal) -> Result<()> {
        for Output { format, file } in &self.outputs {
            let is_terminal = file.is_none();
            let options = RenderOptions {
                width: terminal.width().filter(|_| is_terminal),
                colour: if is_terminal && terminal.colour() { Colour::Ansi } else { Colour::Never },
                template: self.template.clone(),
            };
            let write = |out: &mut dyn Write| Ok(render(report, *format, &options, out)?);
            match (file, format) {
                // A mistake in a template must not leave half a result.
                (None, Format::Template) => {
                    let mut bytes = Vec::new();
                    write(&mut bytes)?;
                    terminal.result(|out| Ok(out.write_all(&bytes)?))
                }
                (None, _) => terminal.result(write),
                (Some(path), _) => to_file(path, write, terminal),
            }?;
        }
        Ok(())
    }
}

/// A template; a device would give bytes for ever.
fn text_of(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(TEMPLATE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > TEMPLATE_BYTES_MAX {
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "it has more than 1 MiB"));
    }
    Ok(text)
}

/// Writes a result to a file or stdout.
pub(crate) fn write(file: Option<&PathBuf>, bytes: &[u8], terminal: &Terminal) -> Result<()> {
    let write = |out: &mut dyn Write| Ok(out.write_all(bytes)?);
    match file {
        Some(path) => to_file(path, write, terminal),
        None => terminal.result(write),
    }
}

fn to_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>, terminal: &Terminal) -> Result<()> {
    replace(path, write).with_context(|| format!("cannot write {}", path.display()))?;
    terminal.note(format_args!("wrote {}", path.display()));
    Ok(())
}

/// A reader never sees half a report. What is no regular file (`/dev/stdout`, a pipe) is written as it is.
pub(crate) fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    if fs::metadata(path).is_ok_and(|about| !about.is_file()) {
        let mut out = BufWriter::new(fs::OpenOptions::new().write(true).open(path)?);
        write(&mut out)?;
        return Ok(out.flush()?);
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut out = BufWriter::new(tempfile::Builder::new().prefix(".seawall-").tempfile_in(parent)?);
    write(&mut out)?;
    let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    // A temporary file is for its owner only; a report is for whoever may read the directory's files.
    use std::os::unix::fs::PermissionsExt;
    let former = fs::metadata(path).map(|about| about.permissions());
    file.as_file().set_permissions(former.unwrap_or(fs::Permissions::from_mode(0o644)))?;
    file.persist(path)?;
    Ok(())
}
