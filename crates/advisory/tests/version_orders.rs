//! Version orders against what the programs that own them answer.

use std::cmp::Ordering;

use seawall_advisory::Order;

/// `sign` is `<`, `=`, `>` or `?`; both directions must agree.
fn check(order: Order, left: &str, sign: char, right: &str) {
    let expected = match sign {
        '<' => Some(Ordering::Less),
        '=' => Some(Ordering::Equal),
        '>' => Some(Ordering::Greater),
        _ => None,
    };
    assert_eq!(order.compare(left, right), expected, "{}: {left} {sign} {right}", order.name());
    assert_eq!(
        order.compare(right, left),
        expected.map(Ordering::reverse),
        "{}: {right} against {left}",
        order.name()
    );
}

#[test]
fn cases_that_scanners_got_wrong() {
    for (order, left, sign, right) in [
        (Order::Deb, "1.0~rc1", '<', "1.0"),
        (Order::Deb, "1:0.9", '>', "2.0"),
        (Order::Deb, "1.0-1~deb12u1", '<', "1.0-1"),
        (Order::Deb, "1.0-1+b1", '>', "1.0-1"),
        (Order::Deb, "1.0", '=', "1.0-0"),
        (Order::Deb, "N/A", '?', "1.0"),
        (Order::Rpm, "1.0-1.el9", '<', "1:0.1-1.el9"),
        (Order::Rpm, "0:1.0-1", '=', "1.0-1"),
        (Order::Rpm, "1.0^git1-1", '>', "1.0-1"),
        (Order::Rpm, "1.0~rc1-1", '<', "1.0-1"),
        (Order::Apk, "1.1.1t-r2", '<', "1.1.1t-r10"),
        (Order::Apk, "1.0_rc1-r0", '<', "1.0-r0"),
        (Order::Apk, "9.9_p1-r2", '>', "9.9-r5"),
        (Order::Apk, "1.0-foo", '?', "1.0"),
        (Order::Semver, "1.0.0-alpha.9", '<', "1.0.0-alpha.10"),
        (Order::Semver, "1.0.0+a", '=', "1.0.0+b"),
        (Order::Semver, "0", '<', "0.0.1"),
        (Order::Npm, "v1.2.3", '=', "=1.2.3"),
        (Order::Npm, "1.2.3beta", '<', "1.2.3"),
        (Order::Pep440, "1.0.post1", '>', "1.0"),
        (Order::Pep440, "1.0.dev1", '<', "1.0a1"),
        (Order::Pep440, "1!1.0", '>', "2024.1"),
        (Order::Pep440, "2004d", '?', "2004"),
        (Order::Golang, "go1.21rc1", '=', "1.21.0-rc.1"),
        (Order::Golang, "go1.21.0 X:boringcrypto", '=', "1.21.0"),
        (Order::Golang, "v0.0.0-20200622213623-75b288015ac9", '<', "0.1.0"),
        (Order::Golang, "v2.0.0+incompatible", '=', "2.0.0"),
        (Order::Golang, "(devel)", '?', "1.0.0"),
        (Order::Golang, "go1.21rc2", '>', "1.21.0-0"),
    ] {
        check(order, left, sign, right);
    }
}

/// Reads `left<TAB>right<TAB>sign` lines and wants every answer to be ours too.
fn check_vectors(order: Order, vectors: &str) {
    let mut wrong = Vec::new();
    for line in vectors.lines() {
        let mut fields = line.split('\t');
        let (Some(left), Some(right), Some(sign)) = (fields.next(), fields.next(), fields.next()) else {
            panic!("{}: not three fields: {line:?}", order.name());
        };
        let expected = match sign {
            "-1" => Some(Ordering::Less),
            "0" => Some(Ordering::Equal),
            "1" => Some(Ordering::Greater),
            "?" => None,
            _ => panic!("{}: not a sign: {line:?}", order.name()),
        };
        let answers = [order.compare(left, right), order.compare(right, left).map(Ordering::reverse)];
        let readable = order.parses(left) && order.parses(right);
        if answers != [expected; 2] || readable != expected.is_some() {
            wrong.push(format!("{line} but {answers:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}: {} of {} differ:\n{}",
        order.name(),
        wrong.len(),
        vectors.lines().count(),
        wrong.join("\n")
    );
    assert!(vectors.lines().count() > 30, "{}: too few vectors", order.name());
}

macro_rules! vectors {
    ($($name:ident $order:ident $file:literal),+ $(,)?) => {$(
        #[test]
        fn $name() {
            check_vectors(Order::$order, include_str!(concat!("vectors/", $file)));
        }
    )+};
}

vectors! {
    deb_as_dpkg Deb "deb.tsv",
    rpm_as_librpm Rpm "rpm.tsv",
    apk_as_apk_tools Apk "apk.tsv",
    alpm_as_vercmp Alpm "alpm.tsv",
    semver_as_cargo Semver "semver.tsv",
    npm_as_node_semver Npm "npm.tsv",
    pep440_as_packaging Pep440 "pep440.tsv",
    golang_as_x_mod Golang "golang.tsv",
    maven_as_comparable_version Maven "maven.tsv",
    gem_as_gem_version Gem "gem.tsv",
    composer_as_composer_semver Composer "composer.tsv",
}
