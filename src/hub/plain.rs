//! What comes of a line of the plain protocol.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use super::given::Password;
use super::guesses::{Attempt, Key, Target};
use super::irc::room::{MayNotJoin, MayNotSpeak};
use super::lists::Listing;
use super::logins::Login;
use super::{Act, Digest, Hub, Outputs, Understood};
use crate::Config;
use crate::broker::effect::MAILBOX;
use crate::broker::{Broker, Event, Form, Input, Receiver, Request};
use crate::id::{ConnId, Name, Texts, Time};
use crate::wire::lines::Line;
use crate::wire::plain::{self, Command, Mistake, Saying};
use crate::wire::telnet::Telnet;

/// What is known of a connection that speaks plain.
#[derive(Clone, Default, Debug)]
pub(super) struct Session {
    pub(super) telnet: Telnet,
    /// The list that it is being told.
    pub(super) listing: Option<Box<Listing>>,
}

/// What one connection says to the same receiver, line after line: the broker hears it at once.
///
/// What is said to several is a run of one line: as much comes of each line as there are receivers,
/// and each is answered before the next. Between two calls of the hub it is empty.
#[derive(Default, Debug)]
pub(super) struct Run {
    /// The receivers, as they are spelled.
    spelled: String,
    to: Vec<Receiver>,
    texts: Texts,
    bytes: usize,
    /// In how many mailboxes each text is kept.
    absent: usize,
}

impl Run {
    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// What it will cost in an outbox, roughly.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// What it will be to keep it in mailboxes, roughly.
    pub(super) fn work(&self) -> u64 {
        self.texts.len() as u64 * self.absent as u64 * MAILBOX
    }

    fn goes_on_with(&self, command: &Result<Command<'_>, Mistake>) -> bool {
        let Ok(Command::Say(saying)) = command else {
            return false;
        };
        self.to.len() == 1 && saying.to() == self.spelled
    }

    fn add(&mut self, saying: Saying<'_>, broker: &Broker) {
        if self.is_empty() {
            self.spelled.push_str(saying.to());
            self.to = saying.receivers();
            let absent = self.to.iter().map(|to| broker.count_absent(to));
            self.absent = absent.sum();
        }
        let text = saying.text();
        // A frame costs its bytes, and what its mail costs.
        let overhead = Config::MAIL_OVERHEAD + Config::FRAME_OVERHEAD;
        self.bytes += 2 * text.len() + overhead;
        self.texts.push_printable(text);
    }

    /// Empties it, and asks the broker to deliver what was in it.
    fn end(&mut self) -> Request {
        self.spelled.clear();
        self.bytes = 0;
        let to = mem::take(&mut self.to);
        let said = self.texts.take().into();
        Request::Send { to, said }
    }
}

impl<D: Digest> Hub<D> {
    pub(super) fn plain_line(
        &mut self,
        now: Time,
        (conn, is_online): (ConnId, bool),
        line: Line<'_>,
        out: &mut Outputs,
    ) {
        self.count_line(now, conn);
        let command = match line {
            Line::TooLong => Err(Mistake::LineTooLong {
                limit: self.limits.line_bytes,
            }),
            Line::Whole(line) if is_online => plain::parse_again(line, &self.run.spelled),
            Line::Whole(line) => plain::parse_login(line),
        };
        for observer in &mut self.observers {
            observer.line(line, Understood::Plain(&command));
        }
        if !self.run.goes_on_with(&command) {
            self.end_run(now, conn, out);
        }
        match command {
            Ok(Command::Say(saying)) => {
                self.count_said(now, conn, saying.text().len());
                self.run.add(saying, &self.broker);
            }
            Ok(Command::LogIn { name, given }) => self.plain_log_in(now, conn, name, given, out),
            Ok(Command::Request(request)) => self.plain_request(now, conn, request, out),
            Ok(Command::Rooms) => self.begin_list(conn, Listing::rooms(), out),
            Ok(Command::Who { room }) => self.begin_list(conn, Listing::peers(room), out),
            Ok(Command::Help) => {
                let help = self.frame(plain::write_help);
                out.send([conn], help, true);
            }
            Ok(Command::Pong) => {}
            Err(mistake) => self.mistake(now, conn, mistake, out),
        }
    }

    /// What a connection has said is heard before anything else happens.
    pub(super) fn end_run(&mut self, now: Time, conn: ConnId, out: &mut Outputs) {
        if !self.run.is_empty() {
            let request = self.run.end();
            self.plain_request(now, conn, request, out);
        }
    }

    fn plain_request(&mut self, now: Time, conn: ConnId, mut request: Request, out: &mut Outputs) {
        if self.permits(now, conn, &mut request, out) {
            self.handle(now, Input::Request { conn, request }, out);
        }
    }

    fn plain_log_in(
        &mut self,
        now: Time,
        conn: ConnId,
        name: Name,
        given: Option<&str>,
        out: &mut Outputs,
    ) {
        let given = given.map(|given| self.given(given));
        let stand_in = given
            .as_ref()
            .map(|given| format!("{name} {}", given.stand_in()));
        for observer in &mut self.observers {
            observer.hidden(stand_in.as_deref().unwrap_or(name.as_str()));
        }
        let proof = given.map_or(Ok(None), |given| given.proof);
        let proof = match proof {
            Ok(proof) => proof,
            Err(bad) => return self.mistake(now, conn, Mistake::BadSecret(bad), out),
        };
        let password = match (&self.irc.identity.password, given) {
            (None, _) => None,
            (Some(_), Some(given)) => given.password,
            (Some(_), None) => return self.not_admitted(now, conn, &name, out),
        };
        let login = Login { name, proof };
        let server = password.and_then(|_| self.answer_at(now, conn, Target::Server));
        match server.max(self.login_answer_at(now, conn, name, proof)) {
            Some(until) => self.set_aside(conn, until, Attempt::LogIn(login, password)),
            None => self.plain_log_in_now(now, conn, login, password, out),
        }
    }

    pub(super) fn plain_log_in_now(
        &mut self,
        now: Time,
        conn: ConnId,
        login: Login,
        password: Option<Password>,
        out: &mut Outputs,
    ) {
        let is_admitted = self.is_admitted(password);
        if let Some(given) = password
            && given.is_right == is_admitted
        {
            self.count_guess(now, conn, Target::Server, is_admitted);
        }
        if is_admitted {
            self.log_in(now, conn, login, out);
        } else {
            self.not_admitted(now, conn, &login.name, out);
        }
    }

    /// The server's password is wrong or missing.
    fn not_admitted(&mut self, now: Time, conn: ConnId, name: &Name, out: &mut Outputs) {
        let act = (conn, Act::PasswordRefused);
        self.audit(act, Some(name.as_str()), None, out);
        self.mistake(now, conn, Mistake::WrongPassword, out);
    }

    /// Whether a request, or a part of it, may be done in the rooms that it speaks of. Takes the
    /// rest of it out, and says so.
    fn permits(
        &mut self,
        now: Time,
        conn: ConnId,
        request: &mut Request,
        out: &mut Outputs,
    ) -> bool {
        let Some(name) = self.broker.lifecycle().online(conn) else {
            return true;
        };
        match request {
            &mut Request::Rename { name: to } => {
                if to.as_str() == name.as_str() {
                    // It bears it already, and nobody else need be told.
                    let event = Event::Renamed { from: name, to };
                    self.deliver_plain(&[conn], &event, out);
                    return false;
                }
                let rate = self.limits.nick_changes;
                let may = rate.take(&mut self.link(conn).nick_changes, now);
                if !may {
                    self.mistake(now, conn, Mistake::TooManyNames, out);
                }
                may
            }
            &mut Request::Join { room } => match self.may_join(&name, &room, Key::Missing) {
                Ok(()) => true,
                Err(
                    MayNotJoin::RoomFull
                    | MayNotJoin::Banned
                    | MayNotJoin::NotInvited
                    | MayNotJoin::BadKey,
                ) => {
                    self.mistake(now, conn, Mistake::MayNotJoin { room }, out);
                    false
                }
            },
            Request::Send { to, said } => {
                let mut refused = Vec::new();
                to.retain(|receiver| {
                    let &Receiver::Room(room) = receiver else {
                        return true;
                    };
                    // What a room refuses of a text, no text of this protocol has.
                    match self.may_speak(&name, &room, said.texts.at(0)) {
                        // That somebody is not in the room, the broker says.
                        Ok(()) | Err(MayNotSpeak::Outside) => true,
                        Err(_) if !self.shows_room(&name, &room) => true,
                        Err(MayNotSpeak::Moderated | MayNotSpeak::Banned | MayNotSpeak::Ctcp) => {
                            refused.push(room);
                            false
                        }
                    }
                });
                for _ in 0..said.texts.len() {
                    for &room in &refused {
                        self.mistake(now, conn, Mistake::MayNotSpeak { room }, out);
                    }
                }
                said.number = self.numbers(said.texts.len());
                said.stamp = self.stamp(now, &name, Form::Message);
                !to.is_empty()
            }
            Request::LogIn { .. }
            | Request::Leave { .. }
            | Request::Kick { .. }
            | Request::Rooms
            | Request::Who { .. }
            | Request::Quit { .. } => true,
        }
    }

    pub(super) fn mistake(&mut self, now: Time, conn: ConnId, mistake: Mistake, out: &mut Outputs) {
        let error = self.frame(|out| plain::write_mistake(mistake, out));
        out.send([conn], error, false);
        if mistake.fails_login() {
            self.count_failed_login(now, conn, out);
        }
    }
}
