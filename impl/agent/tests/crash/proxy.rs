//! Between the two processes: everything that they say to each other is written down.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use portcullis_agent::codec::Decoder;
use portcullis_net::{Listener, Net, Spawner, TokioNet};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::plan::Role;

/// A message that left one of the processes, whether it arrived or not.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) at: i128,
    pub(crate) by: Role,
    pub(crate) kind: &'static str,
    pub(crate) fields: BTreeMap<&'static str, String>,
}

/// What was said so far. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Minutes(Arc<Mutex<Vec<Said>>>);

impl Minutes {
    pub(crate) fn all(&self) -> Vec<Said> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, said: Said) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(said);
    }
}

/// Listens at `from` for connections of `opener`, and leads them to `to`.
pub(crate) async fn listen(
    net: TokioNet,
    address: String,
    spawner: Spawner,
    minutes: Minutes,
    opener: Role,
    (from, to): (u16, u16),
) -> io::Result<()> {
    let mut listener = net.bind(from).await?;
    let acceptor = match opener {
        Role::Originator => Role::Destination,
        Role::Destination => Role::Originator,
    };
    spawner.clone().spawn(async move {
        loop {
            let Ok((near, _)) = listener.accept().await else {
                continue;
            };
            let (net, address, minutes) = (net.clone(), address.clone(), minutes.clone());
            spawner.spawn(async move {
                // Nobody there: the opener sees its connection closed.
                let Ok(far) = net.connect(&address, to).await else {
                    return;
                };
                let (near_in, near_out) = tokio::io::split(near);
                let (far_in, far_out) = tokio::io::split(far);
                tokio::join!(
                    lead(near_in, far_out, &minutes, opener),
                    lead(far_in, near_out, &minutes, acceptor),
                );
            });
        }
    });
    Ok(())
}

async fn lead(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    minutes: &Minutes,
    by: Role,
) {
    let mut decoder = Decoder::new(16 << 20);
    let mut piece = vec![0; 64 * 1024];
    while let Ok(octets @ 1..) = from.read(&mut piece).await {
        let piece = &piece[..octets];
        for seen in decoder.feed(piece) {
            minutes.note(Said {
                at: Timestamp::now().as_nanosecond(),
                by,
                kind: seen.kind,
                fields: seen.fields,
            });
        }
        if to.write_all(piece).await.is_err() {
            break;
        }
    }
    to.shutdown().await.ok();
}
