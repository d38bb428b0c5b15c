//! The config file and `keywright.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::files::{Config, read_accepted};
use super::project_file::{ProjectFile, project_file_text};
use crate::error::CommandError;
use crate::key::Scope;

/// Every setting is read, or the file refused.
pub(crate) fn config(path: &Path, data: &[u8]) -> bool {
    fs::write(path, data).expect("written");
    let all = |config: &Config| -> Result<(), CommandError> {
        config.default_expiry(path)?;
        let limits = config.agent_limits(path)?;
        assert!(limits.idle.seconds() >= 60 && limits.max.seconds() <= 30 * 86_400);
        let _ = (config.audit_required(), config.starts_agent());
        Ok(())
    };
    Config::load(path).and_then(|config| all(&config)).is_ok()
}

/// What is read of a file is read again of the file that is written of it, and no file selects production.
pub(crate) fn project_file(path: &Path, data: &[u8]) -> bool {
    let Some(file) = read(path, data) else {
        return false;
    };
    let Ok(environment) = file.environment() else {
        return false;
    };
    assert!(
        environment
            .as_ref()
            .is_none_or(|it| it.as_str() != "production")
    );
    let needs = file.needs();
    let variables = needs.iter().flat_map(|needs| &needs.variables);
    let env: BTreeMap<_, _> = variables
        .filter_map(|one| Some((one.variable.clone(), one.key.name.clone()?)))
        .collect();
    let scope = Scope {
        project: file.project.clone().unwrap_or_default(),
        environment: environment.unwrap_or_default(),
    };
    let Ok((text, selected)) = project_file_text(&scope, &env) else {
        return true;
    };
    let again = read(path, text.as_bytes()).expect("what was written");
    assert_eq!(again.project.as_ref(), Some(&scope.project));
    assert_eq!(
        again.environment().expect("one to select").as_ref(),
        selected
    );
    let needs = again.needs();
    let variables = needs.iter().flat_map(|needs| &needs.variables);
    let written: BTreeMap<_, _> = variables
        .filter_map(|one| Some((one.variable.clone(), one.key.name.clone()?)))
        .collect();
    assert_eq!(written, env);
    true
}

fn read(path: &Path, data: &[u8]) -> Option<ProjectFile> {
    fs::write(path, data).expect("written");
    let file: Option<ProjectFile> = read_accepted(path, |_| Ok(())).ok()?;
    Some(file?.at(path))
}
