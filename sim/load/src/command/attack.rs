//! `cargo load attack`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rejoin_load::attack::{Effort, Late, Outcome, Program, ROWS, Row, play};
use rejoin_load::report::machine;
use rejoin_load::server::Kind;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Attacks to play, by their names; all by default, and then all of them at once.
    #[arg(value_name = "ATTACK", value_parser = row)]
    rows: Vec<&'static Row>,

    /// Play these attacks against one server, all at once.
    #[arg(long)]
    at_once: bool,

    /// Say what each attack does, and play none.
    #[arg(long)]
    list: bool,

    /// Play them as small as the tests do.
    #[arg(long)]
    small: bool,

    /// Seconds ahead of an attack, and of the attack once it is prepared.
    #[arg(long, default_value_t = 5.0, value_name = "SECONDS")]
    seconds: f64,

    /// Servers to attack.
    #[arg(long, value_name = "SERVER", value_delimiter = ',', default_values = ["rejoin"])]
    servers: Vec<Kind>,

    /// The binary of rejoin, if it is not the one of these sources.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,

    /// Fail if the innocent have something to complain of.
    #[arg(long)]
    check: bool,

    /// Arguments for rejoin itself, each in the form --flag=value.
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

fn row(name: &str) -> Result<&'static Row, String> {
    let names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
    Row::find(name).ok_or_else(|| format!("expected one of {}", names.join(", ")))
}

/// What is played at once, and under which name.
type Play = (String, Vec<&'static Row>);

impl Args {
    fn plays(&self) -> Vec<Play> {
        let rows = if self.rows.is_empty() {
            ROWS.iter().collect()
        } else {
            self.rows.clone()
        };
        let all = (format!("{} at once", rows.len()), rows.clone());
        if self.at_once {
            return vec![all];
        }
        let one_by_one = rows.iter().map(|&row| (row.name.to_owned(), vec![row]));
        let then = self.rows.is_empty().then_some(all);
        one_by_one.chain(then).collect()
    }

    fn program(&self, kind: Kind) -> Result<Program> {
        Ok(match kind {
            Kind::Rejoin | Kind::RejoinIrc => Program::Rejoin {
                path: match &self.program {
                    Some(path) => path.clone(),
                    None => kind.program().context("rejoin is not built")?,
                },
                flags: self.arguments.clone(),
            },
            Kind::Relay | Kind::Ngircd | Kind::Inspircd | Kind::Redis | Kind::Nats => {
                Program::Other(kind)
            }
        })
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.list {
        for row in ROWS {
            println!("{:10} {}", row.name, row.what);
        }
        return Ok(());
    }
    let seconds = Duration::from_secs_f64(args.seconds);
    let effort = Effort {
        before: seconds,
        during: seconds,
        in_full: !args.small,
    };
    println!("{}\n\n{HEAD}", machine());
    let mut complaints = Vec::new();
    for kind in &args.servers {
        let program = args.program(*kind)?;
        for (name, rows) in args.plays() {
            let is_for = matches!(program, Program::Rejoin { .. });
            if !is_for && !rows.iter().all(|row| row.is_for_others) {
                continue;
            }
            let outcome = play(&rows, &program, &effort)
                .with_context(|| format!("attack {name} on {kind}"))?;
            println!("{}", line(&name, *kind, &outcome));
            for (what, number) in &outcome.facts {
                eprintln!("{name}: {what}: {number}");
            }
            for complaint in outcome.complaints {
                eprintln!("{name}: {complaint}");
                complaints.push(complaint);
            }
        }
    }
    ensure!(
        !args.check || complaints.is_empty(),
        "the innocent have something to complain of"
    );
    Ok(())
}

const HEAD: &str = "\
| attack | server | messages, ms: before | during | logins, ms: before | during | MB | stop, s | complaints |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

fn line(name: &str, kind: Kind, outcome: &Outcome) -> String {
    let late = |late: Late| format!("{:.1} / {:.1} / {:.0}", late.p50, late.p99, late.most);
    let [heard_before, heard] = outcome.heard.map(late);
    let [login_before, login] = outcome.logins.map(late);
    let [before, during] = outcome.memory.map(|bytes| bytes.div_ceil(1 << 20));
    let stop = outcome.stop.map_or_else(
        || "killed".to_owned(),
        |stop| format!("{:.1}", stop.as_secs_f64()),
    );
    let complaints = outcome.complaints.len();
    format!(
        "| {name} | {kind} | {heard_before} | {heard} | {login_before} | {login} | \
         {before} → {during} | {stop} | {complaints} |"
    )
}
