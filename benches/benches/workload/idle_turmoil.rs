//! The same exchange between real turmoil hosts over turmoil's own TCP, at a tick of 1 ms.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil::net::{TcpListener, TcpStream};

use super::{INTERVAL, LATENCY, PAYLOAD, PORT};

/// Runs one server and `hosts - 1` clients for `simulated` time.
pub(crate) fn run(hosts: usize, simulated: Duration) {
    let mut sim = turmoil::Builder::new()
        .tick_duration(Duration::from_millis(1))
        .simulation_duration(Duration::MAX)
        .min_message_latency(LATENCY)
        .max_message_latency(LATENCY)
        .rng_seed(1)
        .build();
    sim.host("server", || async {
        let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            tokio::task::spawn_local(async move {
                let mut octets = [0; 64];
                while let Ok(count @ 1..) = stream.read(&mut octets).await {
                    if stream.write_all(&octets[..count]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    for client in 1..hosts {
        sim.client(format!("client{client}"), async move {
            let end = tokio::time::Instant::now() + simulated;
            while tokio::time::Instant::now() + INTERVAL <= end {
                tokio::time::sleep(INTERVAL).await;
                let mut stream = TcpStream::connect(("server", PORT)).await?;
                stream.write_all(&PAYLOAD).await?;
                let mut octets = [0; 64];
                stream.read_exact(&mut octets).await?;
            }
            tokio::time::sleep_until(end).await;
            Ok(())
        });
    }
    sim.run().expect("a bench must measure a run that works");
}
