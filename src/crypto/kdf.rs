//! Passphrase to key: Argon2id v1.3 (RFC 9106) in closed profiles.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::{Zeroize, Zeroizing};

use super::Passphrase;

/// A compiled-in cost. The file holds the number only, so that no file can ask for less work, or for terabytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Profile {
    /// 64 MiB, 3 passes, 4 lanes: the second recommended option of RFC 9106, section 4.
    Default,
    /// 256 MiB, 3 passes, 4 lanes.
    Strong,
    /// 1 GiB, 3 passes, 4 lanes.
    Paranoid,
    /// 8 MiB, 1 pass, 1 lane: for tests, and not in a build that is handed out.
    #[cfg(any(debug_assertions, feature = "test-kdf"))]
    Test,
}

impl Profile {
    const ALL: &[Self] = &[
        Self::Default,
        Self::Strong,
        Self::Paranoid,
        #[cfg(any(debug_assertions, feature = "test-kdf"))]
        Self::Test,
    ];

    /// The number in the file.
    pub fn number(self) -> u64 {
        match self {
            Self::Default => 1,
            Self::Strong => 2,
            Self::Paranoid => 3,
            #[cfg(any(debug_assertions, feature = "test-kdf"))]
            Self::Test => 250,
        }
    }

    /// The profile of a number; `None` for one that this build does not know.
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|profile| profile.number() == number)
    }

    /// Memory in KiB, passes, lanes.
    pub fn cost(self) -> (u32, u32, u32) {
        match self {
            Self::Default => (64 * 1024, 3, 4),
            Self::Strong => (256 * 1024, 3, 4),
            Self::Paranoid => (1024 * 1024, 3, 4),
            #[cfg(any(debug_assertions, feature = "test-kdf"))]
            Self::Test => (8 * 1024, 1, 1),
        }
    }

    /// Argon2id of the passphrase. Takes 0.1 s or more and the profile's memory, which is wiped afterwards.
    pub fn stretch(self, passphrase: &Passphrase, salt: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        let (memory, passes, lanes) = self.cost();
        let params = Params::new(memory, passes, lanes, Some(32))
            .expect("every profile is within Argon2's limits");
        // Our own memory, because argon2 0.6 frees what it allocates unwiped.
        let mut blocks = vec![Block::default(); params.block_count()];
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(
                passphrase.expose(), // the one use of a passphrase
                salt,
                key.as_mut_slice(),
                &mut blocks[..],
            )
            .expect("lengths of salt, passphrase and key are within Argon2's limits");
        blocks.iter_mut().for_each(Zeroize::zeroize);
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_closed() {
        for number in [0, 4, 249, 251, u64::MAX] {
            assert_eq!(Profile::from_number(number), None);
        }
        for profile in Profile::ALL {
            assert_eq!(Profile::from_number(profile.number()), Some(*profile));
        }
    }

    #[test]
    fn costs_are_the_documented_ones() {
        let costs = [Profile::Default, Profile::Strong, Profile::Paranoid].map(Profile::cost);
        assert_eq!(costs, [(65_536, 3, 4), (262_144, 3, 4), (1_048_576, 3, 4)]);
    }
}
