//! Messages that can be checked: each has its number, and a filler that is its stream's own.

/// Digits of a message's number, with which its text begins.
pub const DIGITS: usize = 10;

/// The shortest text.
pub const MIN_BYTES: usize = DIGITS + 8;

/// The text of message 0 of a stream.
///
/// # Panics
///
/// If it has fewer than [`MIN_BYTES`].
pub fn text(stream: usize, bytes: usize) -> String {
    assert!(bytes >= MIN_BYTES, "a text has at least {MIN_BYTES} bytes");
    let mut text = format!("{:0DIGITS$} s{stream:05}", 0);
    let letters = ('a'..='z').cycle().skip(stream % 26);
    text.extend(letters.take(bytes - text.len()));
    text.truncate(bytes);
    text
}

/// A message's number, as it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Number([u8; DIGITS]);

impl Number {
    /// The number of the first message.
    pub const ZERO: Self = Self([b'0'; DIGITS]);

    /// Goes on to the next.
    pub fn count(&mut self) {
        for digit in self.0.iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                return;
            }
            *digit = b'0';
        }
    }

    /// The digits.
    pub const fn digits(&self) -> &[u8; DIGITS] {
        &self.0
    }
}

/// What is the same in all frames of a stream: what stands before the number, and after it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    /// Before the number.
    pub head: Vec<u8>,
    /// After it.
    pub tail: Vec<u8>,
}

impl Template {
    /// The template of frames with `text` between `before` and `after`.
    pub fn new(before: &str, text: &str, after: &str) -> Self {
        Self {
            head: before.into(),
            tail: [&text[DIGITS..], after].concat().into(),
        }
    }

    /// Bytes of a frame.
    pub fn bytes(&self) -> usize {
        self.head.len() + DIGITS + self.tail.len()
    }

    /// Whether `frame`, of as many bytes, is the one with this number.
    pub fn is(&self, frame: &[u8], number: &Number) -> bool {
        let (head, rest) = frame.split_at(self.head.len());
        let (digits, tail) = rest.split_at(DIGITS);
        digits == number.digits() && head == self.head && tail == self.tail
    }
}

/// Frames that are sent at once, written before.
#[derive(Debug)]
pub struct Batch {
    frames: Vec<u8>,
    frame_bytes: usize,
    digits_at: usize,
}

impl Batch {
    /// `count` frames.
    pub fn new(template: &Template, count: usize) -> Self {
        let zero = Number::ZERO;
        let frame = [&template.head[..], zero.digits(), &template.tail].concat();
        Self {
            frame_bytes: frame.len(),
            frames: frame.repeat(count),
            digits_at: template.head.len(),
        }
    }

    /// The next frames, from `number` on, which is counted up.
    pub fn next(&mut self, number: &mut Number) -> &[u8] {
        for frame in self.frames.chunks_exact_mut(self.frame_bytes) {
            frame[self.digits_at..][..DIGITS].copy_from_slice(number.digits());
            number.count();
        }
        &self.frames
    }
}

/// What a listener must hear from one speaker.
#[derive(Clone, Debug)]
pub struct Expected {
    /// With what a frame begins.
    pub starts: Vec<u8>,
    /// What stands just before the text.
    pub before: Vec<u8>,
    /// What stands after the number.
    pub tail: Vec<u8>,
}

impl Expected {
    /// The template of frames like `line`, if it is one of those expected.
    ///
    /// Some servers put words of their own before a text, but the same each time.
    pub fn learn(&self, line: &[u8]) -> Option<Template> {
        let head_bytes = line.len().checked_sub(self.tail.len() + DIGITS)?;
        let (head, rest) = line.split_at(head_bytes);
        let (digits, tail) = rest.split_at(DIGITS);
        let fits = head.starts_with(&self.starts)
            && head.ends_with(&self.before)
            && digits.iter().all(u8::is_ascii_digit)
            && tail == self.tail;
        fits.then(|| Template {
            head: head.into(),
            tail: tail.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_known_by_its_number_and_its_stream() {
        let template = Template::new("bob: ", &text(7, 40), "\n");
        let mut batch = Batch::new(&template, 12);
        let mut number = Number::ZERO;
        let first: Vec<u8> = batch.next(&mut number).into();
        let frames: Vec<_> = first.chunks_exact(template.bytes()).collect();
        assert_eq!(frames.len(), 12);
        let mut expected = Number::ZERO;
        assert!(!template.is(frames[1], &expected));
        for frame in &frames {
            assert!(template.is(frame, &expected));
            expected.count();
        }
        assert_eq!(expected, number);
        let other = Template::new("bob: ", &text(8, 40), "\n");
        assert!(!other.is(frames[0], &Number::ZERO));
    }

    #[test]
    fn a_servers_own_words_are_learnt_and_nothing_else() {
        let words = text(1, 30);
        let expected = Expected {
            starts: b":bob!".into(),
            before: b" PRIVMSG ann :".into(),
            tail: format!("{}\r\n", &words[DIGITS..]).into(),
        };
        let line = format!(":bob!b@host PRIVMSG ann :{words}\r\n");
        let template = expected.learn(line.as_bytes()).unwrap();
        assert!(template.is(line.as_bytes(), &Number::ZERO));
        for other in [
            line.replace("ann", "eve"),
            line.replace(":bob", ":rob"),
            line.replace("s00001", "s00002"),
            line.replace("0000000000", "000000000x"),
        ] {
            assert_eq!(expected.learn(other.as_bytes()), None, "{other}");
        }
    }
}
