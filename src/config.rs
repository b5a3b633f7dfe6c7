//! Every limit, in one place, with its default.

use core::fmt;
use core::num::{NonZeroU32, NonZeroUsize};
use core::time::Duration;

/// The limits of a server. Every queue, every buffer and every wait has its bound
/// here.
///
/// ```
/// use std::time::Duration;
/// use rejoin::Config;
///
/// let config = Config { resume_window: Duration::from_secs(60), ..Config::default() };
/// config.check().expect("a valid configuration");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Config {
    /// Bytes of memory that the server may take. What waits for sockets
    /// ([`outboxes_bytes`](Self::outboxes_bytes)), mailboxes, rooms and their lists each have a part of
    /// it; the peers and connections of one address have a quarter ([`Config::SOURCES`]) of each part.
    /// The rest is for connections and peers, each of which takes some KiB, and for the program.
    ///
    /// [`with_memory`](Self::with_memory) sets other limits so that they fit. At least
    /// [`Config::MIN_MEMORY`], and a quarter of what may wait in outboxes must hold what may wait in
    /// one.
    pub memory: NonZeroUsize,
    /// Bytes in one line, its end not counted. At least [`Config::MIN_LINE_BYTES`].
    pub line_bytes: NonZeroUsize,
    /// Lines that one connection may send a second, over time; at most 1,000,000. A long
    /// message counts as several, one more for each [`Config::COUNTED_LINE_BYTES`] that it has.
    pub lines_per_second: NonZeroU32,
    /// Lines that one connection may send at once, after it has been silent.
    pub lines_burst: NonZeroU32,
    /// How long a connection may take to log in.
    pub login_timeout: Duration,
    /// Logins that may fail on one connection; the last of them ends it.
    pub failed_logins_per_connection: NonZeroU32,
    /// Wrong guesses from one address at one peer's secret, at one channel's key, at one operator's
    /// password or at the server's, that are answered at once within
    /// [`failed_login_window`](Self::failed_login_window). After that whoever tries the same from
    /// there waits for the answer, right or wrong; the longer, the more was wrong, up to half of
    /// [`login_timeout`](Self::login_timeout).
    pub failed_logins_per_address: NonZeroU32,
    /// How long it takes until all guesses of an address are answered at once again.
    pub failed_login_window: Duration,
    /// Pairs of an address and what it has guessed at that are remembered at once. Past that, one of
    /// the address with the most of them is forgotten.
    pub failed_login_addresses: NonZeroUsize,
    /// How many of these pairs may be of one address. Past that, the one of them is forgotten that
    /// would be forgiven first.
    pub failed_login_targets: NonZeroUsize,
    /// How long a connection of the plain protocol may be silent before it is sent a probe.
    pub probe_after: Duration,
    /// How long a connection of the plain protocol may be silent before it is given up. Longer than
    /// [`probe_after`](Self::probe_after).
    pub silence_timeout: Duration,
    /// How long a connection that speaks IRC may be silent before it is sent a probe: its client
    /// answers by itself.
    pub irc_probe_after: Duration,
    /// How long a connection that speaks IRC may be silent before it is given up. Longer than
    /// [`irc_probe_after`](Self::irc_probe_after). While its socket, which was full, still takes
    /// something, it has until [`silence_timeout`](Self::silence_timeout): its probe is behind
    /// that.
    pub irc_silence_timeout: Duration,
    /// How long a client may leave a writer without room, beyond what it takes at
    /// [`drain_rate`](Self::drain_rate): its socket takes nothing, or it acknowledges nothing.
    pub write_timeout: Duration,
    /// Bytes a second that a client must take, or acknowledge, while more waits than its socket
    /// takes. For what it took it has as much time as it may take for that, and never more than
    /// [`write_timeout`](Self::write_timeout).
    pub drain_rate: NonZeroUsize,
    /// How long a writer that was told to stop may go on to write what is queued.
    pub flush_timeout: Duration,
    /// How long the whole server may take to stop.
    pub shutdown_timeout: Duration,
    /// Connections at once.
    pub connections: NonZeroUsize,
    /// Connections at once from one address (IPv6: from one /64 network).
    pub connections_per_address: NonZeroUsize,
    /// Peers at once, those that are away included.
    pub peers: NonZeroUsize,
    /// Peers at once from one address (IPv6: from one /64 network), those that are away included.
    /// For one more, also one that comes back from another address, the one that joined last of those
    /// that are away expires. Only if all are connected may those who come back be more.
    pub peers_per_address: NonZeroUsize,
    /// How long a resumable peer without a connection keeps its name, its rooms
    /// and its mailbox. Clients wait before they connect again, irssi for 5 minutes.
    pub resume_window: Duration,
    /// Bytes that may wait for one connection's socket: lines, [`Config::FRAME_OVERHEAD`] for each
    /// of them, and what the mail costs that they hand over. What somebody says at once counts until
    /// all of it is taken. Mail that comes in bulk is counted apart, as
    /// [`bulk_bytes`](Self::bulk_bytes) says, and so are answers, as
    /// [`asked_bytes`](Self::asked_bytes) says. As many bytes of both may be written and not
    /// acknowledged, if the client acknowledges what it reads.
    pub outbox_bytes: NonZeroUsize,
    /// Bytes that may wait in one peer's mailbox, [`Config::MAIL_OVERHEAD`] for
    /// each message included.
    pub mailbox_bytes: NonZeroUsize,
    /// Messages that may wait in one peer's mailbox.
    pub mailbox_messages: NonZeroUsize,
    /// Messages that come back to their sender with their texts, of all that one receiver will not
    /// get. Of the others the sender is told how many there are.
    pub bounces: NonZeroUsize,
    /// The part of [`mailbox_bytes`](Self::mailbox_bytes) that mail from one address (IPv6: from one
    /// /64 network) may take: nobody fills the mailbox of a stranger.
    pub mailbox_bytes_per_address: NonZeroUsize,
    /// The part of [`mailbox_messages`](Self::mailbox_messages) that mail from one address may take.
    pub mailbox_messages_per_address: NonZeroUsize,
    /// Receivers of one message, each room counted as one.
    pub receivers: NonZeroUsize,
    /// Rooms that one peer may be in.
    pub rooms_per_peer: NonZeroUsize,
    /// Rooms or peers that one answer lists.
    pub listed: NonZeroUsize,
    /// Rooms that one connection may enter at once, and then again over
    /// [`join_window`](Self::join_window) (IRC).
    pub joins: NonZeroU32,
    /// How long it takes until a connection may enter as many rooms again.
    pub join_window: Duration,
    /// Names that one connection may take at once, and then again over
    /// [`nick_change_window`](Self::nick_change_window).
    pub nick_changes: NonZeroU32,
    /// How long it takes until a connection may take as many names again.
    pub nick_change_window: Duration,
    /// Peers in one room.
    pub room_members: NonZeroUsize,
    /// Entries of each list of a room: bans, exceptions, invitations (IRC).
    pub list_entries: NonZeroUsize,
    /// Names whose coming and going one connection may watch (IRC).
    pub monitored: NonZeroUsize,
    /// Peers who have gone that are remembered, and as many of those that were killed (IRC).
    pub whowas: NonZeroUsize,
    /// How long a resumable peer may be away until those who speak IRC take it for gone.
    pub return_grace: Duration,
    /// How long a client that speaks IRC may leave its first acknowledgement unanswered while it
    /// says other things; then what its socket has taken counts as read.
    pub ack_timeout: Duration,
    /// Messages behind which a client that speaks IRC is asked how far it has read, however often it
    /// was asked before.
    pub ack_messages: NonZeroUsize,
    /// Bytes, lists included, behind which a client that speaks IRC is asked how far it has read,
    /// however often it was asked before. On a slow link it has read so many well within
    /// [`write_timeout`](Self::write_timeout).
    pub ack_bytes: NonZeroUsize,
    /// How often a client that speaks IRC is asked at once how far it has read, where nothing else
    /// bounds it; and then again once in each [`ack_interval`](Self::ack_interval). Many clients
    /// limit how much they send, and count their answers.
    pub ack_burst: NonZeroU32,
    /// How long it takes until a client that speaks IRC may be asked once more.
    pub ack_interval: Duration,
    /// How long a takeover waits for an answer of the client that it takes over, if that speaks IRC;
    /// and how long the server waits for answers when it stops, within a quarter of
    /// [`shutdown_timeout`](Self::shutdown_timeout).
    pub answer_timeout: Duration,
    /// Time of a core, as estimated, that what one connection asks for may take in a second, over
    /// time; what it sends beyond that waits.
    pub work_per_connection: Duration,
    /// The same for all connections from one address (IPv6: from one /64 network) together.
    pub work_per_address: Duration,
    /// The same for all connections together: while they take more, turns are shorter, and those who
    /// ask for much wait for one another, so that those who ask for little are served soon.
    pub work_in_all: Duration,
    /// How much of that time may be taken at once, after a silence.
    pub work_burst: Duration,
    /// Time of a core, as estimated, after which one connection, or what is due, makes room for
    /// others.
    pub slice: Duration,
    /// Bytes that one read takes from a socket. At most [`Config::MAX_READ_BYTES`].
    pub read_bytes: NonZeroUsize,
}

impl Config {
    /// The [`memory`](Self::memory) of the [default](Self::default).
    pub const DEFAULT_MEMORY: usize = 1 << 30;

    /// The least [`memory`](Self::memory).
    pub const MIN_MEMORY: usize = 32 << 20;

    /// The least [`line_bytes`](Self::line_bytes): a login with the longest name and a
    /// short secret fits.
    pub const MIN_LINE_BYTES: usize = 64;

    /// By how much [`outbox_bytes`](Self::outbox_bytes) must be greater than twice
    /// [`line_bytes`](Self::line_bytes): a message of one line fits, as a message and as a line.
    pub const MIN_OUTBOX_BYTES: usize = 1024;

    /// What one entry of a list, or one line of an explanation, has at most, in bytes.
    const LISTED_BYTES: usize = 96;

    /// More lines than an explanation has, or the greeting of a client that speaks IRC.
    const EXPLANATION_LINES: usize = 64;

    /// The greatest [`read_bytes`](Self::read_bytes): each thread keeps a buffer of that
    /// size.
    pub const MAX_READ_BYTES: usize = 1 << 20;

    /// Bytes of a message which count as one line more.
    pub const COUNTED_LINE_BYTES: usize = 512;

    /// What a waiting message costs beside its words, in bytes: as much as it takes in memory.
    pub const MAIL_OVERHEAD: usize = 320;

    /// What the place of a message takes in each of the mailboxes that keep it, in bytes.
    pub const MAIL_ENTRY: usize = 32;

    /// What it takes in memory that a peer is in a room, in bytes.
    pub const MEMBER_COST: usize = 512;

    /// What a room takes in memory, its members and lists not counted, in bytes.
    pub const ROOM_COST: usize = 2048;

    /// What one entry of a room's list takes in memory, in bytes, beside its text.
    pub const LIST_ENTRY: usize = 256;

    /// One source may have the whole of each of the following, divided by this.
    pub const SOURCES: usize = 4;

    /// Bytes that may wait in all outboxes together: 3/8 of [`memory`](Self::memory).
    pub const fn outboxes_bytes(&self) -> usize {
        self.memory.get() / 8 * 3
    }

    /// Bytes that the messages in all mailboxes may take, by where they were sent from: an eighth of
    /// [`memory`](Self::memory). What waits in several mailboxes counts once.
    pub const fn mail_bytes(&self) -> usize {
        self.memory.get() / 8
    }

    /// Bytes that their places in all mailboxes may take, by where the receivers come from: an eighth
    /// of [`memory`](Self::memory), by [`Config::MAIL_ENTRY`].
    pub const fn place_bytes(&self) -> usize {
        self.memory.get() / 8
    }

    /// Bytes that all rooms and their members may take: an eighth of [`memory`](Self::memory), by
    /// [`Config::ROOM_COST`] and [`Config::MEMBER_COST`].
    pub const fn room_bytes(&self) -> usize {
        self.memory.get() / 8
    }

    /// Bytes that the lists of all rooms may take: a sixteenth of [`memory`](Self::memory), by
    /// [`Config::LIST_ENTRY`].
    pub const fn list_bytes(&self) -> usize {
        self.memory.get() / 16
    }

    /// What a waiting line costs beside its bytes and its mail, as much as it takes in memory.
    pub const FRAME_OVERHEAD: usize = 128;

    /// Bytes of mail that comes in bulk and may wait for one connection's socket, beside
    /// [`outbox_bytes`](Self::outbox_bytes): what it found in its mailbox when it came
    /// back, and as much again of what comes back to it undelivered. However fast it reads, that
    /// comes many at once.
    pub const fn bulk_bytes(&self) -> usize {
        // Its line, with the overhead of that, costs no more than the mail itself.
        self.mailbox_bytes.get().saturating_mul(2 * 2)
    }

    /// Bytes that a connection has asked for and that may wait for its socket, beside those: it is
    /// asked for no more while a small part of that waits.
    pub const fn asked_bytes(&self) -> usize {
        let listed = self.listed.get().saturating_mul(Self::LISTED_BYTES);
        let outbox = self.outbox_bytes.get();
        outbox
            .saturating_add(listed)
            .saturating_add(Self::LISTED_BYTES * Self::EXPLANATION_LINES)
            .saturating_add(Self::FRAME_OVERHEAD * Self::EXPLANATION_LINES)
    }

    /// Bytes that may wait in one outbox, of all kinds.
    const fn one_outbox_bytes(&self) -> usize {
        let outbox = self.outbox_bytes.get();
        let others = self.bulk_bytes().saturating_add(self.asked_bytes());
        others.saturating_add(outbox)
    }

    /// Whether the limits agree with each other.
    ///
    /// # Errors
    ///
    /// [`BadConfig`] names the first that does not.
    pub fn check(&self) -> Result<(), BadConfig> {
        let durations = [
            ("login_timeout", self.login_timeout),
            ("failed_login_window", self.failed_login_window),
            ("probe_after", self.probe_after),
            ("irc_probe_after", self.irc_probe_after),
            ("write_timeout", self.write_timeout),
            ("flush_timeout", self.flush_timeout),
            ("shutdown_timeout", self.shutdown_timeout),
            ("resume_window", self.resume_window),
            ("join_window", self.join_window),
            ("nick_change_window", self.nick_change_window),
            ("return_grace", self.return_grace),
            ("ack_timeout", self.ack_timeout),
            ("work_per_connection", self.work_per_connection),
            ("work_per_address", self.work_per_address),
            ("work_in_all", self.work_in_all),
            ("work_burst", self.work_burst),
            ("slice", self.slice),
            ("ack_interval", self.ack_interval),
            ("answer_timeout", self.answer_timeout),
        ];
        for (limit, duration) in durations {
            if duration < Duration::from_micros(1) {
                return Err(BadConfig {
                    limit,
                    must: "be longer than nothing",
                });
            }
        }
        if self.line_bytes.get() < Self::MIN_LINE_BYTES {
            return Err(BadConfig {
                limit: "line_bytes",
                must: "be at least 64",
            });
        }
        if self.silence_timeout <= self.probe_after {
            return Err(BadConfig {
                limit: "silence_timeout",
                must: "be longer than probe_after",
            });
        }
        if self.irc_silence_timeout <= self.irc_probe_after {
            return Err(BadConfig {
                limit: "irc_silence_timeout",
                must: "be longer than irc_probe_after",
            });
        }
        let line = self.line_bytes.get();
        if self.mailbox_bytes.get() < line.saturating_add(2 * Self::MAIL_OVERHEAD) {
            return Err(BadConfig {
                limit: "mailbox_bytes",
                must: "hold a message of one line",
            });
        }
        let least = line
            .saturating_mul(2)
            .saturating_add(Self::MIN_OUTBOX_BYTES);
        if self.outbox_bytes.get() < least {
            return Err(BadConfig {
                limit: "outbox_bytes",
                must: "be greater than twice line_bytes by 1024",
            });
        }
        if self.memory.get() < Self::MIN_MEMORY {
            return Err(BadConfig {
                limit: "memory",
                must: "be at least 33554432",
            });
        }
        if self.outboxes_bytes() / Self::SOURCES < self.one_outbox_bytes() {
            return Err(BadConfig {
                limit: "memory",
                must: "hold what may wait for one connection, in 3/32 of it: 5 times outbox_bytes and \
                       4 times mailbox_bytes, and listed entries",
            });
        }
        // Rates are kept in microseconds.
        if self.lines_per_second.get() > 1_000_000 {
            return Err(BadConfig {
                limit: "lines_per_second",
                must: "be at most 1000000",
            });
        }
        let rates = [
            ("join_window", self.join_window, self.joins),
            (
                "nick_change_window",
                self.nick_change_window,
                self.nick_changes,
            ),
        ];
        for (limit, window, count) in rates {
            if window / count.get() < Duration::from_micros(1) {
                return Err(BadConfig {
                    limit,
                    must: "have a microsecond for each that it counts",
                });
            }
        }
        let tries = self.failed_logins_per_address.get();
        if self.failed_login_window / tries < Duration::from_micros(1) {
            return Err(BadConfig {
                limit: "failed_login_window",
                must: "have a microsecond for each of failed_logins_per_address",
            });
        }
        if self.read_bytes.get() > Self::MAX_READ_BYTES {
            return Err(BadConfig {
                limit: "read_bytes",
                must: "be at most 1048576",
            });
        }
        Ok(())
    }
}

impl Config {
    /// The defaults for a server that may take so many bytes of memory.
    ///
    /// What waits in one outbox or mailbox is a fixed part of that, and below
    /// [`Config::DEFAULT_MEMORY`] there are fewer connections and peers.
    pub fn with_memory(memory: NonZeroUsize) -> Self {
        let memory_of = |bytes: usize| size(memory.get().div_ceil(Self::DEFAULT_MEMORY / bytes));
        let up_to = |most: usize| {
            let fits = most as u128 * memory.get() as u128 / Self::DEFAULT_MEMORY as u128;
            size((fits as usize).clamp(1, most))
        };
        Self {
            memory,
            line_bytes: size(4096),
            lines_per_second: count(20),
            lines_burst: count(200),
            login_timeout: Duration::from_secs(30),
            failed_logins_per_connection: count(5),
            failed_logins_per_address: count(30),
            failed_login_window: Duration::from_secs(10 * 60),
            failed_login_addresses: size(65_536),
            failed_login_targets: size(1_024),
            probe_after: Duration::from_secs(5 * 60),
            silence_timeout: Duration::from_secs(60 * 60),
            irc_probe_after: Duration::from_secs(90),
            irc_silence_timeout: Duration::from_secs(150),
            write_timeout: Duration::from_secs(3 * 60),
            drain_rate: size(512),
            flush_timeout: Duration::from_secs(5),
            shutdown_timeout: Duration::from_secs(10),
            connections: up_to(10_000),
            connections_per_address: up_to(1_000),
            peers: up_to(20_000),
            peers_per_address: up_to(2_000),
            resume_window: Duration::from_secs(60 * 60),
            outbox_bytes: memory_of(4 << 20),
            mailbox_bytes: memory_of(8 << 20),
            mailbox_messages: size(20_000),
            mailbox_bytes_per_address: memory_of(4 << 20),
            mailbox_messages_per_address: size(10_000),
            bounces: size(20),
            receivers: size(16),
            rooms_per_peer: size(32),
            listed: size(1_000),
            joins: count(100),
            join_window: Duration::from_secs(60),
            nick_changes: count(10),
            nick_change_window: Duration::from_secs(60),
            room_members: size(10_000),
            list_entries: size(100),
            monitored: size(100),
            whowas: size(1_000),
            return_grace: Duration::from_secs(15),
            ack_timeout: Duration::from_secs(15),
            ack_messages: size(256),
            ack_bytes: size(16 << 10),
            ack_burst: count(3),
            ack_interval: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(1),
            work_per_connection: Duration::from_millis(100),
            work_per_address: Duration::from_millis(500),
            work_in_all: Duration::from_millis(600),
            work_burst: Duration::from_millis(50),
            slice: Duration::from_millis(1),
            read_bytes: size(64 << 10),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::with_memory(size(Self::DEFAULT_MEMORY))
    }
}

const fn size(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("it is not zero")
}

const fn count(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).expect("it is not zero")
}

/// A limit that does not fit the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadConfig {
    /// The field of [`Config`].
    pub limit: &'static str,
    /// What it must do, as the end of a sentence.
    pub must: &'static str,
}

impl fmt::Display for BadConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} must {}", self.limit, self.must)
    }
}

impl core::error::Error for BadConfig {}
