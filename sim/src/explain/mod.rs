//! Draws a [`Trace`]: as one page for a browser, and as text for a terminal.
//!
//! `chart` decides what stands in which row and lane; what draws it adds nothing to the story.

mod chart;
mod follow;
mod grid;
mod html;
mod rows;
mod svg;
mod text;

#[cfg(test)]
mod tests;

use crate::trace::Trace;

/// One self-contained page: it needs neither a network nor scripts.
///
/// The same trace gives the same bytes.
pub fn html(trace: &Trace) -> String {
    html::page(&chart::Chart::of(trace))
}

/// Lines for a terminal, one an event or more, with colours if it shows them.
pub fn text(trace: &Trace, colour: bool) -> String {
    text::listing(&chart::Chart::of(trace), colour)
}
