//! The criteria of a definition → statements about packages, each with the platforms, architecture and module that hold
//! around it.

use super::meaning::Meaning;

/// A node of the tree of criteria.
#[derive(Debug)]
pub(super) enum Node {
    Criteria { is_and: bool, negate: bool, children: Vec<Node> },
    Criterion(Meaning),
}

/// Something said of a package, with what must hold for it.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) meaning: Meaning,
    pub(super) platforms: Vec<String>,
    pub(super) architecture: Option<String>,
    pub(super) module: Option<String>,
}

#[derive(Clone, Default)]
struct Context {
    platforms: Vec<String>,
    architecture: Option<String>,
    module: Option<String>,
}

/// Collects the statements. The depth of the tree is limited where it is built.
pub(super) fn statements(root: &Node, found: &mut Vec<Statement>) {
    collect(root, &Context::default(), found);
}

fn collect(node: &Node, around: &Context, found: &mut Vec<Statement>) {
    match node {
        Node::Criterion(meaning) if meaning.is_about_a_package() => found.push(Statement {
            meaning: meaning.clone(),
            platforms: around.platforms.clone(),
            architecture: around.architecture.clone(),
            module: around.module.clone(),
        }),
        Node::Criterion(_) => {}
        Node::Criteria { negate: true, .. } => {}
        Node::Criteria { is_and, children, .. } => {
            let mut here = around.clone();
            if *is_and {
                children.iter().for_each(|child| here.add(child));
            }
            for child in children {
                collect(child, &here, found);
            }
        }
    }
}

impl Context {
    /// Adds what a child of an AND says of the surroundings: a criterion, or an OR of nothing but platforms.
    fn add(&mut self, child: &Node) {
        match child {
            Node::Criterion(Meaning::Platform(platform)) => self.platforms.push(platform.clone()),
            Node::Criterion(Meaning::Architecture(architecture)) => {
                self.architecture = Some(architecture.clone())
            }
            Node::Criterion(Meaning::Module(module)) => self.module = Some(module.clone()),
            Node::Criterion(
                Meaning::Earlier { .. } | Meaning::Installed(_) | Meaning::Stated { .. } | Meaning::Other,
            ) => {}
            Node::Criteria { children, negate: false, .. } => {
                let platform = |node: &Node| match node {
                    Node::Criterion(Meaning::Platform(platform)) => Some(platform.clone()),
                    Node::Criterion(_) | Node::Criteria { .. } => None,
                };
                let platforms: Option<Vec<String>> = children.iter().map(platform).collect();
                self.platforms.extend(platforms.into_iter().flatten());
            }
            Node::Criteria { .. } => {}
        }
    }
}
