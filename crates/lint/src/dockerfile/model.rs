//! Instructions → stages: what each inherits, which variables are known, which shell runs what.
//!
//! Refuses to guess what a base image brings: its variables, user, shell and triggers are unknown here, and a rule
//! that would need them is silent.

use std::collections::BTreeMap;
use std::ops::Range;

use super::check::Hit;
use super::expand::{self, ExpandError, Expanded};
use super::instruction::{Body, Instruction, Keyword, Pair, Word};
use super::limits::{HITS_PER_RULE_MAX, STAGES_MAX, SUPPRESSIONS_MAX, VARIABLE_BYTES_MAX, VARIABLES_MAX};
use super::parser::{Parsed, Problem, parse};
use super::run::{Shell, ShellKind, StepScript, scripts};
use super::source::{Source, Span};
use super::suppress::{self, Suppression};
use crate::shell;

/// A build file, read.
pub(crate) struct File<'a> {
    pub(crate) source: Source,
    pub(crate) parsed: Parsed,
    pub(crate) stages: Vec<Stage>,
    /// One for each instruction.
    pub(crate) steps: Vec<Step>,
    /// The `ARG`s in front of the first `FROM`.
    pub(crate) globals: Variables,
    /// Uses of variables that nobody sets, in instructions that BuildKit expands.
    pub(crate) unset: Vec<Unset>,
    /// The text of the `.dockerignore` that goes with it, where the caller knows it.
    pub(crate) dockerignore: Option<&'a str>,
    /// The comments that leave findings out.
    pub(crate) suppressions: Vec<Suppression>,
    /// Which limits were reached.
    pub(crate) cuts: Vec<&'static str>,
}

/// A use of a variable that nobody sets.
#[derive(Debug, Clone)]
pub(crate) struct Unset {
    pub(crate) name: String,
    pub(crate) span: Span,
    /// None in front of the first `FROM` and in one.
    pub(crate) stage: Option<usize>,
    /// The nearest name that is set there.
    pub(crate) near: Option<String>,
    /// Set in front of the first `FROM`, but not taken into this stage.
    pub(crate) is_global: bool,
}

/// A variable and its value, if that is known: an `ARG` without one gets it when the image is built.
pub(crate) type Variables = BTreeMap<String, Option<String>>;

/// A build stage.
#[derive(Debug)]
pub(crate) struct Stage {
    /// The number of its `FROM` among the instructions.
    pub(crate) from: usize,
    /// In lower case.
    pub(crate) name: Option<String>,
    pub(crate) base: Base,
    /// The image as written with its variables replaced; `None` where a value is unknown.
    pub(crate) image: Option<String>,
    /// Numbers of its instructions without the `FROM`.
    pub(crate) instructions: Range<usize>,
    pub(crate) variables: Variables,
}

/// What a stage starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    Scratch,
    Stage(usize),
    Image,
}

/// What is known about an instruction.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// Its stage; none in front of the first.
    pub(crate) stage: Option<usize>,
    pub(crate) shell: Shell,
    /// What it gives to a shell.
    pub(crate) scripts: Vec<StepScript>,
    /// The text of `USER`, `WORKDIR` and `STOPSIGNAL` with its variables replaced, where all are known.
    pub(crate) text: Option<String>,
}

/// Variables that BuildKit sets by itself where images are named.
pub(crate) const PLATFORM_ARGUMENTS: [&str; 9] = [
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETARCH",
    "TARGETVARIANT",
    "TARGETSTAGE",
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDARCH",
    "BUILDVARIANT",
];

impl<'a> File<'a> {
    pub(crate) fn read(bytes: &[u8], dockerignore: Option<&'a str>) -> File<'a> {
        let source = Source::new(bytes);
        let parsed = parse(&source);
        let mut file = File {
            source,
            parsed,
            stages: Vec::new(),
            steps: Vec::new(),
            globals: Variables::new(),
            unset: Vec::new(),
            dockerignore,
            suppressions: Vec::new(),
            cuts: Vec::new(),
        };
        if file.parsed.is_cut {
            file.cuts.push("it has too many instructions or heredocs");
        }
        Builder::default().build(&mut file);
        file.suppressions = suppress::read(&file);
        if file.suppressions.len() == SUPPRESSIONS_MAX {
            file.cuts.push("it has too many comments that leave findings out");
        }
        file
    }

    /// Number, instruction and step, in order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (usize, &Instruction, &Step)> {
        let pairs = self.parsed.instructions.iter().zip(&self.steps);
        pairs.enumerate().map(|(index, (instruction, step))| (index, instruction, step))
    }

    /// The instructions of one kind, those that an `ONBUILD` triggers included.
    pub(crate) fn of(&self, keyword: Keyword) -> impl Iterator<Item = (&Instruction, &Step)> {
        let effective = self.all().map(|(_, instruction, step)| (instruction.effective(), step));
        effective.filter(move |(instruction, _)| instruction.keyword == keyword)
    }

    /// Every script that a shell of the POSIX kind runs while the image is built.
    pub(crate) fn scripts(&self) -> impl Iterator<Item = (&Instruction, &Step, &StepScript)> {
        let runs = self.of(Keyword::Run);
        runs.flat_map(|(run, step)| step.scripts.iter().map(move |script| (run, step, script)))
    }

    /// Every command of those, with its script.
    pub(crate) fn commands(&self) -> impl Iterator<Item = (&StepScript, &shell::Command)> {
        self.scripts()
            .flat_map(|(_, _, script)| script.script.commands.iter().map(move |command| (script, command)))
    }

    /// The instructions of a stage, without those of its bases.
    pub(crate) fn own(&self, stage: usize) -> impl DoubleEndedIterator<Item = (&Instruction, &Step)> {
        let range = self.stages.get(stage).map_or(0..0, |stage| stage.instructions.clone());
        let instructions = self.parsed.instructions.get(range.clone()).unwrap_or_default();
        instructions.iter().zip(self.steps.get(range).unwrap_or_default())
    }

    /// A stage and the stages that it starts from, nearest first.
    pub(crate) fn lineage(&self, stage: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(stage), |&at| match self.stages.get(at)?.base {
            Base::Stage(base) => Some(base),
            Base::Scratch | Base::Image => None,
        })
    }

    /// The stage that an image is made from when nobody says which.
    pub(crate) fn last_stage(&self) -> Option<usize> {
        self.stages.len().checked_sub(1)
    }

    /// The last instruction of a kind that counts in a stage, inherited ones included.
    pub(crate) fn last_of(&self, stage: usize, keyword: Keyword) -> Option<(&Instruction, &Step)> {
        self.lineage(stage).find_map(|stage| self.own(stage).rev().find(|(i, _)| i.keyword == keyword))
    }

    /// The stage that a name or number means, seen from a stage.
    pub(crate) fn stage_named(&self, name: &str, before: usize) -> Option<usize> {
        let earlier = self.stages.get(..before).unwrap_or_default();
        let by_name = earlier
            .iter()
            .rposition(|stage| stage.name.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name)));
        by_name.or_else(|| name.parse::<usize>().ok().filter(|&index| index < earlier.len()))
    }

    /// Whether something else makes a build file from it: `{{ … }}` or `{% … %}` in the place of instructions.
    pub(crate) fn is_template(&self) -> bool {
        let marks = ["{{", "{%", "<%"];
        let is_mark = |instruction: &Instruction| {
            let is_from = instruction.keyword == Keyword::From;
            let name = &instruction.name.text;
            marks
                .iter()
                .any(|mark| name.starts_with(mark) || (is_from && instruction.rest_text().contains(mark)))
        };
        self.parsed.instructions.iter().any(is_mark)
    }

    /// Whether it looks like a build file at all: other text has no `FROM`, and words that are no instructions.
    pub(crate) fn is_build_file(&self) -> bool {
        let unknown = self.parsed.instructions.iter().filter(|i| i.keyword == Keyword::Unknown).count();
        !self.stages.is_empty()
            || unknown * 2 < self.parsed.instructions.len()
            || self.parsed.instructions.is_empty()
    }

    /// A hit without a change that was meant for the text of a shell, but stands in a JSON list.
    pub(crate) fn without_change_in_list(&self, mut hit: Hit) -> Hit {
        let instructions = &self.parsed.instructions;
        hit.change = hit.change.filter(|change| {
            let behind = instructions.partition_point(|instruction| instruction.span.start <= change.start);
            let instruction = behind.checked_sub(1).and_then(|at| instructions.get(at));
            !instruction.map(Instruction::effective).is_some_and(|instruction| {
                matches!(instruction.body, Body::ExecForm(_)) && change.start > instruction.rest_span().start
            })
        });
        hit
    }

    pub(crate) fn problems(&self) -> &[Problem] {
        &self.parsed.problems
    }
}

#[derive(Default)]
struct Builder {
    /// The shell at the end of each stage.
    shells: Vec<Shell>,
    /// Bytes of variables that are kept.
    variable_bytes: usize,
    /// Whether one was left out.
    is_full: bool,
}

impl Builder {
    fn build(&mut self, file: &mut File<'_>) {
        let mut variables = Variables::new();
        let mut shell = Shell::default();
        let instructions = std::mem::take(&mut file.parsed.instructions);
        for (index, instruction) in instructions.iter().enumerate() {
            if instruction.keyword == Keyword::From {
                self.close(file, std::mem::take(&mut variables), &shell);
                if file.stages.len() >= STAGES_MAX {
                    file.cuts.push("it has too many stages");
                    file.steps.resize_with(instructions.len(), Step::default);
                    break;
                }
                shell = self.open(file, index, instruction, &mut variables);
            } else if let Some(stage) = file.stages.last_mut() {
                stage.instructions.end = index + 1;
            }
            let text = self.variables(file, instruction, &mut variables);
            if let (Keyword::Shell, Body::ExecForm(words)) = (instruction.keyword, &instruction.body) {
                shell = Shell::of(words);
            }
            let scripts = scripts(&file.source, instruction.effective(), &shell);
            if scripts.iter().any(|script| script.script.is_cut) && file.cuts.is_empty() {
                file.cuts.push("a script in it is too long or too deep");
            }
            let stage = file.last_stage();
            file.steps.push(Step { stage, shell: shell.clone(), scripts, text });
        }
        self.close(file, variables, &shell);
        if self.is_full {
            file.cuts.push("it sets too many variables");
        }
        file.parsed.instructions = instructions;
    }

    /// Stores what a stage ends with.
    fn close(&mut self, file: &mut File<'_>, variables: Variables, shell: &Shell) {
        if let Some(stage) = file.stages.last_mut() {
            stage.variables = variables;
            self.shells.push(shell.clone());
        } else {
            file.globals = variables;
        }
    }

    fn open(
        &mut self,
        file: &mut File<'_>,
        index: usize,
        instruction: &Instruction,
        variables: &mut Variables,
    ) -> Shell {
        let Body::From { image, name, .. } = &instruction.body else {
            file.stages.push(Stage {
                from: index,
                name: None,
                base: Base::Image,
                image: None,
                instructions: index + 1..index + 1,
                variables: Variables::new(),
            });
            return Shell::default();
        };
        let globals = &file.globals;
        let platform = |name: &str| PLATFORM_ARGUMENTS.contains(&name);
        let expanded =
            expand::expand(&image.text, file.parsed.escape, &|name| globals.get(name).cloned().flatten());
        let is_known = |expanded: &Expanded| expanded.unset.is_empty();
        let mut unset = Vec::new();
        if let Ok(expanded) = &expanded {
            unset.extend(expanded.unset.iter().filter(|name| !globals.contains_key(*name)).cloned());
        }
        if let Some(platform_flag) = instruction.flag_value("platform")
            && let Ok(expanded) = expand::expand(platform_flag, file.parsed.escape, &|name| {
                globals.get(name).cloned().flatten()
            })
        {
            unset.extend(expanded.unset.into_iter().filter(|name| !globals.contains_key(name)));
        }
        let names: Vec<&str> = globals.keys().map(String::as_str).chain(PLATFORM_ARGUMENTS).collect();
        for name in unset.into_iter().filter(|name| !platform(name)) {
            let near = names.iter().find(|known| super::names::is_near(&name, known));
            let near = near.map(|near| (*near).to_owned());
            file.unset.push(Unset { name, span: image.span, stage: None, near, is_global: false });
        }
        let text = expanded.ok().filter(is_known).map(|expanded| expanded.value);
        let base = match text.as_deref() {
            Some("scratch") => Base::Scratch,
            Some(text) => {
                let named = file.stages.iter().rposition(|stage| {
                    stage.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(text))
                });
                named.map_or(Base::Image, Base::Stage)
            }
            None => Base::Image,
        };
        let mut shell = Shell::default();
        if let Base::Stage(base) = base {
            // `ENV` is inherited; `ARG` is not, but a use of one is no mistake worth a finding.
            if let Some(stage) = file.stages.get(base) {
                for (name, value) in &stage.variables {
                    self.set(variables, name, value.clone());
                }
            }
            shell = self.shells.get(base).cloned().unwrap_or_default();
        } else if text.as_deref().is_some_and(is_windows) {
            shell.kind = ShellKind::Other;
        }
        file.stages.push(Stage {
            from: index,
            name: name.as_ref().map(|name| name.text.to_lowercase()),
            base,
            image: text,
            instructions: index + 1..index + 1,
            variables: Variables::new(),
        });
        shell
    }

    /// Notes what an instruction sets and what it uses; its text, expanded.
    fn variables(
        &mut self,
        file: &mut File<'_>,
        instruction: &Instruction,
        variables: &mut Variables,
    ) -> Option<String> {
        let escape = file.parsed.escape;
        match (&instruction.body, instruction.keyword) {
            (Body::Pairs { pairs, .. }, keyword) => {
                for pair in pairs.iter().filter(|_| keyword == Keyword::Arg) {
                    let value = self.pair_value(file, pair, variables);
                    self.set(variables, &pair.name.text, value);
                }
                // All values of an ENV are made from what was set before it.
                let rest = pairs.iter().filter(|_| keyword != Keyword::Arg);
                let values: Vec<_> =
                    rest.map(|pair| (pair, self.pair_value(file, pair, variables))).collect();
                for (pair, value) in values.into_iter().filter(|_| keyword == Keyword::Env) {
                    self.set(variables, &pair.name.text, value);
                }
                None
            }
            (Body::Text(word), Keyword::User | Keyword::Workdir | Keyword::Stopsignal) => {
                self.expand(file, word, escape, variables)
            }
            (Body::Words { words, .. }, _) => {
                for word in words.iter().filter(|word| !word.text.contains("<<")) {
                    self.expand(file, word, escape, variables);
                }
                None
            }
            _ => None,
        }
    }

    /// Sets a variable, as long as there is room for more. `ARG` does not replace what `ENV` has set, but then its value
    /// is not known here either way.
    fn set(&mut self, variables: &mut Variables, name: &str, value: Option<String>) {
        let bytes = name.len() + value.as_ref().map_or(0, String::len);
        if variables.len() < VARIABLES_MAX && self.variable_bytes + bytes < VARIABLE_BYTES_MAX {
            self.variable_bytes += bytes;
            variables.insert(name.to_owned(), value);
        } else {
            self.is_full = true;
        }
    }

    /// The value of a pair; an `ARG` without one may have it from in front of the first `FROM`.
    fn pair_value(&self, file: &mut File<'_>, pair: &Pair, known: &Variables) -> Option<String> {
        match &pair.value {
            Some(value) => self.expand(file, value, file.parsed.escape, known),
            None if file.stages.is_empty() => None,
            None => file.globals.get(&pair.name.text).cloned().flatten(),
        }
    }

    /// The value of a word, if everything in it is known.
    fn expand(&self, file: &mut File<'_>, word: &Word, escape: char, known: &Variables) -> Option<String> {
        if !word.text.contains(['$', '\'', '"', escape]) {
            return Some(word.text.clone());
        }
        let expanded = expand::expand(&word.text, escape, &|name| known.get(name).cloned().flatten());
        let expanded = match expanded {
            Ok(expanded) => expanded,
            Err(ExpandError::TooLarge) => {
                if file.cuts.is_empty() {
                    file.cuts.push("a variable in it grows too large");
                }
                return None;
            }
            Err(ExpandError::Unterminated | ExpandError::BadSubstitution) => {
                let reason = "a quote or a substitution in it does not end or is not known".to_owned();
                file.parsed.problems.push(Problem { span: word.span, reason });
                return None;
            }
        };
        let stage = file.last_stage();
        let is_set = |name: &String| {
            known.contains_key(name) || (stage.is_none() && PLATFORM_ARGUMENTS.contains(&name.as_str()))
        };
        let room = (HITS_PER_RULE_MAX + 1).saturating_sub(file.unset.len());
        for name in expanded.unset.iter().filter(|name| !is_set(name)).take(room) {
            let near = known.keys().find(|known| super::names::is_near(name, known)).cloned();
            let is_global = stage.is_some() && file.globals.contains_key(name);
            file.unset.push(Unset { name: name.clone(), span: word.span, stage, near, is_global });
        }
        expanded.unset.is_empty().then_some(expanded.value)
    }
}

/// Images that can only hold Windows.
fn is_windows(image: &str) -> bool {
    let image = image.to_ascii_lowercase();
    ["windows/", "windowsservercore", "nanoserver"].iter().any(|mark| image.contains(mark))
}
