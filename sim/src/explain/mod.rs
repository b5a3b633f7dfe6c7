//! Draws a [`Trace`]: as one page for a browser, and as text for a terminal.
//!
//! `chart` decides what stands in which row and lane; what draws it adds nothing to the story.

mod chart;
mod fold;
mod follow;
mod grid;
mod html;
mod rows;
mod svg;
mod text;

#[cfg(test)]
mod tests;

use crate::trace::Trace;

/// What has a row of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rows {
    /// What matters: numerics, repeated faults, and stretches in which nothing happens are folded.
    Folded,
    /// Each event.
    All,
}

/// One self-contained page: it needs neither a network nor scripts.
///
/// The same trace gives the same bytes.
pub fn html(trace: &Trace, rows: Rows) -> String {
    html::page(&chart::Chart::of(trace, rows))
}

/// Lines for a terminal, one a row or more, with colours if it shows them.
pub fn text(trace: &Trace, rows: Rows, colour: bool) -> String {
    text::listing(&chart::Chart::of(trace, rows), colour)
}
