//! Numbers of things, in words.

/// So many of something that takes an s when there are several.
pub fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// Messages by their numbers, in words.
pub fn messages(numbers: &[u32]) -> String {
    let names: Vec<_> = numbers.iter().map(|number| format!("m{number}")).collect();
    match names.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_enumerated() {
        assert_eq!(messages(&[]), "nothing");
        assert_eq!(messages(&[7]), "m7");
        assert_eq!(messages(&[7, 9, 8]), "m7, m9 and m8");
    }

    #[test]
    fn one_is_not_several() {
        assert_eq!(count(0, "room"), "0 rooms");
        assert_eq!(count(1, "room"), "1 room");
        assert_eq!(count(2, "room"), "2 rooms");
    }
}
