//! Clients that come and go.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{Effort, Figures, Mark, Target};
use crate::dialect::{Client, Dialect, Role};
use crate::login::{Login, each_line};
use crate::wire::{Talk, Wire};

pub(super) fn run(target: &Target, effort: &Effort, at_once: usize) -> Result<Figures> {
    let mut wire = Wire::new(target.address)?;
    let mut churn = Churn {
        dialect: target.dialect,
        visits: Vec::new(),
        begun: 0,
        ended: 0,
        ends: false,
    };
    for _ in 0..at_once {
        churn.begin(&mut wire)?;
    }
    churn.go_on(&mut wire, effort.warm_up)?;
    let start = Mark::now(target, churn.ended)?;
    churn.go_on(&mut wire, effort.measured)?;
    let end = Mark::now(target, churn.ended)?;
    churn.ends = true;
    let patience = Instant::now() + Duration::from_secs(30);
    while churn.ended < churn.begun {
        ensure!(Instant::now() < patience, "some connections do not end");
        wire.turn(Some(Duration::from_millis(100)), &mut churn)?;
    }
    Ok(start.to(&end))
}

struct Churn {
    dialect: Dialect,
    /// By connection.
    visits: Vec<Visit>,
    begun: u64,
    ended: u64,
    /// Whether nobody comes any more.
    ends: bool,
}

enum Visit {
    Comes(Login),
    Goes,
}

impl Churn {
    fn begin(&mut self, wire: &mut Wire) -> Result<()> {
        let conn = wire.connect()?;
        self.begun += 1;
        let client = Client::new(format!("n{}", self.begun), Role::Idle);
        let login = Login::begin(self.dialect, &client, wire, conn)?;
        debug_assert_eq!(conn, self.visits.len());
        self.visits.push(Visit::Comes(login));
        Ok(())
    }

    fn end(&mut self, wire: &mut Wire) -> Result<()> {
        self.ended += 1;
        if self.ends { Ok(()) } else { self.begin(wire) }
    }

    fn go_on(&mut self, wire: &mut Wire, duration: Duration) -> Result<()> {
        let end = Instant::now() + duration;
        while let Some(wait) = end.checked_duration_since(Instant::now()) {
            wire.turn(Some(wait.max(Duration::from_millis(1))), self)?;
        }
        Ok(())
    }
}

impl Talk for Churn {
    fn received(&mut self, wire: &mut Wire, conn: usize, bytes: &[u8]) -> Result<usize> {
        let dialect = self.dialect;
        let mut is_ready = false;
        let visit = &mut self.visits[conn];
        let used = each_line(bytes, |line| {
            if let Visit::Comes(login) = visit
                && login.line(dialect, wire, conn, line)?
            {
                *visit = Visit::Goes;
                is_ready = true;
            }
            Ok(())
        })?;
        if is_ready {
            if dialect.goodbye().is_empty() {
                wire.close(conn);
                self.end(wire)?;
            } else {
                wire.send(conn, dialect.goodbye().as_bytes())?;
            }
        }
        Ok(used)
    }

    fn closed(&mut self, wire: &mut Wire, conn: usize) -> Result<()> {
        let goes = matches!(self.visits[conn], Visit::Goes);
        ensure!(
            goes,
            "the server closes a connection on which a client logs in"
        );
        self.end(wire)
    }
}
