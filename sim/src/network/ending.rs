//! Heals everything, and demands liveness.

use super::TICK;
use super::client::{Order, State};
use super::play::Play;
use super::server::Fate;
use crate::invariants::Violation;
use crate::plan::CLIENTS;
use crate::step::{Length, NAMES, Step, To};

/// How many peers are to be there in the end, one on each of the first clients.
const PEERS: usize = NAMES.len() / 2;

/// How often a client tries again, in ticks: on a network that is in a hurry, a login takes less. So
/// no older try takes a newer one over.
const RETRY: u64 = 10;

impl Play<'_> {
    /// Heals everything, and demands that everyone comes back and can talk, and that then
    /// nothing is left.
    pub(super) fn end(&mut self) -> Result<(), Violation> {
        self.heal()?;
        self.all_come_back()?;
        self.all_talk()?;
        self.all_is_handed_over()?;
        self.all_go()
    }

    fn heal(&mut self) -> Result<(), Violation> {
        for client in 0..CLIENTS.into() {
            self.mend(client);
            self.clients[client].order(Order::Close);
        }
        self.ground.hurry();
        let mut scene = self.stage.lock();
        scene.yields = false;
        scene.withheld = Default::default();
        for pipe in scene.pipes.values_mut() {
            pipe.heal();
        }
        drop(scene);
        for _ in 0..2 {
            self.tick()?;
        }
        Ok(())
    }

    /// In ticks: the longest of all waits that stand in a newcomer's way, one after the other. A
    /// link that broke without a word is found out, its writer flushes, and its peer's window ends.
    fn patience(&self) -> u64 {
        let config = &self.config;
        let waits = config.silence_timeout.max(config.irc_silence_timeout)
            + config.write_timeout
            + config.flush_timeout
            + config.resume_window
            + config.login_timeout
            + config.shutdown_timeout;
        (waits.as_micros() / TICK.as_micros()) as u64 + 8 * RETRY
    }

    fn all_come_back(&mut self) -> Result<(), Violation> {
        for waited in 0..self.patience() {
            let mut missing = false;
            for peer in 0..PEERS {
                let state = self.clients[peer].state();
                missing |= state != State::LoggedIn;
                if waited % RETRY == 0 && state != State::LoggedIn {
                    self.clients[peer].order(Order::Close);
                    self.clients[peer].connect();
                    let (conn, name) = (peer as u8, peer as u8);
                    // All have the same secrets, and so two may be one peer: it can be known by
                    // the one's name and have come with the other's. The third secret is new.
                    let secret = Some((waited / RETRY % 3) as u8);
                    self.say(conn, &Step::LogIn { conn, name, secret });
                }
            }
            if !missing {
                return Ok(());
            }
            self.tick()?;
        }
        self.dies("somebody cannot come back")
    }

    /// Everybody says something to everybody.
    fn all_talk(&mut self) -> Result<(), Violation> {
        let everybody: Vec<_> = (0..PEERS).map(|peer| To::Peer(peer as u8)).collect();
        let heard: Vec<_> = self.clients.iter().map(|c| c.read.borrow().len()).collect();
        for peer in 0..PEERS {
            let (conn, to) = (peer as u8, everybody.clone());
            let length = Length::Short;
            self.say(conn, &Step::Send { conn, to, length });
        }
        for _ in 0..self.patience() {
            self.tick()?;
            let mut clients = self.clients.iter().take(PEERS).zip(&heard);
            if clients.all(|(client, heard)| client.read.borrow().len() >= heard + PEERS) {
                return Ok(());
            }
        }
        self.dies("somebody is not heard")
    }

    /// What was handed over on the last connections has arrived.
    fn all_is_handed_over(&mut self) -> Result<(), Violation> {
        for _ in 0..self.patience() {
            self.tick()?;
            let mut scene = self.stage.lock();
            let arrived = (0..PEERS).all(|peer| {
                let pipe = scene.newest(peer);
                pipe.is_some_and(|pipe| pipe.heard == pipe.taken.len())
            });
            if arrived && scene.watch.is_settled(PEERS) && scene.readings.is_settled() {
                return Ok(());
            }
        }
        self.dies("something that was kept has not arrived")
    }

    /// Everybody goes, and the server stops: at once, or when nobody is left.
    fn all_go(&mut self) -> Result<(), Violation> {
        for client in &self.clients {
            client.order(Order::Close);
        }
        if self.stage.lock().rng.bool() {
            let mut left = self.patience();
            while !self.stage.lock().watch.is_empty() {
                if left == 0 {
                    return self.dies("somebody is left");
                }
                left -= 1;
                self.tick()?;
            }
        }
        self.fate.send_replace(Fate::Stops);
        for _ in 0..self.patience() {
            if !self.ground.server_runs() {
                let mut scene = self.stage.lock();
                scene.watch.finish();
                let found = scene.watch.violations.first().cloned();
                return found.map_or(Ok(()), Err);
            }
            self.tick()?;
        }
        self.dies("the server does not stop")
    }

    fn dies(&self, what: &str) -> Result<(), Violation> {
        let what = format!("when all is healed, {what}");
        let violation = Violation { statement: 8, what };
        self.stage.lock().violate(violation.clone());
        Err(violation)
    }
}
