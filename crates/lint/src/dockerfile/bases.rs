//! The images that a build file takes from elsewhere, and where their names stand: for whoever verifies and pins them.

use std::ops::Range;

use super::instruction::{Body, Keyword};
use super::model::{Base, File};
use super::refusal;

/// An image that a build file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseImage {
    /// As written.
    pub written: String,
    /// With its variables replaced by what the file sets; `None` where a value is unknown.
    pub image: Option<String>,
    /// Where it stands in the file, in bytes.
    pub range: Range<usize>,
    /// On which line, from 1.
    pub line: u32,
}

/// The images of a build file's `FROM` and `COPY --from`, without `scratch` and its own stages.
///
/// # Errors
/// Why the file is not read.
pub fn bases(name: &str, bytes: &[u8]) -> Result<Vec<BaseImage>, String> {
    if let Some(gap) = refusal(name, bytes) {
        return Err(gap.reason);
    }
    let file = File::read(bytes, None);
    if let Some(cut) = file.cuts.first() {
        return Err((*cut).to_owned());
    }
    let mut found = Vec::new();
    for stage in file.stages.iter().filter(|stage| stage.base == Base::Image) {
        let from = file.parsed.instructions.get(stage.from);
        let Some(Body::From { image, .. }) = from.map(|from| &from.body) else { continue };
        found.push(BaseImage {
            written: image.text.clone(),
            image: stage.image.clone(),
            range: image.span.start..image.span.end,
            line: file.source.line_of(image.span.start),
        });
    }
    for (instruction, step) in file.of(Keyword::Copy) {
        let Some(flag) = instruction.flag("from") else { continue };
        let Some(value) = flag.value.as_deref() else { continue };
        let is_stage = file.stage_named(value, step.stage.unwrap_or(0)).is_some();
        if is_stage || value.eq_ignore_ascii_case("scratch") {
            continue;
        }
        found.push(BaseImage {
            written: value.to_owned(),
            image: (!value.contains('$')).then(|| value.to_owned()),
            range: flag.span.end.saturating_sub(value.len())..flag.span.end,
            line: file.source.line_of(flag.span.start),
        });
    }
    found.sort_by_key(|base| base.range.start);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_from_elsewhere() {
        let text = "ARG V=1\nFROM --platform=linux/amd64 alpine:3.20 AS a\nFROM \\\n  debian:${V}\nFROM a AS b\n\
                    FROM scratch\nCOPY --from=a /x /x\nCOPY --from=nginx:1.27 /y /y\nFROM ${UNKNOWN}\n";
        let found: Vec<(String, Option<String>, u32)> = bases("Dockerfile", text.as_bytes())
            .unwrap()
            .into_iter()
            .map(|base| {
                // The range is the name itself.
                assert_eq!(&text[base.range.clone()], base.written);
                (base.written, base.image, base.line)
            })
            .collect();
        let of =
            |written: &str, image: Option<&str>, line| (written.to_owned(), image.map(str::to_owned), line);
        assert_eq!(
            found,
            [
                of("alpine:3.20", Some("alpine:3.20"), 2),
                of("debian:${V}", Some("debian:1"), 4),
                of("nginx:1.27", Some("nginx:1.27"), 8),
                of("${UNKNOWN}", None, 9),
            ]
        );
    }
}
