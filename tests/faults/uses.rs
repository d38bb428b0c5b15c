//! Commands that record a use. Whatever disturbs one, it loses at most its own count: not the vault, not the counts of
//! before, and not the answer where only the count cannot be kept.

use crate::deed::Deed;
use crate::errors::errors_of;
use crate::open::Open;
use crate::rig::{Call, Outcome, can_trace};
use crate::scene::{BYSTANDER_VALUE, Effect, Scene, Wrong, ensure, report};

/// Every how many of the calls the short form kills at.
const KILL_STRIDE: usize = 17;

/// Every how many of the faults it tries.
const FAULT_STRIDE: usize = 47;

/// A command that uses a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Use {
    Get,
    /// Of a program that prints what it got.
    Run,
    Verify,
}

impl Use {
    pub(crate) const ALL: [Self; 3] = [Self::Get, Self::Run, Self::Verify];

    pub(crate) fn args(self) -> &'static [&'static str] {
        match self {
            Self::Get => &["get", "bystander value"],
            Self::Run => &[
                "run",
                "--map",
                "FRESH=bystander value",
                "--",
                "printenv",
                "FRESH",
            ],
            Self::Verify => &["verify"],
        }
    }

    pub(crate) fn input(self, scene: &Scene) -> &str {
        match self {
            Self::Get | Self::Run => "",
            Self::Verify => &scene.bystander,
        }
    }

    /// Whose use is counted.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Get | Self::Run => "bystander value",
            Self::Verify => "bystander",
        }
    }

    fn answer(self) -> &'static str {
        match self {
            Self::Get | Self::Run => BYSTANDER_VALUE,
            Self::Verify => "valid: `bystander`",
        }
    }

    fn calls(self, scene: &Scene) -> Vec<Call> {
        scene.reset();
        let calls = scene.home.calls(self.args(), self.input(scene));
        let is_ours = |call: &Call| call.concerns(&scene.home.path);
        calls.into_iter().filter(is_ours).collect()
    }
}

/// What happened to a use, and how often its key was used before.
struct Case<'a> {
    scene: &'a Scene,
    used: Use,
    before: u64,
}

impl Case<'_> {
    /// What is wrong after a fault.
    fn failure(&self, fault: &str, call: Option<&Call>) -> Option<String> {
        let (scene, used) = (self.scene, self.used);
        scene.reset();
        let input = used.input(scene);
        let faults = [fault.to_owned()];
        let outcome = scene.home.run_with(&faults, used.args(), input);
        let wrong = self.check(&outcome, call).err()?;
        Some(format!("{fault}: {wrong}\n    {outcome:?}"))
    }

    /// `call` is the one that failed, where it was not killed.
    fn check(&self, outcome: &Outcome, call: Option<&Call>) -> Result<(), Wrong> {
        let answered = outcome.stdout.contains(self.used.answer());
        let warned = outcome.stderr.contains("not recorded");
        ensure(!outcome.is_done() || answered, "exit 0 without the answer")?;
        if call.is_some() {
            ensure(outcome.code.is_some(), "ended by a signal")?;
            ensure(outcome.code != Some(101), "a panic")?;
            ensure(outcome.code != Some(7), "a failing disk is called damage")?;
        }
        if call.is_some_and(|call| call.text.contains("activity.db")) {
            ensure(outcome.is_done(), "no answer, for a count that is not kept")?;
        }
        let secrets = [BYSTANDER_VALUE, &self.scene.bystander];
        let is_told = |secret: &&str| outcome.stderr.contains(*secret);
        ensure(!secrets.iter().any(is_told), "a secret is on stderr")?;
        let least = self.before + u64::from(answered && !warned);
        self.check_counts(least..=self.before + 1)?;
        let again = self
            .scene
            .home
            .run(self.used.args(), self.used.input(self.scene));
        ensure(
            again.is_done() && !again.stderr.contains("warning"),
            format_args!("used again: {again:?}"),
        )?;
        self.check_counts(least + 1..=self.before + 2)?;
        self.check_vault()
    }

    fn check_counts(&self, allowed: std::ops::RangeInclusive<u64>) -> Result<(), Wrong> {
        let now = Open::at(&self.scene.home)?.uses(self.used.key())?;
        ensure(
            allowed.contains(&now),
            format_args!("{now} uses are counted, and there were {allowed:?}"),
        )
    }

    fn check_vault(&self) -> Result<(), Wrong> {
        let effect = self.scene.check_within(&Outcome::nothing())?;
        ensure(effect == Effect::Nothing, "the vault is another")
    }
}

/// Any deed will do: nothing of it happens.
fn scene() -> Scene {
    Scene::new(Deed::Set)
}

fn case(scene: &Scene, used: Use) -> Case<'_> {
    scene.reset();
    let before = Open::at(&scene.home).and_then(|mut open| open.uses(used.key()));
    Case {
        scene,
        used,
        before: before.expect("counts"),
    }
}

/// Kills before each call that changes something, or before each `stride`th.
fn kill(used: Use, stride: usize) {
    if !can_trace() {
        return;
    }
    let scene = scene();
    let case = case(&scene, used);
    let calls = used.calls(&scene);
    let changing = calls.iter().filter(|call| call.changes());
    let chosen: Vec<&Call> = changing
        .enumerate()
        .filter(|(index, call)| call.is_answer() || index % stride == 0)
        .map(|(_, call)| call)
        .collect();
    let failed = chosen.iter().filter_map(|call| {
        let fault = format!("{}:signal=KILL:when={}", call.name, call.nth);
        case.failure(&fault, None)
    });
    report(used, chosen.len(), &failed.collect::<Vec<_>>());
}

/// Fails each call with each of its errors once, or each `stride`th of them.
fn fail(used: Use, stride: usize) {
    if !can_trace() {
        return;
    }
    let scene = scene();
    let case = case(&scene, used);
    let calls = used.calls(&scene);
    let faults = calls.iter().flat_map(|call| {
        let fault = |error: &&str| format!("{}:error={error}:when={}", call.name, call.nth);
        errors_of(call)
            .iter()
            .map(move |error| (call, fault(error)))
    });
    let chosen: Vec<(&Call, String)> = faults.step_by(stride).collect();
    let failed = chosen
        .iter()
        .filter_map(|(call, fault)| case.failure(fault, Some(call)));
    report(used, chosen.len(), &failed.collect::<Vec<_>>());
}

#[test]
fn a_killed_use_loses_at_most_its_count() {
    Use::ALL
        .into_iter()
        .for_each(|used| kill(used, KILL_STRIDE));
}

#[test]
fn a_disturbed_use_is_answered_or_refused_and_counted_or_told_of() {
    Use::ALL
        .into_iter()
        .for_each(|used| fail(used, FAULT_STRIDE));
}

#[test]
#[ignore = "a minute: kills at every call that changes a file"]
fn a_use_killed_at_any_call_loses_at_most_its_count() {
    Use::ALL.into_iter().for_each(|used| kill(used, 1));
}

#[test]
#[ignore = "some minutes: fails every call with every error"]
fn a_use_of_which_any_call_fails_is_answered_or_refused_and_counted_or_told_of() {
    Use::ALL.into_iter().for_each(|used| fail(used, 1));
}
