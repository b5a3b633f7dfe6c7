//! Where rows and lanes lie on the page, in pixels.

use super::chart::{Alarm, Chart, Lane, Line, Row};
use crate::words;

/// From one line to the next in a row.
pub(super) const LINE: i32 = 18;
/// Above the first line of a row, and below the last.
const PAD: i32 = 3;
/// What a pause takes above its row.
pub(super) const PAUSE: i32 = 22;
/// Above the first row.
const TOP: i32 = 10;
/// Where the time ends, and what is left of the lanes.
pub(super) const TIME: i32 = 80;
const LEFT: i32 = 92;
/// What lanes that can be narrower or wider should fill. The browser scales it to its window: the
/// less there is, the larger are its letters.
const WIDTH: i32 = 1240;
const CLIENT_PITCH: i32 = 76;
const NAME_PITCH: i32 = 114;
/// How wide a letter of a label is, at most, on average.
const LETTER: f32 = 6.4;
/// The same of what is larger, and of what is bold as well.
const LARGE_LETTER: f32 = 7.0;
const BOLD_LETTER: f32 = 8.2;
/// How wide a band is.
pub(super) const BAND: i32 = 68;

/// Where everything lies.
#[derive(Debug)]
pub(super) struct Grid {
    slots_at: i32,
    slot_pitch: i32,
    /// Where the words are.
    pub(super) words_at: i32,
    /// How many letters they may have.
    pub(super) words_most: usize,
    /// The broker's lifeline.
    pub(super) broker: i32,
    names_at: i32,
    /// Of the whole page.
    pub(super) width: i32,
    /// The top of each row, and the bottom of the last.
    tops: Vec<i32>,
}

impl Grid {
    /// Finds a place for everything in a chart.
    pub(super) fn of(chart: &Chart) -> Self {
        let (clients, slots) = (whole(chart.clients.len()), whole(chart.slots));
        let names = whole(chart.names.len());
        let words = words_width(chart);
        let fixed = LEFT + clients * CLIENT_PITCH + words + 64 + names * NAME_PITCH + 16;
        let slot_pitch = ((WIDTH - fixed) / slots.max(1)).clamp(22, 72);
        let slots_at = LEFT + clients * CLIENT_PITCH;
        let words_at = slots_at + slots * slot_pitch + 12;
        // What the other lanes leave is for the words, which are the most to read.
        let spare = (WIDTH - fixed - slots * slot_pitch).clamp(0, 160);
        let broker = words_at + words + spare + 8;
        let names_at = broker + 44;
        let mut grid = Self {
            slots_at,
            slot_pitch,
            words_at,
            words_most: letters(words + spare),
            broker,
            names_at,
            width: names_at + names * NAME_PITCH + 16,
            tops: Vec::new(),
        };
        grid.tops = grid.stack(chart);
        grid
    }

    /// The middle of a client's lane.
    pub(super) fn client(&self, index: usize) -> i32 {
        LEFT + CLIENT_PITCH * whole(index) + CLIENT_PITCH / 2
    }

    /// The middle of a connection's column.
    pub(super) fn slot(&self, slot: usize) -> i32 {
        self.slots_at + self.slot_pitch * whole(slot) + self.slot_pitch / 2
    }

    /// Half of what lies between a reader and its writer.
    pub(super) fn half(&self) -> i32 {
        (self.slot_pitch / 5).clamp(5, 14)
    }

    /// Where what a connection writes leaves the picture, if no client is in it.
    pub(super) fn outside(&self, writer: i32) -> i32 {
        writer - self.half() - self.slot_pitch / 2 + 3
    }

    /// Where a name's band begins.
    pub(super) fn name(&self, index: usize) -> i32 {
        self.names_at + NAME_PITCH * whole(index)
    }

    /// Where the first lane begins, after the time.
    pub(super) const fn left(&self) -> i32 {
        LEFT
    }

    /// Where the columns of the connections begin and end.
    pub(super) fn slots(&self) -> (i32, i32) {
        (self.slots_at, self.words_at - 12)
    }

    /// Where a line starts or ends.
    pub(super) fn lane(&self, chart: &Chart, lane: Lane) -> i32 {
        let slot = |conn| chart.lives.get(&conn).map_or(0, |life| life.slot);
        match lane {
            Lane::Client(index) => self.client(index),
            Lane::Reader(conn) => self.slot(slot(conn)) - self.half(),
            Lane::Writer(conn) => self.slot(slot(conn)) + self.half(),
            Lane::Broker => self.broker,
            Lane::Name(name) => self.name(name),
            Lane::Everywhere => LEFT,
        }
    }

    /// The top of a row, or of what comes after the last.
    pub(super) fn top(&self, row: usize) -> i32 {
        self.tops[row.min(self.tops.len() - 1)]
    }

    /// The height of a row, and of the pause before the next one.
    pub(super) fn height(&self, chart: &Chart, row: usize) -> i32 {
        self.row_height(&chart.rows[row])
    }

    /// Where the arrow of a row's line is.
    pub(super) fn line(&self, row: usize, line: usize) -> i32 {
        self.top(row) + PAD + LINE * whole(line) + LINE - 3
    }

    /// From where on everything stands as it does after a row.
    pub(super) fn turn(&self, row: usize) -> i32 {
        if row + 1 < self.tops.len() {
            self.line(row, 0)
        } else {
            self.bottom()
        }
    }

    /// The bottom of the last row.
    pub(super) fn bottom(&self) -> i32 {
        self.top(usize::MAX)
    }

    /// How a paragraph of an alarm is broken into lines.
    fn wrap(&self, text: &str, letter: f32) -> Vec<String> {
        let most = ((self.width - LEFT - 40) as f32 / letter) as usize;
        let mut lines = vec![String::new()];
        for word in text.split(' ') {
            let last = lines.last_mut().expect("there is a line");
            if !last.is_empty() && last.chars().count() + word.chars().count() >= most {
                lines.push(words::shorten(word, most));
            } else {
                last.push_str(if last.is_empty() { "" } else { " " });
                last.push_str(&words::shorten(word, most));
            }
        }
        lines
    }

    fn stack(&self, chart: &Chart) -> Vec<i32> {
        let mut y = TOP;
        let mut tops = Vec::new();
        for row in &chart.rows {
            y += if row.pause.is_some() { PAUSE } else { 0 };
            tops.push(y);
            y += self.row_height(row);
        }
        tops.push(y);
        tops
    }

    fn row_height(&self, row: &Row) -> i32 {
        match row.kind.alarm() {
            Some(alarm) => {
                let lines = self.alarm(alarm);
                10 + 18 * whole(lines.0.len() + lines.1.len()) + 8
            }
            None => 2 * PAD + LINE * whole(row.lines.len()),
        }
    }

    /// The lines of what is wrong, and of what else an alarm says.
    pub(super) fn alarm(&self, alarm: &Alarm) -> (Vec<String>, Vec<String>) {
        let what = words::shorten(&alarm.what, MOST_SAID);
        let what = format!("{}: {what}", alarm.head);
        let more = alarm
            .more
            .iter()
            .flat_map(|more| self.wrap(more, LARGE_LETTER));
        (self.wrap(&what, BOLD_LETTER), more.collect())
    }
}

/// A checker may quote a whole broker.
const MOST_SAID: usize = 900;

fn words_width(chart: &Chart) -> i32 {
    let lines = chart.rows.iter().flat_map(|row| &row.lines);
    let lines = lines.filter(|line| is_in_words(line));
    let longest = lines.map(|line| line.label.chars().count()).max();
    ((longest.unwrap_or(0) as f32 * LETTER) as i32 + 16).clamp(190, 260)
}

/// Whether a line's words stand between the connections and the broker.
pub(super) fn is_in_words(line: &Line) -> bool {
    let at_client = |lane: &Lane| matches!(lane, Lane::Client(_));
    let away = at_client(&line.from) || line.to.iter().any(at_client);
    !away && line.from != Lane::Everywhere
}

/// How many letters are sure to fit.
fn letters(width: i32) -> usize {
    (width as f32 / LETTER) as usize
}

/// No chart has as many rows or lanes as an `i32` can count.
fn whole(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
