//! 5. From one sender to one receiver, deliveries arrive in the order sent, across reconnects, with
//!    none missing and none twice, but for a message that a dead link's socket had taken: its fate
//!    cannot be known.

use std::collections::{BTreeMap, VecDeque};

use rejoin::broker::{Event, Mail};
use rejoin::id::{ConnId, Name, PeerId};

use super::ledger::{Delivery, Piece};
use super::{Checker, Witness, ensure};
use crate::moment::Act;
use crate::words;

/// The checker of statement 5: for each pair of peers the numbers of the messages that are still
/// to arrive. What the socket has taken has arrived, as far as anybody can know.
#[derive(Clone, Default, Debug)]
pub struct Order {
    due: BTreeMap<(PeerId, PeerId), Due>,
    senders: BTreeMap<Delivery, PeerId>,
}

#[derive(Clone, Default, Debug)]
struct Due {
    numbers: VecDeque<u32>,
    /// How many of them were found to wait, in this moment.
    found: usize,
}

impl Checker for Order {
    fn statement(&self) -> u8 {
        5
    }

    fn observe(&mut self, witness: &Witness<'_>) -> Result<(), String> {
        for piece in &witness.pieces.written {
            self.arrives(piece)?;
        }
        for accepted in witness.accepted()? {
            let (from, delivery) = (accepted.from, accepted.delivery);
            let due = self.due.entry((from, delivery.to)).or_default();
            due.numbers.push_back(delivery.number);
            self.senders.insert(delivery, from);
        }
        for piece in &witness.pieces.discarded {
            self.settle(piece);
        }
        counts_kept(witness)?;
        self.compare(witness)
    }
}

impl Order {
    fn arrives(&mut self, piece: &Piece<'_>) -> Result<(), String> {
        let (Mail::Message(message), to) = (piece.mail, piece.peer) else {
            return Ok(());
        };
        let due = to.and_then(|to| self.due.get_mut(&(message.header().sender, to)));
        let first = due.and_then(|due| due.numbers.pop_front());
        ensure!(
            first.is_some() && first == piece.delivery.map(|delivery| delivery.number),
            "{} arrives at {}, and due is {}",
            words::mail(piece.mail),
            words::peer(to),
            numbered(first)
        );
        Ok(())
    }

    /// It will not arrive, and whoever sent it knows, or is gone.
    fn settle(&mut self, piece: &Piece<'_>) {
        let Some(delivery) = piece.delivery else {
            return;
        };
        let sender = self.senders.remove(&delivery);
        let due = sender.and_then(|from| self.due.get_mut(&(from, delivery.to)));
        let more = match piece.mail {
            Mail::Bounce(bounce) => bounce.more as usize,
            Mail::Message(_) => 0,
        };
        let is_it = |&number: &u32| number == delivery.number;
        if let Some(due) = due
            // A message may be due twice, by itself and in a room. Of those that come back as one
            // it is the first, and the others are the next.
            && let Some(place) = match more {
                0 => due.numbers.iter().rposition(is_it),
                _ => due.numbers.iter().position(is_it),
            }
        {
            let end = due.numbers.len().min(place + 1 + more);
            due.numbers.drain(place..end);
        }
    }

    /// Compares what is due with what waits.
    fn compare(&mut self, witness: &Witness<'_>) -> Result<(), String> {
        for waiting in &witness.pieces.waiting {
            if waiting.comes_back || matches!(waiting.mail, Mail::Bounce(_)) {
                self.settle(waiting);
            }
        }
        self.due.retain(|_, due| {
            due.found = 0;
            !due.numbers.is_empty()
        });
        let to_arrive = witness.pieces.waiting.iter().filter(|w| !w.comes_back);
        for waiting in to_arrive {
            let (Mail::Message(message), Some(peer)) = (waiting.mail, waiting.peer) else {
                continue;
            };
            let due = self.due.get_mut(&(message.header().sender, peer));
            let next = due.and_then(|due| {
                due.found += 1;
                due.numbers.get(due.found - 1).copied()
            });
            ensure!(
                next.is_some() && next == waiting.delivery.map(|delivery| delivery.number),
                "what waits for {} is {}, and due is {}",
                words::peer(Some(peer)),
                words::mail(waiting.mail),
                numbered(next)
            );
        }
        for (&(from, to), due) in &self.due {
            ensure!(
                due.found == due.numbers.len(),
                "of what is due to {} from {}, {} wait, and should be {}",
                words::peer(Some(to)),
                words::peer(Some(from)),
                due.found,
                due.numbers.len()
            );
        }
        Ok(())
    }
}

/// A message that is due.
fn numbered(number: Option<u32>) -> String {
    words::list(number.map(|number| words::message(number, None)))
}

/// That who is back is told how much mail follows: at once, or in slices, until which it waits. When
/// the server stops, what has not followed yet may go back to those who said it.
fn counts_kept(witness: &Witness<'_>) -> Result<(), String> {
    let mut due: Option<(Name, usize)> = None;
    for act in witness.moment.acts() {
        match act {
            Act::Tell {
                event: Event::KeptMail(_),
                to,
            } => {
                let returns = |conn: &ConnId| {
                    let name = witness.before.online(*conn).map(|bearer| bearer.name);
                    name.is_some_and(|name| witness.before.returning.contains(&name))
                };
                if to.iter().all(returns) {
                    continue;
                }
                let left = due.as_mut().filter(|(_, left)| *left > 0);
                let (_, left) = left.ok_or("more kept mail follows than was said")?;
                *left -= 1;
            }
            Act::Tell {
                event: Event::Back { name, kept },
                ..
            } => due = Some((*name, *kept)),
            Act::Tell { .. }
            | Act::Discard { .. }
            | Act::Forget { .. }
            | Act::StopReader { .. }
            | Act::StopWriter { .. } => {}
        }
    }
    let mailboxes = &witness.moment.view.mailboxes;
    let waits = |name: &Name| mailboxes.get(name).map_or(0, Vec::len);
    let goes_back = witness.after.shutting_down;
    let missing =
        due.filter(|(name, left)| *left != waits(name) && !(goes_back && waits(name) == 0));
    missing.map_or(Ok(()), |(name, left)| {
        Err(format!(
            "less kept mail follows for {name} than was said, or waits: of {left}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::{acts, break_off, come, rejects, say, story};
    use crate::moment::Happening;
    use crate::step::{Step, name};

    /// Ann has said two things to Bob, who is away.
    fn kept() -> Vec<Step> {
        let bob = story([&come(1, Some(0))[..], &break_off(0)]);
        story([&bob[..], &come(0, None), &say(0, 1), &say(0, 1)])
    }

    #[test]
    fn mail_that_changes_its_order_is_found() {
        rejects::<Order>(
            &kept(),
            |moment| {
                let mailbox = moment.view.mailboxes.get_mut(&name(1)).unwrap();
                mailbox.reverse();
            },
            "what waits for",
        );
    }

    #[test]
    fn mail_that_arrives_too_early_or_twice_is_found() {
        let write = [Step::Write { conn: 0, mail: 9 }];
        let back = story([&kept()[..], &come(1, Some(0)), &write]);
        let items =
            |moment: &mut crate::Moment, change: fn(&mut Vec<Event>)| match &mut moment.happening {
                Happening::Written { items, .. } => change(items),
                Happening::Handled { .. } => unreachable!("the story ends with a write"),
            };
        rejects::<Order>(&back, |m| items(m, |items| items.swap(1, 2)), "and due is");
        let twice = |items: &mut Vec<Event>| items.push(items[2].clone());
        rejects::<Order>(&back, |m| items(m, twice), "and due is");
        let missing = |items: &mut Vec<Event>| drop(items.pop());
        rejects::<Order>(&back, |m| items(m, missing), "0 wait, and should be 1");
    }

    #[test]
    fn a_wrong_count_of_kept_mail_is_found() {
        let back = story([&kept()[..], &come(1, Some(0))]);
        let drop_last = |moment: &mut crate::Moment| drop(acts(moment).pop());
        rejects::<Order>(&back, drop_last, "less kept mail");
    }
}
