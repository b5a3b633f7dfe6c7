//! What people say.

/// Something that somebody said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Said {
    /// A room; for what is said in private, its sender.
    pub(crate) place: String,
    pub(crate) from: String,
    pub(crate) text: String,
}

impl Said {
    pub(crate) fn new(place: &str, from: &str, text: &str) -> Self {
        let [place, from, text] = [place, from, text].map(str::to_owned);
        Self { place, from, text }
    }
}

/// The messages among the lines that a server sends.
pub(crate) fn mail(lines: &[String]) -> Vec<Said> {
    lines.iter().filter_map(|line| message(line)).collect()
}

fn message(line: &str) -> Option<Said> {
    let line = match line.strip_prefix('@') {
        Some(tagged) => tagged.split_once(' ')?.1,
        None => line,
    };
    let (mask, rest) = line.strip_prefix(':')?.split_once(" PRIVMSG ")?;
    let (from, _) = mask.split_once('!')?;
    let (target, text) = rest.split_once(" :")?;
    let place = if target.starts_with('#') {
        target
    } else {
        from
    };
    Some(Said::new(place, from, text))
}

/// What was said in one place.
pub(crate) fn in_place<'a>(said: &'a [Said], place: &str) -> Vec<&'a str> {
    let there = said.iter().filter(|said| said.place == place);
    there.map(|said| said.text.as_str()).collect()
}
