//! Every scenario, tiny, against the driver in this process; and that what is wrong is found.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::num::{NonZeroU32, NonZeroUsize};
use std::thread;
use std::time::Duration;

use rejoin::Config;
use rejoin::net::{Listeners, Setup, Tcp, serve_with};
use rejoin_load::dialect::Dialect;
use rejoin_load::scenario::{Effort, Figures, Scenario, Target};

fn effort() -> Effort {
    Effort {
        warm_up: Duration::from_millis(10),
        // Long enough that something comes about on a machine that does much else.
        measured: Duration::from_millis(500),
        text_bytes: 60,
        window: None,
    }
}

/// Serves on a thread that ends with the process.
fn serve(dialect: Dialect) -> Target {
    let (send, receive) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(async {
            let listener = Tcp::bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
            let address = listener.local_addr().expect("it has an address");
            let (plain, irc) = match dialect {
                Dialect::Irc => (None, Some(listener)),
                Dialect::Plain | Dialect::Redis | Dialect::Nats | Dialect::Relay => {
                    (Some(listener), None)
                }
            };
            send.send(address).expect("the test waits for it");
            let config = Config {
                lines_per_second: NonZeroU32::new(1_000_000).expect("not zero"),
                lines_burst: NonZeroU32::MAX,
                mailbox_messages: NonZeroUsize::new(3_000).expect("not zero"),
                ..Config::default()
            };
            let listeners = Listeners { plain, irc };
            serve_with(listeners, Setup::new(config), std::future::pending()).await
        })
    });
    Target {
        address: receive.recv().expect("it serves"),
        dialect,
        pid: Some(std::process::id()),
    }
}

fn run(target: &Target, scenario: &str) -> Figures {
    let scenario: Scenario = scenario.parse().expect("it is one");
    match scenario.run(target, &effort()) {
        Ok(figures) => figures,
        Err(error) => panic!("{error:#}"),
    }
}

#[test]
fn every_scenario_is_served_in_full() {
    for dialect in [Dialect::Plain, Dialect::Irc] {
        for scenario in [
            "direct:2",
            "among:1:10",
            "fan-out:5",
            "fan-out:3:2",
            "paced:1000:2",
            "idle:20",
            "churn:3",
            "storm:30:2",
            "slow:150000",
        ] {
            let is_for = scenario
                .parse::<Scenario>()
                .expect("it is one")
                .is_for(dialect);
            if is_for {
                let figures = run(&serve(dialect), scenario);
                assert!(figures.count > 0, "{scenario}: {figures:?}");
            }
        }
    }
}

/// What a server that is wrong does with the `index`-th message from alice to bob.
type Wrong = fn(index: usize, line: String) -> Vec<String>;

/// A server that speaks the plain protocol for the two of `direct:1`.
fn serve_wrong(wrong: Wrong) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("it has an address");
    thread::spawn(move || {
        let login = || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut reader = BufReader::new(stream.try_clone().expect("another handle"));
            let mut name = String::new();
            reader.read_line(&mut name).expect("a name");
            let welcome = format!("* welcome {name}");
            stream.write_all(welcome.as_bytes()).expect("it is there");
            (name, stream, reader)
        };
        let (one, other) = (login(), login());
        let (speaks, hears) = if one.0 == "a0\n" {
            (one, other)
        } else {
            (other, one)
        };
        let mut hears: TcpStream = hears.1;
        for (index, line) in speaks.2.lines().map_while(Result::ok).enumerate() {
            let text = line.strip_prefix("b0: ").expect("it is for bob");
            for line in wrong(index, format!("from a0: {text}\n")) {
                if hears.write_all(line.as_bytes()).is_err() {
                    return;
                }
            }
        }
    });
    address
}

fn run_wrong(wrong: Wrong) -> String {
    let target = Target {
        address: serve_wrong(wrong),
        dialect: Dialect::Plain,
        pid: None,
    };
    let scenario = Scenario::Direct { pairs: 1 };
    let effort = Effort {
        window: Some(8),
        ..effort()
    };
    match scenario.run(&target, &effort) {
        Ok(_) => String::new(),
        Err(error) => format!("{error:#}"),
    }
}

#[test]
fn a_server_that_is_wrong_is_found_out() {
    assert_eq!(run_wrong(|_, line| vec![line]), "");
    let twice = run_wrong(|index, line| vec![line; 1 + usize::from(index == 9)]);
    assert!(twice.contains("unexpected: from a0: 0000000009"), "{twice}");
    let lost = run_wrong(|index, line| Vec::from_iter((index != 9).then_some(line)));
    assert!(lost.contains("unexpected: from a0: 0000000010"), "{lost}");
    let other = run_wrong(|index, line| match index {
        9 => vec![line.replace("abc", "abd")],
        _ => vec![line],
    });
    assert!(other.contains("unexpected: from a0: 0000000009"), "{other}");
    let foreign = run_wrong(|index, line| match index {
        9 => vec![line.replace("a0", "a1")],
        _ => vec![line],
    });
    assert!(
        foreign.contains("unexpected: from a1: 0000000009"),
        "{foreign}"
    );
}
