//! Label selectors, and which of many pods they select without a look at each.

use std::collections::{BTreeMap, HashMap};

use crate::document::At;
use crate::kubernetes::texts;

/// Labels of a pod.
pub(super) type Labels = BTreeMap<String, String>;

/// A label selector; an empty one selects all.
#[derive(Debug, Default)]
pub(super) struct Selector {
    labels: Labels,
    expressions: Vec<Expression>,
}

#[derive(Debug)]
struct Expression {
    key: String,
    operator: String,
    values: Vec<String>,
}

impl Selector {
    /// With `matchLabels` and `matchExpressions`.
    pub(super) fn read(at: &At<'_>) -> Selector {
        let expression = |at: &At<'_>| Expression {
            key: at.str("key").unwrap_or_default().to_owned(),
            operator: at.str("operator").unwrap_or_default().to_owned(),
            values: at.texts("values").into_iter().map(|given| given.value).collect(),
        };
        Selector {
            labels: at.get("matchLabels").map(|at| texts(&at)).unwrap_or_default(),
            expressions: at.list("matchExpressions").iter().map(expression).collect(),
        }
    }

    /// A map of labels, as services have it.
    pub(super) fn plain(at: &At<'_>) -> Selector {
        Selector { labels: texts(at), expressions: Vec::new() }
    }

    /// Whether it selects labels. An operator that is not known selects nothing.
    pub(super) fn selects(&self, labels: &Labels) -> bool {
        let has_all = self.labels.iter().all(|(key, value)| labels.get(key) == Some(value));
        let holds = |expression: &Expression| {
            let label = labels.get(&expression.key);
            let is_listed = label.is_some_and(|label| expression.values.contains(label));
            match expression.operator.as_str() {
                "In" => is_listed,
                "NotIn" => !is_listed,
                "Exists" => label.is_some(),
                "DoesNotExist" => label.is_none(),
                _ => false,
            }
        };
        has_all && self.expressions.iter().all(holds)
    }
}

/// The pods of a namespace.
#[derive(Debug, Default)]
pub(super) struct Pods {
    all: Vec<Labels>,
    /// Key and value → the pods that have it.
    by_label: HashMap<(String, String), Vec<usize>>,
}

impl Pods {
    pub(super) fn push(&mut self, labels: Labels) {
        for (key, value) in &labels {
            self.by_label.entry((key.clone(), value.clone())).or_default().push(self.all.len());
        }
        self.all.push(labels);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The pods that a selector may select: those with its rarest label, or all where it wants none.
    pub(super) fn candidates(&self, selector: &Selector) -> Vec<&Labels> {
        let pods = |(key, value): (&String, &String)| {
            self.by_label.get(&(key.clone(), value.clone())).map(Vec::as_slice).unwrap_or_default()
        };
        match selector.labels.iter().map(pods).min_by_key(|pods| pods.len()) {
            Some(pods) => pods.iter().filter_map(|pod| self.all.get(*pod)).collect(),
            None => self.all.iter().collect(),
        }
    }
}

/// The network policies of a namespace.
#[derive(Debug, Default)]
pub(super) struct Policies {
    all: Vec<Selector>,
    /// The first label that each wants → the policies.
    by_label: HashMap<(String, String), Vec<usize>>,
    /// Those that want no label.
    others: Vec<usize>,
}

impl Policies {
    pub(super) fn push(&mut self, selector: Selector) {
        let at = self.all.len();
        match selector.labels.first_key_value() {
            Some((key, value)) => self.by_label.entry((key.clone(), value.clone())).or_default().push(at),
            None => self.others.push(at),
        }
        self.all.push(selector);
    }

    /// The selectors that may select a pod.
    pub(super) fn candidates(&self, labels: &Labels) -> Vec<&Selector> {
        let named = labels.iter().filter_map(|(key, value)| self.by_label.get(&(key.clone(), value.clone())));
        named.flatten().chain(&self.others).filter_map(|at| self.all.get(*at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(app: &str) -> Labels {
        Labels::from([("app".to_owned(), app.to_owned()), ("tier".to_owned(), "web".to_owned())])
    }

    #[test]
    fn what_has_a_rare_label_is_compared_with_few() {
        let (mut pods, mut policies) = (Pods::default(), Policies::default());
        for number in 0..1000 {
            let labels = labels(&format!("a{number}"));
            policies.push(Selector { labels: labels.clone(), expressions: Vec::new() });
            pods.push(labels);
        }
        policies.push(Selector::default());
        let check = |app: &str, expected: (usize, usize)| {
            let selector = Selector { labels: labels(app), expressions: Vec::new() };
            let seen = (pods.candidates(&selector).len(), policies.candidates(&labels(app)).len());
            assert_eq!(seen, expected, "{app}");
        };
        check("a7", (1, 2));
        check("absent", (0, 1));
        assert_eq!(pods.candidates(&Selector::default()).len(), 1000);
    }
}
