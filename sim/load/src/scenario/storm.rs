//! A cut that everyone feels: all connections drop at once, mail is kept, everyone comes back.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{Effort, Figures, Mark, Target};
use crate::dialect::{Client, Dialect, Place, Role};
use crate::login::{Login, each_line, log_in};
use crate::text::{self, Batch, Number, Template};
use crate::wire::{Talk, Wire};

/// How long each part may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who writes the mail.
const SENDER: &str = "sender";

pub(super) fn run(target: &Target, effort: &Effort, peers: usize, mail: usize) -> Result<Figures> {
    let mut wire = Wire::new(target.address)?;
    let dialect = target.dialect;
    let sender = Client::new(SENDER, Role::Idle);
    let sender = log_in(&mut wire, dialect, &[sender])?[0];
    let clients: Vec<_> = (0..peers)
        .map(|peer| Client::new(format!("p{peer}"), Role::Idle).resumable())
        .collect();
    let conns = log_in(&mut wire, dialect, &clients)?;
    let text = text::text(0, effort.text_bytes);
    let mut storm = Storm {
        dialect,
        sender,
        mail: mail as u64,
        returns: Vec::new(),
        kept: 0,
        gone: 0,
        back: 0,
    };
    let dropped = Instant::now();
    for conn in conns {
        wire.hang_up(conn);
    }
    while storm.gone < peers {
        ensure!(dropped.elapsed() < PATIENCE, "only {} are gone", storm.gone);
        wire.turn(Some(Duration::from_secs(1)), &mut storm)?;
    }
    write_mail(&mut wire, &mut storm, &clients, &text)?;

    let expected = dialect.heard(SENDER, &Place::Peer(String::new()), &text);
    let start = Mark::now(target, 0)?;
    for client in &clients {
        let conn = wire.connect()?;
        storm.returns.resize_with(conn + 1, || None);
        storm.returns[conn] = Some(Return {
            login: Some(Login::begin(dialect, client, &mut wire, conn)?),
            number: Number::ZERO,
            heard: 0,
            template: Template {
                head: expected.starts.clone(),
                tail: expected.tail.clone(),
            },
        });
    }
    while storm.back < peers {
        ensure!(
            start.at.elapsed() < PATIENCE,
            "only {} are back",
            storm.back
        );
        wire.turn(Some(Duration::from_secs(1)), &mut storm)?;
    }
    let end = Mark::now(target, peers as u64)?;
    Ok(Figures {
        seconds: Some((end.at - start.at).as_secs_f64()),
        ..start.to(&end)
    })
}

/// Writes mail to everyone while they are away.
fn write_mail(wire: &mut Wire, storm: &mut Storm, clients: &[Client], text: &str) -> Result<()> {
    let mut number = Number::ZERO;
    let start = Instant::now();
    for round in 0..storm.mail {
        let mut next = number;
        for client in clients {
            let place = Place::Peer(client.name.clone());
            let mut frame = Batch::new(&storm.dialect.said(&place, text), 1);
            next = number;
            wire.send(storm.sender, frame.next(&mut next))?;
        }
        number = next;
        while storm.kept < (round + 1) * clients.len() as u64 {
            ensure!(
                start.elapsed() < PATIENCE,
                "only {} pieces are kept",
                storm.kept
            );
            wire.turn(Some(Duration::from_secs(1)), storm)?;
        }
    }
    Ok(())
}

struct Storm {
    dialect: Dialect,
    sender: usize,
    /// How much is kept for each.
    mail: u64,
    /// By connection.
    returns: Vec<Option<Return>>,
    /// Pieces of mail of which the server said that it keeps them.
    kept: u64,
    /// Connections that ended when they were dropped.
    gone: usize,
    back: usize,
}

struct Return {
    /// Until the client is logged in.
    login: Option<Login>,
    number: Number,
    heard: u64,
    template: Template,
}

impl Talk for Storm {
    fn received(&mut self, wire: &mut Wire, conn: usize, bytes: &[u8]) -> Result<usize> {
        if conn == self.sender {
            return each_line(bytes, |line| {
                self.kept += u64::from(line.starts_with("* kept "));
                ensure!(!self.dialect.is_error(line), "unexpected: {line}");
                Ok(())
            });
        }
        let (dialect, mail) = (self.dialect, self.mail);
        let Some(Some(client)) = self.returns.get_mut(conn) else {
            return Ok(bytes.len());
        };
        let mut came_back = false;
        let used = each_line(bytes, |line| {
            if let Some(login) = &mut client.login {
                if login.line(dialect, wire, conn, line)? {
                    let promised = format!(" {mail}");
                    ensure!(line.ends_with(&promised), "not all was kept: {line}");
                    client.login = None;
                }
                return Ok(());
            }
            let frame = [dialect.without_time(line).as_bytes(), b"\n"].concat();
            let template = &client.template;
            let is_next = frame.len() == template.bytes() && template.is(&frame, &client.number);
            ensure!(is_next, "unexpected: {line}");
            client.number.count();
            client.heard += 1;
            came_back |= client.heard == mail;
            Ok(())
        })?;
        self.back += usize::from(came_back);
        Ok(used)
    }

    fn closed(&mut self, _wire: &mut Wire, conn: usize) -> Result<()> {
        let was_dropped = conn != self.sender && self.returns.is_empty();
        ensure!(was_dropped, "the server closes a connection");
        self.gone += 1;
        Ok(())
    }
}
