//! Passphrases made for the user.

use std::io;

use diceware_wordlists::EFF_LONG_WORDLIST;
use zeroize::Zeroizing;

use crate::crypto::{Secret, random};

const WORDS: usize = 6;

/// Longest word of the list, in bytes.
const LONGEST: usize = 9;

/// Draws below this are spread evenly over the list: the largest multiple of its length (7776) that 16 bits can hold.
const FAIR: u16 = u16::MAX - u16::MAX % EFF_LONG_WORDLIST.len() as u16;

/// Six words of the EFF's large list joined by `-`, each drawn from the operating system's generator: 77 bits.
///
/// The list's four words that have a `-` of their own (`yo-yo`) are left out, so that who counts finds six.
///
/// # Errors
/// When the operating system's generator fails.
pub(crate) fn six_words() -> io::Result<Secret> {
    // Sized for the longest, so that it never grows and leaves no copy behind.
    let mut phrase = Zeroizing::new(Vec::with_capacity(WORDS * (LONGEST + 1)));
    for position in 0..WORDS {
        if position > 0 {
            phrase.push(b'-');
        }
        phrase.extend_from_slice(draw_word()?.as_bytes());
    }
    Ok(Secret::new(phrase.to_vec()))
}

fn draw_word() -> io::Result<&'static str> {
    loop {
        let bytes = Zeroizing::new(random().map_err(io::Error::other)?);
        let draw = Zeroizing::new(u16::from_le_bytes(*bytes));
        if let Some(word) = word_for(*draw) {
            return Ok(word);
        }
    }
}

fn word_for(draw: u16) -> Option<&'static str> {
    let word = EFF_LONG_WORDLIST[usize::from(draw) % EFF_LONG_WORDLIST.len()];
    (draw < FAIR && !word.contains('-')).then_some(word)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::crypto::Passphrase;

    #[test]
    fn every_word_is_equally_likely() {
        let mut counts = BTreeMap::new();
        for word in (0..=u16::MAX).filter_map(word_for) {
            *counts.entry(word).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 7772);
        assert!(counts.keys().all(|word| !word.contains('-')));
        assert!(counts.values().all(|&count| count == 8));
        assert_eq!(counts.keys().map(|word| word.len()).max(), Some(LONGEST));
    }

    #[test]
    fn six_words_make_a_strong_passphrase() {
        let passphrase = Passphrase::new(six_words().expect("drawn")).expect("valid");
        assert_eq!(passphrase.strength(), 4);
        let other = six_words().expect("drawn");
        assert_ne!(passphrase.expose(), other.expose());
    }
}
