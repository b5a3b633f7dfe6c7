//! 4. Every accepted delivery is, at every moment, exactly one of: written to its receiver's
//!    socket, waiting (outbox or mailbox), or bounced to its sender with a reason (only counted, if
//!    the sender is gone or has no room for it). What expires is bounced. A room's message to a
//!    guest who is gone is only counted.

use std::collections::BTreeMap;

use rejoin::broker::{BounceReason, Mail};
use rejoin::id::PeerId;

use super::ledger::{Delivery, Piece};
use super::{Checker, Witness, ensure};
use crate::moment::{Act, Moment};

/// The checker of statement 4: an account for each accepted delivery.
#[derive(Clone, Default, Debug)]
pub struct Fate {
    /// Those that still wait.
    open: BTreeMap<Delivery, Account>,
    /// All others.
    settled: BTreeMap<Delivery, Account>,
    moments: u64,
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

impl Checker for Fate {
    fn statement(&self) -> u8 {
        4
    }

    fn observe(&mut self, witness: &Witness<'_>) -> Result<(), String> {
        self.moments += 1;
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
        let left = self.open.first_key_value();
        ensure!(left.is_none(), "this still waits: {left:?}");
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
        ensure!(Some(owner) == peer, "{mail:?} is written to {peer:?}");
        ensure!(was == should, "{mail:?} is written, and was {was:?}");
        Ok(())
    }

    fn discarded(
        &mut self,
        witness: &Witness<'_>,
        piece: &Piece<'_>,
        reason: BounceReason,
    ) -> Result<(), String> {
        let delivery = piece.delivery()?;
        match piece.mail {
            Mail::Message(message) => {
                let account = self.move_to(delivery, State::Counted)?;
                let was = account.state;
                ensure!(
                    was == State::Waits,
                    "{message:?} is counted, and was {was:?}"
                );
                let sender = message.sender;
                let hears = witness.before.is_online(sender) && witness.after.is_online(sender);
                let only_counted = message.room.is_some() && reason == BounceReason::Gone;
                ensure!(
                    !hears || only_counted,
                    "{message:?} is counted ({reason:?}), and its sender is not told"
                );
            }
            Mail::Bounce(bounce) => {
                let account = self.move_to(delivery, State::BounceCounted)?;
                // It may have come back, and expired again, within this moment.
                let was = account.state;
                ensure!(was.is_open(), "{bounce:?} is counted, and was {was:?}");
            }
        }
        Ok(())
    }

    /// Compares the accounts with what waits.
    fn weigh(&mut self, witness: &Witness<'_>) -> Result<(), String> {
        for waiting in &witness.pieces.waiting {
            if let Mail::Bounce(bounce) = waiting.mail {
                let for_a_guest =
                    bounce.message.room.is_some() && bounce.reason == BounceReason::Gone;
                ensure!(!for_a_guest, "{bounce:?} should only be counted");
                let was = self.move_to(waiting.delivery()?, State::BounceWaits)?.state;
                ensure!(was.is_open(), "{bounce:?} waits, and was {was:?}");
                self.waits(waiting)?;
            }
        }
        for waiting in &witness.pieces.waiting {
            if let Mail::Message(_) = waiting.mail {
                self.waits(waiting)?;
            }
        }
        let lost = self.open.iter().find(|(_, a)| a.seen != self.moments);
        ensure!(lost.is_none(), "this is lost: {lost:?}");
        Ok(())
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
        ensure!(state == should, "{mail:?} waits, and was {state:?}");
        ensure!(Some(owner) == peer, "{mail:?} waits for {peer:?}");
        ensure!(account.seen != moment, "{delivery:?} waits twice");
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
    move || format!("{delivery:?} was never accepted")
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
        assert!(matches!(checker.finish(last), Err(why) if why.contains("still waits")));
        let (mut checker, nothing) = (Fate::default(), &moments[..1]);
        judge(&config(), &mut checker, nothing).unwrap();
        assert_eq!(checker.finish(&nothing[0]), Ok(()));
    }
}
