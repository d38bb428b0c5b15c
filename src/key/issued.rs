//! What only an issued key has, and what its roles add to it.

use serde::{Deserialize, Serialize};

use super::{Brand, Context, ParseError, Permission, PermissionSet, Rate, Role, RoleName};

/// The issued half of a key's metadata. Field names are part of the file format.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IssuedDetails {
    pub brand: Brand,
    /// Given to the key itself; with those of its roles they are what it may do.
    pub permissions: PermissionSet,
    /// The key's own pairs, which win over those of its roles.
    pub context: Context,
    /// Copies of its roles, by name: who only verifies cannot open the place where roles are kept. They are changed in
    /// the transaction that changes the role.
    pub roles: Vec<Role>,
    /// Most requests that `serve` lets through. Left out without one, as it was before there were rates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
}

impl IssuedDetails {
    /// Most roles of a key.
    pub const ROLES: usize = 32;

    /// Its own permissions and those of its roles.
    pub fn granted_permissions(&self) -> PermissionSet {
        let own = self.permissions.clone();
        self.roles
            .iter()
            .fold(own, |granted, role| granted.union(&role.permissions))
    }

    /// The pairs of its roles, and over them its own.
    pub fn granted_context(&self) -> Context {
        let nothing = Context::default();
        let roles = self
            .roles
            .iter()
            .fold(nothing, |granted, role| granted.over(&role.context));
        self.context.over(&roles)
    }

    /// Whether it may do what `wanted` names.
    pub fn allows(&self, wanted: &Permission) -> bool {
        let roles = self.roles.iter().map(|role| &role.permissions);
        roles
            .chain([&self.permissions])
            .any(|permissions| permissions.allow(wanted))
    }

    /// Whether this very permission is its own or one of its roles'.
    pub fn has_permission(&self, permission: &Permission) -> bool {
        let roles = self.roles.iter().map(|role| &role.permissions);
        roles
            .chain([&self.permissions])
            .any(|permissions| permissions.contains(permission))
    }

    /// Whether it has this role.
    pub fn has_role(&self, name: &RoleName) -> bool {
        self.roles.iter().any(|role| role.name == *name)
    }

    /// Whether all of it together can be stored, and be handed on in a proxy's headers.
    ///
    /// # Errors
    /// When there are more than [`IssuedDetails::ROLES`], permissions and role names take more than
    /// [`PermissionSet::LIMIT`] bytes, the context is too large, or two roles give a context key different values and the
    /// key has none of its own: which of two row filters holds is not for an order of names to decide.
    pub fn check(&self) -> Result<(), ParseError> {
        if self.roles.len() > Self::ROLES {
            return Err(ParseError::new(format!(
                "a key has at most {} roles, not {}",
                Self::ROLES,
                self.roles.len()
            )));
        }
        let names: usize = self
            .roles
            .iter()
            .map(|role| role.name.as_str().len() + 1)
            .sum();
        let bytes = self.granted_permissions().size() + names;
        if bytes > PermissionSet::LIMIT {
            return Err(ParseError::new(format!(
                "the permissions and roles of a key take at most {} bytes together, not {bytes}",
                PermissionSet::LIMIT
            )));
        }
        self.check_agreement()?;
        self.granted_context().check()
    }

    fn check_agreement(&self) -> Result<(), ParseError> {
        for (at, role) in self.roles.iter().enumerate() {
            for (key, value) in role.context.iter() {
                let other = self.roles[..at]
                    .iter()
                    .find(|other| other.context.get(key).is_some_and(|other| other != value));
                if let (Some(other), None) = (other, self.context.get(key)) {
                    return Err(ParseError::new(format!(
                        "the roles `{}` and `{}` disagree about the context key `{key}`; give the key a pair of its own",
                        other.name, role.name
                    )));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn permissions(texts: &[&str]) -> PermissionSet {
        let set: BTreeSet<Permission> = texts
            .iter()
            .map(|text| text.parse().expect("a permission"))
            .collect();
        PermissionSet::try_from(set).expect("few")
    }

    fn context(pairs: &[&str]) -> Context {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|pair| pair.parse().expect("a pair"))
            .collect();
        Context::from_pairs(&pairs).expect("few")
    }

    fn role(name: &str, may: &[&str], pairs: &[&str]) -> Role {
        Role {
            name: name.parse().expect("a role"),
            permissions: permissions(may),
            context: context(pairs),
        }
    }

    fn issued(may: &[&str], pairs: &[&str], roles: Vec<Role>) -> IssuedDetails {
        IssuedDetails {
            brand: Brand::default(),
            permissions: permissions(may),
            context: context(pairs),
            roles,
            rate: None,
        }
    }

    /// Own permissions, own context, roles; what is granted of both.
    #[test]
    fn roles_add_and_the_keys_own_context_wins() {
        let reader = || role("reader", &["read"], &["team=blue", "region=eu"]);
        let writer = || role("writer", &["write:orders"], &["region=eu"]);
        for (may, pairs, roles, granted, handed_on) in [
            (vec!["read"], vec![], vec![], "read", ""),
            (
                vec![],
                vec![],
                vec![reader()],
                "read",
                "region=eu, team=blue",
            ),
            (
                vec!["read"],
                vec![],
                vec![reader()],
                "read",
                "region=eu, team=blue",
            ),
            (
                vec!["deploy"],
                vec!["team=red", "x=1"],
                vec![reader(), writer()],
                "deploy, read, write:orders",
                "region=eu, team=red, x=1",
            ),
        ] {
            let key = issued(&may, &pairs, roles);
            assert_eq!(key.granted_permissions().to_string(), granted);
            assert_eq!(key.granted_context().to_string(), handed_on);
            assert!(key.check().is_ok());
        }
    }

    #[test]
    fn permissions_and_roles_have_one_limit_together() {
        let texts: Vec<String> = (b'a'..=b'o')
            .map(|letter| char::from(letter).to_string().repeat(63))
            .collect();
        let may: Vec<&str> = texts.iter().map(String::as_str).collect();
        let fits = |name: &str| {
            let roles = vec![role("first", &[], &[]), role(name, &[], &[])];
            issued(&may, &[], roles).check().is_ok()
        };
        // 15 permissions of 64 bytes with their separators, and 6 of the first role.
        let rest = PermissionSet::LIMIT - 15 * 64 - 6 - 1;
        assert!(fits(&"r".repeat(rest)));
        assert!(!fits(&"r".repeat(rest + 1)));
    }

    #[test]
    fn a_key_has_so_many_roles_and_no_more() {
        let with = |count: usize| {
            let roles = (0..count).map(|n| role(&format!("r{n}"), &[], &[]));
            issued(&[], &[], roles.collect())
        };
        assert!(with(IssuedDetails::ROLES).check().is_ok());
        assert!(with(IssuedDetails::ROLES + 1).check().is_err());
        assert!(with(2).has_role(&"r1".parse().expect("a role")));
        assert!(!with(2).has_role(&"r2".parse().expect("a role")));
    }

    /// What a key may do, for each of: its own permissions, its role's, what is wanted.
    #[test]
    fn a_key_may_what_it_or_a_role_of_it_may() {
        for (own, of_role, wanted, allowed) in [
            (vec!["read"], vec!["write"], "read", true),
            (vec!["read"], vec!["write"], "delete:orders", true),
            (vec![], vec!["admin"], "anything:at-all", true),
            (vec![], vec!["write:orders"], "write:orders", true),
            (vec![], vec!["write:orders"], "write", false),
            (vec![], vec!["write"], "read", false),
            (vec!["read:orders"], vec!["read:bills"], "read:users", false),
            (vec![], vec![], "read", false),
        ] {
            let key = issued(&own, &[], vec![role("r", &of_role, &[])]);
            let wanted = wanted.parse().expect("a permission");
            assert_eq!(key.allows(&wanted), allowed, "{own:?} {of_role:?} {wanted}");
        }
    }

    #[test]
    fn a_key_without_a_rate_is_written_as_before_there_were_rates() {
        let before =
            r#"{"brand":"kwt","permissions":["read"],"context":{"team":"blue"},"roles":[]}"#;
        let mut key = issued(&["read"], &["team=blue"], Vec::new());
        assert_eq!(serde_json::to_string(&key).expect("plain data"), before);
        assert_eq!(
            serde_json::from_str::<IssuedDetails>(before).expect("a key"),
            key
        );
        key.rate = Some("100/m".parse().expect("a rate"));
        let limited = serde_json::to_string(&key).expect("plain data");
        assert_eq!(
            limited,
            before.replace(r#""roles":[]"#, r#""roles":[],"rate":"100/m""#)
        );
        assert_eq!(
            serde_json::from_str::<IssuedDetails>(&limited).expect("a key"),
            key
        );
        let unreadable = limited.replace("100/m", "100/w");
        assert!(serde_json::from_str::<IssuedDetails>(&unreadable).is_err());
    }

    #[test]
    fn roles_that_disagree_need_a_word_of_the_key() {
        let both = || {
            vec![
                role("a", &["read"], &["team=blue"]),
                role("b", &["read"], &["team=red"]),
            ]
        };
        let refusal = issued(&[], &[], both()).check().expect_err("two filters");
        assert!(refusal.to_string().contains("`team`"), "{refusal}");
        assert!(issued(&[], &["team=green"], both()).check().is_ok());
    }

    #[test]
    fn all_together_has_the_limits_of_a_header() {
        let many = |count: usize| {
            (0..count)
                .map(|n| role(&format!("r{n}"), &["read"], &[]))
                .collect()
        };
        assert!(issued(&[], &[], many(32)).check().is_ok());
        assert!(issued(&[], &[], many(33)).check().is_err());
        let long: Vec<Role> = (0..17)
            .map(|n| role(&format!("{}{n}", "r".repeat(60)), &[&format!("p{n}")], &[]))
            .collect();
        assert!(issued(&[], &[], long).check().is_err());
        let pairs: Vec<Vec<String>> = (0..2)
            .map(|role| (0..17).map(|n| format!("k{role}-{n}=v")).collect())
            .collect();
        let wide = pairs.iter().enumerate().map(|(n, pairs)| {
            let pairs: Vec<&str> = pairs.iter().map(String::as_str).collect();
            role(&format!("r{n}"), &["read"], &pairs)
        });
        assert!(issued(&[], &[], wide.collect()).check().is_err());
    }
}
