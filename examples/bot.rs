//! A server inside of a program, with a bot: it greets whoever says its name, and stops the server
//! when it is told so.
//!
//! `cargo run --example bot`, and then `nc 127.0.0.1 6000`; say `bot: hello`, `bot: who`, `bot: stop`.

use std::error::Error;
use std::future::pending;
use std::io;

use rejoin::Config;
use rejoin::net::{self, Listener, Listeners, Report, ServerHandle, Setup, Tcp};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(async {
        let listener = Tcp::bind("127.0.0.1:6000".parse()?)?;
        run(listener).await
    })?;
    println!("{report}");
    Ok(())
}

/// Serves until somebody tells the bot to stop.
pub(crate) async fn run(listener: impl Listener) -> Result<Report, Box<dyn Error>> {
    let setup = Setup::new(Config::default());
    let (handle, serving) = net::start(Listeners::plain(listener), setup)?;
    let (report, bot) = tokio::join!(serving.until(pending()), bot(&handle));
    bot?;
    Ok(report?)
}

/// Talks as anybody else does, by lines of the plain protocol.
async fn bot(server: &ServerHandle) -> io::Result<()> {
    let (input, mut output) = tokio::io::split(server.connect().await?);
    output.write_all(b"bot\n").await?;
    let mut lines = BufReader::new(input).lines();
    while let Some(line) = lines.next_line().await? {
        let Some((from, text)) = line.strip_prefix("from ").and_then(|m| m.split_once(": ")) else {
            continue;
        };
        let answer = match text {
            "who" => {
                let here: Vec<_> = server.who().iter().map(|p| p.name.to_string()).collect();
                let here = here.join(", ");
                let counts = server.counts().expect("the server runs");
                format!("{here} on {} connections", counts.connections)
            }
            "stop" => {
                server.stop();
                "good night".to_owned()
            }
            _ => format!("hello, {from}"),
        };
        output
            .write_all(format!("{from}: {answer}\n").as_bytes())
            .await?;
    }
    Ok(())
}
