//! What a key may do.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{ParseError, text_type};

/// `action` or `action:resource`, each part `[a-z][a-z0-9._-]*`, at most 64 characters in all.
///
/// `read`, `create`, `update`, `delete`, `write` (implies the last three), `admin` (implies all), or the user's own.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Permission(String);

text_type!(Permission);

impl Permission {
    fn parts(&self) -> (&str, Option<&str>) {
        match self.0.split_once(':') {
            Some((action, resource)) => (action, Some(resource)),
            None => (&self.0, None),
        }
    }

    /// Whether who has this permission may do what `wanted` names.
    ///
    /// `A` allows `A:anything`; `A:R` allows no other resource, and not `A` alone; `write` does not imply `read`.
    pub fn allows(&self, wanted: &Self) -> bool {
        let (action, resource) = self.parts();
        let (wanted_action, wanted_resource) = wanted.parts();
        let action_allows = match action {
            "admin" => true,
            "write" => matches!(wanted_action, "create" | "delete" | "update" | "write"),
            own => own == wanted_action,
        };
        action_allows && (resource.is_none() || resource == wanted_resource)
    }
}

impl FromStr for Permission {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let part = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_lowercase())
                && text
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
        };
        let shaped = match text.split_once(':') {
            Some((action, resource)) => part(action) && part(resource),
            None => part(text),
        };
        if !shaped || text.len() > 64 {
            return Err(ParseError::new(
                "a permission is `read`, `write`, `admin` or an action of your own, alone or as `action:resource`, \
                 in lower-case letters, digits, `.`, `_` and `-`",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The permissions of a key, sorted, none twice, at most 1 KiB together.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "BTreeSet<Permission>", into = "BTreeSet<Permission>")]
pub struct PermissionSet(BTreeSet<Permission>);

impl PermissionSet {
    /// Bytes of all permissions together, so that a proxy's headers can carry them.
    pub const LIMIT: usize = 1024;

    /// Whether any of them allows `wanted`.
    pub fn allow(&self, wanted: &Permission) -> bool {
        self.0.iter().any(|permission| permission.allows(wanted))
    }

    /// Whether this very permission is in the set.
    pub fn contains(&self, permission: &Permission) -> bool {
        self.0.contains(permission)
    }

    /// Those of both sets. May be larger than a set that is stored.
    pub(super) fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes that they take in a list.
    pub(super) fn size(&self) -> usize {
        self.0.iter().map(|permission| permission.0.len() + 1).sum()
    }

    /// In alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &Permission> {
        self.0.iter()
    }
}

impl TryFrom<BTreeSet<Permission>> for PermissionSet {
    type Error = ParseError;

    fn try_from(set: BTreeSet<Permission>) -> Result<Self, ParseError> {
        let set = Self(set);
        if set.size() > Self::LIMIT {
            return Err(ParseError::new(
                "the permissions of a key take at most 1024 bytes together",
            ));
        }
        Ok(set)
    }
}

impl From<PermissionSet> for BTreeSet<Permission> {
    fn from(set: PermissionSet) -> Self {
        set.0
    }
}

impl fmt::Display for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<&str> = self.0.iter().map(Permission::as_str).collect();
        f.write_str(&texts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_without_permissions_is_empty() {
        assert!(PermissionSet::default().is_empty());
        let read = BTreeSet::from(["read".parse().expect("valid")]);
        let set = PermissionSet::try_from(read).expect("few");
        assert!(!set.is_empty());
    }

    #[test]
    fn permissions_allow_what_the_table_says() {
        let allows = |has: &str, wants: &str| {
            let parse = |text: &str| text.parse::<Permission>().expect("valid");
            parse(has).allows(&parse(wants))
        };
        for (has, wants) in [
            ("read", "read"),
            ("read", "read:invoices"),
            ("write", "create"),
            ("write", "update:invoices"),
            ("write", "delete"),
            ("write:invoices", "write:invoices"),
            ("write:invoices", "create:invoices"),
            ("admin", "read"),
            ("admin", "deploy:site"),
            ("admin:invoices", "write:invoices"),
            ("deploy", "deploy:site"),
        ] {
            assert!(allows(has, wants), "{has} should allow {wants}");
        }
        for (has, wants) in [
            ("read", "write"),
            ("write", "read"),
            ("write", "admin"),
            ("write", "deploy"),
            ("create", "write"),
            ("read:invoices", "read"),
            ("read:invoices", "read:orders"),
            ("admin:invoices", "read:orders"),
            ("admin:invoices", "admin"),
        ] {
            assert!(!allows(has, wants), "{has} should not allow {wants}");
        }
    }

    #[test]
    fn permissions_have_one_shape() {
        for bad in [
            "",
            "Read",
            "read:",
            ":x",
            "a:b:c",
            "a b",
            "é",
            &"a".repeat(65),
        ] {
            assert!(bad.parse::<Permission>().is_err(), "{bad:?}");
        }
        assert!("a".repeat(64).parse::<Permission>().is_ok());
        let many: BTreeSet<Permission> = (0..200)
            .map(|n| format!("action-{n}").parse().expect("valid"))
            .collect();
        assert!(PermissionSet::try_from(many).is_err());
    }

    #[test]
    fn a_set_has_room_for_its_limit_separators_counted() {
        let set = |longer: usize| {
            let length = |n: u8| if n == 0 { 63 + longer } else { 63 };
            let texts = (0..16).map(|n| char::from(b'a' + n).to_string().repeat(length(n)));
            let parsed = texts.map(|text| text.parse().expect("valid"));
            PermissionSet::try_from(parsed.collect::<BTreeSet<Permission>>())
        };
        assert_eq!(set(0).map(|set| set.size()), Ok(PermissionSet::LIMIT));
        assert!(set(1).is_err());
    }
}
