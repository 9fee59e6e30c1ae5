//! A private PostgreSQL server on loopback, gone when the test is.

use std::error::Error;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use portcullis_net::{Host, Randomness, TokioNet};
use portcullis_store::{PostgresConfig, PostgresOpenError, PostgresStore};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const USER: &str = "portcullis";
const PASSWORD: &str = "open, please";

/// PostgreSQL's programs, and as whom they run.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    /// The user and the group, where we are root, as which PostgreSQL does not run.
    owner: Option<(u32, u32)>,
}

impl Programs {
    /// None where PostgreSQL is not installed, or has no user of its own that root could become.
    pub(crate) fn find() -> Option<Self> {
        let here = TempDir::new().ok()?.path().metadata().ok()?.uid();
        let owner = match here {
            0 => Some((number("-u")?, number("-g")?)),
            _ => None,
        };
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
        let mut versions: Vec<(u32, PathBuf)> = versions
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter_map(|path| Some((path.file_name()?.to_str()?.parse().ok()?, path.join("bin"))))
            .filter(|(_, folder)| folder.join("initdb").exists())
            .collect();
        versions.sort();
        let (_, folder) = versions.pop()?;
        Some(Self { folder, owner })
    }

    fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(self.folder.join(program));
        command.current_dir(folder).stdin(Stdio::null());
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }
}

/// The number of the user `postgres` or of its group.
fn number(flag: &str) -> Option<u32> {
    let output = Command::new("id").args([flag, "postgres"]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// A server of our own.
pub(crate) struct Cluster {
    programs: Programs,
    folder: TempDir,
    port: u16,
    server: Child,
}

impl Cluster {
    /// Makes and starts a server that asks for passwords.
    pub(crate) async fn start(programs: &Programs) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        if let Some((user, group)) = programs.owner {
            chown(folder.path(), Some(user), Some(group))?;
        }
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD)?;
        let made = programs
            .command("initdb", folder.path())
            .args(["-D", "data", "-A", "scram-sha-256", "-U", USER])
            .args(["--no-sync", "--pwfile", "password"])
            .output()?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into());
        }
        let port = some_port()?;
        let mut cluster = Self {
            programs: programs.clone(),
            server: serve(programs, folder.path(), port)?,
            folder,
            port,
        };
        while !cluster.is_ready().await? {
            // Somebody else has the port.
            cluster.port = some_port()?;
            cluster.server = serve(programs, cluster.folder.path(), cluster.port)?;
        }
        Ok(cluster)
    }

    /// Kills all processes of the server at once, as a crash of its host would.
    pub(crate) fn kill(&mut self) -> Outcome<()> {
        let server = self.server.id();
        let children = fs::read_to_string(format!("/proc/{server}/task/{server}/children"))?;
        Command::new("kill")
            .args(["-9", &server.to_string()])
            .args(children.split_whitespace())
            .status()?;
        self.server.wait()?;
        Ok(())
    }

    /// Starts the server that was killed.
    pub(crate) async fn restart(&mut self) -> Outcome<()> {
        self.server = serve(&self.programs, self.folder.path(), self.port)?;
        while !self.is_ready().await? {
            // The last of the killed processes was not gone yet.
            sleep(Duration::from_millis(50)).await;
            self.server = serve(&self.programs, self.folder.path(), self.port)?;
        }
        Ok(())
    }

    /// Waits until stores can be opened; false when the server has ended instead.
    async fn is_ready(&mut self) -> Outcome<bool> {
        let ready = async {
            while let Err(error) = self.open("ready").await {
                if !error.may_pass() {
                    return Err(error.into());
                }
                if self.server.try_wait()?.is_some() {
                    return Ok(false);
                }
                sleep(Duration::from_millis(20)).await;
            }
            Ok(true)
        };
        timeout(Duration::from_secs(60), ready).await?
    }

    /// A store in `schema`.
    pub(crate) fn config(&self, schema: &str) -> PostgresConfig {
        let mut config = PostgresConfig::new("127.0.0.1", "postgres", USER, schema);
        config.port = self.port;
        config.password = Some(PASSWORD.to_owned());
        // For machines that do much else.
        config.timeout = Duration::from_secs(30);
        config
    }

    /// Opens the store in `schema`.
    pub(crate) async fn open(&self, schema: &str) -> Result<PostgresStore, PostgresOpenError> {
        PostgresStore::open(&host(), self.config(schema)).await
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Immediate shutdown; when even that is not possible there is nothing left to end.
        let server = self.server.id().to_string();
        if Command::new("kill")
            .args(["-QUIT", &server])
            .status()
            .is_ok()
        {
            self.server.wait().ok();
        }
    }
}

/// The host of the stores.
pub(crate) fn host() -> Host<TokioNet> {
    Host::real("web", Ipv4Addr::LOCALHOST.into())
}

fn serve(programs: &Programs, folder: &Path, port: u16) -> Outcome<Child> {
    let server = programs
        .command("postgres", folder)
        .args(["-D", "data", "-p", &port.to_string()])
        .args(["-c", "listen_addresses=127.0.0.1"])
        .args(["-c", "unix_socket_directories="])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(server)
}

/// A port below those that systems hand out, so that no outgoing connection has it.
fn some_port() -> Outcome<u16> {
    Ok(u16::try_from(10_000 + Randomness::from_os().below(20_000))?)
}
