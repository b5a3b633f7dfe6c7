//! How each server is told to listen, and not to hold anybody up.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{Kind, Limits};

/// Sets `command` up, with files in `directory`.
pub(super) fn configure(
    kind: Kind,
    limits: Limits,
    command: &mut Command,
    (address, directory): (SocketAddr, &Path),
) -> Result<()> {
    let write = |text: String| {
        let file = directory.join("config");
        fs::write(&file, text).context("can't write a configuration")?;
        Ok::<_, anyhow::Error>(file)
    };
    match kind {
        Kind::Relay => {
            command.args(["relay", &address.to_string()]);
        }
        Kind::Rejoin => {
            command.args(["--listen", &address.to_string(), "--irc", "off"]);
            command.args(REJOIN).env("RUST_LOG", "warn");
        }
        Kind::RejoinIrc => {
            command.args(["--irc", &address.to_string(), "--listen", "off"]);
            command.args(REJOIN).env("RUST_LOG", "warn");
        }
        Kind::Ngircd => {
            let file = write(ngircd(address, limits))?;
            command.arg("--nodaemon").arg("--config").arg(file);
        }
        Kind::Inspircd => {
            let file = write(inspircd(address, directory, limits))?;
            command.args(["--nofork", "--nopid", "--nolog", "--runasroot", "--config"]);
            command.arg(file);
        }
        Kind::Redis => {
            let port = address.port().to_string();
            command.args(["--bind", "127.0.0.1", "--port", &port, "--save", ""]);
            command.args(["--appendonly", "no", "--maxclients", "20000"]);
            command.args(["--tcp-backlog", "4096"]);
            // As much as NATS lets wait, for the listeners of rooms with 1,000 members.
            command.args(["--client-output-buffer-limit", "pubsub 64mb 64mb 60"]);
            command.arg("--dir").arg(directory);
        }
        Kind::Nats => {
            let port = address.port().to_string();
            command.args(["--addr", "127.0.0.1", "--port", &port]);
        }
    }
    Ok(())
}

/// All bounds but those on how much one address may do.
const REJOIN: [&str; 20] = [
    "--lines-per-second",
    "1000000",
    "--lines-burst",
    "4000000000",
    "--connections",
    "20000",
    "--connections-per-address",
    "20000",
    "--peers",
    "1000000",
    "--peers-per-address",
    "1000000",
    "--joins",
    "1000000",
    "--work-per-connection",
    "1000s",
    "--work-per-address",
    "1000s",
    "--work-in-all",
    "1000s",
];

fn ngircd(address: SocketAddr, limits: Limits) -> String {
    let flood = match limits {
        Limits::Lifted => "MaxJoins = 0\nMaxPenaltyTime = 0\n",
        Limits::ItsOwn => "",
    };
    let (ip, port) = (address.ip(), address.port());
    format!(
        "[Global]
Name = load.localhost
Info = measured
AdminInfo1 = nobody
Listen = {ip}
Ports = {port}
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
{flood}PingTimeout = 600
PongTimeout = 600
[Options]
DNS = no
Ident = no
PAM = no
OperCanUseMode = no
"
    )
}

fn inspircd(address: SocketAddr, directory: &Path, limits: Limits) -> String {
    let flood = match limits {
        Limits::Lifted => {
            "hardsendq=\"104857600\" softsendq=\"104857600\" recvq=\"1048576\" \
             threshold=\"1000000\" commandrate=\"1000000\" fakelag=\"no\" "
        }
        Limits::ItsOwn => "",
    };
    let (ip, port, directory) = (address.ip(), address.port(), directory.display());
    format!(
        "<server name=\"load.localhost\" description=\"measured\" network=\"load\">
<admin name=\"nobody\" nick=\"nobody\" email=\"nobody@localhost\">
<bind address=\"{ip}\" port=\"{port}\" type=\"clients\">
<path configdir=\"{directory}\" datadir=\"{directory}\" logdir=\"{directory}\">
<connect name=\"all\" allow=\"*\" timeout=\"60\" pingfreq=\"600\" {flood}localmax=\"100000\" globalmax=\"100000\" maxconnwarn=\"no\" resolvehostnames=\"no\" \
useident=\"no\">
<performance nouserdns=\"yes\" somaxconn=\"4096\" softlimit=\"100000\" netbuffersize=\"65534\" quietbursts=\"yes\">
<options prefixquit=\"\" defaultmodes=\"n\">
<log method=\"file\" type=\"*\" level=\"default\" target=\"inspircd.log\">
"
    )
}
