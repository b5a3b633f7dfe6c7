//! Registration: capabilities, a password or a secret, a nick and a user, in any order.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::room::word;
use super::{Digest, Hub, Replying, Turn};
use crate::broker::{Input, StopReason};
use crate::hub::guesses::{Attempt, Target};
use crate::hub::logins::Login;
use crate::hub::{Act, Outputs};
use crate::id::{BadSecret, ConnId, Name, Proof, Time};
use crate::wire::irc::caps::{ALL, Caps};
use crate::wire::irc::numeric::*;
use crate::wire::irc::{MAX_BODY_BYTES, Message, list};

/// Bytes that are kept of a user's name.
const USER_BYTES: usize = 18;

/// Bytes that are kept of a real name.
pub(super) const REALNAME_BYTES: usize = 200;

/// Tokens in one line of what is supported: with the nick and the words at the end, a line has no
/// more than 15 parameters.
const TOKENS: usize = 12;

impl<D: Digest> Hub<D> {
    pub(super) fn cap(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        let Some(subcommand) = self.need(turn, message, 0) else {
            return;
        };
        let registers = self.broker.lifecycle().online(turn.conn).is_none();
        let list = message.param(1).unwrap_or("");
        match subcommand.to_ascii_uppercase().as_str() {
            "LS" => {
                let session = self.session_mut(turn.conn);
                session.negotiates |= registers;
                if list.parse().is_ok_and(|version: u32| version >= 302) {
                    session.knows_values = true;
                    session.caps = session.caps.with(Caps::CAP_NOTIFY);
                }
                self.cap_reply(turn, "LS", ALL.iter().map(|&(_, name)| name));
            }
            "LIST" => {
                let names = self.session(turn.conn).caps.names();
                self.cap_reply(turn, "LIST", names);
            }
            "REQ" => {
                self.session_mut(turn.conn).negotiates |= registers;
                self.request_caps(turn, list);
            }
            "END" if registers => {
                self.session_mut(turn.conn).negotiates = false;
                self.try_to_register(turn);
            }
            "END" => {}
            _ => {
                let words = format_args!("{} :Invalid CAP command", word(subcommand));
                self.reply(turn, ERR_INVALIDCAPCMD, words);
            }
        }
    }

    /// All of what is requested, or nothing.
    fn request_caps(&mut self, turn: &mut Turn<'_>, list: &str) {
        let session = self.session(turn.conn);
        let wanted = list
            .split_ascii_whitespace()
            .try_fold(session.caps, |caps, name| {
                match name.strip_prefix('-') {
                    // Who knows version 302 is told of changes in any case.
                    Some("cap-notify") if session.knows_values => None,
                    Some(name) => Caps::named(name).map(|cap| caps.without(cap)),
                    None => Caps::named(name).map(|cap| caps.with(cap)),
                }
            });
        let words = list.split_ascii_whitespace();
        match wanted {
            Some(caps) => {
                self.session_mut(turn.conn).caps = caps;
                self.cap_reply(turn, "ACK", words);
            }
            None => self.cap_reply(turn, "NAK", words),
        }
    }

    /// Lists capabilities, in as many lines as they need. Of the lines of a list, clients that know
    /// version 302 are told by a `*` that more follow.
    fn cap_reply<'a>(
        &mut self,
        turn: &mut Turn<'_>,
        subcommand: &str,
        words: impl Iterator<Item = &'a str>,
    ) {
        let server = &self.irc.identity.name;
        let nick = self.nick_of(turn.conn);
        let nick = nick.as_ref().map_or("*", Name::as_str);
        let is_list = matches!(subcommand, "LS" | "LIST");
        let more = is_list && self.session(turn.conn).knows_values;
        let more = if more { "* " } else { "" };
        let head = format!(":{server} CAP {nick} {subcommand} ");
        let bytes = MAX_BODY_BYTES.saturating_sub(head.len() + more.len() + ":".len());
        let lines = list::lines(words, ' ', bytes);
        for (index, words) in lines.iter().enumerate() {
            let more = if index + 1 < lines.len() { more } else { "" };
            self.tell(turn, &format!("{head}{more}:{words}"));
        }
    }

    /// `PASS password`, `PASS secret`, or `PASS password:secret`.
    pub(super) fn pass(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        let Some(given) = self.need(turn, message, 0) else {
            return self.hide(message, format_args!("PASS"));
        };
        let given = self.given(given);
        self.hide(message, format_args!("PASS :{}", given.stand_in()));
        let proof = match given.proof {
            Ok(proof) => proof,
            Err(bad) => {
                let why = match bad {
                    BadSecret::TooShort => {
                        "Too short to come back with: a secret has 8 to 128 characters"
                    }
                    BadSecret::TooLong => {
                        "Too long to come back with: a secret has 8 to 128 characters"
                    }
                    BadSecret::Malformed => "Nothing to come back with: a secret has no spaces",
                };
                self.standard_reply(turn, "WARN", format_args!("PASS BAD_SECRET"), why);
                None
            }
        };
        let session = self.session_mut(turn.conn);
        session.password = given.password;
        session.registering().proof = proof;
    }

    pub(super) fn user(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        let (Some(user), Some(realname)) = (self.need(turn, message, 0), message.param(3)) else {
            if message.param(0).is_some_and(|user| !user.is_empty()) {
                let words = format_args!("USER :Not enough parameters");
                self.reply(turn, ERR_NEEDMOREPARAMS, words);
            }
            return;
        };
        if realname.is_empty() {
            let words = format_args!("USER :Not enough parameters");
            return self.reply(turn, ERR_NEEDMOREPARAMS, words);
        }
        if self.session_mut(turn.conn).registering().user.is_some() {
            let words = format_args!(":You may not reregister");
            return self.reply(turn, ERR_ALREADYREGISTERED, words);
        }
        let plain =
            |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '[' | ']');
        let user: String = user.chars().filter(plain).take(USER_BYTES).collect();
        let user = if user.is_empty() {
            "user".to_owned()
        } else {
            user
        };
        let realname = cut(realname, REALNAME_BYTES).to_owned();
        let user = Some((format!("~{user}"), realname));
        self.session_mut(turn.conn).registering().user = user;
        self.try_to_register(turn);
    }

    /// `NICK` while registering.
    pub(super) fn first_nick(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        let Some(name) = self.parse_nick(turn, message) else {
            return;
        };
        self.session_mut(turn.conn).registering().nick = Some(name);
        self.try_to_register(turn);
    }

    /// The nick in a `NICK`, if it is one.
    pub(super) fn parse_nick(
        &mut self,
        turn: &mut Turn<'_>,
        message: &Message<'_>,
    ) -> Option<Name> {
        let nick = message.param(0).unwrap_or("");
        if nick.is_empty() {
            self.reply(
                turn,
                ERR_NONICKNAMEGIVEN,
                format_args!(":No nickname given"),
            );
            return None;
        }
        let name = Name::parse(nick);
        if name.is_none() {
            let words = format_args!(
                "{} :Erroneous nickname: 1 to 32 of letters, digits and -_[]\\`^{{}}|, no digit or - first",
                word(nick)
            );
            self.reply(turn, ERR_ERRONEUSNICKNAME, words);
        }
        name
    }

    /// Logs in once everything is said that must be.
    fn try_to_register(&mut self, turn: &mut Turn<'_>) {
        let session = self.session(turn.conn);
        let Some(said) = session.registering.as_ref().filter(|_| !session.negotiates) else {
            return;
        };
        let (Some(name), Some(_), proof) = (said.nick, &said.user, said.proof) else {
            return;
        };
        let asks = self.irc.identity.password.is_some() && session.password.is_some();
        let server = asks.then_some(Target::Server);
        let server = server.and_then(|target| self.answer_at(turn.now, turn.conn, target));
        let login = self.login_answer_at(turn.now, turn.conn, name, proof);
        match server.max(login) {
            Some(until) => self.set_aside(turn.conn, until, Attempt::Register),
            None => self.register(turn, name, proof),
        }
    }

    /// Logs in whoever has waited until it may be told whether its secret is right.
    pub(in crate::hub) fn register_again(
        &mut self,
        now: Time,
        conn: ConnId,
        replying: Option<Replying>,
        out: &mut Outputs,
    ) {
        let said = self.session(conn).registering.as_ref();
        let said = said.and_then(|said| Some((said.nick?, said.proof)));
        let (name, proof) = said.expect("it has said all that it must");
        self.irc.replying = replying;
        self.register(&mut Turn { now, conn, out }, name, proof);
        self.end_of_replies(now, conn, out);
    }

    fn register(&mut self, turn: &mut Turn<'_>, name: Name, proof: Option<Proof>) {
        if self.irc.identity.password.is_some() {
            let given = self.session(turn.conn).password;
            let is_admitted = self.is_admitted(given);
            if let Some(given) = given
                && given.is_right == is_admitted
            {
                self.count_guess(turn.now, turn.conn, Target::Server, is_admitted);
            }
            if !is_admitted {
                let act = (turn.conn, Act::PasswordRefused);
                self.audit(act, Some(name.as_str()), None, turn.out);
                let words = format_args!(":Password incorrect");
                self.reply(turn, ERR_PASSWDMISMATCH, words);
                let (conn, reason) = (turn.conn, StopReason::NotAdmitted);
                return self.handle(turn.now, Input::GiveUp { conn, reason }, turn.out);
            }
        }
        let login = Login { name, proof };
        self.log_in(turn.now, turn.conn, login, turn.out);
    }

    /// What everybody is told first.
    pub(super) fn welcome(&mut self, turn: &mut Turn<'_>, name: &Name) {
        let (server, network) = {
            let identity = &self.irc.identity;
            (identity.name.clone(), identity.network.clone())
        };
        let version = concat!("rejoin-", env!("CARGO_PKG_VERSION"));
        let mask = self.irc.mask(name);
        let words = format_args!(":Welcome to the {network} network, {mask}");
        self.reply(turn, RPL_WELCOME, words);
        let words = format_args!(":Your host is {server}, running {version}");
        self.reply(turn, RPL_YOURHOST, words);
        let started = self.irc.time(Time::ZERO).human();
        let words = format_args!(":This server was started on {started}");
        self.reply(turn, RPL_CREATED, words);
        let words = format_args!("{server} {version} Biow CIbeiklmnostv Ibeklov");
        self.reply(turn, RPL_MYINFO, words);
        self.send_supported(turn);
        self.lusers(turn);
        self.begin_to_ask(turn.now, turn.conn, turn.out);
        self.send_motd(turn);
    }

    pub(super) fn send_supported(&mut self, turn: &mut Turn<'_>) {
        for tokens in self.supported().chunks(TOKENS) {
            let words = |tokens: &str| format!("{tokens} :are supported by this server");
            self.reply_in_lines(turn, RPL_ISUPPORT, (tokens, ' '), words);
        }
    }

    /// <https://modern.ircdocs.horse/#rplisupport-parameters>
    fn supported(&self) -> Vec<String> {
        let limits = &self.limits;
        let targets = limits.receivers;
        let tokens = [
            format!("AWAYLEN={}", super::people::AWAY_BYTES),
            "BOT=B".to_owned(),
            "CASEMAPPING=ascii".to_owned(),
            format!("CHANLIMIT=#:{}", limits.rooms_per_peer),
            "CHANMODES=Ibe,k,l,Cimnst".to_owned(),
            format!("CHANNELLEN={}", crate::id::Room::MAX_BYTES),
            "CHANTYPES=#".to_owned(),
            "ELIST=CMNTU".to_owned(),
            "EXCEPTS=e".to_owned(),
            format!("HOSTLEN={}", 45),
            "INVEX=I".to_owned(),
            format!("KICKLEN={}", super::entry::REASON_BYTES),
            format!("MAXLIST=Ibe:{}", limits.list_entries),
            format!("MODES={}", super::mode::MODES),
            format!("MONITOR={}", limits.monitored),
            format!("NAMELEN={REALNAME_BYTES}"),
            format!("NETWORK={}", self.irc.identity.network),
            format!("NICKLEN={}", Name::MAX_BYTES),
            "PREFIX=(ov)@+".to_owned(),
            "SAFELIST".to_owned(),
            "STATUSMSG=@+".to_owned(),
            format!(
                "TARGMAX=PRIVMSG:{targets},NOTICE:{targets},TAGMSG:{targets},JOIN:,PART:,KICK:{targets},NAMES:{targets},LIST:{targets},WHOIS:{targets},WHOWAS:{targets},MONITOR:"
            ),
            format!("TOPICLEN={}", super::names::TOPIC_BYTES),
            format!("USERLEN={}", USER_BYTES + 1),
            "UTF8ONLY".to_owned(),
            "WHOX".to_owned(),
        ];
        tokens.into()
    }
}

/// As much of a text as fits into so many bytes, cut between characters.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
