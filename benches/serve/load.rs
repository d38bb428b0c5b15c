//! Requests, as many as there is time for, by `wrk`.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Connections that are kept open, and threads that use them.
const CONNECTIONS: usize = 32;
const THREADS: usize = 2;

/// What a run of requests came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Answers a second.
    pub(crate) rate: f64,
    /// Microseconds within which half of them came, and 99 of 100.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Microseconds of processor time that the server took for each; not a number where it is not one process.
    pub(crate) work: f64,
}

/// What is asked: a script of `wrk`'s.
pub(crate) struct Script(PathBuf);

impl Script {
    /// With these tokens in turn, each thread beginning elsewhere.
    pub(crate) fn new(folder: &Path, method: &str, path: &str, tokens: &[String]) -> Self {
        let lines: Vec<String> = tokens
            .iter()
            .map(|token| format!("  \"{token}\","))
            .collect();
        let text = format!(
            "local tokens = {{\n{lines}\n}}
local requests, at, threads = {{}}, 0, 0
function setup(thread)
  thread:set('first', threads)
  threads = threads + 1
end
function init(args)
  for i, token in ipairs(tokens) do
    requests[i] = wrk.format('{method}', '{path}', {{ ['Authorization'] = 'Bearer ' .. token }})
  end
  at = first * math.floor(#requests / {THREADS})
end
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format('figures %f %f %f %d %d', summary.requests / summary.duration * 1e6,
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout, summary.requests))
end
",
            lines = lines.join("\n")
        );
        let name = format!("{method}{}.lua", path.replace(['/', '?', '='], "-"));
        let file = folder.join(name);
        fs::write(&file, text).expect("written");
        Self(file)
    }

    /// For so many seconds, with the server's process where it is one.
    pub(crate) fn run(&self, address: SocketAddr, server: Option<u32>, seconds: u32) -> Load {
        let before = processor_time(server);
        let child = self.begin(address, seconds, CONNECTIONS, THREADS);
        let output = child.wait_with_output().expect("ends");
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find_map(|line| line.strip_prefix("figures "));
        let line = line.unwrap_or_else(|| panic!("wrk said:\n{text}"));
        let figures: Vec<f64> = line.split(' ').filter_map(|it| it.parse().ok()).collect();
        assert!(figures[3] == 0.0, "requests failed:\n{text}");
        Load {
            rate: figures[0],
            p50: figures[1],
            p99: figures[2],
            work: (processor_time(server) - before) * 1e6 / figures[4],
        }
    }

    /// In the background.
    pub(crate) fn begin(
        &self,
        address: SocketAddr,
        seconds: u32,
        connections: usize,
        threads: usize,
    ) -> Child {
        let mut command = Command::new("wrk");
        command
            .args(["-c", &connections.to_string()])
            .args(["-t", &threads.to_string()])
            .args(["-d", &format!("{seconds}s")])
            .arg("-s")
            .arg(&self.0)
            .arg(format!("http://{address}"))
            .stdout(Stdio::piped());
        command.spawn().expect("starts")
    }
}

impl Load {
    /// Each figure is the median of the runs.
    pub(crate) fn median(runs: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| middle(runs.iter().map(figure).collect());
        Self {
            rate: of(|it| it.rate),
            p50: of(|it| it.p50),
            p99: of(|it| it.p99),
            work: of(|it| it.work),
        }
    }
}

/// Seconds that a process has had, as Linux counts them (proc_pid_stat(5)): in hundredths.
fn processor_time(process: Option<u32>) -> f64 {
    let stat = process.and_then(|id| fs::read_to_string(format!("/proc/{id}/stat")).ok());
    let ticks = stat.and_then(|stat| {
        // The program's name may have spaces in it.
        let (_, fields) = stat.rsplit_once(") ")?;
        let times = fields.split(' ').skip(11).take(2).map(str::parse::<f64>);
        times.sum::<Result<f64, _>>().ok()
    });
    ticks.map_or(f64::NAN, |ticks| ticks / 100.0)
}

/// The median.
pub(crate) fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
