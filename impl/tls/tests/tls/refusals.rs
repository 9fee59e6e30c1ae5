//! Certificates that are not accepted.

use std::io::{self, ErrorKind};

use jiff::SignedDuration;
use portcullis_net::{Connection, HandshakeError, Listener, Net, Objection};
use portcullis_tls::{Identity, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::site::{MARGIN, Network, authority, endpoint, host, listening, loopback, run, span};

fn net(identity: &Identity, ahead: SignedDuration) -> Network {
    Tls::new(loopback(), endpoint(identity, ahead))
}

/// An octet, or why there is none.
type Heard = Result<u8, HandshakeError>;

/// What opener and acceptor hear when `dev` has a long request for `prod`.
async fn meeting(dev: &Network, prod: &Network) -> io::Result<(Heard, Heard)> {
    let (mut listener, port) = listening(prod).await?;
    let open = async {
        let mut stream = dev.connect("127.0.0.1", port).await?;
        stream.write_all(&vec![3; 200_000]).await?;
        stream.read_u8().await
    };
    let accept = async {
        let (mut stream, _) = listener.accept().await?;
        stream.establish().await?;
        let heard = stream.read_u8().await?;
        stream.write_u8(heard).await?;
        stream.flush().await?;
        Ok(heard)
    };
    let (open, accept) = tokio::join!(open, accept);
    let why = |error: io::Error| {
        let why = HandshakeError::of(&error);
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        why.expect("the handshake failed")
    };
    Ok((open.map_err(why), accept.map_err(why)))
}

/// What is heard where `why` is this end's own verdict.
const fn refused_here(why: Objection) -> Heard {
    Err(HandshakeError::Peer(why))
}

/// What is heard where it is the other end's, which says so.
const fn refused_there(why: Objection) -> Heard {
    Err(HandshakeError::Own(why))
}

#[test]
fn known_hosts_hear_each_other() -> io::Result<()> {
    run(async {
        let heard = meeting(&host("dev"), &host("prod")).await?;
        assert_eq!(heard, (Ok(3), Ok(3)));
        Ok(())
    })
}

#[test]
fn a_server_of_another_authority_is_refused_before_anything_is_sent() -> io::Result<()> {
    run(async {
        let (ours, other) = (authority("the authority"), authority("another"));
        let prod = net(&other.issue("prod", span(), &ours), SignedDuration::ZERO);
        let unknown = Objection::UnknownAuthority;
        let heard = (refused_here(unknown), refused_there(unknown));
        assert_eq!(meeting(&host("dev"), &prod).await?, heard);
        Ok(())
    })
}

#[test]
fn a_client_of_another_authority_is_refused_before_anything_is_read() -> io::Result<()> {
    run(async {
        let (ours, other) = (authority("the authority"), authority("another"));
        let dev = net(&other.issue("dev", span(), &ours), SignedDuration::ZERO);
        // Also the client hears why, although it has sent its request already.
        let unknown = Objection::UnknownAuthority;
        let heard = (refused_there(unknown), refused_here(unknown));
        assert_eq!(meeting(&dev, &host("prod")).await?, heard);
        Ok(())
    })
}

#[test]
fn a_certificate_counts_by_the_clock_of_who_checks_it() -> io::Result<()> {
    run(async {
        let ours = authority("the authority");
        let identity = |name| ours.issue(name, span(), &ours);
        let later = SignedDuration::try_from(MARGIN * 2).expect("minutes fit");
        for (ahead, why) in [
            (later, Objection::Expired),
            (-later, Objection::NotYetValid),
        ] {
            // The alert is the same for both.
            let told = refused_there(Objection::Expired);
            let dev = net(&identity("dev"), ahead);
            let heard = meeting(&dev, &host("prod")).await?;
            assert_eq!(heard, (refused_here(why), told));
            let prod = net(&identity("prod"), ahead);
            let heard = meeting(&host("dev"), &prod).await?;
            assert_eq!(heard, (told, refused_here(why)));
        }
        Ok(())
    })
}

#[test]
fn an_expired_certificate_is_refused_in_both_roles() -> io::Result<()> {
    run(async {
        let ours = authority("the authority");
        let now = span().start + MARGIN;
        let expired = |name| {
            let short = span().start..now - MARGIN / 2;
            net(&ours.issue(name, short, &ours), SignedDuration::ZERO)
        };
        let (here, there) = (
            refused_here(Objection::Expired),
            refused_there(Objection::Expired),
        );
        let heard = meeting(&expired("dev"), &host("prod")).await?;
        assert_eq!(heard, (there, here));
        let heard = meeting(&host("dev"), &expired("prod")).await?;
        assert_eq!(heard, (here, there));
        Ok(())
    })
}
