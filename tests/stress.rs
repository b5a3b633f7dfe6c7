//! Hundreds of peers drop and come back at random moments, while others write to them
//! without pause; in the end every message is accounted for.

#![cfg(feature = "server")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use socket2::SockRef;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use common::Server;

const WRITERS: usize = 8;
/// How often each peer drops, at least.
const DROPS: usize = 3;
/// A test that takes longer is stuck.
const LIMIT: Duration = Duration::from_secs(600);

/// How far a writer may be ahead of the server, in messages.
const AHEAD: usize = 32;

/// What each writer says last to everybody.
const END: usize = usize::MAX;

/// How a peer leaves, and what must then hold for what it was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// It has a secret, closes its sending half and reads to the end: it gets everything.
    Orderly,
    /// It has a secret, and resets: it gets everything but, at each reset, a run that was
    /// on its way.
    Abrupt,
    /// It has no secret, and leaves in an orderly way: what it does not get comes back, or
    /// was refused.
    Guest,
    /// It has no secret, and resets: but for what was on its way, the same.
    RudeGuest,
}

/// Everybody who drops.
fn peers() -> impl Iterator<Item = (String, Kind)> {
    let group = |kind, letter, count| (0..count).map(move |n| (format!("{letter}{n}"), kind));
    group(Kind::Orderly, 'o', 100)
        .chain(group(Kind::Abrupt, 'a', 100))
        .chain(group(Kind::Guest, 'g', 20))
        .chain(group(Kind::RudeGuest, 'r', 20))
}

/// Numbers that look random (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).expect("it is below a usize")
    }
}

/// From whom, and which of what they said, in the order of arrival.
type Heard = BTreeMap<String, Vec<usize>>;

/// A line `from NAME: NUMBER`.
fn message(line: &str) -> Option<(&str, usize)> {
    let (from, number) = line.strip_prefix("from ")?.split_once(": ")?;
    // What was kept has a time.
    let from = from.split(' ').next().unwrap_or(from);
    Some((from, number.parse().expect("everybody says numbers")))
}

/// The connection of a peer that drops.
struct Link(Lines<BufReader<TcpStream>>);

impl Link {
    async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await;
        Self(BufReader::new(stream.expect("the server accepts")).lines())
    }

    fn stream(&mut self) -> &mut TcpStream {
        self.0.get_mut().get_mut()
    }

    async fn say(&mut self, line: &str) {
        let line = format!("{line}\n");
        let said = self.stream().write_all(line.as_bytes()).await;
        said.expect("the server reads");
    }

    /// The next line; `None` at the end.
    async fn line(&mut self) -> Option<String> {
        self.0.next_line().await.expect("the server does not reset")
    }

    /// Waits until the login has succeeded. A guest may have to try again, as long as the
    /// server has not noticed the end of its older connection.
    async fn logged_in(&mut self, login: &str) {
        loop {
            let line = self.line().await.expect("the server answers");
            if line.starts_with("* welcome ") || line.starts_with("* back ") {
                return;
            }
            if line.starts_with("* hello: ") {
                continue;
            }
            assert_eq!(line, format!("* error name-in-use {login}"));
            self.say(login).await;
        }
    }

    fn reset(mut self) {
        let socket = SockRef::from(&*self.stream());
        socket
            .set_linger(Some(Duration::ZERO))
            .expect("an open socket takes options");
    }
}

/// Takes note that one more peer has come so far.
type Milestones = mpsc::Sender<()>;

/// A peer that drops and comes back.
struct Peer {
    address: SocketAddr,
    name: String,
    kind: Kind,
    random: Random,
    /// What came on each of its links.
    heard: Vec<Heard>,
    /// How much it said to its friend among the writers.
    said: usize,
    friend: String,
}

impl Peer {
    fn login(&self) -> String {
        match self.kind {
            Kind::Orderly | Kind::Abrupt => format!("{} secret-of-{0}", self.name),
            Kind::Guest | Kind::RudeGuest => self.name.clone(),
        }
    }

    /// Arrives, comes and goes until the writers pause; then stays, and hears out what
    /// they still say. It tells `milestones` when it has arrived, when it has dropped
    /// often enough, and when it stays.
    async fn run(mut self, mut paused: watch::Receiver<bool>, milestones: Milestones) -> Self {
        let login = self.login();
        let mut link = Link::open(self.address).await;
        link.say(&login).await;
        loop {
            link.logged_in(&login).await;
            if [0, DROPS].contains(&self.heard.len()) {
                milestones.send(()).await.expect("the test waits");
            }
            self.heard.push(Heard::new());
            let patience = 1 + self.random.below(100);
            let had_enough = self.listen(&mut link, patience, &mut paused).await;
            if !had_enough {
                break;
            }
            link = self.drop_and_return(link, &login).await;
        }
        milestones.send(()).await.expect("the test waits");
        self.listen_to_the_end(&mut link).await;
        self
    }

    /// Listens to so many lines. Returns whether that was before the writers paused.
    async fn listen(
        &mut self,
        link: &mut Link,
        patience: usize,
        paused: &mut watch::Receiver<bool>,
    ) -> bool {
        for _ in 0..patience {
            tokio::select! {
                biased; // Who drops late enough has dropped often.
                line = link.line() => self.note(&line.expect("nobody ends this link")),
                _ = paused.wait_for(|paused| *paused) => return false,
            }
        }
        true
    }

    async fn drop_and_return(&mut self, mut link: Link, login: &str) -> Link {
        let hurries = self.random.below(2) == 0;
        // A link that is taken over may be heard no more, whatever it has sent.
        if !hurries || self.kind != Kind::Orderly {
            for _ in 0..self.random.below(4) {
                link.say(&format!("{}: {}", self.friend, self.said)).await;
                self.said += 1;
            }
        }
        if matches!(self.kind, Kind::Abrupt | Kind::RudeGuest) {
            link.reset();
            return self.come_back(hurries, login).await;
        }
        let closed = link.stream().shutdown().await;
        closed.expect("the connection was open");
        if hurries {
            // It is back before the old link has ended.
            let next = self.come_back(hurries, login).await;
            self.read_out(link).await;
            next
        } else {
            self.read_out(link).await;
            self.come_back(hurries, login).await
        }
    }

    async fn come_back(&mut self, hurries: bool, login: &str) -> Link {
        if !hurries {
            sleep(Duration::from_millis(self.random.below(20) as u64)).await;
        }
        let mut link = Link::open(self.address).await;
        link.say(login).await;
        link
    }

    /// Reads a link that ends.
    async fn read_out(&mut self, mut link: Link) {
        let mut ended = false;
        while let Some(line) = link.line().await {
            assert!(!ended, "{line:?} came after the last line");
            ended = line.starts_with("* bye ");
            if !ended {
                self.note(&line);
            }
        }
        assert!(ended, "the link ended without a last line");
    }

    async fn listen_to_the_end(&mut self, link: &mut Link) {
        let over = |heard: &Heard| {
            let ended = heard.values().filter(|said| said.contains(&END));
            ended.count() == WRITERS
        };
        while !over(self.heard.last().expect("there is a link")) {
            let line = link.line().await.expect("nobody ends this link");
            self.note(&line);
        }
    }

    fn note(&mut self, line: &str) {
        let (from, number) = message(line).unwrap_or_else(|| panic!("{}: {line:?}", self.name));
        let heard = self.heard.last_mut().expect("there is a link");
        heard.entry(from.to_owned()).or_default().push(number);
    }
}

/// A peer that stays, and writes without pause.
struct Writer {
    name: String,
    output: OwnedWriteHalf,
    /// To each peer, in the order sent.
    sent: BTreeMap<String, Vec<usize>>,
    /// How many of its messages have come back to itself.
    seen: watch::Receiver<usize>,
}

/// What a writer was told.
#[derive(Default)]
struct Answers {
    heard: Heard,
    /// What came back from each peer.
    bounced: Heard,
    /// How many messages to each peer were refused, as it was not there.
    refused: BTreeMap<String, usize>,
}

impl Writer {
    /// Returns once it is logged in.
    async fn arrive(name: String, address: SocketAddr) -> (Self, Ear) {
        let stream = TcpStream::connect(address).await;
        let (input, mut output) = stream.expect("the server accepts").into_split();
        let said = output.write_all(format!("{name}\n").as_bytes()).await;
        said.expect("the server reads");
        let mut input = BufReader::new(input).lines();
        let hello = input.next_line().await.expect("the server says so");
        assert!(hello.is_some_and(|hello| hello.starts_with("* hello: ")));
        let welcome = input.next_line().await.expect("the server answers");
        assert_eq!(welcome, Some(format!("* welcome {name}")));
        let (see, seen) = watch::channel(0);
        let ear = Ear {
            name: name.clone(),
            input,
            see,
        };
        let sent = BTreeMap::new();
        let writer = Self {
            name,
            output,
            sent,
            seen,
        };
        (writer, ear)
    }

    async fn write(
        mut self,
        names: Arc<Vec<String>>,
        mut random: Random,
        paused: watch::Receiver<bool>,
    ) -> Self {
        for number in 0.. {
            if *paused.borrow() {
                break;
            }
            let others = (0..random.below(7)).map(|_| &names[random.below(names.len())]);
            let to: BTreeSet<_> = others.chain([&self.name]).cloned().collect();
            self.say(to.into_iter().collect(), number).await;
            let near = |seen: &usize| number < *seen + AHEAD;
            self.seen
                .wait_for(near)
                .await
                .expect("its answers are read");
        }
        self
    }

    async fn say(&mut self, to: Vec<String>, number: usize) {
        let line = format!("{}: {number}\n", to.join(", "));
        for name in to {
            self.sent.entry(name).or_default().push(number);
        }
        let said = self.output.write_all(line.as_bytes()).await;
        said.expect("the server reads");
    }

    /// Says the last word to everybody, at last to itself.
    async fn end(&mut self, names: &[String]) {
        for some in names.chunks(16) {
            self.say(some.to_vec(), END).await;
        }
        self.say(vec![self.name.clone()], END).await;
    }
}

/// The half of a writer that reads.
struct Ear {
    name: String,
    input: Lines<BufReader<OwnedReadHalf>>,
    see: watch::Sender<usize>,
}

impl Ear {
    /// Reads until the writer's own last word. Returns its name, and what it was told.
    async fn listen(mut self) -> (String, Answers) {
        let mut answers = Answers::default();
        loop {
            let line = self.input.next_line().await;
            let line = line.expect("the server does not reset");
            let line = line.expect("nobody ends this link");
            let words: Vec<_> = line.split(' ').collect();
            match words[..] {
                ["*", "kept", _] => {}
                ["*", "error", "no-such-peer", peer] => {
                    *answers.refused.entry(peer.to_owned()).or_default() += 1;
                }
                ["*", "undelivered", peer, "gone:", number] => {
                    let number = number.parse().expect("everybody says numbers");
                    let bounced = answers.bounced.entry(peer.to_owned());
                    bounced.or_default().push(number);
                }
                _ => {
                    let message = message(&line);
                    let (from, number) = message.unwrap_or_else(|| panic!("{line:?}"));
                    if from == self.name && number == END {
                        return (self.name, answers);
                    } else if from == self.name {
                        self.see.send_replace(number + 1);
                    }
                    let heard = answers.heard.entry(from.to_owned());
                    heard.or_default().push(number);
                }
            }
        }
    }
}

/// Lets everybody write, drop and come back. Returns what they know in the end.
async fn play(address: SocketAddr, seed: u64) -> (Vec<Peer>, Vec<(Writer, Answers)>) {
    let names: Arc<Vec<_>> = Arc::new(peers().map(|(name, _)| name).collect());
    let seed = |n: usize| Random(seed.wrapping_add(n as u64).wrapping_mul(0x2545_f491));
    let (pause, paused) = watch::channel(false);
    let (milestones, mut reached) = mpsc::channel(names.len());

    let mut dropping = JoinSet::new();
    for (n, (name, kind)) in peers().enumerate() {
        let peer = Peer {
            address,
            name,
            kind,
            random: seed(WRITERS + n),
            heard: Vec::new(),
            said: 0,
            friend: format!("w{}", n % WRITERS),
        };
        dropping.spawn(peer.run(paused.clone(), milestones.clone()));
    }
    let (mut listening, mut writing) = (JoinSet::new(), JoinSet::new());
    let mut all_reach = async |listening: &mut JoinSet<_>| {
        for _ in 0..names.len() {
            tokio::select! {
                biased; // A failure comes first.
                Some(Err(failed)) = dropping.join_next() => panic!("{failed}"),
                Some(Err(failed)) = listening.join_next() => panic!("{failed}"),
                one = reached.recv() => one.expect("a sender is kept here"),
            }
        }
    };
    all_reach(&mut listening).await;
    let mut writers = Vec::new();
    for n in 0..WRITERS {
        let (writer, ear) = Writer::arrive(format!("w{n}"), address).await;
        listening.spawn(ear.listen());
        writers.push(writer);
    }
    for (n, writer) in writers.into_iter().enumerate() {
        writing.spawn(writer.write(Arc::clone(&names), seed(n), paused.clone()));
    }
    all_reach(&mut listening).await;
    pause.send(true).expect("the peers listen");
    let mut writers = writing.join_all().await;
    all_reach(&mut listening).await;
    for writer in &mut writers {
        writer.end(&names).await;
    }
    let peers = dropping.join_all().await;
    let mut answers: BTreeMap<_, _> = listening.join_all().await.into_iter().collect();
    let told = |writer: Writer| {
        let answers = answers.remove(&writer.name);
        (writer, answers.expect("each writer reads"))
    };
    (peers, writers.into_iter().map(told).collect())
}

/// Checks what one peer got from one writer. Returns how much was lost in resets.
fn account(peer: &Peer, writer: &Writer, answers: &Answers) -> usize {
    let pair = format!("{} to {}", writer.name, peer.name);
    let none = Vec::new();
    let sent = &writer.sent[&peer.name];
    let bounced = answers.bounced.get(&peer.name).unwrap_or(&none);
    let refused = answers.refused.get(&peer.name).copied().unwrap_or(0);
    let links = peer.heard.iter().filter_map(|link| link.get(&writer.name));
    let heard: Vec<_> = links.clone().flatten().copied().collect();
    match peer.kind {
        Kind::Orderly => {
            assert_eq!(&heard, sent, "{pair}");
            assert!(bounced.is_empty() && refused == 0, "{pair}");
            0
        }
        Kind::Abrupt => {
            let mut next = 0;
            for link in links {
                let skipped = sent[next..].iter().position(|n| Some(n) == link.first());
                let start = next + skipped.unwrap_or_else(|| panic!("{pair}: out of order"));
                next = start + link.len();
                assert_eq!(sent.get(start..next), Some(&link[..]), "{pair}");
            }
            assert_eq!(next, sent.len(), "{pair}: the end is missing");
            assert!(bounced.is_empty() && refused == 0, "{pair}");
            sent.len() - heard.len()
        }
        Kind::Guest | Kind::RudeGuest => {
            assert!(heard.is_sorted(), "{pair}: {heard:?}");
            assert!(bounced.is_sorted(), "{pair}: {bounced:?}");
            let both: BTreeSet<_> = heard.iter().chain(bounced).collect();
            let once = both.len() == heard.len() + bounced.len();
            assert!(once, "{pair}: {heard:?} and {bounced:?}");
            assert!(both.is_subset(&sent.iter().collect()), "{pair}");
            let lost = sent.len() - both.len() - refused;
            assert!(lost == 0 || peer.kind == Kind::RudeGuest, "{pair}");
            lost
        }
    }
}

/// Checks what a peer's friend heard of it.
fn account_for_friend(peer: &Peer, heard: &Heard) {
    let none = Vec::new();
    let heard = heard.get(&peer.name).unwrap_or(&none);
    match peer.kind {
        Kind::Orderly | Kind::Guest => {
            assert!(heard.iter().copied().eq(0..peer.said), "{}", peer.name);
        }
        // The server may have seen the reset before it read the last lines.
        Kind::Abrupt | Kind::RudeGuest => {
            assert!(heard.is_sorted_by(|a, b| a < b), "{}: {heard:?}", peer.name);
        }
    }
}

#[test]
fn every_message_is_accounted_for_however_the_peers_drop_and_come_back() {
    let seed = std::env::var("REJOIN_SEED").map(|seed| seed.parse().expect("a number"));
    let seed = seed.unwrap_or_else(|_| {
        let now = SystemTime::UNIX_EPOCH.elapsed().expect("it is past 1970");
        u64::from(now.subsec_nanos())
    });
    println!("again with REJOIN_SEED={seed}");
    let mut server = Server::start_for_floods(&["--failed-logins-per-connection=1000000"]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("there is a runtime");
    let played = runtime.block_on(async { timeout(LIMIT, play(server.addr, seed)).await });
    let (peers, writers) = played.expect("nobody is stuck");

    let mut lost = 0;
    for peer in &peers {
        for (writer, answers) in &writers {
            lost += account(peer, writer, answers);
            if writer.name == peer.friend {
                account_for_friend(peer, &answers.heard);
            }
        }
    }
    let drops: usize = peers.iter().map(|peer| peer.heard.len() - 1).sum();
    let sent = writers.iter().flat_map(|(writer, _)| writer.sent.values());
    let sent: usize = sent.map(Vec::len).sum();
    let bounced = writers.iter().flat_map(|(_, told)| told.bounced.values());
    let bounced: usize = bounced.map(Vec::len).sum();
    println!("{drops} drops, {sent} messages, {lost} lost in resets, {bounced} bounced");
    server.child.signal("TERM");
    assert!(server.child.wait().success());
    let log = server.log();
    assert!(log.contains(" discarded 0 messages"), "{log}");
}
