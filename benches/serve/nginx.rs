//! nginx in front, where it is installed: what it does alone, and with `auth_request` to a server that it asks first.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Answers 204 at `/static`, and at `/bare` and `/serve` if the server there allows it; until it is dropped.
pub(crate) struct Nginx {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Nginx {
    pub(crate) fn start(folder: &Path, bare: SocketAddr, serve: SocketAddr) -> Option<Self> {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = taken.local_addr().expect("its address");
        drop(taken);
        let folder = folder.display();
        let asking = |name: &str| {
            format!(
                "location = /{name} {{ auth_request /ask-{name}; try_files /no =204; }}
    location = /ask-{name} {{
      internal;
      proxy_pass http://{name}/auth/nginx?require=read;
      proxy_http_version 1.1;
      proxy_set_header Connection '';
      proxy_pass_request_body off;
      proxy_set_header Content-Length '';
    }}"
            )
        };
        let text = format!(
            "daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; worker_processes auto;
events {{ }}
http {{
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream bare {{ server {bare}; keepalive 64; keepalive_requests 100000000; }}
  upstream serve {{ server {serve}; keepalive 64; keepalive_requests 100000000; }}
  server {{
    listen {address};
    location = /static {{ return 204; }}
    {}
    {}
  }}
}}
",
            asking("bare"),
            asking("serve")
        );
        let file = format!("{folder}/nginx.conf");
        fs::write(&file, text).expect("written");
        let started = Command::new("nginx")
            .env("PATH", "/usr/local/bin:/usr/bin:/usr/local/sbin:/usr/sbin")
            .args(["-c", &file])
            .stderr(Stdio::null())
            .spawn();
        let nginx = Self {
            process: started.ok()?,
            address,
        };
        for _ in 0..200 {
            if TcpStream::connect(address).is_ok() {
                return Some(nginx);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers go with it on SIGTERM, and would stay on SIGKILL.
        let id = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        let _ = self.process.wait();
    }
}
