//! The steps to a find once more, for people to read.

use rejoin::broker::lifecycle::{Hold, Phase};
use rejoin::broker::{Effects, Event, Input};
use rejoin::id::ConnId;

use super::canon::since_start;
use super::state::{Happens, State};
use super::take;
use super::universe::{Setup, Universe};
use crate::links::Links;
use crate::moment::{Act, Happening, Moment, View};
use crate::panics::hear;
use crate::step::Step;
use crate::trace::Trace;
use crate::world::up_to;

/// What comes of `steps` in a universe, up to the first that goes wrong. Steps that cannot happen
/// are left out, and remarked upon.
///
/// Connections have the numbers that they have in the search, and what is wrong is what that finds;
/// times count from its start.
///
/// # Panics
///
/// If the universe cannot be explored.
pub fn retrace(universe: Universe, steps: &[Step]) -> Trace {
    let setup = Setup::new(universe);
    let start = State::new(&setup.config);
    from(&setup, start, steps)
}

/// As [`retrace`], from a state of one's own.
pub(super) fn from(setup: &Setup, start: State, steps: &[Step]) -> Trace {
    let alphabet = setup.universe.alphabet();
    let (mut state, mut links) = (start, Links::default());
    let mut view = view(&state);
    let mut trace = Trace::default();
    for (index, step) in steps.iter().enumerate() {
        let order = state.order();
        if !alphabet.contains(step) || !state.allows(setup, &order, step) {
            let number = index + 1;
            let remark = format!("step {number}, {step}, cannot happen there, and is left out");
            trace.remarks.push(remark);
            continue;
        }
        let mut effects = [Effects::new(), Effects::new()];
        let mut begun = state.clone();
        let happens = begun.begin(setup, &order, step);
        let [first, _] = &mut effects;
        // How a broker stands that has panicked nobody can ask.
        if let Ok((next, _)) = hear(|| state.next(setup, &order, step, first)) {
            view = self::view(&next);
        }
        if let Some(happening) = happening(happens, first, &mut links) {
            trace.show(Moment {
                now: since_start(begun.now),
                happening,
                work: effects[0].weight(),
                view: view.clone(),
                links: links.clone(),
            });
        }
        match take(setup, &state, &order, step, &mut effects, true) {
            Ok(next) => state = next,
            Err(wrong) => {
                trace.fail(vec![wrong]);
                break;
            }
        }
    }
    trace
}

/// What happened, if anything did but that time passed. Brings `links` up to date.
fn happening(happens: Happens, effects: &Effects, links: &mut Links) -> Option<Happening> {
    match happens {
        Happens::Input(input) => {
            links.told(&input);
            if let Input::WriterFinished { conn, .. } = &input {
                take_out(links, *conn, usize::MAX);
            }
            let acts = Act::all(effects);
            acts.iter().for_each(|act| links.act(act));
            links.over().for_each(drop);
            Some(Happening::Handled { input, acts })
        }
        Happens::Write(conn) => {
            let items = take_out(links, conn, 1);
            Some(Happening::Written { conn, items })
        }
        Happens::Nothing => None,
    }
}

/// Takes so much mail out of an outbox, and what else lies before the next.
fn take_out(links: &mut Links, conn: ConnId, mail: usize) -> Vec<Event> {
    let outbox = links.0.get_mut(&conn).map(|link| &mut link.outbox);
    let taken = outbox.map(|outbox| outbox.drain(..up_to(outbox, mail)).collect());
    taken.unwrap_or_default()
}

/// How a broker stands, by the time of a trace.
pub(super) fn view(state: &State) -> View {
    let mut view = View::of(&state.broker);
    for phase in view.connections.values_mut() {
        match phase {
            Phase::Greeting { until } => *until = since_start(*until),
            Phase::Waiting { .. } | Phase::Online { .. } | Phase::Leaving { .. } => {}
        }
    }
    for binding in view.bindings.values_mut() {
        match &mut binding.hold {
            Hold::Away { until } => *until = since_start(*until),
            Hold::Held { .. } => {}
        }
    }
    view.deadline = view.deadline.map(since_start);
    view
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::exhaust::{Find, Limits, Search, Wrong};
    use crate::explain::{Rows, text};
    use crate::trace::What;

    /// What a search finds from a state on, and how its steps are told.
    fn found(setup: Setup, start: State) -> (Box<Find>, Trace) {
        let limits = Limits {
            depth: 9,
            states: 1_000_000,
        };
        let mut search = Search::new(
            setup.clone(),
            start.clone(),
            limits,
            NonZeroUsize::MIN,
            |_| {},
        );
        let find = search.run().expect_err("something is wrong");
        let trace = from(&setup, start, &find.steps);
        (find, trace)
    }

    #[test]
    fn a_find_is_told_as_it_was_found() {
        let universe = Universe::THREE_NAMES;
        let mailbox = NonZeroUsize::new(2).unwrap();
        let roomy = Universe {
            mailbox,
            ..universe
        };
        let (find, trace) = found(Setup::new(universe), State::new(&roomy.config()));
        let Wrong::Violated(violation) = find.wrong else {
            panic!("{find}")
        };
        let told = trace.entries.last().map(|entry| entry.what.clone());
        assert_eq!(told, Some(What::Violated(violation.clone())));
        assert_eq!(trace.remarks, [""; 0]);
        // Each step is an input, or a socket that takes something, or time that passes.
        assert!(trace.entries.len() <= find.steps.len() + 1, "{trace:#?}");
        let last = trace.entries.iter().map(|entry| entry.at).max();
        assert!(last < Some(rejoin::id::Time::from_micros(100)), "{last:?}");
        assert!(text(&trace, Rows::All, false).contains(&violation.what));
    }

    #[test]
    fn a_panic_of_the_broker_is_found_and_told() {
        let setup = Setup::new(Universe::RENAMES);
        let mut start = State::new(&setup.config);
        // Its next connection has the number of the last: a bug of a driver.
        start.accepted -= 1;
        let (find, trace) = found(setup, start);
        assert_eq!(find.steps, [Step::Accept]);
        let Wrong::Panicked(says) = find.wrong else {
            panic!("{find}")
        };
        let told: Vec<_> = trace.entries.into_iter().map(|entry| entry.what).collect();
        let [What::Moment(accepted), panicked] = told.as_slice() else {
            panic!("{told:?}")
        };
        let conn = ConnId::new(1);
        assert_eq!(
            accepted.input(),
            Some(&Input::Accepted {
                conn,
                source: crate::step::source(0)
            })
        );
        assert_eq!(*panicked, What::Panicked(says));
    }

    #[test]
    fn a_step_that_cannot_happen_is_left_out_and_said() {
        let steps = [
            Step::Accept,
            Step::Join { conn: 0, room: 0 },
            Step::Rooms { conn: 9 },
        ];
        let trace = retrace(Universe::TWO_NAMES, &steps);
        assert_eq!((trace.entries.len(), trace.remarks.len()), (1, 2));
        assert!(
            trace.remarks[0].starts_with("step 2, Join(conn: 0, room: \"#one\"), "),
            "{:?}",
            trace.remarks
        );
    }
}
