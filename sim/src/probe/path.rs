//! The rare paths that no cell of a table stands for.

/// A rare path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Path {
    /// Both halves of an online connection end at the same moment.
    BothEndAtOnce,
    /// A login with the right proof replaces one that waits already.
    TakeoverOfATakeover,
    /// A waiter gets its name, and mail that the connection before had not written.
    WaiterInherits,
    /// A waiter gets the name of a guest.
    GuestSucceeded,
    /// A login with the right proof comes at the very moment at which the window ends.
    ReturnAtDeadline,
    /// A login comes at the very moment at which the time for it ends.
    LoginAtDeadline,
    /// A new peer is refused, as there are too many.
    ServerFull,
    /// A message is refused, as a mailbox is full.
    MailboxFull,
    /// Mail that a connection had not written finds its mailbox full, and bounces.
    TrimBounce,
    /// Mail of a peer whose window has ended bounces.
    ExpiryBounce,
    /// Mail of a guest that is gone bounces.
    GoneBounce,
    /// A bounce goes to the mailbox of a sender that is away.
    BounceToAway,
    /// A bounce is read by a sender that has come back.
    BounceKept,
    /// A message is only counted.
    MessageCounted,
    /// A bounce is only counted.
    BounceCounted,
    /// A room's message to a guest that is gone is only counted.
    RoomCounted,
    /// A request comes from a connection that leaves.
    LateRequest,
    /// A reader that is forgotten ends.
    LateReader,
    /// A writer that is forgotten ends.
    LateWriter,
    /// A writer that was replaced gives back what it held.
    ReplacedHandsBack,
    /// The server stops while somebody waits for a name.
    ShutDownWithWaiter,
    /// The server stops while somebody is away.
    ShutDownWithAway,
    /// Somebody connects while the server stops.
    AcceptAfterShutDown,
    /// A name is refused to one who is here with another.
    RenameRefused,
    /// Somebody takes another name while mail waits for its socket.
    RenameWithMail,
    /// Somebody comes with the name that another has just given up for a new one.
    LoginAfterRename,
    /// Somebody who is away, and took another name, is back with the one it came with first.
    ReturnUnderItsFirstName,
    /// Somebody who took another name replaces itself with the one it came with first.
    TakeoverUnderItsFirstName,
    /// Somebody who is online is dismissed.
    DismissedOnline,
    /// Somebody who leaves is dismissed.
    DismissedLeaving,
    /// Somebody who is away is dismissed.
    DismissedAway,
    /// Something that is due is left for the next slice.
    LeftForTheNextSlice,
    /// Somebody is back, and gets what was kept in slices.
    KeptInSlices,
    /// A message that comes back stands for others.
    BounceOfSeveral,
    /// A client that speaks IRC has read its mail, and its answer is lost: it comes again.
    AnswerLost,
    /// Somebody is replaced between a `PING` and its answer.
    TakeoverUnanswered,
    /// A client never answers, and its word is not waited for any more.
    NeverAnswers,
    /// A writer may have to wait until its client answers: as much as may be is not acknowledged.
    WindowFull,
    /// A command with a label ends its own connection.
    LabelAtTheEnd,
    /// Somebody who is no operator wants a peer gone.
    KillRefused,
}

impl Path {
    /// All paths.
    pub const ALL: [Self; 40] = [
        Self::BothEndAtOnce,
        Self::TakeoverOfATakeover,
        Self::WaiterInherits,
        Self::GuestSucceeded,
        Self::ReturnAtDeadline,
        Self::LoginAtDeadline,
        Self::ServerFull,
        Self::MailboxFull,
        Self::TrimBounce,
        Self::ExpiryBounce,
        Self::GoneBounce,
        Self::BounceToAway,
        Self::BounceKept,
        Self::MessageCounted,
        Self::BounceCounted,
        Self::RoomCounted,
        Self::LateRequest,
        Self::LateReader,
        Self::LateWriter,
        Self::ReplacedHandsBack,
        Self::ShutDownWithWaiter,
        Self::ShutDownWithAway,
        Self::AcceptAfterShutDown,
        Self::RenameRefused,
        Self::RenameWithMail,
        Self::LoginAfterRename,
        Self::ReturnUnderItsFirstName,
        Self::TakeoverUnderItsFirstName,
        Self::DismissedOnline,
        Self::DismissedLeaving,
        Self::DismissedAway,
        Self::LeftForTheNextSlice,
        Self::KeptInSlices,
        Self::BounceOfSeveral,
        Self::AnswerLost,
        Self::TakeoverUnanswered,
        Self::NeverAnswers,
        Self::WindowFull,
        Self::LabelAtTheEnd,
        Self::KillRefused,
    ];

    /// Whether a broker alone can reach it. How far clients have read, what labels their commands
    /// have, and who is an operator, only a hub knows.
    pub const fn is_within_reach_of_the_broker(self) -> bool {
        !matches!(
            self,
            Self::AnswerLost
                | Self::TakeoverUnanswered
                | Self::NeverAnswers
                | Self::WindowFull
                | Self::LabelAtTheEnd
                | Self::KillRefused
        )
    }

    /// Whether the driver reaches it: a driver brings no second end of a writer and no line of
    /// who leaves, and accepts nobody once it stops; a hub does what is due before it looks at a
    /// line; and there are no more names than peers that may be there.
    pub const fn is_within_reach_of_the_driver(self) -> bool {
        match self {
            Self::ReturnAtDeadline
            | Self::LoginAtDeadline
            | Self::ServerFull
            | Self::LateRequest
            | Self::LateWriter
            | Self::AcceptAfterShutDown => false,
            Self::BothEndAtOnce
            | Self::TakeoverOfATakeover
            | Self::WaiterInherits
            | Self::GuestSucceeded
            | Self::MailboxFull
            | Self::TrimBounce
            | Self::ExpiryBounce
            | Self::GoneBounce
            | Self::BounceToAway
            | Self::BounceKept
            | Self::MessageCounted
            | Self::BounceCounted
            | Self::RoomCounted
            | Self::LateReader
            | Self::ReplacedHandsBack
            | Self::ShutDownWithWaiter
            | Self::ShutDownWithAway
            | Self::RenameRefused
            | Self::RenameWithMail
            | Self::LoginAfterRename
            | Self::ReturnUnderItsFirstName
            | Self::TakeoverUnderItsFirstName
            | Self::AnswerLost
            | Self::TakeoverUnanswered
            | Self::NeverAnswers
            | Self::WindowFull
            | Self::LabelAtTheEnd
            | Self::KillRefused
            | Self::DismissedOnline
            | Self::DismissedLeaving
            | Self::DismissedAway
            | Self::LeftForTheNextSlice
            | Self::KeptInSlices
            | Self::BounceOfSeveral => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn all_holds_each_path_once() {
        assert_eq!(BTreeSet::from(Path::ALL).len(), Path::ALL.len());
        let last = Path::KillRefused as usize;
        assert_eq!(Path::ALL.len(), last + 1);
    }
}
