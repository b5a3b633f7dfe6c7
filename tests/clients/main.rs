//! Stock clients, unmodified, against the real binary, over wires that break.
//!
//! Each test says so in one line, and passes, where its program is not installed; with `CI` in
//! the environment it fails there.

#![cfg(feature = "server")]

mod budget;
#[path = "../common/mod.rs"]
mod common;
mod ii;
mod irssi;
mod person;
mod said;
mod sic;
mod stories;
mod weechat;
mod wire;
mod znc;

/// A test of each story, for each program.
macro_rules! stories {
    ($($story:ident)*) => {
        $(mod $story {
            use super::stories::$story as story;

            #[test]
            fn irssi() {
                story(&super::irssi::IRSSI);
            }

            #[test]
            fn weechat() {
                story(&super::weechat::WEECHAT);
            }

            #[test]
            fn sic() {
                story(&super::sic::SIC);
            }

            #[test]
            fn ii() {
                story(&super::ii::II);
            }
        })*
    };
}

stories! {
    killed_in_mid_flow
    killed_before_it_reads
    killed_while_several_talk
    a_link_breaks_while_several_talk
    a_link_breaks
    a_link_looks_alive
    frozen_before_it_answers
    killed_under_another_nick
    a_held_nick_is_refused
    a_guest_comes_back
    a_guest_waits_for_its_old_link
    senders_are_told
    many_channels_are_joined
}

mod a_typed_line_is_heard_while_others_talk {
    use super::budget::a_typed_line_is_heard as story;

    #[test]
    fn irssi() {
        story(&super::irssi::IRSSI_AS_IT_COMES);
    }

    #[test]
    fn znc() {
        story(&super::znc::ZNC);
    }
}

/// What `docs/IRC.md` tells of them, at its own pace.
#[test]
#[ignore = "takes a minute, and needs a machine that does nothing else"]
fn each_typed_line_is_heard_within_two_seconds() {
    budget::each_typed_line_is_heard_within_two_seconds(&[&irssi::IRSSI_AS_IT_COMES, &znc::ZNC]);
}

#[test]
fn all_of_them_talk_with_each_other_and_change_their_nicks() {
    stories::all_talk(&[
        (&irssi::IRSSI, ["iris", "isabel"]),
        (&weechat::WEECHAT, ["wendy", "willa"]),
        (&sic::SIC, ["sid", "simon"]),
        (&ii::II, ["ian", "igor"]),
    ]);
}
