//! What takes long to look up, or to tell.

use std::time::Duration;

use anyhow::Result;

use super::crowd::{barrage, crowd, every, swallow_all};
use crate::attack::client::Client;
use crate::attack::field::{Field, GUILTY};
use crate::dialect::Dialect;

/// Rooms that one may be in.
const ROOMS: usize = 32;

/// Lines that one connection may say at once, but for its login.
const BURST: usize = 190;

/// How often a crowd reads what it is told.
const DRAIN: Duration = Duration::from_millis(20);

/// `JOIN` of so many rooms from one on.
fn join(first: usize) -> String {
    let rooms: Vec<_> = (first..first + ROOMS)
        .map(|room| format!("#r{room}"))
        .collect();
    format!("JOIN {}", rooms.join(","))
}

/// Many rooms, and masks that match none of them and take long to find that out.
pub(super) fn masks(field: &Field) -> Result<()> {
    let guests = field.size(100, 990);
    let mut guests = crowd(field, "guest", guests, |index| join(index * ROOMS))?;
    field.ready();
    let masks = vec!["*aaaaaaaaaaaaaaaab"; 24].join(",");
    let lines = [
        format!("LIST {masks}\r\n"),
        "WHO *a*a*a*a*a*a*a*a*a*a*b\r\n".to_owned(),
        "WHO *aaaaaaaaaaaaaaaaaaaab\r\n".to_owned(),
        "WHOWAS guest1,guest2,guest3\r\n".to_owned(),
    ];
    let burst = |number: usize| {
        let one = &lines[number % lines.len()];
        one.repeat(BURST)
    };
    let drain = every(DRAIN, || swallow_all(&mut guests));
    barrage(field, 4, |_| GUILTY, burst, drain)
}

/// Somebody whom many see, and who changes all the time.
pub(super) fn seen(field: &Field) -> Result<()> {
    let guests = field.size(40, 300);
    let mut guests = crowd(field, "guest", guests, |_| join(0))?;
    field.ready();
    let burst = |number: usize| {
        let changes = (0..BURST - 10).map(|n| match n % 4 {
            0 => format!("AWAY :away {n}\r\n"),
            1 => format!("SETNAME :name {n}\r\n"),
            2 => format!("NICK other{number}x{n}\r\n"),
            _ => "AWAY\r\n".to_owned(),
        });
        let all: String = changes.collect();
        format!("{}\r\n{all}", join(0))
    };
    let drain = every(DRAIN, || swallow_all(&mut guests));
    barrage(field, 4, |_| GUILTY, burst, drain)
}

/// Lists of many names for those who hardly read them.
pub(super) fn names(field: &Field) -> Result<()> {
    let guests = field.size(60, 500);
    let mut guests = crowd(field, "guest", guests, |_| join(0))?;
    let mut readers = Vec::new();
    for index in 0..field.size(20, 100) {
        let mut client = Client::connect_narrow(field.irc, GUILTY, Dialect::Irc)?;
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
pub(super) fn peers(field: &Field) -> Result<()> {
    field.ready();
    let mut names = Names {
        most: field.size(2_000, 40_000),
        next: 0,
        under_way: Vec::new(),
    };
    let burst = |_| "LIST\r\n".repeat(BURST);
    barrage(
        field,
        1,
        |_| GUILTY,
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
    fn go_on(&mut self, field: &Field) {
        let before = self.under_way.len();
        // Each may go as soon as it was answered, one way or the other.
        self.under_way
            .retain_mut(|client| !client.has_heard("PONG"));
        field.count("names", (before - self.under_way.len()) as u64);
        while self.under_way.len() < 100 && self.next < self.most {
            let Ok(mut client) = field.irc(GUILTY) else {
                return;
            };
            let login = format!("PASS secret-of-many\r\nNICK name{}", self.next);
            let join = join(self.next * ROOMS);
            client
                .offer(format!("{login}\r\nUSER u 0 * :r\r\n{join}\r\nPING :done\r\n").as_bytes());
            self.under_way.push(client);
            self.next += 1;
        }
    }
}
