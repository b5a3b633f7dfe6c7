//! One who does not read, while much is said to it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::{Effort, Figures, Target};
use crate::dialect::{Client, Dialect, Place, Role};
use crate::login::{Login, each_line, log_in};
use crate::process;
use crate::text::{self, Batch, DIGITS, Number};
use crate::wire::{Talk, Wire};

/// How long each part may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Messages that are said at once.
const BATCH: usize = 500;

/// Says so much to one who does not read, and lets it read then: what it gets on its dead
/// connection, what it finds when it comes back, and what came back to its sender must be
/// everything that was not refused, each once, and in order.
pub(super) fn run(target: &Target, effort: &Effort, messages: usize) -> Result<Figures> {
    let mut wire = Wire::new(target.address)?;
    let dialect = target.dialect;
    let place = Place::Peer("sloth".into());
    let sloth = Client::new("sloth", Role::Hears(place.clone())).resumable();
    let clients = [
        sloth,
        Client::new("sender", Role::Speaks(place.clone())).resumable(),
    ];
    let conns = log_in(&mut wire, dialect, &clients)?;
    let (listener, sender) = (conns[0], conns[1]);
    wire.ignore(listener);
    let mut slow = Slow {
        dialect,
        text: text::text(0, effort.text_bytes),
        sender,
        listener,
        login: None,
        heard: Vec::new(),
        returned: Vec::new(),
        more_returned: 0,
        refused: 0,
        pongs: 0,
        is_gone: false,
        start: Instant::now(),
    };
    let batches = messages.div_ceil(BATCH);
    let held = slow.speak(&mut wire, target, &place, batches)?;
    slow.come_back(&mut wire, &clients[0])?;
    let said = batches * BATCH;
    slow.hear(&mut wire, said)?;
    slow.check(said)?;
    Ok(Figures {
        count: said as u64,
        kib: held.map(|bytes| bytes as f64 / 1024.0),
        ..Figures::default()
    })
}

struct Slow {
    dialect: Dialect,
    text: String,
    sender: usize,
    listener: usize,
    login: Option<Login>,
    heard: Vec<u64>,
    returned: Vec<u64>,
    /// Messages that came back besides, without their texts.
    more_returned: usize,
    /// Messages that were not accepted, as the mailbox is full.
    refused: usize,
    pongs: u64,
    /// Whether the slow reader's first connection has ended.
    is_gone: bool,
    start: Instant,
}

impl Slow {
    /// The sender says so many batches. Returns by how much the memory of the server grows
    /// meanwhile, if its process is known.
    fn speak(
        &mut self,
        wire: &mut Wire,
        target: &Target,
        place: &Place,
        batches: usize,
    ) -> Result<Option<u64>> {
        let before = target.pid.map(process::memory).transpose()?;
        let mut most = before;
        let mut batch = Batch::new(&self.dialect.said(place, &self.text), BATCH);
        let (mut number, mut asked) = (Number::ZERO, 0);
        for _ in 0..batches {
            wire.send(self.sender, batch.next(&mut number))?;
            // An answer to a question after them shows that the server has taken them.
            wire.send(self.sender, b"/who #nowhere\n")?;
            asked += 1;
            while self.pongs < asked {
                let is_early = self.start.elapsed() < PATIENCE;
                ensure!(is_early, "the sender is held up");
                wire.turn(Some(Duration::from_secs(1)), self)?;
            }
            most = most.max(target.pid.map(process::memory).transpose()?);
        }
        Ok(before.zip(most).map(|(before, most)| most - before))
    }

    /// The slow reader reads until its connection ends, and logs in on another.
    fn come_back(&mut self, wire: &mut Wire, sloth: &Client) -> Result<()> {
        wire.hear(self.listener, self)?;
        while !self.is_gone {
            let is_early = self.start.elapsed() < PATIENCE;
            ensure!(is_early, "the server holds on to a slow reader");
            wire.turn(Some(Duration::from_millis(10)), self)?;
        }
        self.listener = wire.connect()?;
        let login = Login::begin(self.dialect, sloth, wire, self.listener)?;
        self.login = Some(login);
        Ok(())
    }

    /// Until it is known what has become of all that was said.
    fn hear(&mut self, wire: &mut Wire, said: usize) -> Result<()> {
        while self.known() < said {
            ensure!(
                self.start.elapsed() < PATIENCE,
                "of {said} messages {} were heard, {} came back, and {} were refused",
                self.heard.len(),
                self.returned.len() + self.more_returned,
                self.refused
            );
            wire.turn(Some(Duration::from_secs(1)), self)?;
        }
        Ok(())
    }

    /// Of how many messages it is known what has become of them.
    fn known(&self) -> usize {
        self.heard.len() + self.returned.len() + self.more_returned + self.refused
    }

    /// The number of a message.
    fn number(&self, text: &str) -> Result<u64> {
        let (digits, rest) = text.split_at_checked(DIGITS).context("no message")?;
        ensure!(rest == &self.text[DIGITS..], "not what was said: {text}");
        digits
            .parse()
            .with_context(|| format!("no number: {digits}"))
    }

    fn check(&mut self, said: usize) -> Result<()> {
        for list in [&self.heard, &self.returned] {
            ensure!(list.is_sorted(), "messages are out of order");
        }
        let mut all = [&self.heard[..], &self.returned].concat();
        all.sort_unstable();
        all.dedup();
        ensure!(
            all.len() + self.more_returned + self.refused == said,
            "messages are missing, or came twice"
        );
        let last = all.last().is_none_or(|&last| last < said as u64);
        ensure!(last, "a message was never said");
        Ok(())
    }
}

/// How many more messages come back, as `why` says.
fn more(why: &str) -> Result<usize> {
    let Some((_, count)) = why.split_once(" and ") else {
        return Ok(0);
    };
    let count = count.strip_suffix(" more").context("no count")?;
    count.parse().with_context(|| format!("no count: {count}"))
}

impl Talk for Slow {
    fn received(&mut self, wire: &mut Wire, conn: usize, bytes: &[u8]) -> Result<usize> {
        each_line(bytes, |line| {
            let dialect = self.dialect;
            if conn == self.sender {
                let back = line.strip_prefix("* undelivered sloth ");
                if let Some((why, text)) = back.and_then(|back| back.split_once(": ")) {
                    let number = self.number(text)?;
                    self.returned.push(number);
                    self.more_returned += more(why)?;
                } else if line.starts_with("* error no-such-room") || line.starts_with("* end who")
                {
                    self.pongs += 1;
                } else if line == "* error mailbox-full sloth" {
                    self.refused += 1;
                } else if !line.starts_with("* kept ") {
                    bail!("unexpected: {line}");
                }
            } else if let Some(login) = &mut self.login {
                if login.line(dialect, wire, conn, line)? {
                    self.login = None;
                }
            } else if let Some(text) = dialect.without_time(line).strip_prefix("from sender: ") {
                let number = self.number(text)?;
                self.heard.push(number);
            }
            Ok(())
        })
    }

    fn closed(&mut self, _wire: &mut Wire, conn: usize) -> Result<()> {
        ensure!(
            conn == self.listener && !self.is_gone,
            "the server closes a connection"
        );
        self.is_gone = true;
        Ok(())
    }
}
