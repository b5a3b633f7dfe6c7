//! What is still to be done of a command that was begun.
//!
//! A list can be long, and a command can name many targets. So each is done in steps: it goes on
//! until the turn is over, and then waits until what it has told is on its way to the client. What
//! the client sends behind it waits as well, so that all is answered in order.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::chat::verb;
use super::expelled::Expel;
use super::label::Replying;
use super::people::Departed;
use super::room::word;
use super::{Digest, Hub, Outputs, Turn, list, names, who};
use crate::broker::Form;
use crate::hub::guesses::Key;
use crate::id::{ConnId, Name, Time};
use crate::wire::irc::Message;
use crate::wire::irc::numeric::{ERR_TOOMANYTARGETS, Numeric};

/// Bytes of a list that are told at once.
pub(in crate::hub) const BYTES_AT_ONCE: usize = 32 << 10;

/// A part of a command.
#[derive(Clone, Debug)]
pub(super) enum Task {
    /// To list channels.
    Channels(Box<list::Search>),
    /// To list users.
    Users(Box<who::Search>),
    /// To list who is in channels.
    Members(names::Rooms),
    /// To list those who have gone.
    Departed(Box<Departed>),
    /// To enter more channels, each with what was given as its key.
    Join(Vec<(Box<str>, Key)>),
    /// To answer an `OPER` by this name, whose password is right for this hash, or wrong.
    Oper(Box<str>, Option<Box<str>>),
    /// To say something to more targets.
    Say(Box<Say>),
    /// To put those out of a channel who are banned.
    Expel(Expel),
    /// To reply this.
    Reply(Numeric, Box<str>),
}

/// What is said to several targets, of which these are left.
#[derive(Clone, Debug)]
pub(super) struct Say {
    /// Whether it is a `TAGMSG` if it has none.
    pub(super) form: Option<Form>,
    pub(super) tags: Box<str>,
    pub(super) targets: Box<str>,
    pub(super) text: Box<str>,
}

/// All that is still to be done for a connection.
#[derive(Clone, Default, Debug)]
pub(super) struct Tasks {
    queue: VecDeque<Task>,
    /// The replies to it, if they have a label.
    pub(super) replying: Option<Replying>,
}

/// When a turn is over.
#[derive(Clone, Copy, Debug)]
pub(in crate::hub) struct End {
    /// As soon as so much work was done in all.
    pub(in crate::hub) work: u64,
    /// As soon as so many bytes are to be written.
    pub(in crate::hub) bytes: usize,
}

impl End {
    pub(in crate::hub) const NEVER: Self = Self {
        work: u64::MAX,
        bytes: usize::MAX,
    };
}

impl<D: Digest> Hub<D> {
    /// Goes on with what is to be done for a connection.
    pub(in crate::hub) fn go_on_with_tasks(&mut self, now: Time, conn: ConnId, out: &mut Outputs) {
        let tasks = self.session_mut(conn).tasks.as_mut();
        self.irc.replying = tasks.and_then(|tasks| tasks.replying.take());
        self.do_tasks(&mut Turn { now, conn, out });
        self.end_of_replies(now, conn, out);
    }

    /// Whether a list that is being told is to go on in the next turn.
    pub(super) fn is_over(&self, turn: &Turn<'_>) -> bool {
        let held = self.irc.replying.as_ref();
        let bytes = turn.out.bytes() + held.map_or(0, Replying::bytes);
        bytes >= self.turn_end.bytes || self.worked(turn.out) >= self.turn_end.work
    }

    /// Does something behind all else that is to be done for the connection.
    pub(super) fn later(&mut self, turn: &Turn<'_>, task: Task) {
        let tasks = &mut self.session_mut(turn.conn).tasks;
        tasks.get_or_insert_default().queue.push_back(task);
    }

    pub(super) fn reply_later(&mut self, turn: &Turn<'_>, number: Numeric, words: String) {
        self.later(turn, Task::Reply(number, words.into()));
    }

    /// Whether a command may have one more target than `before`; if not, says so behind all else.
    pub(super) fn may_list(&mut self, turn: &Turn<'_>, before: usize, target: &str) -> bool {
        let may = before < self.limits.receivers;
        if !may {
            let words = format!("{} :Too many targets", word(target));
            self.reply_later(turn, ERR_TOOMANYTARGETS, words);
        }
        may
    }

    /// Does what is to be done, until it is done or the turn is over.
    pub(super) fn do_tasks(&mut self, turn: &mut Turn<'_>) {
        while let Some(tasks) = &mut self.session_mut(turn.conn).tasks {
            let Some(task) = tasks.queue.pop_front() else {
                self.session_mut(turn.conn).tasks = None;
                return;
            };
            let Some(name) = self.broker.lifecycle().online(turn.conn) else {
                self.session_mut(turn.conn).tasks = None;
                return;
            };
            if let Some(rest) = self.do_task(turn, name, task) {
                let tasks = &mut self.session_mut(turn.conn).tasks;
                tasks.get_or_insert_default().queue.push_front(rest);
            }
            if self.is_over(turn) {
                break;
            }
        }
        let tasks = &mut self.session_mut(turn.conn).tasks;
        tasks.take_if(|tasks| tasks.queue.is_empty());
    }

    /// Does all that is to be done, however much it is.
    pub(super) fn do_all_tasks(&mut self, turn: &mut Turn<'_>) {
        let end = core::mem::replace(&mut self.turn_end, End::NEVER);
        self.do_tasks(turn);
        self.turn_end = end;
    }

    /// Returns what is left of it; each time it is less.
    fn do_task(&mut self, turn: &mut Turn<'_>, name: Name, task: Task) -> Option<Task> {
        match task {
            Task::Channels(search) => self.list_channels(turn, name, search),
            Task::Users(search) => self.list_users(turn, name, search),
            Task::Members(rooms) => self.list_members(turn, name, rooms),
            Task::Departed(search) => self.list_departed(turn, search),
            Task::Join(wanted) => {
                self.join_each(turn, name, &wanted);
                None
            }
            Task::Oper(login, right_for) => {
                self.oper_now(turn, name, &login, right_for.as_deref());
                None
            }
            Task::Expel(expel) => self.expel(turn, name, expel),
            Task::Say(say) => {
                self.say_on(turn, name, &say);
                None
            }
            Task::Reply(number, words) => {
                self.reply(turn, number, format_args!("{words}"));
                None
            }
        }
    }

    /// Says something to the targets that are left.
    fn say_on(&mut self, turn: &mut Turn<'_>, name: Name, say: &Say) {
        let command = match say.form {
            Some(form) => verb(form),
            None => "TAGMSG",
        };
        let mut message = Message {
            tags: &say.tags,
            command,
            params: alloc::vec![&*say.targets],
        };
        match say.form {
            Some(form) => {
                message.params.push(&say.text);
                self.irc.quiet = form == Form::Notice;
                self.privmsg(turn, name, &message, form);
                self.irc.quiet = false;
            }
            None => self.tagmsg(turn, name, &message),
        }
    }

    /// Says something to the targets behind this later, if the turn is over. Returns whether it is.
    pub(super) fn say_later(
        &mut self,
        turn: &Turn<'_>,
        message: &Message<'_>,
        form: Option<Form>,
        rest: &[&str],
    ) -> bool {
        if rest.is_empty() || !self.is_over(turn) {
            return false;
        }
        let say = Say {
            form,
            tags: message.tags.into(),
            targets: rest.join(",").into(),
            text: message.param(1).unwrap_or("").into(),
        };
        self.later(turn, Task::Say(Box::new(say)));
        true
    }
}
