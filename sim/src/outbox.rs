//! What a hub sends to one connection, and what comes back of it.

use rejoin::hub::Frame;

/// All that was queued for a connection, also what is written.
#[derive(Clone, Default, Debug)]
pub struct Outbox {
    /// Oldest first.
    frames: Vec<Queued>,
    retains: bool,
    is_stopped: bool,
}

#[derive(Clone, Debug)]
struct Queued {
    frame: Frame,
    /// It comes back even if it is written.
    is_kept: bool,
    is_mark: bool,
}

impl Outbox {
    /// How many frames were queued.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether nothing was queued.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Mail that comes from now on is kept.
    pub fn retain(&mut self) {
        self.retains = true;
    }

    /// Queues a frame, each of its parts by itself.
    pub fn send(&mut self, frame: &Frame) {
        self.frames
            .extend(frame.each().into_iter().map(|frame| Queued {
                is_kept: self.retains && frame.has_mail(),
                frame,
                is_mark: false,
            }));
    }

    /// Queues a mark.
    pub fn ask(&mut self, frame: Frame) {
        self.frames.push(Queued {
            frame,
            is_kept: false,
            is_mark: true,
        });
    }

    /// Nothing more is queued, and what is kept stays so.
    pub fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// The last mark among so many frames.
    pub fn last_mark(&self, written: usize) -> Option<&Frame> {
        let mut marks = self.frames[..written].iter().rev();
        let last = marks.find(|queued| queued.is_mark);
        last.map(|queued| &queued.frame)
    }

    /// How much mail is among so many frames.
    pub fn mail(&self, written: usize) -> usize {
        let frames = self.frames[..written].iter();
        frames.filter(|queued| queued.frame.has_mail()).count()
    }

    /// The client has read everything before this mark. Returns whether there is such a mark.
    pub fn acknowledge(&mut self, marks: u64) -> bool {
        let mut left = marks;
        for queued in &mut self.frames {
            if left == 0 {
                break;
            }
            queued.is_kept &= self.is_stopped;
            left -= u64::from(queued.is_mark);
        }
        left == 0
    }

    /// Nothing is kept any longer.
    pub fn release(&mut self) {
        self.retains = false;
        for queued in &mut self.frames {
            queued.is_kept &= self.is_stopped;
        }
    }

    /// What comes back when so many frames are written.
    pub fn after(self, written: usize) -> Vec<Frame> {
        let written = &self.frames[..written];
        let done = written.iter().filter(|queued| !queued.is_kept).count();
        self.without(done)
    }

    /// What comes back when that is so many frames: which they are follows from their number.
    pub fn last(self, frames: usize) -> Vec<Frame> {
        let done = self.frames.len().saturating_sub(frames);
        self.without(done)
    }

    /// Leaves out the first `done` frames that are not kept.
    fn without(self, mut done: usize) -> Vec<Frame> {
        let frames = self.frames.into_iter().filter(|queued| {
            let is_done = done > 0 && !queued.is_kept;
            done -= usize::from(is_done);
            !is_done
        });
        frames.map(|queued| queued.frame).collect()
    }
}

#[cfg(test)]
mod tests {
    use rejoin::Config;
    use rejoin::hub::record::Recorded;
    use rejoin::hub::{Hub, Output, Outputs, Protocol};
    use rejoin::id::{ConnId, Time};

    use super::*;

    /// Two lines without mail, and two with.
    fn frames() -> [Frame; 4] {
        let (mut hub, mut out) = (Hub::new(&Config::default(), Recorded), Outputs::new());
        let (now, ann) = (Time::ZERO, ConnId::new(1));
        let address = [127, 0, 0, 1].into();
        hub.accepted(now, ann, address, Protocol::Plain, &mut out)
            .unwrap();
        // What everybody is told first is no answer.
        out.clear();
        hub.received(now, ann, b"ann\n/rooms\nann: 1\nann: 2\n", &mut out);
        let frames = out.iter().filter_map(|output| match output {
            Output::Send { frame, .. } => Some(frame.each()),
            Output::StopReader { .. }
            | Output::StopWriter { .. }
            | Output::Proceed { .. }
            | Output::Retain { .. }
            | Output::Ask { .. }
            | Output::Acknowledged { .. }
            | Output::Release { .. }
            | Output::Rehash
            | Output::Verify { .. } => None,
        });
        let frames: Vec<_> = frames.flatten().collect();
        frames.try_into().expect("each line has one answer")
    }

    #[test]
    fn mail_that_is_not_acknowledged_comes_back_and_how_much_does_says_which() {
        let [mark, other, first, second] = frames();
        let mut outbox = Outbox::default();
        outbox.retain();
        outbox.send(&first);
        outbox.ask(mark.clone());
        outbox.send(&other);
        outbox.send(&second);
        outbox.ask(mark.clone());

        let asked = outbox.clone();
        let comes_back = asked.clone().after(4);
        assert_eq!(comes_back, [first, second.clone(), mark.clone()]);
        assert!(outbox.acknowledge(1));
        assert!(!asked.clone().acknowledge(3));
        assert_eq!(outbox.clone().after(4), [second, mark.clone()]);
        let acknowledged = outbox.clone();
        let mut stopped = outbox.clone();
        stopped.stop();
        assert!(stopped.acknowledge(2));
        stopped.release();
        assert_eq!(stopped.after(4), outbox.clone().after(4));
        outbox.release();
        assert_eq!(outbox.clone().after(4), [mark]);
        for outbox in [asked, acknowledged, outbox] {
            for written in 0..=outbox.len() {
                let frames = outbox.clone().after(written);
                assert_eq!(outbox.clone().last(frames.len()), frames);
            }
        }
    }
}
