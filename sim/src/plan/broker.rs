//! Steps for a broker alone, as a file that people can read and change.

use ron::Options;
use ron::extensions::Extensions;
use ron::ser::PrettyConfig;
use serde::{Deserialize, Serialize};

use super::BadPlan;
use crate::exhaust::{Find, Universe, retrace};
use crate::setting::{SETTINGS, setting};
use crate::step::Step;
use crate::trace::{Trace, of_steps};

/// Everything that a run of the broker alone is made from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename = "Broker", deny_unknown_fields)]
pub struct BrokerPlan {
    /// What surrounds the broker.
    pub on: BrokerOn,
    /// What happens, in order. What cannot happen is left out.
    pub steps: Vec<Step>,
}

/// What surrounds a broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum BrokerOn {
    /// A [`World`](crate::World), with the [`setting`] of this index. In the end everything
    /// finishes.
    Setting(u8),
    /// What [`exhaust`](crate::exhaust) explores.
    Universe(Universe),
}

impl BrokerPlan {
    /// Whether a file is a plan of this kind, or is meant to be.
    pub fn is_in(file: &str) -> bool {
        let mut lines = file.lines().map(str::trim_start);
        let first = lines.find(|line| !line.is_empty() && !line.starts_with("//"));
        first.is_some_and(|line| line.starts_with("Broker"))
    }

    /// The plan in a file that [`to_file`](Self::to_file) made.
    ///
    /// # Errors
    ///
    /// Says where it is not as it should be.
    pub fn from_file(file: &str) -> Result<Self, BadPlan> {
        let plan: Self = options().from_str(file).map_err(BadPlan::Malformed)?;
        match plan.on {
            BrokerOn::Setting(index) if usize::from(index) < SETTINGS => {}
            BrokerOn::Setting(index) => {
                return Err(BadPlan::OutOfRange {
                    action: None,
                    field: "setting",
                    value: index,
                    most: SETTINGS as u8 - 1,
                });
            }
            BrokerOn::Universe(universe) => {
                universe.check().map_err(BadPlan::Universe)?;
                let alphabet = universe.alphabet();
                let mut steps = plan.steps.iter().enumerate();
                if let Some((index, step)) = steps.find(|(_, step)| !alphabet.contains(step)) {
                    let (number, step) = (index + 1, step.clone());
                    return Err(BadPlan::Foreign { number, step });
                }
            }
        }
        Ok(plan)
    }

    /// The plan as a file that people can read and change.
    pub fn to_file(&self) -> String {
        let style = PrettyConfig::new().depth_limit(2);
        let plan = options().to_string_pretty(self, style);
        format!("Broker{}\n", plan.expect("a plan is plain data"))
    }

    /// What comes of it, up to the first step that goes wrong.
    ///
    /// # Panics
    ///
    /// If its universe cannot be explored.
    pub fn trace(&self) -> Trace {
        match self.on {
            BrokerOn::Setting(index) => of_steps(&setting(index.into()), &self.steps),
            BrokerOn::Universe(universe) => retrace(universe, &self.steps),
        }
    }
}

impl From<&Find> for BrokerPlan {
    /// What shows the find again.
    fn from(find: &Find) -> Self {
        Self {
            on: BrokerOn::Universe(find.universe),
            steps: find.steps.clone(),
        }
    }
}

/// A universe is written without a pair of brackets of its own.
fn options() -> Options {
    Options::default().with_default_extension(Extensions::UNWRAP_VARIANT_NEWTYPES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::{Length, To};

    const UNIVERSE: BrokerOn = BrokerOn::Universe(Universe::TWO_NAMES);

    fn plan(on: BrokerOn) -> BrokerPlan {
        let (conn, to, length) = (0, vec![To::Peer(1)], Length::Short);
        let steps = vec![Step::Accept, Step::Send { conn, to, length }];
        BrokerPlan { on, steps }
    }

    #[test]
    fn a_plan_comes_back_from_its_file() {
        for on in [BrokerOn::Setting(3), UNIVERSE] {
            let plan = plan(on);
            let file = plan.to_file();
            assert!(
                BrokerPlan::is_in(&format!("\n// A find.\n{file}")),
                "{file}"
            );
            assert_eq!(BrokerPlan::from_file(&file), Ok(plan));
        }
        assert!(!BrokerPlan::is_in(&crate::plan::Plan::draw(0).to_file()));
    }

    fn refusal(change: impl FnOnce(&mut BrokerPlan)) -> String {
        let mut plan = plan(UNIVERSE);
        change(&mut plan);
        BrokerPlan::from_file(&plan.to_file())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn what_means_nothing_is_refused_and_named() {
        let says = refusal(|plan| plan.on = BrokerOn::Setting(5));
        assert_eq!(says, "setting is 5, and may be 0 to 4");
        let foreign = Step::Join { conn: 0, room: 1 };
        let says = refusal(|plan| plan.steps[1] = foreign);
        let expected = "step 2: no step of this universe is Join(conn: 0, room: \"#two\")";
        assert_eq!(says, expected);
        let nobody = Universe {
            names: 0,
            ..Universe::TWO_NAMES
        };
        let says = refusal(|plan| plan.on = BrokerOn::Universe(nobody));
        assert_eq!(
            says,
            "the universe cannot be explored: nobody can come into it"
        );
    }
}
