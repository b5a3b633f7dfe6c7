//! Writes down what happened in a row: its arrows, its marks and its words.

use std::collections::{BTreeMap, BTreeSet};

use rejoin::broker::{Event, Input, Mail, Receiver, Request};
use rejoin::id::{ConnId, Name};

use super::chart::{Kind, Lane, Line, Row, Session, Stage, Style};
use super::follow::Follower;
use super::words;
use crate::invariants::Violation;
use crate::moment::{Act, Happening, Moment, actor, mail_of};
use crate::trace::{Did, Entry, Trace, What};

/// What a row has to know of the others.
#[derive(Debug)]
pub(super) struct Scribe {
    /// Whose connection it is.
    owners: BTreeMap<ConnId, usize>,
    open: BTreeMap<usize, usize>,
    sessions: Vec<Session>,
}

/// How many characters of a client's line are shown.
const LINE: usize = 30;

impl Scribe {
    /// Knows from the start which client has which connection.
    pub(super) fn new(trace: &Trace) -> Self {
        let owners = trace.entries.iter().filter_map(|entry| match entry.what {
            What::Client { client, conn, .. } => Some((conn?, client)),
            What::Fault { .. } | What::Moment(_) | What::Violated(_) => None,
        });
        Self {
            owners: owners.collect(),
            open: BTreeMap::new(),
            sessions: Vec::new(),
        }
    }

    /// Writes a row down. `before` is how far the connections had come before it.
    pub(super) fn row(
        &mut self,
        index: usize,
        entry: &Entry,
        before: &BTreeMap<ConnId, Stage>,
        follower: &Follower,
    ) -> Row {
        let after = follower.stages();
        let held = |conn: &ConnId| {
            let stages = [after.get(conn), before.get(conn)];
            stages.into_iter().flatten().find_map(|stage| stage.name())
        };
        let mut names = BTreeSet::new();
        let (kind, conn, lines) = match &entry.what {
            What::Fault { client, conn, what } => {
                (Kind::Fault, *conn, vec![fault(*client, *conn, what)])
            }
            What::Client { client, conn, did } => {
                self.session(index, *client, did);
                (Kind::Client, *conn, vec![client_line(*client, *conn, did)])
            }
            What::Moment(moment) => {
                let spoken = spoken(moment);
                names.extend(spoken.iter().filter_map(|name| follower.name(name)));
                let conn = subject(moment);
                let mailbox = conn.as_ref().and_then(held);
                let kind = match moment.happening {
                    Happening::Handled { .. } => Kind::Handled,
                    Happening::Written { .. } => Kind::Written,
                };
                (kind, conn, self.moment(moment, mailbox, follower))
            }
            What::Violated(violation) => violated(violation),
        };
        let lanes = lines.iter().flat_map(|line| line.to.iter());
        let conns = lanes.filter_map(|lane| lane.conn()).chain(conn);
        names.extend(conns.filter_map(|conn| held(&conn)));
        Row {
            at: entry.at,
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
                let mut lines = told(input, mailbox);
                for act in acts {
                    take_down(act, follower, &mut lines);
                }
                lines
            }
            Happening::Written { conn, items } => {
                let to = self.owners.get(conn).map(|&client| Lane::Client(client));
                vec![Line {
                    style: Style::Says,
                    from: Lane::Writer(*conn),
                    to: to.into_iter().collect(),
                    label: format!("{conn} wrote {}", list(items.iter().map(words::event))),
                    detail: format!("written: {items:#?}"),
                }]
            }
        }
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    words::shorten(&items.collect::<Vec<_>>().join("; "), 40)
}

fn fault(client: Option<usize>, conn: Option<ConnId>, what: &str) -> Line {
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

fn client_line(client: usize, conn: Option<ConnId>, did: &Did) -> Line {
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

fn violated(violation: &Violation) -> (Kind, Option<ConnId>, Vec<Line>) {
    let what = words::clean(&violation.what);
    let statement = violation.statement;
    let line = Line {
        style: Style::Notes,
        from: Lane::Everywhere,
        to: Vec::new(),
        label: format!("statement {statement}: {what}"),
        detail: words::statement(statement),
    };
    (Kind::Violated { statement, what }, None, vec![line])
}

/// What the broker was told; mail that was given back goes to `mailbox`.
fn told(input: &Input, mailbox: Option<usize>) -> Vec<Line> {
    let half = match input {
        Input::Accepted { conn }
        | Input::Request { conn, .. }
        | Input::GiveUp { conn, .. }
        | Input::ReaderFinished { conn } => Some(Lane::Reader(*conn)),
        Input::WriterFinished { conn, .. } => Some(Lane::Writer(*conn)),
        Input::Dismiss { .. } | Input::Tick | Input::ShutDown => None,
    };
    let label = match actor(input) {
        Some(conn) => format!("{conn} {}", words::input(input)),
        None => words::input(input),
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
        detail: format!("{input:#?}"),
    }];
    if let Input::WriterFinished { conn, undelivered } = input
        && !undelivered.is_empty()
    {
        let mail = list(undelivered.iter().map(words::mail));
        lines.push(Line {
            style: Style::Returns,
            from: Lane::Writer(*conn),
            to: vec![mailbox.map_or(Lane::Broker, Lane::Name)],
            label: format!("{} back: {mail}", undelivered.len()),
            detail: format!("not written: {undelivered:#?}"),
        });
    }
    lines
}

/// What the broker wants done. The orders to both halves of a connection are one line.
fn take_down(act: &Act, follower: &Follower, lines: &mut Vec<Line>) {
    let line = match act {
        Act::Tell { to, event } => Line {
            style: Style::Tells,
            from: Lane::Broker,
            to: to.iter().copied().map(Lane::Writer).collect(),
            label: format!("{} ◂ {}", receivers(to), words::event(event)),
            detail: format!("to {to:?}: {event:#?}"),
        },
        Act::StopReader { conn } => Line {
            style: Style::Orders,
            from: Lane::Broker,
            to: vec![Lane::Reader(*conn)],
            label: format!("{conn} ◂ stop reading"),
            detail: format!("{act:?}"),
        },
        Act::StopWriter { conn, reason } => {
            let reader = [Lane::Reader(*conn)];
            let both = lines
                .pop_if(|line| line.style == Style::Orders && line.to == reader)
                .is_some();
            let half = if both { "" } else { " writing" };
            Line {
                style: Style::Orders,
                from: Lane::Broker,
                to: [Lane::Writer(*conn)]
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
            label: format!("drops {}: {}", words::mail(mail), words::bounce(*reason)),
            detail: format!("{act:#?}"),
        },
        // That somebody is gone shows in the band of its name.
        Act::Forget { .. } => return,
    };
    lines.push(line);
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
    mail.message().from
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
