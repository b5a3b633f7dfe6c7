//! A plan as a file that people can read and change.

use std::fmt;

use super::{Action, CLIENTS, Fault, Plan};
use crate::setting::SETTINGS;
use crate::step::{SECRETS, Step};

/// Why a file is no plan.
#[derive(Clone, PartialEq, Debug)]
pub enum BadPlan {
    /// It is not written as a plan is.
    Malformed(ron::error::SpannedError),
    /// A number in it means nothing: it is an index into something that has fewer.
    OutOfRange {
        /// Which action has it, from 1 on; none, if the plan itself.
        action: Option<usize>,
        /// What the number is called.
        field: &'static str,
        /// The number.
        value: u8,
        /// The largest that means something.
        most: u8,
    },
    /// Its universe cannot be explored.
    Universe(&'static str),
    /// A step is none of those of its universe.
    Foreign {
        /// Which, from 1 on.
        number: usize,
        /// The step.
        step: Step,
    },
}

impl fmt::Display for BadPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "this is no plan: {error}"),
            Self::OutOfRange {
                action,
                field,
                value,
                most,
            } => {
                if let Some(action) = action {
                    write!(f, "action {action}: ")?;
                }
                write!(f, "{field} is {value}, and may be 0 to {most}")
            }
            Self::Universe(why) => write!(f, "the universe cannot be explored: {why}"),
            Self::Foreign { number, step } => {
                write!(f, "step {number}: no step of this universe is {step}")
            }
        }
    }
}

impl std::error::Error for BadPlan {}

/// A field, its number, and the largest that it may be.
type Ranged = (&'static str, u8, u8);

const CLIENT: u8 = CLIENTS - 1;

impl Plan {
    /// The plan in a file that [`to_file`](Self::to_file) made.
    ///
    /// # Errors
    ///
    /// Says where it is not as it should be.
    pub fn from_file(file: &str) -> Result<Self, BadPlan> {
        let plan: Self = ron::from_str(file).map_err(BadPlan::Malformed)?;
        let own = [(None, ("setting", plan.setting, SETTINGS as u8 - 1))];
        let actions = plan.actions.iter().enumerate();
        let actions = actions.flat_map(|(index, action)| {
            let ranged = in_action(action).into_iter();
            ranged.map(move |ranged| (Some(index + 1), ranged))
        });
        let mut all = own.into_iter().chain(actions);
        match all.find(|(_, (_, value, most))| value > most) {
            None => Ok(plan),
            Some((action, (field, value, most))) => Err(BadPlan::OutOfRange {
                action,
                field,
                value,
                most,
            }),
        }
    }

    /// The plan as a file that people can read and change.
    pub fn to_file(&self) -> String {
        let style = ron::ser::PrettyConfig::new().depth_limit(2);
        ron::ser::to_string_pretty(self, style).expect("a plan is plain data") + "\n"
    }
}

fn in_action(action: &Action) -> Vec<Ranged> {
    match action {
        Action::Fault(Fault { client, .. }) => vec![("client", *client, CLIENT)],
        Action::Step(step) => in_step(step),
    }
}

/// How much a step writes is no index, and names and rooms are called what they are called.
fn in_step(step: &Step) -> Vec<Ranged> {
    let client = |conn: &u8| ("conn", *conn, CLIENT);
    match step {
        Step::LogIn { conn, secret, .. } => {
            let secret = secret.map(|secret| ("secret", secret, SECRETS - 1));
            [client(conn)].into_iter().chain(secret).collect()
        }
        Step::Send { conn, .. }
        | Step::Join { conn, .. }
        | Step::Leave { conn, .. }
        | Step::Who { conn, .. }
        | Step::Rename { conn, .. }
        | Step::Kill { conn, .. }
        | Step::Rooms { conn }
        | Step::Quit { conn, .. }
        | Step::Answer { conn, .. }
        | Step::Oper { conn, .. }
        | Step::ReaderFinishes { conn }
        | Step::Write { conn, .. }
        | Step::WriterFinishes { conn, .. }
        | Step::GiveUp { conn, .. } => vec![client(conn)],
        Step::Accept
        | Step::AcceptIrc
        | Step::Dismiss { .. }
        | Step::Wait { .. }
        | Step::ShutDown => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Kind;
    use crate::step::{Length, To};

    #[test]
    fn a_plan_comes_back_from_its_file() {
        for seed in 0..20 {
            let plan = Plan::draw(seed);
            assert_eq!(Plan::from_file(&plan.to_file()).unwrap(), plan);
        }
    }

    fn refusal(change: impl FnOnce(&mut Plan)) -> String {
        let mut plan = Plan::draw(0);
        change(&mut plan);
        Plan::from_file(&plan.to_file()).unwrap_err().to_string()
    }

    #[test]
    fn an_index_into_nothing_is_refused_and_named() {
        let says = refusal(|plan| plan.setting = 5);
        assert_eq!(says, "setting is 5, and may be 0 to 4");
        let kind = Kind::Crash;
        let fault = Action::Fault(Fault { client: 5, kind });
        let says = refusal(|plan| plan.actions[1] = fault);
        assert_eq!(says, "action 2: client is 5, and may be 0 to 4");
        let (conn, name, secret) = (0, 0, Some(3));
        let log_in = Action::Step(Step::LogIn { conn, name, secret });
        let says = refusal(|plan| plan.actions[0] = log_in);
        assert_eq!(says, "action 1: secret is 3, and may be 0 to 2");
    }

    #[test]
    fn names_rooms_and_clients_are_called_what_they_are_called() {
        let (to, length) = (vec![To::Peer(1), To::Room(0)], Length::Short);
        let send = Action::Step(Step::Send {
            conn: 4,
            to,
            length,
        });
        let who = Action::Step(Step::Who {
            conn: 0,
            room: Some(2),
        });
        let plan = Plan {
            irc: 0b10011,
            actions: vec![send, who],
            ..Plan::draw(0)
        };
        let file = plan.to_file();
        let words: String = file.split_whitespace().collect();
        assert!(words.contains("irc:[0,1,4,],"), "{file}");
        for part in [
            "Send(conn: 4, to: [Peer(\"bob\"), Room(\"#one\")], length: Short)",
            "Who(conn: 0, room: Some(\"#ONE\"))",
        ] {
            assert!(file.contains(part), "{part} is missing in\n{file}");
        }
        assert_eq!(Plan::from_file(&file), Ok(plan));
        for (known, unknown, says) in [
            (
                "\"bob\"",
                "\"dan\"",
                "there is no name dan: there are ann, bob, cyd, ANN, BOB, CYD",
            ),
            (
                "\"#one\"",
                "\"#ten\"",
                "there is no room #ten: there are #one, #two, #ONE",
            ),
            (
                "        4,\n",
                "        5,\n",
                "there is no client 5: the last is 4",
            ),
        ] {
            let refused = Plan::from_file(&file.replacen(known, unknown, 1));
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }

    #[test]
    fn a_field_that_no_step_has_is_refused() {
        let file = Plan::draw(7).to_file();
        let misspelt = file.replacen("secret:", "secrt:", 1);
        assert_ne!(misspelt, file);
        let says = Plan::from_file(&misspelt).unwrap_err().to_string();
        assert!(says.contains("secrt"), "{says}");
    }

    #[test]
    fn a_file_that_is_no_plan_is_refused() {
        let says = Plan::from_file("(seed: 1").unwrap_err().to_string();
        assert!(says.starts_with("this is no plan: 1:"), "{says}");
    }
}
