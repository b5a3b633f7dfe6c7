//! Makes true stories, for the tests of the checkers to falsify.

use rejoin::Config;
use rejoin::broker::Input;

use crate::invariants::{Checker, judge};
use crate::moment::{Act, Happening, Moment};
use crate::setting::setting;
use crate::step::{Length, Step, To};
use crate::words::is_plain;
use crate::world::World;

/// The configuration of all stories.
pub(crate) fn config() -> Config {
    setting(0)
}

/// What comes of `steps`.
pub(crate) fn moments(steps: &[Step]) -> Vec<Moment> {
    let mut world = World::new(&config());
    steps.iter().flat_map(|step| world.step(step)).collect()
}

/// Panics unless a checker believes a true story and rejects what `falsify` makes of its last
/// moment, for a reason that has `why` in it.
pub(crate) fn rejects<C: Checker + Default>(
    steps: &[Step],
    falsify: impl FnOnce(&mut Moment),
    why: &str,
) {
    let mut moments = moments(steps);
    judge(&config(), &mut C::default(), &moments).expect("the true story is believed");
    falsify(moments.last_mut().expect("something happened"));
    let said =
        judge(&config(), &mut C::default(), &moments).expect_err("the false story is rejected");
    assert!(said.contains(why), "{said:?} does not speak of {why:?}");
    assert!(is_plain(&said), "{said}");
}

/// The effects of the broker in a moment.
pub(crate) fn acts(moment: &mut Moment) -> &mut Vec<Act> {
    match &mut moment.happening {
        Happening::Handled { acts, .. } => acts,
        Happening::Written { .. } => unreachable!("the story ends with an input"),
    }
}

/// The input of the broker in a moment.
pub(crate) fn input(moment: &mut Moment) -> &mut Input {
    match &mut moment.happening {
        Happening::Handled { input, .. } => input,
        Happening::Written { .. } => unreachable!("the story ends with an input"),
    }
}

/// Somebody connects and logs in, as a guest or with a secret.
pub(crate) fn come(name: u8, secret: Option<u8>) -> [Step; 2] {
    let login = Step::LogIn {
        conn: 0,
        name,
        secret,
    };
    [Step::Accept, login]
}

/// A connection says something to a name.
pub(crate) fn say(conn: u8, name: u8) -> [Step; 1] {
    [Step::Send {
        conn,
        to: vec![To::Peer(name)],
        length: Length::Short,
    }]
}

/// A connection's writer ends and has written nothing more.
pub(crate) fn break_off(conn: u8) -> [Step; 1] {
    [Step::WriterFinishes { conn, written: 0 }]
}

/// Steps in a row.
pub(crate) fn story<'a>(parts: impl IntoIterator<Item = &'a [Step]>) -> Vec<Step> {
    parts.into_iter().flatten().cloned().collect()
}
