//! The rules that Seawall brings, as they lie in `rules/guard`.

/// A file of the pack: its name and text, as [`crate::load`] takes them.
pub type PackFile = (&'static str, &'static str);

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$((concat!("rules/guard/", $name), include_str!(concat!("../../../rules/guard/", $name)))),+]
    };
}

/// In the order in which they load. A test compares it with the directory.
const FILES: &[PackFile] = files![
    "_words.yaml",
    "credentials.yaml",
    "dns.yaml",
    "escapes.yaml",
    "execution.yaml",
    "kernel.yaml",
    "miners.yaml",
    "network.yaml",
    "persistence.yaml",
    "shells.yaml",
    "tampering.yaml",
];

/// Parts a rule's `desc` of the pack: what it means stands before these words, what to do behind them.
const WHAT_TO_DO: &str = "What to do: ";

/// The pack, ready for [`crate::load`].
pub const fn pack() -> &'static [PackFile] {
    FILES
}

/// What a rule means, and what to do; the second is empty for rules that do not say it as the pack's do.
pub fn meaning_and_advice(description: &str) -> (&str, &str) {
    let (meaning, advice) = description.split_once(WHAT_TO_DO).unwrap_or((description, ""));
    (meaning.trim(), advice.trim())
}
