//! A joined line → keyword, flags and typed arguments, the way BuildKit splits them
//! (`parser/line_parsers.go`, `parser/split_command.go`), and what its `instructions` package refuses.

use std::ops::Range;

use super::instruction::{Body, Flag, Instruction, Keyword, Pair, Word};
use super::parser::{Problem, heredoc_of};
use super::source::{Joined, Span};

/// Reads an instruction.
pub(super) fn read(line: Joined, escape: char, problems: &mut Vec<Problem>) -> Instruction {
    read_from(line, 0, escape, problems)
}

/// Reads the instruction that starts at `from` of the line: 0, or behind `ONBUILD`.
fn read_from(line: Joined, from: usize, escape: char, problems: &mut Vec<Problem>) -> Instruction {
    let text = line.text.get(from..).unwrap_or_default();
    let start = from + (text.len() - text.trim_start().len());
    let end = from + text.trim_end().len();
    let head = line.text.get(start..end.max(start)).unwrap_or_default();
    let name_len = head.find(is_separator).unwrap_or(head.len());
    let name_range = start..start + name_len;
    let behind = head.get(name_len..).unwrap_or_default();
    let args = start + name_len + (behind.len() - behind.trim_start_matches(is_separator).len());
    let name = word_at(&line, name_range);
    let keyword = Keyword::of(&name.text);
    let (flags, args) = flags(&line, args..end.max(start), escape);
    let rest_text = line.slice(&args);
    let rest = args.end - rest_text.trim_start().len()..args.end;
    let span = line.span(&(start..end.max(start)));
    let mut instruction = Instruction {
        keyword,
        name,
        line,
        flags,
        rest,
        is_trigger: from > 0,
        body: Body::Broken,
        heredocs: Vec::new(),
        span,
        blank_lines: Vec::new(),
    };
    instruction.body = match body(&instruction, escape, problems) {
        Ok(body) => body,
        Err(reason) => {
            problems.push(Problem { span, reason });
            Body::Broken
        }
    };
    instruction
}

fn is_separator(ch: char) -> bool {
    matches!(ch, ' ' | '\t' | '\r' | '\u{b}' | '\u{c}')
}

fn word_at(line: &Joined, range: Range<usize>) -> Word {
    Word { text: line.slice(&range).to_owned(), span: line.span(&range) }
}

/// The `--words` in front; `--` alone ends them.
fn flags(line: &Joined, range: Range<usize>, escape: char) -> (Vec<Flag>, Range<usize>) {
    let mut flags = Vec::new();
    let mut at = range.start;
    loop {
        let text = line.slice(&(at..range.end));
        at += text.len() - text.trim_start().len();
        let text = text.trim_start();
        if !text.starts_with("--") {
            return (flags, at..range.end);
        }
        let (value, len) = flag_word(text, escape);
        let word = at..at + len;
        at += len;
        if value == "--" {
            return (flags, at..range.end);
        }
        let (name, value) = match value.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (value.as_str(), None),
        };
        let name = name.trim_start_matches("--").to_owned();
        flags.push(Flag { name, value, span: line.span(&word) });
    }
}

/// The first word without quotes and escapes, and its length as written.
fn flag_word(text: &str, escape: char) -> (String, usize) {
    let mut value = String::new();
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, ch)) = chars.next() {
        match quote {
            None if ch.is_whitespace() => return (value, at),
            None if matches!(ch, '\'' | '"') => quote = Some(ch),
            Some(open) if ch == open => quote = None,
            _ if ch == escape => value.extend(chars.next().map(|(_, ch)| ch)),
            _ => value.push(ch),
        }
    }
    (value, text.len())
}

fn body(instruction: &Instruction, escape: char, problems: &mut Vec<Problem>) -> Result<Body, String> {
    let Instruction { keyword, line, rest, .. } = instruction;
    let name = keyword.name();
    match keyword {
        Keyword::From => from(line, rest),
        Keyword::Cmd | Keyword::Entrypoint | Keyword::Run | Keyword::Shell => command(line, rest.clone()),
        Keyword::Add | Keyword::Copy | Keyword::Volume => match json(line, rest)? {
            Some(words) => Ok(Body::Words { words, is_json: true }),
            None => Ok(Body::Words { words: blank_separated(line, rest), is_json: false }),
        },
        Keyword::Expose => Ok(Body::Words { words: blank_separated(line, rest), is_json: false }),
        Keyword::Arg => {
            let words = quoted_words(line, rest, escape);
            let pairs = words.into_iter().map(|range| pair(line, range)).collect();
            Ok(Body::Pairs { pairs, is_legacy: false })
        }
        Keyword::Env | Keyword::Label => pairs(line, rest, escape, name),
        Keyword::Maintainer | Keyword::Stopsignal | Keyword::User | Keyword::Workdir => match rest.is_empty()
        {
            true => Err(format!("{name} needs an argument")),
            false => Ok(Body::Text(word_at(line, rest.clone()))),
        },
        Keyword::Healthcheck => healthcheck(line, rest),
        Keyword::Onbuild if rest.is_empty() => Err("ONBUILD needs an instruction".to_owned()),
        // A trigger of a trigger is refused, and not followed.
        Keyword::Onbuild if instruction.is_trigger => Err("ONBUILD cannot trigger ONBUILD".to_owned()),
        Keyword::Onbuild => {
            Ok(Body::Trigger(Box::new(read_from(line.clone(), rest.start, escape, problems))))
        }
        Keyword::Unknown => Err(unknown(&instruction.name.text)),
    }
}

fn unknown(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    let near = Keyword::names().find(|known| crate::dockerfile::names::is_near(&upper, known));
    let hint = near.map(|near| format!(", did you mean {near}?")).unwrap_or_default();
    let shown: String = name.chars().take(40).collect();
    format!("there is no instruction \"{shown}\"{hint}")
}

fn from(line: &Joined, rest: &Range<usize>) -> Result<Body, String> {
    let words = blank_separated(line, rest);
    let (image, as_word, name) = match words.as_slice() {
        [image] => (image, None, None),
        [image, as_word, name] if as_word.text.eq_ignore_ascii_case("as") => {
            (image, Some(as_word.clone()), Some(name.clone()))
        }
        _ => return Err("FROM takes an image, or an image, AS and a name".to_owned()),
    };
    if let Some(name) = &name {
        let lower = name.text.to_lowercase();
        let starts = lower.starts_with(|ch: char| ch.is_ascii_lowercase());
        let rest = lower
            .chars()
            .all(|ch| ch.is_ascii_lowercase() || ch.is_ascii_digit() || matches!(ch, '-' | '_' | '.'));
        if !starts || !rest {
            return Err(format!("\"{}\" cannot be the name of a stage", name.text));
        }
    }
    Ok(Body::From { image: image.clone(), as_word, name })
}

fn command(line: &Joined, rest: Range<usize>) -> Result<Body, String> {
    Ok(match json(line, &rest)? {
        Some(words) => Body::ExecForm(words),
        None => Body::ShellForm(rest),
    })
}

/// The first word is `NONE` or `CMD`.
fn healthcheck(line: &Joined, rest: &Range<usize>) -> Result<Body, String> {
    let text = line.slice(rest);
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (kind, behind) = text.split_at(end);
    let behind = rest.end - behind.trim_start().len()..rest.end;
    match kind.to_ascii_uppercase().as_str() {
        "NONE" if behind.is_empty() => Ok(Body::NoHealthcheck),
        "NONE" => Err("HEALTHCHECK NONE takes no arguments".to_owned()),
        "CMD" if behind.is_empty() => Err("HEALTHCHECK CMD needs a command".to_owned()),
        "CMD" => {
            let body = command(line, behind)?;
            let is_empty = matches!(&body, Body::ExecForm(words) if words.is_empty());
            if is_empty { Err("HEALTHCHECK CMD needs a command".to_owned()) } else { Ok(body) }
        }
        "" => Err("HEALTHCHECK needs NONE or CMD".to_owned()),
        _ => Err("HEALTHCHECK knows NONE and CMD".to_owned()),
    }
}

/// The strings of a JSON list; none where it is no valid list (then it is text), an error where it holds anything else.
fn json(line: &Joined, rest: &Range<usize>) -> Result<Option<Vec<Word>>, String> {
    let text = line.slice(rest);
    if !text.trim_start().starts_with('[') {
        return Ok(None);
    }
    let Ok(values) = serde_json::from_str::<Vec<serde_json::Value>>(text) else { return Ok(None) };
    let strings: Option<Vec<&str>> = values.iter().map(serde_json::Value::as_str).collect();
    let strings = strings.ok_or("a JSON list of arguments may hold only strings")?;
    let mut words = Vec::with_capacity(strings.len());
    let mut at = rest.start;
    for value in strings {
        let tail = line.slice(&(at..rest.end));
        let open = at + tail.find('"').unwrap_or(0);
        let inside = line.slice(&(open + 1..rest.end));
        let mut escaped = false;
        let close = inside.find(|ch| {
            let ends = ch == '"' && !escaped;
            escaped = ch == '\\' && !escaped;
            ends
        });
        at = open + 1 + close.unwrap_or(inside.len()) + 1;
        words.push(Word { text: value.to_owned(), span: line.span(&(open..at)) });
    }
    Ok(Some(words))
}

fn blank_separated(line: &Joined, rest: &Range<usize>) -> Vec<Word> {
    let text = line.slice(rest);
    let words = text.split(is_separator).filter(|word| !word.is_empty());
    let offset = |word: &str| rest.start + (word.as_ptr() as usize - text.as_ptr() as usize);
    words.map(|word| word_at(line, offset(word)..offset(word) + word.len())).collect()
}

/// Words with quotes and escapes kept, as `ARG`, `ENV` and `LABEL` split them.
fn quoted_words(line: &Joined, rest: &Range<usize>, escape: char) -> Vec<Range<usize>> {
    let text = line.slice(rest);
    let mut words = Vec::new();
    let mut start = None;
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, ch)) = chars.next() {
        if start.is_none() {
            if ch.is_whitespace() {
                continue;
            }
            start = Some(at);
        }
        match quote {
            None if ch.is_whitespace() => words.extend(start.take().map(|start| start..at)),
            None if matches!(ch, '\'' | '"') => quote = Some(ch),
            Some(open) if ch == open => quote = None,
            _ if ch == escape && quote != Some('\'') => {
                chars.next();
            }
            _ => {}
        }
    }
    words.extend(start.map(|start| start..text.len()));
    words.into_iter().map(|word| rest.start + word.start..rest.start + word.end).collect()
}

fn pair(line: &Joined, range: Range<usize>) -> Pair {
    let text = line.slice(&range);
    match text.find('=') {
        Some(at) => {
            let name = word_at(line, range.start..range.start + at);
            Pair { name, value: Some(word_at(line, range.start + at + 1..range.end)) }
        }
        None => Pair { name: word_at(line, range), value: None },
    }
}

fn pairs(line: &Joined, rest: &Range<usize>, escape: char, name: &str) -> Result<Body, String> {
    let words = quoted_words(line, rest, escape);
    let Some(first) = words.first() else { return Err(format!("{name} needs a name and a value")) };
    if line.slice(first).contains('=') {
        if let Some(odd) = words.iter().find(|word| !line.slice(word).contains('=')) {
            let shown: String = line.slice(odd).chars().take(40).collect();
            return Err(format!("{name}: \"{shown}\" has no ="));
        }
        let pairs = words.into_iter().map(|range| pair(line, range)).collect();
        return Ok(Body::Pairs { pairs, is_legacy: false });
    }
    let text = line.slice(rest);
    let Some(end) = text.find(is_separator) else { return Err(format!("{name} needs a value")) };
    let behind = text.get(end..).unwrap_or_default().trim_start_matches(is_separator);
    let name = word_at(line, rest.start..rest.start + end);
    let value = word_at(line, rest.end - behind.len()..rest.end);
    Ok(Body::Pairs { pairs: vec![Pair { name, value: Some(value) }], is_legacy: true })
}

/// What BuildKit's `instructions` package refuses in a line that could be split.
pub(super) fn check(instruction: &Instruction, problems: &mut Vec<Problem>) {
    let mut problem = |span: Span, reason: String| problems.push(Problem { span, reason });
    if let Body::Trigger(inner) = &instruction.body {
        if matches!(inner.keyword, Keyword::From | Keyword::Maintainer) {
            let name = inner.keyword.name();
            problem(inner.name.span, format!("ONBUILD cannot trigger {name}"));
        }
        check_flags(instruction, problems);
        return;
    }
    let name = instruction.keyword.name();
    match (instruction.keyword, &instruction.body) {
        (Keyword::Add | Keyword::Copy, Body::Words { words, .. }) => {
            if words.len() < 2 {
                problem(instruction.span, format!("{name} needs a source and a destination"));
            }
            if let Some(target) = words.last().filter(|word| heredoc_of(&word.text).is_some()) {
                problem(target.span, format!("{name} cannot write to a heredoc"));
            }
        }
        (Keyword::Expose | Keyword::Volume, Body::Words { words, .. })
            if words.is_empty() || words.iter().any(|word| word.text.trim().is_empty()) =>
        {
            problem(instruction.span, format!("{name} needs an argument"));
        }
        (Keyword::Arg | Keyword::Env | Keyword::Label, Body::Pairs { pairs, .. })
            if pairs.is_empty() || pairs.iter().any(|pair| pair.name.text.is_empty()) =>
        {
            problem(instruction.span, format!("{name} needs a name"));
        }
        (Keyword::Shell, Body::ShellForm(_)) => {
            problem(instruction.span, "SHELL takes a JSON list".to_owned());
        }
        (Keyword::Shell, Body::ExecForm(words)) if words.is_empty() => {
            problem(instruction.span, "SHELL needs a program".to_owned());
        }
        _ => {}
    }
    check_flags(instruction, problems);
}

/// The flags of each instruction; `?` marks those without a value, `*` those that may repeat.
fn known_flags(keyword: Keyword) -> &'static [&'static str] {
    match keyword {
        Keyword::Add => &["chown", "chmod", "?link", "?keep-git-dir", "checksum", "?unpack", "*exclude"],
        Keyword::Copy => &["chown", "from", "chmod", "?link", "*exclude", "?parents"],
        Keyword::From => &["platform"],
        Keyword::Run => &["*mount", "network", "security", "*device"],
        Keyword::Healthcheck => &["interval", "timeout", "start-period", "start-interval", "retries"],
        Keyword::Arg
        | Keyword::Cmd
        | Keyword::Entrypoint
        | Keyword::Env
        | Keyword::Expose
        | Keyword::Label
        | Keyword::Maintainer
        | Keyword::Onbuild
        | Keyword::Shell
        | Keyword::Stopsignal
        | Keyword::User
        | Keyword::Volume
        | Keyword::Workdir
        | Keyword::Unknown => &[],
    }
}

fn check_flags(instruction: &Instruction, problems: &mut Vec<Problem>) {
    // BuildKit does not look at the flags of these.
    if matches!(instruction.keyword, Keyword::Stopsignal | Keyword::Arg | Keyword::Unknown)
        || matches!(instruction.body, Body::NoHealthcheck)
    {
        return;
    }
    let known = known_flags(instruction.keyword);
    for (index, flag) in instruction.flags.iter().enumerate() {
        let is = |mark: &str| known.contains(&format!("{mark}{}", flag.name).as_str());
        let name = &flag.name;
        let reason = if !is("") && !is("?") && !is("*") {
            format!("{} has no flag --{name}", instruction.keyword.name())
        } else if !is("*") && instruction.flags.iter().take(index).any(|other| &other.name == name) {
            format!("the flag --{name} is given twice")
        } else if is("?") {
            match flag.value.as_deref().map(str::to_ascii_lowercase).as_deref() {
                None | Some("true" | "false") => continue,
                Some(_) => format!("the flag --{name} is true or false"),
            }
        } else {
            match flag.value.as_deref().map(|value| bad_value(instruction.keyword, name, value)) {
                None => format!("the flag --{name} needs a value"),
                Some(Some(reason)) => reason,
                Some(None) => continue,
            }
        };
        problems.push(Problem { span: flag.span, reason });
    }
}

/// Why BuildKit refuses the value of a flag.
fn bad_value(keyword: Keyword, name: &str, value: &str) -> Option<String> {
    let one_of = |allowed: &[&str]| {
        (!allowed.contains(&value)).then(|| format!("--{name} is one of {}", allowed.join(", ")))
    };
    match (keyword, name) {
        (Keyword::Run, "network") => one_of(&["default", "none", "host"]),
        (Keyword::Run, "security") => one_of(&["sandbox", "insecure"]),
        (Keyword::Run, "mount") => {
            let from = value.split(',').find_map(|field| field.trim().strip_prefix("from="));
            let varies = from.is_some_and(|from| from.contains('$'));
            varies.then(|| "from= of a mount cannot be a variable".to_owned())
        }
        (Keyword::Healthcheck, "retries") => {
            let is_number = value.is_empty() || value.parse::<u32>().is_ok();
            (!is_number).then(|| "--retries is not a number".to_owned())
        }
        (Keyword::Healthcheck, _) => {
            let is_duration = matches!(value, "" | "0") || is_duration(value);
            (!is_duration).then(|| format!("--{name} is not a duration, as 30s or 1m30s"))
        }
        _ => None,
    }
}

/// `1h30m`, `1.5s`, `100ms`, as Go writes durations.
fn is_duration(value: &str) -> bool {
    let mut rest = value.strip_prefix(['+', '-']).unwrap_or(value);
    while !rest.is_empty() {
        let number = rest.len() - rest.trim_start_matches(|ch: char| ch.is_ascii_digit() || ch == '.').len();
        let unit = rest.get(number..).unwrap_or_default();
        let unit =
            unit.find(|ch: char| ch.is_ascii_digit()).map_or(unit, |end| unit.get(..end).unwrap_or_default());
        if number == 0 || !["ns", "us", "µs", "ms", "s", "m", "h"].contains(&unit) {
            return false;
        }
        rest = rest.get(number + unit.len()..).unwrap_or_default();
    }
    !value.is_empty()
}
