//! How much work is done, for whom, and who has to wait because of it.
//!
//! Work is counted where it is done, in units of about 10 ns: members visited, masks tried,
//! receivers of a frame, bytes that are copied. It is an estimate, and the same in each run, as
//! the hub has no clock. Whoever is served makes room for others after a slice
//! ([`Config::slice`](crate::Config::slice)), and what was done for it is charged to its connection
//! and to its address, of which each has a share of a core's time. Who has used up its share, or
//! its address has, is paused until that is paid for. All connections together have a share, too:
//! while more is asked for than that, turns are shorter, and whoever has had more than one of them
//! waits until what all have taken is paid for, one after the other. So many who ask for much, from
//! however many addresses, hold up each other, and not those who ask for little.

use alloc::collections::BTreeMap;
use core::cell::Cell;
use core::time::Duration;

use super::rate::Used;
use super::{Digest, Hub, Outputs};
use crate::broker::effect::units;
use crate::id::{ConnId, Source, Time};
use crate::wire::irc::mask;

/// To admit a connection, and to forget it.
pub(super) const CONNECTION: u64 = 2_000;

/// To read a line and to understand it.
pub(super) const LINE: u64 = 10;

/// To verify a password, on whatever thread the driver does that.
pub(super) const PASSWORD: u64 = 300_000;

/// To look at one entry of a list: a peer, a room, a member.
pub(super) const ENTRY: u64 = 5;

/// To find out who a target of a message is, and whether it may be told.
pub(super) const TARGET: u64 = 30;

/// Work that is not yet charged to a connection's address: so much is not worth the search for its
/// account, and whoever does no more from one minute to the next is never paused for its address.
const UNCHARGED: u64 = 5_000;

/// How many times shorter turns are while all together have used up their share.
const SHORTER: u64 = 8;

/// How long an address may have to wait: what would make it longer is not charged.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Work that was done.
#[derive(Default, Debug)]
pub(super) struct Work(Cell<u64>);

impl Work {
    pub(super) fn count(&self, units: u64) {
        self.0.set(self.0.get().wrapping_add(units));
    }

    /// All of it so far.
    pub(super) fn total(&self) -> u64 {
        self.0.get()
    }

    /// Looks through the entries of a list, of which the one behind `after` is the first, for the
    /// next of which there is something to tell, and moves `after` on. If the turn is over before
    /// one is found, there is none in the result; behind the last entry there is no result.
    pub(super) fn next_entry<K: Copy, E, T>(
        &self,
        after: &mut Option<K>,
        mut entries: impl Iterator<Item = (K, E)>,
        is_over: impl Fn() -> bool,
        tell: impl Fn(K, E) -> Option<T>,
    ) -> Option<Option<T>> {
        entries.find_map(|(key, entry)| {
            *after = Some(key);
            self.count(ENTRY);
            let found = tell(key, entry);
            (found.is_some() || is_over()).then_some(found)
        })
    }

    /// Counts that a mask is tried on a text, and tries it.
    pub(super) fn matches(&self, mask: &str, text: &str) -> bool {
        self.count(ENTRY + (mask.len() + text.len()) as u64 / 4);
        mask::matches(mask, text)
    }
}

/// How much of a core's time somebody may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    /// Units in a second.
    per_second: u64,
    /// By how many microseconds the work may run ahead of that.
    ahead: u64,
}

impl Share {
    /// `time` in a second, of which `burst` may be taken at once.
    pub(super) fn new(time: Duration, burst: Duration) -> Self {
        let mut share = Self {
            per_second: units(time),
            ahead: 0,
        };
        share.ahead = share.micros(units(burst));
        share
    }

    /// The microseconds in which so much work is paid for.
    fn micros(&self, units: u64) -> u64 {
        let micros = u128::from(units) * 1_000_000 / u128::from(self.per_second);
        u64::try_from(micros).unwrap_or(u64::MAX)
    }

    /// Charges work that is done at `now`.
    fn charge(&self, account: &mut Account, now: Time, units: u64) {
        let from = account.0.max(now).as_micros();
        let micros = from.saturating_add(self.micros(units));
        account.0 = Time::from_micros(micros);
    }

    /// Forgets what its owner would have to wait for longer than is wanted.
    fn bound(&self, account: &mut Account, now: Time) {
        let most = now.after(Duration::from_micros(self.ahead));
        account.0 = account.0.min(most.after(LONGEST_WAIT));
    }

    /// Whether its owner has taken more than so many units, and has not paid for them.
    fn owes(&self, account: Account, now: Time, units: u64) -> bool {
        account.0 > now.after(Duration::from_micros(self.micros(units)))
    }

    /// Until when its owner has to wait.
    fn until(&self, account: Account) -> Time {
        Time::from_micros(account.0.as_micros().saturating_sub(self.ahead))
    }
}

/// When all that somebody has taken of its [`Share`] will be paid for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Account(Time);

/// What is charged to all connections together.
#[derive(Debug)]
pub(super) struct Whole {
    share: Share,
    account: Account,
}

impl Whole {
    pub(super) fn new(share: Share) -> Self {
        Self {
            share,
            account: Account::default(),
        }
    }

    /// Charges work that is done at `now`. Returns until when those who take much have to wait.
    fn charge(&mut self, now: Time, units: u64) -> Time {
        self.share.charge(&mut self.account, now, units);
        self.share.bound(&mut self.account, now);
        self.share.until(self.account)
    }

    /// Whether it is used up.
    fn is_used_up(&self, now: Time) -> bool {
        self.share.until(self.account) > now
    }
}

/// What is charged to one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spent {
    account: Account,
    uncharged: u64,
}

impl Default for Spent {
    fn default() -> Self {
        Self {
            account: Account::default(),
            uncharged: CONNECTION,
        }
    }
}

/// What is charged to each address, also when its connections have ended.
#[derive(Debug)]
pub(super) struct Accounts {
    share: Share,
    by_source: BTreeMap<Source, Account>,
    /// With so many, those with nothing to pay for are looked for.
    sweep_at: usize,
}

impl Accounts {
    pub(super) fn new(share: Share) -> Self {
        Self {
            share,
            by_source: BTreeMap::new(),
            sweep_at: 64,
        }
    }

    /// Until when those at an address have to wait, if they do.
    fn until(&self, source: Source, now: Time) -> Option<Time> {
        let account = *self.by_source.get(&source)?;
        Some(self.share.until(account)).filter(|&until| until > now)
    }

    /// Charges work that is done at `now`. Returns until when its owner has to wait.
    pub(super) fn charge(&mut self, source: Source, now: Time, units: u64) -> Time {
        if self.by_source.len() >= self.sweep_at {
            self.by_source.retain(|_, account| account.0 > now);
            self.sweep_at = (2 * self.by_source.len()).max(64);
        }
        let account = self.by_source.entry(source).or_default();
        self.share.charge(account, now, units);
        self.share.bound(account, now);
        self.share.until(*account)
    }
}

impl<D: Digest> Hub<D> {
    /// All work that was counted, that for these outputs included.
    pub(super) fn worked(&self, out: &Outputs) -> u64 {
        self.work.total().wrapping_add(out.work())
    }

    /// After how much work the turn of a connection ends.
    pub(super) fn slice(&self, now: Time) -> u64 {
        if self.whole.is_used_up(now) {
            self.limits.slice.div_ceil(SHORTER)
        } else {
            self.limits.slice
        }
    }

    /// A connection that comes from where too much was done has to wait before it is served.
    pub(super) fn pause_newcomer(&mut self, now: Time, conn: ConnId) {
        let source = self.link(conn).source;
        if let Some(until) = self.accounts.until(source, now) {
            self.pause(conn, until);
        }
    }

    /// Charges work that was done for a connection, which may have to wait then.
    pub(super) fn charge(&mut self, now: Time, conn: ConnId, units: u64) {
        let share = self.limits.share;
        let link = self.link(conn);
        link.spent.uncharged += units;
        if link.spent.uncharged < UNCHARGED {
            return;
        }
        let units = core::mem::take(&mut link.spent.uncharged);
        share.charge(&mut link.spent.account, now, units);
        let account = link.spent.account;
        let source = link.source;
        let address = self.accounts.charge(source, now, units);
        // Whatever takes more than a slice at once, such as to verify a password, does not hold the
        // others up.
        let whole = self.whole.charge(now, units.min(self.limits.slice));
        let mut until = share.until(account).max(address);
        if share.owes(account, now, self.limits.slice / SHORTER) {
            until = until.max(whole);
        }
        if until > now {
            self.pause(conn, until);
        }
    }

    /// Charges the address of a connection that has ended for what is left, and for this.
    pub(super) fn charge_at_end(&mut self, now: Time, source: Source, spent: Spent, units: u64) {
        self.accounts.charge(source, now, spent.uncharged + units);
    }

    /// Listens to a connection no more until then, or until later if it is paused already.
    pub(super) fn pause(&mut self, conn: ConnId, until: Time) {
        let link = self.link(conn);
        let before = link.paused;
        let until = before.map_or(until, |before| before.max(until));
        link.paused = Some(until);
        if let Some(before) = before {
            self.pauses.remove(&(before, conn));
        }
        self.pauses.insert((until, conn));
    }

    /// Listens at once to a connection that is paused because it has sent too fast or has asked for
    /// too much. One that waits for the answer to a guess goes on waiting, and one that goes on to
    /// ask for too much is paused again.
    pub(super) fn end_pause(&mut self, now: Time, conn: ConnId, out: &mut Outputs) {
        if self.links[conn].pending.is_some() || self.has_tasks(conn) {
            return;
        }
        let link = self.link(conn);
        let Some(until) = link.paused.take() else {
            return;
        };
        link.used = Used::default();
        link.listened = now;
        self.pauses.remove(&(until, conn));
        self.listen(conn, out);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use core::net::IpAddr;

    const MS: u64 = 100_000;

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn at(n: u64) -> Time {
        Time::ZERO.after(millis(n))
    }

    fn source(n: u8) -> Source {
        Source::of(IpAddr::from([192, 0, 2, n]))
    }

    #[test]
    fn a_burst_is_free_and_then_work_is_paid_for_by_waiting() {
        let share = Share::new(millis(100), millis(5));
        let mut account = Account::default();
        share.charge(&mut account, at(1), 5 * MS);
        assert_eq!(share.until(account), at(1));
        share.charge(&mut account, at(1), 2 * MS);
        assert_eq!(share.until(account), at(21));
        share.charge(&mut account, at(21), MS);
        assert_eq!(share.until(account), at(31));
        // After a silence it is as at first.
        share.charge(&mut account, at(500), 5 * MS);
        assert_eq!(share.until(account), at(500));
    }

    #[test]
    fn those_at_one_address_wait_one_after_the_other_but_not_for_ever() {
        let mut accounts = Accounts::new(Share::new(millis(500), millis(1)));
        let until: Vec<_> = (0..3)
            .map(|_| accounts.charge(source(1), at(0), MS))
            .collect();
        assert_eq!(until, [at(0), at(2), at(4)]);
        assert_eq!(accounts.until(source(1), at(3)), Some(at(4)));
        assert_eq!(accounts.until(source(1), at(4)), None);
        assert_eq!(accounts.until(source(2), at(0)), None);
        let until = accounts.charge(source(1), at(0), 100_000 * MS);
        assert_eq!(until, Time::ZERO.after(LONGEST_WAIT));
    }

    #[test]
    fn addresses_with_nothing_to_pay_for_are_forgotten() {
        let mut accounts = Accounts::new(Share::new(millis(500), millis(1)));
        for n in 0..200 {
            accounts.charge(source(n), at(u64::from(n) * 10), MS);
            assert!(accounts.by_source.len() <= 64);
        }
    }
}
