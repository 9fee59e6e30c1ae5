//! An independent peer: the `openssl` program with certificates that it made itself.
//!
//! Where openssl is not installed the trials report themselves as ignored, and their names say why.

#![expect(
    clippy::disallowed_types,
    reason = "the peer is not ours and uses the operating system's sockets"
)]

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use portcullis_net::{Connection, Host, Listener, Net, Randomness, TokioNet};
use portcullis_tls::{Endpoint, Identity, Tls};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What came through, after the name of who said it, or why nothing did.
type Heard = Result<String, ErrorKind>;

/// A name, and what is tried with the files of a world.
type Case = (&'static str, fn(&World) -> Outcome<()>);

const CASES: [Case; 11] = [
    ("s_client_speaks_to_our_acceptor", s_client_speaks),
    ("s_client_with_rsa_speaks_too", s_client_with_rsa_speaks),
    (
        "s_client_without_a_certificate_is_refused",
        s_client_without_certificate,
    ),
    (
        "s_client_of_another_authority_is_refused",
        s_client_of_another_authority,
    ),
    (
        "s_client_with_a_certificate_for_servers_is_refused",
        s_client_for_servers_only,
    ),
    (
        "s_client_with_an_older_version_is_refused",
        s_client_with_tls_1_2,
    ),
    (
        "s_client_without_a_certificate_speaks_to_an_acceptor_open_to_all",
        s_client_without_certificate_is_welcome,
    ),
    (
        "s_client_shows_its_name_to_an_acceptor_open_to_all",
        s_client_with_certificate_is_known,
    ),
    (
        "s_client_of_another_authority_is_refused_by_an_acceptor_open_to_all",
        s_client_of_another_authority_is_no_guest,
    ),
    ("s_server_speaks_to_our_opener", s_server_speaks),
    (
        "s_server_of_another_authority_is_refused",
        s_server_of_another_authority,
    ),
];

fn main() {
    let arguments = Arguments::from_args();
    let installed = Command::new("openssl").arg("version").output().is_ok();
    let trial = |(name, case): Case| {
        let name = if installed {
            name.to_owned()
        } else {
            format!("{name} (openssl is not installed)")
        };
        let run = move || {
            let world = World::new().map_err(|error| Failed::from(error.to_string()))?;
            case(&world).map_err(|error| Failed::from(error.to_string()))
        };
        Trial::test(name, run).with_ignored_flag(!installed)
    };
    libtest_mimic::run(&arguments, CASES.map(trial).into()).exit();
}

/// Certificates as openssl makes them.
struct World {
    folder: TempDir,
}

impl World {
    fn new() -> Outcome<Self> {
        let world = Self {
            folder: tempfile::tempdir()?,
        };
        for authority in ["ours", "other"] {
            openssl(
                world.path(),
                &format!(
                    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
                 -subj /CN={authority} -keyout {authority}.key -out {authority}.pem \
                 -addext keyUsage=critical,keyCertSign"
                ),
            )?;
        }
        let both = "serverAuth,clientAuth";
        world.issue("prod", "ours", "ed25519", both)?;
        world.issue(
            "dev",
            "ours",
            "ec -pkeyopt ec_paramgen_curve:prime256v1",
            both,
        )?;
        world.issue("rsa", "ours", "rsa:2048", both)?;
        world.issue("stranger", "other", "ed25519", both)?;
        world.issue("servers", "ours", "ed25519", "serverAuth")?;
        Ok(world)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn issue(&self, name: &str, authority: &str, key: &str, usage: &str) -> Outcome<()> {
        openssl(
            self.path(),
            &format!(
                "req -x509 -newkey {key} -nodes -days 1 -subj /CN={name} -keyout {name}.key \
             -out {name}.pem -CA {authority}.pem -CAkey {authority}.key \
             -addext subjectAltName=DNS:{name} -addext extendedKeyUsage={usage} \
             -addext basicConstraints=critical,CA:FALSE"
            ),
        )
        .map(|_| ())
    }

    /// The network of our host `name`, which accepts what `ours` has issued.
    fn net(&self, name: &str) -> Outcome<Tls<TokioNet>> {
        let host = Host::real(name, Ipv4Addr::LOCALHOST.into());
        let endpoint = Endpoint::new(&self.identity(name)?, host.wall)?;
        Ok(Tls::new(host.net, endpoint))
    }

    /// The network of our host `prod`, which lets everybody in.
    fn open_net(&self) -> Outcome<Tls<TokioNet>> {
        let host = Host::real("prod", Ipv4Addr::LOCALHOST.into());
        let endpoint = Endpoint::open_to_all(&self.identity("prod")?, host.wall)?;
        Ok(Tls::new(host.net, endpoint))
    }

    fn identity(&self, name: &str) -> Outcome<Identity> {
        let file = |end: &str| self.path().join(format!("{name}.{end}"));
        let authorities = self.path().join("ours.pem");
        Ok(Identity::from_pem_files(
            &file("pem"),
            &file("key"),
            &authorities,
        )?)
    }
}

fn openssl(folder: &Path, arguments: &str) -> Outcome<Output> {
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        Ok(output)
    } else {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(format!("openssl {arguments}: {said}").into())
    }
}

fn run<T>(trial: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), trial).await? })
}

/// What `s_client` called with `arguments` makes of our acceptor `prod`: what is heard from it, or
/// why nothing is, and everything that it prints.
fn meet_client(world: &World, arguments: &str) -> Outcome<(Heard, String)> {
    meet_client_at(world, &world.net("prod")?, arguments)
}

/// The same with the acceptor on `net`.
fn meet_client_at(world: &World, net: &Tls<TokioNet>, arguments: &str) -> Outcome<(Heard, String)> {
    run(async {
        let mut listener = net.bind(0).await?;
        let port = listener.local_addr().port();
        let arguments = format!(
            "s_client -connect 127.0.0.1:{port} -CAfile ours.pem -verify_return_error \
             -verify_hostname prod -nocommands -quiet {arguments}"
        );
        let mut client = tokio::process::Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(world.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut said = client.stdin.take().ok_or("it has an input")?;
        let accept = async {
            let (mut stream, _) = listener.accept().await?;
            stream.establish().await?;
            // It sends what it is given and keeps the connection until we end ours.
            said.write_all(b"a question\n").await?;
            let mut heard = vec![0; 11];
            stream.read_exact(&mut heard).await?;
            let names = stream.peer_names().unwrap_or_default().join(",");
            stream.write_all(b"an answer\n").await?;
            stream.shutdown().await?;
            let heard = String::from_utf8_lossy(&heard);
            Ok(format!("{names}: {heard}"))
        };
        let accepted: io::Result<String> = accept.await;
        drop(said);
        let output = client.wait_with_output().await?;
        let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
        printed.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok((accepted.map_err(|error| error.kind()), printed))
    })
}

fn s_client_speaks(world: &World) -> Outcome<()> {
    let (heard, printed) = meet_client(world, "-cert dev.pem -key dev.key")?;
    expect(&heard, Ok("dev: a question\n"))?;
    contains(&printed, "an answer\n")
}

fn s_client_with_rsa_speaks(world: &World) -> Outcome<()> {
    let (heard, printed) = meet_client(world, "-cert rsa.pem -key rsa.key")?;
    expect(&heard, Ok("rsa: a question\n"))?;
    contains(&printed, "an answer\n")
}

fn s_client_without_certificate(world: &World) -> Outcome<()> {
    let (heard, printed) = meet_client(world, "")?;
    expect(&heard, Err(ErrorKind::PermissionDenied))?;
    contains(&printed, "certificate required")
}

fn s_client_of_another_authority(world: &World) -> Outcome<()> {
    let (heard, printed) = meet_client(world, "-cert stranger.pem -key stranger.key")?;
    expect(&heard, Err(ErrorKind::PermissionDenied))?;
    contains(&printed, "unknown ca")
}

fn s_client_without_certificate_is_welcome(world: &World) -> Outcome<()> {
    let (heard, printed) = meet_client_at(world, &world.open_net()?, "")?;
    expect(&heard, Ok(": a question\n"))?;
    contains(&printed, "an answer\n")?;
    // Who believes no authority asks nobody for a certificate.
    let file = |end: &str| world.path().join(format!("prod.{end}"));
    let identity = Identity::without_authorities(&file("pem"), &file("key"))?;
    let host = Host::real("prod", Ipv4Addr::LOCALHOST.into());
    let net = Tls::new(host.net, Endpoint::open_to_all(&identity, host.wall)?);
    let (heard, _) = meet_client_at(world, &net, "-cert dev.pem -key dev.key")?;
    expect(&heard, Ok(": a question\n"))
}

fn s_client_with_certificate_is_known(world: &World) -> Outcome<()> {
    let (heard, _) = meet_client_at(world, &world.open_net()?, "-cert dev.pem -key dev.key")?;
    expect(&heard, Ok("dev: a question\n"))
}

fn s_client_of_another_authority_is_no_guest(world: &World) -> Outcome<()> {
    let stranger = "-cert stranger.pem -key stranger.key";
    let (heard, printed) = meet_client_at(world, &world.open_net()?, stranger)?;
    expect(&heard, Err(ErrorKind::PermissionDenied))?;
    contains(&printed, "unknown ca")
}

fn s_client_for_servers_only(world: &World) -> Outcome<()> {
    let (heard, printed) = meet_client(world, "-cert servers.pem -key servers.key")?;
    expect(&heard, Err(ErrorKind::PermissionDenied))?;
    contains(&printed, "alert")
}

fn s_client_with_tls_1_2(world: &World) -> Outcome<()> {
    let (heard, printed) = meet_client(world, "-tls1_2 -cert dev.pem -key dev.key")?;
    expect(&heard, Err(ErrorKind::InvalidData))?;
    contains(&printed, "protocol version")
}

/// A port that nobody uses, below those that systems hand out, so that no outgoing connection of
/// another test takes it meanwhile.
fn free_port() -> io::Result<u16> {
    let random = Randomness::from_os();
    loop {
        let port = u16::try_from(18_000 + random.below(12_000)).map_err(io::Error::other)?;
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            settled => return settled.map(|_| port),
        }
    }
}

/// What our opener `dev` makes of an `s_server` with the certificate of `name`, which turns every
/// line round.
fn meet_server(world: &World, name: &str) -> Outcome<Heard> {
    run(async {
        let port = free_port()?;
        let arguments = format!(
            "s_server -accept 127.0.0.1:{port} -cert {name}.pem -key {name}.key -CAfile ours.pem \
             -Verify 1 -verify_return_error -tls1_3 -rev"
        );
        let mut server = tokio::process::Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(world.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let dev = world.net("dev")?;
        let stream = loop {
            match dev.connect("127.0.0.1", port).await {
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                settled => break settled,
            }
        };
        let heard = match stream {
            Ok(mut stream) => {
                stream.write_all(b"desrever\n").await?;
                stream.flush().await?;
                let mut heard = vec![0; 9];
                stream.read_exact(&mut heard).await?;
                let names = stream.peer_names().unwrap_or_default().join(",");
                Ok(format!("{names}: {}", String::from_utf8_lossy(&heard)))
            }
            Err(error) => Err(error.kind()),
        };
        server.kill().await?;
        Ok(heard)
    })
}

fn s_server_speaks(world: &World) -> Outcome<()> {
    let heard = meet_server(world, "prod")?;
    expect(&heard, Ok("prod: reversed\n"))
}

fn s_server_of_another_authority(world: &World) -> Outcome<()> {
    let heard = meet_server(world, "stranger")?;
    expect(&heard, Err(ErrorKind::PermissionDenied))
}

fn expect(found: &Heard, expected: Result<&str, ErrorKind>) -> Outcome<()> {
    if found.as_deref().map_err(|kind| *kind) == expected {
        Ok(())
    } else {
        Err(format!("heard {found:?} instead of {expected:?}").into())
    }
}

fn contains(text: &str, part: &str) -> Outcome<()> {
    if text.contains(part) {
        Ok(())
    } else {
        Err(format!("openssl does not say `{part}` but: {text}").into())
    }
}
