//! Every version order: no panic, and an order that contradicts itself is a crash.
#![no_main]

use std::cmp::Ordering;

use libfuzzer_sys::fuzz_target;
use seawall_advisory::Order;
use seawall_inventory::Ecosystem;

fuzz_target!(|input: (u8, &str, &str, &str)| {
    let (order, one, two, three) = input;
    let order = Order::of(Ecosystem::ALL[usize::from(order) % Ecosystem::ALL.len()]);
    let (Some(one_two), Some(two_three)) = (order.compare(one, two), order.compare(two, three)) else { return };
    assert_eq!(order.compare(two, one), Some(one_two.reverse()), "{} {one:?} {two:?}", order.name());
    assert_eq!(order.compare(one, one), Some(Ordering::Equal), "{} {one:?}", order.name());
    // Transitive: a <= b and b <= c give a <= c. Maven's own order, which ours follows, is not: `-0alpha61`, `0-`, `0g`.
    if order != Order::Maven && one_two != Ordering::Greater && two_three != Ordering::Greater {
        let one_three = order.compare(one, three);
        let name = order.name();
        assert!(one_three.is_some_and(|order| order != Ordering::Greater), "{name} {one:?} {two:?} {three:?}");
    }
});
