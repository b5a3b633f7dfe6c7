//! What a drawing must show, and what must never be in it.

use rejoin::broker::{Event, Input};
use rejoin::id::{ConnId, Time};

use super::{Rows, chart::Chart};
use crate::forge::{break_off, come, config, moments, say, story};
use crate::invariants::Violation;
use crate::moment::{Happening, Moment};
use crate::step::{Length, Step, To};
use crate::trace::{Did, Entry, Trace, What, of_steps};
use crate::words::Words;

fn html(trace: &Trace) -> String {
    super::html(trace, Rows::Folded)
}

fn text(trace: &Trace, colour: bool) -> String {
    super::text(trace, Rows::Folded, colour)
}

#[test]
fn the_same_trace_gives_the_same_bytes() {
    assert_eq!(html(&network()), html(&network()));
    assert_eq!(text(&network(), true), text(&network(), true));
}

#[test]
fn the_page_needs_no_network() {
    let page = html(&network());
    for reference in ["http", "src=", "url(", "@import", "<link", "<iframe"] {
        assert!(
            !page.contains(reference),
            "the page refers with {reference}"
        );
    }
    let local = |(at, _): (usize, &str)| page[at..].starts_with("href=\"#broke");
    assert!(page.match_indices("href=").all(local));
}

#[test]
fn what_is_hostile_is_shown_and_not_obeyed() {
    let hostile = "</title><script>alert(\"1\")</script>'&\u{1b}[31m\u{202e}";
    let mut trace = network();
    hostile.clone_into(&mut trace.title);
    hostile.clone_into(&mut trace.clients[0]);
    for entry in &mut trace.entries {
        match &mut entry.what {
            What::Fault { what, .. } => hostile.clone_into(what),
            What::Violated(violation) => hostile.clone_into(&mut violation.what),
            What::Client {
                did: Did::Said(line) | Did::Heard(line) | Did::Ended(line),
                ..
            } => {
                hostile.clone_into(line);
            }
            What::Client {
                did: Did::Connected,
                ..
            }
            | What::Moment(_)
            | What::Restarted
            | What::Panicked(_)
            | What::Differed(_) => {}
        }
    }
    let page = html(&trace);
    assert_eq!(
        page.matches("<script>").count(),
        1,
        "the page has its own script"
    );
    assert!(!page.contains("alert(\""));
    assert!(page.contains("&lt;/title&gt;&lt;script&gt;alert(&quot;1&quot;)"));
    for drawn in [page, text(&trace, false)] {
        assert!(!drawn.contains(['\u{1b}', '\u{202e}']));
    }
}

#[test]
fn the_page_is_well_formed() {
    for trace in [network(), Trace::default(), alone()] {
        let page = html(&trace);
        for tag in [
            "svg", "g", "text", "title", "header", "main", "div", "ul", "li",
        ] {
            let opened = page.matches(&format!("<{tag}>")).count()
                + page.matches(&format!("<{tag} ")).count();
            let closed = page.matches(&format!("</{tag}>")).count();
            assert_eq!(opened, closed, "<{tag}>");
        }
    }
}

#[test]
fn a_violation_is_told_on_top_and_where_it_broke() {
    let page = html(&network());
    assert_eq!(page.matches("href=\"#broke0\"").count(), 1);
    assert_eq!(page.matches("id=\"broke0\"").count(), 1);
    assert_eq!(page.matches("class=\"row handled broken").count(), 1);
    assert!(page.contains("<kbd>v</kbd> next violation"));
    assert!(!html(&alone()).contains("<kbd>v</kbd>"), "there is none");
    let listing = text(&network(), false);
    let told = "Statement 1 is violated: ann was removed too early";
    assert_eq!(listing.matches(told).count(), 2);
    assert!(listing.contains("A peer is removed only when the writer of its holder"));
}

#[test]
fn the_text_tells_a_takeover() {
    let listing = text(&alone(), false);
    let told = [
        "▸ c0 log in as ann (secret)",
        "◆ ann: free → c0",
        "◆ ann: c0 → c0, leaving, c2 waits",
        "1 back: m0 from bob",
        "◆ ann: c0, leaving, c2 waits → c2",
        "c2 ◂ back ann, 1 kept",
        "c2 ◂ kept: m0 from bob",
    ];
    for what in told {
        assert!(listing.contains(what), "{what} is missing in\n{listing}");
    }
    assert!(!listing.contains('\u{1b}'));
    assert!(text(&alone(), true).contains('\u{1b}'));
}

/// The numbers over the columns, and the first row below them.
#[test]
fn the_text_says_whose_columns_they_are() {
    let listing = text(&alone(), false);
    let heads = "          ms  0 1 2\n       0.000  ▶      ▸ c0 accepted\n";
    assert!(listing.contains(heads), "{listing}");
    assert!(listing.contains("┯ its\nreader has finished"), "{listing}");
    let crowd: Vec<_> = (0..12).map(|_| Step::Accept).collect();
    let listing = text(&of_steps(&config(), &crowd), false);
    let heads = "ms  0 1 2 3 4 5 6 7 8 9 1 1\n                                  0 1\n";
    assert!(listing.contains(heads), "{listing}");
}

#[test]
fn what_nobody_reads_line_by_line_is_folded() {
    let mut forger = Forger::default();
    forger.trace.clients = ["alice"].map(str::to_owned).to_vec();
    let conn = Some(ConnId::new(0));
    let mut add = |did| {
        forger.add(What::Client {
            client: 0,
            conn,
            did,
        })
    };
    let heard = |line: &str| Did::Heard(line.to_owned());
    for line in [
        ":host 001 ann :Welcome",
        "@label=x :host 002 ann :Your host",
        ":host 422 ann :no MOTD",
        ":ann!u@h JOIN #one",
        ":host 353 ann = #one :ann",
    ] {
        add(heard(line));
    }
    for _ in 0..3 {
        add(heard("PING :e.1"));
        add(Did::Said("PONG :e.1".to_owned()));
    }
    for _ in 0..2 {
        forger.fault(Some(0), None, "the socket takes nothing");
    }
    let folded = text(&forger.trace, false);
    assert!(folded.contains("13 events"), "{folded}");
    for row in [
        "alice ◂ 001 002 422\n",
        "alice ◂ :ann!u@h JOIN #one\n",
        "alice ◂ :host 353 ann = #one",
        "· nothing for 2.185 ms, but for 3 PING, 3 PONG\n",
        "⚡ alice: the socket takes nothing, 2 times\n",
    ] {
        assert_eq!(folded.matches(row).count(), 1, "{row} in\n{folded}");
    }
    let all = super::text(&forger.trace, Rows::All, false);
    assert!(
        all.contains("13 events") && all.contains(":host 002"),
        "{all}"
    );
    assert_eq!(all.matches("PONG").count(), 3);
    // What an alarm tells of has a row of its own.
    let violation = Violation {
        statement: 1,
        what: "so".to_owned(),
    };
    forger.add(What::Violated(violation));
    let chart = Chart::of(&forger.trace, Rows::Folded);
    let broken = chart.rows.iter().filter(|row| row.broken);
    assert_eq!(broken.map(|row| row.events).collect::<Vec<_>>(), [1]);
}

/// The faults and the takeover of the story, and no way to what is not in it.
#[test]
fn the_page_leads_to_the_next_fault_and_takeover() {
    let page = html(&network());
    let chart = Chart::of(&network(), Rows::Folded);
    let faults = chart.faults().count();
    assert!(faults > 1);
    assert_eq!(chart.takeovers().count(), 1);
    for (id, count) in [("fault", faults), ("takeover", 1)] {
        let anchors = page
            .matches(&format!("<a class=\"anchor {id}\" id=\"{id}"))
            .count();
        assert_eq!(anchors, count, "{id}");
        assert!(
            page.contains(&format!("next {id}</button> (of {count})")),
            "{id}"
        );
    }
    let alone = html(&alone());
    assert!(alone.contains("data-jump=\"takeover\""));
    assert!(!alone.contains("data-jump=\"fault\""));
}

#[test]
fn many_alarms_are_counted_on_top() {
    let mut trace = network();
    let last = trace.entries.last().unwrap().clone();
    trace.entries.extend(vec![last; 6]);
    let page = html(&trace);
    assert_eq!(page.matches("class=\"broke\"").count(), 6);
    assert!(page.contains("href=\"#broke5\">and 2 more</a>"));
    assert_eq!(page.matches("class=\"anchor\"").count(), 7);
    let listing = text(&trace, false);
    assert!(listing.contains("✗ and 2 more below"));
    assert_eq!(listing.matches("is violated").count(), 5 + 7);
}

#[test]
fn a_column_is_used_again() {
    let visit = story([&come(0, None)[..], &break_off(0), &over(0)]);
    let visits: Vec<_> = (0..40).flat_map(|_| visit.clone()).collect();
    let chart = Chart::of(&of_steps(&config(), &visits), Rows::Folded);
    assert_eq!(chart.lives.len(), 40);
    assert!(chart.slots <= 2, "{} columns", chart.slots);
}

/// Bob's client has the connection that was alice's before the server started again.
#[test]
fn after_a_restart_a_number_is_another_connection() {
    let mut forger = Forger::default();
    forger.trace.clients = ["alice", "bob"].map(str::to_owned).to_vec();
    let moments = moments(&come(0, Some(0)));
    for client in [0, 1] {
        for moment in &moments {
            forger.add(What::Moment(Box::new(moment.clone())));
        }
        let (conn, did) = (Some(ConnId::new(0)), Did::Heard("* ping".to_owned()));
        forger.add(What::Client { client, conn, did });
        if client == 0 {
            forger.add(What::Restarted);
            let (conn, did) = (None, Did::Heard("* bye".to_owned()));
            forger.add(What::Client { client, conn, did });
        }
    }
    let chart = Chart::of(&forger.trace, Rows::Folded);
    let lives: Vec<_> = chart.lives.values().collect();
    let [first, second] = lives.as_slice() else {
        panic!("{lives:?}")
    };
    assert!(first.to < second.from, "{first:?} {second:?}");
    assert_eq!(first.writer_end, Some(first.to));
    assert_eq!(second.writer_end, None);
    let listing = text(&forger.trace, false);
    let told = [
        "▸ c0 accepted from alice",
        "· the server starts again",
        "◆ ann: c0 → free",
        "alice ◂ * bye",
        "▸ c0 accepted from bob",
    ];
    let mut rest = listing.as_str();
    for what in told {
        let Some((_, after)) = rest.split_once(what) else {
            panic!("{what} is missing in\n{listing}")
        };
        rest = after;
    }
    assert_eq!(html(&forger.trace).matches("class=\"tag\"").count(), 2);
}

#[test]
fn a_thousand_events_are_drawn() {
    let more: Vec<_> = (0..500).flat_map(|_| say(0, 1)).collect();
    let steps = story([&come(0, Some(0))[..], &come(1, Some(0)), &more]);
    let page = html(&of_steps(&config(), &steps));
    assert!(page.matches("class=\"row ").count() > 500);
}

fn over(conn: u8) -> [Step; 1] {
    [Step::ReaderFinishes { conn }]
}

/// Ann's link dies, and she comes back to what bob said meanwhile.
fn takeover() -> Vec<Step> {
    let room = [
        Step::Join { conn: 0, room: 0 },
        Step::Join { conn: 1, room: 0 },
    ];
    let to = vec![To::Peer(0), To::Room(0), To::Peer(2)];
    let all = [Step::Send {
        conn: 0,
        to,
        length: Length::Long,
    }];
    story([
        &come(0, Some(0))[..],
        &come(1, Some(0)),
        &say(0, 0),
        &come(0, Some(0)),
        // The old connection is the one that ends: it comes after those that serve somebody.
        &[Step::ReaderFinishes { conn: 2 }],
        &[Step::WriterFinishes {
            conn: 2,
            written: 1,
        }],
        &room,
        &come(2, None),
        &all,
        &[Step::WriterFinishes {
            conn: 0,
            written: 0,
        }],
        &over(2),
    ])
}

fn alone() -> Trace {
    of_steps(&config(), &takeover())
}

/// The same in a network: with clients, two faults and a violation, none of which is true.
fn network() -> Trace {
    let mut forger = Forger::default();
    forger.trace.title = "cargo sim explain 7".to_owned();
    forger.trace.clients = ["alice", "bob", "carol"].map(str::to_owned).to_vec();
    for moment in moments(&takeover()) {
        forger.moment(moment);
    }
    let violation = Violation {
        statement: 1,
        what: "ann was removed too early".to_owned(),
    };
    forger.add(What::Violated(violation));
    forger.trace
}

#[derive(Default)]
struct Forger {
    trace: Trace,
    micros: u64,
}

impl Forger {
    fn moment(&mut self, moment: Moment) {
        let Happening::Handled { input, .. } = &moment.happening else {
            return;
        };
        self.before(input);
        let told: Vec<_> = moment
            .told()
            .map(|(conn, event)| (conn, event.clone()))
            .collect();
        self.add(What::Moment(Box::new(moment)));
        for (conn, event) in told {
            self.after(conn, &event);
        }
    }

    fn before(&mut self, input: &Input) {
        match input {
            Input::Accepted { conn, .. } => self.client(*conn, Did::Connected),
            Input::Request { conn, .. } => {
                if conn.number() == 2 {
                    self.fault(Some(0), Some(ConnId::new(0)), "alice's link is cut");
                    self.micros += 30_000;
                }
                self.client(*conn, Did::Said(Words::default().input(input)));
            }
            Input::ReaderFinished { conn } => self.client(*conn, Did::Ended("reset".to_owned())),
            Input::WriterFinished { conn, .. } => self.fault(None, Some(*conn), "write times out"),
            Input::GiveUp { .. } | Input::Dismiss { .. } | Input::Tick | Input::ShutDown => {
                self.fault(None, None, "the clocks drift");
            }
        }
    }

    fn after(&mut self, conn: ConnId, event: &Event) {
        self.client(conn, Did::Heard(Words::default().event(event)));
    }

    fn client(&mut self, conn: ConnId, did: Did) {
        let client = [0, 1, 0, 2][conn.number() as usize % 4];
        let accepted = did != Did::Connected;
        let conn = accepted.then_some(conn);
        self.add(What::Client { client, conn, did });
    }

    fn fault(&mut self, client: Option<usize>, conn: Option<ConnId>, what: &str) {
        let what = what.to_owned();
        self.add(What::Fault { client, conn, what });
    }

    fn add(&mut self, what: What) {
        self.micros += 437;
        let at = Time::from_micros(self.micros);
        self.trace.entries.push(Entry { at, what });
    }
}
