//! `cargo load attack`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rejoin_load::attack::{Bounds, Effort, Late, Outcome, Program, ROWS, Row, play};
use rejoin_load::report::machine;
use rejoin_load::server::Kind;

/// How often an attack is played beside which the innocent heard each other too late.
const ROUNDS_IF_LATE: usize = 3;

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

    /// Milliseconds within which 99 of 100 messages between the innocent must come beside an attack
    /// on rejoin. If they do not, it is played twice more, and the median counts.
    #[arg(long, default_value_t = 50.0, value_name = "MILLISECONDS")]
    late: f64,

    /// MiB of memory that rejoin may take: by default what its own --memory is by default.
    #[arg(long, default_value_t = 1024, value_name = "MIB")]
    memory: u64,

    /// Seconds that rejoin may take to stop under an attack: its --shutdown-timeout and one more.
    #[arg(long, default_value_t = 11.0, value_name = "SECONDS")]
    stop: f64,

    /// How often each is played; the medians of what was late are shown, and the most of the rest.
    #[arg(long, default_value_t = 1, value_name = "N")]
    rounds: usize,

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
        let mut at_once = rows.clone();
        at_once.retain(|row| row.is_at_once || !self.rows.is_empty());
        let all = (format!("{} at once", at_once.len()), at_once);
        if self.at_once {
            return vec![all];
        }
        let one_by_one = rows.iter().map(|&row| (row.name.to_owned(), vec![row]));
        let then = self.rows.is_empty().then_some(all);
        one_by_one.chain(then).collect()
    }

    /// Plays these at once, and more than once if that is wanted, or to know whether what came too
    /// late did so only because the machine was busy.
    fn play(&self, rows: &[&Row], program: &Program) -> Result<Outcome> {
        let seconds = Duration::from_secs_f64(self.seconds);
        let effort = Effort {
            before: seconds,
            during: seconds,
            in_full: !self.small,
        };
        let is_ours = matches!(program, Program::Rejoin { .. });
        let mut plays = Vec::new();
        loop {
            plays.push(play(rows, program, &effort)?);
            let outcome = Outcome::of_several(&plays).expect("there is a play");
            let is_late = is_ours && !outcome.late(&self.bounds()).is_empty();
            if plays.len() >= self.rounds && (plays.len() >= ROUNDS_IF_LATE || !is_late) {
                return Ok(outcome);
            }
        }
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            late: Some(Duration::from_secs_f64(self.late / 1e3)),
            memory: self.memory << 20,
            stop: Duration::from_secs_f64(self.stop),
        }
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
    println!("{}\n\n{HEAD}", machine());
    let mut faults = Vec::new();
    for kind in &args.servers {
        let program = args.program(*kind)?;
        let is_ours = matches!(program, Program::Rejoin { .. });
        for (name, rows) in args.plays() {
            if !is_ours && !rows.iter().all(|row| row.is_for_others) {
                continue;
            }
            let outcome = args
                .play(&rows, &program)
                .with_context(|| format!("attack {name} on {kind}"))?;
            println!("{}", line(&name, *kind, &outcome));
            for (what, number) in &outcome.facts {
                eprintln!("{name}: {what}: {number}");
            }
            for fault in outcome.faults(&args.bounds()) {
                eprintln!("{name} on {kind}: {fault}");
                if is_ours {
                    faults.push(format!("{name}: {fault}"));
                }
            }
        }
    }
    ensure!(
        faults.is_empty(),
        "what attacks on rejoin must not come to:\n{}",
        faults.join("\n")
    );
    Ok(())
}

const HEAD: &str = "\
| attack | server | plain lines, ms: before | during | IRC, ms: before | during | logins, ms: before | during | MiB: before | during | stop, s |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

fn line(name: &str, kind: Kind, outcome: &Outcome) -> String {
    let late = |late: Late| {
        if late.count == 0 {
            return String::new();
        }
        format!("{:.1} / {:.1} / {:.0}", late.p50, late.p99, late.most)
    };
    let [plain_before, plain] = outcome.plain.map(late);
    let [irc_before, irc] = outcome.irc.map(late);
    let [login_before, login] = outcome.logins.map(late);
    let [before, during] = outcome.memory.map(|bytes| bytes.div_ceil(1 << 20));
    let stop = outcome.stop.map_or_else(
        || "killed".to_owned(),
        |stop| format!("{:.1}", stop.as_secs_f64()),
    );
    format!(
        "| {name} | {kind} | {plain_before} | {plain} | {irc_before} | {irc} | \
         {login_before} | {login} | {before} | {during} | {stop} |"
    )
}
