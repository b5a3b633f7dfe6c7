//! Follows who is connected and who holds which name, from row to row.

use std::collections::BTreeMap;

use rejoin::broker::Input;
use rejoin::broker::lifecycle::{Binding, Hold, Phase};
use rejoin::id::{ConnId, Name};

use super::chart::{Band, Grip, Level, Life, Link, Row, Stage, Turn};
use crate::moment::{Moment, View};
use crate::trace::{Entry, What};

/// What was seen so far.
#[derive(Default, Debug)]
pub(super) struct Follower {
    /// The names that were seen, oldest first.
    pub(super) names: Vec<Name>,
    /// How often the server has started again.
    restarts: usize,
    lives: BTreeMap<Link, Life>,
    grips: BTreeMap<usize, (usize, Grip)>,
    sizes: BTreeMap<usize, (usize, usize)>,
    bands: Vec<Band>,
    levels: Vec<Level>,
}

/// Everything that lasts, by connection or by name.
pub(super) type Spans = (BTreeMap<Link, Life>, Vec<Band>, Vec<Level>);

impl Follower {
    /// How far each connection has come.
    pub(super) fn stages(&self) -> BTreeMap<Link, Stage> {
        let last = |(&link, life): (&Link, &Life)| Some((link, life.stages.last()?.1));
        self.lives.iter().filter_map(last).collect()
    }

    /// The index of a name.
    pub(super) fn name(&self, name: &Name) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// Takes in what happened in a row; tells which names changed hands.
    pub(super) fn follow(&mut self, row: usize, entry: &Entry) -> Vec<Turn> {
        match &entry.what {
            What::Moment(moment) => {
                for name in moment.view.bindings.keys() {
                    self.meet(name);
                }
                self.finished(row, moment);
                self.stage(row, &moment.view);
                self.weigh(row, &moment.view);
                self.turn(row, &moment.view)
            }
            What::Restarted => self.restart(row),
            What::Fault { .. }
            | What::Client { .. }
            | What::Violated(_)
            | What::Panicked(_)
            | What::Differed(_) => Vec::new(),
        }
    }

    /// Nothing is left of what was there.
    fn restart(&mut self, row: usize) -> Vec<Turn> {
        for life in self.lives.values_mut() {
            if life.reader_end.is_none() || life.writer_end.is_none() {
                life.to = row;
            }
            life.reader_end.get_or_insert(row);
            life.writer_end.get_or_insert(row);
        }
        self.restarts += 1;
        let nothing = Moment::start().view;
        self.weigh(row, &nothing);
        self.turn(row, &nothing)
    }

    /// Takes in that a row speaks of connections.
    pub(super) fn mention(&mut self, row: usize, spoken: &Row) {
        let lanes = spoken.lines.iter();
        let lanes = lanes.flat_map(|line| line.to.iter().chain([&line.from]));
        let conns = lanes.filter_map(|lane| lane.conn());
        for link in conns.chain(spoken.conn) {
            self.life(row, link).to = row;
        }
    }

    /// Nothing more happens. A connection that is not over lasts to the end, `rows`.
    pub(super) fn finish(mut self, rows: usize) -> Spans {
        for life in self.lives.values_mut() {
            if life.reader_end.is_none() || life.writer_end.is_none() {
                life.to = rows;
            }
        }
        for (name, (from, grip)) in std::mem::take(&mut self.grips) {
            let to = rows;
            self.bands.push(Band {
                name,
                from,
                to,
                grip,
            });
        }
        for (name, (from, size)) in std::mem::take(&mut self.sizes) {
            let to = rows;
            self.levels.push(Level {
                name,
                from,
                to,
                size,
            });
        }
        (self.lives, self.bands, self.levels)
    }

    fn link(&self, conn: ConnId) -> Link {
        let restarts = self.restarts;
        Link { restarts, conn }
    }

    fn life(&mut self, row: usize, link: Link) -> &mut Life {
        self.lives.entry(link).or_insert_with(|| Life {
            from: row,
            to: row,
            ..Life::default()
        })
    }

    fn meet(&mut self, name: &Name) -> usize {
        self.name(name).unwrap_or_else(|| {
            self.names.push(*name);
            self.names.len() - 1
        })
    }

    fn finished(&mut self, row: usize, moment: &Moment) {
        match moment.input() {
            Some(Input::ReaderFinished { conn }) => {
                self.life(row, self.link(*conn))
                    .reader_end
                    .get_or_insert(row);
            }
            Some(Input::WriterFinished { conn, .. }) => {
                self.life(row, self.link(*conn))
                    .writer_end
                    .get_or_insert(row);
            }
            Some(
                Input::Accepted { .. }
                | Input::Request { .. }
                | Input::GiveUp { .. }
                | Input::Dismiss { .. }
                | Input::Tick
                | Input::ShutDown,
            )
            | None => {}
        }
    }

    fn stage(&mut self, row: usize, view: &View) {
        for (&conn, phase) in &view.connections {
            let stage = match phase {
                Phase::Greeting { .. } => Stage::Greeting,
                Phase::Waiting { name, .. } => Stage::Waiting(self.meet(name)),
                Phase::Online { name, .. } => Stage::Online(self.meet(name)),
                Phase::Leaving { name } => {
                    Stage::Leaving(name.as_ref().map(|name| self.meet(name)))
                }
            };
            let stages = &mut self.life(row, self.link(conn)).stages;
            if stages.last().is_none_or(|&(_, last)| last != stage) {
                stages.push((row, stage));
            }
        }
    }

    fn weigh(&mut self, row: usize, view: &View) {
        for name in view.mailboxes.keys() {
            self.meet(name);
        }
        for name in 0..self.names.len() {
            let size = view.mailboxes.get(&self.names[name]).map_or(0, Vec::len);
            let before = self.sizes.get(&name).copied();
            if before.map_or(0, |(_, size)| size) == size {
                continue;
            }
            let to = row;
            self.levels.extend(before.map(|(from, size)| Level {
                name,
                from,
                to,
                size,
            }));
            self.sizes.remove(&name);
            if size > 0 {
                self.sizes.insert(name, (row, size));
            }
        }
    }

    fn turn(&mut self, row: usize, view: &View) -> Vec<Turn> {
        let mut turns = Vec::new();
        for name in 0..self.names.len() {
            let binding = view.bindings.get(&self.names[name]);
            let after = binding.map(|binding| grip(view, binding));
            let open = self.grips.get(&name).copied();
            let before = open.map(|(_, grip)| grip);
            if before == after {
                continue;
            }
            let to = row;
            self.bands.extend(open.map(|(from, grip)| Band {
                name,
                from,
                to,
                grip,
            }));
            self.grips.remove(&name);
            self.grips.extend(after.map(|grip| (name, (row, grip))));
            turns.push(Turn {
                name,
                before,
                after,
            });
        }
        turns
    }
}

fn grip(view: &View, binding: &Binding) -> Grip {
    match binding.hold {
        Hold::Held { holder, waiter } => Grip::Held {
            holder,
            guest: binding.proof.is_none(),
            // A broken broker may have forgotten the holder.
            leaving: view.connections.get(&holder).is_none_or(is_leaving),
            waiter,
        },
        Hold::Away { .. } => Grip::Away,
    }
}

const fn is_leaving(phase: &Phase) -> bool {
    match phase {
        Phase::Leaving { .. } => true,
        Phase::Greeting { .. } | Phase::Waiting { .. } | Phase::Online { .. } => false,
    }
}
