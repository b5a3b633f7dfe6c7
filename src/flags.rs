//! The command line: one flag for each limit in [`Config`], and two of the binary's own.

mod bad;

use std::ffi::OsString;
use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, Args, Parser};
use humantime::Duration;
use rejoin::Config;

pub(crate) use bad::BadFlag;

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Command {
    /// Serve until a signal.
    Serve(Box<Settings>),
    /// Print the help or the version, and no more.
    Print(String),
    /// Print the hash of a password that is typed, or comes on standard input.
    HashPassword,
}

/// A valid command line.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: Listen,
    pub(crate) irc: Listen,
    pub(crate) identity: Files,
    pub(crate) threads: NonZeroUsize,
    pub(crate) record: Recording,
    pub(crate) config: Config,
}

/// Reads the arguments, the program's name first.
///
/// # Errors
///
/// Says in one line which flag is wrong, and why.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, BadFlag> {
    let arguments: Vec<_> = arguments.into_iter().collect();
    let flags = match Flags::try_parse_from(&arguments) {
        Ok(flags) => flags,
        Err(error) if error.use_stderr() => return Err(BadFlag::from_clap(&error, &arguments)),
        Err(text) => return Ok(Command::Print(text.to_string())),
    };
    if flags.hash_password {
        return Ok(Command::HashPassword);
    }
    if flags.listen == Listen::Off && flags.irc == Listen::Off {
        return Err(BadFlag("--listen and --irc can't both be off".to_owned()));
    }
    let config = flags.limits.into_config();
    config.check().map_err(|bad| BadFlag::from_config(&bad))?;
    let settings = Settings {
        listen: flags.listen,
        irc: flags.irc,
        identity: flags.identity,
        threads: flags.threads,
        record: flags.record,
        config,
    };
    Ok(Command::Serve(Box::new(settings)))
}

/// Where to listen, if anywhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Listen {
    On(Address),
    Off,
}

impl FromStr for Listen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            _ => text.parse().map(Self::On),
        }
    }
}

/// `host:port`, where the host is an IP address or a name still to be looked up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Address(String);

impl Address {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.parse::<std::net::SocketAddr>().is_ok() {
            return Ok(Self(text.to_owned()));
        }
        match text.rsplit_once(':') {
            Some((host, port))
                if !host.is_empty()
                    && !host.contains([':', '['])
                    && port.parse::<u16>().is_ok() =>
            {
                Ok(Self(text.to_owned()))
            }
            Some(_) | None => {
                Err("expected HOST:PORT or off, for example 127.0.0.1:6000 or [::1]:6000")
            }
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const NOTES: &str = "\
A TIME is a number with a unit, or several of them: 30s, 5min, 1h 30m.

SIGINT or SIGTERM stops accepting, tells every peer, writes what is queued, \
and exits with 0, all within --shutdown-timeout. A second signal exits at \
once, with 130 for SIGINT and 143 for SIGTERM. SIGHUP reads the files of --motd, \
--opers and --password-file again, as an operator's REHASH does; the log says \
what changed, or what is wrong with them.

A bad flag or a bad RUST_LOG exits with 2, a file or a port that this user \
can't use with 78, and any other failure with 1, as does a server that has not \
stopped a second after --shutdown-timeout; only after 1 may the same flags work \
when the server is started again.

Logs go to standard error. RUST_LOG filters them, for example \
RUST_LOG=rejoin=debug; the default is info. Of lines of one kind, ten a second \
are logged and the others counted, but for those of the levels debug and trace.";

#[derive(Debug, Parser)]
#[command(name = "rejoin", version, about, after_help = NOTES)]
struct Flags {
    /// Address to listen on for the plain protocol, or off; with port 0, a free one is taken.
    #[arg(help_heading = "Server", long, value_name = "HOST:PORT")]
    #[arg(default_value = "127.0.0.1:6000")]
    listen: Listen,

    /// Address to listen on for IRC, or off; with port 0, a free one is taken.
    #[arg(help_heading = "Server", long, value_name = "HOST:PORT")]
    #[arg(default_value = "127.0.0.1:6667")]
    irc: Listen,

    /// Worker threads, at most 1024.
    #[arg(help_heading = "Server", long, value_name = "N")]
    #[arg(default_value = "1", value_parser = threads)]
    threads: NonZeroUsize,

    /// Print the hash of a password, for --opers, and exit; it is asked for, or the first line of
    /// standard input.
    #[arg(help_heading = "IRC", long)]
    hash_password: bool,

    #[command(flatten)]
    identity: Files,

    #[command(flatten)]
    record: Recording,

    #[command(flatten)]
    limits: Limits,
}

/// What the server says of itself to those who speak IRC, partly in files.
#[derive(Clone, Debug, Args)]
pub(crate) struct Files {
    /// Name of the server.
    #[arg(help_heading = "IRC", long = "server-name", value_name = "NAME")]
    #[arg(default_value = "rejoin.localhost", value_parser = word)]
    pub(crate) name: String,

    /// Name of the network.
    #[arg(help_heading = "IRC", long, value_name = "NAME")]
    #[arg(default_value = "rejoin", value_parser = word)]
    pub(crate) network: String,

    /// What the server is, in a few words.
    #[arg(help_heading = "IRC", long = "server-description", value_name = "TEXT")]
    #[arg(default_value = "a chat server that never loses you", value_parser = line)]
    pub(crate) description: String,

    /// How whoever runs the server can be reached.
    #[arg(help_heading = "IRC", long, value_name = "TEXT")]
    #[arg(default_value = "nobody has said how", value_parser = line)]
    pub(crate) admin: String,

    /// File with the message of the day.
    #[arg(help_heading = "IRC", long, value_name = "FILE")]
    pub(crate) motd: Option<PathBuf>,

    /// File with the operators, one NAME:HASH a line; --hash-password makes a HASH.
    #[arg(help_heading = "IRC", long, value_name = "FILE")]
    pub(crate) opers: Option<PathBuf>,

    /// File with the password that every client must give first, ahead of a secret of its own:
    /// PASS PASSWORD:SECRET, or by the plain protocol NAME PASSWORD:SECRET.
    #[arg(help_heading = "IRC", long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

fn word(text: &str) -> Result<String, &'static str> {
    let fits = !text.is_empty() && !text.starts_with(':') && text.len() <= 63;
    if fits && text.chars().all(|c| c.is_ascii_graphic() && c != '=') {
        return Ok(text.to_owned());
    }
    Err("expected one word of at most 63 bytes, without =")
}

fn line(text: &str) -> Result<String, &'static str> {
    if text.len() <= 200 && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err("expected one line of at most 200 bytes")
}

/// What is recorded for the simulator, and where.
#[derive(Debug, Args)]
pub(crate) struct Recording {
    /// File to record in what the server is told, for `cargo sim replay`; secrets are left out. No
    /// file is written over: where FILE is there, FILE.1 is made, and so on.
    #[arg(help_heading = "Record", long = "record", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Whether the record has what people say, or only how long it is.
    #[arg(help_heading = "Record", long = "record-texts", value_name = "yes|no")]
    #[arg(default_value = "yes", value_parser = yes_or_no, action = ArgAction::Set)]
    pub(crate) texts: bool,

    /// Bytes of the record, after which it ends.
    #[arg(help_heading = "Record", long = "record-bytes", value_name = "BYTES")]
    #[arg(default_value_t = 1 << 30)]
    pub(crate) bytes: u64,
}

fn yes_or_no(text: &str) -> Result<bool, &'static str> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("expected yes or no"),
    }
}

/// A flag for each field of [`Config`]; [`Limits::into_config`] does not compile if one
/// is missing.
#[derive(Debug, Args)]
struct Limits {
    /// Bytes in one line, its end not counted; at least 64.
    #[arg(help_heading = "Lines", long, value_name = "BYTES")]
    #[arg(default_value_t = Config::default().line_bytes)]
    line_bytes: NonZeroUsize,

    /// Lines a second that one connection may send, over time; at most 1000000. Each 512 bytes of a
    /// message count as one more.
    #[arg(help_heading = "Lines", long, value_name = "N")]
    #[arg(default_value_t = Config::default().lines_per_second)]
    lines_per_second: NonZeroU32,

    /// Lines that one connection may send at once, after it has been silent.
    #[arg(help_heading = "Lines", long, value_name = "N")]
    #[arg(default_value_t = Config::default().lines_burst)]
    lines_burst: NonZeroU32,

    /// Bytes that one read takes from a socket; at most 1048576.
    #[arg(help_heading = "Lines", long, value_name = "BYTES")]
    #[arg(default_value_t = Config::default().read_bytes)]
    read_bytes: NonZeroUsize,

    /// Time of a core, as estimated, that what one connection asks for may take in a second, over
    /// time; what it sends beyond that waits.
    #[arg(help_heading = "Work", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().work_per_connection.into())]
    work_per_connection: Duration,

    /// The same for all connections from one address (IPv6: from one /64 network) together.
    #[arg(help_heading = "Work", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().work_per_address.into())]
    work_per_address: Duration,

    /// The same for all connections together; while they take more, those who ask for much wait for
    /// one another, and those who ask for little are served soon.
    #[arg(help_heading = "Work", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().work_in_all.into())]
    work_in_all: Duration,

    /// How much of that time may be taken at once, after a silence.
    #[arg(help_heading = "Work", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().work_burst.into())]
    work_burst: Duration,

    /// Time of a core, as estimated, after which one connection, or what is due, makes room for
    /// others.
    #[arg(help_heading = "Work", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().slice.into())]
    slice: Duration,

    /// Time that a connection may take to log in.
    #[arg(help_heading = "Logins", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().login_timeout.into())]
    login_timeout: Duration,

    /// Failed logins on one connection, the last of which ends it.
    #[arg(help_heading = "Logins", long, value_name = "N")]
    #[arg(default_value_t = Config::default().failed_logins_per_connection)]
    failed_logins_per_connection: NonZeroU32,

    /// Wrong guesses from one address at one secret, key or password that are answered at once
    /// within --failed-login-window; the answers to more, right or wrong, take up to half of
    /// --login-timeout.
    #[arg(help_heading = "Logins", long, value_name = "N")]
    #[arg(default_value_t = Config::default().failed_logins_per_address)]
    failed_logins_per_address: NonZeroU32,

    /// Time until all guesses of an address are answered at once again.
    #[arg(help_heading = "Logins", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().failed_login_window.into())]
    failed_login_window: Duration,

    /// Pairs of an address and what it has guessed at that are remembered at once.
    #[arg(help_heading = "Logins", long, value_name = "N")]
    #[arg(default_value_t = Config::default().failed_login_addresses)]
    failed_login_addresses: NonZeroUsize,

    /// The part of --failed-login-addresses that one address may take.
    #[arg(help_heading = "Logins", long, value_name = "N")]
    #[arg(default_value_t = Config::default().failed_login_targets)]
    failed_login_targets: NonZeroUsize,

    /// Bytes of memory for what others can fill: what waits for sockets, mailboxes, rooms and their
    /// lists each have a part of it, and one address (IPv6: one /64 network) a quarter of each.
    #[arg(help_heading = "Connections and peers", long, value_name = "BYTES")]
    #[arg(default_value_t = Config::default().memory)]
    memory: NonZeroUsize,

    /// Connections at once [default: 10000, fewer with less --memory]
    #[arg(help_heading = "Connections and peers", long, value_name = "N")]
    connections: Option<NonZeroUsize>,

    /// Connections at once from one address (IPv6: from one /64 network) [default: 1000, fewer with
    /// less --memory]
    #[arg(help_heading = "Connections and peers", long, value_name = "N")]
    connections_per_address: Option<NonZeroUsize>,

    /// Peers at once, those that are away included [default: 20000, fewer with less --memory]
    #[arg(help_heading = "Connections and peers", long, value_name = "N")]
    peers: Option<NonZeroUsize>,

    /// Peers at once from one address (IPv6: from one /64 network); for one more, the one that
    /// joined last of those that are away expires [default: 2000, fewer with less --memory]
    #[arg(help_heading = "Connections and peers", long, value_name = "N")]
    peers_per_address: Option<NonZeroUsize>,

    /// Time that a peer with a secret keeps its name, rooms and mailbox while it is away.
    #[arg(help_heading = "Connections and peers", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().resume_window.into())]
    resume_window: Duration,

    /// Bytes that may wait for one connection's socket; more than twice --line-bytes by 1024
    /// [default: 1/256 of --memory]
    #[arg(help_heading = "Messages and rooms", long, value_name = "BYTES")]
    outbox_bytes: Option<NonZeroUsize>,

    /// Bytes that may wait in one peer's mailbox; at least one line and what it costs to keep it
    /// [default: 1/128 of --memory]
    #[arg(help_heading = "Messages and rooms", long, value_name = "BYTES")]
    mailbox_bytes: Option<NonZeroUsize>,

    /// Messages that may wait in one peer's mailbox.
    #[arg(help_heading = "Messages and rooms", long, value_name = "N")]
    #[arg(default_value_t = Config::default().mailbox_messages)]
    mailbox_messages: NonZeroUsize,

    /// The part of --mailbox-bytes that mail from one address may take (IPv6: from one /64 network)
    /// [default: 1/256 of --memory]
    #[arg(help_heading = "Messages and rooms", long, value_name = "BYTES")]
    mailbox_bytes_per_address: Option<NonZeroUsize>,

    /// The part of --mailbox-messages that mail from one address may take.
    #[arg(help_heading = "Messages and rooms", long, value_name = "N")]
    #[arg(default_value_t = Config::default().mailbox_messages_per_address)]
    mailbox_messages_per_address: NonZeroUsize,

    /// Messages to one receiver that come back to their sender with their texts, when the receiver
    /// will not get them; of more than that, only how many there are.
    #[arg(help_heading = "Messages and rooms", long, value_name = "N")]
    #[arg(default_value_t = Config::default().bounces)]
    bounces: NonZeroUsize,

    /// Receivers of one message, each room counted as one.
    #[arg(help_heading = "Messages and rooms", long, value_name = "N")]
    #[arg(default_value_t = Config::default().receivers)]
    receivers: NonZeroUsize,

    /// Rooms that one peer may be in.
    #[arg(help_heading = "Messages and rooms", long, value_name = "N")]
    #[arg(default_value_t = Config::default().rooms_per_peer)]
    rooms_per_peer: NonZeroUsize,

    /// Rooms or peers that one answer lists.
    #[arg(help_heading = "Messages and rooms", long, value_name = "N")]
    #[arg(default_value_t = Config::default().listed)]
    listed: NonZeroUsize,

    /// Time that a connection of the plain protocol may be silent before it is sent a probe.
    #[arg(help_heading = "Dead links and the end", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().probe_after.into())]
    probe_after: Duration,

    /// Time that a connection of the plain protocol may be silent before it is given up; longer
    /// than --probe-after.
    #[arg(help_heading = "Dead links and the end", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().silence_timeout.into())]
    silence_timeout: Duration,

    /// Time that an IRC client may be silent before it is sent a PING.
    #[arg(help_heading = "Dead links and the end", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().irc_probe_after.into())]
    irc_probe_after: Duration,

    /// Time that an IRC client may be silent before it is given up; longer than
    /// --irc-probe-after.
    #[arg(help_heading = "Dead links and the end", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().irc_silence_timeout.into())]
    irc_silence_timeout: Duration,

    /// Time that a client may neither take nor acknowledge anything while more waits for it than its
    /// socket takes.
    #[arg(help_heading = "Dead links and the end", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().write_timeout.into())]
    write_timeout: Duration,

    /// Bytes that a client must take or acknowledge a second, over --write-timeout, while more waits
    /// for it than its socket takes.
    #[arg(help_heading = "Dead links and the end", long, value_name = "BYTES")]
    #[arg(default_value_t = Config::default().drain_rate)]
    drain_rate: NonZeroUsize,

    /// Time that a connection which ends may go on to write what is queued.
    #[arg(help_heading = "Dead links and the end", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().flush_timeout.into())]
    flush_timeout: Duration,

    /// Time that the whole server may take to stop.
    #[arg(help_heading = "Dead links and the end", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().shutdown_timeout.into())]
    shutdown_timeout: Duration,

    /// Rooms that one connection may enter at once, and again over --join-window (IRC).
    #[arg(help_heading = "IRC", long, value_name = "N")]
    #[arg(default_value_t = Config::default().joins)]
    joins: NonZeroU32,

    /// Time until a connection may enter as many rooms again.
    #[arg(help_heading = "IRC", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().join_window.into())]
    join_window: Duration,

    /// Names that one connection may take at once, and again over --nick-change-window.
    #[arg(help_heading = "IRC", long, value_name = "N")]
    #[arg(default_value_t = Config::default().nick_changes)]
    nick_changes: NonZeroU32,

    /// Time until a connection may take as many names again.
    #[arg(help_heading = "IRC", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().nick_change_window.into())]
    nick_change_window: Duration,

    /// Peers in one room.
    #[arg(help_heading = "Messages and rooms", long, value_name = "N")]
    #[arg(default_value_t = Config::default().room_members)]
    room_members: NonZeroUsize,

    /// Entries of each list of a channel: bans, exceptions, invitations.
    #[arg(help_heading = "IRC", long, value_name = "N")]
    #[arg(default_value_t = Config::default().list_entries)]
    list_entries: NonZeroUsize,

    /// Names that one connection may MONITOR.
    #[arg(help_heading = "IRC", long, value_name = "N")]
    #[arg(default_value_t = Config::default().monitored)]
    monitored: NonZeroUsize,

    /// Peers who have gone that WHOWAS remembers, and as many of those that were killed.
    #[arg(help_heading = "IRC", long, value_name = "N")]
    #[arg(default_value_t = Config::default().whowas)]
    whowas: NonZeroUsize,

    /// Time that a peer with a secret may be away until others see that it quits.
    #[arg(help_heading = "IRC", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().return_grace.into())]
    return_grace: Duration,

    /// Time that a client may leave its first acknowledgement unanswered while it says other
    /// things; then what its socket has taken counts as read.
    #[arg(help_heading = "IRC", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().ack_timeout.into())]
    ack_timeout: Duration,

    /// Messages behind which a client is asked how far it has read, whatever its --ack-burst.
    #[arg(help_heading = "IRC", long, value_name = "N")]
    #[arg(default_value_t = Config::default().ack_messages)]
    ack_messages: NonZeroUsize,

    /// Bytes, lists included, behind which a client is asked how far it has read, whatever its
    /// --ack-burst.
    #[arg(help_heading = "IRC", long, value_name = "BYTES")]
    #[arg(default_value_t = Config::default().ack_bytes)]
    ack_bytes: NonZeroUsize,

    /// Questions how far it has read that a client gets at once, and then one more each
    /// --ack-interval.
    #[arg(help_heading = "IRC", long, value_name = "N")]
    #[arg(default_value_t = Config::default().ack_burst)]
    ack_burst: NonZeroU32,

    /// Time until a client may be asked once more how far it has read.
    #[arg(help_heading = "IRC", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().ack_interval.into())]
    ack_interval: Duration,

    /// Time that a takeover, and the stop of the server, wait for a client to say how far it has
    /// read.
    #[arg(help_heading = "IRC", long, value_name = "TIME")]
    #[arg(default_value_t = Config::default().answer_timeout.into())]
    answer_timeout: Duration,
}

impl Limits {
    fn into_config(self) -> Config {
        let default = Config::with_memory(self.memory);
        Config {
            memory: self.memory,
            drain_rate: self.drain_rate,
            line_bytes: self.line_bytes,
            lines_per_second: self.lines_per_second,
            lines_burst: self.lines_burst,
            work_per_connection: self.work_per_connection.into(),
            work_per_address: self.work_per_address.into(),
            work_in_all: self.work_in_all.into(),
            work_burst: self.work_burst.into(),
            slice: self.slice.into(),
            login_timeout: self.login_timeout.into(),
            failed_logins_per_connection: self.failed_logins_per_connection,
            failed_logins_per_address: self.failed_logins_per_address,
            failed_login_window: self.failed_login_window.into(),
            failed_login_addresses: self.failed_login_addresses,
            failed_login_targets: self.failed_login_targets,
            probe_after: self.probe_after.into(),
            silence_timeout: self.silence_timeout.into(),
            irc_probe_after: self.irc_probe_after.into(),
            irc_silence_timeout: self.irc_silence_timeout.into(),
            write_timeout: self.write_timeout.into(),
            flush_timeout: self.flush_timeout.into(),
            shutdown_timeout: self.shutdown_timeout.into(),
            connections: self.connections.unwrap_or(default.connections),
            connections_per_address: self
                .connections_per_address
                .unwrap_or(default.connections_per_address),
            peers: self.peers.unwrap_or(default.peers),
            peers_per_address: self.peers_per_address.unwrap_or(default.peers_per_address),
            resume_window: self.resume_window.into(),
            outbox_bytes: self.outbox_bytes.unwrap_or(default.outbox_bytes),
            mailbox_bytes: self.mailbox_bytes.unwrap_or(default.mailbox_bytes),
            mailbox_messages: self.mailbox_messages,
            mailbox_bytes_per_address: self
                .mailbox_bytes_per_address
                .unwrap_or(default.mailbox_bytes_per_address),
            mailbox_messages_per_address: self.mailbox_messages_per_address,
            bounces: self.bounces,
            receivers: self.receivers,
            rooms_per_peer: self.rooms_per_peer,
            listed: self.listed,
            joins: self.joins,
            join_window: self.join_window.into(),
            nick_changes: self.nick_changes,
            nick_change_window: self.nick_change_window.into(),
            room_members: self.room_members,
            list_entries: self.list_entries,
            monitored: self.monitored,
            whowas: self.whowas,
            return_grace: self.return_grace.into(),
            ack_timeout: self.ack_timeout.into(),
            ack_messages: self.ack_messages,
            ack_bytes: self.ack_bytes,
            ack_burst: self.ack_burst,
            ack_interval: self.ack_interval.into(),
            answer_timeout: self.answer_timeout.into(),
            read_bytes: self.read_bytes,
        }
    }
}

/// Threads, few enough that tokio can start them: it panics where the system refuses one.
fn threads(text: &str) -> Result<NonZeroUsize, String> {
    match text.parse::<NonZeroUsize>() {
        Ok(threads) if threads.get() <= 1024 => Ok(threads),
        Ok(_) => Err("must be at most 1024".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
