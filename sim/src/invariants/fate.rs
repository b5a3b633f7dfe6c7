//! 4. Every accepted delivery is, at every moment, exactly one of: written to its receiver's
//!    socket, waiting (outbox or mailbox), or bounced to its sender with a reason (only counted, if
//!    the sender is gone or has no room for it). What expires is bounced. A room's message to a
//!    guest who is gone is only counted.

use std::collections::{BTreeMap, BTreeSet};

use rejoin::broker::{Bounce, BounceReason, Event, Mail};
use rejoin::id::{ConnId, Name, PeerId};

use super::ledger::{Delivery, accepted, name_of, waiting};
use super::{Checker, Witness, ensure};
use crate::moment::{Act, Happening, mail_of};

/// The checker of statement 4: an account for each accepted delivery.
#[derive(Clone, Default, Debug)]
pub struct Fate {
    accounts: BTreeMap<Delivery, Account>,
}

#[derive(Clone, Copy, Debug)]
struct Account {
    from: PeerId,
    to: PeerId,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Waits,
    Written,
    Counted,
    BounceWaits,
    BounceWritten,
    BounceCounted,
}

impl Checker for Fate {
    fn statement(&self) -> u8 {
        4
    }

    fn observe(&mut self, witness: &Witness<'_>) -> Result<(), String> {
        match &witness.moment.happening {
            Happening::Written { conn, items } => self.written(witness, *conn, items)?,
            Happening::Handled { acts, .. } => {
                for accepted in accepted(witness)? {
                    let account = Account {
                        from: accepted.from,
                        to: accepted.to,
                        state: State::Waits,
                    };
                    self.accounts.insert(accepted.delivery, account);
                }
                for act in acts {
                    self.discarded(witness, act)?;
                }
            }
        }
        self.weigh(witness)
    }

    fn finish(&mut self, _last: &Witness<'_>) -> Result<(), String> {
        for (delivery, account) in &self.accounts {
            let settled = match account.state {
                State::Waits | State::BounceWaits => false,
                State::Written | State::Counted | State::BounceWritten | State::BounceCounted => {
                    true
                }
            };
            ensure!(settled, "{delivery:?} still waits: {account:?}");
        }
        Ok(())
    }
}

impl Fate {
    fn written(
        &mut self,
        witness: &Witness<'_>,
        conn: ConnId,
        items: &[Event],
    ) -> Result<(), String> {
        let peer = witness.after.peer(conn);
        for mail in items.iter().filter_map(mail_of) {
            let (owner, before, after) = match mail {
                Mail::Message(message) => {
                    let name = name_of(witness, conn).ok_or("a stranger has mail")?;
                    let account = self.account(Delivery::new(message, name))?;
                    let owner = account.to;
                    (owner, State::Waits, move_to(account, State::Written))
                }
                Mail::Bounce(bounce) => {
                    let account = self.account(bounced(bounce))?;
                    let owner = account.from;
                    (
                        owner,
                        State::BounceWaits,
                        move_to(account, State::BounceWritten),
                    )
                }
            };
            ensure!(Some(owner) == peer, "{mail:?} is written to {peer:?}");
            ensure!(before == after, "{mail:?} is written, and was {after:?}");
        }
        Ok(())
    }

    fn discarded(&mut self, witness: &Witness<'_>, act: &Act) -> Result<(), String> {
        let Act::Discard {
            receiver,
            mail,
            reason,
        } = act
        else {
            return Ok(());
        };
        match mail {
            Mail::Message(message) => {
                let account = self.account(Delivery::new(message, *receiver))?;
                let before = move_to(account, State::Counted);
                ensure!(
                    before == State::Waits,
                    "{message:?} is counted, and was {before:?}"
                );
                let sender = message.sender;
                let hears = witness.before.is_online(sender) && witness.after.is_online(sender);
                let only_counted = message.room.is_some() && *reason == BounceReason::Gone;
                ensure!(
                    !hears || only_counted,
                    "{message:?} is counted ({reason:?}), and its sender is not told"
                );
            }
            Mail::Bounce(bounce) => {
                let account = self.account(bounced(bounce))?;
                let before = move_to(account, State::BounceCounted);
                ensure!(
                    // It may have come back, and expired again, within this moment.
                    before == State::BounceWaits || before == State::Waits,
                    "{bounce:?} is counted, and was {before:?}"
                );
            }
        }
        Ok(())
    }

    /// Compares the accounts with what waits.
    fn weigh(&mut self, witness: &Witness<'_>) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        let waiting = waiting(witness);
        for (peer, _, mail) in &waiting {
            let Mail::Bounce(bounce) = mail else { continue };
            let for_a_guest = bounce.message.room.is_some() && bounce.reason == BounceReason::Gone;
            ensure!(!for_a_guest, "{bounce:?} should only be counted");
            let delivery = bounced(bounce);
            let account = self.account(delivery)?;
            let before = move_to(account, State::BounceWaits);
            ensure!(
                before == State::BounceWaits || before == State::Waits,
                "{bounce:?} waits, and was {before:?}"
            );
            let from = account.from;
            ensure!(Some(from) == *peer, "{bounce:?} waits for {peer:?}");
            ensure!(seen.insert(delivery), "{bounce:?} waits twice");
        }
        for (peer, name, mail) in &waiting {
            let Mail::Message(message) = mail else {
                continue;
            };
            let delivery = Delivery::new(message, *name);
            let account = self.account(delivery)?;
            let Account { to, state, .. } = *account;
            ensure!(
                state == State::Waits,
                "{message:?} waits for {name}, and was {state:?}"
            );
            ensure!(Some(to) == *peer, "{message:?} waits for {peer:?}");
            ensure!(seen.insert(delivery), "{message:?} waits twice for {name}");
        }
        for (delivery, account) in &self.accounts {
            let waits = matches!(account.state, State::Waits | State::BounceWaits);
            ensure!(
                !waits || seen.contains(delivery),
                "{delivery:?} is lost: {account:?}"
            );
        }
        Ok(())
    }

    fn account(&mut self, delivery: Delivery) -> Result<&mut Account, String> {
        let account = self.accounts.get_mut(&delivery);
        account.ok_or_else(|| format!("{delivery:?} was never accepted"))
    }
}

/// Sets the state of an account, and returns what it was.
fn move_to(account: &mut Account, state: State) -> State {
    std::mem::replace(&mut account.state, state)
}

/// The delivery that came back.
fn bounced(bounce: &Bounce) -> Delivery {
    let receiver: Name = bounce.receiver;
    Delivery::new(&bounce.message, receiver)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::{acts, break_off, come, config, moments, rejects, say, story};
    use crate::roster::Roster;
    use crate::step::{Step, name};

    /// Ann has said something to Bob, who is away.
    fn kept() -> Vec<Step> {
        story([
            &come(1, Some(0))[..],
            &break_off(0),
            &come(0, None),
            &say(0, 1),
        ])
    }

    #[test]
    fn a_message_that_is_lost_is_found() {
        rejects::<Fate>(&kept(), |moment| moment.view.mailboxes.clear(), "is lost");
    }

    #[test]
    fn a_message_that_is_there_twice_is_found() {
        rejects::<Fate>(
            &kept(),
            |moment| {
                let mailbox = moment.view.mailboxes.get_mut(&name(1)).unwrap();
                mailbox.push(mailbox[0].clone());
            },
            "waits twice",
        );
    }

    #[test]
    fn a_message_that_bounced_and_is_also_kept_is_found() {
        let mail = moments(&kept()).pop().unwrap().view.mailboxes[&name(1)].clone();
        let expires = [Step::Wait {
            until: crate::step::Until::Deadline,
            tick: true,
        }];
        // The first deadline is that of Bob's return.
        rejects::<Fate>(
            &story([&kept()[..], &expires]),
            |moment| {
                moment.view.mailboxes.insert(name(1), mail);
            },
            "BounceWaits",
        );
    }

    #[test]
    fn a_message_that_is_counted_while_its_sender_listens_is_found() {
        rejects::<Fate>(
            &kept(),
            |moment| {
                let mail = moment.view.mailboxes.remove(&name(1)).unwrap().remove(0);
                acts(moment).push(Act::Discard {
                    receiver: name(1),
                    mail,
                    reason: BounceReason::Expired,
                });
            },
            "its sender is not told",
        );
    }

    #[test]
    fn a_message_that_nobody_sent_is_found() {
        let mail = moments(&kept()).pop().unwrap().view.mailboxes[&name(1)].clone();
        rejects::<Fate>(
            &kept()[..5],
            |moment| {
                moment.view.mailboxes.insert(name(1), mail);
            },
            "was never accepted",
        );
    }

    #[test]
    fn a_message_that_waits_when_all_has_finished_is_found() {
        let config = config();
        let (mut checker, mut roster) = (Fate::default(), Roster::new(&config));
        for moment in moments(&kept()) {
            let before = roster.clone();
            roster.observe(&moment);
            let witness = Witness {
                config: &config,
                moment: &moment,
                before: &before,
                after: &roster,
            };
            checker.observe(&witness).unwrap();
            let waits = matches!(checker.finish(&witness), Err(why) if why.contains("still waits"));
            assert_eq!(waits, !checker.accounts.is_empty());
        }
        assert!(!checker.accounts.is_empty());
    }
}
