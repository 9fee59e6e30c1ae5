//! TCP's manners, through TLS.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::time::Duration;

use portcullis_net::{Connection, Listener, Net};
use portcullis_tls::{Reach, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::site::{
    Cut, at, authority, connected, endpoint, host, listening, loopback, pair, run, span, wire,
};

#[test]
fn each_side_knows_the_name_of_the_other() -> io::Result<()> {
    run(async {
        let (dev, prod) = pair().await?;
        assert_eq!(dev.peer_names(), Some(&["prod".to_owned()][..]));
        assert_eq!(prod.peer_names(), Some(&["dev".to_owned()][..]));
        assert_eq!(dev.local_addr(), prod.peer_addr());
        Ok(())
    })
}

#[test]
fn one_direction_ends_and_the_other_goes_on() -> io::Result<()> {
    run(async {
        let (mut dev, mut prod) = pair().await?;
        dev.write_all(b"a question").await?;
        dev.shutdown().await?;
        let mut heard = Vec::new();
        prod.read_to_end(&mut heard).await?;
        assert_eq!(heard, b"a question");
        prod.write_all(b"an answer").await?;
        prod.shutdown().await?;
        heard.clear();
        dev.read_to_end(&mut heard).await?;
        assert_eq!(heard, b"an answer");
        Ok(())
    })
}

#[test]
fn a_stream_that_is_dropped_after_the_peers_end_ends_properly_too() -> io::Result<()> {
    run(async {
        let (mut dev, mut prod) = pair().await?;
        dev.shutdown().await?;
        assert_eq!(prod.read(&mut [0; 1]).await?, 0);
        drop(prod);
        assert_eq!(dev.read(&mut [0; 1]).await?, 0);
        Ok(())
    })
}

#[test]
fn an_end_without_close_notify_is_a_cut() -> io::Result<()> {
    run(async {
        // ET-28: whoever can forge a FIN can end no message early.
        let (mut listener, port) = listening(&host("prod")).await?;
        let (way, cut) = wire(port).await?;
        let (mut dev, mut prod) = connected(&mut listener, way).await?;
        dev.write_all(b"half of a mess").await?;
        let mut heard = [0; 14];
        prod.read_exact(&mut heard).await?;
        cut.send(Cut::Fin).ok();
        for end in [&mut prod, &mut dev] {
            let error = end.read(&mut heard).await.expect_err("it was cut");
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        }
        Ok(())
    })
}

#[test]
fn a_reset_is_a_reset() -> io::Result<()> {
    run(async {
        let (mut listener, port) = listening(&host("prod")).await?;
        let (way, cut) = wire(port).await?;
        let (mut dev, mut prod) = connected(&mut listener, way).await?;
        cut.send(Cut::Reset).ok();
        for end in [&mut prod, &mut dev] {
            let error = end.read(&mut [0; 1]).await.expect_err("it was reset");
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
        Ok(())
    })
}

#[test]
fn much_goes_both_ways_without_a_flush() -> io::Result<()> {
    const MUCH: usize = 8 * 1024 * 1024;
    run(async {
        let (dev, prod) = pair().await?;
        let ((mut hear, mut say), (mut listen, mut answer)) =
            (tokio::io::split(dev), tokio::io::split(prod));
        let said = async {
            say.write_all(&vec![7; MUCH]).await?;
            say.shutdown().await
        };
        let echo = async {
            tokio::io::copy(&mut listen, &mut answer).await?;
            answer.shutdown().await
        };
        let mut heard = Vec::new();
        tokio::try_join!(said, echo, hear.read_to_end(&mut heard))?;
        assert_eq!(heard.len(), MUCH);
        assert!(heard.iter().all(|octet| *octet == 7));
        Ok(())
    })
}

#[test]
fn a_request_is_on_its_way_when_the_reply_is_read() -> io::Result<()> {
    run(async {
        // Larger than any socket buffer, so that a part of it waits in the session.
        const LARGE: usize = 16 * 1024 * 1024;
        let (mut dev, mut prod) = pair().await?;
        let ask = async {
            dev.write_all(&vec![1; LARGE]).await?;
            dev.read_u8().await
        };
        let answer = async {
            let mut request = vec![0; LARGE];
            prod.read_exact(&mut request).await?;
            prod.write_u8(9).await?;
            prod.flush().await
        };
        let (reply, ()) = tokio::try_join!(ask, answer)?;
        assert_eq!(reply, 9);
        Ok(())
    })
}

#[test]
fn a_silent_client_holds_up_nobody() -> io::Result<()> {
    run(async {
        let timer = Duration::from_millis(300);
        let authority = authority("the authority");
        let identity = authority.issue("prod", span(), &authority);
        let endpoint = endpoint(&identity, jiff::SignedDuration::ZERO).handshake_timer(timer);
        let (mut listener, port) = listening(&Tls::new(loopback(), endpoint)).await?;
        let silent = TcpStream::connect(at(port)).await?;
        let (mut first, _) = listener.accept().await?;
        let began = Instant::now();
        // The next one is served while the silent one is waited for.
        connected(&mut listener, port).await?;
        assert!(began.elapsed() < timer, "the next client had to wait");
        let error = first.establish().await.expect_err("nothing was said");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(began.elapsed() >= timer);
        assert_eq!(
            first.read(&mut [0; 1]).await.map_err(|e| e.kind()),
            Err(ErrorKind::TimedOut)
        );
        drop(silent);
        Ok(())
    })
}

#[test]
fn a_client_that_stops_within_the_handshake_is_given_up() -> io::Result<()> {
    run(async {
        let timer = Duration::from_millis(200);
        let authority = authority("the authority");
        let identity = authority.issue("prod", span(), &authority);
        let endpoint = endpoint(&identity, jiff::SignedDuration::ZERO).handshake_timer(timer);
        let (mut listener, port) = listening(&Tls::new(loopback(), endpoint)).await?;
        let mut client = TcpStream::connect(at(port)).await?;
        // The header of a handshake record and the first octets of a ClientHello.
        client.write_all(&[22, 3, 1, 1, 0, 1, 0, 0, 252]).await?;
        let (mut stream, _) = listener.accept().await?;
        let error = stream.establish().await.expect_err("it stopped");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        Ok(())
    })
}

#[test]
fn a_client_that_does_not_speak_tls_is_told_so_and_let_go() -> io::Result<()> {
    run(async {
        let (mut listener, port) = listening(&host("prod")).await?;
        let hellos: [&[u8]; 3] = [
            b"GET / HTTP/1.1\r\nHost: prod\r\n\r\n",
            b"\0\0\0\x2c<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            &[0; 64],
        ];
        for hello in hellos {
            let mut client = TcpStream::connect(at(port)).await?;
            client.write_all(hello).await?;
            let (mut stream, _) = listener.accept().await?;
            let mut heard = Vec::new();
            let heard = async {
                client.read_to_end(&mut heard).await?;
                client.shutdown().await?;
                io::Result::Ok(heard)
            };
            let (heard, refused) = tokio::join!(heard, stream.establish());
            assert_eq!(refused.map_err(|e| e.kind()), Err(ErrorKind::InvalidData));
            // An alert, and then a proper end: no RST and no silence.
            assert_eq!(heard.map(|it: Vec<u8>| it.first().copied())?, Some(21));
        }
        Ok(())
    })
}

#[test]
fn a_server_that_does_not_speak_tls_is_let_go() -> io::Result<()> {
    run(async {
        let server = TcpListener::bind(at(0)).await?;
        let port = server.local_addr()?.port();
        let plain = async {
            for reply in [&b"\0\0\0\x05<x/>\n"[..], b""] {
                let (mut stream, _) = server.accept().await?;
                let mut hello = [0; 3];
                stream.read_exact(&mut hello).await?;
                assert_eq!(hello, [22, 3, 1]);
                stream.write_all(reply).await?;
                stream.shutdown().await?;
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await.ok();
            }
            io::Result::Ok(())
        };
        let dev = host("dev");
        let client = async {
            let mut kinds = Vec::new();
            for _ in 0..2 {
                let error = dev.connect("127.0.0.1", port).await;
                kinds.push(error.map(|_| ()).map_err(|error| error.kind()));
            }
            Ok(kinds)
        };
        let ((), kinds) = tokio::try_join!(plain, client)?;
        let expected = [ErrorKind::InvalidData, ErrorKind::UnexpectedEof];
        assert_eq!(kinds, expected.map(Err));
        Ok(())
    })
}

#[test]
fn no_connection_is_lost_when_accepting_is_given_up() -> io::Result<()> {
    run(async {
        let (mut listener, port) = listening(&host("prod")).await?;
        let dev = host("dev");
        for _ in 0..20 {
            let accept = async {
                let mut given_up = 0;
                loop {
                    tokio::select! {
                        biased;
                        accepted = listener.accept() => break accepted.map(|it| (it.0, given_up)),
                        () = std::future::ready(()) => given_up += 1,
                    }
                    tokio::task::yield_now().await;
                }
            };
            let serve = async {
                let (mut stream, given_up) = accept.await?;
                stream.write_u8(1).await?;
                stream.shutdown().await?;
                Ok(given_up)
            };
            let open = async { dev.connect("127.0.0.1", port).await?.read_u8().await };
            let (given_up, heard) = tokio::try_join!(serve, open)?;
            assert!(given_up > 0, "the accept was never interrupted");
            assert_eq!(heard, 1);
        }
        Ok(())
    })
}

#[test]
fn connections_out_of_reach_pass_as_they_are() -> io::Result<()> {
    run(async {
        let prod = host("prod");
        let nowhere = Reach::Only {
            listens: BTreeSet::new(),
            opens: BTreeSet::new(),
        };
        let (mut plain, port) = listening(&prod.clone().within(nowhere)).await?;
        let accept = async {
            let (mut stream, _) = plain.accept().await?;
            stream.establish().await?;
            assert!(!stream.is_tls() && stream.peer_names().is_none());
            stream.write_u8(5).await
        };
        let open = async { TcpStream::connect(at(port)).await?.read_u8().await };
        let ((), heard) = tokio::try_join!(accept, open)?;
        assert_eq!(heard, 5);

        let (mut secured, other) = listening(&prod).await?;
        let dev = host("dev").within(Reach::Only {
            listens: BTreeSet::new(),
            opens: BTreeSet::from([("127.0.0.1".to_owned(), other)]),
        });
        let accept = async { secured.accept().await?.0.establish().await };
        let (stream, ()) = tokio::try_join!(dev.connect("127.0.0.1", other), accept)?;
        assert!(stream.is_tls());
        let stream = tokio::try_join!(dev.connect("127.0.0.1", port), plain.accept())?.0;
        assert!(!stream.is_tls());
        Ok(())
    })
}
