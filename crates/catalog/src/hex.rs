//! Erlang and Elixir packages of hex.pm: `mix.lock` and `rebar.lock`.
//!
//! Both are terms of their language with one tuple for each package: `{:hex, :NAME, "VERSION", …}` in Mix,
//! `{pkg,<<"NAME">>,<<"VERSION">>}` in rebar3. What comes from a repository has a commit and no version, and is not
//! taken; what is for development is not recorded.

use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};

use crate::document;
use crate::project;
use crate::{Catalog, Reader, lock};

pub(crate) const READERS: &[Reader] = &[
    Reader { name: "mix-lock", interest: mix_interest, read: read_mix },
    Reader { name: "rebar-lock", interest: rebar_interest, read: read_rebar },
];

#[inline(always)]
fn mix_interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::is_named(entry, "mix.lock") && !is_unpacked(entry.path), entry)
}

#[inline(always)]
fn rebar_interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::is_named(entry, "rebar.lock") && !is_unpacked(entry.path), entry)
}

/// `deps/NAME/mix.lock`: both tools unpack into `deps`, rebar3 into `_build/default/lib` too.
fn is_unpacked(path: &str) -> bool {
    let mut above = path.rsplit('/').skip(2);
    matches!(above.next(), Some("deps")) || path.contains("_build/")
}

fn read_mix(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(text) = document::text(entry, content, catalog) else {
        return;
    };
    if !text.trim().is_empty() && !text.trim_start().starts_with("%{") {
        return document::malformed(entry, catalog, "not a Mix lock file: it does not begin with `%{`");
    }
    catalog.declare_each_once(entry.path, text.split("{:hex, :").skip(1).filter_map(mix_package));
}

/// `plug, "1.15.1", "…`; a name with odd characters is quoted.
fn mix_package(tuple: &str) -> Option<Package> {
    let (name, rest) = tuple.split_once(',')?;
    let (version, _) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
    package(name.trim_matches('"'), version)
}

fn read_rebar(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(text) = document::text(entry, content, catalog) else {
        return;
    };
    if !text.trim().is_empty() && !text.trim_start().starts_with(['{', '[', '%']) {
        return document::malformed(entry, catalog, "not a rebar lock file: it is no list");
    }
    catalog.declare_each_once(entry.path, text.split("{pkg,<<\"").skip(1).filter_map(rebar_package));
}

/// `cowboy">>,<<"2.9.0">>},0}`.
fn rebar_package(tuple: &str) -> Option<Package> {
    let (name, rest) = tuple.split_once("\">>")?;
    let (version, _) = rest.trim_start_matches(',').trim_start().strip_prefix("<<\"")?.split_once("\">>")?;
    package(name, version)
}

fn package(name: &str, version: &str) -> Option<Package> {
    let is_word = |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == '"');
    (is_word(name) && is_word(version)).then(|| lock::locked(Ecosystem::Hex, name, version, false))
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn mix_is_read() {
        let lock = r#"%{
  "mime": {:hex, :mime, "2.0.5", "dc34", [:mix], [], "hexpm", "da0d"},
  "plug": {:hex, :plug, "1.15.1", "b7ef", [:mix], [{:mime, "~> 1.0 or ~> 2.0", [hex: :mime, repo: "hexpm", optional: false]}], "hexpm", "459497"},
  "forked": {:git, "https://github.com/a/forked.git", "0123", [tag: "v1"]},
  "cut": {:hex, :cut, "1
"#;
        check("app/mix.lock", lock, &["hex mime 2.0.5 locked", "hex plug 1.15.1 locked"]);
        check("app/deps/plug/mix.lock", lock, &[]);
        check("mix.lock", "hello", &["gap malformed: not a Mix lock file: it does not begin with `%{`"]);
        check("mix.lock", "%{}", &[]);
    }

    #[test]
    fn rebar_is_read() {
        check(
            "rebar.lock",
            r#"{"1.2.0",
[{<<"cowboy">>,{pkg,<<"cowboy">>,<<"2.9.0">>},0},
 {<<"forked">>,{git,"https://github.com/a/forked",{ref,"0123"}},0},
 {<<"alias">>,{pkg,<<"real">>,<<"1.0.0">>,<<"aa">>},1}]}.
[{pkg_hash,[{<<"cowboy">>, <<"86">>}]}]."#,
            &["hex cowboy 2.9.0 locked", "hex real 1.0.0 locked"],
        );
        check("rebar.lock", "hello", &["gap malformed: not a rebar lock file: it is no list"]);
    }
}
