//! What must hold for whoever runs any of the programs.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::common::{Client as Line, Server, wait_for};
use crate::person::{Person, Program};
use crate::said::{Said, in_place};
use crate::wire::{Link, Way};

const ROOM: &str = "#maps";
const SECRET: &str = "correct-horse";

/// alice runs a stock client; bob talks to her by plain lines, and carol looks on by IRC.
struct Scene {
    _server: Server,
    alice: Person,
    bob: Line,
    carol: Line,
    said: Vec<Said>,
}

impl Scene {
    /// alice is here, in a room with the others.
    fn of(program: &'static Program, secret: Option<&'static str>) -> Self {
        let (server, irc) = server();
        let mut alice = Person::comes(program, irc, "alice", secret);
        alice.joins(ROOM);
        let mut bob = server.login("bob");
        bob.send(&format!("/join {ROOM}"));
        bob.expect(&format!("* joined {ROOM} bob"));
        let mut carol = registers(irc, "carol");
        carol.send(&format!("JOIN {ROOM}"));
        hears(&mut carol, " 366 ");
        Self {
            _server: server,
            alice,
            bob,
            carol,
            said: Vec::new(),
        }
    }

    /// bob says so much more, by turns in the room and to alice alone.
    fn bob_says(&mut self, lines: usize) {
        for _ in 0..lines {
            let n = self.said.len();
            let (to, place) = [(ROOM, ROOM), ("alice", "bob")][n % 2];
            let said = Said::new(place, "bob", &format!("line {n}"));
            self.bob.send(&format!("{to}: {}", said.text));
            self.said.push(said);
        }
    }

    /// How much of what bob said alice's client shows, in both places; what comes twice counts
    /// twice.
    fn seen(&self) -> usize {
        [ROOM, "bob"]
            .map(|place| self.alice.sees(place, "bob").len())
            .iter()
            .sum()
    }

    fn wait_until_seen(&self, lines: usize) {
        wait_for("alice to see it", || (self.seen() >= lines).then_some(()));
    }

    fn link(&self) -> Arc<Link> {
        self.alice.wire.link().1
    }

    /// alice is back on a new link, and has been asked for nothing but her secret.
    fn alice_is_back(&mut self) {
        if !self.alice.program.reconnects {
            self.alice.waits_for_the_end();
            self.alice.starts_again();
        }
        assert_eq!(self.alice.is_welcomed(1), "alice");
    }

    /// Asserts that alice's client shows just this: what it showed before, of which `read` is
    /// the end of what was read, and then all that was not acknowledged.
    #[track_caller]
    fn expect_the_rest(&mut self, read: usize, acknowledged: usize) {
        let rest = &self.said[acknowledged..];
        let all: Vec<_> = self.said[..read].iter().chain(rest).cloned().collect();
        self.wait_until_seen(all.len());
        for place in [ROOM, "bob"] {
            assert_eq!(
                self.alice.sees(place, "bob"),
                in_place(&all, place),
                "from {place}"
            );
        }
        let link = self.link();
        wait_for("all to be acknowledged", || link.is_settled().then_some(()));
        assert_eq!(
            link.sent(),
            rest,
            "what was not acknowledged is sent, and nothing else"
        );
    }

    /// Asserts that carol has seen nothing of what happened to alice, who is an operator still.
    #[track_caller]
    fn expect_nobody_noticed(&mut self) {
        self.carol.send(&format!("NAMES {ROOM}"));
        let lines = hears(&mut self.carol, " 366 ");
        let names = lines.iter().find(|line| line.contains(" 353 "));
        let names = names.map_or("", String::as_str);
        assert!(names.ends_with(":@alice bob carol"), "{names}");
        let of_alice = lines.iter().filter(|line| line.starts_with(":alice!"));
        assert_eq!(of_alice.collect::<Vec<_>>(), [""; 0]);
    }
}

/// A server that takes floods, and where it takes IRC.
pub(crate) fn server() -> (Server, SocketAddr) {
    let server = Server::start_for_floods(&["--irc=127.0.0.1:0"]);
    let irc = server.irc();
    (server, irc)
}

/// Somebody without a client, who has heard what everybody hears first.
fn registers(irc: SocketAddr, nick: &str) -> Line {
    let mut line = Line::connect(irc);
    line.send(&format!("NICK {nick}"));
    line.send(&format!("USER {nick} 0 * :{nick}"));
    hears(&mut line, " 422 ");
    line
}

/// The lines up to one that has this in it.
fn hears(line: &mut Line, last: &str) -> Vec<String> {
    let mut lines = vec![line.line()];
    while !lines.iter().any(|line| line.contains(last)) {
        lines.push(line.line());
    }
    lines
}

/// Killed while others talk, and started again: what was not acknowledged comes, and no more.
pub(crate) fn killed_in_mid_flow(program: &'static Program) {
    if !program.is_installed() {
        return;
    }
    let mut scene = Scene::of(program, Some(SECRET));
    for sent in 1..=300 {
        scene.bob_says(1);
        // So that it is killed neither before it reads nor after.
        scene.wait_until_seen(usize::saturating_sub(sent, 50));
    }
    let link = scene.link();
    scene.alice.kills();
    scene.bob_says(100);
    link.wait_for_end();
    let (read, acknowledged) = (scene.seen(), link.acknowledged());
    assert!(read >= 250, "{read}");
    assert_eq!(acknowledged, scene.said[..acknowledged.len()]);
    assert!(acknowledged.len() <= read);
    scene.alice.starts_again();
    scene.bob_says(100);
    assert_eq!(scene.alice.is_welcomed(1), "alice");
    scene.bob_says(100);
    scene.expect_the_rest(read, acknowledged.len());
    scene.expect_nobody_noticed();
}

/// A link breaks, with lines on their way in both directions.
pub(crate) fn a_link_breaks(program: &'static Program) {
    if !program.is_installed() {
        return;
    }
    let mut scene = Scene::of(program, Some(SECRET));
    let link = scene.link();
    scene.bob_says(100);
    wait_for("all to be acknowledged", || {
        (link.acknowledged().len() == 100).then_some(())
    });
    // Read, and its acknowledgement is lost.
    link.hold(Way::ToServer);
    scene.bob_says(100);
    scene.wait_until_seen(200);
    // Written, and lost.
    link.hold(Way::ToClient);
    scene.bob_says(100);
    wait_for("the wire to have it", || {
        let held = link.held(Way::ToClient);
        held.iter()
            .any(|line| line.ends_with("line 299"))
            .then_some(())
    });
    link.cut();
    scene.bob_says(100);
    scene.alice_is_back();
    scene.bob_says(100);
    link.wait_for_end();
    assert_eq!(link.acknowledged().len(), 100);
    scene.expect_the_rest(200, 100);
    scene.expect_nobody_noticed();
}

/// A link breaks, and the server sees nothing of it until the client is back.
pub(crate) fn a_link_looks_alive(program: &'static Program) {
    if !program.is_installed() {
        return;
    }
    let mut scene = Scene::of(program, Some(SECRET));
    let link = scene.link();
    scene.bob_says(100);
    wait_for("all to be acknowledged", || {
        (link.acknowledged().len() == 100).then_some(())
    });
    link.cut_for_the_client();
    scene.bob_says(100);
    scene.alice_is_back();
    scene.bob_says(100);
    scene.expect_the_rest(100, 100);
    scene.expect_nobody_noticed();
    let last = link.held(Way::ToClient);
    let last = last.last().map_or("", String::as_str);
    assert!(last.starts_with("ERROR :"), "the old link is told: {last}");
}

/// Who brings no secret gets another nick while somebody holds it, and says so.
pub(crate) fn a_held_nick_is_refused(program: &'static Program) {
    if !program.is_installed() {
        return;
    }
    let (server, irc) = server();
    let _alice = server.login("alice correct-horse");
    let mut guest = Person::starts(program, irc, "alice", None);
    wait_for("the refusal", || {
        let (_, link) = (guest.wire.links() > 0).then(|| guest.wire.link())?;
        let lines = link.passed(Way::ToClient);
        let refused = |line: &String| {
            line.contains(" 433 ") && line.contains(" alice :") && line.contains("PASS")
        };
        lines.iter().any(refused).then_some(())
    });
    if program.other_nick.is_none() {
        guest.client().change_nick("alice_");
    }
    assert_eq!(guest.is_welcomed(0), "alice_");
}

/// Who brings no secret gets its nick back when its old link has just ended, and has missed what
/// it missed.
pub(crate) fn a_guest_comes_back(program: &'static Program) {
    if !program.is_installed() {
        return;
    }
    let mut scene = Scene::of(program, None);
    scene.bob_says(10);
    scene.wait_until_seen(10);
    scene.alice.kills();
    scene.alice.starts_again();
    assert_eq!(scene.alice.is_welcomed(1), "alice");
    scene.carol.send("PING :end");
    let lines = hears(&mut scene.carol, ":end");
    let of_alice: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with(":alice!"))
        .collect();
    let [quit] = of_alice[..] else {
        panic!("carol sees one thing of alice, not {of_alice:?}")
    };
    assert!(quit.contains(" QUIT "), "{quit}");
    assert_eq!(scene.link().sent(), []);
}

/// Who joins many channels at once waits for none of them, whatever its client asks about each.
pub(crate) fn many_channels_are_joined(program: &'static Program) {
    if !program.is_installed() {
        return;
    }
    let server = Server::start(&["--irc=127.0.0.1:0"]);
    let mut alice = Person::comes(program, server.irc(), "alice", None);
    for n in 1..=30 {
        alice.joins(&format!("#room{n}"));
    }
    let (_, link) = alice.wire.link();
    let asked = link.passed(Way::ToServer).len();
    alice.says("alice", "still here");
    wait_for("alice to see it", || {
        (!alice.sees("alice", "alice").is_empty()).then_some(())
    });
    assert!(asked >= 30, "{asked}");
}

/// Everybody talks with everybody, in a room and alone, and goes on with another nick.
pub(crate) fn all_talk(programs: &[(&'static Program, [&'static str; 2])]) {
    let installed = programs
        .iter()
        .filter(|(program, _)| program.is_installed());
    let programs: Vec<_> = installed.collect();
    let (server, irc) = server();
    let mut people: Vec<_> = programs
        .iter()
        .map(|&&(program, [nick, _])| {
            let mut person = Person::comes(program, irc, nick, None);
            person.joins(ROOM);
            person
        })
        .collect();
    let nicks = |n: usize| programs.iter().map(move |(_, nicks)| nicks[n]);
    talk(&server, &mut people, &nicks(0).collect::<Vec<_>>(), "dave");
    for (person, nick) in people.iter_mut().zip(nicks(1)) {
        person.client().change_nick(nick);
    }
    for nick in nicks(1) {
        let is_told = |person: &Person| {
            let lines = person.wire.link().1.passed(Way::ToClient);
            let change = format!(" NICK :{nick}");
            lines.iter().any(|line| line.ends_with(&change))
        };
        wait_for("all to be told", || {
            people.iter().all(is_told).then_some(())
        });
    }
    talk(&server, &mut people, &nicks(1).collect::<Vec<_>>(), "erin");
}

/// Each says something to the room and to each of the others, among whom is one without a
/// client; and all of them see it, once.
fn talk(server: &Server, people: &mut [Person], nicks: &[&str], plain: &str) {
    let mut line = server.login(plain);
    line.send(&format!("/join {ROOM}"));
    line.expect(&format!("* joined {ROOM} {plain}"));
    for (person, nick) in people.iter_mut().zip(nicks) {
        let others = nicks.iter().filter(|other| *other != nick);
        for to in others.chain(&[plain, ROOM]) {
            person.says(to, &format!("{nick} to {to}"));
        }
    }
    for to in nicks.iter().chain(&[ROOM]) {
        line.send(&format!("{to}: {plain} to {to}"));
    }

    for (person, nick) in people.iter().zip(nicks) {
        for from in nicks.iter().filter(|from| *from != nick).chain(&[plain]) {
            for (place, to) in [(*from, *nick), (ROOM, ROOM)] {
                let seen = || person.sees(place, from);
                let what = format!("{nick} to see {from} in {place}");
                wait_for(&what, || (!seen().is_empty()).then_some(()));
                assert_eq!(seen(), [format!("{from} to {to}")], "{nick}");
            }
        }
    }
    let heard = nicks.iter().flat_map(|nick| {
        let alone = format!("from {nick}: {nick} to {plain}");
        [alone, format!("from {nick} in {ROOM}: {nick} to {ROOM}")]
    });
    let heard: BTreeSet<_> = heard.collect();
    let lines = (0..heard.len()).map(|_| line.line());
    assert_eq!(lines.collect::<BTreeSet<_>>(), heard);
}
