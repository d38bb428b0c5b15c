//! The README's job for GitHub Actions: the owner's lines and the job's scripts in the real bash, the commits and the
//! checkout by the real git. Simulated: `gh`, which keeps what it reads, and the runner between the steps.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::common::{Outcome, TestEnv, needed};
use crate::env_models::pairs_of;
use crate::recipes::{filled, install, program, recipe, script};

const VALUE: &str = "sk-canary-0123456789";

/// Of another environment, which no job gets.
const PRODUCTION: &str = "sk-live-canary-0123456789";

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
    fn of_recipe(access_token: &str) -> Self {
        let secret = "${{ secrets.KEYWRIGHT_ACCESS_TOKEN }}";
        let text = filled(recipe("github-actions"), secret, access_token);
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

/// The machine where the vault is, with a repository and what is pushed from it.
struct Owner {
    env: TestEnv,
    bash: PathBuf,
}

impl Owner {
    /// `None` where a program is missing.
    fn new() -> Option<Self> {
        let bash = needed("bash")?;
        needed("git")?;
        let env = TestEnv::new();
        install(&env);
        env.set(["openai", "-p", "shop", "-e", "staging"], VALUE);
        let exact = ["signing", "--var", "SIGNING_KEY", "--exact"];
        env.set(
            exact.into_iter().chain(["-p", "shop", "-e", "staging"]),
            PEM,
        );
        env.set(["openai", "-p", "shop", "-e", "production"], PRODUCTION);
        script(
            &env,
            "bin/gh",
            "[ \"$1 $2\" = 'secret set' ] && cat > \"$HOME/secret-$3\"\n",
        );
        let owner = Self { env, bash };
        owner.does_at_home("git init -q --bare origin.git && git clone -q origin.git repository");
        let tell = "printf '%s\\n' \"$OPENAI_API_KEY\" \"$SIGNING_KEY\" > \"$0.out\"; env; ";
        for (name, verb) in [("test.sh", "tests"), ("deploy.sh", "deploys")] {
            let text = format!("{tell} echo \"{verb} with $OPENAI_API_KEY\"");
            script(&owner.env, &format!("repository/{name}"), &text);
        }
        owner.does("git add . && git commit -qm scripts && git push -qu origin HEAD");
        Some(owner)
    }

    /// As [`Owner::new`], and everything that the README has the owner do.
    fn with_slice() -> Option<Self> {
        let owner = Self::new()?;
        owner.does(recipe("github-actions-slice"));
        Some(owner)
    }

    /// Lines of the owner's in the repository.
    #[track_caller]
    fn does(&self, lines: &str) {
        self.does_at_home(&format!("cd repository\n{lines}"));
    }

    #[track_caller]
    fn does_at_home(&self, lines: &str) {
        let mut command = program(&self.env, &self.bash);
        command
            .args(["-e", "-c", lines])
            .env("KEYWRIGHT_PASSPHRASE_FILE", self.env.path("passphrase"))
            .env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Ann");
            command.env(format!("GIT_{who}_EMAIL"), "ann@example.org");
        }
        let outcome = self.env.finish(command, "");
        assert!(outcome.success(), "{lines}: {outcome}");
    }

    /// What `gh` was given.
    fn secret(&self, name: &str) -> String {
        fs::read_to_string(self.env.path(&format!("secret-{name}"))).expect("kept")
    }

    fn job(&self) -> Job {
        Job::of_recipe(&self.secret("KEYWRIGHT_ACCESS_TOKEN"))
    }
}

/// The machine of one job, with a checkout and nothing else: an empty home, no passphrase, no other vault.
struct Runner {
    env: TestEnv,
    bash: PathBuf,
    variables: BTreeMap<String, Vec<u8>>,
    masks: Vec<String>,
    log: String,
}

impl Runner {
    fn new(owner: &Owner) -> Self {
        Self::with_umask(owner, "022")
    }

    fn with_umask(owner: &Owner, umask: &str) -> Self {
        let runner = Self {
            env: TestEnv::empty(),
            bash: owner.bash.clone(),
            variables: BTreeMap::new(),
            masks: Vec::new(),
            log: String::new(),
        };
        fs::remove_file(runner.env.path("passphrase")).expect("removed");
        fs::create_dir(runner.env.path("home")).expect("made");
        install(&runner.env);
        let origin = owner.env.path("origin.git");
        let mut command = program(&runner.env, &runner.bash);
        command
            .args(["-c", "umask \"$0\" && git clone -q \"$1\" work", umask])
            .arg(origin);
        let outcome = runner.env.finish(command, "");
        assert!(outcome.success(), "{outcome}");
        runner
    }

    /// `bash` is what the runner starts: `bash -e` where a step names no shell, the longer form for `shell: bash`.
    fn step_in(&mut self, job: &Job, step: &Step, shell: &[&str]) -> Outcome {
        let script = self.env.write("temp/step.sh", &step.script);
        let file = self.env.write("temp/github-env", "");
        let mut command = program(&self.env, &self.bash);
        command
            .env("HOME", self.env.path("home"))
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

    fn step(&mut self, job: &Job, step: &Step) -> Outcome {
        self.step_in(job, step, &["-e"])
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
    let Some(owner) = Owner::with_slice() else {
        return;
    };
    let shells: [&[&str]; 2] = [&["-e"], &["--noprofile", "--norc", "-eo", "pipefail"]];
    for shell in shells {
        let job = owner.job();
        let mut runner = Runner::new(&owner);
        for step in &job.steps {
            let outcome = runner.step_in(&job, step, shell);
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
        let access_token = owner.secret("KEYWRIGHT_ACCESS_TOKEN");
        assert!(!runner.log.contains(&access_token), "{}", runner.log);
        assert!(!runner.log.contains("warning: "), "{}", runner.log);
    }
}

/// Key ids are in a vault as they are, which shows what a slice took along.
#[test]
fn the_slice_has_one_scope_and_the_token_opens_no_other() {
    let Some(owner) = Owner::with_slice() else {
        return;
    };
    let slice = fs::read(owner.env.path("repository/ci/keywright.vault")).expect("made");
    let vault = owner.env.vault_bytes();
    let has =
        |file: &[u8], text: &str| file.windows(text.len()).any(|part| part == text.as_bytes());
    for (environment, in_slice) in [("staging", true), ("production", false)] {
        let key = owner.env.show(["openai", "-p", "shop", "-e", environment]);
        let id = key["key_id"].as_str().expect("an id");
        assert!(has(&vault, id));
        assert_eq!(has(&slice, id), in_slice, "{environment}");
    }
    assert!(!has(&slice, VALUE) && !has(&slice, PRODUCTION));
    let mut job = owner.job();
    let mut runner = Runner::new(&owner);
    for step in &mut job.steps {
        step.script = step.script.replace("-e staging", "-e production");
    }
    let refused = runner.step(&job, &job.steps[0]);
    insta::assert_snapshot!(refused, @"
    exit: 125
    ---- stdout
    ---- stderr
    error: the provider keys of shop/production cannot be opened: the access token opens the provider keys of shop/staging
    hint: choose with -p and -e what it opens; several access tokens, separated by spaces, open several; unset KEYWRIGHT_ACCESS_TOKEN to use the agent or the passphrase
    ");
    let refused = runner.step(&job, &job.steps[1]);
    assert_eq!(refused.code(), Some(8), "{refused}");
    assert!(runner.variables.is_empty());
}

/// As a fork's pull request, which gets no secret.
#[test]
fn a_job_without_its_secret_fails() {
    let Some(owner) = Owner::with_slice() else {
        return;
    };
    let job = Job::of_recipe("");
    let mut runner = Runner::new(&owner);
    insta::assert_snapshot!(runner.step(&job, &job.steps[0]), @"
    exit: 125
    ---- stdout
    ---- stderr
    error: the vault `[HOME]/work/ci/keywright.vault` is refused: others can read it (mode 644)
    hint: give the access token: KEYWRIGHT_ACCESS_TOKEN is empty
    ");
    insta::assert_snapshot!(runner.step(&job, &job.steps[1]), @"
    exit: 8
    ---- stdout
    ---- stderr
    error: the vault `[HOME]/work/ci/keywright.vault` is refused: others can read it (mode 644)
    hint: give the access token: KEYWRIGHT_ACCESS_TOKEN is empty
    ");
    assert!(runner.variables.is_empty());
    assert!(!runner.env.path("work/test.sh.out").exists());
}

#[test]
fn a_checkout_that_others_can_write_is_refused() {
    let Some(owner) = Owner::with_slice() else {
        return;
    };
    let job = owner.job();
    let mut runner = Runner::with_umask(&owner, "002");
    insta::assert_snapshot!(runner.step(&job, &job.steps[0]), @"
    exit: 125
    ---- stdout
    ---- stderr
    error: the vault `[HOME]/work/ci/keywright.vault` is refused: others can write it (mode 664)
    hint: run: chmod go-w [HOME]/work/ci/keywright.vault
    ");
}

/// What the README says of `--refresh`: a slice follows only then, for a new token as for one that was revoked.
#[test]
fn a_revoked_token_stops_the_job_and_another_goes_on() {
    let Some(owner) = Owner::with_slice() else {
        return;
    };
    let other = "keywright access create deploy -p shop -e staging --kind provider --pipe 'gh secret set OTHER'";
    owner.does(other);
    let (first, second) = (owner.job(), Job::of_recipe(&owner.secret("OTHER")));
    let tests = |job: &Job| Runner::new(&owner).step(job, &job.steps[0]);
    assert!(tests(&first).success());
    assert_eq!(tests(&second).code(), Some(125));
    owner.does(recipe("github-actions-refresh"));
    assert!(tests(&first).success());
    assert!(tests(&second).success());
    let mut runner = Runner::new(&owner);
    owner.does("keywright access revoke ci --yes");
    assert!(tests(&first).success());
    owner.does(recipe("github-actions-refresh"));
    // In a checkout that is there already, as in one that is new.
    let mut command = program(&runner.env, &runner.bash);
    command.args(["-c", "umask 022 && cd work && git pull -q"]);
    let pulled = runner.env.finish(command, "");
    assert!(pulled.success(), "{pulled}");
    insta::assert_snapshot!(runner.step(&first, &first.steps[0]), @"
    exit: 125
    ---- stdout
    ---- stderr
    error: the access token from KEYWRIGHT_ACCESS_TOKEN opens nothing here: it was revoked, or it is of another vault
    hint: `keywright access list` shows the tokens there are, `keywright access create` makes one
    ");
    insta::assert_snapshot!(runner.step(&first, &first.steps[1]), @"
    exit: 5
    ---- stdout
    ---- stderr
    error: the access token from KEYWRIGHT_ACCESS_TOKEN opens nothing here: it was revoked, or it is of another vault
    hint: `keywright access list` shows the tokens there are, `keywright access create` makes one
    ");
    assert!(runner.variables.is_empty());
    assert_eq!(tests(&first).code(), Some(125));
    for step in &second.steps {
        let outcome = runner.step(&second, step);
        assert!(outcome.success(), "{}: {outcome}", step.script);
    }
    assert_eq!(runner.told("deploy.sh"), format!("{VALUE}\n{PEM}\n"));
}

/// On a runner that keeps its home, which is not GitHub's; with the twin whose state ends with the job.
#[test]
fn a_job_of_an_older_commit_is_noticed_where_the_state_stays() {
    let Some(owner) = Owner::with_slice() else {
        return;
    };
    let mut job = owner.job();
    owner.does("printf newer-canary | keywright set openai -p shop -e staging --yes");
    owner.does(recipe("github-actions-refresh"));
    let mut runner = Runner::new(&owner);
    assert!(runner.step(&job, &job.steps[0]).success());
    let mut command = program(&runner.env, &runner.bash);
    command.args(["-c", "umask 022 && cd work && git checkout -q HEAD~1"]);
    let older = runner.env.finish(command, "");
    assert!(older.success(), "{older}");
    insta::assert_snapshot!(runner.step(&job, &job.steps[0]), @"
    exit: 125
    ---- stdout
    ---- stderr
    error: the vault `[HOME]/work/ci/keywright.vault` is older (change 2) than the one this machine has seen (change 3)
    hint: put the newer vault back, or go on with this one with --accept-rollback
    ");
    let state = runner.env.path("temp/state").display().to_string();
    job.env.push(("XDG_STATE_HOME".to_owned(), state));
    let outcome = runner.step(&job, &job.steps[0]);
    assert!(outcome.success(), "{outcome}");
    assert_eq!(runner.told("test.sh"), format!("{VALUE}\n{PEM}\n"));
}

/// The masks are out before the file has a value: a log that takes nothing leaves it empty.
#[test]
fn a_job_masks_first() {
    let Some(owner) = Owner::with_slice() else {
        return;
    };
    let job = owner.job();
    let mut runner = Runner::new(&owner);
    let mut unread = Step {
        env: job.steps[1].env.clone(),
        ..Step::default()
    };
    unread.script = format!("{} > /dev/full", job.steps[1].script);
    let outcome = runner.step(&job, &unread);
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    assert!(runner.variables.is_empty());
}
