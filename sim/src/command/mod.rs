//! What `cargo sim` can do, one command a file.
//!
//! Each exits with 0 if all is well, with 1 if something was found, and with 2 if it could not do
//! its work.

use std::io;
use std::path::Path;

pub(crate) mod exhaust;
pub(crate) mod explain;
pub(crate) mod plant;
pub(crate) mod random;
pub(crate) mod replay;
pub(crate) mod run;

mod source;

/// Prints a line, or fails as the standard output does.
macro_rules! say {
    ($($says:tt)*) => {
        std::io::Write::write_fmt(
            &mut std::io::stdout(),
            format_args!("{}\n", format_args!($($says)*)),
        )
    };
}
pub(crate) use say;

/// Writes the shortest plan of a find to a file, and says how it is replayed and drawn.
fn save(plan: &str, file: &str) -> io::Result<()> {
    match std::fs::write(file, plan) {
        Ok(()) => {
            let page = Path::new(file).with_extension("html");
            let page = page.display();
            say!("the shortest plan, as text:    cargo sim replay {file}")?;
            say!("the shortest plan, as picture: cargo sim explain {file} --html {page}")
        }
        Err(error) => say!("the shortest plan can't be written to {file}: {error}"),
    }
}
