//! The grammar of conditions.
//!
//! `or` binds weakest, then `and`, then `not`; words are told apart by what begins the text, so `or(` and `in(` are
//! words with a parenthesis behind them. What a name means is decided later.

use crate::expr::{Compare, Expr, FieldName, Function, Operand, Operator, Quantifier, Right, Word};
use crate::limits;
use crate::suggest;

/// Why a text is no condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParseError {
    /// Byte of the text.
    pub(crate) at: usize,
    pub(crate) message: String,
    pub(crate) help: String,
}

type Parsed<T> = Result<T, ParseError>;

pub(crate) fn parse(text: &str) -> Parsed<Expr> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    if text.len() > limits::CONDITION_BYTES_MAX {
        return Err(parser.error(format!("a condition may have {} bytes", limits::CONDITION_BYTES_MAX)));
    }
    let expr = parser.or()?;
    if parser.at < text.len() {
        return Err(match parser.peek() {
            Some(')') => parser.error("this `)` closes nothing"),
            _ => parser.error("expected `and`, `or` or the end of the condition"),
        });
    }
    Ok(expr)
}

/// Reads a field with its argument at the beginning of a text, as outputs have it; also says how many bytes it has.
pub(crate) fn field_at_start(text: &str) -> Option<(FieldName, usize)> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let name = parser.field_name()?;
    let field = parser.field_behind(name, 0).ok()?;
    Some((field, parser.at))
}

/// Reads a call at the beginning of a text.
pub(crate) fn call_at_start(text: &str) -> Option<(Operand, usize)> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let call = parser.call().ok()??;
    Some((call, parser.at))
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn error(&self, message: impl Into<String>) -> ParseError {
        ParseError { at: self.at, message: message.into(), help: String::new() }
    }

    /// Skips white space; says whether there was some.
    fn blank(&mut self) -> bool {
        let rest = self.rest();
        let trimmed = rest.trim_start_matches([' ', '\t', '\u{8}', '\r', '\n']);
        self.at += rest.len() - trimmed.len();
        rest.len() != trimmed.len()
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn or(&mut self) -> Parsed<Expr> {
        self.chain("or", Expr::Or, Parser::and)
    }

    fn and(&mut self) -> Parsed<Expr> {
        self.chain("and", Expr::And, Parser::not)
    }

    /// Operands with a word between them.
    fn chain(
        &mut self,
        word: &str,
        join: fn(Vec<Expr>) -> Expr,
        operand: fn(&mut Self) -> Parsed<Expr>,
    ) -> Parsed<Expr> {
        self.blank();
        let mut operands = vec![operand(self)?];
        self.blank();
        while self.take(word) {
            operands.push(if self.blank() {
                operand(self)?
            } else if self.take("(") {
                self.parenthesis()?
            } else {
                return Err(self.error(format!("expected a blank or `(` behind `{word}`")));
            });
            self.blank();
        }
        Ok(if operands.len() == 1 { operands.remove(0) } else { join(operands) })
    }

    fn not(&mut self) -> Parsed<Expr> {
        self.blank();
        let mut is_negated = false;
        loop {
            let before = self.at;
            if !self.take("not") {
                break;
            }
            if self.blank() {
                is_negated = !is_negated;
            } else if self.take("(") {
                is_negated = !is_negated;
                let inner = self.parenthesis()?;
                return Ok(negated(inner, is_negated));
            } else {
                self.at = before;
                break;
            }
        }
        let check = self.check()?;
        Ok(negated(check, is_negated))
    }

    /// What stands behind a `(` up to its `)`.
    fn parenthesis(&mut self) -> Parsed<Expr> {
        if self.depth >= limits::NESTING_MAX {
            return Err(self.error(format!("parentheses may be nested {} deep", limits::NESTING_MAX)));
        }
        self.depth += 1;
        let inner = self.or()?;
        self.depth -= 1;
        self.blank();
        if !self.take(")") {
            return Err(self.error("expected `)`, `and` or `or`"));
        }
        Ok(inner)
    }

    fn check(&mut self) -> Parsed<Expr> {
        self.blank();
        if self.take("(") {
            return self.parenthesis();
        }
        let at = self.at;
        if let Some(name) = self.field_name() {
            let field = self.field_behind(name, at)?;
            return self.comparison(Operand::Field(field), at);
        }
        if let Some(call) = self.call()? {
            return self.comparison(call, at);
        }
        match self.identifier() {
            Some(name) => Ok(Expr::Macro { name: name.to_owned(), at }),
            None if self.rest().is_empty() => Err(self.error("the condition ends too early")),
            None => Err(self.error("expected a field, a macro or `(`")),
        }
    }

    fn identifier(&mut self) -> Option<&'t str> {
        self.peek().filter(char::is_ascii_alphabetic)?;
        Some(self.take_while(|c| c.is_ascii_alphanumeric() || c == '_'))
    }

    /// `proc.name`: at least two names with a dot between.
    fn field_name(&mut self) -> Option<&'t str> {
        let start = self.at;
        let mut names = 0;
        let mut end = start;
        while self.identifier().is_some() {
            names += 1;
            end = self.at;
            if !self.take(".") {
                break;
            }
        }
        self.at = if names > 1 { end } else { start };
        (names > 1).then(|| &self.text[start..end])
    }

    /// The argument of a field, where it has one.
    fn field_behind(&mut self, name: &str, at: usize) -> Parsed<FieldName> {
        let mut field = FieldName { name: name.to_owned(), argument: None, at };
        if self.take("[") {
            let argument = match self.quoted()? {
                Some(text) => text,
                None => {
                    self.take_while(|c| !c.is_whitespace() && !matches!(c, '[' | ']' | '"' | '\'')).to_owned()
                }
            };
            if argument.is_empty() {
                return Err(self.error("expected the field's argument"));
            }
            if !self.take("]") {
                return Err(self.error("expected `]` behind the field's argument"));
            }
            field.argument = Some(argument);
        }
        Ok(field)
    }

    /// `tolower(proc.name)`, `val(proc.name)`.
    fn call(&mut self) -> Parsed<Option<Operand>> {
        let at = self.at;
        let found = Function::ALL
            .iter()
            .find(|(name, _)| self.rest().strip_prefix(name).is_some_and(|rest| rest.starts_with('(')));
        let Some((name, function)) = found else { return Ok(None) };
        self.at += name.len() + 1;
        let arguments = self.arguments()?;
        Ok(Some(Operand::Call { name: *function, arguments, at }))
    }

    /// Operands with commas between them, up to the `)`.
    fn arguments(&mut self) -> Parsed<Vec<Operand>> {
        if self.depth >= limits::NESTING_MAX {
            return Err(self.error(format!("parentheses may be nested {} deep", limits::NESTING_MAX)));
        }
        self.depth += 1;
        let mut arguments = Vec::new();
        loop {
            self.blank();
            arguments.push(self.argument()?);
            self.blank();
            if self.take(")") {
                break;
            }
            if !self.take(",") {
                return Err(self.error("expected `,` or `)` behind the argument"));
            }
        }
        self.depth -= 1;
        Ok(arguments)
    }

    fn argument(&mut self) -> Parsed<Operand> {
        let at = self.at;
        if let Some(call) = self.call()? {
            return Ok(call);
        }
        if let Some(name) = self.field_name() {
            return Ok(Operand::Field(self.field_behind(name, at)?));
        }
        if let Some(text) = self.quoted()? {
            return Ok(Operand::Constant(Word { text, is_quoted: true, at }));
        }
        if self.take("(") {
            return Ok(Operand::List(self.arguments()?));
        }
        let number = self.take_while(|c| c.is_ascii_digit());
        if number.is_empty() {
            return Err(self.error("expected a field, a quoted text or a number"));
        }
        Ok(Operand::Constant(Word { text: number.to_owned(), is_quoted: false, at }))
    }

    fn comparison(&mut self, left: Operand, at: usize) -> Parsed<Expr> {
        self.blank();
        let operator_at = self.at;
        let operator = self.operator()?;
        self.blank();
        let right = if operator == Operator::Exists {
            Right::Nothing
        } else if operator.takes_list() {
            self.list_or_operand()?
        } else {
            self.value_or_operand()?
        };
        Ok(Expr::Compare(Box::new(Compare { left, operator, right, at, operator_at })))
    }

    fn operator(&mut self) -> Parsed<Operator> {
        for (sign, operator) in Operator::SIGNS {
            if self.take(sign) {
                return Ok(*operator);
            }
        }
        for (word, operator) in Operator::WORDS {
            let Some(rest) = self.rest().strip_prefix(word) else { continue };
            // `exists` and the operators of lists may touch what follows, the others may not.
            let is_free = *operator == Operator::Exists || operator.takes_list();
            let ends = !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            if ends && (is_free || !rest.starts_with('(')) {
                self.at += word.len();
                return Ok(*operator);
            }
        }
        let word = self.rest().split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let mut error = self.error(if word.is_empty() {
            "expected an operator: `=`, `!=`, `in`, `contains`, `startswith`, `exists` or another".to_owned()
        } else {
            format!("`{}` is no operator", crate::diagnostic::shown(word))
        });
        let words = Operator::WORDS.iter().map(|(word, _)| *word);
        error.help = suggest::closest(word, words).map_or_else(String::new, |w| format!("write `{w}`"));
        Err(error)
    }

    fn value_or_operand(&mut self) -> Parsed<Right> {
        if let Some(call) = self.call()? {
            return Ok(Right::Operand(call));
        }
        let quantifiers =
            [("oneof", Quantifier::One), ("anyof", Quantifier::Any), ("allof", Quantifier::All)];
        for (word, quantifier) in quantifiers {
            let before = self.at;
            if self.take(word) {
                self.blank();
                if self.take("(") {
                    return Ok(Right::Quantified(quantifier, self.words()?));
                }
                self.at = before;
            }
        }
        self.word()?.map(Right::Word).ok_or_else(|| self.error("expected a value"))
    }

    fn list_or_operand(&mut self) -> Parsed<Right> {
        if self.take("(") {
            return Ok(Right::List(self.words()?));
        }
        if let Some(call) = self.call()? {
            return Ok(Right::Operand(call));
        }
        let at = self.at;
        match self.identifier() {
            Some(name) => Ok(Right::List(vec![Word { text: name.to_owned(), is_quoted: false, at }])),
            None => {
                let mut error = self.error("expected a list in parentheses");
                error.help = "write `in (a, b)`".to_owned();
                Err(error)
            }
        }
    }

    /// Words with commas between them, up to the `)`.
    fn words(&mut self) -> Parsed<Vec<Word>> {
        let mut words = Vec::new();
        self.blank();
        if self.take(")") {
            return Ok(words);
        }
        loop {
            self.blank();
            words.push(self.word()?.ok_or_else(|| self.error("expected a value"))?);
            self.blank();
            if self.take(")") {
                return Ok(words);
            }
            if !self.take(",") {
                return Err(self.error("expected `,` or `)` behind the value"));
            }
        }
    }

    fn word(&mut self) -> Parsed<Option<Word>> {
        let at = self.at;
        if let Some(text) = self.quoted()? {
            return Ok(Some(Word { text, is_quoted: true, at }));
        }
        let bare = self.take_while(is_bare);
        Ok((!bare.is_empty()).then(|| Word { text: bare.to_owned(), is_quoted: false, at }))
    }

    fn quoted(&mut self) -> Parsed<Option<String>> {
        let Some(quote) = self.peek().filter(|c| matches!(c, '"' | '\'')) else { return Ok(None) };
        let start = self.at;
        let (text, length) = unquote(self.rest(), quote).map_err(|(offset, message)| ParseError {
            at: start + offset,
            message,
            help: String::new(),
        })?;
        self.at += length;
        Ok(Some(text))
    }
}

fn negated(expr: Expr, is_negated: bool) -> Expr {
    if is_negated { Expr::Not(Box::new(expr)) } else { expr }
}

fn is_bare(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '(' | ')' | '"' | '\'' | '=' | ',')
}

/// The content of a quoted text and its length with both quotes. A backslash before a blank stands for the backslash
/// alone, as Falco has it for an old rule's sake.
pub(crate) fn unquote(text: &str, quote: char) -> Result<(String, usize), (usize, String)> {
    let mut content = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((offset, character)) = characters.next() {
        if character == quote {
            return Ok((content, offset + 1));
        }
        if character != '\\' {
            content.push(character);
            continue;
        }
        let Some((_, escaped)) = characters.next() else { break };
        content.push(match escaped {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            ' ' | '\\' => '\\',
            '/' => '/',
            _ if escaped == quote => quote,
            _ => return Err((offset, format!("`\\{escaped}` is no escape of a {quote}-quoted text"))),
        });
    }
    Err((0, format!("this {quote} has no closing {quote}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_bind_as_in_falco() {
        let check = |text: &str, same: &str| {
            let strip = |text| {
                format!("{:?}", parse(text))
                    .split("at: ")
                    .map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned())
                    .collect::<Vec<_>>()
            };
            assert_eq!(strip(text), strip(same));
        };
        check("a or b and c", "a or (b and c)");
        check("not a and b", "(not a) and b");
        check("not not a", "a");
        check("not(a)and(b)or(c)", "((not a) and b) or c");
        check("not not(a)", "(a)");
        check("notable", "(notable)");
        check("evt.type in(open,openat)", "evt.type in ( open , openat )");
        check("evt.type in ()", "evt.type in ( )");
        check("proc.name='sh'", "proc.name = \"sh\"");
        check("proc.name==\"sh\"", "proc.name == 'sh'");
    }

    #[test]
    fn what_is_no_condition_is_told_with_its_place() {
        let check = |text: &str, at: usize, message: &str| {
            let error = parse(text).err().map(|error| (error.at, error.message));
            assert!(
                error.as_ref().is_some_and(|(place, text)| *place == at && text.contains(message)),
                "{text}: {error:?}"
            );
        };
        check("", 0, "ends too early");
        check("a and", 5, "expected a blank");
        check("a and ", 6, "ends too early");
        check("(a", 2, "expected `)`");
        check("a)", 1, "closes nothing");
        check("proc.name", 9, "expected an operator");
        check("proc.name contians x", 10, "no operator");
        check("proc.name = ", 12, "expected a value");
        check("proc.name in sh)", 15, "closes nothing");
        check("proc.name in (sh", 16, "expected `,` or `)`");
        check("proc.name in (sh,)", 17, "expected a value");
        check("proc.name = \"sh", 12, "no closing");
        check("proc.name = \"\\x41\"", 13, "no escape");
        check("proc.aname[ = x", 11, "expected the field's argument");
        check("tolower(proc.name = x", 18, "expected `,` or `)`");
        let deep = format!("{}a{}", "(".repeat(5000), ")".repeat(5000));
        check(&deep, limits::NESTING_MAX + 1, "nested");
    }
}
