//! What takes long to look up, or to tell.

use std::time::Duration;

use anyhow::Result;

use super::crowd::{barrage, crowd, every, swallow_all};
use crate::attack::PATIENCE;
use crate::attack::client::Client;
use crate::attack::field::{Attack, INNOCENT};
use crate::dialect::Dialect;

/// Rooms that one may be in.
const ROOMS: usize = 32;

/// Lines that one connection may say at once, but for its login.
const BURST: usize = 190;

/// Entries of a long list of bans.
const BANS: usize = 90;

/// How long after one of them the next of those comes who only are there.
const PACE: Duration = Duration::from_millis(5);

/// How often a crowd reads what it is told.
const DRAIN: Duration = Duration::from_millis(20);

/// A mask that no name of a room, a user or an address here matches, and that finds this out late.
const SLOW_MASK: &str = "*a*a*a*a*a*a*a*a*a*a*b";

/// `JOIN` of as many rooms as one may be in, from this number on.
fn join(name: &str, first: usize) -> String {
    let rooms = (first..first + ROOMS).map(|room| format!("{name}{room}"));
    let rooms: Vec<_> = rooms.collect();
    format!("JOIN {}", rooms.join(","))
}

/// Many rooms, and masks that match none of them and take long to find that out.
pub(super) fn masks(field: &Attack<'_>) -> Result<()> {
    let guests = field.size(100, 990);
    // What is tried last of a name is what a mask looks for longest.
    let rooms = format!("#{}", "a".repeat(24));
    let mut guests = crowd(field, ("maskaa", guests, Duration::ZERO), |index| {
        join(&rooms, index * ROOMS)
    })?;
    let mut owner = field.irc(INNOCENT)?;
    owner.log_in("maskowner", None, PATIENCE)?;
    let bans = (0..BANS).map(|n| format!("MODE #bans +b {SLOW_MASK}{n}!{SLOW_MASK}@*\r\n"));
    let bans: String = bans.collect();
    owner.line(&format!("JOIN #bans\r\n{bans}PING :done"));
    owner.until(&["PONG"], PATIENCE)?;
    field.ready();
    let masks = vec!["*aaaaaaaaaaaaaaaaab"; 24].join(",");
    let lines = [
        format!("LIST {masks}\r\n"),
        format!("WHO {SLOW_MASK}\r\n"),
        "WHO *aaaaaaaaaaaaaaaaaaaab\r\n".to_owned(),
        "WHOWAS maskaa1,maskaa2,maskaa3\r\n".to_owned(),
        "JOIN #bans\r\nPART #bans\r\n".to_owned(),
    ];
    let burst = |number: usize| {
        let one = &lines[number % lines.len()];
        one.repeat(BURST)
    };
    let drain = every(DRAIN, || {
        owner.swallow();
        swallow_all(&mut guests)
    });
    // Two connections for each kind of line.
    let connections = 2 * lines.len();
    barrage(field, ("mask", connections), |_| field.guilty, burst, drain)
}

/// Somebody whom many see, and who changes all the time.
pub(super) fn seen(field: &Attack<'_>) -> Result<()> {
    let guests = field.size(40, 300);
    let mut guests = crowd(field, ("seen", guests, PACE), |_| join("#seen", 0))?;
    field.ready();
    let burst = |number: usize| {
        let changes = (0..BURST - 10).map(|n| match n % 4 {
            0 => format!("AWAY :away {n}\r\n"),
            1 => format!("SETNAME :name {n}\r\n"),
            2 => format!("NICK o{number}x{n}\r\n"),
            _ => "AWAY\r\n".to_owned(),
        });
        let all: String = changes.collect();
        format!("{}\r\n{all}", join("#seen", 0))
    };
    let drain = every(DRAIN, || swallow_all(&mut guests));
    barrage(field, ("s", 4), |_| field.guilty, burst, drain)
}

/// Lists of many names for those who hardly read them.
pub(super) fn names(field: &Attack<'_>) -> Result<()> {
    let guests = field.size(60, 500);
    let mut guests = crowd(field, ("name", guests, PACE), |_| join("#names", 0))?;
    let mut readers = Vec::new();
    for index in 0..field.size(20, 100) {
        let mut client = Client::connect_narrow(field.irc, field.guilty, Dialect::Irc)?;
        let names = "NAMES\r\n".repeat(60);
        let lines = format!("NICK reader{index}\r\nUSER u 0 * :r\r\n{names}");
        client.say(lines.as_bytes(), || field.goes_on());
        readers.push(client);
    }
    field.ready();
    // 64 kB in 10 s each.
    while field.goes_on() {
        for reader in &mut readers {
            reader.sip(650);
        }
        swallow_all(&mut guests)?;
        field.sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// As many names as there can be, each in as many rooms as one may be in, and lists of them.
pub(super) fn peers(field: &Attack<'_>) -> Result<()> {
    field.ready();
    let mut names = Names {
        most: field.size(2_000, 40_000),
        next: 0,
        under_way: Vec::new(),
    };
    let burst = |_| "LIST\r\n".repeat(BURST);
    barrage(
        field,
        ("list", 1),
        |_| field.guilty,
        burst,
        || {
            names.go_on(field);
            Ok(())
        },
    )
}

/// Names that are taken with a secret, and stay when their connections drop.
struct Names {
    most: usize,
    next: usize,
    under_way: Vec<Client>,
}

impl Names {
    fn go_on(&mut self, field: &Attack<'_>) {
        let before = self.under_way.len();
        // Each may go as soon as it was answered, one way or the other.
        self.under_way
            .retain_mut(|client| !client.has_heard("PONG"));
        field.count("names", (before - self.under_way.len()) as u64);
        while self.under_way.len() < 100 && self.next < self.most {
            let Ok(mut client) = field.irc(field.guilty) else {
                return;
            };
            let login = format!("PASS secret-of-many\r\nNICK peer{}", self.next);
            let join = join("#peers", self.next * ROOMS);
            client
                .offer(format!("{login}\r\nUSER u 0 * :r\r\n{join}\r\nPING :done\r\n").as_bytes());
            self.under_way.push(client);
            self.next += 1;
        }
    }
}
