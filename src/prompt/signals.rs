//! Signals during a prompt: the terminal is restored first, and then the process ends by the signal.

use std::fs;
use std::io::{self, PipeReader};
use std::os::fd::AsFd;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::low_level::{emulate_default_handler, pipe};

/// SIGINT last: `console` makes one of every signal that interrupts it, and the first in this order counts.
const SIGNALS: [i32; 4] = [SIGTERM, SIGHUP, SIGQUIT, SIGINT];

/// How long whoever was interrupted has to restore the terminal itself; two at once could leave it half restored.
const GRACE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

static CAUGHT: [AtomicBool; 4] = [const { AtomicBool::new(false) }; 4];

/// True outside prompts, where a signal does at once what it does by default.
static IDLE: AtomicBool = AtomicBool::new(true);

/// Readable once a signal arrived during a prompt. Installed once and for all, because signal-hook does not give a
/// signal its default meaning back when its handler is taken out.
static WAKE: LazyLock<io::Result<PipeReader>> = LazyLock::new(install);

/// While this lives, signals wait for the terminal to be restored. Dropping it ends the process if one arrived.
pub(super) struct Listening {
    wake: &'static PipeReader,
}

impl Listening {
    /// Starts to listen.
    ///
    /// # Errors
    /// What the system says when the handlers or their pipe cannot be installed.
    pub(super) fn start() -> io::Result<Self> {
        let wake = WAKE.as_ref().map_err(|err| io::Error::from(err.kind()))?;
        IDLE.store(false, Ordering::SeqCst);
        Ok(Self { wake })
    }

    /// Waits until `input` can be read; true means that a signal arrived instead.
    pub(super) fn wait_for(&self, input: impl AsFd) -> io::Result<bool> {
        // macOS cannot poll /dev/tty and says so with NVAL: there the read waits, and a signal for the next key.
        let mut fds = [
            PollFd::new(&input, PollFlags::IN),
            PollFd::new(self.wake, PollFlags::IN),
        ];
        loop {
            match poll(&mut fds, None) {
                Ok(_) => return Ok(!fds[1].revents().is_empty()),
                Err(Errno::INTR) => {}
                Err(err) => return Err(err.into()),
            }
        }
    }

    /// Does `work`, which should return soon after a signal; if it does not, a second thread restores and ends it all.
    pub(super) fn during<T>(
        &self,
        restore: impl Fn() + Send,
        work: impl FnOnce() -> T,
    ) -> io::Result<T> {
        let (done, working) = io::pipe()?;
        thread::scope(|scope| {
            let watch = move || {
                if self.wait_for(&done).unwrap_or(false) && !is_ready_within(&done, &GRACE) {
                    restore();
                    end_by_caught_signal();
                }
            };
            thread::Builder::new().spawn_scoped(scope, watch)?;
            let outcome = work();
            drop(working);
            Ok(outcome)
        })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // In this order: a signal between the two lines is either caught already or does its default.
        IDLE.store(true, Ordering::SeqCst);
        end_by_caught_signal();
    }
}

fn end_by_caught_signal() {
    let caught = SIGNALS
        .iter()
        .zip(&CAUGHT)
        .find(|(_, caught)| caught.load(Ordering::SeqCst));
    if let Some((&signal, _)) = caught {
        // It returns only for numbers it does not know.
        let _ = emulate_default_handler(signal);
    }
}

fn is_ready_within(input: impl AsFd, time: &Timespec) -> bool {
    poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(time)).is_ok_and(|ready| ready > 0)
}

fn install() -> io::Result<PipeReader> {
    let (reader, writer) = io::pipe()?;
    let ignored = ignored_signals();
    for (&signal, caught) in SIGNALS.iter().zip(&CAUGHT) {
        // `nohup`, and a shell that puts a job in the background, mean it.
        if ignored & (1 << (signal - 1)) != 0 {
            continue;
        }
        // They run in this order: whoever is woken finds the flag set.
        signal_hook::flag::register(signal, caught)?;
        pipe::register(signal, writer.try_clone()?)?;
        signal_hook::flag::register_conditional_default(signal, &IDLE)?;
    }
    Ok(reader)
}

/// The signals that were ignored when the process started, as a bit mask; none where the system does not say.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}
