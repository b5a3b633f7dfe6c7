//! Makes what fails shorter.

use crate::plan::{Action, CLIENTS, Plan};
use crate::step::{Length, Step};

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

/// Like [`shrink`], for steps, of which those that are left are as plain as they can be.
pub fn shrink_steps(steps: Vec<Step>, fails: impl Fn(&[Step]) -> bool) -> Vec<Step> {
    let plainest = |steps: Vec<Step>| plainest(steps, plainer, &fails);
    settled(steps, |steps| plainest(shrink(steps, &fails)))
}

/// The shortest plan that can be had from `plan` and still `fails`: without actions, IRC, labels
/// and yields that it can do without, and with the roomiest configuration if that does.
pub fn shrink_plan(plan: Plan, fails: impl Fn(&Plan) -> bool) -> Plan {
    settled(plan, |mut plan| {
        let with = |actions: &[_], plan: &Plan| Plan {
            actions: actions.to_vec(),
            ..plan.clone()
        };
        let actions = plan.actions.clone();
        let actions = shrink(actions, |actions| fails(&with(actions, &plan)));
        plan.actions = plainest(actions, plainer_action, |actions| {
            fails(&with(actions, &plan))
        });
        for change in changes() {
            let mut plainer = plan.clone();
            change(&mut plainer);
            if plainer != plan && fails(&plainer) {
                plan = plainer;
            }
        }
        plan
    })
}

/// What comes of `pass` once it changes nothing any more. Each change makes something smaller, so
/// that this has an end.
fn settled<T: Clone + PartialEq>(mut value: T, pass: impl Fn(T) -> T) -> T {
    loop {
        let next = pass(value.clone());
        if next == value {
            return value;
        }
        value = next;
    }
}

/// Puts plainer items in the place of others while the whole still `fails`.
fn plainest<T: Clone>(
    mut items: Vec<T>,
    plainer: impl Fn(&T) -> Vec<T>,
    fails: impl Fn(&[T]) -> bool,
) -> Vec<T> {
    for index in 0..items.len() {
        while let Some(plainer) = plainer(&items[index]).into_iter().find_map(|item| {
            let mut candidate = items.clone();
            candidate[index] = item;
            fails(&candidate).then_some(candidate)
        }) {
            items = plainer;
        }
    }
    items
}

/// What a step could be instead, with less in it.
fn plainer(step: &Step) -> Vec<Step> {
    if let Step::AcceptIrc = step {
        return vec![Step::Accept];
    }
    let Step::Send { conn, to, length } = step else {
        return Vec::new();
    };
    let send = |to, length| Step::Send {
        conn: *conn,
        to,
        length,
    };
    let spared = (0..to.len()).filter(|_| to.len() > 1);
    let fewer = spared.map(|spared| {
        let (before, after) = (&to[..spared], &to[spared + 1..]);
        send([before, after].concat(), *length)
    });
    let short = (*length != Length::Short).then(|| send(to.clone(), Length::Short));
    fewer.chain(short).collect()
}

fn plainer_action(action: &Action) -> Vec<Action> {
    match action {
        Action::Step(step) => plainer(step).into_iter().map(Action::Step).collect(),
        Action::Fault(_) => Vec::new(),
    }
}

type Change = Box<dyn Fn(&mut Plan)>;

/// What can make a plan plainer, but for its actions.
fn changes() -> impl Iterator<Item = Change> {
    let roomy: Change = Box::new(|plan| plan.setting = 0);
    let steady: Change = Box::new(|plan| plan.yields = false);
    let of_clients = (0..CLIENTS).flat_map(|client| {
        let without = !(1 << client);
        let plain: Change = Box::new(move |plan| {
            plan.irc &= without;
            plan.labels &= without;
        });
        let unlabeled: Change = Box::new(move |plan| plan.labels &= without);
        [plain, unlabeled]
    });
    [roomy, steady].into_iter().chain(of_clients)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::To;

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

    #[test]
    fn steps_that_are_left_hold_nothing_that_can_be_spared() {
        let steps = || {
            let (to, length) = (vec![To::Peer(0), To::Room(1), To::Peer(2)], Length::Long);
            let conn = 1;
            let send = Step::Send { conn, to, length };
            vec![Step::AcceptIrc, Step::AcceptIrc, send]
        };
        let in_room =
            |step: &Step| matches!(step, Step::Send { to, .. } if to.contains(&To::Room(1)));
        let fails = |steps: &[Step]| steps.len() > 1 && steps.iter().any(in_room);
        let send = |length| Step::Send {
            conn: 1,
            to: vec![To::Room(1)],
            length,
        };
        let shortest = shrink_steps(steps(), fails);
        assert_eq!(shortest, [Step::Accept, send(Length::Short)]);
        let fails = |steps: &[Step]| fails(steps) && steps[0] == Step::AcceptIrc;
        let shortest = shrink_steps(steps(), fails);
        assert_eq!(shortest, [Step::AcceptIrc, send(Length::Short)]);
    }

    #[test]
    fn a_plan_that_is_left_holds_nothing_that_can_be_spared() {
        let drawn = Plan {
            setting: 3,
            yields: true,
            irc: 0b11111,
            labels: 0b11111,
            ..Plan::draw(0)
        };
        let quits = |plan: &Plan| {
            let quits = |step: &Step| matches!(step, Step::Quit { .. });
            plan.steps().find(|step| quits(step)).cloned()
        };
        let quit = quits(&drawn).expect("somebody quits");
        let least = Plan {
            setting: 0,
            yields: false,
            irc: 0,
            labels: 0,
            actions: vec![Action::Step(quit)],
            ..drawn.clone()
        };
        let shrunk = |fails: &dyn Fn(&Plan) -> bool| {
            shrink_plan(drawn.clone(), |plan| quits(plan).is_some() && fails(plan))
        };
        assert_eq!(shrunk(&|_| true), least);
        let needed = Plan {
            setting: 3,
            yields: true,
            irc: 0b110,
            labels: 0b100,
            ..least
        };
        let fails = |plan: &Plan| {
            let labels = plan.speaks_irc(1) && plan.labels(2);
            plan.setting == 3 && plan.yields && labels
        };
        assert_eq!(shrunk(&fails), needed);
    }
}
