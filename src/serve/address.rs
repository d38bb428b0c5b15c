//! Where the server listens: an IP address and port, or a socket in the file system.

use std::fmt;
use std::fs::{self, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustix::process::geteuid;

use super::ServeError;

/// `127.0.0.1:4870`, `[::1]:4870`, `localhost:4870` or `unix:/run/keywright.sock`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    /// Where the server listens when nothing else is said.
    pub(crate) const DEFAULT: Self =
        Self::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4870));

    /// Whether nobody outside this machine can reach it.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') {
                Ok(Self::Unix(path.into()))
            } else {
                Err(
                    "after `unix:` comes a path from the root, as in unix:/run/keywright.sock"
                        .to_owned(),
                )
            };
        }
        let numeric = match text.strip_prefix("localhost:") {
            Some(port) => format!("{}:{port}", Ipv4Addr::LOCALHOST),
            None => text.to_owned(),
        };
        numeric.parse().map(Self::Tcp).map_err(|_| {
            "an address is an IP address and a port, as 127.0.0.1:4870 or [::1]:4870, or unix:/PATH".to_owned()
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A socket that is listened at.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A listener, and what it left in the file system, which goes with it.
#[derive(Debug)]
pub(crate) struct Bound {
    listener: Listener,
    address: Address,
    left: Option<(u64, u64)>,
}

impl Bound {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`ServeError::InUse`] where another process listens there, [`ServeError::Unsafe`] for a path at which something else
    /// is, [`ServeError::UnsafeFolder`] for one that others can change, and whatever the system says.
    pub(crate) fn at(address: &Address) -> Result<Self, ServeError> {
        let failed = |source: io::Error| match source.kind() {
            ErrorKind::AddrInUse => ServeError::InUse(address.clone()),
            _ => ServeError::Listen {
                address: address.clone(),
                source,
            },
        };
        match address {
            Address::Tcp(wanted) => {
                let listener = TcpListener::bind(wanted).map_err(failed)?;
                let address = Address::Tcp(listener.local_addr().map_err(failed)?);
                Ok(Self {
                    listener: Listener::Tcp(listener),
                    address,
                    left: None,
                })
            }
            Address::Unix(path) => {
                make_room(path, address)?;
                let listener = UnixListener::bind(path).map_err(failed)?;
                // As with a port of the loopback interface, every local user may ask; the folder says who may come here.
                fs::set_permissions(path, Permissions::from_mode(0o666)).map_err(failed)?;
                let left = fs::symlink_metadata(path).map_err(failed)?;
                Ok(Self {
                    listener: Listener::Unix(listener),
                    address: address.clone(),
                    left: Some((left.dev(), left.ino())),
                })
            }
        }
    }

    /// A socket that a service manager listens at already, and keeps.
    ///
    /// # Errors
    /// Whatever the system says of its address.
    pub(crate) fn given(listener: Listener) -> io::Result<Self> {
        let address = match &listener {
            Listener::Tcp(listener) => Address::Tcp(listener.local_addr()?),
            Listener::Unix(listener) => {
                let address = listener.local_addr()?;
                Address::Unix(address.as_pathname().unwrap_or(Path::new("")).to_owned())
            }
        };
        Ok(Self {
            listener,
            address,
            left: None,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Takes the socket out of the file system, unless another has its name by now.
    pub(super) fn remove(address: &Address, left: Option<(u64, u64)>) {
        if let (Address::Unix(path), Some(left)) = (address, left)
            && fs::symlink_metadata(path).is_ok_and(|now| (now.dev(), now.ino()) == left)
        {
            // Whatever stays is taken away by the next one that listens there.
            let _ = fs::remove_file(path);
        }
    }

    /// The listener, where it is, and what of it is in the file system.
    pub(super) fn into_parts(self) -> (Listener, Address, Option<(u64, u64)>) {
        (self.listener, self.address, self.left)
    }
}

/// Takes a socket away that nobody listens at any more.
fn make_room(path: &Path, address: &Address) -> Result<(), ServeError> {
    let unsafe_path = |why: String| ServeError::Unsafe {
        path: path.to_owned(),
        why,
    };
    let failed = |source| ServeError::Listen {
        address: address.clone(),
        source,
    };
    let folder = path.parent().unwrap_or(Path::new("/"));
    let folder = fs::metadata(folder).map_err(failed)?;
    if let Some(why) = folder_fault(&folder) {
        return Err(ServeError::UnsafeFolder {
            path: path.to_owned(),
            why,
        });
    }
    let there = match fs::symlink_metadata(path) {
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(()),
        looked => looked.map_err(failed)?,
    };
    if !there.file_type().is_socket() {
        return Err(unsafe_path(
            "there is something else than a socket".to_owned(),
        ));
    }
    if there.uid() != geteuid().as_raw() {
        let why = format!(
            "the socket there belongs to another user (uid {})",
            there.uid()
        );
        return Err(unsafe_path(why));
    }
    match UnixStream::connect(path) {
        Err(err) if err.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Ok(_) => Err(ServeError::InUse(address.clone())),
        Err(err) => Err(failed(err)),
    }
}

/// Why somebody else could put another socket in the place of one in this folder. Its sticky bit is no help: before the server
/// is started, and after it has ended, the name is anybody's.
fn folder_fault(folder: &Metadata) -> Option<String> {
    let (uid, mode) = (folder.uid(), folder.mode() & 0o7777);
    if ![0, geteuid().as_raw()].contains(&uid) {
        Some(format!("its folder belongs to another user (uid {uid})"))
    } else if mode & 0o022 != 0 {
        Some(format!(
            "its folder can be changed by others (mode {mode:03o})"
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, is_local) in [
            ("127.0.0.1:4870", true),
            ("127.3.2.1:1", true),
            ("[::1]:4870", true),
            ("[::ffff:127.0.0.1]:4870", true),
            ("unix:/run/keywright.sock", true),
            ("0.0.0.0:4870", false),
            ("[::]:4870", false),
            ("192.0.2.1:80", false),
        ] {
            let address: Address = text.parse().expect(text);
            assert_eq!(
                (address.to_string(), address.is_local()),
                (text.to_owned(), is_local)
            );
        }
        let local: Address = "localhost:80".parse().expect("a name for the loopback");
        assert_eq!(local.to_string(), "127.0.0.1:80");
        for text in [
            "",
            "4870",
            ":4870",
            "example.com:80",
            "127.0.0.1",
            "127.0.0.1:70000",
            "unix:",
            "unix:x",
            "::1:80x",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
