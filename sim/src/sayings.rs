//! That the broker hears what clients of the plain protocol say: each text once, to whom it was
//! said, and in order.

use std::collections::VecDeque;

use rejoin::broker::{Input, Receiver, Request};
use rejoin::hub::{Told, Understood};
use rejoin::id::ConnId;
use rejoin::wire::plain::Command;

use crate::invariants::Violation;
use crate::words;

/// What was said since the hub was told something, and the broker has not heard yet. Nobody here
/// sets a mode of a room, which could keep it from the broker.
#[derive(Clone, Default, Debug)]
pub struct Sayings(VecDeque<(Vec<Receiver>, String)>);

impl Sayings {
    /// The hub has read a line.
    pub fn line(&mut self, understood: Understood<'_>) {
        if let Understood::Plain(Ok(Command::Say(saying))) = understood {
            self.0
                .push_back((saying.receivers(), saying.text().to_owned()));
        }
    }

    /// The broker is about to be told something; those who speak IRC are left alone.
    ///
    /// # Errors
    ///
    /// Says what nobody said.
    pub fn input(
        &mut self,
        input: &Input,
        speaks_irc: impl Fn(ConnId) -> bool,
    ) -> Result<(), Violation> {
        let Input::Request {
            conn,
            request: Request::Send { to, said },
        } = input
        else {
            return Ok(());
        };
        let texts = said.texts.iter().filter(|_| !speaks_irc(*conn));
        for text in texts {
            let due = self.0.pop_front();
            if due.is_none_or(|(receivers, said)| receivers != *to || said != text) {
                let what = format!("nobody said this: {}", words::input(input));
                return Err(Violation { statement: 2, what });
            }
        }
        Ok(())
    }

    /// The hub was told something, and the broker with it.
    ///
    /// # Errors
    ///
    /// Says that something is left.
    pub fn told(&mut self, told: Told) -> Result<(), Violation> {
        let due = std::mem::take(&mut self.0);
        match due.front() {
            Some((_, text)) => Err(Violation {
                statement: 4,
                what: format!("{text:?} was said, and the broker did not hear it by {told:?}"),
            }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rejoin::id::{Text, Texts};
    use rejoin::wire::plain;

    const CONN: ConnId = ConnId::new(1);
    const TOLD: Told = Told::Received {
        conn: CONN,
        goes_on: false,
    };

    fn hears(sayings: &mut Sayings, to: &[&str], texts: &[&str]) -> Result<(), Violation> {
        let to = to.iter().flat_map(|to| receivers(to)).collect();
        let texts = texts.iter().map(|text| Text::parse(text).unwrap());
        let said = texts.collect::<Texts>().into();
        let request = Request::Send { to, said };
        let input = Input::Request {
            conn: CONN,
            request,
        };
        sayings.input(&input, |_| false)
    }

    fn receivers(to: &str) -> Vec<Receiver> {
        let mut sayings = Sayings::default();
        line(&mut sayings, &format!("{to}: x"));
        sayings.0.pop_front().unwrap().0
    }

    fn line(sayings: &mut Sayings, line: &str) {
        sayings.line(Understood::Plain(&plain::parse(line.as_bytes())));
    }

    fn said() -> Sayings {
        let mut sayings = Sayings::default();
        for said in ["bob: 1", "bob: 2", "/who", "#one, bob: 3"] {
            line(&mut sayings, said);
        }
        sayings
    }

    #[test]
    fn what_was_said_is_heard() {
        let mut sayings = said();
        assert_eq!(hears(&mut sayings, &["bob"], &["1", "2"]), Ok(()));
        assert_eq!(hears(&mut sayings, &["#one", "bob"], &["3"]), Ok(()));
        assert_eq!(sayings.told(TOLD), Ok(()));
    }

    #[test]
    fn what_nobody_said_is_found() {
        for (to, texts) in [
            ("ann", &["1"][..]),
            ("bob", &["2"]),
            ("bob", &["1", "2", "3"]),
            ("bob", &["1", "2", "4"]),
        ] {
            let found = hears(&mut said(), &[to], texts).unwrap_err();
            assert!(found.what.starts_with("nobody said this"), "{found}");
        }
        let found = hears(&mut Sayings::default(), &["bob"], &["1"]).unwrap_err();
        assert_eq!(found.statement, 2);
    }

    #[test]
    fn what_is_not_heard_is_found() {
        let mut sayings = said();
        hears(&mut sayings, &["bob"], &["1"]).unwrap();
        let found = sayings.told(TOLD).unwrap_err();
        assert_eq!(found.statement, 4);
        assert!(found.what.starts_with("\"2\" was said"), "{found}");
        assert_eq!(sayings.told(TOLD), Ok(()));
    }
}
