//! The README's job for GitHub Actions: its scripts in the real bash, between them a model of the runner.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::common::{Outcome, PASSPHRASE, TestEnv, needed};
use crate::env_models::pairs_of;
use crate::recipes::{filled, install, program, recipe, script};

const VALUE: &str = "sk-canary-0123456789";

const PEM: &str = "-----BEGIN KEY-----\ncanary+AAAA/BBBB==\n-----END KEY-----\n";

type Variables = Vec<(String, String)>;

/// A `run` step.
#[derive(Default)]
struct Step {
    script: String,
    env: Variables,
}

struct Job {
    env: Variables,
    steps: Vec<Step>,
}

impl Job {
    /// Reads the few forms of YAML that the recipe has, and fails at any other.
    #[track_caller]
    fn of_recipe() -> Self {
        let secret = "${{ secrets.KEYWRIGHT_PASSPHRASE }}";
        let text = filled(recipe("github-actions"), secret, PASSPHRASE);
        let mut lines = text.lines();
        let head: Vec<&str> = lines.by_ref().take(4).collect();
        assert_eq!(
            head,
            ["jobs:", "  test:", "    runs-on: ubuntu-latest", "    env:"]
        );
        let env = lines.by_ref().take_while(|line| *line != "    steps:");
        let env = env.map(|line| variable(line, "      ")).collect();
        let mut steps: Vec<Step> = Vec::new();
        for line in lines {
            if line == "      - uses: actions/checkout@v4" || line.starts_with("      # ") {
                continue;
            }
            if let Some(script) = line.strip_prefix("      - run: ") {
                steps.push(Step {
                    script: plain(script),
                    ..Step::default()
                });
            } else if line != "        env:" {
                let step = steps.last_mut().expect("after a step's first line");
                step.env.push(variable(line, "          "));
            }
        }
        Self { env, steps }
    }
}

#[track_caller]
fn variable(line: &str, indent: &str) -> (String, String) {
    let (name, value) = line
        .strip_prefix(indent)
        .and_then(|line| line.split_once(": "))
        .expect("a pair");
    assert!(!name.starts_with(' '), "{line}");
    (name.to_owned(), plain(value))
}

/// A plain scalar, which YAML takes as it is.
#[track_caller]
fn plain(scalar: &str) -> String {
    let special = scalar.starts_with(|c: char| "!&*-?|>@`\"'%#{}[],".contains(c));
    assert!(
        !special && !scalar.contains(": ") && !scalar.contains(" #"),
        "{scalar}"
    );
    scalar.to_owned()
}

/// The log and the variables of one job.
struct Runner {
    env: TestEnv,
    variables: BTreeMap<String, Vec<u8>>,
    masks: Vec<String>,
    log: String,
}

impl Runner {
    /// After a checkout, which gives every file mode 0644.
    fn new() -> Self {
        let env = TestEnv::empty();
        install(&env);
        fs::create_dir_all(env.path("work/ci")).expect("made");
        let at_vault = ["--vault", "work/ci/vault.db"];
        let made = env.run([&["init", "--kdf", "test"], &at_vault[..]].concat());
        assert!(made.success(), "{made}");
        let scope = ["--vault", "work/ci/vault.db", "-p", "shop", "-e", "staging"];
        env.set(["openai"].into_iter().chain(scope), VALUE);
        env.set(
            ["signing", "--var", "SIGNING_KEY", "--exact"]
                .into_iter()
                .chain(scope),
            PEM,
        );
        let vault = env.path("work/ci/vault.db");
        fs::set_permissions(vault, fs::Permissions::from_mode(0o644)).expect("changed");
        let tell = "printf '%s\\n' \"$OPENAI_API_KEY\" \"$SIGNING_KEY\" > \"$0.out\"; env; ";
        script(
            &env,
            "work/test.sh",
            &format!("{tell} echo \"tests with $OPENAI_API_KEY\""),
        );
        script(
            &env,
            "work/deploy.sh",
            &format!("{tell} echo \"deploys with $OPENAI_API_KEY\""),
        );
        Self {
            env,
            variables: BTreeMap::new(),
            masks: Vec::new(),
            log: String::new(),
        }
    }

    /// `bash` is what the runner starts: `bash -e` where a step names no shell, the longer form for `shell: bash`.
    fn step(&mut self, job: &Job, step: &Step, bash: &Path, shell: &[&str]) -> Outcome {
        let script = self.env.write("temp/step.sh", &step.script);
        let file = self.env.write("temp/github-env", "");
        let mut command = program(&self.env, bash);
        command
            .args(shell)
            .arg(script)
            .current_dir(self.env.path("work"))
            .envs([("CI", "true"), ("GITHUB_ACTIONS", "true")])
            .env("GITHUB_ENV", &file)
            .envs(job.env.iter().cloned());
        for (name, value) in &self.variables {
            command.env(name, str::from_utf8(value).expect("text"));
        }
        command.envs(step.env.iter().cloned());
        let outcome = self.env.finish(command, "");
        self.read_log(&outcome);
        let written = fs::read(file).expect("there");
        self.variables
            .extend(pairs_of(&written).expect("the runner reads it"));
        outcome
    }

    /// A mask holds from its line on.
    fn read_log(&mut self, outcome: &Outcome) {
        let text = format!("{}{}", outcome.stderr(), outcome.stdout_text());
        for line in text.lines() {
            if let Some(mask) = line.strip_prefix("::add-mask::") {
                self.masks.push(
                    mask.replace("%0D", "\r")
                        .replace("%0A", "\n")
                        .replace("%25", "%"),
                );
                continue;
            }
            let masked = self
                .masks
                .iter()
                .fold(line.to_owned(), |line, mask| line.replace(mask, "***"));
            self.log.push_str(&masked);
            self.log.push('\n');
        }
    }

    fn told(&self, program: &str) -> String {
        fs::read_to_string(self.env.path(&format!("work/{program}.out"))).expect("it ran")
    }
}

#[test]
fn a_github_actions_job() {
    let Some(bash) = needed("bash") else { return };
    let shells: [&[&str]; 2] = [&["-e"], &["--noprofile", "--norc", "-eo", "pipefail"]];
    for shell in shells {
        let job = Job::of_recipe();
        let mut runner = Runner::new();
        for step in &job.steps {
            let outcome = runner.step(&job, step, &bash, shell);
            assert!(outcome.success(), "{}: {outcome}", step.script);
        }
        for program in ["test.sh", "deploy.sh"] {
            assert_eq!(runner.told(program), format!("{VALUE}\n{PEM}\n"));
        }
        // Nothing is masked before the step that does it, and everything after.
        let (tests, deploys) = runner
            .log
            .split_once("Variables for the next steps: 2\n")
            .expect("in the log");
        assert!(tests.contains(&format!("tests with {VALUE}")), "{tests}");
        assert!(
            deploys.contains("deploys with ***") && !deploys.contains("canary"),
            "{deploys}"
        );
        assert!(!runner.log.contains(PASSPHRASE), "{}", runner.log);
    }
}

/// Each line is needed: without the `chmod` and without the secret, which a fork's pull request does not get.
#[test]
fn a_job_without_a_step_or_its_secret_fails() {
    let Some(bash) = needed("bash") else { return };
    let mut job = Job::of_recipe();
    let mut runner = Runner::new();
    let refused = runner.step(&job, &job.steps[1], &bash, &["-e"]);
    insta::assert_snapshot!(refused, @"
    exit: 125
    ---- stdout
    ---- stderr
    error: the vault `[HOME]/work/ci/vault.db` is refused: others can read it (mode 644)
    hint: run: chmod 600 [HOME]/work/ci/vault.db
    ");
    assert!(runner.step(&job, &job.steps[0], &bash, &["-e"]).success());
    for step in &mut job.steps {
        step.env.iter_mut().for_each(|(_, value)| value.clear());
    }
    let refused = runner.step(&job, &job.steps[2], &bash, &["-e"]);
    insta::assert_snapshot!(refused, @"
    exit: 5
    ---- stdout
    ---- stderr
    error: the passphrase is needed, nobody can be asked for it, and KEYWRIGHT_PASSPHRASE is empty
    hint: give it with --passphrase-file, --passphrase-fd, KEYWRIGHT_PASSPHRASE_FILE, KEYWRIGHT_PASSPHRASE or KEYWRIGHT_PASSPHRASE_COMMAND
    ");
    assert!(runner.variables.is_empty());
}

/// The masks are out before the file has a value: a log that takes nothing leaves it empty.
#[test]
fn a_job_masks_first() {
    let Some(bash) = needed("bash") else { return };
    let job = Job::of_recipe();
    let mut runner = Runner::new();
    assert!(runner.step(&job, &job.steps[0], &bash, &["-e"]).success());
    let mut unread = Step {
        env: job.steps[2].env.clone(),
        ..Step::default()
    };
    unread.script = format!("{} > /dev/full", job.steps[2].script);
    let outcome = runner.step(&job, &unread, &bash, &["-e"]);
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    assert!(runner.variables.is_empty());
}
