//! The commands, and how they are picked: of few names, roles and values, so that they meet.

use keywright::key::{KeyName, RoleName, Scope};
use proptest::prelude::*;

use crate::fixture::{name, scope};

pub(super) const BRANDS: [&str; 2] = ["kwt", "acme"];
pub(super) const LABELS: [&str; 3] = ["alpha", "beta", "gamma"];
pub(super) const PAIRS: [&str; 3] = ["team=green", "region=eu", "zone=1"];
pub(super) const PERMISSIONS: [&str; 3] = ["deploy", "read", "write"];
pub(super) const RATES: [&str; 2] = ["100/m", "5/s"];
pub(super) const ROLES: [&str; 3] = ["admin", "reader", "writer"];
const SCOPES: [&str; 2] = ["shop/production", "shop/staging"];
const NAMES: [&str; 3] = ["ci", "deploy", "web"];

/// A name in a project and environment, which at most one key has.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Slot {
    pub(super) scope: u8,
    pub(super) name: u8,
}

impl Slot {
    pub(super) fn scope(self) -> Scope {
        scope(SCOPES[usize::from(self.scope)])
    }

    pub(super) fn name(self) -> KeyName {
        name(NAMES[usize::from(self.name)])
    }
}

pub(super) fn role_name(number: u8) -> RoleName {
    ROLES[usize::from(number)].parse().expect("a role")
}

/// Those of a list whose bits are set.
pub(super) fn of<T: Copy>(list: &[T], bits: u8) -> Vec<T> {
    let chosen = list.iter().enumerate();
    chosen
        .filter(|(at, _)| bits & (1 << at) != 0)
        .map(|(_, item)| *item)
        .collect()
}

/// What becomes of a token that was made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Handover {
    Delivered,
    /// It cannot be handed over, and is undone.
    Failed,
    /// The program dies before.
    Lost,
}

/// How a list changes; each bit is an element.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Bits {
    pub(super) replace: Option<u8>,
    pub(super) add: u8,
    pub(super) remove: u8,
}

/// What changes of a key: of both kinds, of an issued one, of a provider's.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    pub(super) name: Option<u8>,
    pub(super) tags: Bits,
    pub(super) note: Option<Option<u8>>,
    /// In hours from now.
    pub(super) expires: Option<Option<u8>>,
    pub(super) issued: IssuedEdit,
    pub(super) provider: ProviderEdit,
    /// Also what the key's kind does not have.
    pub(super) both: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct IssuedEdit {
    pub(super) brand: Option<u8>,
    pub(super) context: Bits,
    pub(super) make_default: Option<bool>,
    pub(super) permissions: Bits,
    pub(super) rate: Option<Option<u8>>,
    pub(super) roles: Bits,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct ProviderEdit {
    pub(super) models: Bits,
    pub(super) providers: Bits,
    pub(super) variable: Option<Option<u8>>,
}

/// What a role gives: permissions, and maybe a team.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gives {
    pub(super) permissions: u8,
    pub(super) team: Option<u8>,
}

/// Two keys from elsewhere and maybe a role, with ids that no key here has.
#[derive(Clone, Debug)]
pub(super) struct Fresh {
    pub(super) issued: Slot,
    pub(super) provider: Slot,
    pub(super) is_default: bool,
    pub(super) role: Option<(u8, Gives)>,
    /// Of the issued key.
    pub(super) roles: u8,
}

#[derive(Clone, Debug)]
pub(super) enum Command {
    ChangePassphrase,
    Compromised,
    CreateAccess(u8),
    CreateRecoveryCode,
    Delete(Slot),
    DeleteRole(u8, bool),
    Edit(Slot, Edit, bool),
    Finish(Slot),
    /// Everything that is there, maybe under other names.
    ImportAgain(bool),
    ImportFresh(Fresh, bool),
    Issue(Slot, bool, u8, Handover),
    /// Exported, deleted and imported, with its roles too where no other key has them.
    Restore(Slot),
    Revoke(Slot),
    RevokeAccess(u8),
    /// With hours of overlap, and an expiry where one is given.
    Rotate(Slot, u8, Option<Option<u8>>, Handover),
    Set(Slot, u8),
    SetRole(u8, Gives, bool),
    Wait(u8),
}

/// What every case begins with, so that what follows finds something: roles and keys of both kinds and scopes.
pub(super) fn first() -> Vec<Command> {
    let slot = |scope, name| Slot { scope, name };
    let gives = |permissions| Gives {
        permissions,
        team: None,
    };
    vec![
        Command::SetRole(0, gives(0b001), false),
        Command::SetRole(1, gives(0b010), false),
        Command::Issue(slot(0, 0), true, 0b011, Handover::Delivered),
        Command::Issue(slot(1, 0), false, 0b001, Handover::Delivered),
        Command::Issue(slot(1, 1), false, 0, Handover::Delivered),
        Command::Set(slot(0, 1), 0),
    ]
}

pub(super) fn commands(most: usize) -> impl Strategy<Value = Vec<Command>> {
    let role = 0..3_u8;
    let dry_run = prop::bool::weighted(0.15);
    let keys = prop_oneof![
        6 => (slot(), any::<bool>(), roles(), handover())
            .prop_map(|(slot, default, roles, out)| Command::Issue(slot, default, roles, out)),
        4 => (slot(), 0..3_u8, prop::option::weighted(0.3, hours()), handover())
            .prop_map(|(slot, overlap, end, out)| Command::Rotate(slot, overlap, end, out)),
        4 => (slot(), 0..3_u8).prop_map(|(slot, value)| Command::Set(slot, value)),
        9 => (slot(), edit(), dry_run).prop_map(|(slot, edit, dry)| Command::Edit(slot, edit, dry)),
        1 => slot().prop_map(Command::Revoke),
        1 => slot().prop_map(Command::Delete),
        1 => slot().prop_map(Command::Finish),
    ];
    let vault = prop_oneof![
        9 => (role.clone(), gives(), dry_run).prop_map(|(role, gives, dry)| Command::SetRole(role, gives, dry)),
        2 => (role, dry_run).prop_map(|(role, dry)| Command::DeleteRole(role, dry)),
        2 => slot().prop_map(Command::Restore),
        2 => (fresh(), dry_run).prop_map(|(fresh, dry)| Command::ImportFresh(fresh, dry)),
        1 => any::<bool>().prop_map(Command::ImportAgain),
        2 => (1..4_u8).prop_map(Command::Wait),
        1 => (0..2_u8).prop_map(Command::CreateAccess),
        1 => any::<u8>().prop_map(Command::RevokeAccess),
        1 => Just(Command::CreateRecoveryCode),
        1 => Just(Command::ChangePassphrase),
        1 => Just(Command::Compromised),
    ];
    prop::collection::vec(prop_oneof![3 => keys, 2 => vault], 1..most)
}

fn slot() -> impl Strategy<Value = Slot> {
    (0..2_u8, 0..3_u8).prop_map(|(scope, name)| Slot { scope, name })
}

/// Any of three, mostly none or one.
fn roles() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(0), 3 => Just(1), 2 => Just(2), 2 => 0..8_u8]
}

fn hours() -> impl Strategy<Value = Option<u8>> {
    prop::option::weighted(0.7, 0..4_u8)
}

fn handover() -> impl Strategy<Value = Handover> {
    prop_oneof![
        6 => Just(Handover::Delivered),
        1 => Just(Handover::Failed),
        1 => Just(Handover::Lost),
    ]
}

fn gives() -> impl Strategy<Value = Gives> {
    let team = prop::option::weighted(0.5, 0..2_u8);
    (0..8_u8, team).prop_map(|(permissions, team)| Gives { permissions, team })
}

fn bits() -> impl Strategy<Value = Bits> {
    let list = prop_oneof![
        2 => (0..8_u8).prop_map(|list| Bits { replace: Some(list), ..Bits::default() }),
        2 => (0..8_u8).prop_map(|add| Bits { add, ..Bits::default() }),
        1 => (0..3_u8).prop_map(|one| Bits { remove: 1 << one, ..Bits::default() }),
        1 => (any::<Option<u8>>(), 0..8_u8, 0..8_u8)
            .prop_map(|(replace, add, remove)| Bits { replace, add, remove }),
    ];
    prop_oneof![4 => Just(Bits::default()), 1 => list]
}

fn edit() -> impl Strategy<Value = Edit> {
    let issued = (
        prop::option::weighted(0.15, 0..2_u8),
        bits(),
        prop::option::weighted(0.2, any::<bool>()),
        bits(),
        prop::option::weighted(0.15, prop::option::weighted(0.7, 0..2_u8)),
        prop_oneof![1 => bits(), 1 => (0..3_u8).prop_map(|one| Bits { add: 1 << one, ..Bits::default() })],
    )
        .prop_map(|(brand, context, make_default, permissions, rate, roles)| IssuedEdit {
            brand,
            context,
            make_default,
            permissions,
            rate,
            roles,
        });
    let provider = (bits(), bits(), prop::option::weighted(0.2, hours())).prop_map(
        |(models, providers, variable)| ProviderEdit {
            models,
            providers,
            variable,
        },
    );
    (
        prop::option::weighted(0.2, 0..3_u8),
        bits(),
        prop::option::weighted(0.2, hours()),
        prop::option::weighted(0.2, hours()),
        issued,
        provider,
        prop::bool::weighted(0.05),
    )
        .prop_map(|(name, tags, note, expires, issued, provider, both)| Edit {
            name,
            tags,
            note,
            expires,
            issued,
            provider,
            both,
        })
}

fn fresh() -> impl Strategy<Value = Fresh> {
    let role = prop::option::of((0..3_u8, gives()));
    (slot(), slot(), any::<bool>(), role, roles()).prop_map(
        |(issued, provider, is_default, role, roles)| Fresh {
            issued,
            provider,
            is_default,
            role,
            roles,
        },
    )
}
