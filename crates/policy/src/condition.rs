//! CEL conditions (cel-spec) over one variable, of a clause `finding`, with a bound on what evaluating one may cost.
//!
//! CEL always ends, but macros in macros multiply: five levels of `all` over a list of a hundred are ten thousand million
//! steps. So the compiled expression is rewritten: whatever a call, a list, a map or a macro takes in goes through
//! [`CHARGE`] first, which takes its size off a budget and fails when that is used up. A condition that fails never lets a
//! finding pass ([`crate::Policy::judge`]).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::{Context, Env, ExecutionError, Value};
use seawall_finding::Finding;
use serde::Serialize;

use crate::limits::{CONDITION_BYTES_MAX, CONDITION_DEPTH_MAX, CONDITION_STEPS_MAX};

/// `@charge(value, steps)` is `value`; no source can spell the name.
const CHARGE: &str = "@charge";

/// A compiled CEL expression over one variable: of a clause `finding`, shaped as in the JSON report.
#[derive(Clone)]
pub struct Condition {
    source: String,
    expression: IdedExpr,
    env: Arc<Env>,
}

/// Why a condition could not be compiled or evaluated.
#[derive(Debug, thiserror::Error)]
#[error("CEL condition `{condition}`: {message}")]
pub struct ConditionError {
    condition: String,
    message: String,
}

impl Condition {
    /// Compiles an expression.
    ///
    /// # Errors
    /// It is not CEL, or longer or deeper than anybody writes.
    pub fn compile(source: &str) -> Result<Condition, ConditionError> {
        let error = |message: String| {
            let beginning: String = source.chars().take(200).collect();
            let dots = if beginning.len() < source.len() { "…" } else { "" };
            ConditionError { condition: beginning + dots, message }
        };
        if source.len() > CONDITION_BYTES_MAX {
            return Err(error(format!("it is longer than {CONDITION_BYTES_MAX} bytes")));
        }
        let env = Env::stdlib();
        let program = env.compile(source).map_err(|errors| error(errors.to_string()))?;
        if depth(program.expression()) > CONDITION_DEPTH_MAX {
            return Err(error(format!("it is nested more than {CONDITION_DEPTH_MAX} deep")));
        }
        let mut expression = program.expression().clone();
        meter(&mut expression);
        Ok(Condition { source: source.to_owned(), expression, env: Arc::new(env) })
    }

    /// Whether it holds for the finding.
    ///
    /// # Errors
    /// It fails, gives something other than a boolean, or takes too many steps.
    pub(crate) fn holds(&self, finding: &Finding) -> Result<bool, ConditionError> {
        self.holds_for("finding", finding)
    }

    /// Whether it holds where this variable has this value.
    ///
    /// # Errors
    /// It fails, gives something other than a boolean, or takes too many steps.
    pub fn holds_for(&self, variable: &str, value: impl Serialize) -> Result<bool, ConditionError> {
        let value = cel::to_value(value).map_err(|cause| self.error(cause.to_string()))?;
        self.evaluate(variable, value)
    }

    fn error(&self, message: String) -> ConditionError {
        ConditionError { condition: self.source.clone(), message }
    }

    fn evaluate(&self, variable: &str, value: Value) -> Result<bool, ConditionError> {
        let spent = Arc::new(AtomicU64::new(0));
        let mut context = Context::with_env(Arc::clone(&self.env));
        context.add_variable_from_value(variable, value);
        let meter = Arc::clone(&spent);
        let declared = context.add_function(CHARGE, move |value: Value, steps: i64| {
            charge(&meter, &value, u64::try_from(steps).unwrap_or(0)).map(|()| value)
        });
        declared.map_err(|cause| self.error(cause.to_string()))?;
        match Value::resolve(&self.expression, &context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(self.error(format!("it gives {other:?}, not true or false"))),
            Err(_) if spent.load(Ordering::Relaxed) > CONDITION_STEPS_MAX => Err(self.error(format!(
                "it takes more than {CONDITION_STEPS_MAX} steps: nest fewer macros (all, exists, map, filter)"
            ))),
            Err(cause) => Err(self.error(cause.to_string())),
        }
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.source).finish()
    }
}

/// Takes a value's size, and for each of its elements `steps`, off the budget.
fn charge(spent: &AtomicU64, value: &Value, steps: u64) -> Result<(), ExecutionError> {
    let left = CONDITION_STEPS_MAX.saturating_sub(spent.load(Ordering::Relaxed));
    let cost = size(value, left).saturating_add(steps.saturating_mul(elements(value)));
    match spent.fetch_add(cost.min(CONDITION_STEPS_MAX + 1), Ordering::Relaxed) + cost {
        total if total > CONDITION_STEPS_MAX => Err(ExecutionError::function_error(CHARGE, "too many steps")),
        _ => Ok(()),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "cel's values are open; all others are one step")]
fn elements(value: &Value) -> u64 {
    match value {
        Value::List(list) => list.len() as u64,
        Value::Map(map) => map.map.len() as u64,
        _ => 0,
    }
}

/// What it costs to copy a value; counts no further than `left`.
#[expect(clippy::wildcard_enum_match_arm, reason = "cel's values are open; all others are one step")]
fn size(value: &Value, left: u64) -> u64 {
    /// Text is copied and compared so fast.
    const BYTES_A_STEP: u64 = 32;
    let all = |sizes: &mut dyn Iterator<Item = &Value>| {
        let mut sum: u64 = 1;
        for value in sizes {
            if sum > left {
                break;
            }
            sum += size(value, left - sum);
        }
        sum
    };
    match value {
        Value::List(list) => all(&mut list.iter()),
        Value::Map(map) => all(&mut map.map.values()),
        Value::String(text) => 1 + text.len() as u64 / BYTES_A_STEP,
        Value::Bytes(bytes) => 1 + bytes.len() as u64 / BYTES_A_STEP,
        _ => 1,
    }
}

/// Levels of an expression: evaluation calls itself for each.
fn depth(node: &IdedExpr) -> usize {
    let entry = |entry: &EntryExpr| match entry {
        EntryExpr::StructField(field) => depth(&field.value),
        EntryExpr::MapEntry(entry) => depth(&entry.key).max(depth(&entry.value)),
    };
    let below = match &node.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => None,
        Expr::Select(select) => Some(depth(&select.operand)),
        Expr::List(list) => list.elements.iter().map(depth).max(),
        Expr::Map(map) => map.entries.iter().map(|one| entry(&one.expr)).max(),
        Expr::Struct(made) => made.entries.iter().map(|one| entry(&one.expr)).max(),
        Expr::Call(call) => call.target.iter().map(AsRef::as_ref).chain(&call.args).map(depth).max(),
        Expr::Comprehension(loops) => {
            let parts =
                [&loops.iter_range, &loops.accu_init, &loops.loop_cond, &loops.loop_step, &loops.result];
            parts.into_iter().map(depth).max()
        }
    };
    1 + below.unwrap_or(0)
}

/// Puts [`CHARGE`] around all that is handed on inside an expression; gives the number of its nodes.
fn meter(node: &mut IdedExpr) -> u64 {
    1 + match &mut node.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => 0,
        Expr::Select(select) => meter(&mut select.operand),
        Expr::List(list) => list.elements.iter_mut().map(metered).sum(),
        Expr::Map(map) => entries(map.entries.iter_mut().map(|entry| &mut entry.expr)),
        Expr::Struct(made) => entries(made.entries.iter_mut().map(|entry| &mut entry.expr)),
        Expr::Call(call) => {
            let is_copied = ![
                operators::LOGICAL_AND,
                operators::LOGICAL_OR,
                operators::LOGICAL_NOT,
                operators::CONDITIONAL,
                operators::NOT_STRICTLY_FALSE,
            ]
            .contains(&call.func_name.as_str());
            let taken = call.target.iter_mut().map(AsMut::as_mut).chain(&mut call.args);
            taken.map(if is_copied { metered } else { meter }).sum()
        }
        Expr::Comprehension(loops) => {
            let parts = [&mut loops.accu_init, &mut loops.loop_cond, &mut loops.loop_step, &mut loops.result];
            let body = parts.into_iter().map(meter).sum::<u64>();
            let range = meter(&mut loops.iter_range);
            wrap(&mut loops.iter_range, body);
            body + range
        }
    }
}

fn entries<'e>(entries: impl Iterator<Item = &'e mut EntryExpr>) -> u64 {
    let entry = |entry: &mut EntryExpr| match entry {
        EntryExpr::StructField(field) => metered(&mut field.value),
        EntryExpr::MapEntry(entry) => metered(&mut entry.key) + metered(&mut entry.value),
    };
    entries.map(entry).sum()
}

/// Meters what is taken in by what is around it.
fn metered(node: &mut IdedExpr) -> u64 {
    let nodes = meter(node);
    match &node.expr {
        // The list of a macro's own `@result + [item]`, which cel knows by its shape to append in place; the item itself
        // is charged, and so is each element of any other list.
        Expr::List(_) | Expr::Literal(_) | Expr::Unspecified => {}
        Expr::Ident(name) if name.starts_with('@') => {}
        Expr::Ident(_)
        | Expr::Select(_)
        | Expr::Map(_)
        | Expr::Struct(_)
        | Expr::Call(_)
        | Expr::Comprehension(_) => wrap(node, 0),
    }
    nodes
}

fn wrap(node: &mut IdedExpr, steps: u64) {
    let id = node.id;
    let steps = i64::try_from(steps).unwrap_or(i64::MAX);
    let steps = IdedExpr { id, expr: Expr::Literal(LiteralValue::Int(steps.into())) };
    let value = std::mem::take(node);
    let call = CallExpr { func_name: CHARGE.to_owned(), target: None, args: vec![value, steps] };
    *node = IdedExpr { id, expr: Expr::Call(call) };
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn finding() -> Value {
        let fields = [("rule", "vulnerable-package"), ("severity", "high")];
        fields.into_iter().collect::<std::collections::HashMap<_, _>>().into()
    }

    /// An expression: what it gives for a finding, or a part of why it does not.
    fn check(source: &str, expected: &str) {
        let started = Instant::now();
        let outcome =
            match Condition::compile(source).and_then(|condition| condition.evaluate("finding", finding())) {
                Ok(holds) => holds.to_string(),
                Err(error) => error.to_string(),
            };
        assert!(outcome.contains(expected), "{source}: {outcome}");
        assert!(started.elapsed() < Duration::from_secs(5), "{source}: {:?}", started.elapsed());
    }

    #[test]
    fn conditions_mean_what_cel_says() {
        check("true", "true");
        check("finding.severity == 'high' || size(finding.rule) > 3", "true");
        check("[1, 2, 3].all(x, x > 0) && [1, 2].exists(x, x == 2) && [1, 2].exists_one(x, x == 2)", "true");
        check("[1, 2, 3].filter(x, x > 1).map(x, x * 2) == [4, 6]", "true");
        check("{'a': 1, 'b': [2]}.all(k, k in ['a', 'b'])", "true");
        check("has(finding.severity) && !has(finding.nothing)", "true");
        check("[1].map(x, [2].map(y, x + y)) == [[3]]", "true");
        check("[0, 1].exists(x, 1 / x == 1)", "true");
        check("'a' + 'b' + 'c' == 'abc' ? [1] + [2] == [1, 2] : false", "true");
        check("size(finding)", "not true or false");
        check("nothing.x", "Undeclared reference to 'nothing'");
        check("@charge(1, 2) == 1", "CEL condition");
        check("1 +", "CEL condition `1 +`");
    }

    #[test]
    fn a_condition_that_multiplies_is_given_up() {
        let list = format!("[{}]", vec!["1"; 100].join(","));
        let nested = |macros: &str, inner: &str| {
            ["a", "b", "c", "d", "e"]
                .iter()
                .fold(inner.to_owned(), |inner, name| format!("{list}.{macros}({name}, {inner})"))
        };
        let too_many = "takes more than";
        check(&nested("all", "true"), too_many);
        check(&nested("exists", "false"), too_many);
        check(&format!("size({}) > 0", nested("map", "1")), too_many);
        // Text that doubles with each level.
        let doubled = (0..40).fold("['xxxxxxxx']".to_owned(), |inner, _| format!("{inner}.map(t, t + t)"));
        check(&format!("{doubled} == []"), too_many);
        let lists = (0..40).fold("[[1, 2]]".to_owned(), |inner, _| format!("{inner}.map(t, [t, t])"));
        check(&format!("{lists} == []"), too_many);
        let compared = format!("{list}.all(a, {list}.all(b, {list} + {list} == {list} + {list}))");
        check(&compared, too_many);
        check(&format!("'{}' == ''", "x".repeat(CONDITION_BYTES_MAX)), "it is longer than");
        // What somebody may well write is far from it.
        let pairs = format!("{list}.all(a, {list}.all(b, a == b))");
        check(&pairs, "true");
    }

    #[test]
    fn deep_conditions_do_not_overflow_the_stack() {
        let deep = format!("{}true{}", "!(".repeat(40), ")".repeat(40));
        check(&deep, "true");
        let deep = format!("{}1{} > 0", "(1 + ".repeat(80), ")".repeat(80));
        check(&deep, "true");
        check(&format!("{} > 0", vec!["1"; 90].join("+")), "true");
        check(&format!("{} > 0", vec!["1"; 2000].join("+")), "nested more than 96 deep");
        check(&vec!["true"; 600].join("&&"), "true");
        check(&format!("finding{}", ".x".repeat(2000)), "nested more than 96 deep");
        check(&format!("{}true", "!".repeat(4000)), "true");
    }
}
