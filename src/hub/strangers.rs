//! Clients that speak what is not spoken here, and are turned away before they have done anything.

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use super::{Digest, Hub, Outputs, Session};
use crate::broker::{Input, StopReason};
use crate::id::{ConnId, Time};
use crate::wire::lines::{Line, Lines};
use crate::wire::stranger::Stranger;

impl<D: Digest> Hub<D> {
    /// Whether a connection that has not logged in begins its next line as a stranger does; then it
    /// is turned away.
    pub(super) fn is_strange(
        &mut self,
        now: Time,
        conn: ConnId,
        lines: &Lines,
        input: &[u8],
        out: &mut Outputs,
    ) -> bool {
        let (start, length) = lines.start::<{ Stranger::START_BYTES }>(input);
        let stranger = Stranger::of_start(&start[..length]);
        self.turn_away_if(now, conn, stranger, out)
    }

    /// The same of a whole line.
    pub(super) fn is_strange_line(
        &mut self,
        now: Time,
        conn: ConnId,
        line: Line<'_>,
        out: &mut Outputs,
    ) -> bool {
        let Line::Whole(line) = line else {
            return false;
        };
        let stranger = match self.link(conn).session {
            Session::Plain(_) => Stranger::of_plain_line(line),
            Session::Irc(_) => Stranger::of_line(line),
        };
        self.turn_away_if(now, conn, stranger, out)
    }

    fn turn_away_if(
        &mut self,
        now: Time,
        conn: ConnId,
        stranger: Option<Stranger>,
        out: &mut Outputs,
    ) -> bool {
        let Some(stranger) = stranger else {
            return false;
        };
        for observer in &mut self.observers {
            observer.hidden(stranger.example());
        }
        let why = self.why_not(conn, stranger);
        if stranger == Stranger::Irc {
            // So that its last line is one that its client shows.
            self.link(conn).session = Session::Irc(Box::default());
        }
        let reason = StopReason::OtherProtocol;
        self.apply(now, Input::GiveUp { conn, reason }, Some(&why), out);
        true
    }

    /// Why a stranger is turned away, and where it should go.
    fn why_not(&mut self, conn: ConnId, stranger: Stranger) -> String {
        let speaks_irc = matches!(self.link(conn).session, Session::Irc(_));
        match stranger {
            Stranger::Http => "this is a chat server, and no web server".to_owned(),
            Stranger::Tls if speaks_irc => {
                "this port speaks IRC without TLS; switch TLS off in your client".to_owned()
            }
            Stranger::Tls => "this port does not speak TLS".to_owned(),
            Stranger::Irc => match self.irc.identity.ports.irc {
                Some(port) => format!("this port speaks plain lines; IRC is on port {port}"),
                None => "this port speaks plain lines, and not IRC".to_owned(),
            },
        }
    }

    /// What somebody is told who seems to type plain lines where IRC is spoken.
    pub(super) fn where_plain_lines_are(&self) -> String {
        match self.irc.identity.ports.plain {
            Some(port) => format!("this port speaks IRC, and plain lines are on port {port}"),
            None => "this port speaks IRC".to_owned(),
        }
    }
}
