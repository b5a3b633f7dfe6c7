//! `KILL`, and what those who were killed are told when they come back.
//!
//! A peer that is killed is gone, with its channels and its mail: whoever logs in with its name and
//! secret later is a new peer. Its client may know nothing of that, as its link was down, or dead
//! without anybody knowing. So it is told then, once.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;

use super::entry::REASON_BYTES;
use super::register::cut;
use super::room::word;
use super::{Digest, Hub, Tags, Turn};
use crate::broker::Input;
use crate::hub::{Act, Outputs, Session};
use crate::id::{ConnId, Name, Proof, Text, Time};
use crate::wire::irc::Message;
use crate::wire::irc::numeric::*;
use crate::wire::plain;

/// Peers that were killed and have not been told since, the oldest first.
#[derive(Default, Debug)]
pub(super) struct Kills(VecDeque<Kill>);

#[derive(Debug)]
struct Kill {
    /// The name that it bore.
    name: Name,
    /// The name with which it first logged in, and may do so again.
    first_name: Name,
    proof: Proof,
    by: Name,
    why: Box<str>,
    at: Time,
}

impl Kills {
    /// Takes out what is known of the peer that logs in with a name and a proof.
    fn take(&mut self, name: Name, proof: Proof) -> Option<Kill> {
        let is_it =
            |kill: &Kill| kill.proof == proof && (kill.name == name || kill.first_name == name);
        let last = self.0.iter().rposition(is_it);
        last.and_then(|place| self.0.remove(place))
    }
}

impl<D: Digest> Hub<D> {
    pub(super) fn kill(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        let Some(nick) = self.need(turn, message, 0) else {
            return;
        };
        if !self.governs(turn, &name) {
            return;
        }
        let why = message
            .param(1)
            .filter(|why| !why.is_empty())
            .unwrap_or("no reason given");
        let why = cut(why, REASON_BYTES);
        // Who is away is reached as well, also when the others take it for gone.
        let known = Name::parse(nick).filter(|nick| self.known(nick).is_some());
        let known = known.and_then(|nick| self.irc.users.get_key_value(&nick));
        let Some(whom) = known.map(|(&whom, _)| whom) else {
            let words = format_args!("{} :No such nick/channel", word(nick));
            return self.reply(turn, ERR_NOSUCHNICK, words);
        };
        let act = (turn.conn, Act::Kill);
        self.audit(act, Some(whom.as_str()), Some(why), turn.out);
        self.note_kill(turn.now, name, whom, why);
        let is_expected = self.broker.is_expected(&whom);
        let line = format!(":{} KILL {whom} :{why}", self.irc.mask(&name));
        let live = self.broker.lifecycle().live(&whom);
        self.send_irc(
            turn.now,
            live.as_slice(),
            Tags::default(),
            &line,
            None,
            turn.out,
        );
        let why = Text::parse(&format!("Killed ({name} ({why}))"));
        self.handle(turn.now, Input::Dismiss { name: whom, why }, turn.out);
        let when = if is_expected {
            "; its connection was lost, so it is told when it comes back"
        } else {
            ""
        };
        let words = format!("{whom} is killed{when}");
        self.standard_reply(turn, "NOTE", format_args!("KILL KILLED {whom}"), &words);
    }

    /// Keeps in mind that somebody is killed, if it can show later that it is the same. As many
    /// are remembered as by `WHOWAS`, for as long as they might have been away.
    fn note_kill(&mut self, at: Time, by: Name, name: Name, why: &str) {
        let lifecycle = self.broker.lifecycle();
        let Some(proof) = lifecycle.binding(&name).and_then(|binding| binding.proof) else {
            return;
        };
        let first_name = lifecycle.first_name(name);
        self.forget_old_kills(at);
        let kills = &mut self.irc.kills.0;
        if kills.len() >= self.limits.whowas {
            kills.pop_front();
        }
        let why = why.into();
        kills.push_back(Kill {
            name,
            first_name,
            proof,
            by,
            why,
            at,
        });
    }

    fn forget_old_kills(&mut self, now: Time) {
        let window = self.limits.resume_window;
        self.irc.kills.0.retain(|kill| now < kill.at.after(window));
    }

    /// Tells a new peer that the one which it was before was killed, if it was.
    pub(in crate::hub) fn tell_of_kill(
        &mut self,
        now: Time,
        conn: ConnId,
        name: Name,
        out: &mut Outputs,
    ) {
        let binding = self.broker.lifecycle().binding(&name);
        let Some(proof) = binding.and_then(|binding| binding.proof) else {
            return;
        };
        self.forget_old_kills(now);
        let Some(Kill { by, why, at, .. }) = self.irc.kills.take(name, proof) else {
            return;
        };
        let at = self.irc.time(at);
        if let Session::Plain(_) = self.links[conn].session {
            let frame = self.frame(|bytes| plain::write_killed(by, at, &why, bytes));
            return out.send([conn], frame, false);
        }
        let (server, at) = (&self.irc.identity.name, at.to_seconds());
        let lost = "your channels and what waited for you are gone";
        let line =
            format!(":{server} NOTICE {name} :{by} had killed you at {at}, and {lost}: {why}");
        self.send_irc(now, &[conn], Tags::default(), &line, None, out);
    }
}
