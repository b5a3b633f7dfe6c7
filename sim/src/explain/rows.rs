//! Writes down what happened in a row: its arrows, its marks and its words.

use std::collections::{BTreeMap, BTreeSet};

use rejoin::broker::{Event, Input, Mail, Receiver, Request};
use rejoin::id::{ConnId, Name};

use super::chart::{Alarm, Kind, Lane, Line, Link, Row, Session, Stage, Style};
use super::fold::{self, Common, Group};
use super::follow::Follower;
use crate::invariants::Violation;
use crate::moment::{Act, Happening, Moment, actor, mail_of};
use crate::trace::{Did, Difference, Trace, What};
use crate::words::{self, Words};

/// What a row has to know of the others.
#[derive(Debug)]
pub(super) struct Scribe<'a> {
    words: Words<'a>,
    clients: Vec<String>,
    /// Whose connection it is.
    owners: BTreeMap<Link, usize>,
    /// How often the server has started again.
    restarts: usize,
    open: BTreeMap<usize, usize>,
    sessions: Vec<Session>,
}

/// How many characters of a client's line are shown.
pub(super) const LINE: usize = 30;

impl<'a> Scribe<'a> {
    /// Knows from the start which client has which connection.
    pub(super) fn new(trace: &'a Trace) -> Self {
        let mut restarts = 0;
        let owners = trace.entries.iter().filter_map(|entry| match entry.what {
            What::Client { client, conn, .. } => {
                let conn = conn?;
                Some((Link { restarts, conn }, client))
            }
            What::Restarted => {
                restarts += 1;
                None
            }
            What::Fault { .. }
            | What::Moment(_)
            | What::Violated(_)
            | What::Panicked(_)
            | What::Differed(_) => None,
        });
        Self {
            words: Words {
                texts: &trace.texts,
                quotes: false,
            },
            clients: trace
                .clients
                .iter()
                .map(|name| words::clean(name))
                .collect(),
            owners: owners.collect(),
            restarts: 0,
            open: BTreeMap::new(),
            sessions: Vec::new(),
        }
    }

    /// Writes a row down. `before` is how far the connections had come before it.
    pub(super) fn row(
        &mut self,
        index: usize,
        group: &Group<'_>,
        before: &BTreeMap<Link, Stage>,
        follower: &Follower,
    ) -> Row {
        let entry = &group.entries[0];
        let after = follower.stages();
        let held = |link: &Link| {
            let stages = [after.get(link), before.get(link)];
            stages.into_iter().flatten().find_map(|stage| stage.name())
        };
        let mut names = BTreeSet::new();
        let (kind, conn, mut lines) = match &entry.what {
            _ if group.kind == Common::Idle => {
                self.sessions_of(index, group);
                (Kind::Written, None, vec![fold::idle(group)])
            }
            What::Fault { client, conn, what } => {
                let link = conn.map(|conn| self.link(conn));
                (Kind::Fault, link, vec![fault(*client, link, what)])
            }
            What::Client { client, conn, did } => {
                self.session(index, *client, did);
                let link = conn.map(|conn| self.link(conn));
                (Kind::Client, link, vec![client_line(*client, link, did)])
            }
            What::Moment(moment) => {
                let spoken = spoken(moment);
                names.extend(spoken.iter().filter_map(|name| follower.name(name)));
                let link = subject(moment).map(|conn| self.link(conn));
                let mailbox = link.as_ref().and_then(held);
                let kind = match moment.happening {
                    Happening::Handled { .. } => Kind::Handled,
                    Happening::Written { .. } => Kind::Written,
                };
                (kind, link, self.moment(moment, mailbox, follower))
            }
            What::Restarted => {
                self.restarts += 1;
                (Kind::Handled, None, vec![note("the server starts again")])
            }
            What::Violated(violation) => alarm(violated(self.words, violation)),
            What::Panicked(says) => alarm(panicked(says)),
            What::Differed(difference) => alarm(differed(difference)),
        };
        fold::tell_of_all(group, &mut lines);
        let lanes = lines.iter().flat_map(|line| line.to.iter());
        let conns = lanes.filter_map(|lane| lane.conn()).chain(conn);
        names.extend(conns.filter_map(|conn| held(&conn)));
        Row {
            at: entry.at,
            events: group.entries.len(),
            broken: false,
            pause: None,
            kind,
            hue: conn.as_ref().and_then(held),
            conn,
            names,
            lines,
            turns: Vec::new(),
        }
    }

    /// Nothing more happens: who is still connected was so to the end.
    pub(super) fn finish(mut self, rows: usize) -> Vec<Session> {
        for (client, from) in std::mem::take(&mut self.open) {
            let to = rows;
            self.sessions.push(Session { client, from, to });
        }
        self.sessions
    }

    fn link(&self, conn: ConnId) -> Link {
        let restarts = self.restarts;
        Link { restarts, conn }
    }

    fn sessions_of(&mut self, row: usize, group: &Group<'_>) {
        for entry in group.entries {
            if let What::Client { client, did, .. } = &entry.what {
                self.session(row, *client, did);
            }
        }
    }

    fn session(&mut self, row: usize, client: usize, did: &Did) {
        match did {
            Did::Connected | Did::Said(_) | Did::Heard(_) => {
                self.open.entry(client).or_insert(row);
            }
            Did::Ended(_) => {
                if let Some(from) = self.open.remove(&client) {
                    let to = row;
                    self.sessions.push(Session { client, from, to });
                }
            }
        }
    }

    fn moment(&self, moment: &Moment, mailbox: Option<usize>, follower: &Follower) -> Vec<Line> {
        match &moment.happening {
            Happening::Handled { input, acts } => {
                let mut lines = self.told(input, mailbox);
                for act in acts {
                    self.take_down(act, follower, &mut lines);
                }
                lines
            }
            Happening::Written { conn, items } => {
                let to = self
                    .owners
                    .get(&self.link(*conn))
                    .map(|&client| Lane::Client(client));
                vec![Line {
                    style: Style::Says,
                    from: Lane::Writer(self.link(*conn)),
                    to: to.into_iter().collect(),
                    label: format!(
                        "{conn} wrote {}",
                        list(items.iter().map(|item| self.words.event(item)))
                    ),
                    detail: self.words.restore(&format!("written: {items:#?}")),
                }]
            }
        }
    }

    /// What the broker was told; mail that was given back goes to `mailbox`.
    fn told(&self, input: &Input, mailbox: Option<usize>) -> Vec<Line> {
        let half = match input {
            Input::Accepted { conn, .. }
            | Input::Request { conn, .. }
            | Input::GiveUp { conn, .. }
            | Input::ReaderFinished { conn } => Some(Lane::Reader(self.link(*conn))),
            Input::WriterFinished { conn, .. } => Some(Lane::Writer(self.link(*conn))),
            Input::Dismiss { .. } | Input::Tick | Input::ShutDown => None,
        };
        let label = match (input, actor(input)) {
            (Input::Accepted { conn, .. }, _) => match self.owners.get(&self.link(*conn)) {
                Some(&client) => format!("{conn} accepted from {}", self.clients[client]),
                None => format!("{conn} accepted"),
            },
            (_, Some(conn)) => format!("{conn} {}", self.words.input(input)),
            (_, None) => self.words.input(input),
        };
        let style = match input {
            Input::ReaderFinished { .. } | Input::WriterFinished { .. } => Style::Ends,
            Input::Accepted { .. } | Input::Request { .. } | Input::GiveUp { .. } => Style::Says,
            Input::Dismiss { .. } | Input::Tick | Input::ShutDown => Style::Notes,
        };
        let mut lines = vec![Line {
            style,
            from: half.unwrap_or(Lane::Broker),
            to: half.map(|_| Lane::Broker).into_iter().collect(),
            label,
            detail: self.words.restore(&format!("{input:#?}")),
        }];
        if let Input::WriterFinished { conn, undelivered } = input
            && !undelivered.is_empty()
        {
            let mail = list(undelivered.iter().map(|mail| self.words.mail(mail)));
            lines.push(Line {
                style: Style::Returns,
                from: Lane::Writer(self.link(*conn)),
                to: vec![mailbox.map_or(Lane::Broker, Lane::Name)],
                label: format!("{} back: {mail}", undelivered.len()),
                detail: self
                    .words
                    .restore(&format!("not written: {undelivered:#?}")),
            });
        }
        lines
    }

    /// What the broker wants done. The orders to both halves of a connection are one line.
    fn take_down(&self, act: &Act, follower: &Follower, lines: &mut Vec<Line>) {
        let line = match act {
            Act::Tell { to, event } => Line {
                style: Style::Tells,
                from: Lane::Broker,
                to: to
                    .iter()
                    .map(|&conn| Lane::Writer(self.link(conn)))
                    .collect(),
                label: format!("{} ◂ {}", receivers(to), self.words.event(event)),
                detail: self.words.restore(&format!("to {to:?}: {event:#?}")),
            },
            Act::StopReader { conn } => Line {
                style: Style::Orders,
                from: Lane::Broker,
                to: vec![Lane::Reader(self.link(*conn))],
                label: format!("{conn} ◂ stop reading"),
                detail: format!("{act:?}"),
            },
            Act::StopWriter { conn, reason } => {
                let reader = [Lane::Reader(self.link(*conn))];
                let both = lines
                    .pop_if(|line| line.style == Style::Orders && line.to == reader)
                    .is_some();
                let half = if both { "" } else { " writing" };
                Line {
                    style: Style::Orders,
                    from: Lane::Broker,
                    to: [Lane::Writer(self.link(*conn))]
                        .into_iter()
                        .chain(both.then_some(reader[0]))
                        .collect(),
                    label: format!("{conn} ◂ stop{half}: {}", words::stop(*reason)),
                    detail: format!("{act:?}"),
                }
            }
            Act::Discard {
                receiver,
                mail,
                reason,
            } => Line {
                style: Style::Discards,
                from: Lane::Broker,
                to: follower
                    .name(receiver)
                    .map(Lane::Name)
                    .into_iter()
                    .collect(),
                label: format!(
                    "drops {}: {}",
                    self.words.mail(mail),
                    words::bounce(*reason)
                ),
                detail: self.words.restore(&format!("{act:#?}")),
            },
            // That somebody is gone shows in the band of its name.
            Act::Forget { .. } => return,
        };
        lines.push(line);
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    words::shorten(&items.collect::<Vec<_>>().join("; "), 40)
}

fn fault(client: Option<usize>, conn: Option<Link>, what: &str) -> Line {
    let on_client = client.map(Lane::Client);
    let place = on_client.or(conn.map(Lane::Reader));
    let what = words::clean(what);
    Line {
        style: Style::Strikes,
        from: place.unwrap_or(Lane::Everywhere),
        to: Vec::new(),
        label: words::shorten(&what, 60),
        detail: what,
    }
}

fn client_line(client: usize, conn: Option<Link>, did: &Did) -> Line {
    let here = Lane::Client(client);
    let reader = conn.map(Lane::Reader);
    let (style, from, to, label) = match did {
        Did::Connected => (Style::Says, here, reader, "connects"),
        Did::Said(line) => (Style::Says, here, reader, line.as_str()),
        Did::Heard(line) => {
            let writer = conn.map(Lane::Writer);
            (
                Style::Says,
                writer.unwrap_or(here),
                Some(here),
                line.as_str(),
            )
        }
        Did::Ended(why) => (Style::Ends, here, None, why.as_str()),
    };
    let label = words::clean(label);
    Line {
        style,
        from,
        to: to.into_iter().collect(),
        label: words::shorten(&label, LINE),
        detail: label,
    }
}

pub(super) fn note(says: &str) -> Line {
    Line {
        style: Style::Notes,
        from: Lane::Broker,
        to: Vec::new(),
        label: says.to_owned(),
        detail: says.to_owned(),
    }
}

fn alarm(alarm: Alarm) -> (Kind, Option<Link>, Vec<Line>) {
    let line = Line {
        style: Style::Notes,
        from: Lane::Everywhere,
        to: Vec::new(),
        label: format!("{}: {}", alarm.head, alarm.what),
        detail: alarm.more.join("\n"),
    };
    (Kind::Alarm(alarm), None, vec![line])
}

fn violated(words: Words<'_>, violation: &Violation) -> Alarm {
    let statement = violation.statement;
    Alarm {
        head: format!("Statement {statement} is violated"),
        rows: 1,
        what: words::clean(&words.restore(&violation.what)),
        more: vec![words::statement(statement)],
    }
}

fn panicked(says: &str) -> Alarm {
    Alarm {
        head: "The broker panics".to_owned(),
        rows: 1,
        what: words::clean(says),
        more: Vec::new(),
    }
}

/// How many effects of an input are shown.
const EFFECTS: usize = 8;

fn differed(difference: &Difference) -> Alarm {
    let Difference {
        input,
        told,
        entries,
        recorded,
        came,
        effects,
    } = difference;
    let known = format!(
        "Of the recorded effects only the check sum is known, {recorded:08x}. These came, with {came:08x}:"
    );
    let nothing = effects.is_empty().then(|| "nothing".to_owned());
    let left_out = effects.len().saturating_sub(EFFECTS);
    let left_out = (left_out > 0).then(|| format!("and {left_out} more"));
    let effects = effects.iter().take(EFFECTS);
    let effects = effects.map(|effect| words::shorten(&words::clean(effect), 120));
    Alarm {
        head: format!("The effects of input {input} are not those recorded"),
        rows: *entries,
        what: told.clone(),
        more: [known]
            .into_iter()
            .chain(effects)
            .chain(nothing)
            .chain(left_out)
            .collect(),
    }
}

fn receivers(to: &[ConnId]) -> String {
    let shown: Vec<_> = to.iter().take(3).map(ConnId::to_string).collect();
    let more = if to.len() > shown.len() {
        format!(" +{}", to.len() - shown.len())
    } else {
        String::new()
    };
    shown.join(" ") + &more
}

fn subject(moment: &Moment) -> Option<ConnId> {
    match &moment.happening {
        Happening::Handled { input, .. } => actor(input),
        Happening::Written { conn, .. } => Some(*conn),
    }
}

/// The names that a moment speaks of.
fn spoken(moment: &Moment) -> Vec<Name> {
    let mut names: Vec<Name> = moment
        .told()
        .flat_map(|(_, event)| in_event(event))
        .collect();
    match &moment.happening {
        Happening::Written { items, .. } => names.extend(items.iter().flat_map(in_event)),
        Happening::Handled { input, .. } => match input {
            Input::Request { request, .. } => names.extend(in_request(request)),
            Input::WriterFinished { undelivered, .. } => {
                names.extend(undelivered.iter().map(sender));
            }
            Input::Dismiss { name, .. } => names.push(*name),
            Input::Accepted { .. }
            | Input::GiveUp { .. }
            | Input::ReaderFinished { .. }
            | Input::Tick
            | Input::ShutDown => {}
        },
    }
    names
}

fn in_event(event: &Event) -> Option<Name> {
    mail_of(event).map(sender)
}

fn sender(mail: &Mail) -> Name {
    mail.message().header().from
}

fn in_request(request: &Request) -> Vec<Name> {
    match request {
        Request::LogIn { name, .. } => vec![*name],
        Request::Send { to, .. } => {
            let peers = to.iter().filter_map(|receiver| match receiver {
                Receiver::Peer(name) => Some(*name),
                Receiver::Room(_) | Receiver::OpenRoom(_) => None,
            });
            peers.collect()
        }
        Request::Kick { name, .. } | Request::Rename { name } => vec![*name],
        Request::Join { .. }
        | Request::Leave { .. }
        | Request::Rooms
        | Request::Who { .. }
        | Request::Quit { .. } => Vec::new(),
    }
}
