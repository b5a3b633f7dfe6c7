//! Identifiers that tell nobody how many there are.

use core::fmt;

/// Makes identifiers from numbers, under a key: whoever does not know it can neither tell which
/// number is behind one, nor what the next will be.
///
/// It is SipHash-2-4 with 128 bits (<https://www.aumasson.jp/siphash/siphash.pdf>) of a number of
/// 64 bits. Two numbers, or two keys, give the same with a chance of 2⁻¹²⁸.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Ids {
    keys: [u64; 2],
}

/// What an identifier is of: a number below this is that of a message.
const CONNECTIONS: u64 = 1 << 63;

impl Ids {
    pub(super) fn new(key: [u8; 16]) -> Self {
        let (words, _) = key.as_chunks();
        let keys = [words[0], words[1]].map(u64::from_le_bytes);
        Self { keys }
    }

    /// The identifier of a message.
    pub(super) fn message(self, number: u64) -> MessageId {
        MessageId(self.hash(number))
    }

    /// The identifier of a connection, which no other has, of this server or of one that ran
    /// before.
    pub(super) fn connection(self, number: u64) -> u64 {
        let [low, ..] = halves(self.hash(number | CONNECTIONS));
        low
    }

    fn hash(self, number: u64) -> u128 {
        let [k0, k1] = self.keys;
        let mut state = State([
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ]);
        state.absorb(number);
        // How many bytes there were.
        state.absorb(8 << 56);
        state.0[2] ^= 0xee;
        let low = state.squeeze();
        state.0[1] ^= 0xdd;
        let high = state.squeeze();
        u128::from(high) << 64 | u128::from(low)
    }
}

fn halves(number: u128) -> [u64; 2] {
    [number as u64, (number >> 64) as u64]
}

struct State([u64; 4]);

impl State {
    fn absorb(&mut self, word: u64) {
        self.0[3] ^= word;
        (0..2).for_each(|_| self.round());
        self.0[0] ^= word;
    }

    fn squeeze(&mut self) -> u64 {
        (0..4).for_each(|_| self.round());
        self.0.iter().fold(0, |sum, word| sum ^ word)
    }

    fn round(&mut self) {
        let [mut v0, mut v1, mut v2, mut v3] = self.0;
        v0 = v0.wrapping_add(v1);
        v2 = v2.wrapping_add(v3);
        v1 = v1.rotate_left(13) ^ v0;
        v3 = v3.rotate_left(16) ^ v2;
        v0 = v0.rotate_left(32);
        v2 = v2.wrapping_add(v1);
        v0 = v0.wrapping_add(v3);
        v1 = v1.rotate_left(17) ^ v2;
        v3 = v3.rotate_left(21) ^ v0;
        v2 = v2.rotate_left(32);
        self.0 = [v0, v1, v2, v3];
    }
}

/// The identifier of a message: 26 letters and digits.
pub(super) struct MessageId(u128);

impl fmt::Display for MessageId {
    /// In base 32, the lowest digit first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let mut rest = self.0;
        let text = [(); 26].map(|()| {
            let digit = DIGITS[rest as usize % 32];
            rest >>= 5;
            digit
        });
        f.write_str(core::str::from_utf8(&text).expect("digits are ASCII"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::string::ToString as _;

    const KEY: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    #[test]
    fn the_hash_is_that_of_the_reference() {
        let number = u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7]);
        // `vectors_sip128[8]` in <https://github.com/veorq/SipHash/blob/master/vectors.h>.
        let expected = [
            0x3b, 0x62, 0xa9, 0xba, 0x62, 0x58, 0xf5, 0x61, 0x0f, 0x83, 0xe2, 0x64, 0xf3, 0x14,
            0x97, 0xb4,
        ];
        assert_eq!(Ids::new(KEY).hash(number).to_le_bytes(), expected);
    }

    #[test]
    fn an_identifier_has_all_bits_and_stays_the_same() {
        let id = MessageId(u128::MAX).to_string();
        assert_eq!(id, "7".repeat(25) + "h");
        let ids = Ids::new(KEY);
        assert_eq!(ids.message(7).to_string(), ids.message(7).to_string());
    }

    #[test]
    fn identifiers_differ_by_number_key_and_kind() {
        let ids = [KEY, [0; 16], [255; 16]].map(Ids::new);
        let messages = |ids: Ids| (0..1000).map(move |number| halves(ids.hash(number)));
        let messages: BTreeSet<_> = ids.into_iter().flat_map(messages).flatten().collect();
        assert_eq!(messages.len(), 6000);
        let connections = |ids: Ids| (0..1000).map(move |number| ids.connection(number));
        let connections: BTreeSet<_> = ids.into_iter().flat_map(connections).collect();
        assert_eq!(connections.len(), 3000);
        assert!(connections.is_disjoint(&messages));
    }

    #[test]
    fn neighbours_have_nothing_in_common() {
        let ids = Ids::new(KEY);
        for number in 0..1000 {
            let differ = (ids.hash(number) ^ ids.hash(number + 1)).count_ones();
            // 64 on average; outside of this with a chance of 10⁻⁸.
            assert!((30..=98).contains(&differ), "{number}: {differ}");
        }
    }
}
