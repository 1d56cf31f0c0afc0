use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::testing::{digest, local, pinned, place, site};

#[test]
fn only_what_was_verified_is_allowed() {
    let site = site("", Duration::ZERO);
    site.check(&pinned('a'), "allowed a.b/team/app@sha256:aaaa");
    site.check("a.b/team/app:1", "allowed a.b/team/app:1@sha256:aaaa");
    site.check(&pinned('b'), "has no signature [image-signature-missing]. What helps: `seawall sign` by key");
    site.check(&pinned('c'), "another key");
    site.check(&pinned('d'), "could not be verified: status 503");
    site.check("a.b/team/app:gone", "the registry does not answer");
    site.check("a.b/other/app:1", "no requirement of the policy is about");
    site.check("A B", "is not an image reference");
    assert!(!site.decide(vec![Wanted::remote(&pinned('a')), Wanted::remote(&pinned('b'))]).allowed);
}

#[test]
fn a_tag_that_moves_moves_nothing() {
    let site = site("", Duration::ZERO);
    site.check("a.b/team/app:1", "allowed a.b/team/app:1@sha256:aaaa");
    *site.tags.lock().unwrap() = 'b';
    // What was verified was a digest: the tag is asked for anew, and what it means now is not signed.
    site.check("a.b/team/app:1", "has no signature");
    site.check(&pinned('a'), "allowed");
}

#[test]
fn what_is_verified_is_remembered_and_what_is_not_only_shortly() {
    let site = site("", Duration::ZERO);
    let asked = || site.asked.load(Ordering::SeqCst);
    let wait = |seconds: i64| {
        let mut time = site.time.lock().unwrap();
        *time = time.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    };
    site.check(&pinned('a'), "allowed");
    site.check(&pinned('a'), "allowed");
    assert_eq!(asked(), 1);
    wait(3599);
    site.check(&pinned('a'), "allowed");
    assert_eq!(asked(), 1);
    site.admission.refresh();
    assert_eq!(asked(), 2, "it is in use and ends soon");
    wait(3);
    site.check(&pinned('a'), "allowed");
    assert_eq!(asked(), 2);
    wait(3601);
    site.check(&pinned('a'), "allowed");
    assert_eq!(asked(), 3);
    site.check(&pinned('b'), "no signature");
    site.check(&pinned('b'), "no signature");
    assert_eq!(asked(), 4);
    wait(11);
    site.check(&pinned('b'), "no signature");
    assert_eq!(asked(), 5);
}

#[test]
fn those_who_ask_together_ask_once() {
    let site = site("", Duration::from_millis(100));
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| site.check(&pinned('a'), "allowed"));
        }
    });
    assert_eq!(site.asked.load(Ordering::SeqCst), 1);
    assert_eq!(site.admission.core.flights.count(), 0);
}

#[test]
fn what_comes_late_is_denied_and_there_the_next_time() {
    let site = site("", Duration::from_millis(300));
    let request = Request {
        place: place(),
        images: vec![Wanted::remote(&pinned('a'))],
        within: Duration::from_millis(50),
    };
    let decision = site.admission.decide(&request);
    assert!(!decision.allowed && decision.reasons().concat().contains("within 50 ms"), "{decision:?}");
    std::thread::sleep(Duration::from_millis(600));
    assert!(site.admission.decide(&request).allowed);
}

#[test]
fn an_engines_own_image_is_what_it_was_where_it_came_from() {
    let site = site("", Duration::ZERO);
    let check = |image: Wanted, expected: &str| {
        let decision = site.decide(vec![image]);
        let shown = if decision.allowed { "allowed".to_owned() } else { decision.reasons().concat() };
        assert!(shown.contains(expected), "{shown}");
    };
    let ours = Some("a.b/team/app:1");
    check(local('1', ours, &['a']), "allowed");
    check(local('1', None, &['a']), "allowed");
    check(local('a', None, &['a']), "allowed");
    check(local('1', Some("plain"), &['a']), "allowed");
    check(local('1', ours, &['b', 'a']), "allowed");
    check(local('1', ours, &['b']), "no signature");
    check(local('1', None, &[]), "no digest of a registry");
    check(local('1', ours, &[]), "did not come from a.b/team/app");
    check(local('1', Some("a.b/team/other:1"), &['a']), "did not come from a.b/team/other");
    check(local('e', ours, &['a']), "status 503");
    check(local('f', ours, &['a']), "is not what sha256:aaaa");
    let by_digest = format!("a.b/team/app@{}", digest('b'));
    check(local('1', Some(&by_digest), &['a']), "did not come from");
}

#[test]
fn an_engines_image_is_revoked_by_each_of_its_digests() {
    let check = |revoked: char, expected: &str| {
        let more =
            format!("  - {{images: [x.y/z], keys: [our.pub], revoked-digests: ['{}']}}\n", digest(revoked));
        let site = site(&more, Duration::ZERO);
        let decision = site.decide(vec![local('1', Some("a.b/team/app:1"), &['a', 'b'])]);
        let shown = if decision.allowed { "allowed".to_owned() } else { decision.reasons().concat() };
        assert!(shown.contains(expected), "{revoked}: {shown}");
    };
    for digit in ['1', 'a', 'b'] {
        check(digit, "is revoked [image-revoked]");
    }
    check('2', "allowed");
}

#[test]
fn a_waiver_has_an_owner_and_an_end() {
    let waiver = |what: &str, until: &str| {
        format!("waivers: [{{{what}, reason: it burns, owner: ops, expires: {until}}}]\n")
    };
    let check = |more: &str, image: &str, expected: &str| site(more, Duration::ZERO).check(image, expected);
    check(&waiver("rule: image-unverifiable", "2026-06-01"), &pinned('d'), "allowed");
    check(&waiver("rule: image-unverifiable", "2026-05-31"), &pinned('d'), "expired on 2026-05-31");
    check(&waiver("rule: image-unverifiable", "2026-06-01"), &pinned('b'), "no signature");
    check(&waiver("image: 'a.b/team/*'", "2026-06-01"), &pinned('b'), "allowed");
    check(&waiver("image: 'a.b/*'", "2026-06-01"), &pinned('b'), "no signature");
    let site = site(&waiver("rule: image-unverifiable", "2026-06-01"), Duration::ZERO);
    let told = site.decide(vec![Wanted::remote(&pinned('d'))]).leniences();
    assert!(told.concat().contains("waived by ops until 2026-06-01: it burns"), "{told:?}");
}

#[test]
fn what_a_trust_policy_only_logs_is_told_each_time() {
    let site = site("", Duration::ZERO);
    for asked in [1, 1] {
        let decision = site.decide(vec![Wanted::remote(&pinned('7'))]);
        assert!(decision.allowed && decision.reasons().is_empty(), "{decision:?}");
        let [expired, long] = decision.leniences().try_into().unwrap();
        assert_eq!(expired, format!("{}: notation's trust policy only logs: it expired", pinned('7')));
        assert!(long.len() < 500, "{long}");
        assert_eq!(site.asked.load(Ordering::SeqCst), asked, "the second time it is remembered");
    }
    assert!(site.decide(vec![Wanted::remote(&pinned('a'))]).leniences().is_empty());
}

#[test]
fn warning_and_audit_let_pass_and_tell() {
    for mode in ["warn", "audit"] {
        let site = site(&format!("admission: {{mode: {mode}}}\n"), Duration::ZERO);
        let decision = site.decide(vec![Wanted::remote(&pinned('b'))]);
        assert!(decision.allowed && decision.reasons().concat().contains("no signature"), "{decision:?}");
    }
}

/// Names and meanings as hostile as they come.
fn wanted() -> impl Strategy<Value = (Wanted, bool)> {
    let hex = prop::sample::select(vec!['a', 'b', 'c', 'd', '0']);
    let name = prop::sample::select(vec!["a.b/team/app", "a.b/team/other", "evil.example/x", "plain", ""]);
    let remote = (name.clone(), hex.clone(), any::<bool>()).prop_map(|(name, digit, has_digest)| {
        let text = if has_digest { format!("{name}@{}", digest(digit)) } else { format!("{name}:gone") };
        let is_good = has_digest && digit == 'a' && name.starts_with("a.b/team/");
        (Wanted::remote(&text), is_good)
    });
    let id = prop::sample::select(vec!['1', 'e', 'f']);
    let origins = prop::collection::vec(hex, 0..4);
    let local = (id, prop::option::of(name), origins).prop_map(|(id, name, origins)| {
        let name = name.filter(|name| !name.is_empty());
        let is_good = id == '1' && origins.contains(&'a') && name != Some("a.b/team/other");
        (local(id, name, &origins), is_good)
    });
    let text =
        ".{0,40}".prop_map(|text| (Wanted { written: text, meant: Err("nobody knows".to_owned()) }, false));
    prop_oneof![remote, local, text]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// No request with an image that is not verified is ever allowed, whatever stands beside it and in whatever order.
    #[test]
    fn nothing_that_is_not_verified_is_ever_allowed(images in prop::collection::vec(wanted(), 1..6)) {
        let site = site("", Duration::ZERO);
        let mut seen = std::collections::BTreeSet::new();
        let images: Vec<(Wanted, bool)> =
            images.into_iter().filter(|(image, _)| seen.insert(image.written.clone())).collect();
        let expected = images.iter().all(|(_, is_good)| *is_good);
        let wanted: Vec<Wanted> = images.into_iter().map(|(image, _)| image).collect();
        // Twice: what the cache answers is the same.
        for _ in 0..2 {
            prop_assert_eq!(site.decide(wanted.clone()).allowed, expected);
        }
    }
}
