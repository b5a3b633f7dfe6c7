//! Makes a plan that fails shorter.

use crate::network::simulate;
use crate::plan::Plan;

/// The shortest plan that can be had from `plan` by leaving actions out, and still fails.
///
/// First whole stretches are left out, then shorter ones (Zeller's delta debugging); of the rest
/// no single action can be spared.
pub fn shrink(plan: Plan) -> Plan {
    let mut shortest = plan;
    let mut stretch = shortest.actions.len().div_ceil(2);
    while stretch > 0 {
        let mut from = 0;
        let mut shorter = false;
        while from < shortest.actions.len() {
            let mut candidate = shortest.clone();
            let to = (from + stretch).min(candidate.actions.len());
            candidate.actions.drain(from..to);
            if simulate(&candidate, false).violations.is_empty() {
                from += stretch;
            } else {
                shortest = candidate;
                shorter = true;
            }
        }
        if !(shorter && stretch == 1) {
            stretch /= 2;
        }
    }
    shortest
}
