//! The tables in the docs of `broker::lifecycle`, cell by cell.
//!
//! `it` is the connection in question. `older` held the name alice before it, `old` waited for
//! that name before it, and `new` came after it. What alice is bound to is told like this:
//! `resumable of older, held by older, awaited by it`, where `of` names the connection that the
//! peer joined with: who inherits keeps it, who does not is a peer of its own.

mod scene;

use rejoin::broker::StopReason;
use rejoin::broker::lifecycle::{Expired, Limits, Stop};

use scene::Event::{GivesUp, Quits, ReaderEnds, WriterEnds};
use scene::{
    Alice, Brings, Event, IT, LIMITS, LOGIN_TIMEOUT, NEW, NOW, OLD, OLDER, RESUME_WINDOW, Scene,
    Was, just_before, name, source,
};

/// The first table of the docs, for a peer that is resumable, and a row for a connection that
/// was forgotten while its peer is back with another.
const CONNECTIONS: &str = "
it was    | it then    | answer            | it is now      | told to stop                 | alice is now
Greeting  | ReaderEnds | -                 | leaving        | writer (ReaderFinished)      | free
Greeting  | GivesUp    | -                 | leaving        | reader and writer (Silent)   | free
Greeting  | Quits      | -                 | leaving        | reader and writer (Quit)     | free
Greeting  | WriterEnds | -                 | forgotten      | reader                       | free
Greeting  | LogsIn     | Joined            | online         | -                            | resumable of it, held by it
Waiting   | ReaderEnds | -                 | leaving        | writer (ReaderFinished)      | resumable of older, held by older
Waiting   | GivesUp    | -                 | leaving        | reader and writer (Silent)   | resumable of older, held by older
Waiting   | Quits      | -                 | leaving        | reader and writer (Quit)     | resumable of older, held by older
Waiting   | WriterEnds | -                 | forgotten      | reader                       | resumable of older, held by older
Waiting   | LogsIn     | AlreadyLoggedIn   | waiting        | -                            | resumable of older, held by older, awaited by it
Online    | ReaderEnds | -                 | leaving, named | writer (ReaderFinished)      | resumable of it, held by it
Online    | GivesUp    | -                 | leaving, named | reader and writer (Silent)   | resumable of it, held by it
Online    | Quits      | alice is given up | leaving, named | reader and writer (Quit)     | guest of it, held by it
Online    | WriterEnds | removed: Away     | forgotten      | reader                       | resumable of it, away
Online    | LogsIn     | AlreadyLoggedIn   | online         | -                            | resumable of it, held by it
Leaving   | ReaderEnds | -                 | leaving, named | -                            | resumable of it, held by it
Leaving   | GivesUp    | -                 | leaving, named | -                            | resumable of it, held by it
Leaving   | Quits      | -                 | leaving, named | -                            | resumable of it, held by it
Leaving   | WriterEnds | removed: Away     | forgotten      | -                            | resumable of it, away
Leaving   | LogsIn     | Ignored           | leaving, named | -                            | resumable of it, held by it
Nameless  | ReaderEnds | -                 | leaving        | -                            | free
Nameless  | GivesUp    | -                 | leaving        | -                            | free
Nameless  | Quits      | -                 | leaving        | -                            | free
Nameless  | WriterEnds | -                 | forgotten      | -                            | free
Nameless  | LogsIn     | Ignored           | leaving        | -                            | free
Forgotten | ReaderEnds | -                 | forgotten      | -                            | resumable of it, held by new
Forgotten | GivesUp    | -                 | forgotten      | -                            | resumable of it, held by new
Forgotten | Quits      | -                 | forgotten      | -                            | resumable of it, held by new
Forgotten | WriterEnds | -                 | forgotten      | -                            | resumable of it, held by new
Forgotten | LogsIn     | Ignored           | forgotten      | -                            | resumable of it, held by new
";

/// The second table of the docs. `Right` is missing where there never was a right proof; after
/// `Quitter` it is the one that was right until alice gave her name up.
const LOGINS: &str = "
alice was               | proof | answer    | it is now | told to stop           | alice is now
Free                    | None  | Joined    | online    | -                      | guest of it, held by it
Free                    | Wrong | Joined    | online    | -                      | resumable of it, held by it
Away                    | None  | NameInUse | greeting  | -                      | resumable of older, away
Away                    | Wrong | NameInUse | greeting  | -                      | resumable of older, away
Away                    | Right | Returned  | online    | -                      | resumable of older, held by it
ResumableOnline         | None  | NameInUse | greeting  | -                      | resumable of older, held by older
ResumableOnline         | Wrong | NameInUse | greeting  | -                      | resumable of older, held by older
ResumableOnline         | Right | Waits     | waiting   | older, both (Replaced) | resumable of older, held by older, awaited by it
GuestOnline             | None  | NameInUse | greeting  | -                      | guest of older, held by older
GuestOnline             | Wrong | NameInUse | greeting  | -                      | guest of older, held by older
ResumableLeaving        | None  | NameInUse | greeting  | -                      | resumable of older, held by older
ResumableLeaving        | Wrong | NameInUse | greeting  | -                      | resumable of older, held by older
ResumableLeaving        | Right | Waits     | waiting   | -                      | resumable of older, held by older, awaited by it
ResumableLeavingAwaited | None  | NameInUse | greeting  | -                      | resumable of older, held by older, awaited by old
ResumableLeavingAwaited | Wrong | NameInUse | greeting  | -                      | resumable of older, held by older, awaited by old
ResumableLeavingAwaited | Right | Waits     | waiting   | old, both (Replaced)   | resumable of older, held by older, awaited by it
GuestLeaving            | None  | Waits     | waiting   | -                      | guest of older, held by older, awaited by it
GuestLeaving            | Wrong | Waits     | waiting   | -                      | guest of older, held by older, awaited by it
GuestLeavingAwaited     | None  | NameInUse | greeting  | -                      | guest of older, held by older, awaited by old
GuestLeavingAwaited     | Wrong | NameInUse | greeting  | -                      | guest of older, held by older, awaited by old
Quitter                 | None  | Waits     | waiting   | -                      | guest of older, held by older, awaited by it
Quitter                 | Wrong | Waits     | waiting   | -                      | guest of older, held by older, awaited by it
Quitter                 | Right | Waits     | waiting   | -                      | guest of older, held by older, awaited by it
";

/// What the end of `older`'s writer does, after `it` has logged in with such a proof, or has
/// not (`-`). Logins that wait for nothing are in the table above.
const REMOVALS: &str = "
alice was               | it brought | removed        | it is now | alice is now
ResumableOnline         | -          | Away           | greeting  | resumable of older, away
ResumableOnline         | Right      | Returned(it)   | online    | resumable of older, held by it
GuestOnline             | -          | Gone           | greeting  | free
ResumableLeaving        | -          | Away           | greeting  | resumable of older, away
ResumableLeaving        | Right      | Returned(it)   | online    | resumable of older, held by it
ResumableLeavingAwaited | -          | Returned(old)  | greeting  | resumable of older, held by old
ResumableLeavingAwaited | Right      | Returned(it)   | online    | resumable of older, held by it
GuestLeaving            | -          | Gone           | greeting  | free
GuestLeaving            | None       | Succeeded(it)  | online    | guest of it, held by it
GuestLeaving            | Wrong      | Succeeded(it)  | online    | resumable of it, held by it
GuestLeavingAwaited     | -          | Succeeded(old) | greeting  | guest of old, held by old
Quitter                 | -          | Gone           | greeting  | free
Quitter                 | None       | Succeeded(it)  | online    | guest of it, held by it
Quitter                 | Wrong      | Succeeded(it)  | online    | resumable of it, held by it
Quitter                 | Right      | Succeeded(it)  | online    | resumable of it, held by it
";

#[test]
fn no_cell_is_missing_and_none_is_there_twice() {
    let mut cells = Vec::new();
    for was in Was::ALL {
        cells.extend(Event::ALL.map(|event| format!("{was:?}, {event:?}")));
    }
    assert_eq!(keys::<6>(CONNECTIONS), cells);

    let mut cells = Vec::new();
    for alice in Alice::ALL {
        let proofs = Brings::ALL.into_iter();
        let possible = proofs.filter(|&proof| alice.knows(proof));
        cells.extend(possible.map(|proof| format!("{alice:?}, {proof:?}")));
    }
    assert_eq!(keys::<6>(LOGINS), cells);

    let mut cells = Vec::new();
    for [alice, proof, answer, ..] in rows::<6>(LOGINS) {
        let is_held = !matches!(Alice::named(alice), Alice::Free | Alice::Away);
        if is_held && proof == "None" {
            cells.push(format!("{alice}, -"));
        }
        if answer == "Waits" {
            cells.push(format!("{alice}, {proof}"));
        }
    }
    assert_eq!(keys::<5>(REMOVALS), cells);
}

#[test]
fn each_phase_answers_each_event_as_the_table_says() {
    for [was, event, answer, phase, stopped, alice] in rows(CONNECTIONS) {
        let mut scene = Scene::when_it_is(Was::named(was));
        let came = scene.happens(IT, Event::named(event));
        let is_now = [came, scene.phase(IT), scene.stopped(), scene.alice()];
        let expected = [answer, phase, stopped, alice];
        assert_eq!(is_now, expected, "{was}, {event}");
    }
}

#[test]
fn what_happens_again_changes_nothing_and_stops_nobody() {
    for [was, event, ..] in rows::<6>(CONNECTIONS) {
        let mut scene = Scene::when_it_is(Was::named(was));
        scene.happens(IT, Event::named(event));
        let before = scene.clone();
        let came = scene.happens(IT, Event::named(event));
        assert_eq!(scene, before, "{was}, {event} twice");
        let came_of_nothing = ["-", "AlreadyLoggedIn", "Ignored"];
        assert!(
            came_of_nothing.contains(&came.as_str()),
            "{was}, {event}: {came}"
        );
    }
}

#[test]
fn what_comes_late_changes_nothing() {
    for event in Event::ALL {
        let mut scene = Scene::when_it_is(Was::Forgotten);
        let before = scene.clone();
        scene.happens(IT, event);
        assert_eq!(scene, before, "{event:?}");
    }
}

#[test]
fn a_half_is_stopped_once_if_the_other_ended_and_never_after_its_own_end() {
    let ends = [ReaderEnds, GivesUp, Quits, WriterEnds];
    for was in [Was::Greeting, Was::Waiting, Was::Online] {
        for (first, second) in ends.iter().flat_map(|&a| ends.map(|b| (a, b))) {
            let mut scene = Scene::when_it_is(was);
            for event in [first, second, ReaderEnds, WriterEnds, ReaderEnds] {
                scene.happens(IT, event);
            }
            let reader = |stop: &&Stop| matches!(stop, Stop::Reader(_));
            let readers = scene.stops.iter().filter(reader).count();
            let told = (readers, scene.stops.len() - readers);
            let expected = (
                usize::from(first != ReaderEnds),
                usize::from(first != WriterEnds),
            );
            assert_eq!(told, expected, "{was:?}: {first:?}, then {second:?}");
        }
    }
}

#[test]
fn each_login_ends_as_the_table_says() {
    for [was, proof, answer, phase, stopped, alice] in rows(LOGINS) {
        let mut scene = Scene::when_alice_is(Alice::named(was));
        let came = scene.log_in(IT, "alice", Brings::named(proof));
        let is_now = [came, scene.phase(IT), scene.stopped(), scene.alice()];
        let expected = [answer, phase, stopped, alice];
        assert_eq!(is_now, expected, "{was}, {proof}");
    }
}

/// What becomes of a peer that is dismissed, at once, and when the writer of its holder ends.
const DISMISSALS: &str = "
alice was               | it      | told to stop            | alice is now                                | then
Away                    | is gone | -                       | free                                        | -
ResumableOnline         | leaves  | older, both (Dismissed) | guest of older, held by older               | removed: Gone
ResumableLeaving        | leaves  | -                       | guest of older, held by older               | removed: Gone
ResumableLeavingAwaited | leaves  | -                       | guest of older, held by older, awaited by old | removed: Succeeded(old)
GuestOnline             | leaves  | older, both (Dismissed) | guest of older, held by older               | removed: Gone
GuestLeaving            | leaves  | -                       | guest of older, held by older               | removed: Gone
GuestLeavingAwaited     | leaves  | -                       | guest of older, held by older, awaited by old | removed: Succeeded(old)
Quitter                 | leaves  | -                       | guest of older, held by older               | removed: Gone
";

#[test]
fn a_refused_login_changes_nothing() {
    for [was, proof, answer, ..] in rows::<6>(LOGINS) {
        let mut scene = Scene::when_alice_is(Alice::named(was));
        let before = scene.clone();
        scene.log_in(IT, "alice", Brings::named(proof));
        assert_eq!(scene == before, answer == "NameInUse", "{was}, {proof}");
    }
}

#[test]
fn each_removal_gives_the_name_on_as_the_table_says() {
    for [was, proof, then, phase, alice] in rows(REMOVALS) {
        let mut scene = Scene::when_alice_is(Alice::named(was));
        if proof != "-" {
            scene.log_in(IT, "alice", Brings::named(proof));
        }
        let came = scene.happens(OLDER, WriterEnds);
        let is_now = [came, scene.phase(IT), scene.alice()];
        let removed = format!("removed: {then}");
        assert_eq!(is_now, [removed.as_str(), phase, alice], "{was}, {proof}");
    }
}

#[test]
fn a_wait_that_fails_by_either_half_leaves_the_name_to_the_next() {
    for end in [ReaderEnds, GivesUp, Quits, WriterEnds] {
        let mut scene = Scene::when_alice_is(Alice::ResumableLeavingAwaited);
        scene.happens(OLD, end);
        let told = scene.stops.len();
        assert_eq!(scene.log_in(IT, "alice", Brings::Right), "Waits", "{end:?}");
        assert_eq!(
            scene.stops.len(),
            told,
            "{end:?}: who gave up is told nothing more"
        );
        assert_eq!(scene.happens(OLDER, WriterEnds), "removed: Returned(it)");
    }
}

#[test]
fn a_wait_that_fails_by_either_half_leaves_the_peer_away_and_removes_nobody() {
    for end in [ReaderEnds, GivesUp, Quits, WriterEnds] {
        let mut scene = Scene::when_alice_is(Alice::ResumableLeavingAwaited);
        scene.happens(OLD, end);
        assert_eq!(scene.happens(OLDER, WriterEnds), "removed: Away", "{end:?}");
        assert_eq!(scene.happens(OLD, WriterEnds), "-", "{end:?}");
        assert_eq!(scene.alice(), "resumable of older, away", "{end:?}");
    }
}

#[test]
fn a_takeover_of_a_takeover_removes_the_peer_once_for_its_holder() {
    let mut scene = Scene::when_alice_is(Alice::ResumableOnline);
    scene.accept(NEW);
    for waiter in [IT, NEW] {
        assert_eq!(scene.log_in(waiter, "alice", Brings::Right), "Waits");
    }
    assert_eq!(
        scene.stopped(),
        "older, both (Replaced), reader and writer (Replaced)"
    );
    assert_eq!(scene.happens(IT, WriterEnds), "-", "it never held the name");
    assert_eq!(scene.happens(OLDER, WriterEnds), "removed: Returned(new)");
    assert_eq!(scene.happens(OLDER, WriterEnds), "-");
    assert_eq!(scene.alice(), "resumable of older, held by new");
}

#[test]
fn whoever_quits_gives_the_name_up_though_it_is_resumable() {
    let mut scene = Scene::when_it_is(Was::Online);
    assert_eq!(scene.happens(IT, Quits), "alice is given up");
    assert_eq!(scene.happens(IT, WriterEnds), "removed: Gone");
    assert_eq!(scene.alice(), "free");
    assert_eq!(scene.lifecycle.deadline(), None, "nobody may come back");
}

#[test]
fn whoever_is_dismissed_gives_the_name_up_wherever_it_is() {
    for [was, answer, told, alice, then] in rows(DISMISSALS) {
        let mut scene = Scene::when_alice_is(Alice::named(was));
        let stops = &mut scene.stops;
        let is_gone = scene.lifecycle.dismiss(&name("alice"), stops);
        let is_now = [
            ["leaves", "is gone"][usize::from(is_gone)].to_owned(),
            scene.stopped(),
            scene.alice(),
            scene.happens(OLDER, WriterEnds),
        ];
        assert_eq!(is_now, [answer, told, alice, then], "{was}");
    }
}

#[test]
fn a_peer_expires_at_the_exact_end_of_its_window_and_can_return_just_before() {
    let end = NOW.after(RESUME_WINDOW);
    let mut scene = Scene::when_alice_is(Alice::Away);
    scene.happens(IT, GivesUp);
    assert_eq!(
        scene.lifecycle.deadline(),
        Some(end),
        "only alice's is left"
    );
    scene
        .lifecycle
        .accepted(just_before(end), NEW, source(), &mut scene.stops);

    let mut early = scene.clone();
    assert_eq!(early.expire(just_before(end)), None);
    assert_eq!(early.log_in(NEW, "alice", Brings::Right), "Returned");
    assert_eq!(early.expire(end), None);

    assert_eq!(scene.expire(end), Some(Expired::Peer(name("alice"))));
    assert_eq!(scene.expire(end), None);
    let login = scene.log_in(NEW, "alice", Brings::Right);
    assert_eq!(login, "Joined", "as somebody new");
}

#[test]
fn a_login_times_out_at_its_exact_deadline() {
    let deadline = NOW.after(LOGIN_TIMEOUT);
    let mut scene = Scene::when_it_is(Was::Greeting);
    assert_eq!(scene.lifecycle.deadline(), Some(deadline));
    assert_eq!(scene.expire(just_before(deadline)), None);
    assert_eq!(scene.expire(deadline), Some(Expired::Login(IT)));
    assert_eq!(scene.phase(IT), "leaving");
    assert_eq!(scene.stopped(), "reader and writer (LoginTimeout)");
    assert_eq!(scene.expire(deadline), None);
    assert_eq!(scene.lifecycle.deadline(), None);
}

#[test]
fn whoever_has_logged_in_or_is_ending_has_no_login_deadline() {
    for event in Event::ALL {
        let mut scene = Scene::when_it_is(Was::Greeting);
        scene.happens(IT, event);
        assert_eq!(scene.lifecycle.deadline(), None, "{event:?}");
    }
    let waiting = Scene::when_it_is(Was::Waiting);
    assert_eq!(
        waiting.lifecycle.deadline(),
        None,
        "who waits has logged in"
    );
}

/// As a broker does it, in one slice.
fn shut_down(scene: &mut Scene) {
    scene.lifecycle.begin_to_close();
    let connections: Vec<_> = scene.lifecycle.connections().collect();
    for (conn, _) in connections {
        let reason = StopReason::ShuttingDown;
        scene.lifecycle.give_up(conn, reason, &mut scene.stops);
    }
    scene.lifecycle.has_closed();
}

#[test]
fn a_shutdown_ends_every_phase_and_leaves_nobody_away() {
    let both = "reader and writer (ShuttingDown)";
    for (was, phase, stopped, came) in [
        (Was::Greeting, "leaving", both, "-"),
        (Was::Waiting, "leaving", both, "-"),
        (Was::Online, "leaving, named", both, "removed: Gone"),
        (Was::Leaving, "leaving, named", "-", "removed: Gone"),
        (Was::Nameless, "leaving", "-", "-"),
        (Was::Forgotten, "forgotten", "new, both (ShuttingDown)", "-"),
    ] {
        let mut scene = Scene::when_it_is(was);
        shut_down(&mut scene);
        assert_eq!(
            (scene.phase(IT).as_str(), scene.stopped().as_str()),
            (phase, stopped),
            "{was:?}"
        );
        shut_down(&mut scene);
        assert_eq!(scene.stopped(), stopped, "{was:?}: a second one is nothing");
        assert_eq!(scene.happens(IT, WriterEnds), came, "{was:?}");
        for conn in [OLDER, NEW] {
            scene.happens(conn, WriterEnds);
        }
        assert_eq!(scene.alice(), "free", "{was:?}");
        assert_eq!(scene.lifecycle.connections().count(), 0, "{was:?}");
        assert_eq!(scene.lifecycle.deadline(), None, "{was:?}");
    }
}

#[test]
fn whoever_is_away_can_be_dismissed_and_the_others_stay() {
    let mut scene = Scene::when_alice_is(Alice::Away);
    scene.log_in(IT, "bob", Brings::Right);
    let alice = scene.lifecycle.dismiss_away(None);
    assert_eq!(alice, Some(name("alice")));
    assert_eq!(scene.lifecycle.dismiss_away(alice), None);
    assert_eq!(scene.lifecycle.deadline(), None);
    assert_eq!(scene.phase(IT), "online");
}

#[test]
fn whoever_comes_after_the_shutdown_is_stopped_at_once() {
    let mut scene = Scene::new(LIMITS);
    shut_down(&mut scene);
    scene.accept(IT);
    assert_eq!(scene.phase(IT), "leaving");
    assert_eq!(scene.stopped(), "reader and writer (ShuttingDown)");
    assert_eq!(scene.log_in(IT, "alice", Brings::None), "Ignored");
    assert_eq!(scene.lifecycle.deadline(), None);
}

#[test]
fn peers_are_bounded_and_whoever_is_away_counts() {
    for end in [ReaderEnds, WriterEnds] {
        let mut scene = Scene::new(Limits { peers: 1, ..LIMITS });
        scene.accept(OLDER);
        scene.log_in(OLDER, "alice", Brings::Right);
        scene.happens(OLDER, end);
        scene.accept(IT);
        let before = scene.clone();
        assert_eq!(scene.log_in(IT, "bob", Brings::None), "Full", "{end:?}");
        assert_eq!(scene, before, "{end:?}");
    }
}

#[test]
fn whoever_returns_bears_the_name_as_it_was_first_written() {
    for alice in [Alice::Away, Alice::ResumableOnline, Alice::ResumableLeaving] {
        let mut scene = Scene::when_alice_is(alice);
        scene.log_in(IT, "ALICE", Brings::Right);
        scene.happens(OLDER, WriterEnds);
        assert_eq!(scene.shown(IT), "alice", "{alice:?}");
    }
}

#[test]
fn whoever_joins_bears_the_name_as_it_wrote_it() {
    for alice in [Alice::Free, Alice::GuestLeaving, Alice::Quitter] {
        let mut scene = Scene::when_alice_is(alice);
        scene.log_in(IT, "ALICE", Brings::Wrong);
        scene.happens(OLDER, WriterEnds);
        assert_eq!(scene.shown(IT), "ALICE", "{alice:?}");
    }
}

#[test]
#[should_panic(expected = "c2 was accepted after")]
fn an_id_used_twice_is_the_drivers_mistake_even_if_the_first_is_forgotten() {
    let mut scene = Scene::new(LIMITS);
    scene.accept(OLD);
    scene.happens(OLD, WriterEnds);
    scene.accept(OLD);
}

/// The first two cells of each row.
fn keys<const N: usize>(table: &'static str) -> Vec<String> {
    rows::<N>(table)
        .map(|row| format!("{}, {}", row[0], row[1]))
        .collect()
}

/// The rows of a table but for its head, each as its cells.
fn rows<const N: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    let rows = table.trim().lines().skip(1);
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        cells.try_into().expect("a row has all cells")
    })
}
