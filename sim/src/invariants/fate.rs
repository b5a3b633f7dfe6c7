//! 4. Every accepted delivery is, at every moment, exactly one of: written to its receiver's
//!    socket, waiting (outbox or mailbox), or bounced to its sender with a reason (only counted, if
//!    the sender is gone or has no room for it). What expires is bounced. A room's message to a
//!    guest who is gone is only counted.

use std::collections::BTreeMap;
use std::fmt;

use rejoin::broker::{Bounce, BounceReason, Mail};
use rejoin::id::{Name, PeerId};

use super::ledger::{Delivery, Piece};
use super::{Checker, Witness, ensure};
use crate::moment::{Act, Moment};
use crate::words;

/// The checker of statement 4: an account for each accepted delivery.
#[derive(Clone, Default, Debug)]
pub struct Fate {
    /// Those that still wait.
    open: BTreeMap<Delivery, Account>,
    /// All others.
    settled: BTreeMap<Delivery, Account>,
    moments: u64,
    /// How many deliveries from one peer to another came back in this moment without their texts.
    left_out: BTreeMap<(PeerId, PeerId), u32>,
}

#[derive(Clone, Copy, Debug)]
struct Account {
    from: PeerId,
    state: State,
    /// The last moment in which it was seen to wait.
    seen: u64,
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

impl State {
    const fn is_open(self) -> bool {
        match self {
            Self::Waits | Self::BounceWaits => true,
            Self::Written | Self::Counted | Self::BounceWritten | Self::BounceCounted => false,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waits => "waiting",
            Self::Written => "written",
            Self::Counted => "only counted",
            Self::BounceWaits => "on its way back",
            Self::BounceWritten => "back at its sender",
            Self::BounceCounted => "only counted on its way back",
        })
    }
}

impl Checker for Fate {
    fn statement(&self) -> u8 {
        4
    }

    fn observe(&mut self, witness: &Witness<'_>) -> Result<(), String> {
        self.moments += 1;
        self.left_out.clear();
        for piece in &witness.pieces.written {
            self.written(piece)?;
        }
        for accepted in witness.accepted()? {
            let account = Account {
                from: accepted.from,
                state: State::Waits,
                seen: 0,
            };
            self.open.insert(accepted.delivery, account);
        }
        let discards = witness.moment.acts().iter().filter_map(|act| match act {
            Act::Discard { reason, .. } => Some(*reason),
            Act::Tell { .. }
            | Act::StopReader { .. }
            | Act::StopWriter { .. }
            | Act::Forget { .. } => None,
        });
        for (piece, reason) in witness.pieces.discarded.iter().zip(discards) {
            self.discarded(witness, piece, reason)?;
        }
        self.weigh(witness)
    }

    fn finish(&mut self, _last: &Moment) -> Result<(), String> {
        if let Some((delivery, account)) = self.open.first_key_value() {
            return Err(format!("{delivery} is still {}", account.state));
        }
        Ok(())
    }
}

impl Fate {
    fn written(&mut self, piece: &Piece<'_>) -> Result<(), String> {
        let Piece { peer, mail, .. } = *piece;
        let delivery = piece.delivery()?;
        let (owner, was, should) = match mail {
            Mail::Message(_) => {
                let account = self.move_to(delivery, State::Written)?;
                (delivery.to, account.state, State::Waits)
            }
            Mail::Bounce(_) => {
                let account = self.move_to(delivery, State::BounceWritten)?;
                (account.from, account.state, State::BounceWaits)
            }
        };
        let said = || words::mail(mail);
        let is_its = Some(owner) == peer;
        ensure!(is_its, "{} is written to {}", said(), words::peer(peer));
        ensure!(was == should, "{} is written, and was {was}", said());
        Ok(())
    }

    fn discarded(
        &mut self,
        witness: &Witness<'_>,
        piece: &Piece<'_>,
        reason: BounceReason,
    ) -> Result<(), String> {
        let delivery = piece.delivery()?;
        let said = || words::mail(piece.mail);
        match piece.mail {
            Mail::Message(message) => {
                let account = self.move_to(delivery, State::Counted)?;
                let was = account.state;
                ensure!(
                    was == State::Waits,
                    "{} is only counted, and was {was}",
                    said()
                );
                let sender = message.header().sender;
                let hears = witness.before.is_online(sender) && witness.after.is_online(sender);
                let only_counted = message.header().room.is_some() && reason == BounceReason::Gone;
                // What comes back to somebody waits behind what waits already.
                let sender = |name: &&Name| {
                    let bearer = witness.before.bearers.get(*name);
                    bearer.is_some_and(|bearer| bearer.peer == message.header().sender)
                };
                let is_full = witness.before.returning.iter().any(|name| sender(&name));
                ensure!(
                    !hears || only_counted || is_full,
                    "{} is only counted ({}), and its sender is not told",
                    said(),
                    words::bounce(reason)
                );
            }
            Mail::Bounce(bounce) => {
                let account = self.move_to(delivery, State::BounceCounted)?;
                self.note_left_out(account, delivery, bounce);
                // It may have come back, and expired again, within this moment.
                let was = account.state;
                ensure!(was.is_open(), "{} is only counted, and was {was}", said());
            }
        }
        Ok(())
    }

    /// Compares the accounts with what waits.
    fn weigh(&mut self, witness: &Witness<'_>) -> Result<(), String> {
        for waiting in &witness.pieces.waiting {
            if let Mail::Bounce(bounce) = waiting.mail {
                let for_a_guest =
                    bounce.message.header().room.is_some() && bounce.reason == BounceReason::Gone;
                let said = || words::mail(waiting.mail);
                ensure!(!for_a_guest, "{}, which should only be counted", said());
                let delivery = waiting.delivery()?;
                let account = self.move_to(delivery, State::BounceWaits)?;
                self.note_left_out(account, delivery, bounce);
                let was = account.state;
                ensure!(was.is_open(), "{}, and was {was}", said());
                self.waits(waiting)?;
            }
        }
        for waiting in &witness.pieces.waiting {
            if let Mail::Message(_) = waiting.mail {
                self.waits(waiting)?;
            }
        }
        let lost = self.open.iter().filter(|(_, a)| a.seen != self.moments);
        let lost: Vec<_> = lost
            .map(|(&delivery, &account)| (delivery, account))
            .collect();
        for (delivery, Account { from, state, .. }) in lost {
            let left_out = self.left_out.get_mut(&(from, delivery.to));
            match left_out.filter(|left| **left > 0 && state == State::Waits) {
                Some(left) => *left -= 1,
                None => return Err(format!("{delivery} is lost, and was {state}")),
            }
            self.move_to(delivery, State::BounceCounted)?;
        }
        let none = self.left_out.values().all(|&left| left == 0);
        ensure!(none, "more is said to come back than was lost");
        Ok(())
    }

    /// A delivery may come back for others, whose texts do not: of one that has waited they are
    /// accounted for in this moment.
    fn note_left_out(&mut self, account: Account, delivery: Delivery, bounce: &Bounce) {
        if account.state == State::Waits && bounce.more > 0 {
            *self
                .left_out
                .entry((account.from, delivery.to))
                .or_default() += bounce.more;
        }
    }

    /// That what waits is there once, in its state, and for the right peer.
    fn waits(&mut self, waiting: &Piece<'_>) -> Result<(), String> {
        let &Piece { peer, mail, .. } = waiting;
        let delivery = waiting.delivery()?;
        let moment = self.moments;
        let account = match self.open.get_mut(&delivery) {
            Some(account) => account,
            None => self
                .settled
                .get_mut(&delivery)
                .ok_or_else(stranger(delivery))?,
        };
        let Account { from, state, .. } = *account;
        let (owner, should) = match mail {
            Mail::Message(_) => (delivery.to, State::Waits),
            Mail::Bounce(_) => (from, State::BounceWaits),
        };
        let said = || words::mail(mail);
        let is_its = Some(owner) == peer;
        ensure!(state == should, "{} waits, and was {state}", said());
        ensure!(is_its, "{} waits for {}", said(), words::peer(peer));
        ensure!(account.seen != moment, "{delivery} waits twice");
        account.seen = moment;
        Ok(())
    }

    /// Sets the state of an account, and returns how it was.
    fn move_to(&mut self, delivery: Delivery, state: State) -> Result<Account, String> {
        let account = match self.open.remove(&delivery) {
            Some(account) => account,
            None => self
                .settled
                .remove(&delivery)
                .ok_or_else(stranger(delivery))?,
        };
        let accounts = if state.is_open() {
            &mut self.open
        } else {
            &mut self.settled
        };
        accounts.insert(delivery, Account { state, ..account });
        Ok(account)
    }
}

fn stranger(delivery: Delivery) -> impl FnOnce() -> String {
    move || format!("{delivery} was never accepted")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::{acts, break_off, come, config, moments, rejects, say, story};
    use crate::invariants::judge;
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
            "was never accepted",
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
        let (mut checker, moments) = (Fate::default(), moments(&kept()));
        judge(&config(), &mut checker, &moments).unwrap();
        let last = moments.last().unwrap();
        assert!(matches!(checker.finish(last), Err(why) if why.contains("still waiting")));
        let (mut checker, nothing) = (Fate::default(), &moments[..1]);
        judge(&config(), &mut checker, nothing).unwrap();
        assert_eq!(checker.finish(&nothing[0]), Ok(()));
    }
}
