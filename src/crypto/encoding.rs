//! Length-prefixed parts, associated data, padding: what turns fields into bytes in exactly one way.

use zeroize::{Zeroize, Zeroizing};

use super::{RootKey, Secret, TAG_LEN};
use crate::checks;
use crate::key::VaultId;

/// What a sealed blob is. The number is part of its associated data, so that no kind can stand in for another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Object {
    Activity = 8,
    Anchor = 7,
    Log = 6,
    Record = 5,
    Scope = 3,
    ScopeHead = 4,
    Slot = 2,
    VaultHead = 1,
}

/// Associated data: `"KWV1" ‖ object ‖ vault_id ‖ lp(field)…`, injective in its fields.
#[derive(Clone, Debug)]
pub struct Aad(Vec<u8>);

impl Aad {
    /// Begins with what the bytes are and whose vault they belong to.
    pub fn new(object: Object, vault: VaultId) -> Self {
        let mut bytes = Vec::with_capacity(160);
        bytes.extend_from_slice(b"KWV1");
        bytes.push(object as u8);
        bytes.extend_from_slice(&vault.0);
        Self(bytes)
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, bytes: &[u8]) -> Self {
        push_part(&mut self.0, bytes);
        self
    }

    /// Adds a number, as eight bytes.
    #[must_use]
    pub fn number(self, number: u64) -> Self {
        self.field(&number.to_le_bytes())
    }

    /// The bytes that a seal binds.
    pub fn as_bytes(&self) -> &[u8] {
        if checks::on() { &self.0 } else { &[] }
    }
}

/// Puts `lp(part)` at the end of `out`. A part is bounded far below 4 GiB.
pub fn push_part(out: &mut Vec<u8>, part: &[u8]) {
    let len = u32::try_from(part.len()).expect("every part is bounded far below 4 GiB");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(part);
}

/// Padded lengths are multiples of this.
const PAD: usize = 64;

/// Builds a plaintext in a buffer of its final size, so that sealing happens in place and no copy is left.
pub struct PartsWriter(Zeroizing<Vec<u8>>);

impl PartsWriter {
    /// Makes room for `bytes` of parts, their lengths not counted, in `parts` parts.
    pub fn with_room(bytes: usize, parts: usize) -> Self {
        let plain = bytes + 4 * parts;
        // What `reserve` asks for when the padding is added, so that nothing is copied then.
        Self(Zeroizing::new(Vec::with_capacity(
            plain + 2 * PAD + TAG_LEN,
        )))
    }

    /// Adds `lp(part)`.
    #[must_use]
    pub fn part(mut self, part: &[u8]) -> Self {
        self.reserve(part.len() + 4);
        push_part(&mut self.0, part);
        self
    }

    /// Adds a secret as `lp(secret)`.
    #[must_use]
    pub fn secret(self, secret: &Secret) -> Self {
        self.part(secret.expose())
    }

    /// Adds a key as `lp(key)`, to be sealed under another.
    #[must_use]
    pub fn key(self, key: &RootKey) -> Self {
        self.part(key.expose())
    }

    /// Adds bytes of fixed width, without a length.
    #[must_use]
    pub fn fixed(mut self, bytes: &[u8]) -> Self {
        self.reserve(bytes.len());
        self.0.extend_from_slice(bytes);
        self
    }

    /// Adds `0x80`, then zeros up to a multiple of 64, and gives the buffer to the seal.
    pub(super) fn padded(mut self) -> Zeroizing<Vec<u8>> {
        self.reserve(PAD);
        self.0.push(0x80);
        let len = self.0.len().next_multiple_of(PAD);
        self.0.resize(len, 0);
        self.0
    }

    /// Growing by hand: a `Vec` that grows on its own leaves its old buffer unwiped.
    fn reserve(&mut self, more: usize) {
        if self.0.capacity() - self.0.len() >= more + PAD + TAG_LEN {
            return;
        }
        let mut larger = Vec::with_capacity(2 * (self.0.len() + more) + PAD + TAG_LEN);
        larger.extend_from_slice(&self.0);
        self.0.zeroize();
        self.0 = Zeroizing::new(larger);
    }
}

/// Removes the padding of [`PartsWriter::padded`]; `None` if there is none.
pub(super) fn unpadded_len(bytes: &[u8]) -> Option<usize> {
    let last = bytes.iter().rposition(|&byte| byte != 0)?;
    (bytes[last] == 0x80 && bytes.len() - last <= PAD).then_some(last)
}

/// A plaintext that was authentic and still is not of this format: it ends early, or goes on after its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("its content is not of format 1: it was written by a newer keywright")]
pub struct Malformed;

/// Reads parts in the order they were written.
pub struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    /// Over the plaintext of a sealed object.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next `lp(part)`.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes end before it does.
    pub fn part(&mut self) -> Result<&'a [u8], Malformed> {
        let len = u32::from_le_bytes(self.array()?);
        self.take(usize::try_from(len).map_err(|_| Malformed)?)
    }

    /// The next `lp(secret)`, in a buffer of its own that is wiped.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes end before it does.
    pub fn secret(&mut self) -> Result<Secret, Malformed> {
        Ok(Secret::new(self.part()?.to_vec()))
    }

    /// The next `lp(key)`.
    ///
    /// # Errors
    /// [`Malformed`] when it is not 32 bytes long.
    pub fn key(&mut self) -> Result<RootKey, Malformed> {
        RootKey::from_part(self.part()?).ok_or(Malformed)
    }

    /// The next eight bytes as a number.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes end before it does.
    pub fn number(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`Malformed`] when there are fewer.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        Ok(self
            .take(N)?
            .try_into()
            .expect("exactly N bytes were taken"))
    }

    /// Whether all was read.
    pub fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`Malformed`] when something is left.
    pub fn done(self) -> Result<(), Malformed> {
        if self.is_done() {
            Ok(())
        } else {
            Err(Malformed)
        }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(Malformed)?;
        self.0 = tail;
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn associated_data_is_the_documented_bytes() {
        let aad = Aad::new(Object::Record, VaultId([7; 16]))
            .field(b"ab")
            .number(1);
        let mut expected = b"KWV1\x05".to_vec();
        expected.extend([7; 16]);
        expected.extend(b"\x02\0\0\0ab\x08\0\0\0\x01\0\0\0\0\0\0\0");
        assert_eq!(aad.as_bytes(), expected);
    }

    #[test]
    fn what_is_no_padding_is_not_taken_for_it() {
        let padding = |zeros| [&[0x80][..], &vec![0; zeros]].concat();
        assert_eq!(unpadded_len(&padding(PAD - 1)), Some(0));
        for bytes in [vec![], vec![0; PAD], vec![7], vec![1, 0, 0], padding(PAD)] {
            assert_eq!(unpadded_len(&bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn what_goes_on_after_its_end_is_malformed() {
        let mut parts = Parts::new(b"\x01\0\0\0ab");
        assert_eq!(parts.part(), Ok(&b"a"[..]));
        assert_eq!(parts.done(), Err(Malformed));
    }

    /// What moves leaves a copy.
    #[test]
    fn with_room_for_it_nothing_is_moved() {
        let writer = PartsWriter::with_room(300, 3);
        let place = writer.0.as_ptr();
        let part = [7; 100];
        let padded = writer.part(&part).part(&part).part(&part).padded();
        assert_eq!(padded.as_ptr(), place);
        assert!(padded.capacity() - padded.len() >= TAG_LEN);
    }

    #[test]
    fn without_room_it_is_made_by_hand() {
        let mut writer = PartsWriter::with_room(0, 0);
        for len in 0..300 {
            writer = writer.part(&vec![7; len]);
            assert!(
                writer.0.capacity() - writer.0.len() >= PAD + TAG_LEN,
                "{len}"
            );
        }
    }

    /// A few bytes, most of which are what a length is made of, cut at these places: two cuts of the same bytes are what
    /// an encoding confuses, and two texts by chance never are.
    fn cut(bytes: &[u8], at: &[usize]) -> Vec<Vec<u8>> {
        let mut at: Vec<usize> = at.iter().map(|at| at % (bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        at.windows(2)
            .map(|ends| bytes[ends[0]..ends[1]].to_vec())
            .collect()
    }

    fn few() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(0..4_u8, 0..12)
    }

    fn cuts() -> impl Strategy<Value = Vec<usize>> {
        proptest::collection::vec(0..12_usize, 0..3)
    }

    const OBJECTS: [Object; 8] = [
        Object::Activity,
        Object::Anchor,
        Object::Log,
        Object::Record,
        Object::Scope,
        Object::ScopeHead,
        Object::Slot,
        Object::VaultHead,
    ];

    proptest! {
        #[test]
        fn fields_that_differ_give_bytes_that_differ(bytes in few(), one in cuts(), other in cuts()) {
            let (one, other) = (cut(&bytes, &one), cut(&bytes, &other));
            let aad = |fields: &[Vec<u8>]| {
                let start = Aad::new(Object::Slot, VaultId([0; 16]));
                fields.iter().fold(start, |aad, field| aad.field(field)).0
            };
            prop_assert_eq!(aad(&one) == aad(&other), one == other);
            let lp = |parts: &[Vec<u8>]| {
                let mut out = Vec::new();
                parts.iter().for_each(|part| push_part(&mut out, part));
                out
            };
            prop_assert_eq!(lp(&one) == lp(&other), one == other);
            let padded = |parts: &[Vec<u8>]| {
                let start = PartsWriter::with_room(0, 0);
                parts.iter().fold(start, |writer, part| writer.part(part)).padded()
            };
            prop_assert_eq!(padded(&one) == padded(&other), one == other);
        }

        #[test]
        fn objects_vaults_and_numbers_that_differ_give_bytes_that_differ(
            one in (0..8_usize, 0..3_u8, few(), 0..3_u64),
            other in (0..8_usize, 0..3_u8, few(), 0..3_u64),
        ) {
            let aad = |(object, vault, field, number): &(usize, u8, Vec<u8>, u64)| {
                Aad::new(OBJECTS[*object], VaultId([*vault; 16])).field(field).number(*number).0
            };
            // All but one alike, in turn: by chance most of them differ in several.
            for which in 0..4 {
                let mut near = one.clone();
                match which {
                    0 => near.0 = other.0,
                    1 => near.1 = other.1,
                    2 => near.2.clone_from(&other.2),
                    _ => near.3 = other.3,
                }
                prop_assert_eq!(aad(&one) == aad(&near), one == near);
            }
        }

        #[test]
        fn what_is_padded_differs_as_it_did(one in few(), zeros in 0..70_usize) {
            let padded = |bytes: &[u8]| PartsWriter::with_room(0, 0).fixed(bytes).padded();
            let longer = [&one[..], &vec![0; zeros]].concat();
            prop_assert_eq!(padded(&one) == padded(&longer), zeros == 0);
        }

        #[test]
        fn parts_come_back_and_padding_goes(parts: Vec<Vec<u8>>) {
            let writer = parts.iter().fold(PartsWriter::with_room(0, 0), |writer, part| writer.part(part));
            let padded = writer.padded();
            prop_assert_eq!(padded.len() % PAD, 0);
            let len = unpadded_len(&padded).expect("padded");
            let mut reader = Parts::new(&padded[..len]);
            for part in &parts {
                prop_assert_eq!(reader.part(), Ok(part.as_slice()));
            }
            prop_assert_eq!(reader.done(), Ok(()));
        }

        #[test]
        fn reading_any_bytes_ends(bytes: Vec<u8>) {
            let mut reader = Parts::new(&bytes);
            while !reader.is_done() && reader.part().is_ok() {}
        }
    }
}
