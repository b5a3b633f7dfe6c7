//! Makes what fails shorter.

use crate::network::simulate;
use crate::plan::Plan;

/// The shortest list that can be had from `items` by leaving some out, and still `fails`.
///
/// First whole stretches are left out, then shorter ones (Zeller's delta debugging); of the rest
/// no single one can be spared.
pub fn shrink<T: Clone>(items: Vec<T>, fails: impl Fn(&[T]) -> bool) -> Vec<T> {
    let mut shortest = items;
    let mut stretch = shortest.len().div_ceil(2);
    while stretch > 0 {
        let mut from = 0;
        let mut shorter = false;
        while from < shortest.len() {
            let mut candidate = shortest.clone();
            let to = (from + stretch).min(candidate.len());
            candidate.drain(from..to);
            if fails(&candidate) {
                shortest = candidate;
                shorter = true;
            } else {
                from += stretch;
            }
        }
        if !(shorter && stretch == 1) {
            stretch /= 2;
        }
    }
    shortest
}

/// The shortest plan that can be had from `plan` by leaving actions out, and still breaks this
/// statement.
pub fn shrink_plan(plan: &Plan, statement: u8) -> Plan {
    let with = |actions: &[_]| Plan {
        actions: actions.to_vec(),
        ..plan.clone()
    };
    let fails = |actions: &[_]| {
        let violations = simulate(&with(actions), false).violations;
        violations.iter().any(|v| v.statement == statement)
    };
    with(&shrink(plan.actions.clone(), fails))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_what_it_takes_to_fail() {
        let fails = |items: &[u8]| items.contains(&3) && items.contains(&17);
        assert_eq!(shrink((0..40).collect(), fails), [3, 17]);
        assert_eq!(shrink((0..40).collect(), |_| true), [0; 0]);
    }

    #[test]
    fn what_can_be_spared_once_something_else_is_gone_is_not_left() {
        let fails = |items: &[u8]| [&[1, 2, 4][..], &[1, 4], &[4]].contains(&items);
        assert_eq!(shrink(vec![1, 2, 3, 4], fails), [4]);
    }
}
