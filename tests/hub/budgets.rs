//! What peers from one address may fill together.

use rejoin::Config;

use crate::irc_story::play_with;

/// One address may have two rooms of its own, and four entries of lists.
fn config() -> Config {
    let rooms = 2 * (Config::ROOM_COST + Config::MEMBER_COST);
    Config {
        memory: (4 * 8 * rooms).try_into().unwrap(),
        ..Config::default()
    }
}

#[test]
fn all_from_one_address_may_be_in_so_many_rooms() {
    play_with(
        &config(),
        "
        alice does JOIN #a
        bob does JOIN #b
        alice > JOIN #c
        alice < 405 alice #c :Too many channels from your address
        carol speaks plain
        carol > /join #c
        carol < * joined #c carol
        carol > /join #d
        carol < * joined #d carol
        carol > /join #e
        carol < * error too-many-rooms from your address
        carol > /leave #c
        carol < * left #c carol left
        bob does PART #b
        alice > JOIN #c
        alice < :alice@@ JOIN #c
        alice < 353 alice = #c :@alice
        alice < 366 alice #c :End of /NAMES list
        ",
    );
}

#[test]
fn all_from_one_address_may_fill_so_much_of_the_lists() {
    play_with(
        &config(),
        "
        alice does JOIN #a
        alice does MODE #a +bbb a b c
        alice does MODE #a +I d
        alice > MODE #a +e e
        alice < 478 alice #a e :Too many entries from your address
        alice > MODE #a -b a!*@*
        alice < :alice@@ MODE #a -b a!*@*
        alice > MODE #a +e e
        alice < :alice@@ MODE #a +e e!*@*
        alice does PART #a
        alice does JOIN #b
        alice does MODE #b +bbbb a b c d
        alice > MODE #b +e e
        alice < 478 alice #b e :Too many entries from your address
        ",
    );
}
