//! Passwords are verified here: one at a time, on a thread on which nothing else waits.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Mutex;

use tokio::sync::Notify;
use tokio::task::spawn_blocking;

use super::digest;
use super::server::Server;
use super::sync::lock;
use crate::hub::PasswordCheck;
use crate::id::ConnId;

/// Passwords that wait to be verified.
#[derive(Debug, Default)]
pub(super) struct Passwords {
    queue: Mutex<Queue>,
    wanted: Notify,
}

/// At most one of each connection. The networks that they come from take turns, so whoever tries
/// many does not hold up those who come from elsewhere.
#[derive(Debug, Default)]
struct Queue {
    networks: BTreeMap<ConnId, IpAddr>,
    checks: BTreeMap<IpAddr, VecDeque<(ConnId, PasswordCheck)>>,
    /// Each network that has some, the one whose turn it is in front.
    turns: VecDeque<IpAddr>,
}

impl Passwords {
    pub(super) fn push(&self, conn: ConnId, network: IpAddr, check: PasswordCheck) {
        lock(&self.queue).push(conn, network, check);
        self.wanted.notify_one();
    }

    /// Nobody wants to know any more what this connection gave.
    pub(super) fn forget(&self, conn: ConnId) {
        lock(&self.queue).forget(conn);
    }

    async fn next(&self) -> (ConnId, PasswordCheck) {
        loop {
            let next = lock(&self.queue).pop();
            match next {
                Some(next) => return next,
                None => self.wanted.notified().await,
            }
        }
    }
}

impl Queue {
    fn push(&mut self, conn: ConnId, network: IpAddr, check: PasswordCheck) {
        self.networks.insert(conn, network);
        let checks = self.checks.entry(network).or_default();
        if checks.is_empty() {
            self.turns.push_back(network);
        }
        checks.push_back((conn, check));
    }

    fn pop(&mut self) -> Option<(ConnId, PasswordCheck)> {
        let network = self.turns.pop_front()?;
        let checks = self.checks.get_mut(&network);
        let checks = checks.expect("a network has a turn as long as it has something");
        let next = checks.pop_front().expect("it is not empty");
        if checks.is_empty() {
            self.checks.remove(&network);
        } else {
            self.turns.push_back(network);
        }
        self.networks.remove(&next.0);
        Some(next)
    }

    fn forget(&mut self, conn: ConnId) {
        let Some(network) = self.networks.remove(&conn) else {
            return;
        };
        let checks = self.checks.get_mut(&network);
        let checks = checks.expect("a connection with a network has something there");
        checks.retain(|(its, _)| *its != conn);
        if checks.is_empty() {
            self.checks.remove(&network);
            self.turns.retain(|&its| its != network);
        }
    }
}

/// Verifies what there is, without end.
pub(super) async fn run(server: &Server) -> Infallible {
    loop {
        let (conn, check) = server.passwords.next().await;
        let verify = move || digest::verify(&check);
        // A password that makes it panic is not the right one.
        let is_right = spawn_blocking(verify).await.unwrap_or(false);
        server.verified(conn, is_right);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::PasswordCheck;

    fn push(queue: &mut Queue, conn: u64, network: u8) {
        let network = IpAddr::from([192, 0, 2, network]);
        queue.push(ConnId::new(conn), network, PasswordCheck::new("a", "b"));
    }

    fn pop_all(mut queue: Queue) -> Vec<u64> {
        let conns = std::iter::from_fn(|| queue.pop()).map(|(conn, _)| conn.number());
        let conns = conns.collect();
        assert!(queue.networks.is_empty() && queue.checks.is_empty() && queue.turns.is_empty());
        conns
    }

    #[test]
    fn networks_take_turns() {
        let mut queue = Queue::default();
        (1..=4).for_each(|conn| push(&mut queue, conn, 1));
        push(&mut queue, 5, 2);
        push(&mut queue, 6, 3);
        push(&mut queue, 7, 2);
        assert_eq!(pop_all(queue), [1, 5, 6, 2, 7, 3, 4]);
    }

    #[test]
    fn what_nobody_wants_to_know_any_more_is_forgotten() {
        let mut queue = Queue::default();
        push(&mut queue, 1, 1);
        push(&mut queue, 2, 1);
        push(&mut queue, 3, 2);
        for conn in [1, 3, 4] {
            queue.forget(ConnId::new(conn));
        }
        push(&mut queue, 5, 2);
        queue.forget(ConnId::new(5));
        push(&mut queue, 6, 2);
        assert_eq!(pop_all(queue), [2, 6]);
    }
}
