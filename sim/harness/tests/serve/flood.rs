//! Somebody who only opens connections, as many as he can.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, TcpStream};

use tokio::time::Instant;

use crate::site::{PATIENCE, Site};

#[tokio::test]
async fn a_flood_of_connections_does_not_fill_the_log_with_warnings() {
    let site = Site::new();
    let limits = "[limits]\nconnections_per_peer = 2\n[retries]\n";
    site.replace("prod.toml", "[retries]\n", limits);
    let prod = site.serve("prod", "prod.log").await;
    let start = Instant::now();
    let mut held = VecDeque::new();
    // The second line of a kind comes a second after the first, and counts what was left out.
    while !prod.log().contains(" suppressed=") {
        assert!(start.elapsed() < PATIENCE, "{}", prod.log());
        for _ in 0..100 {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, site.remote_port));
            held.push_back(stream.expect("it listens"));
            if held.len() > 10 {
                held.pop_front();
            }
        }
    }
    let log = prod.log();
    let warnings = log.lines().filter(|line| line.contains(" WARN "));
    // Those that give way, and what is not read from them.
    let seconds = usize::try_from(start.elapsed().as_secs()).expect("a minute at most");
    let most = 8 * (seconds + 2);
    assert!(warnings.count() <= most, "more than {most}: {log}");
    assert!(log.contains("address=127.0.0.1"), "{log}");
    drop(held);
    let submit = site.submit("submit.log", &["--id", "t1", "execute", "list"]);
    assert!(submit.ends_with(0).await.ends_with("t1 completed"));
}
