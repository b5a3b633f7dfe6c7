//! Small configurations, so that each limit is met within a few steps.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use rejoin::Config;

/// How many settings there are.
pub const SETTINGS: usize = 5;

/// The setting with this index, modulo their number.
///
/// Each is tight in one way and roomy in the others, since a limit that is met too early hides
/// what lies behind it.
pub fn setting(index: usize) -> Config {
    let roomy = Config {
        login_timeout: Duration::from_millis(70),
        resume_window: Duration::from_millis(50),
        mailbox_messages: size(50),
        bounces: size(2),
        mailbox_bytes: size(1 << 16),
        receivers: size(4),
        rooms_per_peer: size(2),
        listed: size(10),
        line_bytes: size(Config::MIN_LINE_BYTES),
        ack_messages: size(8),
        ack_burst: count(2),
        ack_interval: Duration::from_millis(20),
        answer_timeout: Duration::from_millis(5),
        ..Config::default()
    };
    let config = match index % SETTINGS {
        0 => roomy,
        1 => Config {
            mailbox_messages: size(2),
            mailbox_messages_per_address: size(1),
            ..roomy
        },
        2 => Config {
            mailbox_bytes: size(Config::MIN_LINE_BYTES + 2 * Config::MAIL_OVERHEAD),
            resume_window: Duration::from_millis(3),
            ..roomy
        },
        3 => Config {
            peers: size(2),
            peers_per_address: size(1),
            rooms_per_peer: size(1),
            receivers: size(2),
            listed: size(1),
            mailbox_messages: size(1),
            ..roomy
        },
        // Two or three pieces of mail fit into a slice.
        _ => Config {
            slice: Duration::from_micros(2),
            bounces: size(1),
            ..roomy
        },
    };
    config.check().expect("each setting is a valid one");
    config
}

/// What IRC says to who comes back fits in, with labels and with tags for them.
const SMALL_OUTBOX_BYTES: usize = 12 << 10;

/// The setting with this index, for the whole server: its waits are short, so that a simulation
/// sees their ends.
pub fn network(index: usize) -> Config {
    let config = Config {
        login_timeout: Duration::from_millis(100),
        resume_window: Duration::from_millis(150),
        probe_after: Duration::from_millis(100),
        silence_timeout: Duration::from_millis(200),
        irc_probe_after: Duration::from_millis(80),
        irc_silence_timeout: Duration::from_millis(150),
        write_timeout: Duration::from_millis(200),
        flush_timeout: Duration::from_millis(50),
        shutdown_timeout: Duration::from_millis(100),
        lines_per_second: count(10_000),
        lines_burst: count(10_000),
        failed_logins_per_connection: count(3),
        joins: count(10_000),
        nick_changes: count(10_000),
        return_grace: Duration::from_millis(40),
        ack_timeout: Duration::from_millis(120),
        ack_messages: size(3),
        ack_bytes: size(4 << 10),
        ack_burst: count(3),
        ack_interval: Duration::from_millis(60),
        answer_timeout: Duration::from_millis(30),
        peers: size(50),
        peers_per_address: size(50),
        receivers: size(4),
        line_bytes: size(1024),
        outbox_bytes: size(if index.is_multiple_of(2) {
            1 << 16
        } else {
            SMALL_OUTBOX_BYTES
        }),
        mailbox_bytes: size(if index.is_multiple_of(2) {
            1 << 16
        } else {
            4 << 10
        }),
        ..setting(index)
    };
    config.check().expect("each setting is a valid one");
    config
}

const fn count(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).expect("no limit is zero")
}

const fn size(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("no limit is zero")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_valid_and_differ() {
        for index in 1..SETTINGS {
            assert_ne!(setting(index), setting(index - 1));
        }
    }
}
