//! Panics in what is simulated: they are finds, and are told with what was found.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// What a panic says that is a fault of a plan: it is no find, and is never told.
pub(crate) const PLANNED: &str = "a fault of the plan";

thread_local! {
    /// The panics of this thread, oldest first, while they are listened to.
    static HEARD: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Does `play`, and listens to the panics of this thread meanwhile: none is printed as it comes.
///
/// # Errors
///
/// If a panic ends it, what that one says, and where it came from.
pub fn hear<T>(play: impl FnOnce() -> T) -> Result<T, String> {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = take_hook();
        set_hook(Box::new(move |panic| {
            if panic.payload_as_str() != Some(PLANNED) && !keep(panic) {
                report(panic);
            }
        }));
    });
    let outer = HEARD.replace(Some(Vec::new()));
    let result = catch_unwind(AssertUnwindSafe(play));
    let heard = HEARD.replace(outer);
    result.map_err(|_| heard.and_then(|mut heard| heard.pop()).unwrap_or_default())
}

/// The panics, oldest first, since [`hear`] began to listen or this was called last: they were
/// caught by what is simulated.
pub(crate) fn caught() -> Vec<String> {
    HEARD.with_borrow_mut(|heard| heard.as_mut().map(std::mem::take).unwrap_or_default())
}

/// Whether somebody listens to this thread, and the panic is kept.
fn keep(panic: &PanicHookInfo<'_>) -> bool {
    let says = panic.payload_as_str().unwrap_or("a panic without words");
    let place = panic.location().map(|place| format!(", at {place}"));
    let keep = |heard: &RefCell<Option<Vec<String>>>| {
        let mut heard = heard.borrow_mut();
        let heard = heard.as_mut()?;
        heard.push(format!("{says}{}", place.unwrap_or_default()));
        Some(())
    };
    HEARD.try_with(keep).is_ok_and(|kept| kept.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_in_a_panic_is_told_with_its_place() {
        assert_eq!(hear(|| 7), Ok(7));
        let says = hear(|| panic!("it is {}", "so")).unwrap_err();
        let expected = concat!("it is so, at ", file!(), ":");
        assert!(says.starts_with(expected), "{says}");
    }

    #[test]
    fn what_somebody_else_has_caught_is_told_once_and_not_what_was_planned() {
        let says = |panic: &'static str| catch_unwind(move || panic!("{panic}")).is_err();
        let told = hear(|| {
            assert!(says("one") && says(PLANNED) && says("two"));
            (hear(caught), caught().len(), caught().len())
        });
        assert_eq!(told, Ok((Ok(Vec::new()), 2, 0)));
    }
}
