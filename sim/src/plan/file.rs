//! A plan as a file that people can read and change.

use std::fmt;

use super::{Action, CLIENTS, Fault, Plan};
use crate::setting::SETTINGS;
use crate::step::{NAMES, ROOMS, SECRETS, Step, To};

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
const NAME: u8 = NAMES.len() as u8 - 1;
const ROOM: u8 = ROOMS.len() as u8 - 1;

impl Plan {
    /// The plan in a file that [`to_file`](Self::to_file) made.
    ///
    /// # Errors
    ///
    /// Says where it is not as it should be.
    pub fn from_file(file: &str) -> Result<Self, BadPlan> {
        let plan: Self = ron::from_str(file).map_err(BadPlan::Malformed)?;
        let own = [
            ("setting", plan.setting, SETTINGS as u8 - 1),
            ("irc", plan.irc, (1 << CLIENTS) - 1),
            ("labels", plan.labels, (1 << CLIENTS) - 1),
        ];
        let own = own.map(|ranged| (None, ranged));
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

/// How much a step writes is no index.
fn in_step(step: &Step) -> Vec<Ranged> {
    let client = |conn: &u8| ("conn", *conn, CLIENT);
    match step {
        Step::LogIn { conn, name, secret } => {
            let secret = secret.map(|secret| ("secret", secret, SECRETS - 1));
            let named = [client(conn), ("name", *name, NAME)];
            named.into_iter().chain(secret).collect()
        }
        Step::Send { conn, to, .. } => {
            let to = to.iter().map(|to| match *to {
                To::Peer(name) => ("the peer in to", name, NAME),
                To::Room(room) => ("the room in to", room, ROOM),
            });
            [client(conn)].into_iter().chain(to).collect()
        }
        Step::Join { conn, room } | Step::Leave { conn, room } => {
            vec![client(conn), ("room", *room, ROOM)]
        }
        Step::Who { conn, room } => {
            let room = room.map(|room| ("room", room, ROOM));
            [client(conn)].into_iter().chain(room).collect()
        }
        Step::Rename { conn, name } | Step::Kill { conn, name } => {
            vec![client(conn), ("name", *name, NAME)]
        }
        Step::Dismiss { name } => vec![("name", *name, NAME)],
        Step::Rooms { conn }
        | Step::Quit { conn, .. }
        | Step::Answer { conn, .. }
        | Step::Oper { conn, .. }
        | Step::ReaderFinishes { conn }
        | Step::Write { conn, .. }
        | Step::WriterFinishes { conn, .. }
        | Step::GiveUp { conn, .. } => vec![client(conn)],
        Step::Accept | Step::AcceptIrc | Step::Wait { .. } | Step::ShutDown => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Kind;
    use crate::step::Length;

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
        let says = refusal(|plan| plan.irc = 32);
        assert_eq!(says, "irc is 32, and may be 0 to 31");
        let kind = Kind::Crash;
        let fault = Action::Fault(Fault { client: 5, kind });
        let says = refusal(|plan| plan.actions[1] = fault);
        assert_eq!(says, "action 2: client is 5, and may be 0 to 4");
        let (conn, to, length) = (0, vec![To::Peer(5), To::Room(3)], Length::Short);
        let send = Action::Step(Step::Send { conn, to, length });
        let says = refusal(|plan| plan.actions[0] = send);
        assert_eq!(says, "action 1: the room in to is 3, and may be 0 to 2");
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
