//! The documents agree with each other and with the source: links lead somewhere, and what
//! `docs/ARCHITECTURE.md` names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

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
