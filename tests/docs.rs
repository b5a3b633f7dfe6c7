//! The documents agree with each other and with the source: links lead somewhere, and what
//! `docs/ARCHITECTURE.md` names exists.

#![cfg(feature = "server")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn every_link_between_documents_leads_somewhere() {
    let documents = documents();
    assert!(documents.len() > 2, "{documents:?}");
    let mut broken = Vec::new();
    for document in &documents {
        let text = prose(&read(document));
        for target in links(&text) {
            if target.starts_with("https://") || target.starts_with("http://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let file = match file {
                "" => document.clone(),
                _ => document.parent().expect("a file has a folder").join(file),
            };
            let leads =
                file.exists() && (anchor.is_empty() || anchors(&read(&file)).contains(anchor));
            if !leads {
                broken.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Flags with a default that bound nothing a peer does.
const NO_LIMITS: [&str; 9] = [
    "listen",
    "irc",
    "threads",
    "server-name",
    "network",
    "server-description",
    "admin",
    "record-texts",
    "record-bytes",
];

#[test]
fn the_table_of_limits_is_what_the_binary_says() {
    let operations = read(&Path::new(ROOT).join("docs/OPERATIONS.md"));
    let help = Command::new(env!("CARGO_BIN_EXE_rejoin"))
        .arg("--help")
        .env("COLUMNS", "400")
        .output()
        .expect("the binary runs");
    let help = String::from_utf8(help.stdout).expect("help is text");
    let mut expected = BTreeMap::new();
    for flag in help.split("\n      --").skip(1) {
        let text = flag.split_whitespace().collect::<Vec<_>>().join(" ");
        // A file that may be read has no default, and no bound is without one.
        let Some((text, default)) = text.split_once(" [default: ") else {
            continue;
        };
        let (usage, text) = text.split_once("> ").expect("each takes a value");
        let name = usage.split(' ').next().expect("each has a name").to_owned();
        let default = default
            .split(']')
            .next()
            .expect("a bracket closes")
            .trim_matches('"')
            .to_owned();
        expected.insert(name, (default, text.to_owned()));
    }
    expected.retain(|name, _| !NO_LIMITS.contains(&name.as_str()));
    let limits = operations.split("## Limits").nth(1).expect("it has them");
    let rows = limits.lines().filter_map(|line| line.strip_prefix("| `--"));
    let rows = rows.map(|row| {
        let cells: Vec<_> = row.trim_end_matches(" |").split(" | ").collect();
        let [name, default, text] = cells[..] else {
            panic!("not three cells: {row}")
        };
        let name = name.strip_suffix('`').expect("flags are code");
        (name.to_owned(), (default.to_owned(), text.to_owned()))
    });
    assert_eq!(rows.collect::<BTreeMap<_, _>>(), expected);
}

/// A name that stands beside links to files of Rust is defined in one of them, one that stands
/// alone anywhere in `src`.
#[test]
fn what_the_architecture_names_exists() {
    let root = Path::new(ROOT);
    let text = read(&root.join("docs/ARCHITECTURE.md"));
    let everywhere = sources(&root.join("src"));
    let (mut named, mut missing) = (0, Vec::new());
    for block in blocks(&text) {
        let text = prose(&block);
        let files = links(&text).filter(|target| target.ends_with(".rs"));
        let files: Vec<_> = files
            .map(|file| read(&root.join("docs").join(file)))
            .collect();
        let files = if files.is_empty() {
            &everywhere
        } else {
            &files
        };
        let names = block
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|span| is_name(span));
        for name in names {
            named += 1;
            if !files.iter().any(|file| defines(file, name)) {
                missing.push(name.to_owned());
            }
        }
    }
    assert!(named > 50, "{named} names were found");
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The paragraphs, items of lists and rows of tables outside of blocks of code.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    let outside = text
        .split("\n```")
        .step_by(2)
        .collect::<Vec<_>>()
        .join("\n");
    for line in outside.lines() {
        let is_item = line.starts_with("- ") || line.starts_with(|c: char| c.is_ascii_digit());
        if line.trim().is_empty() || line.starts_with('|') || is_item {
            blocks.push(String::new());
        }
        let block = blocks.last_mut().expect("there is one");
        block.push_str(line);
        block.push('\n');
    }
    blocks
}

/// Whether a span of code is the name of an item, perhaps with the type that it belongs to.
fn is_name(span: &str) -> bool {
    let parts = span.split("::");
    let is_word = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    parts.clone().count() <= 2 && parts.into_iter().all(is_word)
}

/// Whether a source has an item of this name, or a method or variant of the type that it says.
fn defines(source: &str, name: &str) -> bool {
    let Some((of, item)) = name.split_once("::") else {
        return has_item(source, name) || has_variant(source, name);
    };
    if item.starts_with(|c: char| c.is_ascii_uppercase()) {
        let after = source.split(&format!("enum {of} {{\n")).nth(1);
        let body = after.and_then(|after| after.split("\n}").next());
        return body.is_some_and(|body| has_variant(body, item));
    }
    let is_implemented = source.lines().any(|line| {
        let implements = line.starts_with("impl") && line.ends_with(" {");
        implements && line.split([' ', '<']).any(|word| word == of)
    });
    is_implemented && has_item(source, item)
}

fn has_item(source: &str, item: &str) -> bool {
    let keywords = ["fn", "struct", "enum", "trait", "type", "const", "mod"];
    let starts = keywords.map(|keyword| format!("{keyword} {item}"));
    source.lines().any(|line| {
        let mut found = starts
            .iter()
            .filter_map(|start| line.split_once(start.as_str()));
        found.any(|(_, rest)| !rest.starts_with(|c: char| c == '_' || c.is_alphanumeric()))
    })
}

fn has_variant(source: &str, item: &str) -> bool {
    source.lines().map(str::trim).any(|line| {
        let rest = line.strip_prefix(item);
        rest.is_some_and(|rest| matches!(rest, "," | " {") || rest.starts_with('('))
    })
}

/// All sources in a folder and the folders below.
fn sources(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it is a folder");
    let paths = entries.map(|entry| entry.expect("readable").path());
    let found = paths.map(|path| match path.extension() {
        None => sources(&path),
        Some(end) if end == "rs" => vec![read(&path)],
        Some(_) => Vec::new(),
    });
    found.flatten().collect()
}

/// Every document in Markdown that belongs to the project.
fn documents() -> Vec<PathBuf> {
    let folders = [
        "",
        "docs",
        "sim",
        "fuzz",
        "benches",
        "examples",
        "src/wire/irc",
    ];
    let folders = folders.map(|folder| Path::new(ROOT).join(folder));
    let files = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok());
    let files = files.flatten().map(|entry| entry.expect("readable").path());
    let mut files: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|end| end == "md"))
        .collect();
    files.sort();
    files
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The text without its blocks and spans of code.
fn prose(text: &str) -> String {
    let outside = text.split("\n```").step_by(2).collect::<String>();
    outside.split('`').step_by(2).collect()
}

/// The targets of `[text](target)`.
fn links(text: &str) -> impl Iterator<Item = String> {
    let after = text.split("](").skip(1);
    after.map(|rest| rest.split(')').next().expect("split gives one").to_owned())
}

/// The anchors that GitHub gives to the headings of a document.
fn anchors(text: &str) -> BTreeSet<String> {
    let outside = text.split("\n```").step_by(2).collect::<String>();
    let headings = outside.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn the_protocol_lists_every_error_code() {
    let root = Path::new(ROOT);
    let protocol = read(&root.join("docs/PROTOCOL.md"));
    let section = protocol
        .split("### Error codes")
        .nth(1)
        .expect("it has one");
    let section = section.split("\n## ").next().expect("split gives one");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: Vec<_> = rows
        .map(|row| row.split('`').next().expect("split gives one"))
        .collect();
    let source = read(&root.join("src/wire/plain/write.rs"));
    let literals = source.split('"').skip(1).step_by(2);
    let is_code = |text: &&str| {
        text.contains('-')
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'8' || b == b'-')
    };
    // How a delivery ends is not an error.
    let others = ["shutting-down"];
    let mut codes: Vec<_> = literals.filter(is_code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes.retain(|code| !others.contains(code));
    assert_eq!(listed, codes);
}

#[test]
fn the_number_of_planted_bugs_is_right() {
    let root = Path::new(ROOT);
    let plants = fs::read_dir(root.join("sim/plants"))
        .expect("there are some")
        .count();
    for (file, says) in [
        ("README.md", format!("{plants} planted bugs")),
        (
            "docs/SIMULATION.md",
            format!("{plants} patches in `sim/plants/`"),
        ),
    ] {
        assert!(read(&root.join(file)).contains(&says), "{file}: {says}");
    }
}
