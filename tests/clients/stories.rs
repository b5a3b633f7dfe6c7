//! What must hold for whoever runs any of the programs.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::iter;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::common::links::{MANY, big};
use crate::common::{Client as Line, Server, rejoin, wait_for};
use crate::person::{Folder, Person, Program};
use crate::said::{Said, in_place};
use crate::wire::{Link, Way};

const ROOM: &str = "#maps";
const SECRET: &str = "correct-horse";

/// How often a client is asked how far it has read.
const OFTEN: &str = "--ack-interval=50ms";

/// alice runs a stock client; bob talks to her by plain lines, and carol looks on by IRC.
struct Scene {
    server: Server,
    alice: Person,
    bob: Line,
    carol: Line,
    said: Vec<Said>,
}

impl Scene {
    /// alice is here, in a room with the others.
    fn of(program: &'static Program, secret: Option<&'static str>) -> Self {
        Self::at(server(), program, secret)
    }

    fn at(
        (server, irc): (Server, SocketAddr),
        program: &'static Program,
        secret: Option<&'static str>,
    ) -> Self {
        let mut alice = Person::comes(program, irc, "alice", secret);
        alice.joins(ROOM);
        let mut bob = server.login("bob");
        bob.send(&format!("/join {ROOM}"));
        bob.expect(&format!("* joined {ROOM} bob"));
        let mut carol = registers(irc, "carol");
        carol.send(&format!("JOIN {ROOM}"));
        hears(&mut carol, " 366 ");
        Self {
            server,
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

/// A server that takes floods, and where it takes IRC. It asks its clients often how far they have
/// read: none of these programs limits here how much it sends.
pub(crate) fn server() -> (Server, SocketAddr) {
    let server = Server::start_for_floods(&["--irc=127.0.0.1:0", OFTEN]);
    let irc = server.irc();
    (server, irc)
}

/// Somebody without a client, who has heard what everybody hears first.
fn registers(irc: SocketAddr, nick: &str) -> Line {
    registers_over(Line::connect(irc), nick)
}

fn registers_over(mut line: Line, nick: &str) -> Line {
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

/// Killed when its socket has taken what it never read: all that comes again.
pub(crate) fn killed_before_it_reads(program: &'static Program) {
    if !program.is_installed() {
        return;
    }
    let mut scene = Scene::of(program, Some(SECRET));
    let link = scene.link();
    scene.bob_says(100);
    wait_for("all to be acknowledged", || {
        (link.acknowledged().len() == 100).then_some(())
    });
    scene.wait_until_seen(100);
    scene.alice.freezes();
    scene.bob_says(100);
    wait_for("the socket to take all", || {
        (link.sent().len() == 200).then_some(())
    });
    scene.alice.kills();
    scene.bob_says(100);
    link.wait_for_end();
    scene.alice.starts_again();
    assert_eq!(scene.alice.is_welcomed(1), "alice");
    scene.expect_the_rest(100, 100);
    scene.expect_nobody_noticed();
}

/// Killed a while after it was frozen: a client that has answered once is waited for, whatever the
/// time for a first answer is.
pub(crate) fn frozen_before_it_answers(program: &'static Program) {
    if !program.is_installed() {
        return;
    }
    const PATIENCE: Duration = Duration::from_millis(200);
    let flags = ["--irc=127.0.0.1:0", "--ack-timeout=200ms", OFTEN];
    let server = Server::start_for_floods(&flags);
    let irc = server.irc();
    let mut scene = Scene::at((server, irc), program, Some(SECRET));
    let link = scene.link();
    scene.alice.freezes();
    scene.bob_says(10);
    wait_for("the socket to take all", || {
        (link.sent().len() == 10).then_some(())
    });
    thread::sleep(5 * PATIENCE);
    scene.alice.kills();
    link.wait_for_end();
    scene.alice.starts_again();
    assert_eq!(scene.alice.is_welcomed(1), "alice");
    scene.expect_the_rest(0, 0);
}

/// Killed under a nick that it took since; its configuration has another.
pub(crate) fn killed_under_another_nick(program: &'static Program) {
    if !program.is_installed() {
        return;
    }
    let mut scene = Scene::of(program, Some(SECRET));
    let link = scene.link();
    scene.alice.client().change_nick("alicia");
    hears(&mut scene.carol, " NICK ");
    scene.alice.kills();
    link.wait_for_end();
    scene.bob.send("alicia: hi");
    scene.bob.expect(&format!("* joined {ROOM} carol"));
    scene.bob.expect("* renamed alice alicia");
    scene.bob.expect("* kept alicia");
    scene.alice.starts_again();
    assert_eq!(scene.alice.is_welcomed(1), "alicia");
    // ii learns from nobody how it is called, and takes what is for alicia to be in a room.
    wait_for("alice to see it", || {
        let seen = ["bob", "alicia"].map(|place| scene.alice.sees(place, "bob").len());
        (seen.iter().sum::<usize>() == 1).then_some(())
    });
    scene.alice.client().say(ROOM, "here I am");
    scene
        .bob
        .expect(&format!("from alicia in {ROOM}: here I am"));
}

/// What several say at once, each in the room and to alice alone, by turns.
struct Crowd {
    dave: Line,
    rounds: usize,
}

/// In which places somebody of the crowd says something.
const PLACES: [(&str, &str); 6] = [
    (ROOM, "bob"),
    ("bob", "bob"),
    (ROOM, "carol"),
    ("carol", "carol"),
    (ROOM, "dave"),
    ("dave", "dave"),
];

impl Crowd {
    fn of(scene: &Scene) -> Self {
        let mut dave = scene.server.login("dave");
        dave.send(&format!("/join {ROOM}"));
        dave.expect(&format!("* joined {ROOM} dave"));
        Self { dave, rounds: 0 }
    }

    fn talks(&mut self, scene: &mut Scene, rounds: usize) {
        for _ in 0..rounds {
            for to in [ROOM, "alice"] {
                let text = format!("line {}", self.rounds);
                scene.bob.send(&format!("{to}: {text}"));
                scene.carol.send(&format!("PRIVMSG {to} :{text}"));
                self.dave.send(&format!("{to}: {text}"));
            }
            self.rounds += 1;
        }
    }

    /// Asserts that alice's client shows of each, in each place, what it had read, and then all
    /// that was not acknowledged, in the order in which it was said.
    #[track_caller]
    fn expect_the_rest(&self, alice: &Person, read: [usize; 6], acknowledged: &[Said]) {
        for ((place, from), read) in PLACES.into_iter().zip(read) {
            let mine = |said: &&Said| said.place == place && said.from == from;
            let acknowledged = acknowledged.iter().filter(mine).count();
            assert!(acknowledged <= read, "{from} in {place}");
            let lines = (0..read).chain(acknowledged..self.rounds);
            let lines: Vec<_> = lines.map(|n| format!("line {n}")).collect();
            let seen = || alice.sees(place, from);
            wait_for("alice to see it", || {
                (seen().len() >= lines.len()).then_some(())
            });
            assert_eq!(seen(), lines, "from {from} in {place}");
        }
        let (_, link) = alice.wire.link();
        wait_for("all to be acknowledged", || link.is_settled().then_some(()));
    }
}

/// How much of what each of the crowd said alice's client shows.
fn seen_of_all(alice: &Person) -> [usize; 6] {
    PLACES.map(|(place, from)| alice.sees(place, from).len())
}

/// Killed while several talk at once: from each of them nothing is lost, and nothing comes twice
/// that was acknowledged.
pub(crate) fn killed_while_several_talk(program: &'static Program) {
    if !program.is_installed() {
        return;
    }
    let mut scene = Scene::of(program, Some(SECRET));
    let mut crowd = Crowd::of(&scene);
    crowd.talks(&mut scene, 30);
    wait_for("alice to see some of it", || {
        let seen = seen_of_all(&scene.alice);
        seen.iter().all(|&seen| seen > 5).then_some(())
    });
    let link = scene.link();
    crowd.talks(&mut scene, 30);
    scene.alice.kills();
    crowd.talks(&mut scene, 30);
    link.wait_for_end();
    let (read, acknowledged) = (seen_of_all(&scene.alice), link.acknowledged());
    scene.alice.starts_again();
    crowd.talks(&mut scene, 30);
    assert_eq!(scene.alice.is_welcomed(1), "alice");
    crowd.talks(&mut scene, 30);
    crowd.expect_the_rest(&scene.alice, read, &acknowledged);
}

/// A link breaks while several talk at once.
pub(crate) fn a_link_breaks_while_several_talk(program: &'static Program) {
    if !program.is_installed() {
        return;
    }
    let mut scene = Scene::of(program, Some(SECRET));
    let mut crowd = Crowd::of(&scene);
    crowd.talks(&mut scene, 30);
    let link = scene.link();
    wait_for("alice to see some of it", || {
        let seen = seen_of_all(&scene.alice);
        seen.iter().all(|&seen| seen > 5).then_some(())
    });
    // Read, and its acknowledgement is lost.
    link.hold(Way::ToServer);
    crowd.talks(&mut scene, 30);
    wait_for("alice to see all of it", || {
        (seen_of_all(&scene.alice) == [60; 6]).then_some(())
    });
    // Written, and lost.
    link.hold(Way::ToClient);
    crowd.talks(&mut scene, 30);
    link.wait_to_hold(Way::ToClient, "line 89");
    link.cut();
    crowd.talks(&mut scene, 30);
    scene.alice_is_back();
    crowd.talks(&mut scene, 30);
    link.wait_for_end();
    crowd.expect_the_rest(&scene.alice, [60; 6], &link.acknowledged());
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
    link.wait_to_hold(Way::ToClient, "line 299");
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
    // The server has handled what came before this; of another link it may hear sooner.
    scene.alice.says("bob", "all is read");
    hears(&mut scene.bob, "all is read");
    link.cut_for_the_client();
    scene.bob_says(100);
    scene.alice_is_back();
    scene.bob_says(100);
    scene.expect_the_rest(100, 100);
    scene.expect_nobody_noticed();
    wait_for("the server to close the old link", || {
        link.is_over(Way::ToClient).then_some(())
    });
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
    let link = scene.link();
    scene.alice.kills();
    link.wait_for_end();
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

/// Who brings no secret waits for its nick as long as its old link takes to end.
pub(crate) fn a_guest_waits_for_its_old_link(program: &'static Program) {
    if !program.is_installed() {
        return;
    }
    let mut scene = Scene::of(program, None);
    let link = scene.link();
    link.stall(Way::ToClient, true);
    for n in 0..MANY {
        scene.bob.send(&format!("alice: {}", big(n)));
    }
    scene.bob.send("bob: all is on its way");
    hears(&mut scene.bob, "all is on its way");
    scene.alice.kills();
    link.wait_until_told(Way::ToServer);
    scene.bob.settle("bob");
    scene.alice.starts_again();
    let asks = |link: &Link| {
        let said = link.passed(Way::ToServer);
        said.iter().any(|line| line.starts_with("USER ")) && said.contains(&"NICK alice".into())
    };
    wait_for("the client to ask for its nick", || {
        (scene.alice.wire.links() > 1 && asks(&scene.link())).then_some(())
    });
    scene.carol.send("PING :still");
    let lines = hears(&mut scene.carol, ":still");
    assert!(
        !lines.iter().any(|line| line.contains(" QUIT ")),
        "{lines:?}"
    );
    link.stall(Way::ToClient, false);
    assert_eq!(scene.alice.is_welcomed(1), "alice");
    let lines = hears(&mut scene.carol, " QUIT ");
    assert!(lines.last().is_some_and(|line| line.starts_with(":alice!")));
}

/// Whoever says something to somebody who is away is told that it waits, and that it will not
/// arrive, once that is known.
pub(crate) fn senders_are_told(program: &'static Program) {
    if !program.is_installed() {
        return;
    }
    let folder = Folder::new("operators");
    let opers = folder.join("opers");
    fs::write(&opers, format!("root:{}\n", hash("toor"))).expect("the folder is ours");
    let opers = opers.to_str().expect("it is text");
    let server = Server::start(&["--irc=127.0.0.1:0", "--opers", opers]);
    let irc = server.irc();
    let mut alice = Person::comes(program, irc, "alice", None);
    // bob speaks plain, and carol IRC.
    drop(server.login(&format!("bob {SECRET}")));
    let mut carol = Line::connect(irc);
    carol.send(&format!("PASS {SECRET}"));
    drop(registers_over(carol, "carol"));
    let mut dave = server.login("dave");
    wait_for("both to be away", || {
        dave.send("/who");
        // Some programs want not to be found, and then alice is not listed.
        let lines = iter::repeat_with(|| dave.line());
        let peers = lines.take_while(|line| !line.starts_with("* end who "));
        let away = peers.filter(|line| line.ends_with(" away"));
        (away.count() == 2).then_some(())
    });
    let (_, link) = alice.wire.link();
    let is_told = |told: &str| {
        let end = format!(" NOTICE alice :{told}");
        wait_for(told, || {
            let lines = link.passed(Way::ToClient);
            lines.iter().any(|line| line.ends_with(&end)).then_some(())
        });
    };
    for who in ["bob", "carol"] {
        alice.says(who, &format!("to {who}"));
        is_told(&format!("{who} is away; your message waits"));
    }
    let mut root = registers(irc, "root");
    root.send("OPER root toor");
    hears(&mut root, " 381 ");
    for who in ["bob", "carol"] {
        root.send(&format!("KILL {who} :enough"));
        is_told(&format!("{who} is gone, and will not get: to {who}"));
    }
}

/// The hash of a password, as the server makes it.
fn hash(password: &str) -> String {
    let mut command = rejoin(&["--hash-password"]);
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut input = process.stdin.take().expect("it is piped");
    writeln!(input, "{password}").expect("it reads");
    drop(input);
    let output = process.wait_with_output().expect("it ends");
    let hash = String::from_utf8(output.stdout).expect("it is text");
    hash.trim_end().to_owned()
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
